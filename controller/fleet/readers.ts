// Which collections are to be looked at after attributes of a device changed: those of which a query has another answer than before.
// Most queries that ask about an attribute have the answer that they had: then nothing of the collection is read, whose members
// at this row are seldom in a cache.
import type { Column } from './column.ts'
import type { AttributeChange } from './fleet.ts'
import type { Program } from './program.ts'
import { type Term, termHolds, termTable } from './term.ts'

/** The conditions on one attribute, and which of them hold for each of its values. */
export type Readers = {
  readonly all: readonly Reader[]
  /** Words that hold a bit for each of `all`. */
  readonly width: number
  /** `width` words for each code below `known`, of the column at that generation. */
  answers: Uint32Array
  known: number
  column: Column | undefined
  generation: number
}

type Reader = {
  readonly term: Term
  /** The queries that have the condition, with the number of its program each. */
  readonly queries: { readonly terms: readonly Term[]; readonly program: number }[]
}

/** By attribute key. */
export function readersOf(programs: readonly Program[]): Map<string, Readers> {
  const readers = new Map<Term, Reader>()
  for (const [program, { queries }] of programs.entries())
    for (const terms of queries)
      for (const term of terms)
        readers.getOrInsertComputed(term, () => ({ term, queries: [] })).queries.push({ terms, program })
  const byKey = Map.groupBy(readers.values(), ({ term }) => term.expression.key)
  return new Map([...byKey].map(([key, all]) => [key, newReaders(all)]))
}

/** To be called after the terms were bound. */
export function bindReaders(readers: ReadonlyMap<string, Readers>): void {
  for (const some of readers.values()) {
    const { column, generation } = some.all[0]?.term ?? some
    if (column === some.column && generation === some.generation) continue
    some.column = column
    some.generation = generation
    some.known = 0
  }
}

/** Marks the programs to be looked at for a row right after it `changed`. */
export function markAnswers(
  dirty: Uint32Array,
  readers: ReadonlyMap<string, Readers>,
  row: number,
  changed: readonly AttributeChange[],
): void {
  const flipped: Reader[] = []
  for (const { key, before, after } of changed) {
    const some = readers.get(key)
    if (some === undefined) continue
    if (before !== undefined) addFlipped(flipped, some, before, after)
    else for (const { queries } of some.all) for (const { program } of queries) markDirty(dirty, program)
  }
  for (const { queries } of flipped)
    for (const { terms, program } of queries) if (isOtherAnswer(terms, row)) markDirty(dirty, program)
  for (const { term } of flipped) term.flipped = false
}

export function markDirty(dirty: Uint32Array, program: number): void {
  dirty[program >>> 5] = (dirty[program >>> 5] ?? 0) | (1 << (program & 31))
}

function newReaders(all: readonly Reader[]): Readers {
  const width = (all.length + 31) >>> 5
  return { all, width, answers: new Uint32Array(64 * width), known: 0, column: undefined, generation: 0 }
}

function addFlipped(flipped: Reader[], readers: Readers, before: number, after: number): void {
  const { all, width } = readers
  if (before >= readers.known || after >= readers.known) extend(readers, Math.max(before, after))
  const { answers } = readers
  for (let i = 0; i < width; i++) {
    let word = (answers[before * width + i] ?? 0) ^ (answers[after * width + i] ?? 0)
    for (; word !== 0; word &= word - 1) {
      const reader = all[(i << 5) + 31 - Math.clz32(word & -word)]
      if (reader === undefined) continue
      reader.term.flipped = true
      flipped.push(reader)
    }
  }
}

function extend(readers: Readers, code: number): void {
  const { all, width, known } = readers
  const codes = Math.max(code + 1, readers.column?.values.length ?? 1)
  if (codes * width > readers.answers.length) {
    const longer = new Uint32Array(Math.max(codes * width, readers.answers.length * 2))
    longer.set(readers.answers)
    readers.answers = longer
  }
  const { answers } = readers
  for (const [i, { term }] of all.entries()) {
    const table = termTable(term)
    const bit = 1 << (i & 31)
    for (let next = known, at = known * width + (i >>> 5); next < codes; next++, at += width)
      if (table[next] === 1) answers[at] = (answers[at] ?? 0) | bit
  }
  readers.known = codes
}

function isOtherAnswer(terms: readonly Term[], row: number): boolean {
  let holds = true
  let held = true
  for (const term of terms) {
    const now = termHolds(term, row)
    holds &&= now
    held &&= now !== term.flipped
    if (!holds && !held) return false
  }
  return holds !== held
}
