// The catalog laid out for criteria: for each text property a dictionary of distinct values with the rows that have
// them, sorted numeric columns, and planes already asked for. Derived: rebuilt after a snapshot, brought up to date after a change.
import { type BitPlane, clearBit, clonePlane, newPlane, setBit, subtract, unite } from '../model/bit-plane.ts'
import type { Update } from '../model/update.ts'
import { type Catalog, stateOfRow } from './catalog.ts'
import { meets, type Term } from './terms.ts'
import { type TextProperty, textProperties, textValues } from './text-properties.ts'

/** Words of cached planes before all of them are dropped: 64 MiB. */
const MAX_CACHED_WORDS = 16 * 1024 * 1024

/** Ranges of numbers whose rows are remembered. */
const MAX_RANGES = 256

/** Terms of one property whose matching values are remembered. */
const MAX_REMEMBERED_TERMS = 10_000

const numberProperties = ['released', 'revised', 'sizeBytes'] as const
export type NumberProperty = (typeof numberProperties)[number]

/** Values are numbered as they come and never forgotten; `matches` says which of the first `upTo` a term meets. */
type Dictionary = {
  readonly values: string[]
  readonly rows: number[][]
  readonly numberOf: Map<string, number>
  readonly matches: Map<string, { upTo: number; numbers: number[] }>
}
type Column = { values: Float64Array; sorted: Uint32Array | undefined }

export type CatalogIndex = {
  version: number
  /** Row → the record that is indexed. */
  readonly seen: Update[]
  readonly texts: Map<TextProperty, Dictionary>
  readonly numbers: Map<NumberProperty, Column>
  readonly all: BitPlane
  readonly knownIssue: BitPlane
  readonly exploited: BitPlane
  /** Rows that are neither expired, declined nor without content. */
  selectable: BitPlane
  readonly planes: Map<string, BitPlane>
  /** Apart from the planes of terms, because most are asked for once: their ends move with the present. */
  readonly ranges: Map<string, BitPlane>
  cachedWords: number
}

const indexes = new WeakMap<Catalog, CatalogIndex>()

/** The index of the catalog as it stands. */
export function indexOf(catalog: Catalog): CatalogIndex {
  const index = indexes.get(catalog) ?? newIndex()
  indexes.set(catalog, index)
  if (index.version === catalog.version) return index
  for (const [row, update] of catalog.updates.entries()) if (index.seen[row] !== update) indexRow(index, row, update)
  index.selectable = newPlane(catalog.ids.length)
  for (let row = 0; row < catalog.ids.length; row++) {
    const state = stateOfRow(catalog, row)
    if (state === 'Normal' || state === 'Superseded') setBit(index.selectable, row)
  }
  index.planes.clear()
  index.ranges.clear()
  index.cachedWords = 0
  index.version = catalog.version
  return index
}

/** Rows whose values of the property meet all the terms; `key` names property and terms. The plane is shared: do not change it. */
export function rowsWithTerms(
  index: CatalogIndex,
  property: TextProperty,
  terms: readonly Term[],
  key: string,
): BitPlane {
  return cached(index, key, () => {
    const positives = terms.some((term) => !term.negative)
    const plane = positives ? newPlane(index.seen.length) : clonePlane(index.all)
    for (const term of terms) if (!term.negative) putRows(index, property, term, plane)
    for (const term of terms) if (term.negative) subtract(plane, rowsWithTerm(index, property, term))
    return plane
  })
}

/** Rows with `min ≤ value ≤ max`. The plane is shared: do not change it. */
export function rowsInRange(index: CatalogIndex, property: NumberProperty, min: number, max: number): BitPlane {
  const key = `${property} ${min}..${max}`
  const known = index.ranges.get(key)
  if (known) return known
  const column = columnOf(index, property)
  const { values } = column
  column.sorted ??= Uint32Array.from(index.seen.keys()).sort((a, b) => (values[a] ?? 0) - (values[b] ?? 0))
  const first = countUntil(column.sorted, values, (value) => value >= min)
  const end = countUntil(column.sorted, values, (value) => value > max)
  const plane = newPlane(index.seen.length)
  for (const row of column.sorted.subarray(first, end)) setBit(plane, row)
  if (index.ranges.size >= MAX_RANGES) index.ranges.clear()
  index.ranges.set(key, plane)
  return plane
}

// Rows that are fewer than the words of a plane are put in one by one: most terms have a handful, and a plane for each of
// them would be most of the work.
function putRows(index: CatalogIndex, property: TextProperty, term: Term, into: BitPlane): void {
  const dictionary = dictionaryOf(index, property)
  const lists = matchingValues(dictionary, term).map((number) => dictionary.rows[number] ?? [])
  if (lists.reduce((sum, rows) => sum + rows.length, 0) >= into.words.length)
    unite(into, rowsWithTerm(index, property, term))
  else for (const rows of lists) for (const row of rows) setBit(into, row)
}

function rowsWithTerm(index: CatalogIndex, property: TextProperty, term: Term): BitPlane {
  return cached(index, `${property} ${term.wanted}`, () => {
    const dictionary = dictionaryOf(index, property)
    const plane = newPlane(index.seen.length)
    for (const number of matchingValues(dictionary, term))
      for (const row of dictionary.rows[number] ?? []) setBit(plane, row)
    return plane
  })
}

function matchingValues({ values, numberOf, matches }: Dictionary, term: Term): readonly number[] {
  if (term.whole && !term.glob) {
    const number = numberOf.get(term.wanted)
    return number === undefined ? [] : [number]
  }
  const match = matches.get(term.wanted) ?? { upTo: 0, numbers: [] }
  for (; match.upTo < values.length; match.upTo++)
    if (meets(term, values[match.upTo] ?? '')) match.numbers.push(match.upTo)
  if (matches.size >= MAX_REMEMBERED_TERMS) matches.clear()
  matches.set(term.wanted, match)
  return match.numbers
}

function cached(index: CatalogIndex, key: string, make: () => BitPlane): BitPlane {
  const known = index.planes.get(key)
  if (known) return known
  const plane = make()
  if (index.cachedWords + plane.words.length > MAX_CACHED_WORDS) {
    index.planes.clear()
    index.cachedWords = 0
  }
  index.planes.set(key, plane)
  index.cachedWords += plane.words.length
  return plane
}

function countUntil(sorted: Uint32Array, values: Float64Array, reached: (value: number) => boolean): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (reached(values[sorted[middle] ?? 0] ?? 0)) high = middle
    else low = middle + 1
  }
  return low
}

function indexRow(index: CatalogIndex, row: number, update: Update): void {
  const before = index.seen[row]
  for (const property of textProperties) {
    const old = before === undefined ? [] : textValues(before, property)
    const fresh = textValues(update, property)
    if (old.length === fresh.length && old.every((value, i) => value === fresh[i])) continue
    const dictionary = dictionaryOf(index, property)
    for (const value of old) removeRow(dictionary, value, row)
    for (const value of fresh) addRow(dictionary, value, row)
  }
  for (const property of numberProperties) {
    const column = columnOf(index, property)
    const value = property === 'revised' ? (update.revised ?? update.released) : update[property]
    if (row >= column.values.length) column.values = grown(column.values, row + 1)
    if (before !== undefined && column.values[row] === value) continue
    column.values[row] = value
    column.sorted = undefined
  }
  mark(index.knownIssue, row, update.knownIssue)
  mark(index.exploited, row, update.exploited.length > 0)
  setBit(index.all, row)
  index.seen[row] = update
}

function addRow({ values, rows, numberOf }: Dictionary, value: string, row: number): void {
  const number = numberOf.get(value)
  if (number !== undefined) {
    rows[number]?.push(row)
    return
  }
  numberOf.set(value, values.length)
  values.push(value)
  rows.push([row])
}

function removeRow({ rows, numberOf }: Dictionary, value: string, row: number): void {
  const having = rows[numberOf.get(value) ?? -1] ?? []
  const place = having.indexOf(row)
  const last = having.pop()
  if (last !== undefined && place >= 0 && place < having.length) having[place] = last
}

function mark(plane: BitPlane, row: number, on: boolean): void {
  if (on) setBit(plane, row)
  else clearBit(plane, row)
}

function grown(values: Float64Array, length: number): Float64Array {
  const copy = new Float64Array(Math.max(length, values.length * 2, 1024))
  copy.set(values)
  return copy
}

function dictionaryOf(index: CatalogIndex, property: TextProperty): Dictionary {
  const known = index.texts.get(property)
  if (known) return known
  const dictionary: Dictionary = { values: [], rows: [], numberOf: new Map(), matches: new Map() }
  index.texts.set(property, dictionary)
  return dictionary
}

function columnOf(index: CatalogIndex, property: NumberProperty): Column {
  const known = index.numbers.get(property)
  if (known) return known
  const column: Column = { values: new Float64Array(0), sorted: undefined }
  index.numbers.set(property, column)
  return column
}

function newIndex(): CatalogIndex {
  return {
    version: -1,
    seen: [],
    texts: new Map(),
    numbers: new Map(),
    all: newPlane(),
    knownIssue: newPlane(),
    exploited: newPlane(),
    selectable: newPlane(),
    planes: new Map(),
    ranges: new Map(),
    cachedWords: 0,
  }
}
