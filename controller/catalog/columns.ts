// The catalog laid out for criteria: for each text property a dictionary of distinct values and the numbers of the values
// that each row has, columns of numbers, and flags. Derived: a property is read when it is first asked for, and then mended with
// every change; after a snapshot it is read anew.
import { hasBit } from '../model/bit-plane.ts'
import { DAY, type EpochMs } from '../model/instant.ts'
import { grown } from '../model/typed-arrays.ts'
import type { Update } from '../model/update.ts'
import type { Catalog } from './catalog.ts'
import { rowsChangedSince } from './changes.ts'
import { spellTheSame, type TextProperty, textValues } from './text-properties.ts'

export type NumberProperty = 'released' | 'revised' | 'sizeBytes'

/** Values and places of lists that a column holds besides twice those that it began with, some of which no row has any more; then it is read anew. */
const MAX_SPARE = 100_000

export type TextColumn = {
  /** Normalized, numbered as they come; or, of a property in which nearly every row has a value of its own, by row. */
  readonly values: string[]
  readonly numberOf: Map<string, number> | undefined
  /** Row → the number of its only value, or the complement of the place in `lists` of the numbers of none or several. */
  codes: Int32Array
  /** Lists, each behind its length; at 0 the empty one. */
  lists: Int32Array
  /** Where the next list goes. */
  end: number
  /** Values and places of lists when it was read. */
  began: number
}

export type NumberColumn = {
  /** Row → value. */
  values: Float64Array
  /** UTC day → rows; only where someone asked for rows by time. */
  days: Map<number, Set<number>> | undefined
}

/** Bits of a row's flags. */
export const SELECTABLE = 1
export const KNOWN_ISSUE = 2
export const EXPLOITED = 4

export type Columns = {
  version: number
  /** Row → the record that was read. */
  readonly seen: Update[]
  readonly texts: Map<TextProperty, TextColumn>
  readonly numbers: Map<NumberProperty, NumberColumn>
  /** Row → SELECTABLE (neither expired, declined nor without content), KNOWN_ISSUE and EXPLOITED. */
  flags: Uint8Array
}

const derived = new WeakMap<Catalog, Columns>()

/** The columns of the catalog as it stands: mended where the changed rows are known, else looked through for changes. */
export function columnsOf(catalog: Catalog): Columns {
  const known = derived.get(catalog)
  if (known?.version === catalog.version) return known
  const rows = catalog.ids.length
  const columns = known === undefined || isCrowded(known) ? newColumns() : known
  derived.set(catalog, columns)
  columns.flags = grown(columns.flags, rows, (length) => new Uint8Array(length))
  for (const column of columns.numbers.values())
    column.values = grown(column.values, rows, (length) => new Float64Array(length))
  for (const column of columns.texts.values())
    column.codes = grown(column.codes, rows, (length) => new Int32Array(length))
  for (const row of rowsChangedSince(catalog, columns.version) ?? catalog.ids.keys()) mendRow(catalog, columns, row)
  columns.version = catalog.version
  return columns
}

export function textColumn({ texts, seen }: Columns, property: TextProperty): TextColumn {
  const known = texts.get(property)
  if (known) return known
  const numberOf = property === 'titles' || property === 'descriptions' ? undefined : new Map<string, number>()
  const codes = new Int32Array(seen.length)
  const column: TextColumn = { values: [], numberOf, codes, lists: new Int32Array(1), end: 1, began: 0 }
  for (const [row, update] of seen.entries()) putText(column, property, row, update)
  column.began = column.values.length + column.end
  texts.set(property, column)
  return column
}

export function numberColumn({ numbers, seen }: Columns, property: NumberProperty): NumberColumn {
  const known = numbers.get(property)
  if (known) return known
  const values = Float64Array.from(seen, (update) => numberOf(update, property))
  const column: NumberColumn = { values, days: undefined }
  numbers.set(property, column)
  return column
}

/** Rows with `from ≤ value < until`, both instants; in no order. */
export function rowsBetween(column: NumberColumn, rows: number, from: EpochMs, until: EpochMs): number[] {
  if (from >= until) return []
  const { values } = column
  const days = column.days ?? daysOf(values.subarray(0, rows))
  column.days = days
  const found: number[] = []
  const collect = (bucket: Iterable<number>) => {
    for (const row of bucket) if (from <= at(values, row) && at(values, row) < until) found.push(row)
  }
  const [first, last] = [dayOf(from), dayOf(until)]
  if (last - first > days.size) for (const bucket of days.values()) collect(bucket)
  else for (let day = first; day <= last; day++) collect(days.get(day) ?? [])
  return found
}

function isCrowded({ texts }: Columns): boolean {
  return [...texts.values()].some(({ values, end, began }) => values.length + end > 2 * began + MAX_SPARE)
}

// Properties are looked at only where the record is another one, and not just its marks.
function mendRow(catalog: Catalog, columns: Columns, row: number): void {
  const update = catalog.updates[row]
  if (update === undefined) return
  columns.flags[row] = flagsOf(catalog, row, update)
  const before = columns.seen[row]
  if (before === update) return
  columns.seen[row] = update
  for (const [property, column] of columns.texts)
    if (before === undefined || !spellTheSame(before, update, property)) putText(column, property, row, update)
  for (const [property, column] of columns.numbers) putNumber(column, row, numberOf(update, property))
}

function flagsOf(catalog: Catalog, row: number, { state, knownIssue, exploited }: Update): number {
  const selectable =
    (state === 'Normal' || state === 'Superseded') && !hasBit(catalog.declined, row) && !hasBit(catalog.expired, row)
  return (selectable ? SELECTABLE : 0) | (knownIssue ? KNOWN_ISSUE : 0) | (exploited.length > 0 ? EXPLOITED : 0)
}

function putText(column: TextColumn, property: TextProperty, row: number, update: Update): void {
  const values = textValues(update, property)
  const [first] = values
  if (first === undefined) column.codes[row] = ~0
  else if (values.length === 1) column.codes[row] = numberedAs(column, row, first)
  else putList(column, row, values)
}

// In the place of the list that the row had, where that is as long.
function putList(column: TextColumn, row: number, values: readonly string[]): void {
  const old = ~(column.codes[row] ?? 0)
  const fits = old > 0 && (column.lists[old] ?? 0) >= values.length
  const place = fits ? old : column.end
  if (!fits) {
    column.end += values.length + 1
    column.lists = grown(column.lists, column.end, (length) => new Int32Array(length))
  }
  column.lists[place] = values.length
  for (const [i, value] of values.entries()) column.lists[place + 1 + i] = numberedAs(column, row, value)
  column.codes[row] = ~place
}

function numberedAs({ values, numberOf }: TextColumn, row: number, value: string): number {
  const known = numberOf?.get(value)
  if (known !== undefined) return known
  const number = numberOf === undefined ? row : values.length
  numberOf?.set(value, number)
  values[number] = value
  return number
}

function numberOf(update: Update, property: NumberProperty): number {
  return property === 'revised' ? (update.revised ?? update.released) : update[property]
}

function putNumber({ values, days }: NumberColumn, row: number, value: number): void {
  if (values[row] === value) return
  days?.get(dayOf(at(values, row)))?.delete(row)
  if (days) addTo(days, dayOf(value), row)
  values[row] = value
}

function daysOf(values: Float64Array): Map<number, Set<number>> {
  const days = new Map<number, Set<number>>()
  for (const [row, value] of values.entries()) addTo(days, dayOf(value), row)
  return days
}

function addTo(days: Map<number, Set<number>>, day: number, row: number): void {
  const rows = days.get(day)
  if (rows) rows.add(row)
  else days.set(day, new Set([row]))
}

function dayOf(instant: EpochMs): number {
  return Math.floor(instant / DAY)
}

function at(column: Float64Array, row: number): number {
  return column[row] ?? 0
}

function newColumns(): Columns {
  return { version: -1, seen: [], texts: new Map(), numbers: new Map(), flags: new Uint8Array(0) }
}
