// The ordinary course of a rollout: a phase passes its gate and soak, the next one starts (semantics.md §6).
import { type BitPlane, countBits } from '../model/bit-plane.ts'
import type { Decision } from '../model/facts.ts'
import { type EpochMs, HOUR, toRfc3339 } from '../model/instant.ts'
import { encodePlane } from '../model/plane-text.ts'
import { plural } from '../model/plural.ts'
import type { ResolvedPhase } from '../model/resolved-plan.ts'
import { isStarted, type RolloutRecord, type StartedPhase } from './control.ts'
import { type Draft, emit, figuresInDraft, type Step, wakeAt, wantedUpdates } from './draft.ts'
import { describeFigures, devicesNeeded, isMet } from './gate.ts'
import { describeMisfits, misfitsOf } from './never-fits.ts'
import { lengthOf, phaseCandidates } from './targets.ts'
import { ofRollout } from './unapprove.ts'

/** The gate of the active phase: threshold, soak, and the time it may take. */
export function passGate(draft: Draft, rollout: RolloutRecord): Step {
  const index = rollout.phases.findIndex((phase) => phase.status === 'Active')
  const phase = rollout.phases[index]
  const planned = rollout.plan.phases[index]
  if (phase === undefined || planned === undefined || !isStarted(phase)) return undefined
  const figures = figuresInDraft(draft, rollout, index)
  const common = { ...ofRollout(rollout), phase: planned.name, ...figures }
  if (phase.thresholdMetAt === undefined && isMet(planned.success, figures)) {
    emit(draft, {
      type: 'ThresholdMet',
      ...common,
      reason: 'ThresholdMet',
      message: `${describeFigures(figures)}: soak of ${planned.soak} begins`,
    })
    return 'Decided'
  }
  if (phase.thresholdMetAt !== undefined) {
    const until = phase.thresholdMetAt + lengthOf(planned.soak)
    if (draft.now >= until) {
      const wanted = new Set(wantedUpdates(draft, rollout))
      const without = rollout.updates.filter((id) => !wanted.has(id) && !rollout.passedWithout.includes(id))
      const left =
        without.length === 0 ? '' : `; ${plural(without.length, 'update')} held or gone: left out from here on`
      emit(draft, {
        type: 'PhaseSucceeded',
        ...common,
        without,
        reason: 'SoakPassed',
        message: `${describeFigures(figures)}, and were for ${planned.soak}${left}`,
      })
      return 'Decided'
    }
    wakeAt(draft, until)
    return {
      state: 'Waiting',
      phase: planned.name,
      reason: 'Soaking',
      message: `phase ${planned.name}: ${describeFigures(figures)}; soaks until ${toRfc3339(until)}`,
      until,
    }
  }
  return waitForGate(draft, rollout, planned, phase, common)
}

/** The active phase no longer meets its threshold: its soak is broken. */
export function loseThreshold(draft: Draft, rollout: RolloutRecord): Step {
  for (const [index, phase] of rollout.phases.entries()) {
    const planned = rollout.plan.phases[index]
    if (planned === undefined || phase.status !== 'Active' || phase.thresholdMetAt === undefined) continue
    const figures = figuresInDraft(draft, rollout, index)
    if (isMet(planned.success, figures)) continue
    emit(draft, {
      type: 'ThresholdLost',
      ...ofRollout(rollout),
      phase: planned.name,
      ...figures,
      reason: 'ThresholdLost',
      message: describeFigures(figures),
    })
    return 'Decided'
  }
  return undefined
}

type GateCommon = Omit<Extract<Decision, { readonly type: 'PhaseHalted' }>, 'type' | 'reason' | 'message'>

function waitForGate(
  draft: Draft,
  rollout: RolloutRecord,
  planned: ResolvedPhase,
  phase: StartedPhase,
  common: GateCommon,
): Step {
  const needed = devicesNeeded(planned.success, common.targets)
  const gate = `phase ${planned.name}: ${describeFigures(common)}; ${needed} have to be compliant`
  if (planned.timeout === undefined)
    return common.targets === 0 || needed > common.targets
      ? { state: 'Stalled', phase: planned.name, reason: 'GateUnreachable', message: `${gate}: this can never be met` }
      : { state: 'Waiting', phase: planned.name, reason: 'GateOpen', message: gate }
  const until = phase.timeoutFrom + lengthOf(planned.timeout)
  if (draft.now >= until) {
    const message = `${describeFigures(common)}; ${needed} had to be compliant within ${planned.timeout}`
    emit(draft, { type: 'PhaseHalted', ...common, ...ofRollout(rollout), reason: 'PhaseTimeout', message })
    return 'Decided'
  }
  wakeAt(draft, until)
  return {
    state: 'Waiting',
    phase: planned.name,
    reason: 'GateOpen',
    message: `${gate}, by ${toRfc3339(until)}`,
    until,
  }
}

/** Starts the first phase that waits, once the one before it lets it. */
export function startNextPhase(draft: Draft, rollout: RolloutRecord): Step {
  const index = rollout.phases.findIndex((phase) => phase.status === 'Waiting')
  const phase = rollout.phases[index]
  const planned = rollout.plan.phases[index]
  if (phase?.status !== 'Waiting' || planned === undefined) return undefined
  const wait = promotionWait(draft, rollout, index)
  if (wait !== undefined) return wait
  const targets = phaseCandidates(draft.world, rollout, index)
  if (targets === undefined)
    return {
      state: 'Stalled',
      phase: planned.name,
      reason: 'CollectionNotFound',
      message: `phase ${planned.name}: there is no collection ${planned.collection}`,
    }
  const devices = countBits(targets)
  if (devices === 0) return emptyPhase(draft, rollout, planned)
  startPhase(draft, rollout, index, planned, targets, devices)
  return 'Decided'
}

// `promotion` belongs to the phase that was passed: how the rollout is promoted out of it.
function promotionWait(draft: Draft, rollout: RolloutRecord, index: number): Step {
  const before = rollout.plan.phases[index - 1]
  const phase = rollout.phases[index]
  const planned = rollout.plan.phases[index]
  if (before === undefined || planned === undefined || before.promotion === 'Automatic') return undefined
  if (before.promotion === 'Signal') {
    if (rollout.signals.has(planned.name)) return undefined
    const message = `phase ${planned.name} starts at the signal: POST /v1/rollouts/${rollout.name}/phases/${planned.name}/signal`
    return { state: 'Waiting', phase: planned.name, reason: 'AwaitingSignal', message }
  }
  if (approverOf(draft, rollout, planned.name) !== undefined) return undefined
  const message = `phase ${planned.name} needs a go-ahead: a PhaseApproval, or \`ringmaster approve ${rollout.name} ${planned.name}\``
  if (phase?.status === 'Waiting' && !phase.approvalAwaited) {
    emit(draft, {
      type: 'AwaitingApproval',
      ...ofRollout(rollout),
      phase: planned.name,
      reason: 'AwaitingApproval',
      message,
    })
    return 'Decided'
  }
  return { state: 'Stalled', phase: planned.name, reason: 'AwaitingApproval', message }
}

function approverOf(draft: Draft, rollout: RolloutRecord, phase: string): string | undefined {
  const commanded = rollout.approvals.get(phase)
  if (commanded !== undefined) return commanded
  const approvers: string[] = []
  for (const object of draft.world.objects.PhaseApproval.values())
    if (object.kind === 'PhaseApproval' && object.spec.rollout === rollout.name && object.spec.phase === phase)
      approvers.push(object.spec.approvedBy)
  return approvers.length === 0 ? undefined : approvers.sort().join(' and ')
}

// A mistyped selector must not sail through the gate. It is no failure of the updates, so nothing is rolled back.
function emptyPhase(draft: Draft, rollout: RolloutRecord, planned: ResolvedPhase): Step {
  const common = { ...ofRollout(rollout), phase: planned.name, reason: 'EmptyPhase' as const }
  const part = planned.percent === 100 ? '' : `${planned.percent} % of `
  const message = `no device is in ${part}collection ${planned.collection} that is not in an earlier phase`
  if (planned.whenEmpty === 'Skip') emit(draft, { type: 'PhaseSkipped', ...common, message })
  else
    emit(draft, {
      type: 'PhaseHalted',
      ...common,
      targets: 0,
      compliant: 0,
      failed: 0,
      unknown: 0,
      message: `${message}; add devices, or set whenEmpty: Skip`,
    })
  return 'Decided'
}

function startPhase(
  draft: Draft,
  rollout: RolloutRecord,
  index: number,
  planned: ResolvedPhase,
  targets: BitPlane,
  devices: number,
): void {
  const { available, deadline } = phaseTimes(rollout, planned, index, draft.now)
  const before = rollout.plan.phases[index - 1]
  const by = before?.promotion === 'Manual' ? `, approved by ${approverOf(draft, rollout, planned.name)}` : ''
  const wanted = wantedUpdates(draft, rollout)
  const misfits = misfitsOf(draft.world, planned.deployment, targets, wanted, draft.now)
  const unfit = misfits === undefined ? '' : `; NeverFits: ${describeMisfits(misfits)}`
  emit(draft, {
    type: 'PhaseStarted',
    ...ofRollout(rollout),
    phase: planned.name,
    targets: encodePlane(targets),
    devices,
    updates: rollout.updates.length,
    available,
    deadline,
    reason: index === 0 ? 'FirstPhase' : 'PreviousPhaseSucceeded',
    message: `${plural(devices, 'device')} of collection ${planned.collection}${by}; available ${toRfc3339(available)}, deadline ${toRfc3339(deadline)}${unfit}`,
  })
}

// The first phase counts from the evaluation's scheduled instant, later ones from their own start (semantics.md §3). A
// rollout that starts late (review gate, queue) still gives its devices the whole time from available to deadline.
function phaseTimes(
  rollout: RolloutRecord,
  planned: ResolvedPhase,
  index: number,
  now: EpochMs,
): { available: EpochMs; deadline: EpochMs } {
  const from = index === 0 ? (rollout.provenance.evaluation ?? now) : now
  const available = from + lengthOf(planned.deployment.availableAfter)
  const since = now - available > ON_TIME_MS ? now : available
  return { available, deadline: since + lengthOf(planned.deployment.deadlineAfter) }
}

/** A start within this of the scheduled instant is on time: it took so long to evaluate, sync or wake up. */
const ON_TIME_MS = HOUR
