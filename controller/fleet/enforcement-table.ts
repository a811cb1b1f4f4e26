// Enforcement records of many devices as columns chained by device: some 25 bytes each, so that a rollout to a whole fleet
// fits in memory. What the records mean is compliance.ts's.
import type { EpochMs } from '../model/instant.ts'
import type { EnforcementState } from '../model/report.ts'
import { writeFloat, writeInt, writeUnsigned } from '../model/still.ts'
import { longer } from '../model/typed-arrays.ts'
import type { UpdateId } from '../model/update.ts'

export type Enforcement = {
  readonly state: EnforcementState
  readonly at: EpochMs
  /** The error, such as `0x80070643`; empty for none. */
  readonly code: string
  /** The device's own words; empty for none. */
  readonly message: string
}

/** Plain data. `first[row]` leads to a device's records, a few tens at most. Slots and update numbers count from 1; 0 is none. */
export type EnforcementTable = {
  first: Int32Array
  next: Int32Array
  /** The update's number in each slot; 0 in a free one. */
  update: Int32Array
  state: Uint8Array
  at: Float64Array
  /** Code and message, by slot, where there is one. */
  readonly details: Map<number, { readonly code: string; readonly message: string }>
  /** By number; every update that ever had a record. */
  readonly updateIds: (UpdateId | undefined)[]
  readonly numberOf: Map<UpdateId, number>
  /** The first of the free slots, chained by `next`. */
  free: number
  /** How many slots were ever used. */
  used: number
}

export function newEnforcementTable(): EnforcementTable {
  return {
    first: new Int32Array(64),
    next: new Int32Array(64),
    update: new Int32Array(64),
    state: new Uint8Array(64),
    at: new Float64Array(64),
    details: new Map(),
    updateIds: [undefined],
    numberOf: new Map(),
    free: 0,
    used: 0,
  }
}

export function getRecord(table: EnforcementTable, update: UpdateId, row: number): Enforcement | undefined {
  const slot = slotOf(table, update, row)
  return slot === 0 ? undefined : recordAt(table, slot)
}

/** All of a device's records, in order of the update ids. */
export function recordsOf(table: EnforcementTable, row: number): (Enforcement & { readonly update: UpdateId })[] {
  const records: (Enforcement & { readonly update: UpdateId })[] = []
  for (let slot = table.first[row] ?? 0; slot !== 0; slot = table.next[slot] ?? 0) {
    const update = table.updateIds[table.update[slot] ?? 0]
    if (update !== undefined) records.push({ update, ...recordAt(table, slot) })
  }
  return records.sort((a, b) => (a.update < b.update ? -1 : 1))
}

export function putRecord(table: EnforcementTable, update: UpdateId, row: number, record: Enforcement): void {
  const { state, at, code, message } = record
  const slot = slotOf(table, update, row) || addSlot(table, update, row)
  writeUnsigned(table.state, slot, state)
  writeFloat(table.at, slot, at)
  if (code === '' && message === '') table.details.delete(slot)
  else table.details.set(slot, { code, message })
}

/** Returns whether there was one. */
export function dropRecord(table: EnforcementTable, update: UpdateId, row: number): boolean {
  const number = table.numberOf.get(update)
  if (number === undefined) return false
  let before = 0
  let slot = table.first[row] ?? 0
  while (slot !== 0 && table.update[slot] !== number) {
    before = slot
    slot = table.next[slot] ?? 0
  }
  if (slot === 0) return false
  const after = table.next[slot] ?? 0
  if (before === 0) writeInt(table.first, row, after)
  else writeInt(table.next, before, after)
  table.details.delete(slot)
  writeInt(table.update, slot, 0)
  writeUnsigned(table.state, slot, 0)
  writeFloat(table.at, slot, 0)
  writeInt(table.next, slot, table.free)
  table.free = slot
  return true
}

function slotOf(table: EnforcementTable, update: UpdateId, row: number): number {
  const number = table.numberOf.get(update)
  if (number === undefined) return 0
  let slot = table.first[row] ?? 0
  while (slot !== 0 && table.update[slot] !== number) slot = table.next[slot] ?? 0
  return slot
}

function recordAt(table: EnforcementTable, slot: number): Enforcement {
  const details = table.details.get(slot)
  return {
    state: stateFrom(table.state[slot]),
    at: table.at[slot] ?? 0,
    code: details?.code ?? '',
    message: details?.message ?? '',
  }
}

function stateFrom(stored: number | undefined): EnforcementState {
  return STATES.find((state) => state === stored) ?? 1
}

const STATES: readonly EnforcementState[] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]

function addSlot(table: EnforcementTable, update: UpdateId, row: number): number {
  let slot = table.free
  if (slot !== 0) table.free = table.next[slot] ?? 0
  else slot = ++table.used
  if (slot >= table.next.length) growSlots(table)
  if (row >= table.first.length)
    table.first = longer(table.first, new Int32Array(Math.max(row + 1, table.first.length * 2)))
  writeInt(table.update, slot, numberFor(table, update))
  writeInt(table.next, slot, table.first[row] ?? 0)
  writeInt(table.first, row, slot)
  return slot
}

function numberFor(table: EnforcementTable, update: UpdateId): number {
  const known = table.numberOf.get(update)
  if (known !== undefined) return known
  const number = table.updateIds.push(update) - 1
  table.numberOf.set(update, number)
  return number
}

function growSlots(table: EnforcementTable): void {
  const slots = table.next.length * 2
  table.next = longer(table.next, new Int32Array(slots))
  table.update = longer(table.update, new Int32Array(slots))
  table.state = longer(table.state, new Uint8Array(slots))
  table.at = longer(table.at, new Float64Array(slots))
}
