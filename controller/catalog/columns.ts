// The catalog laid out for criteria: for each text property that many updates share the values of a dictionary of these and their
// number in each row, columns of numbers, and flags. Derived: a property is read when it is first asked for, and then mended with
// every change; after a snapshot it is read anew.
import { hasBit } from '../model/bit-plane.ts'
import type { EpochMs } from '../model/instant.ts'
import { grown, haveRead } from '../model/typed-arrays.ts'
import type { Update } from '../model/update.ts'
import type { Catalog } from './catalog.ts'
import { rowsChangedSince } from './changes.ts'
import { isListed, newRowsByDay, putRow, type RowsByDay, rowsBetween as rowsOfDays, takeRow } from './rows-by-day.ts'
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

/** Records that are read ahead of their use; of more, the first would no longer be in any cache. */
const MAX_AHEAD = 4096

export type TextColumn = {
  readonly property: SharedProperty
  /** What rows say, numbered as it came: nothing, a text, or a list of several. As they spell it. */
  readonly values: (readonly string[])[]
  /** The same as the record had it that said so first: mostly the very text or list of later ones. */
  readonly spelled: (string | readonly string[] | undefined)[]
  /** By the very text or list in `spelled`, and by the JSON of a list. */
  readonly numberOf: Map<string | readonly string[], number>
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
  /** Only where someone asked for rows by time. */
  days: RowsByDay | undefined
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
  const [numberOf, numberOfList] = [new Map<string | readonly string[], number>(), new Map<string, number>()]
  const column: TextColumn = {
    property,
    values: [[]],
    spelled: [undefined],
    numberOf,
    numberOfList,
    codes,
    size: 0,
    began: 0,
  }
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
  column.days ??= newRowsByDay(column.values.subarray(0, rows))
  return rowsOfDays(column.days, column.values, from, until)
}

function isCrowded({ texts }: Columns): boolean {
  return texts.some(({ size, began }) => size > 2 * began + MAX_SPARE)
}

// One column after the other: what is read of a row is in no cache, and short loops wait for that of many rows at once.
// Properties are looked at only where the record is another one, and not just its marks.
function mendRows(catalog: Catalog, columns: Columns, rows: readonly number[]): void {
  const others = otherRecords(catalog, columns, rows)
  if (others.length <= MAX_AHEAD) haveRead(readRecords(columns.seen, others))
  mendFlags(catalog, columns, rows)
  for (const column of columns.texts) mendTexts(column, columns.seen, others)
  for (const [property, column] of columns.numbers) mendNumbers(column, property, columns.seen, others)
}

// What columns, supersedence and rules are going to need of each record. These reads do not depend on each other, so that the processor
// waits for many at once (docs/performance.md, "Rules").
function readRecords(updates: readonly Update[], rows: readonly number[]): number {
  let sum = 0
  for (const row of rows) {
    const update = updates[row]
    if (update === undefined) continue
    const { released, sizeBytes, products, supersedes, cves, title } = update
    sum += released + sizeBytes + products.length + supersedes.length + cves.length + title.length
  }
  return sum
}

function mendFlags(catalog: Catalog, { flags }: Columns, rows: readonly number[]): void {
  for (const row of rows) {
    const update = catalog.updates[row]
    if (update) flags[row] = flagsOf(catalog, row, update)
  }
}

function otherRecords({ updates }: Catalog, { seen }: Columns, rows: readonly number[]): number[] {
  const others: number[] = []
  for (const row of rows) {
    const update = updates[row]
    if (update === undefined || seen[row] === update) continue
    seen[row] = update
    others.push(row)
  }
  return others
}

function mendTexts(column: TextColumn, seen: readonly Update[], rows: readonly number[]): void {
  const { codes, values } = column
  const read = spelled[column.property]
  for (const row of rows) {
    const update = seen[row]
    if (update === undefined) continue
    const value = read(update)
    const code = codes[row] ?? 0
    // Mostly a row says what it said, and to compare is quicker than to look up.
    if (column.spelled[code] !== value && !isSaid(values[code], value)) codes[row] = numberedAs(column, value)
  }
}

function mendNumbers(
  column: NumberColumn,
  property: NumberProperty,
  seen: readonly Update[],
  rows: readonly number[],
): void {
  for (const row of rows) {
    const update = seen[row]
    if (update) putNumber(column, row, numberOf(update, property))
  }
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
  if (value === undefined || (typeof value !== 'string' && value.length === 0)) return 0
  const known = column.numberOf.get(value)
  if (known !== undefined) return known
  if (typeof value === 'string') return addValue(column, value, [value])
  const json = JSON.stringify(value)
  const number = column.numberOfList.get(json) ?? addValue(column, value, value)
  column.numberOfList.set(json, number)
  return number
}

function addValue(column: TextColumn, value: string | readonly string[], texts: readonly string[]): number {
  const number = column.values.push(texts) - 1
  column.spelled.push(value)
  column.numberOf.set(value, number)
  column.size += texts.length
  return number
}

function numberOf(update: Update, property: NumberProperty): number {
  if (property === 'sizeBytes') return update.sizeBytes
  return property === 'revised' ? (update.revised ?? update.released) : update.released
}

function putNumber({ values, days }: NumberColumn, row: number, value: number): void {
  const before = values[row] ?? 0
  if (before === value && (days === undefined || isListed(days, row))) return
  if (days) takeRow(days, row, before)
  if (days) putRow(days, row, value)
  values[row] = value
}

function newColumns(): Columns {
  return { version: -1, seen: [], texts: [], numbers: new Map(), flags: new Uint8Array(0) }
}
