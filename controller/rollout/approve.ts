// Approving a phase's updates for its devices, and for those that join later. An approval is in force once it is in the
// journal, and every one names where it comes from (semantics.md §7).
import { type Collections, movedSince, movesOf } from '../fleet/collections.ts'
import type { BitPlane } from '../model/bit-plane.ts'
import type { Provenance } from '../model/facts.ts'
import { toRfc3339 } from '../model/instant.ts'
import { encodeRows } from '../model/plane-text.ts'
import { plural } from '../model/plural.ts'
import type { Reason } from '../model/reasons.ts'
import type { ResolvedPlan } from '../model/resolved-plan.ts'
import type { UpdateId } from '../model/update.ts'
import { isStarted, type RolloutRecord } from './control.ts'
import { type Draft, emit, wantedUpdates } from './draft.ts'
import { joiners } from './targets.ts'
import { ofRollout } from './unapprove.ts'

/** Approves phases that are under way and not approved, as after a start or a resumption. Returns whether there were any. */
export function approvePhases(draft: Draft, rollout: RolloutRecord): boolean {
  let approved = false
  rollout.phases.forEach((phase, index) => {
    const planned = rollout.plan.phases[index]
    if (planned === undefined || !isStarted(phase) || phase.approved || phase.devices === 0) return
    emitApproval(draft, rollout, planned.name, phase.devices)
    approved = true
  })
  return approved
}

/** Adds devices that came into a collection after the start of its phase. Returns whether there were any. */
export function joinDevices(draft: Draft, rollout: RolloutRecord): boolean {
  const { collections } = draft.world
  const targets = targetsOf(rollout)
  const [first] = targets
  if (first === undefined) return false
  const known = withoutJoiners.get(first)
  const isKnown = known !== undefined && isSame(known, { plan: rollout.plan, targets, collections })
  const moved = isKnown ? movedSince(collections, known.moves) : undefined
  if (moved?.length === 0) return false
  const found = joiners(draft.world, rollout, moved)
  for (const { index, rows } of found) {
    const planned = rollout.plan.phases[index]
    if (planned === undefined) continue
    const devices = rows.length
    const message = `${plural(devices, 'device')} joined collection ${planned.collection} after the phase had started`
    emit(draft, {
      type: 'TargetsJoined',
      ...ofRollout(rollout),
      phase: planned.name,
      targets: encodeRows(rows),
      devices,
      reason: 'NewDevices',
      message,
    })
    emitApproval(draft, rollout, planned.name, devices)
  }
  noteSettled(draft.control.rollouts.get(rollout.name) ?? rollout, collections)
  return found.length > 0
}

/** Says for each phase under way which of these updates it offers again: what kept them back is gone. */
export function approveAgain(draft: Draft, ids: ReadonlySet<UpdateId>, reason: Reason): void {
  for (const name of [...draft.control.rollouts.keys()].sort()) {
    const rollout = draft.control.rollouts.get(name)
    if (rollout === undefined) continue
    const updates = wantedUpdates(draft, rollout).filter((id) => ids.has(id)).length
    if (updates === 0) continue
    rollout.phases.forEach((phase, index) => {
      const planned = rollout.plan.phases[index]
      if (planned === undefined || !isStarted(phase) || !phase.approved) return
      const { devices } = phase
      const message = describeProvenance(rollout.provenance)
      emit(draft, {
        type: 'UpdatesApproved',
        ...ofRollout(rollout),
        phase: planned.name,
        updates,
        devices,
        reason,
        message,
      })
    })
  }
}

/** "rule r, evaluation t, revision v (commit, person)": what an approval came from. */
export function describeProvenance(from: Provenance): string {
  const parts = [
    from.rule === undefined ? `declared in ${from.file}` : `rule ${from.rule}`,
    ...(from.evaluation === undefined ? [] : [`evaluation ${toRfc3339(from.evaluation)}`]),
    `revision ${from.revision}`,
    ...(from.commit === undefined ? [] : [`commit ${from.commit}`]),
    ...(from.author === undefined ? [] : [`by ${from.author}`]),
    ...(from.signedBy === undefined ? [] : [`signed by ${from.signedBy}`]),
  ]
  return parts.join(', ')
}

function emitApproval(draft: Draft, rollout: RolloutRecord, phase: string, devices: number): void {
  emit(draft, {
    type: 'UpdatesApproved',
    ...ofRollout(rollout),
    phase,
    updates: wantedUpdates(draft, rollout).length,
    devices,
    reason: 'PhaseApproved',
    message: describeProvenance(rollout.provenance),
  })
}

type Settled = {
  readonly plan: ResolvedPlan
  readonly targets: readonly BitPlane[]
  readonly collections: Collections
  readonly moves: number
}

function targetsOf({ phases }: RolloutRecord): BitPlane[] {
  return phases.flatMap((phase) => (isStarted(phase) ? [phase.targets] : []))
}

// Whoever could join the rollout has.
function noteSettled(rollout: RolloutRecord, collections: Collections): void {
  const targets = targetsOf(rollout)
  const [first] = targets
  if (first !== undefined)
    withoutJoiners.set(first, { plan: rollout.plan, targets, collections, moves: movesOf(collections) })
}

// Nobody joins a rollout that has these targets under this plan, after so many moves: only those who moved later can. By the
// targets of the first phase; like plans, these are replaced and never changed.
const withoutJoiners = new WeakMap<BitPlane, Settled>()

function isSame(known: Settled, { plan, targets, collections }: Omit<Settled, 'moves'>): boolean {
  return (
    known.plan === plan &&
    known.collections === collections &&
    known.targets.length === targets.length &&
    targets.every((plane, i) => plane === known.targets[i])
  )
}
