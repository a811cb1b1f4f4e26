// Whole rollouts as stories in English. Each NAME.yaml holds a scenario and the declarations, NAME.edited.yaml what they
// become later, NAME.golden the story. UPDATE_GOLDEN=1 writes the goldens anew: read the difference before committing it.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { play } from '../simulate/play.ts'

const FROM = '2026-01-12T00:00:00Z'
const UNTIL = '2026-02-05T00:00:00Z'

/** Where they are not FROM and UNTIL; `edited`: when the edited declarations come into force. */
const TIMES: Readonly<Record<string, { from?: string; until?: string; edited?: string }>> = {
  'newer-replace': { until: '2026-03-25T00:00:00Z' },
  'newer-queue': { until: '2026-03-25T00:00:00Z' },
  'newer-parallel': { until: '2026-03-25T00:00:00Z' },
  'late-and-offline': { until: '2026-02-20T00:00:00Z' },
  'hold-during-rollout': { edited: '2026-01-14T12:00:00Z' },
  'empty-phase': { edited: '2026-01-15T08:00:00Z' },
  'prune-by-removal': { edited: '2026-01-21T12:00:00Z' },
  'dst-night-window': { from: '2026-03-23T00:00:00Z', until: '2026-04-08T00:00:00Z' },
}

const read = (name: string) => readFileSync(join(import.meta.dirname, name), 'utf8')
const catalog = read('catalog.ndjson')
const names = readdirSync(import.meta.dirname).flatMap((file) => /^([a-z-]+)\.yaml$/.exec(file)?.[1] ?? [])

test('there is a story for each name in the table', async (t) => {
  t.same(
    Object.keys(TIMES).filter((name) => !names.includes(name)),
    [],
  )
})

for (const name of names.sort())
  test(`the story ${name} goes as it is told, and breaks no law`, async (t) => {
    const { from = FROM, until = UNTIL, edited } = TIMES[name] ?? {}
    const text = read(`${name}.yaml`)
    const [scenario = ''] = text.split('\n---\n')
    const edits = edited === undefined ? {} : { [edited]: read(`${name}.edited.yaml`) }
    const { story, broken } = play({ scenario, declarations: text, edits, catalog, from, until })
    t.same(broken, [])
    const golden = join(import.meta.dirname, `${name}.golden`)
    if (process.env.UPDATE_GOLDEN === '1') writeFileSync(golden, story)
    if (!existsSync(golden)) t.fail(`${name}.golden is missing: make it with UPDATE_GOLDEN=1, and read it`)
    else t.equal(story, readFileSync(golden, 'utf8'))
  })
