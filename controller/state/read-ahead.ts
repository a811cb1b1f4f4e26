// Reading ahead of the fold. In a large fleet nearly all that a report touches is in no cache, and the fold asks for one thing after
// the other; asked for by many reports at once, it comes in a part of the time (docs/performance.md, "Collections").
import { readRows } from '../fleet/fleet.ts'
import type { Fact } from '../model/facts.ts'
import type { State } from './state.ts'

/** So many facts at a time; 16 to 64 take as long. */
const AHEAD = 32

/** What a smaller fleet has for a report is in a cache of the processor. */
export const READ_AHEAD_FROM = 50_000

/** The rows that were found for the facts at hand; kept from one call of `readAhead` to the next, and empty at first. */
export type Ahead = { rows: readonly number[] }

/**
 * To be called before each of these facts is folded, with its index. At every 32nd, what the next 32 will read of their devices is
 * read. Changes nothing; facts that are no reports are passed over. Returns the row of the fact's device where it was found: it will
 * never have another.
 */
export function readAhead({ fleet }: State, facts: readonly Fact[], next: number, ahead: Ahead): number | undefined {
  if (next % AHEAD === 0) {
    // One alone would be read twice, and no sooner.
    const isWorth = fleet.ids.length >= READ_AHEAD_FROM && next + 1 < facts.length
    ahead.rows = isWorth ? fleet.rowOf.rowsOf(facts.slice(next, next + AHEAD).map(deviceOf)) : NO_ROWS
    const known = ahead.rows.filter((row) => row >= 0)
    if (known.length > 0) readRows(fleet, known)
  }
  const row = ahead.rows[next % AHEAD] ?? -1
  return row < 0 ? undefined : row
}

const NO_ROWS: readonly number[] = []

/** No device has an empty name. */
function deviceOf(fact: Fact): string {
  return fact.type === 'DeviceReported' ? fact.device : ''
}
