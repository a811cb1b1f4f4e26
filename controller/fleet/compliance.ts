// What each device last said of each update (semantics.md §8): its compliance (topic 500) as two bit-planes an update with
// running counts, and how far it has come with installing it (topic 301), kept only where there is something to tell.
import {
  type BitPlane,
  clearBit,
  clonePlane,
  countBits,
  countShared,
  eachBit,
  hasBit,
  newPlane,
  popCount,
  setBit,
  subtract,
  unite,
} from '../model/bit-plane.ts'
import { type ComplianceState, isFailure } from '../model/report.ts'
import type { UpdateId } from '../model/update.ts'
import {
  dropRecord,
  type Enforcement,
  type EnforcementTable,
  getRecord,
  newEnforcementTable,
  putRecord,
  recordsOf,
} from './enforcement-table.ts'

/** Devices by what they last said; the rest of the fleet said nothing. Stale devices are in, see `countsAmong`. */
export type ComplianceCounts = { notRequired: number; required: number; installed: number }

/** status = 2 × hi + lo, so that `lo` alone is "compliant": not required or installed. */
export type UpdatePlanes = ComplianceCounts & { readonly lo: BitPlane; readonly hi: BitPlane }

/** State, plain data. */
export type Compliance = {
  /** From an update's first report until no device has a status for it. */
  readonly updates: Map<UpdateId, UpdatePlanes>
  /** By device, then update: a look-up walks the records of one device. */
  readonly enforcement: EnforcementTable
  /** By update: the devices whose enforcement state is a failure, so that failures are listed and counted by a plane. */
  readonly failed: Map<UpdateId, { readonly devices: BitPlane; count: number }>
}

export function newCompliance(): Compliance {
  return { updates: new Map(), enforcement: newEnforcementTable(), failed: new Map() }
}

/**
 * Returns what the device's status was. When it becomes compliant, what was kept of its enforcement is dropped.
 * The caller passes updates of the catalog only: each one costs two bits a device.
 */
export function setStatus(
  compliance: Compliance,
  update: UpdateId,
  row: number,
  status: ComplianceState,
): ComplianceState {
  const previous = complianceOf(compliance, update, row)
  if (previous === status) return previous
  const planes = compliance.updates.get(update) ?? addPlanes(compliance, update)
  count(planes, previous, -1)
  count(planes, status, 1)
  if ((status & 1) === 1) setBit(planes.lo, row)
  else clearBit(planes.lo, row)
  if ((status & 2) === 2) setBit(planes.hi, row)
  else clearBit(planes.hi, row)
  if ((status & 1) === 1 && (previous & 1) === 0) dropEnforcement(compliance, update, row)
  if (planes.notRequired + planes.required + planes.installed === 0) compliance.updates.delete(update)
  return previous
}

/** Many devices report the update as installed at once: those that said it is required, or had said nothing. */
export function setInstalled(compliance: Compliance, update: UpdateId, devices: BitPlane): void {
  const planes = compliance.updates.get(update) ?? addPlanes(compliance, update)
  const missing = subtract(clonePlane(devices), planes.lo)
  const installed = countBits(missing)
  planes.required -= countShared(missing, planes.hi)
  planes.installed += installed
  unite(planes.lo, missing)
  unite(planes.hi, missing)
  if (planes.notRequired + planes.required + planes.installed === 0) compliance.updates.delete(update)
}

export function complianceOf(compliance: Compliance, update: UpdateId, row: number): ComplianceState {
  const planes = compliance.updates.get(update)
  if (planes === undefined) return 0
  const compliant = hasBit(planes.lo, row)
  if (hasBit(planes.hi, row)) return compliant ? 3 : 2
  return compliant ? 1 : 0
}

export function counts(compliance: Compliance, update: UpdateId): ComplianceCounts {
  const planes = compliance.updates.get(update)
  return {
    notRequired: planes?.notRequired ?? 0,
    required: planes?.required ?? 0,
    installed: planes?.installed ?? 0,
  }
}

/** Counts over a group of devices alone; those in `stale` (of `Fleet`) count as unknown, whatever they said last. */
export function countsAmong(
  compliance: Compliance,
  update: UpdateId,
  group: BitPlane,
  stale: BitPlane,
): ComplianceCounts & { unknown: number } {
  const planes = compliance.updates.get(update)
  const result = { unknown: 0, notRequired: 0, required: 0, installed: 0 }
  for (let i = 0; i < group.words.length; i++) {
    const all = group.words[i] ?? 0
    if (all === 0) continue
    const fresh = all & ~(stale.words[i] ?? 0)
    const lo = fresh & (planes?.lo.words[i] ?? 0)
    const hi = fresh & (planes?.hi.words[i] ?? 0)
    result.unknown += popCount(all & ~(lo | hi))
    result.notRequired += popCount(lo & ~hi)
    result.required += popCount(hi & ~lo)
    result.installed += popCount(lo & hi)
  }
  return result
}

/** Forgets a removed device. Costs a few steps for each update that has planes. */
export function dropDevice(compliance: Compliance, row: number): void {
  for (const update of [...compliance.updates.keys()]) setStatus(compliance, update, row, 0)
  for (const { update } of enforcementsOf(compliance, row)) dropEnforcement(compliance, update, row)
}

/** Replaces what is kept for this device and update; "installed" drops it. The caller leaves out messages older than the last (`advanceSequence`). */
export function setEnforcement(compliance: Compliance, update: UpdateId, row: number, said: Enforcement): void {
  if (said.state === INSTALLED) {
    dropEnforcement(compliance, update, row)
    return
  }
  putRecord(compliance.enforcement, update, row, said)
  noteFailure(compliance, update, row, isFailure(said.state))
}

export function enforcementOf(compliance: Compliance, update: UpdateId, row: number): Enforcement | undefined {
  return getRecord(compliance.enforcement, update, row)
}

/** All that is kept for a device, in order of the update ids. */
export function enforcementsOf(compliance: Compliance, row: number): (Enforcement & { readonly update: UpdateId })[] {
  return recordsOf(compliance.enforcement, row)
}

/** The devices on which the update failed to install or download, by row. */
export function failuresOf(compliance: Compliance, update: UpdateId): (Enforcement & { readonly row: number })[] {
  const failures: (Enforcement & { readonly row: number })[] = []
  eachBit(compliance.failed.get(update)?.devices ?? newPlane(), (row) => {
    const record = enforcementOf(compliance, update, row)
    if (record !== undefined) failures.push({ row, ...record })
  })
  return failures
}

const INSTALLED = 4

function dropEnforcement(compliance: Compliance, update: UpdateId, row: number): void {
  if (dropRecord(compliance.enforcement, update, row)) noteFailure(compliance, update, row, false)
}

function noteFailure(compliance: Compliance, update: UpdateId, row: number, failed: boolean): void {
  const known = compliance.failed.get(update)
  if (known === undefined && !failed) return
  const failures = known ?? { devices: newPlane(), count: 0 }
  if (failed && setBit(failures.devices, row)) failures.count++
  if (!failed && clearBit(failures.devices, row)) failures.count--
  if (failures.count > 0) compliance.failed.set(update, failures)
  else compliance.failed.delete(update)
}

function addPlanes(compliance: Compliance, update: UpdateId): UpdatePlanes {
  const planes = { lo: newPlane(), hi: newPlane(), notRequired: 0, required: 0, installed: 0 }
  compliance.updates.set(update, planes)
  return planes
}

function count(planes: UpdatePlanes, status: ComplianceState, by: 1 | -1): void {
  if (status === 1) planes.notRequired += by
  else if (status === 2) planes.required += by
  else if (status === 3) planes.installed += by
}
