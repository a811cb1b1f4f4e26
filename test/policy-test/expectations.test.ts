// What a step can expect: each kind of expectation, once as it is and once as it is not.
import { test } from 'tap'
import { play } from './site.ts'

/** At 2026-01-15T06:00 in Berlin pilots are done and soak; each line holds there. */
const TRUE = `
rules: [{rule: monthly, selects: [KB1], rejects: [KB2, {update: KB2, because: products}, {update: KB3, because: released}], count: 1, state: Ready, reason: Matched}]
rules: [{rule: monthly, next: 2026-02-10T18:00:00Z}]
rules: [{rule: monthly, next: 2026-02-10T19:00}]
rules: [{rule: monthly, next: 2026-02-10T00:00/2026-02-11T00:00}]
rollouts: [{rollout: monthly-20260113, state: Progressing, paused: false, updates: [KB1], reason: Soaking}]
rollouts: [{rule: monthly, message: of 2 devices 2 compliant, phases: []}]
rollouts: [{rule: monthly, phases: [{name: pilot, state: Active, devices: 2, compliant: 2, failed: 0, unknown: 0, approved: true}]}]
rollouts: [{rule: monthly, phases: [{name: pilot, available: 2026-01-13T18:00:00Z, deadline: 2026-01-14T07:00}, {name: broad, state: Waiting, devices: 0}]}]
rollouts: [{rollout: monthly-20260210, exists: false}]
devices: [{device: "pilot-*", installed: [KB1], withholds: [KB1, KB2], collections: [pilots, managed]}]
devices: [{device: pilot-1, update: KB1, offered: false, status: installed, reason: Installed}]
devices: [{device: pc-1, update: KB1, offered: false, start: Never, message: the device is for phase broad}]
devices: [{device: "*", update: KB2, offered: false}]
compliance: [{update: KB1, installed: 2, required: ">=1", failed: 0}]
compliance: [{update: KB1, collection: pilots, installed: 2, required: 0, unknown: 0, notRequired: 0}]
collections: [{collection: managed, count: 5, has: [pc-1, "pilot-*"], lacks: [kiosk-1]}]
decisions: [{type: RuleEvaluated, rule: monthly, reason: Matched, updates: 1}, {type: PhaseStarted, phase: pilot, devices: 2}]
decisions: [{type: PhaseStarted, rollout: monthly-20260113, at: 2026-01-13T19:00}, {type: ThresholdMet, devices: 2}]
`

/** And none of these; with what is said to be so. */
const FALSE: readonly (readonly [string, string, string])[] = [
  ['rules: [{rule: monthly, selects: [KB2]}]', 'rules[0].selects[0]', 'no KB2'],
  ['rules: [{rule: monthly, selects: [KB9]}]', 'rules[0].selects[0]', "there is no update KB9 in the test's catalog"],
  ['rules: [{rule: monthly, rejects: [KB1]}]', 'rules[0].rejects[0]', 'KB1'],
  ['rules: [{rule: monthly, rejects: [{update: KB2, because: released}]}]', 'rules[0].rejects[0].because', 'products'],
  ['rules: [{rule: monthly, count: ">1"}]', 'rules[0].count', '1'],
  ['rules: [{rule: monthy}]', 'rules[0].rule', 'did you mean monthly?'],
  ['rules: [{rule: monthly, next: 2026-02-10T18:00}]', 'rules[0].next', '2026-02-10T19:00 (Europe/Berlin)'],
  ['rollouts: [{rollout: monthly-20260113, state: Succeeded}]', 'rollouts[0].state', 'Progressing'],
  ['rollouts: [{rollout: monthly-20260114}]', 'rollouts[0]', 'no monthly-20260114'],
  ['rollouts: [{rule: monthly, exists: false}]', 'rollouts[0].exists', 'rollout monthly-20260113'],
  ['rollouts: [{rule: monthly, until: Never}]', 'rollouts[0].until', '2026-01-15T18:11:00Z'],
  ['rollouts: [{rule: monthly, updates: [KB2]}]', 'rollouts[0].updates[0]', 'no KB2'],
  [
    'rollouts: [{rule: monthly, phases: [{name: pilots}]}]',
    'rollouts[0].phases[0].name',
    'its phases are pilot, broad',
  ],
  ['rollouts: [{rule: monthly, phases: [{name: pilot, compliant: 1}]}]', 'rollouts[0].phases[0].compliant', '2'],
  ['devices: [{device: pilot-1, offers: [KB1]}]', 'devices[0].offers[0]', 'no KB1'],
  ['devices: [{device: "*-1", update: KB1, status: installed}]', 'devices[0].status', 'required'],
  ['devices: [{device: pilot-9}]', 'devices[0].device', 'did you mean pilot-1?'],
  ['devices: [{device: pc-1, collections: [kiosks]}]', 'devices[0].collections[0]', 'it is in all, managed'],
  ['compliance: [{update: KB1, installed: 3}]', 'compliance[0].installed', '2'],
  [
    'compliance: [{update: KB1, collection: no, installed: 3}]',
    'compliance[0].collection',
    'there is no collection no',
  ],
  ['collections: [{collection: kiosks, lacks: ["k*"]}]', 'collections[0].lacks[0]', 'kiosk-1'],
  ['collections: [{collection: kiosks, has: [pc-1]}]', 'collections[0].has[0]', 'no pc-1'],
  ['decisions: [{type: PhaseStarted}, {type: RuleEvaluated}]', 'decisions[1]', 'ThresholdMet (ThresholdMet)'],
  ['nothing: true', 'nothing', 'RuleEvaluated (Matched)'],
]

const at = (expect: string) => `- at: 2026-01-15T06:00\n  expect:\n    ${expect}\n`

for (const expect of TRUE.trim().split('\n'))
  test(`holds: ${expect}`, async (t) => {
    const { status, failures, checks } = await play(t, at(expect))
    t.same(failures, [])
    t.equal(status, 'Passed')
    if (!expect.endsWith('phases: []}]')) t.ok(checks > 0, 'something was looked at')
  })

for (const [expect, path, actual] of FALSE)
  test(`does not hold: ${expect}`, async (t) => {
    const { status, failures, failed } = await play(t, at(expect))
    t.equal(status, 'Failed')
    t.equal(failed, 1)
    t.equal(failures[0]?.path, `spec.tests[0].steps[0].expect.${path}`)
    t.match(failures[0]?.actual.join('\n'), actual)
    t.equal(failures[0]?.at, '2026-01-15T05:00:00Z')
  })

test('exact: what is not listed must not be', async (t) => {
  const exactly = (expect: string) => at(`exact: true\n    ${expect}`)
  const passed = [
    'rules: [{rule: monthly, selects: [KB1]}]',
    'rollouts: [{rule: monthly, updates: [KB1]}]',
    'devices: [{device: pilot-1, offers: []}]',
    'collections: [{collection: pilots, has: [pilot-1, pilot-2]}]',
  ]
  for (const expect of passed) t.equal((await play(t, exactly(expect))).status, 'Passed', expect)
  const failed: readonly (readonly [string, string])[] = [
    ['rules: [{rule: monthly, selects: []}]', 'KB1'],
    ['rollouts: []', 'monthly-20260113'],
    ['collections: [{collection: pilots, has: [pilot-1]}]', 'pilot-2'],
    ['decisions: [{type: RuleEvaluated}]', 'PhaseStarted'],
    ['decisions: [{type: PhaseStarted}]', 'RuleEvaluated'],
  ]
  for (const [expect, other] of failed) {
    const { status, failures } = await play(t, exactly(expect))
    t.equal(status, 'Failed', expect)
    t.match(failures[0]?.actual.join('\n'), other)
  }
})

test('a failure says where it stands, and why it is so', async (t) => {
  const { failures } = await play(t, at('devices:\n      - {device: pc-1, update: KB1, offered: true}'))
  t.match(failures, [
    {
      line: 22,
      step: 'step 1',
      expected: ['true'],
      actual: ['false'],
      because: /^device pc-1: Not approved yet: .* \(the device is for phase broad\)$/,
    },
  ])
})

test('of many devices that differ one speaks, and the others are counted', async (t) => {
  const { failures } = await play(t, at('devices: [{device: "p*", update: KB1, status: installed}]'))
  t.match(failures, [{ because: /^device pc-1, and 2 more like it: / }])
})
