// The catalog laid out for criteria: for each text property that many updates share the values of a dictionary of these and their
// number in each row, columns of numbers, and flags. Derived: a property is read when it is first asked for, and then mended with
// every change; after a snapshot it is read anew.
import { hasBit } from '../model/bit-plane.ts'
import { DAY, type EpochMs } from '../model/instant.ts'
import { grown } from '../model/typed-arrays.ts'
import type { Update } from '../model/update.ts'
import type { Catalog } from './catalog.ts'
import { rowsChangedSince } from './changes.ts'
import { spelled, type TextProperty } from './text-properties.ts'

/** In the others nearly every update has values of its own, and a dictionary would be as long as the catalog. */
export const sharedProperties = [
  'products',
  'classifications',
  'severities',
  'customSeverities',
  'vendors',
  'languages',
  'architectures',
  'restart',
] as const satisfies readonly TextProperty[]
export type SharedProperty = (typeof sharedProperties)[number]
export type NumberProperty = 'released' | 'revised' | 'sizeBytes'

/** Texts that a column holds besides twice those that it began with, some of which no row has any more; then it is read anew. */
const MAX_SPARE = 100_000

export type TextColumn = {
  readonly property: SharedProperty
  /** What rows say, numbered as it came: nothing, a text, or a list of several. As they spell it. */
  readonly values: (readonly string[])[]
  readonly numberOf: Map<string, number>
  /** By the JSON of the list. */
  readonly numberOfList: Map<string, number>
  /** Row → the number of what it says. */
  codes: Int32Array
  /** Texts in all values, and when it was read. */
  size: number
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
  readonly texts: TextColumn[]
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
  for (const column of columns.texts) column.codes = grown(column.codes, rows, (length) => new Int32Array(length))
  mendRows(catalog, columns, rowsChangedSince(catalog, columns.version) ?? [...catalog.ids.keys()])
  columns.version = catalog.version
  return columns
}

export function textColumn({ texts, seen }: Columns, property: SharedProperty): TextColumn {
  const known = texts.find((column) => column.property === property)
  if (known) return known
  const codes = new Int32Array(seen.length)
  const [numberOf, numberOfList] = [new Map<string, number>(), new Map<string, number>()]
  const column: TextColumn = { property, values: [[]], numberOf, numberOfList, codes, size: 0, began: 0 }
  const read = spelled[property]
  for (const [row, update] of seen.entries()) codes[row] = numberedAs(column, read(update))
  column.began = column.size
  texts.push(column)
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
  return texts.some(({ size, began }) => size > 2 * began + MAX_SPARE)
}

// One column after the other: what is read of a row is in no cache, and short loops wait for that of many rows at once.
// Properties are looked at only where the record is another one, and not just its marks.
function mendRows(catalog: Catalog, { seen, texts, numbers, flags }: Columns, rows: readonly number[]): void {
  const updates: Update[] = []
  const others: number[] = []
  for (const row of rows) {
    const update = catalog.updates[row]
    if (update === undefined) continue
    flags[row] = flagsOf(catalog, row, update)
    if (seen[row] === update) continue
    seen[row] = update
    others.push(row)
    updates.push(update)
  }
  for (const column of texts) {
    const { codes, values } = column
    const read = spelled[column.property]
    for (const [i, update] of updates.entries()) {
      const row = others[i] ?? 0
      const value = read(update)
      // Mostly a row says what it said, and to compare is quicker than to look up.
      if (!isSaid(values[codes[row] ?? 0], value)) codes[row] = numberedAs(column, value)
    }
  }
  for (const [property, column] of numbers)
    for (const [i, update] of updates.entries()) putNumber(column, others[i] ?? 0, numberOf(update, property))
}

function flagsOf(catalog: Catalog, row: number, { state, knownIssue, exploited }: Update): number {
  const selectable =
    (state === 'Normal' || state === 'Superseded') && !hasBit(catalog.declined, row) && !hasBit(catalog.expired, row)
  return (selectable ? SELECTABLE : 0) | (knownIssue ? KNOWN_ISSUE : 0) | (exploited.length > 0 ? EXPLOITED : 0)
}

function isSaid(said: readonly string[] | undefined, value: string | readonly string[] | undefined): boolean {
  if (said === undefined) return false
  if (value === undefined) return said.length === 0
  if (typeof value === 'string') return said.length === 1 && said[0] === value
  if (said.length !== value.length) return false
  for (let i = 0; i < said.length; i++) if (said[i] !== value[i]) return false
  return true
}

function numberedAs(column: TextColumn, value: string | readonly string[] | undefined): number {
  const { numberOf, numberOfList } = column
  if (typeof value === 'string') return numberOf.get(value) ?? addValue(column, numberOf, value, [value])
  const first = value?.[0]
  if (value === undefined || first === undefined) return 0
  if (value.length === 1) return numberOf.get(first) ?? addValue(column, numberOf, first, value)
  const json = JSON.stringify(value)
  return numberOfList.get(json) ?? addValue(column, numberOfList, json, value)
}

function addValue(column: TextColumn, numbers: Map<string, number>, key: string, value: readonly string[]): number {
  const number = column.values.push(value) - 1
  numbers.set(key, number)
  column.size += value.length
  return number
}

function numberOf(update: Update, property: NumberProperty): number {
  if (property === 'sizeBytes') return update.sizeBytes
  return property === 'revised' ? (update.revised ?? update.released) : update.released
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
  return { version: -1, seen: [], texts: [], numbers: new Map(), flags: new Uint8Array(0) }
}
