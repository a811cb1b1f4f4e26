import { test } from 'tap'
import { z } from 'zod'
import { clusterPartsOf } from '../../controller/model/cluster-rules.ts'
import { KIND_NAMES } from '../../controller/model/kinds.ts'
import { SPECS } from '../../controller/model/specs.ts'

for (const kind of KIND_NAMES)
  test(`every check of ${kind} beyond its types says what an API server is told of it`, (t) => {
    let checks = 0
    const override = ({ zodSchema, path }: { zodSchema: z.core.$ZodType; path: (string | number)[] }) => {
      for (const part of clusterPartsOf(zodSchema)) {
        checks += 1
        if (part === undefined) t.fail(`${kind} at ${path.join('.')}: use alsoInCluster (model/cluster-rules.ts)`)
      }
    }
    z.toJSONSchema(SPECS[kind], { io: 'input', override })
    t.ok(checks > 0 || !['Collection', 'Rollout', 'MaintenanceWindow'].includes(kind), `${checks} checks`)
    t.end()
  })

test('a check that nothing was said about is seen', (t) => {
  t.strictSame(clusterPartsOf(z.string().refine((text) => text !== 'a')), [undefined])
  t.end()
})
