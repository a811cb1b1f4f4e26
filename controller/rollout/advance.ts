// How a rollout goes on (semantics.md §6). What can be true at once is decided by one ordered list, `INTERRUPTS`: the
// first that applies speaks. The last entries are the ordinary course: gates, then timers.
import { durationMs, toRfc3339 } from '../model/instant.ts'
import { plural } from '../model/plural.ts'
import type { Reason } from '../model/reasons.ts'
import { approvePhases, joinDevices } from './approve.ts'
import { isStarted, isUnfinished, type RolloutRecord } from './control.ts'
import { type Draft, emit, figuresInDraft, type Step, wantedUpdates } from './draft.ts'
import { describeFigures, exceeded } from './gate.ts'
import { loseThreshold, passGate, startNextPhase } from './phases.ts'
import { ruleNamed } from './rule-plan.ts'
import { ofRollout, rollBack, unapproveAll } from './unapprove.ts'

type Interrupt = { readonly name: string; readonly step: (draft: Draft, rollout: RolloutRecord) => Step }

/**
 * semantics.md §6, "Precedence when several things are true at once". That a threshold is lost is taken note of whatever else
 * is true: a soak is without a break also where nobody could have gone on.
 */
export const INTERRUPTS: readonly Interrupt[] = [
  { name: 'RollbackAsked', step: rollbackAsked },
  { name: 'Ended', step: ended },
  { name: 'ThresholdLost', step: loseThreshold },
  { name: 'Held', step: allWithdrawn },
  { name: 'PausedOrSuspended', step: paused },
  { name: 'FailureGate', step: failureGate },
  { name: 'SupersededByNewer', step: supersededByNewer },
  { name: 'Halted', step: halted },
  { name: 'Start', step: start },
  { name: 'Approvals', step: approvals },
  { name: 'SuccessGate', step: passGate },
  { name: 'NextPhase', step: startNextPhase },
  { name: 'Finish', step: finish },
]

const MAX_STEPS = 200

/** Takes every rollout as far as it can go now, oldest first, and notes what each one waits for. */
export function advanceRollouts(draft: Draft): void {
  for (const { name } of [...draft.control.rollouts.values()].sort(byAge)) advance(draft, name)
}

function advance(draft: Draft, name: string): void {
  for (let steps = 0; steps < MAX_STEPS; steps++) {
    const rollout = draft.control.rollouts.get(name)
    if (rollout === undefined) return
    const step = firstStep(draft, rollout)
    if (step === 'Decided') continue
    if (step !== undefined) draft.notes.push({ kind: 'Rollout', name, ...step })
    return
  }
  throw new Error(`rollout ${name} still changes after ${MAX_STEPS} steps at ${toRfc3339(draft.now)}`)
}

function firstStep(draft: Draft, rollout: RolloutRecord): Step {
  for (const interrupt of INTERRUPTS) {
    const step = interrupt.step(draft, rollout)
    if (step !== undefined) return step
  }
  return undefined
}

function rollbackAsked(draft: Draft, rollout: RolloutRecord): Step {
  if (rollout.rollbackAsked === undefined || rollout.status === 'RolledBack') return undefined
  rollBack(draft, rollout, rollout.rollbackAsked.reason, rollout.rollbackAsked.message)
  return 'Decided'
}

function ended(_draft: Draft, rollout: RolloutRecord): Step {
  if (rollout.status !== 'RolledBack' && rollout.status !== 'Superseded') return undefined
  const reason = rollout.status === 'RolledBack' ? 'RolledBack' : 'SupersededByNewer'
  return { state: 'Ready', reason, message: rollout.ended?.message ?? '' }
}

function allWithdrawn(draft: Draft, rollout: RolloutRecord): Step {
  if (rollout.status === 'Succeeded' || wantedUpdates(draft, rollout).length > 0) return undefined
  return {
    state: 'Stalled',
    reason: 'AllUpdatesWithdrawn',
    message: 'every update of the group is held, expired or declined: end the hold, or roll the rollout back',
  }
}

function paused(draft: Draft, rollout: RolloutRecord): Step {
  const why = pauseWanted(draft, rollout)
  if (why === undefined) {
    if (!rollout.paused) return undefined
    emit(draft, { type: 'RolloutResumed', ...ofRollout(rollout), reason: 'Resumed', message: 'what paused it is gone' })
    return 'Decided'
  }
  if (rollout.status !== 'Planned' && !rollout.paused) {
    emit(draft, { type: 'RolloutPaused', ...ofRollout(rollout), ...why })
    unapproveAll(draft, rollout, why.reason, why.message)
    return 'Decided'
  }
  return { state: 'Stalled', ...why }
}

type Why = { readonly reason: Reason; readonly message: string }

function pauseWanted(draft: Draft, rollout: RolloutRecord): Why | undefined {
  const { pauseAsked } = rollout
  if (pauseAsked !== undefined) {
    const because = pauseAsked.reason === undefined ? '' : ` (${pauseAsked.reason})`
    return {
      reason: 'PausedByCommand',
      message: `paused by ${pauseAsked.by}${because}; \`ringmaster resume ${rollout.name}\` goes on`,
    }
  }
  const declared = draft.world.objects.Rollout.get(rollout.name)
  const object = rollout.rule === undefined ? declared : ruleNamed(draft.world.objects, rollout.rule)
  if (object?.kind !== 'Rollout' && object?.kind !== 'AutomaticDeploymentRule') return undefined
  const named = `${object.kind} ${object.name}`
  if (object.spec.suspend) return { reason: 'Suspended', message: `${named} has suspend: true` }
  if (object.spec.enabled !== false) return undefined
  return rollout.status === 'Planned'
    ? { reason: 'ReviewGate', message: `${named} has enabled: false: nothing is approved until it is set to true` }
    : { reason: 'Disabled', message: `${named} has enabled: false` }
}

function failureGate(draft: Draft, rollout: RolloutRecord): Step {
  if (rollout.status !== 'Progressing') return undefined
  for (const [index, phase] of rollout.phases.entries()) {
    const planned = rollout.plan.phases[index]
    if (planned === undefined || !isStarted(phase)) continue
    const figures = figuresInDraft(draft, rollout, index)
    const threshold = exceeded(planned.failure, figures)
    if (threshold === undefined || figures.failed <= phase.acceptedFailures) continue
    const limit = threshold.type === 'Percent' ? `${threshold.value} %` : plural(threshold.value, 'device')
    const message = `${describeFigures(figures)}: more than ${limit} failed`
    emit(draft, {
      type: 'PhaseHalted',
      ...ofRollout(rollout),
      phase: planned.name,
      ...figures,
      reason: 'FailureThreshold',
      message,
    })
    const halted = draft.control.rollouts.get(rollout.name) ?? rollout
    const because = `phase ${planned.name} halted: ${message}`
    if (planned.onHalt === 'Rollback') rollBack(draft, halted, 'FailureThreshold', because)
    else unapproveAll(draft, halted, 'FailureThreshold', because)
    return 'Decided'
  }
  return undefined
}

function supersededByNewer(draft: Draft, rollout: RolloutRecord): Step {
  if (!isUnfinished(rollout) || rollout.rule === undefined) return undefined
  const newer = [...draft.control.rollouts.values()].filter((other) => replaces(draft, other, rollout))
  for (const other of newer.sort(byAge).slice(-1)) {
    const message = `${other.name} goes on with the updates that are still wanted`
    emit(draft, {
      type: 'RolloutSuperseded',
      ...ofRollout(rollout),
      by: other.name,
      reason: 'SupersededByNewer',
      message,
    })
    unapproveAll(draft, rollout, 'SupersededByNewer', message)
    return 'Decided'
  }
  return undefined
}

// One that has started has taken the older one's place, however it has fared since, unless it was undone.
function replaces(draft: Draft, other: RolloutRecord, rollout: RolloutRecord): boolean {
  if (other.rule !== rollout.rule || !isNewer(other, rollout) || other.plan.onNewer !== 'Replace') return false
  if (other.status === 'Planned') return mayStart(draft, other)
  return other.rollbackAsked === undefined && ['Progressing', 'Halted', 'Succeeded'].includes(other.status)
}

// The parts of one evaluation stand beside each other.
function isNewer(other: RolloutRecord, rollout: RolloutRecord): boolean {
  return compareEvaluations(other, rollout) > 0
}

// Of several evaluations at one instant the later one has the higher number at the end of its name.
function compareEvaluations(a: RolloutRecord, b: RolloutRecord): number {
  return (
    a.plannedAt - b.plannedAt || (a.provenance.evaluation ?? 0) - (b.provenance.evaluation ?? 0) || compareWholes(a, b)
  )
}

function compareWholes(a: RolloutRecord, b: RolloutRecord): number {
  const [left, right] = [a, b].map(({ name }) => name.replace(/-part\d+$/, ''))
  return (left ?? '').length - (right ?? '').length || compareTexts(left ?? '', right ?? '')
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function mayStart(draft: Draft, rollout: RolloutRecord): boolean {
  return (
    rollout.rollbackAsked === undefined &&
    pauseWanted(draft, rollout) === undefined &&
    allWithdrawn(draft, rollout) === undefined
  )
}

function halted(draft: Draft, rollout: RolloutRecord): Step {
  if (rollout.status !== 'Halted') return undefined
  const index = rollout.phases.findIndex((phase) => phase.status === 'Halted')
  const phase = rollout.phases[index]
  const halt = phase !== undefined && isStarted(phase) ? phase.halt : undefined
  // A pause took the approvals back; only failures keep them back (docs/decisions/0003).
  if (halt?.reason !== 'FailureThreshold' && approvePhases(draft, rollout)) return 'Decided'
  const { commit, file } = rollout.provenance
  return {
    state: 'Stalled',
    phase: rollout.plan.phases[index]?.name ?? '',
    reason: halt?.reason ?? 'FailureThreshold',
    message: `${halt?.message}; \`ringmaster resume ${rollout.name}\` accepts this and goes on, \`ringmaster rollback ${rollout.name}\` ends it; it comes from ${commit === undefined ? file : `commit ${commit}`}`,
  }
}

function start(draft: Draft, rollout: RolloutRecord): Step {
  if (rollout.status !== 'Planned') return undefined
  const older = rollout.plan.onNewer === 'Queue' ? olderUnfinished(draft, rollout) : undefined
  if (older !== undefined)
    return {
      state: 'Waiting',
      reason: 'Queued',
      message: `waits until ${older.name}, an older rollout of the same rule, has ended`,
    }
  emit(draft, {
    type: 'RolloutStarted',
    ...ofRollout(rollout),
    reason: 'Started',
    message: `${plural(rollout.updates.length, 'update')} in ${plural(rollout.plan.phases.length, 'phase')}`,
  })
  return 'Decided'
}

function olderUnfinished(draft: Draft, rollout: RolloutRecord): RolloutRecord | undefined {
  if (rollout.rule === undefined) return undefined
  return [...draft.control.rollouts.values()]
    .filter((other) => other.rule === rollout.rule && isUnfinished(other) && isNewer(rollout, other))
    .sort(byAge)[0]
}

function byAge(a: RolloutRecord, b: RolloutRecord): number {
  return compareEvaluations(a, b) || a.name.length - b.name.length || compareTexts(a.name, b.name)
}

function approvals(draft: Draft, rollout: RolloutRecord): Step {
  return approvePhases(draft, rollout) || joinDevices(draft, rollout) ? 'Decided' : undefined
}

function finish(draft: Draft, rollout: RolloutRecord): Step {
  if (rollout.status === 'Succeeded')
    return { state: 'Ready', reason: 'LastPhaseSucceeded', message: 'every phase has passed its gate' }
  emit(draft, {
    type: 'RolloutSucceeded',
    ...ofRollout(rollout),
    reason: 'LastPhaseSucceeded',
    message: `every phase has passed its gate, ${describeLength(draft, rollout)} after the start`,
  })
  return 'Decided'
}

function describeLength(draft: Draft, rollout: RolloutRecord): string {
  const hours = Math.round((draft.now - rollout.plannedAt) / durationMs(Temporal.Duration.from('PT1H')))
  return hours < 48 ? `${hours} hours` : `${Math.round(hours / 24)} days`
}
