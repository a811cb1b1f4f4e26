// What gates count (semantics.md §6): for each unfinished rollout, which of its devices have reported on its updates since
// these were available to them, and with what result. A report made before that, or about something else, never enters.
//
// Kept current by the fold: a message touches the rollouts that name its update, and goes through the updates of a group only
// when something is new. recount.ts counts the same from the planes alone.
import { stateOf } from '../catalog/catalog.ts'
import { complianceOf } from '../fleet/compliance.ts'
import { type BitPlane, clearBit, countShared, hasBit, newPlane, popCount, setBit } from '../model/bit-plane.ts'
import type { Decision, GateFigures } from '../model/facts.ts'
import type { EpochMs } from '../model/instant.ts'
import { decodeRows } from '../model/plane-text.ts'
import { writeUnsigned } from '../model/still.ts'
import type { UpdateId } from '../model/update.ts'
import { type Control, isStarted, isUnfinished, type RolloutRecord } from './control.ts'
import { countDevices, figuresOf, hasFailed, noCounts } from './recount.ts'
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
    if (rollout !== undefined && isUnfinished(rollout) && rollout.status !== 'Planned') continue
    world.evidence.delete(name)
    namings.delete(world.evidence)
  }
  for (const rollout of world.control.rollouts.values())
    if (isUnfinished(rollout) && rollout.status !== 'Planned' && !world.evidence.has(rollout.name)) {
      namings.delete(world.evidence)
      world.evidence.set(rollout.name, {
        effective: effectiveUpdates(world, rollout),
        seen: new Map(rollout.updates.map((id) => [id, newPlane()])),
        compliant: newPlane(),
        failed: newPlane(),
        reported: newPlane(),
        counts: rollout.plan.phases.map(noCounts),
      })
    }
}

/**
 * Counts anew from the planes: after much was put into them at once, and after a declared rollout was planned again, where
 * what was reported stays evidence as far as it goes on.
 */
export function recountEvidence(world: World, name: string): void {
  const rollout = world.control.rollouts.get(name)
  const evidence = world.evidence.get(name)
  if (rollout !== undefined && evidence !== undefined) recount(world, rollout, evidence)
}

/** After a phase of a rollout started. Its devices have said nothing in it yet. */
export function countTargets(world: World, name: string): void {
  const phases = world.control.rollouts.get(name)?.phases
  world.evidence.get(name)?.counts.forEach((counts, index) => {
    const phase = phases?.[index]
    counts.targets = phase !== undefined && isStarted(phase) ? countShared(phase.targets, world.fleet.present) : 0
  })
}

/** After devices joined a phase, as which `before` knows it. They have said nothing in it yet. */
export function countJoined(
  world: World,
  before: Control,
  { rollout: name, phase: joined, targets }: Extract<Decision, { readonly type: 'TargetsJoined' }>,
): void {
  const rollout = before.rollouts.get(name)
  const index = rollout?.plan.phases.findIndex((planned) => planned.name === joined) ?? -1
  const phase = rollout?.phases[index]
  const counts = world.evidence.get(name)?.counts[index]
  if (phase === undefined || counts === undefined || !isStarted(phase)) return
  for (const row of decodeRows(targets))
    if (!hasBit(phase.targets, row) && hasBit(world.fleet.present, row)) counts.targets++
}

/** After a device was enrolled that was not, or the other way round. */
export function countEnrolled(world: World, row: number): void {
  const by = hasBit(world.fleet.present, row) ? 1 : -1
  eachEvidence(world, (rollout, evidence) => {
    const counts = evidence.counts[phaseIndexOf(rollout, row)]
    if (counts !== undefined) counts.targets += by
  })
}

/** What a report was about. */
export type Said = {
  /** The updates whose compliance it stated, which is what makes evidence. */
  readonly observed: readonly UpdateId[]
  /** Those of which something else is known now. */
  readonly changed: readonly UpdateId[]
  /** The device was silent until then, or has moved to another time zone: it may count as something else everywhere. */
  readonly anew: boolean
}

/** After a device reported at `madeAt`; compliance holds what it said already. Returns whether any gate counts differently now. */
export function noteReport(world: World, row: number, said: Said, madeAt: EpochMs): boolean {
  let changed = false
  for (const name of said.anew ? [...world.evidence.keys()] : rolloutsNaming(world, said)) {
    const rollout = world.control.rollouts.get(name)
    const evidence = world.evidence.get(name)
    const index = rollout === undefined ? -1 : phaseIndexOf(rollout, row)
    if (rollout === undefined || evidence === undefined || index < 0) continue
    const wasReported = hasBit(evidence.reported, row)
    const isFirst = noteSeen(world, rollout, evidence, index, row, said.observed, madeAt)
    if (!isFirst && !said.anew && !isAbout(evidence, said.changed)) continue
    if (refreshDevice(world, rollout, evidence, index, row, wasReported)) changed = true
  }
  return changed
}

/** After something other than a report on its updates changed what a device counts as: it went stale, came back, or left. */
export function refreshRow(world: World, row: number): void {
  eachEvidence(world, (rollout, evidence) => {
    const index = phaseIndexOf(rollout, row)
    if (index >= 0) refreshDevice(world, rollout, evidence, index, row)
  })
}

/** After these went stale: they have reported nothing any more, and those that failed have still failed. */
export function forgetSilent(world: World, silent: BitPlane): void {
  const places = [...silent.words.keys()].filter((at) => silent.words[at] !== 0)
  eachEvidence(world, ({ phases }, { reported, compliant, counts }) => {
    for (const at of places) {
      const word = silent.words[at] ?? 0
      const gone = word & (reported.words[at] ?? 0)
      // Who is compliant has reported.
      if (gone === 0) continue
      const goneCompliant = word & (compliant.words[at] ?? 0)
      for (const [index, phase] of phases.entries()) {
        const count = counts[index]
        if (count === undefined || !isStarted(phase)) continue
        const targets = phase.targets.words[at] ?? 0
        count.reported -= popCount(gone & targets)
        count.compliant -= popCount(goneCompliant & targets)
      }
      takeBits(reported, at, gone)
      takeBits(compliant, at, goneCompliant)
    }
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
    recount(world, rollout, evidence)
  })
}

/**
 * The gate figures of a phase, from the counters. One that has begun in a decision, and not in the world yet, has its targets
 * counted here, and one that has grown those that joined, all of them present; these have said nothing in it.
 */
export function gateFigures(world: World, rollout: RolloutRecord, index: number): GateFigures {
  const phase = rollout.phases[index]
  const counts = world.evidence.get(rollout.name)?.counts[index]
  if (phase === undefined || !isStarted(phase)) return { targets: 0, compliant: 0, failed: 0, unknown: 0 }
  const counted = world.control.rollouts.get(rollout.name)?.phases[index]
  if (counts !== undefined && counted !== undefined && isStarted(counted) && counted.startedAt === phase.startedAt)
    return figuresOf({ ...counts, targets: counts.targets + phase.devices - counted.devices })
  const targets = countShared(phase.targets, world.fleet.present)
  return figuresOf({ ...(counts ?? noCounts()), targets })
}

function eachEvidence(world: World, visit: (rollout: RolloutRecord, evidence: Evidence) => void): void {
  for (const [name, evidence] of world.evidence) {
    const rollout = world.control.rollouts.get(name)
    if (rollout !== undefined) visit(rollout, evidence)
  }
}

function recount(world: World, rollout: RolloutRecord, evidence: Evidence): void {
  const length = world.fleet.ids.length
  evidence.reported = newPlane(length)
  evidence.compliant = newPlane(length)
  evidence.failed = newPlane(length)
  evidence.counts = rollout.phases.map((phase, index) => {
    if (!isStarted(phase)) return noCounts()
    return countDevices(world, rollout, index, phase, evidence.effective, world.fleet.stale, evidence)
  })
}

/** Updates that the same rollouts name have the same list. */
type Naming = ReadonlyMap<UpdateId, readonly string[]>

const NO_NAMES: readonly string[] = []

// What rollouts that are under way name; made anew when one begins or ends.
const namings = new WeakMap<World['evidence'], Naming>()

// Most reports are about the updates of one rollout, or of the same ones.
function rolloutsNaming(world: World, said: Said): readonly string[] {
  const naming = namings.get(world.evidence) ?? namingOf(world.evidence)
  const observed = sameNames(naming, said.observed, NO_NAMES)
  const all = observed && sameNames(naming, said.changed, observed)
  return all ?? namingAny(naming, said)
}

/** `found`, if there are any, and the names for these updates, where both are one list. */
function sameNames(
  naming: Naming,
  updates: readonly UpdateId[],
  found: readonly string[],
): readonly string[] | undefined {
  let same = found
  for (const id of updates) {
    const names = naming.get(id)
    if (names === undefined || names === same) continue
    if (same.length > 0) return undefined
    same = names
  }
  return same
}

function namingAny(naming: Naming, { observed, changed }: Said): readonly string[] {
  const names = new Set<string>()
  for (const ids of [observed, changed])
    for (const id of ids) for (const name of naming.get(id) ?? NO_NAMES) names.add(name)
  return [...names]
}

function namingOf(evidence: World['evidence']): Naming {
  const naming = new Map<UpdateId, readonly string[]>()
  for (const [name, { seen }] of evidence) {
    const longer = new Map<readonly string[], readonly string[]>()
    for (const id of seen.keys()) {
      const before = naming.get(id) ?? NO_NAMES
      const names = longer.get(before) ?? [...before, name]
      longer.set(before, names)
      naming.set(id, names)
    }
  }
  namings.set(evidence, naming)
  return naming
}

/** Returns whether the device had not reported on one of the updates before. */
function noteSeen(
  world: World,
  rollout: RolloutRecord,
  { seen }: Evidence,
  index: number,
  row: number,
  observed: readonly UpdateId[],
  madeAt: EpochMs,
): boolean {
  let first = false
  for (const id of observed) {
    const plane = seen.get(id)
    if (plane === undefined || hasBit(plane, row)) continue
    if (!first && madeAt < evidenceFrom(world, rollout, index, row)) return false
    first = true
    setBit(plane, row)
  }
  return first
}

function isAbout({ seen }: Evidence, updates: readonly UpdateId[]): boolean {
  for (const id of updates) if (seen.has(id)) return true
  return false
}

/** `wasReported`: on all that is wanted, and is not forgotten since. */
function refreshDevice(
  world: World,
  rollout: RolloutRecord,
  evidence: Evidence,
  index: number,
  row: number,
  wasReported = false,
): boolean {
  const counts = evidence.counts[index]
  if (counts === undefined) return false
  const { effective } = evidence
  const present = hasBit(world.fleet.present, row)
  const silent = !present || hasBit(world.fleet.stale, row)
  const reported = !silent && (wasReported || hasSeenAll(evidence, row))
  const compliant = reported && effective.length > 0 && isCompliant(world, effective, row)
  // A device that failed and then fell silent has still failed.
  const failed = present && hasFailed(world, rollout, index, row, effective)
  const reports = put(evidence.reported, row, reported)
  const compliants = put(evidence.compliant, row, compliant)
  const failures = put(evidence.failed, row, failed)
  counts.reported += reports
  counts.compliant += compliants
  counts.failed += failures
  return reports !== 0 || compliants !== 0 || failures !== 0
}

function hasSeenAll({ effective, seen }: Evidence, row: number): boolean {
  for (const id of effective) {
    const plane = seen.get(id)
    if (plane === undefined || !hasBit(plane, row)) return false
  }
  return true
}

function isCompliant({ compliance }: World, updates: readonly UpdateId[], row: number): boolean {
  for (const id of updates) if ((complianceOf(compliance, id, row) & 1) === 0) return false
  return true
}

function takeBits({ words }: BitPlane, at: number, bits: number): void {
  if (bits !== 0) writeUnsigned(words, at, (words[at] ?? 0) & ~bits)
}

function put(plane: BitPlane, row: number, on: boolean): number {
  if (on) return setBit(plane, row) ? 1 : 0
  return clearBit(plane, row) ? -1 : 0
}
