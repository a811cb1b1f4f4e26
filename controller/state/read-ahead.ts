// Reading ahead of the fold. In a large fleet nearly all that a report touches is in no cache, and the fold asks for one thing after
// the other; asked for by many reports at once, it comes in a part of the time (docs/performance.md, "Collections").
import { readRows } from '../fleet/fleet.ts'
import type { Fact } from '../model/facts.ts'
import type { State } from './state.ts'

/** So many facts at a time; 16 to 64 take as long. */
const AHEAD = 32

/** What a smaller fleet has for a report is in a cache of the processor. */
export const READ_AHEAD_FROM = 50_000

/**
 * To be called before each of these facts is folded, with its index. At every 32nd, what the next 32 will read of their devices is
 * read. Changes nothing; facts that are no reports are passed over.
 */
export function readAhead({ fleet }: State, facts: readonly Fact[], next: number): void {
  if (next % AHEAD !== 0 || fleet.ids.length < READ_AHEAD_FROM) return
  const devices: string[] = []
  for (const fact of facts.slice(next, next + AHEAD)) if (fact.type === 'DeviceReported') devices.push(fact.device)
  // One alone would be read twice, and no sooner.
  if (devices.length > 1) readRows(fleet, fleet.rowOf.rowsOf(devices))
}
