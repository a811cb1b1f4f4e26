// Times as people declare them, without the schemas that describe them (recurrence.ts): durations, time zones, moments, and
// what is wrong with a recurrence or a freeze.
import { DAY, durationMs, HOUR, MINUTE } from './instant.ts'
import type { Duration, FreezeTimes, Recurrence } from './recurrence.ts'
import { durationError } from './recurrence-words.ts'
import { parseRrule, whyStartNeeded } from './rrule.ts'

export const DEVICE_LOCAL = 'DeviceLocal'

/** The least and the greatest length, both allowed, as people write them and in milliseconds. */
export type LengthBounds = { readonly least: string; readonly min: number; readonly most: string; readonly max: number }
export const WINDOW_LENGTH: LengthBounds = { least: 'PT5M', min: 5 * MINUTE, most: 'PT24H', max: 24 * HOUR }
export const FREEZE_LENGTH: LengthBounds = { least: 'PT5M', min: 5 * MINUTE, most: 'P92D', max: 92 * DAY }

export const FIXED_DURATION = /^P(?!$)(\d{1,5}W)?(\d{1,6}D)?(T(?=\d)(\d{1,7}H)?(\d{1,8}M)?(\d{1,9}S)?)?$/
export const ANY_DURATION =
  /^P(?!$)(\d{1,4}Y)?(\d{1,5}M)?(\d{1,5}W)?(\d{1,6}D)?(T(?=\d)(\d{1,7}H)?(\d{1,8}M)?(\d{1,9}S)?)?$/

export type FreezePeriod =
  | { readonly type: 'Once'; readonly from: string; readonly until: string; readonly timeZone: string }
  | { readonly type: 'Recurring'; readonly schedule: Recurrence; readonly duration: Duration }

/** Which of the two forms a freeze has; undefined when it has neither, which `FreezeTimes` refuses. */
export function freezePeriod({ from, until, timeZone, schedule, duration }: FreezeTimes): FreezePeriod | undefined {
  if (schedule !== undefined && duration !== undefined) return { type: 'Recurring', schedule, duration }
  if (from !== undefined && until !== undefined) return { type: 'Once', from, until, timeZone: timeZone ?? 'UTC' }
  return undefined
}

/** Throws a RangeError on text that neither `Duration` nor `CalendarDuration` accepts. */
export function parseDuration(text: string): Temporal.Duration {
  if (!ANY_DURATION.test(text)) throw new RangeError(durationProblem(text, true))
  return Temporal.Duration.from(text)
}

/** Whole days of an `offset`, negative before the day that the rule gives. */
export function offsetDays(offset: string): number {
  const [, minus, number, unit] = /^(-?)P(\d{1,2})([DW])$/.exec(offset) ?? []
  const days = Number(number) * (unit === 'W' ? 7 : 1)
  return minus === '-' && days !== 0 ? -days : days
}

/** Whether an `offset` is at most 31 days either way. */
export function isWholeDays(offset: string): boolean {
  return Math.abs(offsetDays(offset)) <= 31
}

/** Whether a recurrence may start on this date. */
export function isStartDay(date: string): boolean {
  return date >= '1970-01-01' && date <= '2099-12-31'
}

/** How a duration of fixed length lies to its bounds. */
export function lengthTo(duration: string, { min, max }: LengthBounds): 'TooShort' | 'Fits' | 'TooLong' {
  const length = durationMs(parseDuration(duration))
  if (length < min) return 'TooShort'
  return length > max ? 'TooLong' : 'Fits'
}

/** The IANA zone's name in its right spelling; undefined when the runtime does not know it. A bare offset is no zone. */
export function timeZoneId(text: string): string | undefined {
  if (!/^[A-Za-z][\w+/-]{0,63}$/.test(text)) return undefined
  try {
    return new Temporal.ZonedDateTime(0n, text).timeZoneId
  } catch {
    return undefined
  }
}

/** A time as freezes give it: an instant, or wall-clock time counted as if it were UTC. Undefined when it cannot be read. */
export function parseMoment(text: string): { readonly type: 'Wall' | 'Instant'; readonly at: number } | undefined {
  const [, date = '', zone] =
    /^(\d{4}-\d\d-\d\d)T(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?(Z|[+-]\d\d:\d\d)?$/.exec(text) ?? []
  const at = isRealDate(date) ? Date.parse(zone === undefined ? `${text}Z` : text) : Number.NaN
  return Number.isNaN(at) ? undefined : { type: zone === undefined ? 'Wall' : 'Instant', at }
}

/** Whether a text is a date, "YYYY-MM-DD", that the calendar has. */
export function isRealDate(text: string): boolean {
  const parsed = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN
  return !Number.isNaN(parsed) && new Date(parsed).toISOString().startsWith(text)
}

/** `path`: the field at fault; empty for the whole. */
export type FieldError = { readonly path: string; readonly message: string }

/** What is wrong with the parts of a recurrence together. */
export function recurrenceErrors({
  rrule,
  startsOn,
}: {
  rrule?: string | undefined
  startsOn?: string | undefined
}): FieldError[] {
  if (rrule === undefined)
    return startsOn === undefined
      ? [{ path: 'startsOn', message: 'needed without rrule: the day on which it happens' }]
      : []
  const parsed = parseRrule(rrule)
  if (parsed.type === 'Errors') return parsed.errors.map((message) => ({ path: 'rrule', message }))
  const { until } = parsed.rule
  if (startsOn === undefined) {
    const message = whyStartNeeded(parsed.rule)
    return message === undefined ? [] : [{ path: 'rrule', message }]
  }
  // An instant may lie on the day before in the zone furthest east.
  if (until !== undefined && until.at + (until.type === 'Instant' ? 14 * HOUR : 0) < Date.parse(startsOn))
    return [{ path: 'rrule', message: `UNTIL: lies before startsOn (${startsOn})` }]
  return []
}

export type FreezeFields = {
  from?: string | undefined
  until?: string | undefined
  timeZone?: string | undefined
  schedule?: unknown
  duration?: string | undefined
}

/** What is wrong with the parts of a freeze together. */
export function freezeErrors({ from, until, timeZone, schedule, duration }: FreezeFields): FieldError[] {
  const once = from !== undefined || until !== undefined
  const recurring = schedule !== undefined || duration !== undefined
  if (once && recurring) return [{ path: '', message: 'give from and until, or schedule and duration, not both' }]
  if (!once && !recurring)
    return [{ path: '', message: 'give from and until (once), or schedule and duration (again and again)' }]
  if (recurring) {
    if (schedule === undefined) return [{ path: 'schedule', message: 'needed with duration' }]
    if (duration === undefined) return [{ path: 'duration', message: 'needed with schedule' }]
    return timeZone === undefined
      ? []
      : [{ path: 'timeZone', message: 'leave it out: the schedule has its own timeZone' }]
  }
  if (from === undefined) return [{ path: 'from', message: 'needed with until' }]
  if (until === undefined) return [{ path: 'until', message: 'needed with from' }]
  const [begin, end] = [parseMoment(from), parseMoment(until)]
  if (begin === undefined || end === undefined) return []
  if (begin.type !== end.type)
    return [{ path: 'until', message: 'write from and until both as wall-clock times, or both with Z or an offset' }]
  if (begin.type === 'Instant' && timeZone !== undefined)
    return [{ path: 'timeZone', message: 'leave it out: from and until say their offset themselves' }]
  return end.at > begin.at ? [] : [{ path: 'until', message: `must be after from (${from})` }]
}

/** What to write in place of a text that is no duration; `calendar`: months and years are allowed. */
export function durationProblem(text: string, calendar: boolean): string {
  return durationError(text, calendar, ANY_DURATION.test(text))
}

/** What to write in place of a text that is no time zone, or not in its right spelling. */
export function timeZoneError(text: string): string {
  const spelled = timeZoneId(text)
  if (spelled !== undefined) return `write ${spelled}`
  const example = 'an IANA name such as Europe/Berlin, or UTC'
  if (/^(UTC|GMT)?[+-]?\d/i.test(text))
    return `"${text}" is an offset, which knows no daylight saving: write ${example}`
  if (/ time$/i.test(text)) return `"${text}" is a Windows name: write ${example}`
  const city = `/${text.toLowerCase().replaceAll(' ', '_')}`
  const meant = Intl.supportedValuesOf('timeZone').find((zone) => zone.toLowerCase().endsWith(city))
  return `"${text}" is no time zone: write ${meant ?? example}`
}
