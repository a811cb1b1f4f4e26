import { test } from 'tap'
import { ApiClient } from './api-client.ts'
import { skipWithoutCluster } from './binaries.ts'
import { startControlPlane } from './control-plane.ts'
import { changedCases, writtenCases } from './corpus.ts'
import { apiServerVerdict, objectOf, validateVerdict } from './verdicts.ts'

const skip = await skipWithoutCluster()

test('what validate refuses, the API server refuses, and the other way round', { skip }, async (t) => {
  await using plane = await startControlPlane()
  await plane.installCrds()
  using client = await ApiClient.of(plane)

  await t.test('objects written by hand have the verdict that is written with them', async (t) => {
    const cases = await writtenCases()
    for (const { kind, title, good, spec } of cases) {
      const object = objectOf(kind, 'corpus', spec)
      const [validate, server] = [validateVerdict(object), await apiServerVerdict(client, kind, object)]
      if ((validate.length === 0) !== good) t.fail(`validate: ${kind}, ${title}: ${validate.join('; ')}`)
      if ((server.length === 0) !== good) t.fail(`API server: ${kind}, ${title}: ${server.join('; ')}`)
    }
    t.ok(cases.length > 150, `${cases.length} objects`)
  })

  await t.test('objects changed at any one place have one verdict', async (t) => {
    let [good, bad] = [0, 0]
    for (const written of (await writtenCases()).filter((each) => each.good))
      for (const { kind, title, spec } of changedCases(written)) {
        const object = objectOf(kind, 'corpus', spec)
        const [validate, server] = [validateVerdict(object), await apiServerVerdict(client, kind, object)]
        if (validate.length === 0) good += 1
        else bad += 1
        if ((validate.length === 0) !== (server.length === 0)) t.fail(`${kind}, ${title}`, { spec, validate, server })
      }
    t.ok(good > 100 && bad > 1000, `${good} good objects and ${bad} bad ones`)
  })
})
