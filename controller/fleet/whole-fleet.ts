// All collections over the whole fleet by the kernel, a block of devices after the other: all conditions and all collections of
// one block fit into a core's cache. Conditions that collections share are evaluated once, eight on one attribute at a time.
import { planeOf } from '../model/bit-plane.ts'
import type { Column } from './column.ts'
import type { Fleet } from './fleet.ts'
import { AND, AND_NOT, type Kernel, kernelWith, OR } from './kernel.ts'
import type { Program, Source } from './program.ts'
import { type Term, termPlane, termTable } from './term.ts'

/** Devices of one block. More of them make the planes of a block too large for the cache, fewer are more calls. */
export const BLOCK_ROWS = 16384
/** A plane of one block. */
const SLOT_BYTES = BLOCK_ROWS / 8
const SLOT_WORDS = SLOT_BYTES / 4
const LANES = 8
const PAGE_VALUES = 16
/** Codes of a block take two bytes each at the most, and stand first in the kernel's memory. */
const CODES_BYTES = BLOCK_ROWS * 2
const STEP_BYTES = 16
const MAX_KERNEL_BYTES = 1 << 28

/** Up to eight conditions on one attribute, whose planes stand one after the other. */
type Scan = {
  readonly column: Column
  readonly table: Uint8Array
  readonly address: number
  readonly slot: number
}
/** A plane that is there already, and is copied block by block. */
type Given = { readonly words: Uint32Array; readonly slot: number }
type Step = readonly [what: number, to: number, a: number, b: number]

type Layout = {
  readonly scans: readonly Scan[]
  readonly given: readonly Given[]
  readonly steps: readonly Step[]
  /** By program. */
  readonly slots: readonly number[]
  readonly stepsAt: number
  readonly slotsAt: number
  readonly bytes: number
}

/**
 * The members of each program, as words for as many devices as there are; undefined where they are the members that it has.
 * Undefined as a whole when it would take more memory than the kernel may have. `terms` are bound to the fleet's columns.
 */
export function evaluateWhole(fleet: Fleet, programs: readonly Program[]): (Uint32Array | undefined)[] | undefined {
  const rows = fleet.ids.length
  const layout = layOut(fleet, programs)
  if (layout.bytes > MAX_KERNEL_BYTES) return undefined
  const kernel = kernelWith(layout.bytes)
  const bytes = new Uint8Array(kernel.memory.buffer)
  const words = new Uint32Array(kernel.memory.buffer)
  for (const { table, address } of layout.scans) bytes.set(table, address)
  writeSteps(layout, words)
  const results = programs.map((): Uint32Array | undefined => undefined)
  const length = (rows + 31) >>> 5
  for (let first = 0; first < rows; first += BLOCK_ROWS) {
    scanBlock(kernel, bytes, layout, first)
    for (const { words: from, slot } of layout.given)
      copyBlock(words, (layout.slotsAt + slot * SLOT_BYTES) / 4, from, first / 32)
    kernel.combine(layout.stepsAt, layout.stepsAt + layout.steps.length * STEP_BYTES, SLOT_BYTES)
    for (const [i, program] of programs.entries()) {
      const at = (layout.slotsAt + (layout.slots[i] ?? 0) * SLOT_BYTES) / 4
      results[i] = put(words, at, first / 32, program.plane.words, results[i], length)
    }
  }
  return results
}

function layOut(fleet: Fleet, programs: readonly Program[]): Layout {
  const draft: Draft = { scans: [], given: [], steps: [], next: 0, tables: CODES_BYTES }
  const nothing = take(draft)
  const scratch = take(draft)
  const present = take(draft)
  // Memory is used again, and holds what the last evaluation left: also an empty plane has to be written.
  draft.given.push({ words: new Uint32Array(0), slot: nothing }, { words: fleet.present.words, slot: present })
  const slotOf = placeTerms(fleet, programs, draft)
  const placed = new Map<Source, number>()
  const sourceOf = (source: Source) => placed.get(source) ?? present
  for (const program of programs) {
    const to = take(draft)
    placed.set(program, to)
    const parts = program.queries.flatMap((query) => (query.length === 0 ? [] : [query.map(slotOf)]))
    let from = nothing
    for (const [first = nothing, ...others] of parts) {
      let part = first
      for (const other of others) {
        draft.steps.push([AND, scratch, part, other])
        part = scratch
      }
      draft.steps.push([OR, to, from, part])
      from = to
    }
    for (const slot of [...directSlots(fleet, program, draft), ...program.include.map(sourceOf)]) {
      draft.steps.push([OR, to, from, slot])
      from = to
    }
    draft.steps.push([AND, to, from, program.limit === undefined ? present : sourceOf(program.limit)])
    for (const source of program.exclude) draft.steps.push([AND_NOT, to, to, sourceOf(source)])
  }
  const stepsAt = aligned(draft.tables)
  const slotsAt = stepsAt + draft.steps.length * STEP_BYTES
  const { scans, given, steps } = draft
  const slots = programs.map((program) => placed.get(program) ?? nothing)
  return { scans, given, steps, slots, stepsAt, slotsAt, bytes: slotsAt + draft.next * SLOT_BYTES }
}

type Draft = {
  readonly scans: Scan[]
  readonly given: Given[]
  readonly steps: Step[]
  /** The next slot, and where the next table stands. */
  next: number
  tables: number
}

function take(draft: Draft, slots = 1): number {
  const first = draft.next
  draft.next += slots
  return first
}

// Terms on one attribute side by side; those on an attribute with a great many values are evaluated the plain way.
function placeTerms(fleet: Fleet, programs: readonly Program[], draft: Draft): (term: Term) => number {
  const terms = new Set(programs.flatMap(({ queries }) => queries.flat()))
  const slots = new Map<Term, number>()
  const byColumn = Map.groupBy(terms, ({ column }) => column)
  for (const [column, all] of byColumn) {
    if (column === undefined || column.codes instanceof Uint32Array) {
      for (const term of all) {
        slots.set(term, take(draft))
        draft.given.push({ words: termPlane(term, fleet.ids.length).words, slot: slots.get(term) ?? 0 })
      }
      continue
    }
    for (let i = 0; i < all.length; i += LANES) {
      const some = all.slice(i, i + LANES)
      const slot = take(draft, LANES)
      for (const [lane, term] of some.entries()) slots.set(term, slot + lane)
      const table = tableOf(column, some)
      draft.scans.push({ column, table, address: draft.tables, slot })
      draft.tables += aligned(table.length)
    }
  }
  return (term) => slots.get(term) ?? 0
}

/** A byte a code: condition k in bit 7 − k. Whole pages of 16 codes. */
function tableOf({ values }: Column, terms: readonly Term[]): Uint8Array {
  const table = new Uint8Array(Math.ceil(values.length / PAGE_VALUES) * PAGE_VALUES)
  for (const [lane, term] of terms.entries()) {
    const holds = termTable(term)
    for (let code = 0; code < values.length; code++)
      table[code] = (table[code] ?? 0) | ((holds[code] ?? 0) << (LANES - 1 - lane))
  }
  return table
}

function directSlots(fleet: Fleet, { direct }: Program, draft: Draft): number[] {
  const rows = [...direct].flatMap((id) => fleet.rowOf.get(id) ?? [])
  if (rows.length === 0) return []
  const slot = take(draft)
  draft.given.push({ words: planeOf(rows).words, slot })
  return [slot]
}

function writeSteps({ steps, stepsAt, slotsAt }: Layout, words: Uint32Array): void {
  let at = stepsAt / 4
  for (const [what, ...slots] of steps) {
    words[at++] = what
    for (const slot of slots) words[at++] = slotsAt + slot * SLOT_BYTES
  }
}

function scanBlock(kernel: Kernel, bytes: Uint8Array, { scans, slotsAt }: Layout, first: number): void {
  let loaded: Column | undefined
  for (const { column, table, address, slot } of scans) {
    const planes = slotsAt + slot * SLOT_BYTES
    if (column !== loaded) loadCodes(bytes, column, first)
    loaded = column
    if (column.codes instanceof Uint8Array)
      kernel.scanBytes(0, BLOCK_ROWS, address, address + table.length, planes, SLOT_BYTES)
    else kernel.scanPairs(0, BLOCK_ROWS * 2, address, planes, SLOT_BYTES)
  }
}

// A row beyond the end of its column has no value, which is code 0.
function loadCodes(bytes: Uint8Array, { codes }: Column, first: number): void {
  const width = codes.BYTES_PER_ELEMENT
  const part = codes.subarray(first, first + BLOCK_ROWS)
  bytes.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength))
  bytes.fill(0, part.byteLength, BLOCK_ROWS * width)
}

function copyBlock(to: Uint32Array, at: number, from: Uint32Array, first: number): void {
  const part = from.subarray(first, first + SLOT_WORDS)
  to.set(part, at)
  to.fill(0, at + part.length, at + SLOT_WORDS)
}

// Members that are the same stay the same array: nothing is written for most collections at most times.
function put(
  found: Uint32Array,
  at: number,
  first: number,
  before: Uint32Array,
  result: Uint32Array | undefined,
  length: number,
): Uint32Array | undefined {
  const count = Math.min(SLOT_WORDS, length - first)
  let words = result
  if (words === undefined) {
    if (isSame(found, at, before, first, count)) return undefined
    words = new Uint32Array(length)
    words.set(before.subarray(0, Math.min(first, length)))
  }
  words.set(found.subarray(at, at + count), first)
  return words
}

// Most of the time of an evaluation that changes nothing is spent here, so it is written for the compiler: two arrays, no
// default for a word that is missing.
function isSame(found: Uint32Array, at: number, before: Uint32Array, first: number, count: number): boolean {
  const known = Math.max(0, Math.min(count, before.length - first))
  for (let i = 0; i < known; i++) if (found[at + i] !== before[first + i]) return false
  for (let i = known; i < count; i++) if (found[at + i] !== 0) return false
  return true
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / 16) * 16
}
