// What a gate counts (semantics.md §6), from the planes alone: all devices of a phase at once. The counters of evidence.ts are
// held against this, and begin with it where many devices count otherwise at the same time.
import { type Compliance, complianceOf, enforcementOf } from '../fleet/compliance.ts'
import { blockOf, eachStanding } from '../fleet/standing.ts'
import { type BitPlane, hasBit, popCount } from '../model/bit-plane.ts'
import type { GateFigures } from '../model/facts.ts'
import type { UpdateId } from '../model/update.ts'
import type { RolloutRecord, StartedPhase } from './control.ts'
import { evidenceFrom } from './targets.ts'
import type { Evidence, GateCounts, World } from './world.ts'

/** The figures of a phase for given wanted updates and stale devices. */
export function computeFigures(
  world: World,
  rollout: RolloutRecord,
  index: number,
  phase: StartedPhase,
  effective: readonly UpdateId[],
  stale: BitPlane,
): GateFigures {
  return figuresOf(countDevices(world, rollout, index, phase, effective, stale))
}

export function figuresOf({ targets, compliant, failed, reported }: GateCounts): GateFigures {
  return { targets, compliant, failed, unknown: targets - reported }
}

export function noCounts(): GateCounts {
  return { compliant: 0, failed: 0, reported: 0, targets: 0 }
}

type Marks = Pick<Evidence, 'reported' | 'compliant' | 'failed'>

/** The same as counters. With `marks`, which device counts as what is added there; its planes are as long as the fleet. */
export function countDevices(
  world: World,
  rollout: RolloutRecord,
  index: number,
  { targets }: Pick<StartedPhase, 'targets'>,
  effective: readonly UpdateId[],
  stale: BitPlane,
  marks?: Marks,
): GateCounts {
  const counts = noCounts()
  const { present } = world.fleet
  const seen = world.evidence.get(rollout.name)?.seen ?? NONE_SEEN
  const wanted = effective.length > 0 ? -1 : 0
  eachStanding(
    world.compliance,
    effective,
    seen,
    targets.words.length,
    (from, length, { unknown, missing, failing }) => {
      const chosen = blockOf(targets, from, length)
      const enrolled = blockOf(present, from, length)
      const silent = blockOf(stale, from, length)
      let [all, reports, compliants, failures] = [0, 0, 0, 0]
      for (let i = 0; i < length; i++) {
        const here = (chosen[i] ?? 0) & (enrolled[i] ?? 0)
        if (here === 0) continue
        const reported = here & ~((silent[i] ?? 0) | (unknown[i] ?? 0))
        const compliant = reported & ~(missing[i] ?? 0) & wanted
        let failed = here & (failing[i] ?? 0)
        if (failed !== 0) failed = stillFailed(world, rollout, index, from + i, failed, effective)
        all += popCount(here)
        reports += popCount(reported)
        compliants += popCount(compliant)
        failures += failed === 0 ? 0 : popCount(failed)
        if (marks !== undefined) mark(marks, from + i, reported, compliant, failed)
      }
      counts.targets += all
      counts.reported += reports
      counts.compliant += compliants
      counts.failed += failures
    },
  )
  return counts
}

/** An update that failed, and that the device has since reported as installed or no longer required, has not failed. */
export function hasFailed(
  world: World,
  rollout: RolloutRecord,
  index: number,
  row: number,
  effective: readonly UpdateId[],
): boolean {
  if (!hasEnforcement(world.compliance, row)) return false
  const from = evidenceFrom(world, rollout, index, row)
  const seen = world.evidence.get(rollout.name)?.seen
  return effective.some((id) => {
    const failures = world.compliance.failed.get(id)
    if (failures === undefined || !hasBit(failures.devices, row)) return false
    // At that very instant it may be older than the phase, and no installation is begun and failed in it.
    if ((enforcementOf(world.compliance, id, row)?.at ?? from) <= from) return false
    const plane = seen?.get(id)
    const compliant = (complianceOf(world.compliance, id, row) & 1) === 1
    return !(compliant && plane !== undefined && hasBit(plane, row))
  })
}

const NONE_SEEN: ReadonlyMap<UpdateId, BitPlane> = new Map()

function mark(marks: Marks, at: number, reported: number, compliant: number, failed: number): void {
  marks.reported.words[at] = (marks.reported.words[at] ?? 0) | reported
  marks.compliant.words[at] = (marks.compliant.words[at] ?? 0) | compliant
  marks.failed.words[at] = (marks.failed.words[at] ?? 0) | failed
}

// A word of devices with a failure, less those whose failure is older than the phase.
function stillFailed(
  world: World,
  rollout: RolloutRecord,
  index: number,
  at: number,
  failing: number,
  effective: readonly UpdateId[],
): number {
  let failed = 0
  for (let left = failing; left !== 0; left &= left - 1) {
    const bit = 31 - Math.clz32(left & -left)
    if (hasFailed(world, rollout, index, at * 32 + bit, effective)) failed |= 1 << bit
  }
  return failed
}

function hasEnforcement(compliance: Compliance, row: number): boolean {
  return (compliance.enforcement.first[row] ?? 0) !== 0
}
