// What gates count (semantics.md §6): for each unfinished rollout, which of its devices have reported on its updates since
// these were available to them, and with what result. A report made before that, or about something else, never enters.
//
// Kept current by the fold in O(updates of the group) for each report. `computeFigures` is the same from the planes alone,
// for what `decide` asks about a state that has not come about yet, and for tests to hold the counters against.
import { stateOf } from '../catalog/catalog.ts'
import { type Compliance, complianceOf, enforcementOf } from '../fleet/compliance.ts'
import {
  type BitPlane,
  clearBit,
  clonePlane,
  countBits,
  countShared,
  eachBit,
  emptyPlane,
  hasBit,
  intersect,
  newPlane,
  setBit,
  subtract,
  unite,
} from '../model/bit-plane.ts'
import type { GateFigures } from '../model/facts.ts'
import type { EpochMs } from '../model/instant.ts'
import { isFailure } from '../model/report.ts'
import type { UpdateId } from '../model/update.ts'
import { type Control, isStarted, isUnfinished, type RolloutRecord, type StartedPhase } from './control.ts'
import { evidenceFrom, phaseIndexOf } from './targets.ts'
import type { Evidence, World } from './world.ts'

/** Updates that a hold without collections covers. */
export function heldEverywhere(control: Control): Set<UpdateId> {
  const held = new Set<UpdateId>()
  for (const hold of control.holds.values()) if (!hold.collections) for (const id of hold.updates) held.add(id)
  return held
}

/** The updates of a rollout that may still be approved, in the group's order. */
export function effectiveUpdates(
  world: World,
  { updates, passedWithout }: Pick<RolloutRecord, 'updates' | 'passedWithout'>,
  control = world.control,
): UpdateId[] {
  const held = heldEverywhere(control)
  return updates.filter((id) => {
    const state = stateOf(world.catalog, id)
    return (state === 'Normal' || state === 'Superseded') && !held.has(id) && !passedWithout.includes(id)
  })
}

/** Makes evidence for rollouts that have begun, drops it for those that have ended. */
export function syncEvidence(world: World): void {
  for (const name of world.evidence.keys()) {
    const rollout = world.control.rollouts.get(name)
    if (rollout === undefined || !isUnfinished(rollout) || rollout.status === 'Planned') world.evidence.delete(name)
  }
  for (const rollout of world.control.rollouts.values())
    if (isUnfinished(rollout) && rollout.status !== 'Planned' && !world.evidence.has(rollout.name))
      world.evidence.set(rollout.name, {
        effective: effectiveUpdates(world, rollout),
        seen: new Map(rollout.updates.map((id) => [id, newPlane()])),
        compliant: newPlane(),
        failed: newPlane(),
        reported: newPlane(),
        counts: noCounts(rollout),
      })
}

/** After a declared rollout was planned again: what was reported stays evidence where it goes on, and is counted by the new plan. */
export function replanEvidence(world: World, name: string): void {
  const rollout = world.control.rollouts.get(name)
  const evidence = world.evidence.get(name)
  if (rollout === undefined || evidence === undefined) return
  for (const plane of [evidence.compliant, evidence.failed, evidence.reported]) emptyPlane(plane)
  evidence.counts = noCounts(rollout)
  refreshTargets(world, rollout, evidence)
}

/**
 * After many devices reported at once, and what they said was put into the planes of compliance and into `seen`: the
 * counters from the planes. A failure stands until all that is wanted of the device is there.
 */
export function recountEvidence(world: World, name: string): void {
  const rollout = world.control.rollouts.get(name)
  const evidence = world.evidence.get(name)
  if (rollout === undefined || evidence === undefined) return
  const reported = subtract(clonePlane(world.fleet.present), world.fleet.stale)
  for (const id of evidence.effective) intersect(reported, evidence.seen.get(id) ?? newPlane())
  const compliant = evidence.effective.length === 0 ? newPlane() : clonePlane(reported)
  for (const id of evidence.effective) intersect(compliant, world.compliance.updates.get(id)?.lo ?? newPlane())
  evidence.reported = newPlane()
  evidence.compliant = newPlane()
  subtract(evidence.failed, compliant)
  evidence.counts = rollout.phases.map((phase) => {
    if (!isStarted(phase)) return { compliant: 0, failed: 0, reported: 0 }
    unite(evidence.reported, intersect(clonePlane(reported), phase.targets))
    unite(evidence.compliant, intersect(clonePlane(compliant), phase.targets))
    return {
      compliant: countShared(compliant, phase.targets),
      failed: countShared(evidence.failed, phase.targets),
      reported: countShared(reported, phase.targets),
    }
  })
}

/**
 * After a device reported at `madeAt`; compliance holds what it said already. `observed`: the updates whose compliance it
 * stated, which is what makes evidence. Returns whether any gate counts differently now.
 */
export function noteReport(world: World, row: number, observed: readonly UpdateId[], madeAt: EpochMs): boolean {
  let changed = false
  eachEvidence(world, (rollout, evidence) => {
    const index = phaseIndexOf(rollout, row)
    if (index < 0) return
    if (madeAt >= evidenceFrom(world, rollout, index, row))
      for (const id of observed) {
        const seen = evidence.seen.get(id)
        if (seen !== undefined) setBit(seen, row)
      }
    if (refreshDevice(world, rollout, evidence, index, row)) changed = true
  })
  return changed
}

/** After something other than a report on its updates changed what a device counts as: it went stale, came back, or left. */
export function refreshRow(world: World, row: number): void {
  eachEvidence(world, (rollout, evidence) => {
    const index = phaseIndexOf(rollout, row)
    if (index >= 0) refreshDevice(world, rollout, evidence, index, row)
  })
}

/** A device that was removed has reported nothing any more. */
export function forgetRow(world: World, row: number): void {
  for (const evidence of world.evidence.values()) for (const seen of evidence.seen.values()) clearBit(seen, row)
  refreshRow(world, row)
}

/** After the catalog or the holds changed: rollouts whose wanted updates are others now are counted anew. */
export function refreshEffective(world: World): void {
  eachEvidence(world, (rollout, evidence) => {
    const effective = effectiveUpdates(world, rollout)
    if (effective.join() === evidence.effective.join()) return
    evidence.effective = effective
    refreshTargets(world, rollout, evidence)
  })
}

/** The gate figures of a phase, from the counters. */
export function gateFigures(world: World, rollout: RolloutRecord, index: number): GateFigures {
  const phase = rollout.phases[index]
  const counts = world.evidence.get(rollout.name)?.counts[index]
  const targets = phase && isStarted(phase) ? countShared(phase.targets, world.fleet.present) : 0
  if (counts === undefined) return { targets, compliant: 0, failed: 0, unknown: targets }
  return { targets, compliant: counts.compliant, failed: counts.failed, unknown: targets - counts.reported }
}

/** The same figures from the planes, for given wanted updates and stale devices. */
export function computeFigures(
  world: World,
  rollout: RolloutRecord,
  index: number,
  phase: StartedPhase,
  effective: readonly UpdateId[],
  stale: BitPlane,
): GateFigures {
  const targets = intersect(clonePlane(phase.targets), world.fleet.present)
  const reported = subtract(clonePlane(targets), stale)
  const seen = world.evidence.get(rollout.name)?.seen
  for (const id of effective) intersect(reported, seen?.get(id) ?? newPlane())
  const compliant = effective.length === 0 ? newPlane() : clonePlane(reported)
  for (const id of effective) {
    const planes = world.compliance.updates.get(id)
    intersect(compliant, planes?.lo ?? newPlane())
  }
  const failed = newPlane()
  for (const id of effective) unite(failed, world.compliance.failed.get(id)?.devices ?? newPlane())
  eachBit(intersect(clonePlane(failed), targets), (row) => {
    if (!hasFailed(world, rollout, index, row, effective)) clearBit(failed, row)
  })
  intersect(failed, targets)
  return {
    targets: countBits(targets),
    compliant: countBits(compliant),
    failed: countBits(failed),
    unknown: countBits(targets) - countBits(reported),
  }
}

function eachEvidence(world: World, visit: (rollout: RolloutRecord, evidence: Evidence) => void): void {
  for (const [name, evidence] of world.evidence) {
    const rollout = world.control.rollouts.get(name)
    if (rollout !== undefined) visit(rollout, evidence)
  }
}

function noCounts(rollout: RolloutRecord): Evidence['counts'] {
  return rollout.plan.phases.map(() => ({ compliant: 0, failed: 0, reported: 0 }))
}

function refreshTargets(world: World, rollout: RolloutRecord, evidence: Evidence): void {
  rollout.phases.forEach((phase, index) => {
    if (isStarted(phase)) eachBit(phase.targets, (row) => refreshDevice(world, rollout, evidence, index, row))
  })
}

function refreshDevice(world: World, rollout: RolloutRecord, evidence: Evidence, index: number, row: number): boolean {
  const counts = evidence.counts[index]
  if (counts === undefined) return false
  const present = hasBit(world.fleet.present, row)
  const silent = !present || hasBit(world.fleet.stale, row)
  const all = (holds: (id: UpdateId) => boolean) => !silent && evidence.effective.every(holds)
  const reported = all((id) => hasSeen(evidence, id, row))
  const compliant =
    reported && evidence.effective.length > 0 && all((id) => (complianceOf(world.compliance, id, row) & 1) === 1)
  // A device that failed and then fell silent has still failed.
  const failed = present && hasFailed(world, rollout, index, row, evidence.effective)
  const change = {
    reported: put(evidence.reported, row, reported),
    compliant: put(evidence.compliant, row, compliant),
    failed: put(evidence.failed, row, failed),
  }
  counts.reported += change.reported
  counts.compliant += change.compliant
  counts.failed += change.failed
  return change.reported !== 0 || change.compliant !== 0 || change.failed !== 0
}

// An update that failed, and that the device has since reported as installed or no longer required, has not failed.
function hasFailed(
  world: World,
  rollout: RolloutRecord,
  index: number,
  row: number,
  effective: readonly UpdateId[],
): boolean {
  if (!hasEnforcement(world.compliance, row)) return false
  const from = evidenceFrom(world, rollout, index, row)
  const evidence = world.evidence.get(rollout.name)
  return effective.some((id) => {
    const enforcement = enforcementOf(world.compliance, id, row)
    // At that very instant it may be older than the phase, and no installation is begun and failed in it.
    if (enforcement === undefined || !isFailure(enforcement.state) || enforcement.at <= from) return false
    const compliant = (complianceOf(world.compliance, id, row) & 1) === 1
    return !(compliant && evidence !== undefined && hasSeen(evidence, id, row))
  })
}

function hasEnforcement(compliance: Compliance, row: number): boolean {
  return (compliance.enforcement.first[row] ?? 0) !== 0
}

function hasSeen(evidence: Evidence, id: UpdateId, row: number): boolean {
  const seen = evidence.seen.get(id)
  return seen !== undefined && hasBit(seen, row)
}

function put(plane: BitPlane, row: number, on: boolean): number {
  if (on) return setBit(plane, row) ? 1 : 0
  return clearBit(plane, row) ? -1 : 0
}
