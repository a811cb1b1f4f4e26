// The fleet as columns over devices: who is enrolled, with which attributes, and who has not reported for too long.
// A device's row is its number in order of enrolment, and is never given to another device.
import { type BitPlane, clearBit, hasBit, newPlane, setBit } from '../model/bit-plane.ts'
import type { DeviceAttributes } from '../model/collection.ts'
import { ringPosition } from '../model/hash.ts'
import type { EpochMs } from '../model/instant.ts'
import { RowIndex } from '../model/row-index.ts'
import { writeFloat, writeInt, writeUnsigned } from '../model/still.ts'
import { haveRead, longer } from '../model/typed-arrays.ts'
import { type Column, newColumn, setValue, valueAt } from './column.ts'

/** Plain data, all of it state. Typed arrays are longer than the fleet: rows at and beyond `ids.length` hold zeros. */
export type Fleet = {
  /** By row, removed devices included. */
  ids: string[]
  /** Made anew from `ids`, and no part of what is stored. */
  rowOf: RowIndex
  /** `ringPosition` of the id, 0 to 9999. */
  ring: Uint16Array
  /** When the controller last heard from the device; 0 for a removed one. */
  lastReport: Float64Array
  /** The device's own number of its last message that counted; 0 for none. */
  sequence: Float64Array
  /** Enrolled and not removed. */
  present: BitPlane
  /** Present, but silent for too long: counts as unknown (semantics.md §8). */
  stale: BitPlane
  columns: Map<string, Column>
  /** How many attributes each row has. */
  attributeCount: Uint8Array
  /** Goes up when a column appears, vanishes or is renumbered: what was derived from codes is void then. */
  shape: number
  /** Report order among rows that are present and not stale, as a linked list. Links are row + 1, so that 0 is none. */
  older: Int32Array
  newer: Int32Array
  oldest: number
  newest: number
  /** The latest receive time seen; a clock that steps back stands still here. */
  clock: EpochMs
}

/** Devices ever enrolled. */
export const MAX_DEVICES = 10_000_000
/** Different attribute keys in the whole fleet at one time. */
export const MAX_KEYS = 512

/** Codes in the key's column, 0 for none; `before` is undefined when the column is gone or was renumbered. */
export type AttributeChange = { readonly key: string; readonly before: number | undefined; readonly after: number }

const NO_CHANGES: readonly AttributeChange[] = []

export function newFleet(): Fleet {
  const ids: string[] = []
  return {
    ids,
    rowOf: new RowIndex(ids),
    ring: new Uint16Array(64),
    lastReport: new Float64Array(64),
    sequence: new Float64Array(64),
    present: newPlane(64),
    stale: newPlane(64),
    columns: new Map(),
    attributeCount: new Uint8Array(64),
    shape: 0,
    older: new Int32Array(64),
    newer: new Int32Array(64),
    oldest: 0,
    newest: 0,
    clock: 0,
  }
}

/**
 * Enrols a device, and counts as its first report. An id seen before gets its old row, new attributes, and its message
 * numbers start anew (a reinstalled machine counts from 1 again).
 * Throws a RangeError beyond MAX_DEVICES; the edge refuses the enrolment before.
 */
export function enrolDevice(fleet: Fleet, id: string, attributes: DeviceAttributes, at: EpochMs): number {
  const known = fleet.rowOf.get(id)
  const row = known ?? fleet.ids.length
  if (known === undefined) {
    if (row >= MAX_DEVICES) throw new RangeError(`the fleet is full: ${MAX_DEVICES} devices have been enrolled`)
    if (row >= fleet.ring.length) growRows(fleet)
    fleet.ids.push(id)
    fleet.rowOf.add(row)
    writeUnsigned(fleet.ring, row, ringPosition(id))
  }
  if (setBit(fleet.present, row)) link(fleet, row)
  writeFloat(fleet.sequence, row, 0)
  touchDevice(fleet, row, at)
  setAttributes(fleet, row, attributes)
  return row
}

/**
 * Replaces a present device's attributes and returns those whose value changed. A key beyond MAX_KEYS is not kept;
 * `refusedKeys` says which, so that the device can be told.
 */
export function setAttributes(fleet: Fleet, row: number, attributes: DeviceAttributes): readonly AttributeChange[] {
  let changed: AttributeChange[] | undefined
  let kept = 0
  let accepted = 0
  const had = fleet.attributeCount[row] ?? 0
  // Attributes are objects of parsed JSON, with nothing inherited to be passed over; a list of their keys takes a fifth longer.
  for (const key in attributes) {
    const column = fleet.columns.get(key) ?? addColumn(fleet, key)
    if (column === undefined) continue
    accepted++
    const before = column.codes[row] ?? 0
    if (before !== 0) kept++
    const outcome = setValue(column, row, attributes[key])
    if (outcome === 'same') continue
    if (outcome === 'renumbered') fleet.shape++
    const change = { key, before: outcome === 'renumbered' ? undefined : before, after: column.codes[row] ?? 0 }
    // Most changes come alone, and a list that grows from nothing takes the memory of seventeen.
    if (changed === undefined) changed = [change]
    else changed.push(change)
  }
  if (kept < had) {
    changed ??= []
    clearOthers(fleet, row, attributes, changed)
  }
  if (changed === undefined) return NO_CHANGES
  writeUnsigned(fleet.attributeCount, row, accepted)
  return changed
}

/** Keys of these attributes that the fleet has no room for, sorted. */
export function refusedKeys(fleet: Fleet, attributes: DeviceAttributes): string[] {
  const fresh = Object.keys(attributes).filter((key) => !fleet.columns.has(key))
  return fresh.slice(Math.max(0, MAX_KEYS - fleet.columns.size)).sort()
}

/** Forgets everything about a device but its id and row. Returns false when it was not enrolled. */
export function removeDevice(fleet: Fleet, row: number): boolean {
  if (!clearBit(fleet.present, row)) return false
  setAttributes(fleet, row, {})
  if (!clearBit(fleet.stale, row)) unlink(fleet, row)
  writeFloat(fleet.lastReport, row, 0)
  writeFloat(fleet.sequence, row, 0)
  return true
}

export function attributeOf(fleet: Fleet, row: number, key: string): string | undefined {
  const column = fleet.columns.get(key)
  return column && valueAt(column, row)
}

/**
 * Reads what a report of each of these devices is going to read and write, so that the misses of the cache are waited for together
 * and not one after the other. Some 32 devices at once are enough (docs/performance.md, "Collections").
 */
export function readRows(fleet: Fleet, rows: readonly number[]): void {
  readAttributes(fleet, rows)
  const { older, newer, lastReport, sequence } = fleet
  const { words } = fleet.stale
  let sum = 0
  for (const row of rows) sum += (older[row] ?? 0) + (newer[row] ?? 0) + (lastReport[row] ?? 0) + (sequence[row] ?? 0)
  // Its neighbours in order of reports. Link 0 is none; row 0 in its place costs nothing.
  for (const row of rows) {
    const [before, after] = [older[row] ?? 0, newer[row] ?? 0]
    sum += words[row >>> 5] ?? 0
    sum += (newer[before === 0 ? 0 : before - 1] ?? 0) + (older[after === 0 ? 0 : after - 1] ?? 0)
  }
  haveRead(sum)
}

/** The part of it that is read and written when attributes change. */
export function readAttributes({ attributeCount, present, columns }: Fleet, rows: readonly number[]): void {
  const { words } = present
  let sum = 0
  for (const row of rows) sum += (attributeCount[row] ?? 0) + (words[row >>> 5] ?? 0)
  for (const { codes } of columns.values()) for (const row of rows) sum += codes[row] ?? 0
  haveRead(sum)
}

/** In order of the keys. */
export function attributesOf(fleet: Fleet, row: number): DeviceAttributes {
  const attributes: DeviceAttributes = {}
  for (const key of [...fleet.columns.keys()].sort()) {
    const value = attributeOf(fleet, row, key)
    if (value !== undefined) attributes[key] = value
  }
  return attributes
}

/** Takes note of a device's message number. False when it is not newer than the last: the message changes nothing (semantics.md §8). */
export function advanceSequence(fleet: Fleet, row: number, sequence: number): boolean {
  if (!hasBit(fleet.present, row) || sequence <= (fleet.sequence[row] ?? 0)) return false
  writeFloat(fleet.sequence, row, sequence)
  return true
}

/** The controller heard from a present device at `at`, its own receive time; an earlier one than before counts as the same instant. Returns whether the device was stale. */
export function touchDevice(fleet: Fleet, row: number, at: EpochMs): boolean {
  if (!hasBit(fleet.present, row)) return false
  fleet.clock = Math.max(fleet.clock, at)
  writeFloat(fleet.lastReport, row, fleet.clock)
  const wasStale = clearBit(fleet.stale, row)
  if (!wasStale && fleet.newest === row + 1) return false
  if (!wasStale) unlink(fleet, row)
  link(fleet, row)
  return wasStale
}

/**
 * Leaves in `plane`, in place, the devices whose ring position lies below `percent` (1 to 100). Positions are the same for
 * every rule, so that 10 % are always the same devices and 25 % hold them too (semantics.md §6).
 */
export function keepPercent({ ring }: Fleet, plane: BitPlane, percent: number): BitPlane {
  const limit = percent * 100
  const { words } = plane
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? 0
    if (word === 0) continue
    let within = 0
    // Without a branch: the sign of the difference is the bit, the highest row's first.
    for (let row = i * 32 + 31; row >= i * 32; row--) within = (within << 1) | (((ring[row] ?? 0) - limit) >>> 31)
    words[i] = word & within
  }
  return plane
}

/** Who, of those not stale, has been silent the longest. */
export function oldestReport(fleet: Fleet): { row: number; at: EpochMs } | undefined {
  if (fleet.oldest === 0) return undefined
  const row = fleet.oldest - 1
  return { row, at: fleet.lastReport[row] ?? 0 }
}

/** The earliest last report after an instant, of the devices that are not stale. */
export function oldestReportAfter(fleet: Fleet, reportedBy: EpochMs): EpochMs | undefined {
  for (let link = fleet.oldest; link !== 0; link = fleet.newer[link - 1] ?? 0) {
    const at = fleet.lastReport[link - 1] ?? 0
    if (at > reportedBy) return at
  }
  return undefined
}

/**
 * Rows not yet marked whose last report was made at or before an instant, oldest first. At the instant it is inclusive, so that
 * waking at `oldestReport().at + staleAfter` finds that device.
 */
export function staleRows(fleet: Fleet, reportedBy: EpochMs): number[] {
  const rows: number[] = []
  for (let link = fleet.oldest; link !== 0; link = fleet.newer[link - 1] ?? 0) {
    if ((fleet.lastReport[link - 1] ?? 0) > reportedBy) break
    rows.push(link - 1)
  }
  return rows
}

/** Returns false when the device is stale already, or removed. */
export function markStale(fleet: Fleet, row: number): boolean {
  if (!hasBit(fleet.present, row) || !setBit(fleet.stale, row)) return false
  unlink(fleet, row)
  return true
}

function addColumn(fleet: Fleet, key: string): Column | undefined {
  if (fleet.columns.size >= MAX_KEYS) return undefined
  const column = newColumn()
  fleet.columns.set(key, column)
  fleet.shape++
  return column
}

function clearOthers(fleet: Fleet, row: number, attributes: DeviceAttributes, changed: AttributeChange[]): void {
  for (const [key, column] of fleet.columns) {
    const before = column.codes[row] ?? 0
    if (before === 0 || Object.hasOwn(attributes, key)) continue
    setValue(column, row, undefined)
    changed.push({ key, before: column.used > 0 ? before : undefined, after: 0 })
    if (column.used > 0) continue
    fleet.columns.delete(key)
    fleet.shape++
  }
}

function link(fleet: Fleet, row: number): void {
  writeInt(fleet.older, row, fleet.newest)
  writeInt(fleet.newer, row, 0)
  if (fleet.newest === 0) fleet.oldest = row + 1
  else writeInt(fleet.newer, fleet.newest - 1, row + 1)
  fleet.newest = row + 1
}

function unlink(fleet: Fleet, row: number): void {
  const older = fleet.older[row] ?? 0
  const newer = fleet.newer[row] ?? 0
  if (older === 0) fleet.oldest = newer
  else writeInt(fleet.newer, older - 1, newer)
  if (newer === 0) fleet.newest = older
  else writeInt(fleet.older, newer - 1, older)
  writeInt(fleet.older, row, 0)
  writeInt(fleet.newer, row, 0)
}

function growRows(fleet: Fleet): void {
  const rows = fleet.ring.length * 2
  fleet.ring = longer(fleet.ring, new Uint16Array(rows))
  fleet.lastReport = longer(fleet.lastReport, new Float64Array(rows))
  fleet.sequence = longer(fleet.sequence, new Float64Array(rows))
  fleet.attributeCount = longer(fleet.attributeCount, new Uint8Array(rows))
  fleet.older = longer(fleet.older, new Int32Array(rows))
  fleet.newer = longer(fleet.newer, new Int32Array(rows))
}
