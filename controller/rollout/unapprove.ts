// Taking approvals back (semantics.md §7). Nothing here asks about windows, freezes or gates: undoing is never held up.
import { updateOf } from '../catalog/catalog.ts'
import { type BitPlane, clonePlane, countBits, countShared, intersect, newPlane, unite } from '../model/bit-plane.ts'
import { plural } from '../model/plural.ts'
import type { Reason } from '../model/reasons.ts'
import type { UpdateId } from '../model/update.ts'
import { isStarted, type RolloutRecord } from './control.ts'
import { type Draft, emit } from './draft.ts'
import type { World } from './world.ts'

/** Every device that some phase of the rollout is approved for. */
export function approvedTargets(rollout: RolloutRecord): BitPlane {
  const targets = newPlane()
  for (const phase of rollout.phases) if (isStarted(phase) && phase.approved) unite(targets, phase.targets)
  return targets
}

/** Takes back all approvals of a rollout, where it has any. */
export function unapproveAll(draft: Draft, rollout: RolloutRecord, reason: Reason, message: string): void {
  const devices = countBits(approvedTargets(rollout))
  if (devices === 0) return
  emit(draft, {
    type: 'UpdatesUnapproved',
    ...ofRollout(rollout),
    updates: rollout.updates.length,
    devices,
    reason,
    message,
  })
}

/** Says for each rollout which of these updates it offers no more; the others stay approved. */
export function unapproveSome(draft: Draft, ids: readonly UpdateId[], reason: Reason, message: string): void {
  const gone = new Set(ids)
  for (const name of [...draft.control.rollouts.keys()].sort()) {
    const rollout = draft.control.rollouts.get(name)
    const withdrawn = rollout?.updates.filter((id) => gone.has(id) && !rollout.passedWithout.includes(id)) ?? []
    if (rollout === undefined || withdrawn.length === 0) continue
    const devices = countBits(approvedTargets(rollout))
    if (devices === 0) continue
    emit(draft, {
      type: 'UpdatesUnapproved',
      ...ofRollout(rollout),
      updates: withdrawn.length,
      devices,
      withdrawn,
      reason,
      message,
    })
  }
}

/** Rolls a rollout back: ends it, takes back its approvals, and says what is to be uninstalled and what cannot be undone. */
export function rollBack(draft: Draft, rollout: RolloutRecord, reason: Reason, message: string): void {
  const devices = countBits(approvedTargets(rollout))
  const installed = installedByUpdate(draft.world, rollout)
  const canUndo = (id: UpdateId) => updateOf(draft.world.catalog, id)?.uninstallable === true
  // Also those that no device has yet: an installation that is running now still finishes.
  const uninstall = rollout.plan.uninstallOnRollback ? rollout.updates.filter(canUndo) : []
  const cannotUndo = [...installed]
    .filter(([id]) => !canUndo(id))
    .map(([update, count]) => ({ update, devices: count }))
  const removed =
    uninstall.length === 0 ? '' : `; ${plural(uninstall.length, 'update')} will be uninstalled where installed`
  const rest = cannotUndo.length === 0 ? '' : `; ${plural(cannotUndo.length, 'installed update')} cannot be uninstalled`
  emit(draft, {
    type: 'RolloutRolledBack',
    ...ofRollout(rollout),
    updates: rollout.updates.length,
    devices,
    uninstall,
    cannotUndo,
    reason,
    message: message + removed + rest,
  })
  unapproveAll(draft, rollout, reason, message)
}

/** The fields that name a rollout in its decisions. */
export function ofRollout(rollout: RolloutRecord): { rollout: string; rule?: string } {
  return { rollout: rollout.name, ...(rollout.rule !== undefined && { rule: rollout.rule }) }
}

function installedByUpdate(world: World, rollout: RolloutRecord): Map<UpdateId, number> {
  const targets = newPlane()
  for (const phase of rollout.phases) if (isStarted(phase)) unite(targets, phase.targets)
  const counts = new Map<UpdateId, number>()
  for (const id of rollout.updates) {
    const planes = world.compliance.updates.get(id)
    const devices = planes === undefined ? 0 : countShared(intersect(clonePlane(planes.lo), planes.hi), targets)
    if (devices > 0) counts.set(id, devices)
  }
  return counts
}
