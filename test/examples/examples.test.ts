// The examples: each is valid by itself, says what it is, and shows what its README says that it shows.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { type Test, test } from 'tap'
import { main } from '../../controller/cli/main.ts'
import type { Decision } from '../../controller/model/facts.ts'
import { API_VERSION, KIND_NAMES, KINDS } from '../../controller/model/kinds.ts'
import { isTestName, runTests } from '../../controller/policy-test/run-tests.ts'
import { gateFigures } from '../../controller/rollout/evidence.ts'
import { readFeeds } from '../../controller/simulate/feeds.ts'
import { readScenario } from '../../controller/simulate/scenario.ts'
import { simulate } from '../../controller/simulate/simulation.ts'
import { loadDirectory } from '../../controller/sources/directory-source.ts'
import type { State } from '../../controller/state/state.ts'

const ROOT = join(import.meta.dirname, '../../examples')
const SCENARIOS = join(ROOT, 'scenarios')
const folders = readdirSync(ROOT, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && entry.name !== 'scenarios')
  .map(({ name }) => name)

type Told = {
  readonly decisions: readonly { readonly at: string; readonly decision: Decision }[]
  readonly state: State
}

test('the policy tests of the examples pass, and bring about what they are there to show', async (t) => {
  const files = yamlFiles(ROOT).filter(isTestName)
  t.ok(files.length >= 2)
  const { tests, problems } = await runTests(files)
  t.same(problems, [])
  t.same(
    tests.filter(({ status }) => status !== 'Passed').flatMap((one) => [one.file, ...one.problems, ...one.failures]),
    [],
  )
  const { coverage } = await runTests([join(ROOT, 'policy-tests/monthly.test.yaml')])
  t.equal(coverage.percent, 100)
})

async function play(name: string, until = '2026-01-31T00:00:00Z'): Promise<Told> {
  const file = join(ROOT, name, 'scenario.yaml')
  const read = readScenario(file, readFileSync(file))
  if (read.type === 'Problems') throw new Error(JSON.stringify(read.problems))
  const { objects, revision } = await loadDirectory(join(ROOT, name))
  const from = Date.parse('2026-01-12T00:00:00Z')
  const { spec } = read.scenario
  const decisions: { at: string; decision: Decision }[] = []
  const { state } = simulate(
    {
      scenario: spec,
      seed: spec.seed,
      from,
      until: Date.parse(until),
      declarations: [{ at: from, revision, objects }],
      feeds: await readFeeds(objects),
    },
    { onDecision: (_state, at, decision) => decisions.push({ at: new Date(at).toISOString().slice(0, 16), decision }) },
  )
  return { decisions, state }
}

function ofType<T extends Decision['type']>({ decisions }: Told, type: T) {
  return decisions.flatMap(({ at, decision }) => (isOf(decision, type) ? [{ at, ...decision }] : []))
}

function isOf<T extends Decision['type']>(decision: Decision, type: T): decision is Extract<Decision, { type: T }> {
  return decision.type === type
}

async function compliantAt(name: string, rollout: string, phase: number, until: string): Promise<number> {
  const { state } = await play(name, until)
  const found = state.control.rollouts.get(rollout)
  if (found === undefined) throw new Error(`there is no rollout ${rollout}`)
  return gateFigures(state, found, phase).compliant
}

test('the examples are valid together, each as a set of its own, and give no warning', async (t) => {
  let out = ''
  const io = {
    stdout: (text: string) => {
      out += text
    },
    stderr: () => {},
  }
  t.equal(await main(['validate', '--strict', '--at', '2026-01-12T00:00:00Z', ROOT], io), 0, out)
})

for (const name of folders)
  test(`examples/${name} is valid, and names the schema of each file`, async (t) => {
    const { problems, objects } = await loadDirectory(join(ROOT, name))
    t.same(problems, [])
    t.ok(objects.length > 1)
    if (name !== 'quickstart') t.ok(existsSync(join(ROOT, name, 'README.md')))
    t.match(readFileSync(join(ROOT, 'README.md'), 'utf8'), `[${name}](${name})`)
    for (const file of yamlFiles(join(ROOT, name))) schemaIsNamed(t, file)
  })

test('the scenarios are valid, and name their schema', async (t) => {
  for (const file of yamlFiles(SCENARIOS)) {
    t.equal(readScenario(file, readFileSync(file)).type, 'Scenario')
    schemaIsNamed(t, file)
  }
})

test('there is an example of each kind that people write', async (t) => {
  const loaded = await Promise.all(folders.map((name) => loadDirectory(join(ROOT, name))))
  const shown = new Set<string>(loaded.flatMap(({ objects }) => objects.map(({ kind }) => kind)))
  t.same(
    KIND_NAMES.filter((kind) => KINDS[kind].writable && kind !== 'UpdateDeployment' && !shown.has(kind)),
    [],
  )
})

test('hold: the update stays away until the hold has run out', async (t) => {
  const told = await play('hold')
  t.same(
    ofType(told, 'RuleEvaluated').map(({ at, rollouts }) => [at, ...rollouts.flatMap(({ updates }) => updates).sort()]),
    [
      ['2026-01-13T18:00', 'os-2026-01'],
      ['2026-01-26T09:00', 'office-2026-01', 'os-2026-01'],
    ],
  )
  t.same(
    ofType(told, 'HoldEnded').map(({ at }) => at),
    ['2026-01-26T08:00'],
  )
})

test('manual-promotion: the second phase starts when a person says so', async (t) => {
  const told = await play('manual-promotion')
  t.match(ofType(told, 'AwaitingApproval'), [{ phase: 'broad', message: /ringmaster approve monthly-20260113 broad/ }])
  t.match(ofType(told, 'PhaseStarted'), [{ phase: 'pilot' }, { phase: 'broad', at: '2026-01-19T08:00' }])
  t.equal(ofType(told, 'RolloutSucceeded').length, 1)
})

test('phase-approval: the second phase starts by the file, and not before the pilot has passed', async (t) => {
  const told = await play('phase-approval')
  t.same(ofType(told, 'AwaitingApproval'), [])
  const [passed] = ofType(told, 'PhaseSucceeded')
  t.match(ofType(told, 'PhaseStarted')[1], { phase: 'broad', at: passed?.at, message: /approved by Grace Hopper/ })
})

test('by-hand: the group goes out without a rule', async (t) => {
  const told = await play('by-hand')
  t.same(ofType(told, 'RuleEvaluated'), [])
  t.match(ofType(told, 'PhaseStarted'), [
    { phase: 'pilot', devices: 10, updates: 1 },
    { phase: 'broad', devices: 90, updates: 1 },
  ])
  t.match(ofType(told, 'RolloutSucceeded'), [{ rollout: 'january-office' }])
})

test('gradual: a fifth of the devices more each day', async (t) => {
  const days = ['16', '17', '18', '19', '20'].map((day) => `2026-01-${day}T06:00:00Z`)
  const compliant = await Promise.all(days.map((until) => compliantAt('gradual', 'monthly-20260113', 1, until)))
  t.equal(compliant.at(-1), 90)
  compliant.forEach((devices, day) => {
    const more = devices - (compliant[day - 1] ?? 0)
    t.ok(more >= 9 && more <= 27, `day ${day + 1}: ${more} devices more, about 18`)
  })
})

test('template: both rules are evaluated by it, and what a rule says comes first', async (t) => {
  const told = await play('template')
  t.same(
    ofType(told, 'RuleEvaluated').map(({ rule, at }) => [rule, at]),
    [
      ['office', '2026-01-14T06:00'],
      ['os', '2026-01-14T06:00'],
    ],
  )
  const time = ofType(told, 'PhaseStarted').map(({ rollout, phase, available, deadline }) => [
    `${rollout}/${phase}`,
    (deadline - available) / 86_400_000,
  ])
  t.same(Object.fromEntries(time), {
    'os-20260114/test': 1,
    'os-20260114/everybody': 1,
    'office-20260114/test': 3,
    'office-20260114/everybody': 3,
  })
})

test('definitions: each synchronisation that brings one rolls it out, outside the window', async (t) => {
  const told = await play('definitions')
  const evaluated = ofType(told, 'RuleEvaluated')
  t.match(
    evaluated,
    ['14', '15', '16'].map((day) => ({ at: `2026-01-${day}T06:00`, trigger: 'Sync', matched: 1 })),
  )
  t.equal(new Set(evaluated.flatMap(({ rollouts }) => rollouts.map(({ group }) => group))).size, 1, 'one group')
  t.match(
    ofType(told, 'RolloutSucceeded').map(({ at }) => at.slice(0, 10)),
    ['2026-01-14', '2026-01-15', '2026-01-16'],
    'none waits for Saturday, the 17th',
  )
})

test('device-local: Tokyo is first, New York last', async (t) => {
  const at = (until: string) => compliantAt('device-local', 'monthly-20260113', 0, until)
  t.same(
    await Promise.all([
      at('2026-01-14T09:00:00Z'),
      at('2026-01-14T13:00:00Z'),
      at('2026-01-14T21:00:00Z'),
      at('2026-01-15T03:00:00Z'),
    ]),
    [0, 10, 20, 30],
  )
})

function yamlFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => join(folder, file))
}

function schemaIsNamed(t: Test, file: string): void {
  const text = readFileSync(file, 'utf8')
  const [, name = 'ringmaster'] = /^kind: (Scenario|PolicyTest|Project)$/m.exec(text) ?? []
  const schema = relative(join(file, '..'), join(ROOT, `../schemas/${name}.json`))
  t.equal(text.split('\n')[0], `# yaml-language-server: $schema=${schema}`, relative(ROOT, file))
  t.ok(existsSync(join(file, '..', schema)))
  t.match(text, `apiVersion: ${API_VERSION}`)
}
