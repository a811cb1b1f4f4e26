// What the effects of realistic changes look like. UPDATE_GOLDEN=1 writes them anew: read the difference before committing it.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { futuresOf } from '../../controller/cli/declared-world.ts'
import type { Effect } from '../../controller/preview/effect.ts'
import { effectJson } from '../../controller/preview/json.ts'
import { effectMarkdown } from '../../controller/preview/markdown.ts'
import { effectSvg } from '../../controller/preview/svg.ts'
import { effectText } from '../../controller/preview/text.ts'
import { CHANGES } from './changes.ts'
import { compare, OCTOBER, october, quickstart } from './comparing.ts'

const FOLDER = join(import.meta.dirname, 'golden')
const base = quickstart('main')
const { state, play } = await october(base)

// An example's revision is a hash of all its files, and says nothing of what is told.
function matches(t: Test, name: string, told: string): void {
  const text = told.replaceAll(/sha256:[0-9a-f]+/g, 'sha256:…')
  const path = join(FOLDER, name)
  if (process.env.UPDATE_GOLDEN === '1') {
    mkdirSync(FOLDER, { recursive: true })
    writeFileSync(path, text)
  }
  if (!existsSync(path)) t.fail(`${name} is missing: make it with UPDATE_GOLDEN=1, and read it`)
  else t.equal(text, readFileSync(path, 'utf8'), name)
}

function effectOn(name: string): Effect {
  const head = quickstart('change', CHANGES[name])
  const sides = { base: { ...base, revision: 'main@sha1:0000' }, head: { ...head, revision: 'change@sha1:1111' } }
  return compare(state, base.objects, head.objects, OCTOBER, {
    ...sides,
    weeks: 4,
    about: { type: 'Snapshot', label: 'site.state' },
  })
}

for (const name of Object.keys(CHANGES))
  test(`the effect of ${name} reads as it should`, async (t) => {
    const effect = effectOn(name)
    matches(t, `${name}.txt`, effectText(effect, false))
    matches(t, `${name}.md`, effectMarkdown(effect))
  })

test('an effect is drawn', async (t) => {
  for (const name of ['window-moved', 'rule-removed', 'freeze-added'])
    matches(t, `${name}.svg`, effectSvg(effectOn(name)))
})

test('an effect in JSON has the documented fields, with instants in RFC 3339', async (t) => {
  const text = effectJson(effectOn('window-moved'))
  matches(t, 'window-moved.json', text)
  t.match(JSON.parse(text), {
    apiVersion: 'ringmaster.dev/v1alpha1',
    kind: 'Effect',
    version: 1,
    at: '2025-10-15T06:00:00Z',
    differs: true,
  })
  t.notMatch(text, /: 17\d{11}/, 'no instant is a number')
})

test('with the devices of a scenario, failures and releases are played', async (t) => {
  const head = quickstart('change', CHANGES['window-moved'])
  const future = futuresOf(play, base, head, 4)
  const effect = compare(state, base.objects, head.objects, OCTOBER, { base, head, weeks: 4, future })
  matches(t, 'window-moved.scenario.txt', effectText(effect, false))
  const office = effect.future?.head.rollouts.find(({ rollout }) => rollout === 'office-20251014')
  t.equal(office?.status, 'RolledBack', 'the update that fails in the scenario fails here')
  t.ok(
    effect.future?.head.rollouts.some(({ rollout }) => rollout === 'workstations-20251111'),
    'November was released',
  )
})

test('only words for people are no effect', async (t) => {
  const effect = effectOn('words-only')
  t.equal(effect.differs, false)
  t.equal(effect.objects.length, 1)
})
