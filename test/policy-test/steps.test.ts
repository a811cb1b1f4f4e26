// What a step can do, how devices behave, and how the clock moves.
import { test } from 'tap'
import { runTests } from '../../controller/policy-test/run-tests.ts'
import { OBJECT, play, policyTest, RULES, reportOf, site } from './site.ts'

const PILOTS_DONE = '- at: 2026-01-16T12:00\n'

async function passes(t: Parameters<typeof play>[0], steps: string, more = ''): Promise<void> {
  const { status, failures, problems, checks } = await play(t, steps, more)
  t.same({ status, failures, problems }, { status: 'Passed', failures: [], problems: [] })
  t.ok(checks > 0)
}

test('approve, pause, resume, rollback and evaluate are given as orders', async (t) => {
  await passes(
    t,
    `${PILOTS_DONE}  expect: {rollouts: [{rule: monthly, reason: AwaitingApproval}]}
- after: PT1H
  do: [{approve: {rollout: monthly-20260113, phase: broad}, by: grace}]
  expect: {decisions: [{type: PhaseStarted, phase: broad, message: grace}]}
- after: PT1H
  do: [{pause: monthly-20260113, reason: lunch}]
  expect: {rollouts: [{rule: monthly, paused: true, message: lunch}], devices: [{device: pc-1, withholds: [KB1]}]}
- after: PT1H
  do: [{resume: monthly-20260113}]
  expect: {devices: [{device: pc-1, offers: [KB1]}]}
- after: PT1H
  do: [{rollback: monthly-20260113, reason: enough}]
  expect: {rollouts: [{rule: monthly, state: RolledBack, message: enough}]}
- after: PT1H
  do: [{evaluate: monthly}]
  expect: {decisions: [{type: RuleEvaluated, reason: Unchanged}]}
`,
  )
})

test('an order that the controller would refuse is a failure at its place', async (t) => {
  const { failures } = await play(
    t,
    '- at: 2026-01-14T12:00\n  do:\n    - pause: monthly-20260114\n    - evaluate: weekly\n',
  )
  t.match(failures, [
    { path: 'spec.tests[0].steps[0].do[0]', line: 21, actual: [/refused: there is no rollout monthly-20260114/] },
    { path: 'spec.tests[0].steps[0].do[1]', line: 22, actual: [/refused: there is no AutomaticDeploymentRule weekly/] },
  ])
})

test('objects come, change and go, as commits bring and revert them', async (t) => {
  await passes(
    t,
    `- at: 2026-01-13T20:00
  expect: {devices: [{device: pilot-1, offers: [KB1]}]}
- after: PT1H
  do:
    - objects:
        - {apiVersion: ringmaster.dev/v1alpha1, kind: Freeze, metadata: {name: now}, spec: {from: "2026-01-13T00:00", until: "2026-01-20T00:00", reason: closing}}
  expect: {devices: [{device: pilot-1, update: KB1, start: 2026-01-20T19:00, reason: WillBeInstalled}]}
- after: PT1H
  do: [{remove: [{kind: Freeze, name: now}]}]
  expect: {devices: [{device: pilot-1, update: KB1, start: 2026-01-14T19:00}]}
- after: PT1H
  do: [{remove: [{kind: AutomaticDeploymentRule, name: monthly}]}]
  expect: {rollouts: [{rollout: monthly-20260113, state: RolledBack, reason: RuleRemoved}]}
`,
  )
})

test('a file takes the place of another', async (t) => {
  const text = policyTest(
    `- at: 2026-01-12T18:00:00Z
- after: PT1H
  do: [{declare: [later/narrow.yaml]}]
  expect: {rules: [{rule: monthly, selects: [], count: 0}]}
`.replace('2026-01-12', '2026-01-13'),
  ).replace('  timeZone:', '  declarations: [rules.yaml]\n  timeZone:')
  const narrow = `${OBJECT}kind: AutomaticDeploymentRule
metadata: {name: monthly}
spec:
  criteria: {products: [Linux]}
  phases: [{name: all, collection: managed}]
`
  const root = site(t, { 'rules.yaml': RULES, 'a.test.yaml': text, 'later/narrow.yaml': narrow })
  const { tests } = await runTests([`${root}/a.test.yaml`])
  t.match(tests, [{ status: 'Passed', problems: [] }])
})

test('devices change what they say, and leave', async (t) => {
  await passes(
    t,
    `- after: PT30M
  do: [{change: {devices: [pc-1], attributes: {ring: pilot}}}]
- after: PT30M
  expect: {collections: [{collection: pilots, count: 3, has: [pc-1]}]}
- after: PT1H
  do: [{leave: ["pilot-*"]}]
  expect: {collections: [{collection: pilots, count: 1}]}
`,
  )
})

test('devices fail, once or always, and are offline', async (t) => {
  await passes(
    t,
    `- at: 2026-01-16T12:00
  expect:
    rollouts: [{rule: monthly, state: Halted, reason: FailureThreshold}]
    compliance: [{update: KB1, failed: 1}]
`,
    '      devices: [{prefix: pilot-}, {id: extra, attributes: {ring: pilot, timeZone: Europe/Berlin}, fails: [KB1]}]\n',
  )
  await passes(
    t,
    `- at: 2026-01-14T22:00
  expect: {compliance: [{update: KB1, collection: pilots, installed: 4, failed: 1}]}
- after: P1D
  expect: {compliance: [{update: KB1, collection: pilots, installed: 5, failed: 0}]}
`,
    `      devices:
        - {prefix: pilot-, count: 4}
        - {id: once, attributes: {ring: pilot, timeZone: Europe/Berlin}, minutes: 20, fails: [{updates: [KB1], attempts: 1}]}
`,
  )
  await passes(
    t,
    `- at: 2026-01-16T12:00
  expect: {rollouts: [{rule: monthly, reason: GateOpen, phases: [{name: pilot, unknown: 2}]}]}
`,
    '      devices: [{prefix: pilot-, offline: [{from: 2026-01-13T18:30, until: 2026-01-20T00:00}]}]\n',
  )
})

test('what is installed or not required is so from the start', async (t) => {
  await passes(
    t,
    `- at: 2026-01-14T12:00
  expect:
    devices: [{device: pilot-1, update: KB1, status: installed}, {device: pilot-2, update: KB1, status: not required}, {device: pc-1, update: KB1, status: required}]
    rollouts: [{rule: monthly, reason: Soaking}]
`,
    '      devices: [{prefix: pilot-, count: 1, installed: [KB1]}, {id: pilot-2, attributes: {ring: pilot}, products: [Linux]}]\n',
  )
})

test('steps go forward, and two that act do not share an instant', async (t) => {
  const back = await play(t, '- at: 2026-01-14T12:00\n- at: 2026-01-14T11:00\n')
  t.match(back, { status: 'Invalid', problems: [{ code: 'RM1602', path: 'spec.tests[0].steps[1].at', line: 20 }] })
  const same = await play(t, '- at: 2026-01-14T12:00\n  do: [{evaluate: monthly}]\n- do: [{evaluate: monthly}]\n')
  t.match(same, { status: 'Invalid', problems: [{ code: 'RM1602', path: 'spec.tests[0].steps[1].do' }] })
  const far = await play(t, '- after: P3661D\n')
  t.match(far, { status: 'Invalid', problems: [{ code: 'RM1601' }] })
})

const PROBLEMS: readonly (readonly [string, string, string, string?])[] = [
  ['no such device', '- do: [{leave: [pc-9]}]\n', 'RM1604'],
  ['nothing to remove', '- do: [{remove: [{kind: Freeze, name: no}]}]\n', 'RM1605'],
  ['a step that breaks the declarations', '- do: [{remove: [{kind: Collection, name: pilots}]}]\n', 'RM1605'],
  ['two devices of one name', '- {}\n', 'RM1604', '      devices: [{id: pc-1}]\n'],
  ['too many devices', '- {}\n', 'RM1601', '      devices: [{prefix: x-, count: 10000}]\n'],
  ['two updates of one id', '- {}\n', 'RM1603', '      updates: [{id: KB1}]\n'],
]
for (const [what, steps, code, more] of PROBLEMS)
  test(`${what}: ${code}`, async (t) => {
    const { status, problems } = await play(t, steps, more)
    t.equal(status, 'Invalid')
    t.match(problems[0], { code })
    t.ok((problems[0]?.line ?? 0) > 3, 'it has a place')
  })

const BROKEN: readonly (readonly [string, string, string])[] = [
  ['at: 2026-01-14T12:00, after: PT1H', 'RM1208', 'spec.tests[0].steps[0]'],
  ['at: tomorrow', 'RM1207', 'spec.tests[0].steps[0].at'],
  ['expct: {}', 'RM1201', 'spec.tests[0].steps[0].expct'],
  ['do: [{}]', 'RM1208', 'spec.tests[0].steps[0].do[0]'],
  ['do: [{objects: [{kind: Freeze}]}]', 'RM1102', 'spec.tests[0].steps[0].do[0].objects[0].apiVersion'],
  ['expect: {rollouts: [{}]}', 'RM1208', 'spec.tests[0].steps[0].expect.rollouts[0]'],
  ['expect: {devices: [{device: a, offered: true}]}', 'RM1208', 'spec.tests[0].steps[0].expect.devices[0]'],
  ['expect: {decisions: [{type: Nothing}]}', 'RM1207', 'spec.tests[0].steps[0].expect.decisions[0].type'],
  ['expect: {rollouts: [{rule: a, reason: Bored}]}', 'RM1207', 'spec.tests[0].steps[0].expect.rollouts[0].reason'],
]
for (const [step, code, path] of BROKEN)
  test(`a test file with ${step}: ${code} at ${path}`, async (t) => {
    const { problems, tests } = await reportOf(t, policyTest(`- {${step}}\n`))
    t.same(tests, [])
    t.match(problems, [{ code, path, line: 19 }])
  })

test('declarations with faults are named with their places, and nothing is tested', async (t) => {
  const { tests } = await reportOf(t, policyTest('- {}\n'), `${OBJECT}kind: Freeze\nmetadata: {name: a}\nspec: {}\n`)
  t.match(tests, [{ status: 'Invalid', problems: [{ code: 'RM1605' }, { code: 'RM1202', line: 4 }] }])
})

test('updates come from one source, whose declines and supersedence apply', async (t) => {
  const source = (name: string) =>
    `---\n${OBJECT}kind: UpdateSource\nmetadata: {name: ${name}}\nspec: {format: Ringmaster, path: ${name}.ndjson, decline: [{products: [Word]}]}\n`
  const one = await reportOf(
    t,
    policyTest('- expect: {rules: [{rule: monthly, rejects: [{update: KB2, because: state}]}]}\n'),
    RULES + source('a'),
  )
  t.match(one.tests, [{ status: 'Passed' }])
  const two = await reportOf(t, policyTest('- {}\n'), RULES + source('a') + source('b'))
  t.match(two.tests, [{ status: 'Invalid', problems: [{ code: 'RM1606', message: /one of a, b/ }] }])
})
