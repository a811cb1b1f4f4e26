// A decision in the making: what the planners of this folder have decided so far in one call of `decide`, what they have
// to say about it, and when to look again. Each planner sees control as the decisions before it have left it.
import { type BitPlane, clonePlane, countShared, hasBit, setBit } from '../model/bit-plane.ts'
import type { ObjectRef } from '../model/declared.ts'
import type { Decision, GateFigures } from '../model/facts.ts'
import type { EpochMs } from '../model/instant.ts'
import type { Reason } from '../model/reasons.ts'
import type { UpdateId } from '../model/update.ts'
import { type Control, evolve, isStarted, type RolloutRecord, type StartedPhase } from './control.ts'
import { effectiveUpdates, gateFigures } from './evidence.ts'
import { computeFigures } from './recount.ts'
import type { World } from './world.ts'

/** What is to be said about an object for now: status, `explain`, stories and pull requests speak from these. */
export type Note = ObjectRef & {
  /** `Waiting`: goes on by itself. `Stalled`: needs a person. `Ready`: nothing is left to do. */
  readonly state: 'Ready' | 'Waiting' | 'Stalled'
  readonly phase?: string
  readonly reason: Reason
  readonly message: string
  /** When the wait ends by itself, where that is known. */
  readonly until?: EpochMs
}

/** What an interrupt says of a rollout: it decided something (look again), it waits (say so, and nothing below is asked), or it does not apply. */
export type Step = 'Decided' | Omit<Note, 'kind' | 'name'> | undefined

export type Draft = {
  readonly world: World
  readonly now: EpochMs
  control: Control
  readonly decisions: Decision[]
  readonly notes: Note[]
  /** The next instant at which the answer can change by itself; Infinity for never. */
  next: EpochMs
  /** What has been decided here and is not in the world yet, and changes what gates count. */
  readonly expiring: Set<UpdateId>
  /** Declared rollouts that were planned here: what the world has counted for them is about what they were. */
  readonly planned: Map<string, 'BeginsAgain' | 'GoesOn'>
  stale: BitPlane
  /** Those of `stale` that are not marked in the world yet. */
  silent: readonly number[]
  /** Other updates may be wanted than the world has counted. */
  wantedChanged: boolean
}

export function newDraft(world: World, now: EpochMs): Draft {
  return {
    world,
    now,
    control: world.control,
    decisions: [],
    notes: [],
    next: Infinity,
    expiring: new Set(),
    planned: new Map(),
    stale: world.fleet.stale,
    silent: [],
    wantedChanged: false,
  }
}

export function emit(draft: Draft, decision: Decision): void {
  draft.decisions.push(decision)
  const before = draft.control
  draft.control = evolve(before, draft.now, decision)
  made.set(decision, { before, at: draft.now, after: draft.control })
  if (decision.type === 'UpdatesExpired') for (const id of decision.expired) draft.expiring.add(id)
  if (decision.type === 'RolloutPlanned') {
    const { status } = draft.control.rollouts.get(decision.rollout) ?? {}
    draft.planned.set(decision.rollout, status === 'Planned' ? 'BeginsAgain' : 'GoesOn')
  }
  if (decision.type === 'UpdatesExpired' || decision.type === 'UpdatesHeld' || decision.type === 'HoldEnded')
    draft.wantedChanged = true
}

// What decisions made here come to: they are folded next, and their planes are as long as the fleet.
const made = new WeakMap<Decision, { readonly before: Control; readonly at: EpochMs; readonly after: Control }>()

/** The same as `evolve`, and the very record that was made when this was decided, if it was decided here and upon this control. */
export function evolveDecided(control: Control, at: EpochMs, decision: Decision): Control {
  const known = made.get(decision)
  return known?.before === control && known.at === at ? known.after : evolve(control, at, decision)
}

export function markStaleInDraft(draft: Draft, rows: readonly number[]): void {
  draft.stale = clonePlane(draft.stale)
  for (const row of rows) setBit(draft.stale, row)
  draft.silent = [...draft.silent, ...rows]
}

/** Asks to be called again at `at`, where that lies ahead. */
export function wakeAt(draft: Draft, at: EpochMs | undefined): void {
  if (at !== undefined && at > draft.now && at < draft.next) draft.next = at
}

/** The updates of a rollout that may still be approved, with what was decided here. */
export function wantedUpdates(draft: Draft, rollout: RolloutRecord): UpdateId[] {
  return effectiveUpdates(draft.world, rollout, draft.control).filter((id) => !draft.expiring.has(id))
}

/** Gate figures with what was decided here; from the counters where that changes nothing. */
export function figuresInDraft(draft: Draft, rollout: RolloutRecord, index: number): GateFigures {
  const phase = rollout.phases[index]
  if (draft.planned.get(rollout.name) === 'BeginsAgain') {
    const targets = phase && isStarted(phase) ? countShared(phase.targets, draft.world.fleet.present) : 0
    return { targets, compliant: 0, failed: 0, unknown: targets }
  }
  if (phase === undefined || !isStarted(phase)) return gateFigures(draft.world, rollout, index)
  if (countersHold(draft, rollout))
    return withoutSilent(draft, rollout, phase, gateFigures(draft.world, rollout, index))
  return computeFigures(draft.world, rollout, index, phase, wantedUpdates(draft, rollout), draft.stale)
}

function countersHold(draft: Draft, rollout: RolloutRecord): boolean {
  const { world, planned, wantedChanged } = draft
  if (planned.has(rollout.name)) return false
  return !wantedChanged || world.evidence.get(rollout.name)?.effective.join() === wantedUpdates(draft, rollout).join()
}

// A device that falls silent has said nothing any more, and has still failed.
function withoutSilent(
  draft: Draft,
  { name }: RolloutRecord,
  { targets }: StartedPhase,
  counted: GateFigures,
): GateFigures {
  const evidence = draft.world.evidence.get(name)
  if (evidence === undefined) return counted
  let { compliant, unknown } = counted
  for (const row of draft.silent) {
    if (!hasBit(targets, row)) continue
    if (hasBit(evidence.reported, row)) unknown++
    if (hasBit(evidence.compliant, row)) compliant--
  }
  return { ...counted, compliant, unknown }
}
