// For each phase of a rollout that is not finished, the updates that fit no window of its devices (semantics.md §5): of those
// it has, or of those that it would have if it started now, so that it is known before anything is approved.
import { membersOf } from '../fleet/collections.ts'
import { type BitPlane, clonePlane, intersect, newPlane, subtract, unite } from '../model/bit-plane.ts'
import type { EpochMs } from '../model/instant.ts'
import { isStarted, isUnfinished, type RolloutRecord } from '../rollout/control.ts'
import { effectiveUpdates } from '../rollout/evidence.ts'
import { type Misfits, misfitsOf } from '../rollout/never-fits.ts'
import { phaseCandidates } from '../rollout/targets.ts'
import type { World } from '../rollout/world.ts'

/** By phase; undefined where everything fits. */
export function misfitsByPhase(world: World, rollout: RolloutRecord, now: EpochMs): (Misfits | undefined)[] {
  if (!isUnfinished(rollout) || world.objects.MaintenanceWindow.size === 0) return []
  const updates = effectiveUpdates(world, rollout)
  const ahead = newPlane()
  return rollout.plan.phases.map((planned, index) => {
    const devices = devicesOf(world, rollout, index, ahead)
    return devices && misfitsOf(world, planned.deployment, devices, updates, now)
  })
}

// `ahead` gathers the devices of phases that are still to start: they are none of later ones.
function devicesOf(world: World, rollout: RolloutRecord, index: number, ahead: BitPlane): BitPlane | undefined {
  const phase = rollout.phases[index]
  const planned = rollout.plan.phases[index]
  if (phase === undefined || planned === undefined || phase.status === 'Skipped') return undefined
  if (isStarted(phase)) {
    const members = membersOf(world.fleet, world.collections, planned.collection)
    return members && intersect(clonePlane(phase.targets), members)
  }
  const candidates = phaseCandidates(world, rollout, index)
  if (candidates === undefined) return undefined
  subtract(candidates, ahead)
  unite(ahead, candidates)
  return candidates
}
