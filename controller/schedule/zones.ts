// Wall-clock time to instants and back, from a table of each zone's changes: Temporal's own answers, in well under a microsecond.
import { DAY, type EpochMs, HOUR } from '../model/instant.ts'
import { timeZoneId } from '../model/times.ts'
import type { WallMs } from './calendar.ts'

/** Changes of a zone's offset from 1970 to 2100: `offsets[i]` (milliseconds) holds from `changes[i - 1]` until before `changes[i]`. */
export type Zone = { readonly id: string; readonly changes: Float64Array; readonly offsets: Float64Array }

/** Nothing is scheduled at or after this instant, 2100-01-01T00:00:00Z. */
export const END_OF_TIME: EpochMs = Date.UTC(2100, 0, 1)

/** The zone of an IANA name, in any spelling of its letters; undefined when the runtime does not know it. */
export function zoneNamed(name: string): Zone | undefined {
  const known = zones.get(name)
  if (known !== undefined) return known
  if (unknown.has(name)) return undefined
  const id = timeZoneId(name)
  if (zones.size + unknown.size >= MAX_ZONES) {
    zones.clear()
    unknown.clear()
  }
  if (id === undefined) {
    unknown.add(name)
    return undefined
  }
  const zone = tabulate(id)
  zones.set(name, zone)
  return zone
}

/** The first instant at which the zone's wall clock shows `wall` or later: after the gap when it is skipped, the first of two when it is repeated. */
export function instantOf({ changes, offsets }: Zone, wall: WallMs): EpochMs {
  // No zone is more than 15 hours ahead of UTC, so no earlier stretch can show it.
  for (let i = stretchAt(changes, wall - 15 * HOUR); ; i++) {
    const instant = Math.max(wall - (offsets[i] ?? 0), i === 0 ? Number.NEGATIVE_INFINITY : (changes[i - 1] ?? 0))
    if (i >= changes.length || instant < (changes[i] ?? 0)) return instant
  }
}

export function wallOf({ changes, offsets }: Zone, at: EpochMs): WallMs {
  return at + (offsets[stretchAt(changes, at)] ?? 0)
}

/** The latest wall-clock time shown at or before an instant: before a repeated hour is over, that is its end. `instantOf(w) <= at` exactly when `w` is not later. */
export function latestWallOf({ changes, offsets }: Zone, at: EpochMs): WallMs {
  const i = stretchAt(changes, at)
  const wall = at + (offsets[i] ?? 0)
  return i === 0 ? wall : Math.max(wall, (changes[i - 1] ?? 0) - 1 + (offsets[i - 1] ?? 0))
}

/** More than there are zones; devices may send any text as theirs. */
const MAX_ZONES = 2000
const zones = new Map<string, Zone>()
const unknown = new Set<string>()

function tabulate(id: string): Zone {
  const changes: number[] = []
  let from = new Temporal.ZonedDateTime(0n, id)
  const offsets = [from.offsetNanoseconds / 1e6]
  for (;;) {
    const next = from.getTimeZoneTransition('next')
    if (next === null || next.epochMilliseconds >= END_OF_TIME + DAY) break
    changes.push(next.epochMilliseconds)
    offsets.push(next.offsetNanoseconds / 1e6)
    from = next
  }
  return { id, changes: Float64Array.from(changes), offsets: Float64Array.from(offsets) }
}

/** How many changes lie at or before an instant. */
function stretchAt(changes: Float64Array, at: EpochMs): number {
  let low = 0
  let high = changes.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((changes[middle] ?? 0) <= at) low = middle + 1
    else high = middle
  }
  return low
}
