// The catalog laid out for criteria: for each text property a dictionary of distinct values with the rows that have
// them, sorted numeric columns, and planes already asked for. Derived: rebuilt after a snapshot, brought up to date after a change.
import { type BitPlane, clearBit, clonePlane, hasBit, newPlane, setBit, subtract, unite } from '../model/bit-plane.ts'
import type { Update } from '../model/update.ts'
import type { Catalog } from './catalog.ts'
import { rowsChangedSince } from './changes.ts'
import { meets, meetsAll, type Term } from './terms.ts'
import { spelledValues, type TextProperty, textProperties, textValues } from './text-properties.ts'

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
type Column = {
  values: Float64Array
  /** Rows by value, as they were before the rows in `moved` got others; undefined before anyone asked. */
  sorted: Uint32Array | undefined
  moved: number[]
}
/** What was asked for and its rows. */
type TermPlane = { readonly terms: readonly Term[]; readonly plane: BitPlane }
/**
 * The planes of one property by what can change them: those that ask for whole values by these values; those that ask for
 * parts or patterns, or only exclude, by any.
 */
type Asked = { readonly byValue: Map<string, Set<TermPlane>>; readonly byAny: Set<TermPlane> }
type RangePlane = {
  readonly property: NumberProperty
  readonly min: number
  readonly max: number
  readonly plane: BitPlane
}

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
  readonly selectable: BitPlane
  readonly planes: Map<string, TermPlane>
  readonly asked: Map<TextProperty, Asked>
  /** Apart from the planes of terms, because most are asked for once: their ends move with the present. */
  readonly ranges: Map<string, RangePlane>
  cachedWords: number
}

const indexes = new WeakMap<Catalog, CatalogIndex>()

/** The index of the catalog as it stands: mended where the changed rows are known, else looked through for changes. */
export function indexOf(catalog: Catalog): CatalogIndex {
  const index = indexes.get(catalog) ?? newIndex()
  indexes.set(catalog, index)
  if (index.version === catalog.version) return index
  const changed = rowsChangedSince(catalog, index.version)
  if (changed !== undefined) for (const row of changed) mendRow(catalog, index, row)
  else {
    dropPlanes(index)
    index.ranges.clear()
    for (const plane of [index.all, index.knownIssue, index.exploited, index.selectable])
      reserve(plane, catalog.ids.length)
    for (let row = 0; row < catalog.ids.length; row++) mendRow(catalog, index, row)
  }
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
  return cached(index, key, property, terms, () => {
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
  if (known) return known.plane
  const { values } = columnOf(index, property)
  const sorted = sortedRows(index, property)
  const first = countUntil(sorted, values, (value) => value >= min)
  const end = countUntil(sorted, values, (value) => value > max)
  const plane = newPlane(index.seen.length)
  for (const row of sorted.subarray(first, end)) setBit(plane, row)
  if (index.ranges.size >= MAX_RANGES) index.ranges.clear()
  index.ranges.set(key, { property, min, max, plane })
  return plane
}

// Rows whose values changed are taken out and put in again, in one pass: to sort a large catalog anew takes longer than
// everything else after a synchronisation.
function sortedRows(index: CatalogIndex, property: NumberProperty): Uint32Array {
  const column = columnOf(index, property)
  const { values, sorted, moved } = column
  const byValue = (a: number, b: number) => (values[a] ?? 0) - (values[b] ?? 0)
  if (sorted === undefined) column.sorted = Uint32Array.from(index.seen.keys()).sort(byValue)
  else if (moved.length > 0)
    column.sorted = merged(sorted, [...new Set(moved)].sort(byValue), index.seen.length, byValue)
  column.moved = []
  return column.sorted ?? new Uint32Array(0)
}

function merged(
  sorted: Uint32Array,
  moved: readonly number[],
  rows: number,
  compare: (a: number, b: number) => number,
): Uint32Array {
  const isMoved = new Uint8Array(rows)
  for (const row of moved) isMoved[row] = 1
  const result = new Uint32Array(rows)
  let to = 0
  let next = 0
  for (const row of sorted) {
    if (isMoved[row] === 1) continue
    for (let other = moved[next]; other !== undefined && compare(other, row) < 0; other = moved[next]) {
      result[to++] = other
      next++
    }
    result[to++] = row
  }
  for (; next < moved.length; next++) result[to++] = moved[next] ?? 0
  return result
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
  return cached(index, `${property} ${term.wanted}`, property, [{ ...term, negative: false }], () => {
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

function cached(
  index: CatalogIndex,
  key: string,
  property: TextProperty,
  terms: readonly Term[],
  make: () => BitPlane,
): BitPlane {
  const known = index.planes.get(key)
  if (known) return known.plane
  const plane = make()
  if (index.cachedWords + plane.words.length > MAX_CACHED_WORDS) {
    dropPlanes(index)
  }
  const kept: TermPlane = { terms, plane }
  index.planes.set(key, kept)
  index.cachedWords += plane.words.length
  noteAsked(askedOf(index, property), kept)
  return plane
}

function noteAsked({ byValue, byAny }: Asked, kept: TermPlane): void {
  const { terms } = kept
  if (terms.every(({ negative }) => negative) || terms.some(({ whole, glob }) => !whole || glob)) {
    byAny.add(kept)
    return
  }
  for (const { wanted } of terms) {
    const planes = byValue.get(wanted) ?? new Set()
    byValue.set(wanted, planes.add(kept))
  }
}

function askedOf(index: CatalogIndex, property: TextProperty): Asked {
  const known = index.asked.get(property)
  if (known) return known
  const asked: Asked = { byValue: new Map(), byAny: new Set() }
  index.asked.set(property, asked)
  return asked
}

function dropPlanes(index: CatalogIndex): void {
  index.planes.clear()
  index.asked.clear()
  index.cachedWords = 0
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

// Once for each changed row: whatever is asked of many planes is asked only about properties that changed.
function mendRow(catalog: Catalog, index: CatalogIndex, row: number): void {
  const update = catalog.updates[row]
  if (update === undefined) return
  mark(index.selectable, row, isSelectable(catalog, row, update))
  const before = index.seen[row]
  if (before === update) return
  for (const property of textProperties) mendText(index, property, row, before, update)
  for (const property of numberProperties) mendNumber(index, property, row, before, update)
  mark(index.knownIssue, row, update.knownIssue)
  mark(index.exploited, row, update.exploited.length > 0)
  setBit(index.all, row)
  index.seen[row] = update
}

// Neither expired, declined nor without content; whether it is superseded is asked apart.
function isSelectable(catalog: Catalog, row: number, { state }: Update): boolean {
  return (
    (state === 'Normal' || state === 'Superseded') && !hasBit(catalog.declined, row) && !hasBit(catalog.expired, row)
  )
}

function mendText(
  index: CatalogIndex,
  property: TextProperty,
  row: number,
  before: Update | undefined,
  update: Update,
): void {
  if (before !== undefined && isSame(spelledValues(before, property), spelledValues(update, property))) return
  const fresh = textValues(update, property)
  const old = before === undefined ? [] : textValues(before, property)
  const dictionary = dictionaryOf(index, property)
  for (const value of old) removeRow(dictionary, value, row)
  for (const value of fresh) addRow(dictionary, value, row)
  const { byValue, byAny } = askedOf(index, property)
  const mend = ({ terms, plane }: TermPlane) => mark(plane, row, meetsAll(terms, fresh))
  for (const kept of byAny) mend(kept)
  for (const value of old) for (const kept of byValue.get(value) ?? []) mend(kept)
  for (const value of fresh) for (const kept of byValue.get(value) ?? []) mend(kept)
}

function mendNumber(
  index: CatalogIndex,
  property: NumberProperty,
  row: number,
  before: Update | undefined,
  update: Update,
): void {
  const column = columnOf(index, property)
  const value = property === 'revised' ? (update.revised ?? update.released) : update[property]
  if (row >= column.values.length) column.values = grown(column.values, row + 1)
  if (before !== undefined && column.values[row] === value) return
  column.values[row] = value
  if (column.sorted !== undefined) column.moved.push(row)
  for (const asked of index.ranges.values())
    if (asked.property === property) mark(asked.plane, row, asked.min <= value && value <= asked.max)
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i])
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

function reserve(plane: BitPlane, rows: number): void {
  const { words } = newPlane(rows)
  if (words.length <= plane.words.length) return
  words.set(plane.words)
  plane.words = words
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
  const column: Column = { values: new Float64Array(0), sorted: undefined, moved: [] }
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
    asked: new Map(),
    ranges: new Map(),
    cachedWords: 0,
  }
}
