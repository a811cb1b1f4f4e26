// The laws of architecture.md ("What `decide` returns, and its laws"), as checks of a story at any point. Each throws when broken.
import { stateOf } from '../../controller/catalog/catalog.ts'
import { hasBit } from '../../controller/model/bit-plane.ts'
import type { Decision } from '../../controller/model/facts.ts'
import type { EpochMs } from '../../controller/model/instant.ts'
import { durationMs } from '../../controller/model/instant.ts'
import { MAX_UPDATES_PER_GROUP } from '../../controller/model/limits.ts'
import type { ResolvedPhase, ResolvedPlan, Threshold } from '../../controller/model/resolved-plan.ts'
import type { UpdateId } from '../../controller/model/update.ts'
import { isStarted, isUnfinished } from '../../controller/rollout/control.ts'
import { gateFigures } from '../../controller/rollout/evidence.ts'
import { holdsOn, offersFor } from '../../controller/rollout/offers.ts'
import { decide } from '../../controller/state/decide.ts'
import { type Entry, figuresFromPlanes, type Story } from './story.ts'
import { type Witness, witnessedFigures } from './witness.ts'

export function groupsAreSmall({ state }: Story): void {
  for (const { name, updates } of state.control.rollouts.values())
    require(updates.length <= MAX_UPDATES_PER_GROUP, () => `${name} holds ${updates.length} updates`)
}

/** Installs come from phases that are started and approved, to their targets, of rollouts that are not stopped; never of what is held or gone. */
export function offersKeepToPhases({ state }: Story): void {
  const { control, fleet, catalog } = state
  for (const row of fleet.ids.keys())
    for (const { action, update, approvals } of offersFor(state, row).offers) {
      if (action !== 'Install') continue
      const what = () => `${update.id} for ${fleet.ids[row]}`
      require(hasBit(fleet.present, row), () => `${what()}, which is removed`)
      require(approvals.length > 0, () => `${what()} without an approval`)
      require(['Normal', 'Superseded'].includes(stateOf(catalog, update.id) ?? ''), () => `${what()}, which is gone`)
      require(holdsOn(state, update.id, row).length === 0, () => `${what()}, which is held`)
      for (const from of approvals) {
        const rollout = control.rollouts.get(from.rollout)
        const phase = rollout?.phases[rollout.plan.phases.findIndex((planned) => planned.name === from.phase)]
        const good = phase !== undefined && isStarted(phase) && phase.approved && hasBit(phase.targets, row)
        require(good, () => `${what()} by ${from.rollout}/${from.phase}, which does not target it`)
        const stopped = rollout?.paused || rollout?.status === 'RolledBack' || rollout?.status === 'Superseded'
        require(!stopped, () => `${what()} by ${from.rollout}, which is ${rollout?.status}`)
        const failed = rollout?.phases.some((one) => isStarted(one) && one.halt?.reason === 'FailureThreshold')
        require(!failed, () => `${what()} by ${from.rollout}, which halted`)
      }
    }
}

/** An approved phase comes from a rule or a rollout that was declared, in a revision and a file. */
export function approvalsHaveProvenance({ state, facts }: Story): void {
  const declared = new Set<string>()
  for (const { fact } of facts)
    if (fact.type === 'ObjectsDeclared') for (const { kind, name } of fact.put) declared.add(`${kind} ${name}`)
  for (const { name, phases, provenance } of state.control.rollouts.values()) {
    if (!phases.some((phase) => isStarted(phase) && phase.approved)) continue
    const from = provenance.rule === undefined ? `Rollout ${name}` : `AutomaticDeploymentRule ${provenance.rule}`
    require(declared.has(from) && provenance.revision !== '' && provenance.file !== '', () => `${name} from ${from}`)
  }
}

/** The counters are what the planes say, and what a slow reading of all reports says. */
export function countersAreTrue({ state }: Story, seen: Witness, replanned: ReadonlySet<string>): void {
  for (const rollout of state.control.rollouts.values()) {
    if (!isUnfinished(rollout)) continue
    for (const [index, phase] of rollout.phases.entries()) {
      if (!isStarted(phase)) continue
      const what = `${rollout.name}/${rollout.plan.phases[index]?.name}`
      const counted = JSON.stringify(gateFigures(state, rollout, index))
      const computed = JSON.stringify(figuresFromPlanes(state, rollout, index))
      require(counted === computed, () => `${what}: counted ${counted}, computed ${computed}`)
      // What was reported under an earlier plan stays evidence, and the witness does not know that plan.
      if (replanned.has(rollout.name)) continue
      const witnessed = JSON.stringify(witnessedFigures(seen, state, rollout, index))
      require(counted === witnessed, () => `${what}: counted ${counted}, witnessed ${witnessed}`)
    }
  }
}

/** Until the wake-up, and at an instant before the present, the answer stays the same. */
export function sleepsUntilTheWakeUp({ state, now, next, notes }: Story): void {
  const last = Math.min(next - 1, now + 400 * 24 * 3_600_000)
  for (const at of [now - 5_000, now + Math.floor((last - now) / 3), last]) {
    const { decisions, notes: later } = decide(state, Temporal.Instant.fromEpochMilliseconds(at))
    require(decisions.length === 0, () => `decides ${decisions[0]?.type} at ${at}, before ${next}`)
    require(JSON.stringify(later) === JSON.stringify(notes), () => `other notes at ${at}, before ${next}`)
  }
}

/** A rollout that is not finished names what it waits for. */
export function waitsAreNamed({ state, notes }: Story): void {
  for (const rollout of state.control.rollouts.values()) {
    const own = notes.filter((note) => note.kind === 'Rollout' && note.name === rollout.name)
    const waits = own.some((note) => note.state !== 'Ready' && note.message !== '')
    require(!isUnfinished(rollout) || waits, () => `${rollout.name} is ${rollout.status} and says nothing`)
    for (const note of own)
      require(note.until === undefined || note.until > state.clock, () => `${rollout.name} waits for the past`)
  }
}

type Tracked = {
  plan: ResolvedPlan
  started: boolean
  rolledBack: boolean
  readonly phases: { status: 'Waiting' | 'Active' | 'Halted' | 'Succeeded' | 'Skipped'; metAt?: EpochMs | undefined }[]
}

/** Reads the decisions alone: no phase before its predecessor's gate and soak, no approval of what was rolled back. */
export type Log = Map<string, Tracked>

export function readLog(log: Log, at: EpochMs, decision: Decision): void {
  if (decision.type === 'RuleEvaluated')
    for (const { name, updates } of decision.rollouts) {
      require(updates.length <= MAX_UPDATES_PER_GROUP, () => `${name} is planned with ${updates.length} updates`)
      log.set(name, newTracked(decision.plan))
    }
  if (decision.type === 'RolloutPlanned') planned(log, decision.rollout, decision.plan)
  if (!('rollout' in decision)) return
  const tracked = log.get(decision.rollout)
  if (tracked === undefined) throw new Error(`${decision.type} of ${decision.rollout}, which was never planned`)
  if (decision.type === 'RolloutStarted') {
    tracked.started = true
    tracked.rolledBack = false
    tracked.phases.splice(0, Infinity, ...newTracked(tracked.plan).phases)
  }
  if (decision.type === 'RolloutRolledBack') tracked.rolledBack = true
  if ('phase' in decision) readPhase(tracked, at, decision)
}

/** After everything of a step has been read. */
export function rolledBackStaysSo({ state }: Story, log: Log): void {
  for (const [name, { rolledBack }] of log) {
    const rollout = state.control.rollouts.get(name)
    if (!rolledBack || rollout?.status !== 'RolledBack') continue
    require(!rollout.phases.some((phase) => isStarted(phase) && phase.approved), () => `${name} is still approved`)
  }
}

type InPhase = Extract<Decision, { readonly phase: string }>

function readPhase(tracked: Tracked, at: EpochMs, decision: InPhase): void {
  const index = tracked.plan.phases.findIndex(({ name }) => name === decision.phase)
  const [phase, planned] = [tracked.phases[index], tracked.plan.phases[index]]
  const what = () => `${decision.type} of ${decision.rollout}/${decision.phase}`
  if (phase === undefined || planned === undefined) throw new Error(`${what()}, which is not in the plan`)
  require(tracked.started, () => `${what()} before the rollout started`)
  const passed = tracked.phases.slice(0, index).every(({ status }) => status === 'Succeeded' || status === 'Skipped')
  if (decision.type === 'PhaseStarted' || decision.type === 'PhaseSkipped') {
    require(passed, () => `${what()} before the phases before it passed`)
    require(phase.status === 'Waiting' || phase.status === 'Halted', () => `${what()}, which is ${phase.status}`)
    phase.status = decision.type === 'PhaseStarted' ? 'Active' : 'Skipped'
  }
  if (decision.type === 'UpdatesApproved') {
    require(!tracked.rolledBack, () => `${what()} after its rollback`)
    require(!['Waiting', 'Skipped'].includes(phase.status), () => `${what()}, which is ${phase.status}`)
  }
  if (decision.type === 'ThresholdMet') {
    require(reaches(planned.success, decision), () => `${what()} with ${JSON.stringify(decision)}`)
    phase.metAt = at
  }
  if (decision.type === 'ThresholdLost') phase.metAt = undefined
  if (decision.type === 'PhaseHalted') {
    phase.status = 'Halted'
    phase.metAt = undefined
  }
  if (decision.type === 'PhaseSucceeded') {
    const soaked = phase.metAt !== undefined && at - phase.metAt >= soakOf(planned)
    require(soaked && reaches(planned.success, decision), () => `${what()} before its gate and soak`)
    phase.status = 'Succeeded'
  }
}

function planned(log: Log, name: string, plan: ResolvedPlan): void {
  const before = log.get(name)
  if (before === undefined) log.set(name, newTracked(plan))
  else {
    before.plan = plan
    before.phases.push(...newTracked(plan).phases.slice(before.phases.length))
  }
}

function newTracked(plan: ResolvedPlan): Tracked {
  return { plan, started: false, rolledBack: false, phases: plan.phases.map(() => ({ status: 'Waiting' })) }
}

function reaches(threshold: Threshold, { targets, compliant }: { targets: number; compliant: number }): boolean {
  const needed = threshold.type === 'Count' ? threshold.value : Math.ceil((targets * threshold.value) / 100)
  return targets > 0 && compliant >= needed
}

function soakOf({ soak }: ResolvedPhase): number {
  return durationMs(Temporal.Duration.from(soak))
}

/** The updates of new groups are wanted: neither held everywhere, nor expired, nor declined. */
export function newGroupsAreWanted({ state }: Story, decided: readonly Entry<Decision>[]): void {
  const held = new Set<UpdateId>()
  for (const hold of state.control.holds.values()) if (!hold.collections) for (const id of hold.updates) held.add(id)
  for (const { fact: decision } of decided)
    if (decision.type === 'RuleEvaluated')
      for (const id of decision.rollouts.flatMap(({ updates }) => updates)) {
        const known = stateOf(state.catalog, id)
        require(!held.has(id), () => `${decision.rule} selected ${id}, which is held`)
        require(known === 'Normal' || known === 'Superseded', () =>
          `${decision.rule} selected ${id}, which is ${known}`)
      }
}

function require(holds: boolean, broken: () => string): void {
  if (!holds) throw new Error(broken())
}
