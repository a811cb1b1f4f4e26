// The stretches of time that one declared window or freeze gives in one time zone. What cannot be read gives undefined:
// windows.ts decides what doubt means.
import { DAY, durationMs, type EpochMs } from '../model/instant.ts'
import type { FreezeTimes, MaintenanceWindowTimes, Recurrence } from '../model/recurrence.ts'
import { freezePeriod, isRealDate, parseDuration, parseMoment } from '../model/times.ts'
import type { Interval } from './intervals.ts'
import { nextOccurrence, scheduleProblem } from './recurrence.ts'
import { instantOf, zoneNamed } from './zones.ts'

/** Every time the window is open that meets `within`, at full length, in normal form. */
export function windowOccasions(times: MaintenanceWindowTimes, zone: string, within: Interval): Interval[] | undefined {
  const effective = effectiveIn(times, zone)
  return effective === undefined ? undefined : recurring(times.schedule, times.duration, zone, within, effective)
}

/** When the window opens next, at or after an instant; undefined also when it does not. */
export function nextOpening(times: MaintenanceWindowTimes, zone: string, from: EpochMs): EpochMs | undefined {
  const effective = effectiveIn(times, zone)
  if (effective === undefined) return undefined
  const next = nextOccurrence(times.schedule, Math.max(from, effective.from) - 1, zone)
  return next !== undefined && next < effective.until ? next : undefined
}

/** Every time the freeze holds that meets `within`, at full length, in normal form. */
export function freezeOccasions(times: FreezeTimes, zone: string, within: Interval): Interval[] | undefined {
  const period = freezePeriod(times)
  if (period === undefined) return undefined
  if (period.type === 'Recurring') return recurring(period.schedule, period.duration, zone, within, ALWAYS)
  const from = momentIn(period.from, zone)
  const until = momentIn(period.until, zone)
  if (from === undefined || until === undefined || until < from) return undefined
  return from < until && from < within.until && within.from < until ? [{ from, until }] : []
}

/** Length of a declared duration in milliseconds; undefined when it cannot be read. */
export function lengthOf(duration: string): number | undefined {
  const known = lengths.get(duration)
  if (known !== undefined) return known
  try {
    const length = durationMs(parseDuration(duration))
    if (lengths.size >= MAX_LENGTHS) lengths.clear()
    lengths.set(duration, length)
    return length
  } catch {
    return undefined
  }
}

const ALWAYS: Interval = { from: Number.NEGATIVE_INFINITY, until: Number.POSITIVE_INFINITY }

const MAX_LENGTHS = 1000
const lengths = new Map<string, number>()

/** Occurrences that begin within `begins`, each as long as `duration`; merged as they come, since a rule may give one every minute. */
function recurring(
  schedule: Recurrence,
  duration: string,
  zone: string,
  within: Interval,
  begins: Interval,
): Interval[] | undefined {
  const length = lengthOf(duration)
  if (length === undefined || scheduleProblem(schedule) !== undefined) return undefined
  const last = Math.min(within.until, begins.until)
  const merged: Interval[] = []
  let from = nextOccurrence(schedule, Math.max(within.from - length, begins.from - 1), zone)
  while (from !== undefined && from < last) {
    const before = merged.at(-1)
    const until = from + length
    if (before !== undefined && before.until >= from) merged[merged.length - 1] = { from: before.from, until }
    else merged.push({ from, until })
    from = nextOccurrence(schedule, from, zone)
  }
  return merged
}

/** Within which the window may open. */
function effectiveIn({ effective }: MaintenanceWindowTimes, zone: string): Interval | undefined {
  const from = effective?.from === undefined ? ALWAYS.from : startOfDay(effective.from, 0, zone)
  const until = effective?.until === undefined ? ALWAYS.until : startOfDay(effective.until, 1, zone)
  return from === undefined || until === undefined ? undefined : { from, until }
}

function startOfDay(date: string, daysLater: number, zone: string): EpochMs | undefined {
  const table = zoneNamed(zone)
  if (table === undefined || !isRealDate(date)) return undefined
  return instantOf(table, Date.parse(`${date}T00:00:00Z`) + daysLater * DAY)
}

function momentIn(text: string, zone: string): EpochMs | undefined {
  const table = zoneNamed(zone)
  const moment = parseMoment(text)
  if (table === undefined || moment === undefined) return undefined
  return moment.type === 'Wall' ? instantOf(table, moment.at) : moment.at
}
