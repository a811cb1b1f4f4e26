// Rows by the UTC day of their instants, each day's in a list that leads from row to row: to put one elsewhere touches its neighbours only.
import { DAY, type EpochMs } from '../model/instant.ts'
import { grown } from '../model/typed-arrays.ts'

export type RowsByDay = {
  /** UTC day → one of its rows. */
  readonly first: Map<number, number>
  /** Row → the next and the one before it, plus 2; END after the last and before the first, 0 for rows that are in no list. */
  next: Int32Array
  previous: Int32Array
}

const END = 1

/** Of rows 0 to `values.length - 1`. */
export function newRowsByDay(values: Float64Array): RowsByDay {
  const days: RowsByDay = { first: new Map(), next: new Int32Array(0), previous: new Int32Array(0) }
  for (let row = values.length - 1; row >= 0; row--) putRow(days, row, values[row] ?? 0)
  return days
}

export function isListed({ next }: RowsByDay, row: number): boolean {
  return (next[row] ?? 0) !== 0
}

/** Takes in a row that is in no list. */
export function putRow(days: RowsByDay, row: number, instant: EpochMs): void {
  if (row >= days.next.length) grow(days, row + 1)
  const { first, next, previous } = days
  const day = dayOf(instant)
  const after = first.get(day)
  first.set(day, row)
  previous[row] = END
  next[row] = after === undefined ? END : after + 2
  if (after !== undefined) previous[after] = row + 2
}

/** Takes out a row, which was put in with this instant, or never. */
export function takeRow({ first, next, previous }: RowsByDay, row: number, instant: EpochMs): void {
  const [after, before] = [next[row] ?? 0, previous[row] ?? 0]
  if (after === 0) return
  next[row] = 0
  if (after !== END) previous[after - 2] = before
  if (before !== END) next[before - 2] = after
  else if (after === END) first.delete(dayOf(instant))
  else first.set(dayOf(instant), after - 2)
}

/** Rows with `from ≤ value < until`, both instants; in no order. */
export function rowsBetween(days: RowsByDay, values: Float64Array, from: EpochMs, until: EpochMs): number[] {
  const found: number[] = []
  if (from >= until) return found
  const [first, last] = [dayOf(from), dayOf(until)]
  if (last - first > days.first.size)
    for (const row of days.first.values()) addBetween(found, days, row, values, from, until)
  else for (let day = first; day <= last; day++) addBetween(found, days, days.first.get(day), values, from, until)
  return found
}

function addBetween(
  found: number[],
  { next }: RowsByDay,
  first: number | undefined,
  values: Float64Array,
  from: EpochMs,
  until: EpochMs,
): void {
  for (let row = first ?? -1; row >= 0; row = (next[row] ?? 0) - 2) {
    const value = values[row] ?? 0
    if (from <= value && value < until) found.push(row)
  }
}

function grow(days: RowsByDay, rows: number): void {
  days.next = grown(days.next, rows, (length) => new Int32Array(length))
  days.previous = grown(days.previous, rows, (length) => new Int32Array(length))
}

function dayOf(instant: EpochMs): number {
  return Math.floor(instant / DAY)
}
