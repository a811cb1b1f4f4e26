// All collections over the whole fleet by the kernel, a block of devices after the other. Each device is put into the plane of
// the class of its value, once for each attribute; a condition is the union of some classes, and a collection is what its
// conditions and other collections come to (semantics.md §2). What one block needs fits into a core's cache.
import { type BitPlane, hasBit, intersect, planeOf } from '../model/bit-plane.ts'
import type { Column } from './column.ts'
import type { Fleet } from './fleet.ts'
import { AND, AND_NOT, type Kernel, kernelWith, OR } from './kernel.ts'
import type { Program, Source } from './program.ts'
import { type Term, termPlane } from './term.ts'
import { classifyValues, type Union } from './value-classes.ts'

/** Devices of one block. More of them make the planes of a block too large for the cache, fewer are more calls. */
export const BLOCK_ROWS = 32768
/** A plane of one block. */
const PLANE_BYTES = BLOCK_ROWS / 8
const STEP_BYTES = 20
const MAX_KERNEL_BYTES = 1 << 28
/** A condition of more classes than this is evaluated the plain way, which takes no longer. */
const MAX_UNITED = 256
/** A union is built upon one of so many before it, in order of their sizes. */
const LOOKED_BACK = 8

// The kernel's memory: codes of a block, four bytes each at the most; planes that are always there; those of classes, of
// conditions and of collections; tables; steps. A plane is known by its address.
const PRESENT = BLOCK_ROWS * 4
/** Devices whose value no condition asks about; nobody reads it. */
const OTHERS = PRESENT + PLANE_BYTES
const SCRATCH = OTHERS + PLANE_BYTES
/** Members of a collection that no other refers to. */
const RESULT = SCRATCH + PLANE_BYTES
/** Members that a collection had before. */
const BEFORE = RESULT + PLANE_BYTES
const NOTHING = BEFORE + PLANE_BYTES

/** From `row` on, a multiple of 128 of them. */
type Block = { readonly row: number; readonly rows: number }
/** A column whose devices are put into planes: by code, which. */
type Placing = { readonly column: Column; readonly table: Uint32Array }
/** A plane that is there already, and is copied block by block. */
type Given = { readonly words: Uint32Array; readonly plane: number }
type Step = readonly [what: number, to: number, a: number, b: number, c: number]
/** After the steps up to `last` the program's members are in `plane`, until the next program's steps. */
type Part = { readonly program: Program; readonly first: number; readonly last: number; readonly plane: number }

type Layout = {
  readonly placings: Placing[]
  readonly given: Given[]
  /** Those of conditions first, then part by part. */
  readonly steps: Step[]
  readonly parts: Part[]
  /** Planes from NOTHING up to here are empty when a block begins. */
  emptyTo: number
  /** Up to here memory is taken. */
  end: number
}

/**
 * Brings the members of each program up to date and returns which of them changed. Undefined, with nothing done, when it would
 * take more memory than the kernel may have. The programs' terms are bound to the fleet's columns.
 */
export function evaluateWhole(fleet: Fleet, programs: readonly Program[]): boolean[] | undefined {
  const layout = layOut(fleet, programs)
  const { placings, steps, parts } = layout
  const tables = placings.map(({ table }) => takeBytes(layout, table.byteLength))
  const stepsAt = takeBytes(layout, steps.length * STEP_BYTES)
  if (layout.end > MAX_KERNEL_BYTES) return undefined
  const kernel = kernelWith(layout.end)
  const words = new Uint32Array(kernel.memory.buffer)
  for (const [i, { table }] of placings.entries()) words.set(table, (tables[i] ?? 0) / 4)
  for (const [i, step] of steps.entries()) words.set(step, (stepsAt + i * STEP_BYTES) / 4)
  const changed = programs.map(() => false)
  for (let row = 0; row < fleet.ids.length; row += BLOCK_ROWS) {
    const block = { row, rows: Math.min(BLOCK_ROWS, Math.ceil((fleet.ids.length - row) / 128) * 128) }
    const bytes = block.rows / 8
    fillBlock(kernel, layout, tables, block)
    kernel.combine(stepsAt, stepsAt + (parts[0]?.first ?? 0) * STEP_BYTES, bytes)
    for (const [i, { program, first, last, plane }] of parts.entries()) {
      kernel.combine(stepsAt + first * STEP_BYTES, stepsAt + last * STEP_BYTES, bytes)
      copyBlock(words, BEFORE, program.plane.words, block)
      if (kernel.differs(plane, BEFORE, bytes) === 0) continue
      // The words that were there stay as they are, for whoever still reads them.
      if (!changed[i]) program.plane.words = copyOf(program.plane.words, (fleet.ids.length + 31) >>> 5)
      changed[i] = true
      putBlock(program.plane, words, plane, block)
    }
  }
  return changed
}

function layOut(fleet: Fleet, programs: readonly Program[]): Layout {
  const layout: Layout = { placings: [], given: [], steps: [], parts: [], emptyTo: 0, end: NOTHING + PLANE_BYTES }
  layout.given.push({ words: fleet.present.words, plane: PRESENT })
  const terms = placeTerms(fleet, programs, layout)
  const placed = new Map<Source, number>()
  const sourcePlane = (source: Source) => placed.get(source) ?? PRESENT
  for (const program of programs) {
    const first = layout.steps.length
    const to = program.dependants.length > 0 ? takePlane(layout) : RESULT
    let members = NOTHING
    const join = (plane: number) => {
      members = members === NOTHING ? plane : step(layout, OR, to, members, plane)
    }
    for (const query of program.queries) {
      const planes = query.map((term) => terms.get(term) ?? NOTHING)
      join(fold(layout, AND, planes, members === NOTHING ? to : SCRATCH))
    }
    for (const plane of directPlanes(fleet, program, layout)) join(plane)
    for (const source of program.include) join(sourcePlane(source))
    if (program.limit !== undefined) members = step(layout, AND, to, members, sourcePlane(program.limit))
    for (const source of program.exclude) members = step(layout, AND_NOT, to, members, sourcePlane(source))
    placed.set(program, members)
    layout.parts.push({ program, first, last: layout.steps.length, plane: members })
  }
  return layout
}

/** Where the devices are that meet each condition. All of them are present: a removed device has no attributes. */
function placeTerms(fleet: Fleet, programs: readonly Program[], layout: Layout): Map<Term, number> {
  const terms = new Set(programs.flatMap(({ queries }) => queries.flat()))
  const columns = [...Map.groupBy(terms, ({ column }) => column)].map(([column, some]) => {
    const { classOf, unions } = classifyValues(some, column?.values.length ?? 1)
    const planes = new Map([[0, OTHERS]])
    const planeOfClass = (number: number) => planes.getOrInsertComputed(number, () => takePlane(layout))
    const table = classOf.map(planeOfClass)
    if (column !== undefined) layout.placings.push({ column, table })
    return { unions, planeOfClass }
  })
  layout.emptyTo = layout.end
  return new Map(columns.flatMap(({ unions, planeOfClass }) => [...unite(fleet, unions, planeOfClass, layout)]))
}

function unite(
  fleet: Fleet,
  unions: readonly Union[],
  planeOfClass: (number: number) => number,
  layout: Layout,
): Map<Term, number> {
  const terms = new Map<Term, number>()
  const united: { readonly classes: ReadonlySet<number>; readonly plane: number }[] = []
  for (const { term, classes, negated } of unions.toSorted((a, b) => a.classes.size - b.classes.size)) {
    // Thresholds are unions that each hold the one before.
    const part = united.slice(-LOOKED_BACK).findLast((some) => some.classes.isSubsetOf(classes))
    const others = [...(part === undefined ? classes : classes.difference(part.classes))].map(planeOfClass)
    if (others.length > MAX_UNITED) {
      terms.set(term, give(layout, intersect(termPlane(term, fleet.ids.length), fleet.present)))
      continue
    }
    const plane = fold(layout, OR, part === undefined ? others : [part.plane, ...others])
    united.push({ classes, plane })
    terms.set(term, negated ? step(layout, AND_NOT, takePlane(layout), PRESENT, plane) : plane)
  }
  return terms
}

function directPlanes(fleet: Fleet, { direct }: Program, layout: Layout): number[] {
  const rows = [...direct].flatMap((id) => fleet.rowOf.get(id) ?? []).filter((row) => hasBit(fleet.present, row))
  return rows.length === 0 ? [] : [give(layout, planeOf(rows))]
}

function give(layout: Layout, { words }: BitPlane): number {
  const plane = takePlane(layout)
  layout.given.push({ words, plane })
  return plane
}

/** All of them united or intersected, in a new plane unless `to` says where; one alone stays where it is. */
function fold(layout: Layout, what: number, planes: readonly number[], to?: number): number {
  const [first = NOTHING, ...others] = planes
  if (others.length === 0) return first
  const target = to ?? takePlane(layout)
  for (let i = 0; i < others.length; i += 2)
    step(layout, what, target, i === 0 ? first : target, others[i] ?? NOTHING, others[i + 1])
  return target
}

function step(layout: Layout, what: number, to: number, a: number, b: number, c = b): number {
  layout.steps.push([what, to, a, b, c])
  return to
}

function takePlane(layout: Layout): number {
  return takeBytes(layout, PLANE_BYTES)
}

function takeBytes(layout: Layout, bytes: number): number {
  const at = layout.end
  layout.end += Math.ceil(bytes / 16) * 16
  return at
}

function fillBlock(kernel: Kernel, layout: Layout, tables: readonly number[], block: Block): void {
  const bytes = new Uint8Array(kernel.memory.buffer)
  const words = new Uint32Array(kernel.memory.buffer)
  bytes.fill(0, NOTHING, layout.emptyTo)
  for (const [i, { column }] of layout.placings.entries()) {
    loadCodes(bytes, column, block)
    kernel.place(0, column.codes.BYTES_PER_ELEMENT, block.rows, tables[i] ?? 0)
  }
  for (const { words: from, plane } of layout.given) copyBlock(words, plane, from, block)
}

// A row beyond the end of its column has no value, which is code 0.
function loadCodes(bytes: Uint8Array, { codes }: Column, { row, rows }: Block): void {
  const part = codes.subarray(row, row + rows)
  bytes.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength))
  bytes.fill(0, part.byteLength, rows * codes.BYTES_PER_ELEMENT)
}

// Most of the time of an evaluation that changes nothing is spent here, reading what collections had before.
function copyBlock(to: Uint32Array, plane: number, from: Uint32Array, { row, rows }: Block): void {
  const part = from.subarray(row / 32, (row + rows) / 32)
  to.set(part, plane / 4)
  if (part.length < rows / 32) to.fill(0, plane / 4 + part.length, (plane + rows / 8) / 4)
}

function copyOf(words: Uint32Array, length: number): Uint32Array {
  const copy = new Uint32Array(Math.max(length, words.length))
  copy.set(words)
  return copy
}

function putBlock(members: BitPlane, from: Uint32Array, plane: number, { row, rows }: Block): void {
  const count = Math.min(rows / 32, members.words.length - row / 32)
  members.words.set(from.subarray(plane / 4, plane / 4 + count), row / 32)
}
