// Gates, soak, timeout, promotion and halts of a phase (semantics.md §6).
import { test } from 'tap'
import type { Phase } from '../../controller/model/plan.ts'
import { devicesNeeded, exceeded, isMet } from '../../controller/rollout/gate.ts'
import { command, declared, enrolled, ring, synced, undeclare, update, type Written } from '../support/declare.ts'
import {
  declaring,
  figures,
  given,
  installsFor,
  newStory,
  noteOf,
  phasesOf,
  rolloutOf,
  type Story,
  say,
  says,
  startedPhase,
  the,
  types,
  wait,
} from '../support/story.ts'

const NAME = 'rule-20260101'
type Phases = (Omit<Phase, 'name' | 'collection'> & { collection?: string })[]

function ruleOf(phases: Phases, more: Partial<Written<'AutomaticDeploymentRule'>> = {}) {
  return declared('AutomaticDeploymentRule', 'rule', {
    criteria: { classifications: ['Security Updates'] },
    phases: phases.map((phase, i) => ({ collection: ['a', 'b', 'c'][i] ?? 'all', ...phase, name: `p${i + 1}` })),
    ...more,
  })
}

/** So many devices in each of the rings a, b and c: a0, a1, …; the rule has been evaluated. */
function started(devices: number, phases: Phases, more?: Partial<Written<'AutomaticDeploymentRule'>>): Story {
  const story = newStory()
  declaring(story, ring('a'), ring('b'), ring('c'), ruleOf(phases, more))
  const fleet = ['a', 'b', 'c'].flatMap((name) =>
    Array.from({ length: devices }, (_, i) => enrolled(`${name}${i}`, { ring: name })),
  )
  given(story, synced(update('u1')), ...fleet, command({ type: 'Evaluate', rule: 'rule' }))
  wait(story, 'PT1H')
  return story
}

function names(prefix: string, count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${from + i}`)
}

test('thresholds are compared in whole numbers: success from the number on, failure strictly above it', async (t) => {
  const of = (targets: number, compliant: number, failed = 0) => ({ targets, compliant, failed, unknown: 0 })
  const cases = [
    // percent, targets, needed to succeed, most failures allowed
    [95, 20, 19, 19],
    [95, 19, 19, 18],
    [95, 21, 20, 19],
    [1, 1, 1, 0],
    [1, 99, 1, 0],
    [1, 101, 2, 1],
    [100, 3, 3, 3],
    [33, 3, 1, 0],
    [67, 3, 3, 2],
    [29, 100, 29, 29],
    [57, 1_000_000, 570_000, 570_000],
  ] as const
  for (const [value, targets, needed, allowed] of cases) {
    const percent = { type: 'Percent', value } as const
    t.equal(devicesNeeded(percent, targets), needed, `${value} % of ${targets}`)
    t.ok(isMet(percent, of(targets, needed)), `${needed} of ${targets} are ${value} %`)
    t.notOk(isMet(percent, of(targets, needed - 1)), `${needed - 1} of ${targets} are not ${value} %`)
    t.notOk(exceeded([percent], of(targets, 0, allowed)), `${allowed} of ${targets} are not above ${value} %`)
    t.ok(exceeded([percent], of(targets, 0, allowed + 1)), `${allowed + 1} of ${targets} are above ${value} %`)
  }
  const three = { type: 'Count', value: 3 } as const
  t.notOk(isMet(three, of(10, 2)))
  t.ok(isMet(three, of(10, 3)))
  t.notOk(exceeded([three], of(10, 0, 3)))
  t.ok(exceeded([three], of(10, 0, 4)))
  t.ok(exceeded([{ type: 'Count', value: 0 }], of(10, 0, 1)), 'no failure is allowed')
  t.equal(exceeded([{ type: 'Percent', value: 50 }, three], of(10, 0, 4))?.type, 'Count', 'any of two is enough')
})

test('a phase without targets never passes', async (t) => {
  const none = { targets: 0, compliant: 0, failed: 0, unknown: 0 }
  t.notOk(isMet({ type: 'Percent', value: 1 }, none))
  t.notOk(isMet({ type: 'Count', value: 1 }, none))
})

test('devices that say nothing count among the targets', async (t) => {
  const story = started(10, [{ successPercent: 90, soak: 'PT0S' }, {}])
  say(story, names('a', 8), { installed: ['u1'] })
  t.same(figures(story, NAME), { targets: 10, compliant: 8, failed: 0, unknown: 2 })
  t.equal(noteOf(story, NAME).reason, 'GateOpen')
  say(story, ['a8'], { notRequired: ['u1'] })
  t.same(phasesOf(story, NAME), ['Succeeded', 'Active'], 'not required is compliant')
})

test('what remains of success is what failure allows, unless it is said', async (t) => {
  const story = started(20, [{ successPercent: 90 }])
  say(story, names('a', 2), { required: ['u1'], failed: ['u1'] })
  t.equal(rolloutOf(story, NAME).status, 'Progressing', '2 of 20 are 10 %, and not above it')
  const decided = say(story, ['a2'], { required: ['u1'], failed: ['u1'] })
  t.match(the(decided, 'PhaseHalted'), { reason: 'FailureThreshold', failed: 3, targets: 20 })
  t.match(the(decided, 'UpdatesUnapproved'), { devices: 20 })
  t.same(installsFor(story, 'a5'), [])
})

test('devices that fall silent are unknown in the very decision that says so, and have still failed', async (t) => {
  const story = started(4, [{ soak: 'P14D', successPercent: 75, failurePercent: 25 }])
  say(story, names('a', 3), { installed: ['u1'] })
  say(story, ['a3'], { required: ['u1'], failed: ['u1'] })
  wait(story, 'P6D')
  say(story, ['a0'], { installed: ['u1'] })
  const decided = wait(story, 'P2D')
  t.same(types(decided).slice(-2), ['DevicesStale', 'ThresholdLost'])
  const counted = { targets: 4, compliant: 1, failed: 1, unknown: 3 }
  t.match(the(decided, 'ThresholdLost'), counted)
  t.same(figures(story, NAME), counted)
})

test('the soak counts from the instant the threshold was reached, and begins again when it was lost', async (t) => {
  const story = started(2, [{ soak: 'P1D' }, {}])
  say(story, names('a', 2), { installed: ['u1'] })
  const met = story.now
  t.equal(noteOf(story, NAME).until, met + 24 * 3_600_000)
  wait(story, 'PT23H')
  t.match(the(say(story, ['a0'], { required: ['u1'] }), 'ThresholdLost'), { compliant: 1, targets: 2 })
  t.equal(noteOf(story, NAME).reason, 'GateOpen')
  wait(story, 'PT2H')
  t.same(phasesOf(story, NAME), ['Active', 'Waiting'], 'a day after it was first met nothing happens')
  say(story, ['a0'], { installed: ['u1'] })
  wait(story, 'PT23H59M')
  t.same(phasesOf(story, NAME), ['Active', 'Waiting'])
  wait(story, 'PT1M')
  t.same(phasesOf(story, NAME), ['Succeeded', 'Active'])
})

test('a threshold lost and met again while the rollout is paused breaks the soak', async (t) => {
  const story = started(2, [{ soak: 'P1D' }, {}])
  say(story, names('a', 2), { installed: ['u1'] })
  given(story, command({ type: 'Pause', rollout: NAME }))
  wait(story, 'PT2H')
  say(story, ['a0'], { required: ['u1'] })
  wait(story, 'PT20H')
  say(story, ['a0'], { installed: ['u1'] })
  wait(story, 'PT4H')
  t.same(types(given(story, command({ type: 'Resume', rollout: NAME }))), [
    'RolloutResumed',
    'UpdatesApproved',
    'ThresholdMet',
  ])
  t.same(phasesOf(story, NAME), ['Active', 'Waiting'])
})

test('a threshold that stays met while the rollout is paused goes on soaking, and the pause ends before the phase', async (t) => {
  const story = started(2, [{ soak: 'P1D' }, {}])
  say(story, names('a', 2), { installed: ['u1'] })
  given(story, command({ type: 'Pause', rollout: NAME, reason: 'quarter end' }))
  t.match(noteOf(story, NAME), { state: 'Stalled', reason: 'PausedByCommand', message: /ada.*quarter end.*resume/ })
  t.same(wait(story, 'P3D'), [], 'no phase passes meanwhile')
  given(story, command({ type: 'Resume', rollout: NAME }))
  t.same(phasesOf(story, NAME), ['Succeeded', 'Active'])
})

test('a timeout halts the phase, keeps its approvals, and counts anew from a resumption', async (t) => {
  const story = started(2, [{ timeout: 'P5D' }])
  t.match(noteOf(story, NAME), {
    state: 'Waiting',
    reason: 'GateOpen',
    until: startedPhase(story, NAME).startedAt + 432e6,
  })
  t.match(the(wait(story, 'P5D'), 'PhaseHalted'), { reason: 'PhaseTimeout' })
  t.match(noteOf(story, NAME), {
    state: 'Stalled',
    reason: 'PhaseTimeout',
    message: /ringmaster resume .*ringmaster rollback/,
  })
  t.same(installsFor(story, 'a0'), ['u1'], 'nothing is known against the updates')
  given(story, command({ type: 'Resume', rollout: NAME }))
  t.equal(noteOf(story, NAME).until, story.now + 432e6)
})

test('the time in which a rollout is paused is not taken off its timeout', async (t) => {
  const story = started(2, [{ timeout: 'P5D' }])
  given(story, command({ type: 'Pause', rollout: NAME }))
  wait(story, 'P6D')
  t.same(types(given(story, command({ type: 'Resume', rollout: NAME }))), ['RolloutResumed', 'UpdatesApproved'])
  t.equal(noteOf(story, NAME).until, story.now + 432e6)
})

test('a halt without failures keeps what is approved through a pause', async (t) => {
  const story = started(2, [{ timeout: 'P5D' }])
  wait(story, 'P5D')
  declaring(story, ruleOf([{ timeout: 'P5D' }], { suspend: true }))
  t.same(installsFor(story, 'a0'), [])
  declaring(story, ruleOf([{ timeout: 'P5D' }]))
  t.equal(rolloutOf(story, NAME).status, 'Halted')
  t.same(installsFor(story, 'a0'), ['u1'])
})

test('a threshold that is met in time soaks past the timeout', async (t) => {
  const story = started(1, [{ timeout: 'P5D', soak: 'P2D' }])
  wait(story, 'P4D')
  say(story, ['a0'], { installed: ['u1'] })
  t.same(types(wait(story, 'P2D')), ['PhaseSucceeded', 'RolloutSucceeded'])
})

test('an empty phase halts, or is skipped where that is said', async (t) => {
  const halting = started(1, [{ collection: 'c', percent: 1 }, {}])
  t.match(noteOf(halting, NAME), {
    state: 'Stalled',
    reason: 'EmptyPhase',
    message: /1 % of collection c.*whenEmpty: Skip/,
  })
  t.same(phasesOf(halting, NAME), ['Halted', 'Waiting'])
  const skipping = started(1, [{ collection: 'c', percent: 1, whenEmpty: 'Skip' }, {}])
  t.same(phasesOf(skipping, NAME), ['Skipped', 'Active'])
  t.same(installsFor(skipping, 'b0'), ['u1'])
})

test('an empty phase is not rolled back, and starts when it is resumed with devices', async (t) => {
  const story = started(1, [{ collection: 'c', percent: 1 }, {}], { onHalt: 'Rollback' })
  t.equal(rolloutOf(story, NAME).status, 'Halted')
  declaring(story, declared('Collection', 'c', { include: ['b'] }))
  t.equal(rolloutOf(story, NAME).status, 'Halted', 'a person looks first')
  given(story, command({ type: 'Resume', rollout: NAME }))
  t.same(phasesOf(story, NAME), ['Halted', 'Waiting'], '1 % of it is still no device')
  given(story, ...Array.from({ length: 300 }, (_, i) => enrolled(`more${i}`, { ring: 'b' })))
  given(story, command({ type: 'Resume', rollout: NAME }))
  t.same(phasesOf(story, NAME), ['Active', 'Waiting'])
})

test('a collection that is missing holds the phase and is named', async (t) => {
  const story = started(1, [{ collection: 'elsewhere' }])
  t.match(noteOf(story, NAME), { state: 'Stalled', reason: 'CollectionNotFound', message: /elsewhere/ })
  declaring(story, ring('elsewhere', 'a'))
  t.same(phasesOf(story, NAME), ['Active'])
})

test('a manual promotion waits for an approval by command or by a declared PhaseApproval', async (t) => {
  for (const by of ['command', 'object', 'early'] as const) {
    const story = started(1, [{ promotion: 'Manual', soak: 'PT0S' }, {}])
    const approve = () => given(story, command({ type: 'Approve', rollout: NAME, phase: 'p2' }))
    if (by === 'early') approve()
    const decided = say(story, ['a0'], { installed: ['u1'] })
    if (by !== 'early') {
      the(decided, 'AwaitingApproval')
      t.match(noteOf(story, NAME), {
        state: 'Stalled',
        phase: 'p2',
        message: new RegExp(`ringmaster approve ${NAME} p2`),
      })
      t.same(wait(story, 'P1D'), [])
    }
    if (by === 'command') approve()
    if (by === 'object')
      declaring(story, declared('PhaseApproval', 'go', { rollout: NAME, phase: 'p2', approvedBy: 'grace' }))
    t.same(phasesOf(story, NAME), ['Succeeded', 'Active'], by)
    const phase = story.log.findLast(({ fact }) => fact.type === 'PhaseStarted')
    t.match(phase?.fact.message, by === 'object' ? /approved by grace/ : /approved by ada/)
  }
})

test('a manual promotion takes no approval for another phase or rollout', async (t) => {
  const story = started(1, [{ promotion: 'Manual', soak: 'PT0S' }, {}])
  say(story, ['a0'], { installed: ['u1'] })
  given(story, command({ type: 'Approve', rollout: NAME, phase: 'p1' }))
  given(story, command({ type: 'Approve', rollout: 'another', phase: 'p2' }))
  declaring(story, declared('PhaseApproval', 'go', { rollout: 'another', phase: 'p2', approvedBy: 'grace' }))
  given(story, command({ type: 'Signal', rollout: NAME, phase: 'p2', signal: 'go' }))
  t.same(phasesOf(story, NAME), ['Succeeded', 'Waiting'])
})

test('two approvals are named in the same order however they came', async (t) => {
  const approvals = ['grace', 'ada'].map((approvedBy) =>
    declared('PhaseApproval', `by-${approvedBy}`, { rollout: NAME, phase: 'p2', approvedBy }),
  )
  for (const order of [approvals, approvals.toReversed()]) {
    const story = started(1, [{ promotion: 'Manual', soak: 'PT0S' }, {}])
    declaring(story, ...order)
    const decided = say(story, ['a0'], { installed: ['u1'] })
    t.match(the(decided, 'PhaseStarted').message, /approved by ada and grace/)
  }
})

test('a promotion by signal waits for the signal', async (t) => {
  const story = started(1, [{ promotion: 'Signal', soak: 'PT0S' }, {}])
  say(story, ['a0'], { installed: ['u1'] })
  t.match(noteOf(story, NAME), {
    state: 'Waiting',
    reason: 'AwaitingSignal',
    message: new RegExp(`${NAME}/phases/p2/signal`),
  })
  given(story, command({ type: 'Approve', rollout: NAME, phase: 'p2' }))
  t.same(phasesOf(story, NAME), ['Succeeded', 'Waiting'], 'an approval is no signal')
  given(story, command({ type: 'Signal', rollout: NAME, phase: 'p2', signal: 'tests are green' }))
  t.same(phasesOf(story, NAME), ['Succeeded', 'Active'])
})

test('a phase that breaks after it has passed halts the rollout, and soaks anew when it is resumed', async (t) => {
  const story = started(4, [{ soak: 'P1D', failureCount: 0, successPercent: 50 }, {}])
  say(story, names('a', 3), { installed: ['u1'] })
  wait(story, 'P1D')
  t.same(phasesOf(story, NAME), ['Succeeded', 'Active'])
  const decided = say(story, ['a3'], { required: ['u1'], failed: ['u1'] })
  t.match(the(decided, 'PhaseHalted'), { phase: 'p1', reason: 'FailureThreshold' })
  t.match(the(decided, 'UpdatesUnapproved'), { devices: 8 })
  given(story, command({ type: 'Resume', rollout: NAME }))
  t.same(phasesOf(story, NAME), ['Active', 'Active'])
  t.match(noteOf(story, NAME), { phase: 'p1', reason: 'Soaking', until: story.now + 86_400_000 })
  wait(story, 'P1D')
  t.same(phasesOf(story, NAME), ['Succeeded', 'Active'])
})

test('resuming accepts the failures so far, and one more halts again', async (t) => {
  const story = started(20, [{ failureCount: 1 }])
  say(story, names('a', 2), { required: ['u1'], failed: ['u1'] })
  t.equal(rolloutOf(story, NAME).status, 'Halted')
  t.match(noteOf(story, NAME).message, /commit c0ffee/, 'the commit to revert is named')
  given(story, command({ type: 'Resume', rollout: NAME }))
  t.equal(rolloutOf(story, NAME).status, 'Progressing')
  t.same(installsFor(story, 'a9'), ['u1'])
  say(story, ['a2'], { required: ['u1'], failed: ['u1'] })
  t.equal(rolloutOf(story, NAME).status, 'Halted')
})

test('onHalt: Rollback undoes the whole rollout at once, with the reason', async (t) => {
  const story = started(4, [
    { successPercent: 50, soak: 'PT0S' },
    { onHalt: 'Rollback', failureCount: 0 },
  ])
  say(story, names('a', 4), { installed: ['u1'] })
  wait(story, 'PT1M')
  const decided = say(story, ['b0'], { required: ['u1'], failed: ['u1'] })
  t.same(types(decided), ['PhaseHalted', 'RolloutRolledBack', 'UpdatesUnapproved'])
  t.match(the(decided, 'RolloutRolledBack'), { reason: 'FailureThreshold', devices: 8, uninstall: [] })
  t.same(
    [...names('a', 4), ...names('b', 4)].flatMap((device) => installsFor(story, device)),
    [],
  )
  t.match(noteOf(story, NAME), { state: 'Ready', reason: 'RolledBack' })
})

test('a removed PhaseApproval takes back nothing that has started', async (t) => {
  const story = started(1, [{ promotion: 'Manual', soak: 'PT0S' }, {}])
  declaring(story, declared('PhaseApproval', 'go', { rollout: NAME, phase: 'p2', approvedBy: 'grace' }))
  say(story, ['a0'], { installed: ['u1'] })
  t.same(given(story, undeclare({ kind: 'PhaseApproval', name: 'go' })), [])
  t.same(phasesOf(story, NAME), ['Succeeded', 'Active'])
})

test('failure is looked at before success, of reports that come in one turn', async (t) => {
  for (const failureCount of [0, 1]) {
    const story = started(4, [{ successPercent: 50, soak: 'PT0S', failureCount }, {}])
    given(
      story,
      says(story, 'a3', { required: ['u1'], failed: ['u1'] }),
      ...names('a', 3).map((device) => says(story, device, { installed: ['u1'] })),
    )
    t.same(phasesOf(story, NAME), failureCount === 0 ? ['Halted', 'Waiting'] : ['Succeeded', 'Active'])
  }
})
