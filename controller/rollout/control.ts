// What has been decided so far about rules, rollouts and holds: plain immutable records, and `evolve`, the one function
// that changes them. The fold applies it to journaled decisions, `decide` to the ones it has just made, so both agree.
import { type BitPlane, clonePlane, setBit } from '../model/bit-plane.ts'
import type { Decision, GateFigures, HoldTerms, Provenance } from '../model/facts.ts'
import type { EpochMs } from '../model/instant.ts'
import { decodePlane, decodeRows } from '../model/plane-text.ts'
import type { Reason } from '../model/reasons.ts'
import type { ResolvedPlan } from '../model/resolved-plan.ts'
import type { UpdateId } from '../model/update.ts'
import { type Joined, withJoined } from './joined.ts'

export type Control = {
  readonly rules: ReadonlyMap<string, RuleRecord>
  readonly rollouts: ReadonlyMap<string, RolloutRecord>
  readonly holds: ReadonlyMap<string, HoldRecord>
}

export type RuleRecord = {
  /** When it was first declared: what was scheduled before is not made up for. */
  readonly since: EpochMs
  /** The newest scheduled instant that has been evaluated. */
  readonly scheduled?: EpochMs
  readonly evaluatedAt?: EpochMs
  /** What the criteria last selected for a rollout, sorted; an equal set again changes nothing. */
  readonly selected?: readonly UpdateId[]
  readonly outcome?: { readonly failed: boolean; readonly reason: Reason; readonly message: string }
  /** `ringmaster evaluate` was asked for and has not been done. */
  readonly requestedBy?: string
  /** Since the last evaluation: the catalog changed, the declaration of the rule changed. */
  readonly catalogChanged: boolean
  readonly declarationChanged: boolean
}

export type RolloutStatus = 'Planned' | 'Progressing' | 'Halted' | 'RolledBack' | 'Superseded' | 'Succeeded'

export type RolloutRecord = {
  readonly name: string
  readonly rule?: string
  readonly group: string
  /** The snapshot that every phase sees, sorted by id. */
  readonly updates: readonly UpdateId[]
  readonly plan: ResolvedPlan
  readonly provenance: Provenance
  readonly plannedAt: EpochMs
  readonly status: RolloutStatus
  readonly paused: boolean
  readonly phases: readonly PhaseRecord[]
  /** Go-aheads and signals given by command, by phase. */
  readonly approvals: ReadonlyMap<string, string>
  readonly signals: ReadonlyMap<string, string>
  readonly pauseAsked?: { readonly by: string; readonly reason?: string }
  readonly rollbackAsked?: { readonly reason: Reason; readonly message: string }
  /** Updates that some phase passed its gate without. They never went through it, so this rollout offers them no more. */
  readonly passedWithout: readonly UpdateId[]
  /** After a rollback: approved for removal where they are installed. */
  readonly uninstall: readonly UpdateId[]
  readonly ended?: { readonly at: EpochMs; readonly reason: Reason; readonly message: string }
}

export type PhaseRecord =
  | { readonly status: 'Waiting'; readonly approvalAwaited: boolean }
  | { readonly status: 'Skipped'; readonly at: EpochMs }
  | StartedPhase

export type StartedPhase = {
  readonly status: 'Active' | 'Halted' | 'Succeeded'
  readonly startedAt: EpochMs
  /** Before time basis, gradual availability and spread, which differ from device to device. */
  readonly available: EpochMs
  readonly deadline: EpochMs
  readonly targets: BitPlane
  readonly devices: number
  /** Devices that joined after the start; they are in `targets` too. */
  readonly joined?: Joined
  readonly approved: boolean
  /** Since when the success threshold has been met without a break. */
  readonly thresholdMetAt?: EpochMs
  /** The figures at the last change of status. */
  readonly figures?: GateFigures
  readonly succeededAt?: EpochMs
  readonly halt?: { readonly reason: Reason; readonly message: string; readonly at: EpochMs }
  /** Failures that a person accepted by resuming: only more than these halt again. */
  readonly acceptedFailures: number
  /** From when `timeout` counts: the start, or the last resumption. */
  readonly timeoutFrom: EpochMs
}

export type HoldRecord = HoldTerms & { readonly updates: readonly UpdateId[]; readonly reason: string }

export function newControl(): Control {
  return { rules: new Map(), rollouts: new Map(), holds: new Map() }
}

export function isStarted(phase: PhaseRecord): phase is StartedPhase {
  return phase.status === 'Active' || phase.status === 'Halted' || phase.status === 'Succeeded'
}

/** Not yet at one of its ends: it still waits for something, and says what. */
export function isUnfinished(rollout: RolloutRecord): boolean {
  return rollout.status === 'Planned' || rollout.status === 'Progressing' || rollout.status === 'Halted'
}

/** The record of control after a decision made at `at`. Deciding the same again changes nothing more. */
export function evolve(control: Control, at: EpochMs, decision: Decision): Control {
  switch (decision.type) {
    case 'RuleEvaluated':
      return ruleEvaluated(control, at, decision)
    case 'EvaluationFailed':
      return withRule(control, decision.rule, (rule) => ({
        ...withoutRequest(rule),
        scheduled: Math.max(decision.scheduled, rule.scheduled ?? 0),
        evaluatedAt: at,
        catalogChanged: false,
        declarationChanged: false,
        outcome: { failed: true, reason: decision.reason, message: decision.message },
      }))
    case 'RolloutPlanned':
      return rolloutPlanned(control, at, decision)
    case 'UpdatesHeld': {
      const { collections, until, uninstall } = decision.terms
      const hold: HoldRecord = {
        updates: decision.held,
        reason: decision.message,
        uninstall,
        ...(collections && { collections }),
        ...(until !== undefined && { until }),
      }
      return { ...control, holds: new Map(control.holds).set(decision.hold, hold) }
    }
    case 'HoldEnded': {
      const holds = new Map(control.holds)
      holds.delete(decision.hold)
      return { ...control, holds }
    }
    case 'UpdatesExpired':
    case 'DevicesStale':
      return control
    case 'PhaseSucceeded':
      return phaseSucceeded(control, at, decision)
    default:
      return withRollout(control, decision.rollout, (rollout) => rolloutAfter(rollout, at, decision))
  }
}

// What the gate was passed without counts as not selected yet, so that the rule's next evaluation takes it up again.
function phaseSucceeded(
  control: Control,
  at: EpochMs,
  decision: Extract<Decision, { readonly type: 'PhaseSucceeded' }>,
): Control {
  const passed = withRollout(control, decision.rollout, (rollout) => ({
    ...rolloutAfter(rollout, at, decision),
    passedWithout: [...new Set([...rollout.passedWithout, ...decision.without])].sort(),
  }))
  if (decision.rule === undefined || decision.without.length === 0) return passed
  const without = new Set(decision.without)
  return withRule(passed, decision.rule, (rule) =>
    rule.selected === undefined ? rule : { ...rule, selected: rule.selected.filter((id) => !without.has(id)) },
  )
}

export function withRule(control: Control, name: string, change: (rule: RuleRecord) => RuleRecord): Control {
  const rule = control.rules.get(name)
  return rule === undefined ? control : { ...control, rules: new Map(control.rules).set(name, change(rule)) }
}

export function withRollout(
  control: Control,
  name: string,
  change: (rollout: RolloutRecord) => RolloutRecord,
): Control {
  const rollout = control.rollouts.get(name)
  return rollout === undefined
    ? control
    : { ...control, rollouts: new Map(control.rollouts).set(name, change(rollout)) }
}

type RolloutDecision = Exclude<
  Extract<Decision, { readonly rollout: string }>,
  { readonly type: 'RuleEvaluated' | 'EvaluationFailed' | 'RolloutPlanned' }
>

function rolloutAfter(rollout: RolloutRecord, at: EpochMs, decision: RolloutDecision): RolloutRecord {
  switch (decision.type) {
    case 'RolloutStarted':
      return { ...rollout, status: 'Progressing' }
    case 'RolloutPaused':
      return { ...rollout, paused: true }
    case 'RolloutResumed':
      return {
        ...rollout,
        paused: false,
        phases: rollout.phases.map((phase) => (phase.status === 'Active' ? { ...phase, timeoutFrom: at } : phase)),
      }
    case 'RolloutSucceeded':
      return { ...rollout, status: 'Succeeded', ended: endOf(at, decision) }
    case 'RolloutSuperseded':
      return { ...rollout, status: 'Superseded', ended: endOf(at, decision) }
    case 'RolloutRolledBack':
      return { ...rollout, status: 'RolledBack', uninstall: decision.uninstall, ended: endOf(at, decision) }
    case 'UpdatesUnapproved':
      if (decision.withdrawn !== undefined) return rollout
      return {
        ...rollout,
        phases: rollout.phases.map((phase) => (isStarted(phase) ? { ...phase, approved: false } : phase)),
      }
    default: {
      const phases = rollout.plan.phases.map((planned, i) => {
        const phase = rollout.phases[i] ?? WAITING
        return planned.name === decision.phase ? phaseAfter(phase, at, decision) : phase
      })
      return { ...rollout, phases, status: decision.type === 'PhaseHalted' ? 'Halted' : rollout.status }
    }
  }
}

function endOf(at: EpochMs, { reason, message }: Decision): NonNullable<RolloutRecord['ended']> {
  return { at, reason, message }
}

type PhaseDecision = Extract<RolloutDecision, { readonly phase: string }>

const WAITING: PhaseRecord = { status: 'Waiting', approvalAwaited: false }

function phaseAfter(phase: PhaseRecord, at: EpochMs, decision: PhaseDecision): PhaseRecord {
  if (decision.type === 'PhaseStarted')
    return {
      status: 'Active',
      startedAt: at,
      available: decision.available,
      deadline: decision.deadline,
      targets: decodePlane(decision.targets),
      devices: decision.devices,
      approved: false,
      acceptedFailures: 0,
      timeoutFrom: at,
    }
  if (decision.type === 'PhaseSkipped') return { status: 'Skipped', at }
  if (decision.type === 'AwaitingApproval')
    return phase.status === 'Waiting' ? { status: 'Waiting', approvalAwaited: true } : phase
  if (decision.type === 'PhaseHalted') {
    const halt = { reason: decision.reason, message: decision.message, at }
    if (!isStarted(phase)) return { ...haltedBeforeStart(at), halt, figures: figuresOf(decision) }
    // Nobody watches the threshold of a halted phase, so a soak that it was in, or had passed, begins again.
    const { thresholdMetAt: _, succeededAt: __, ...rest } = phase
    return { ...rest, status: 'Halted', halt, figures: figuresOf(decision) }
  }
  return isStarted(phase) ? startedPhaseAfter(phase, at, decision) : phase
}

function startedPhaseAfter(phase: StartedPhase, at: EpochMs, decision: PhaseDecision): StartedPhase {
  switch (decision.type) {
    case 'UpdatesApproved':
      return { ...phase, approved: true }
    case 'TargetsJoined': {
      const targets = clonePlane(phase.targets)
      const rows = decodeRows(decision.targets).filter((row) => setBit(targets, row))
      if (rows.length === 0) return phase
      return { ...phase, targets, devices: phase.devices + rows.length, joined: withJoined(phase.joined, rows, at) }
    }
    case 'ThresholdMet':
      return { ...phase, thresholdMetAt: at, figures: figuresOf(decision) }
    case 'ThresholdLost': {
      const { thresholdMetAt: _, ...rest } = phase
      return { ...rest, figures: figuresOf(decision) }
    }
    case 'PhaseSucceeded':
      return { ...phase, status: 'Succeeded', succeededAt: at, figures: figuresOf(decision) }
    default:
      return phase
  }
}

function haltedBeforeStart(at: EpochMs): StartedPhase {
  return {
    status: 'Halted',
    startedAt: at,
    available: at,
    deadline: at,
    targets: { words: new Uint32Array() },
    devices: 0,
    approved: false,
    acceptedFailures: 0,
    timeoutFrom: at,
  }
}

function figuresOf(decision: GateFigures): GateFigures {
  return {
    targets: decision.targets,
    compliant: decision.compliant,
    failed: decision.failed,
    unknown: decision.unknown,
  }
}

function withoutRequest(rule: RuleRecord): RuleRecord {
  const { requestedBy: _, ...rest } = rule
  return rest
}

function ruleEvaluated(
  control: Control,
  at: EpochMs,
  decision: Extract<Decision, { readonly type: 'RuleEvaluated' }>,
): Control {
  const rollouts = new Map(control.rollouts)
  for (const planned of decision.rollouts)
    rollouts.set(planned.name, {
      ...newRollout(planned.name, planned.group, planned.updates, decision, at),
      rule: decision.rule,
    })
  return withRule({ ...control, rollouts }, decision.rule, (rule) => ({
    ...withoutRequest(rule),
    scheduled: Math.max(decision.scheduled, rule.scheduled ?? 0),
    evaluatedAt: at,
    catalogChanged: false,
    declarationChanged: false,
    ...(decision.rollouts.length > 0 && { selected: selectedBy(decision) }),
    outcome: { failed: false, reason: decision.reason, message: decision.message },
  }))
}

function selectedBy({ rollouts, carried }: Extract<Decision, { readonly type: 'RuleEvaluated' }>): UpdateId[] {
  const others = new Set(carried)
  return rollouts.flatMap(({ updates }) => updates.filter((id) => !others.has(id))).sort()
}

// A declared rollout is planned again when its group or its plan has changed. The same updates under a plan that begins
// with the same phases go on where they are; anything else begins again.
function rolloutPlanned(
  control: Control,
  at: EpochMs,
  decision: Extract<Decision, { readonly type: 'RolloutPlanned' }>,
): Control {
  const fresh = newRollout(decision.rollout, decision.group, decision.updates, decision, at)
  const before = control.rollouts.get(decision.rollout)
  const goesOn =
    before !== undefined &&
    before.status !== 'RolledBack' &&
    before.updates.join() === fresh.updates.join() &&
    before.phases.every((phase, i) => phase.status === 'Waiting' || samePhase(before.plan, fresh.plan, i))
  const planned = goesOn ? underNewPlan(before, fresh) : begunAgain(fresh, before)
  return { ...control, rollouts: new Map(control.rollouts).set(decision.rollout, planned) }
}

function underNewPlan(before: RolloutRecord, fresh: RolloutRecord): RolloutRecord {
  const { group, plan, provenance } = fresh
  const phases = fresh.phases.map((phase, i) => before.phases[i] ?? phase)
  const planned = { ...before, group, plan, provenance, phases }
  if (before.status !== 'Succeeded' || phases.every((phase) => phase.status !== 'Waiting')) return planned
  const { ended: _, ...goingOn } = planned
  return { ...goingOn, status: 'Progressing' }
}

// A person who paused it has not resumed it.
function begunAgain(fresh: RolloutRecord, before: RolloutRecord | undefined): RolloutRecord {
  return before?.pauseAsked === undefined ? fresh : { ...fresh, pauseAsked: before.pauseAsked }
}

function samePhase(a: ResolvedPlan, b: ResolvedPlan, i: number): boolean {
  const [before, after] = [a.phases[i], b.phases[i]]
  return before?.name === after?.name && before?.collection === after?.collection
}

function newRollout(
  name: string,
  group: string,
  updates: readonly UpdateId[],
  from: { readonly plan: ResolvedPlan; readonly provenance: Provenance },
  at: EpochMs,
): RolloutRecord {
  return {
    name,
    group,
    updates: updates.toSorted(),
    plan: from.plan,
    provenance: from.provenance,
    plannedAt: at,
    status: 'Planned',
    paused: false,
    phases: from.plan.phases.map(() => WAITING),
    approvals: new Map(),
    signals: new Map(),
    passedWithout: [],
    uninstall: [],
  }
}
