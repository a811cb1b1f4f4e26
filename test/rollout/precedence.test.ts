// Which of several things that are true at once speaks (semantics.md §6): every combination of them.
import { test } from 'tap'
import type { Decision, Input } from '../../controller/model/facts.ts'
import { DAY, HOUR } from '../../controller/model/instant.ts'
import { resolvePlan } from '../../controller/model/resolved-plan.ts'
import { isStarted } from '../../controller/rollout/control.ts'
import { command, declare, declared, enrolled, id, synced, update, type Written } from '../support/declare.ts'
import { given, newStory, noteOf, rolloutOf, type Story, say, says, settle, tell, types } from '../support/story.ts'

const YES_NO = [false, true]
const STOPS = ['None', 'PausedByCommand', 'Suspended', 'Disabled'] as const
const NEWER = ['None', 'Replace', 'Queue', 'Parallel'] as const
const GATES = ['Open', 'Met', 'SoakPassed', 'Lost', 'TimedOut'] as const

type Case = {
  readonly rollback: boolean
  readonly held: boolean
  readonly stop: (typeof STOPS)[number]
  readonly failing: boolean
  readonly newer: (typeof NEWER)[number]
  readonly gate: (typeof GATES)[number]
}

const CASES: Case[] = YES_NO.flatMap((rollback) =>
  YES_NO.flatMap((held) =>
    STOPS.flatMap((stop) =>
      YES_NO.flatMap((failing) =>
        NEWER.flatMap((newer) => GATES.map((gate) => ({ rollback, held, stop, failing, newer, gate }))),
      ),
    ),
  ),
)

const OLDER = 'rule-20260101'
const NEWEST = 'rule-newer'

/** The order of semantics.md §6, as one reads it. */
function expected({ rollback, held, stop, failing, newer, gate }: Case): string {
  if (rollback) return 'RolloutRolledBack RollbackByCommand'
  if (held) return 'waits AllUpdatesWithdrawn'
  if (stop !== 'None') return `RolloutPaused ${stop}`
  if (failing) return 'PhaseHalted FailureThreshold'
  if (newer === 'Replace') return 'RolloutSuperseded SupersededByNewer'
  if (gate === 'Met') return 'ThresholdMet ThresholdMet'
  if (gate === 'SoakPassed') return 'PhaseSucceeded SoakPassed'
  if (gate === 'TimedOut') return 'PhaseHalted PhaseTimeout'
  return 'waits GateOpen'
}

test(`one of them speaks, in all ${CASES.length} combinations`, async (t) => {
  t.equal(CASES.length, 640)
  t.same(
    CASES.filter((one) => {
      const story = sixDaysIn(one)
      return spoken(story, settle(story)) !== expected(one)
    }),
    [],
  )
})

test('a lost threshold is noticed whatever else is true, so that no soak hides a break', async (t) => {
  // What is held everywhere is no evidence either.
  const broken = ({ gate, held, rollback }: Case) => !rollback && (gate === 'Lost' || (gate === 'SoakPassed' && held))
  t.same(
    CASES.filter((one) => types(settle(sixDaysIn(one))).includes('ThresholdLost') !== broken(one)),
    [],
  )
})

test('the newer rollout starts unless its rule is stopped, or it queues behind the older one', async (t) => {
  const wrong = CASES.filter((one) => {
    const story = sixDaysIn(one)
    const started = settle(story).some((decision) => decision.type === 'RolloutStarted' && decision.rollout === NEWEST)
    const ended = ['RolledBack', 'Succeeded'].includes(rolloutOf(story, OLDER).status)
    const free = one.stop !== 'Suspended' && one.stop !== 'Disabled' && (one.newer !== 'Queue' || ended)
    return started !== (one.newer !== 'None' && free)
  })
  t.same(wrong, [])
})

test('whatever is true, nothing stays approved of a rollout that was rolled back, stopped, replaced, or halted by failures', async (t) => {
  const wrong = CASES.filter((one) => {
    const story = sixDaysIn(one)
    settle(story)
    const rollout = rolloutOf(story, OLDER)
    const approved = rollout.phases.some((phase) => isStarted(phase) && phase.approved)
    const timedOut = expected(one) === 'PhaseHalted PhaseTimeout'
    const goesOn = (rollout.status === 'Progressing' && !rollout.paused) || rollout.status === 'Succeeded'
    return approved !== (goesOn || timedOut)
  })
  t.same(wrong, [])
})

/** A rollout in its first phase, and on its sixth day everything of the case at once, not decided yet. */
function sixDaysIn(one: Case): Story {
  const story = newStory()
  const devices = ['d0', 'd1', 'd2', 'd3']
  given(
    story,
    declare(declared('AutomaticDeploymentRule', 'rule', specOf(one, {}))),
    synced(update('u1'), update('u2', { classification: 'Updates' })),
    ...devices.map((device) => enrolled(device)),
    command({ type: 'Evaluate', rule: 'rule' }),
  )
  const start = story.now
  if (one.gate === 'SoakPassed' || one.gate === 'Lost') {
    story.now = start + (one.gate === 'Lost' ? 5.5 * DAY : HOUR)
    say(story, ['d0', 'd1'], { installed: ['u1'] })
  }
  story.now = start + 6 * DAY
  tell(story, ...happenings(story, one))
  if (one.newer !== 'None') tell(story, newerRollout(story, one.newer))
  return story
}

function specOf(one: Case, more: Partial<Written<'AutomaticDeploymentRule'>>): Written<'AutomaticDeploymentRule'> {
  return {
    criteria: { classifications: ['Security Updates'] },
    phases: [
      {
        name: 'p1',
        collection: 'all',
        successPercent: 50,
        soak: 'P1D',
        failureCount: 0,
        ...(one.gate === 'TimedOut' && { timeout: 'P5D' }),
      },
    ],
    ...more,
  }
}

function happenings(story: Story, one: Case): Input[] {
  const rule = (more: Partial<Written<'AutomaticDeploymentRule'>>) =>
    declare(declared('AutomaticDeploymentRule', 'rule', specOf(one, more)))
  return [
    ...(one.gate === 'Met' ? ['d0', 'd1'].map((device) => says(story, device, { installed: ['u1'] })) : []),
    ...(one.gate === 'Lost' ? [says(story, 'd0', { required: ['u1'] })] : []),
    ...(one.failing ? [says(story, 'd3', { required: ['u1'], failed: ['u1'] })] : []),
    ...(one.stop === 'PausedByCommand' ? [command({ type: 'Pause', rollout: OLDER })] : []),
    ...(one.stop === 'Suspended' ? [rule({ suspend: true })] : []),
    ...(one.stop === 'Disabled' ? [rule({ enabled: false })] : []),
    ...(one.held ? [declare(declared('UpdateHold', 'hold', { updates: ['u1'], reason: 'breaks printing' }))] : []),
    ...(one.rollback ? [command({ type: 'Rollback', rollout: OLDER })] : []),
  ]
}

function newerRollout(story: Story, onNewer: 'Replace' | 'Queue' | 'Parallel'): Decision {
  const plan = resolvePlan({ phases: [{ name: 'p1', collection: 'all' }], onNewer })
  const provenance = { rule: 'rule', evaluation: story.now, source: 'directory', revision: 'r1', file: 'site.yaml' }
  return {
    type: 'RuleEvaluated',
    rule: 'rule',
    scheduled: story.now,
    trigger: 'Command',
    matched: 1,
    rollouts: [{ name: NEWEST, group: NEWEST, updates: [id('u2')] }],
    carried: [],
    plan,
    provenance,
    reason: 'Matched',
    message: '1 update selected',
  }
}

/** What is said of the older rollout first; that a threshold was lost is no word on how it goes on. */
function spoken(story: Story, decided: readonly Decision[]): string {
  const first = decided.find(
    (decision) =>
      'rollout' in decision &&
      decision.rollout === OLDER &&
      decision.type !== 'ThresholdLost' &&
      decision.type !== 'UpdatesUnapproved',
  )
  return first === undefined ? `waits ${noteOf(story, OLDER).reason}` : `${first.type} ${first.reason}`
}
