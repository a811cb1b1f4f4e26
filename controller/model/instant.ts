// Instants as the state and the facts hold them. Calendar arithmetic is Temporal's; what is stored, compared and
// counted a million times is a plain number.

/** Milliseconds since 1970-01-01T00:00:00Z, an integer. */
export type EpochMs = number

export const MINUTE = 60_000
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

/**
 * RFC 3339 in UTC, without fractions of a second when there are none. Throws a RangeError beyond the calendar of Date.
 * A policy is full of instants, and there are few days in them: the date is worked out once a day, the rest is arithmetic.
 */
export function toRfc3339(at: EpochMs): string {
  const day = Math.floor(at / DAY)
  const inDay = at - day * DAY
  const text = `${dates.get(day) ?? dateOf(day)}T${two(Math.floor(inDay / HOUR))}:${two(Math.floor(inDay / MINUTE) % 60)}:${two(Math.floor(inDay / 1000) % 60)}`
  const ms = inDay % 1000
  return ms === 0 ? `${text}Z` : `${text}.${String(ms).padStart(3, '0').replace(/0+$/, '')}Z`
}

// Days of which the date is known; the memo changes no answer.
const dates = new Map<number, string>()
const MAX_DATES = 10_000

function dateOf(day: number): string {
  const date = new Date(day * DAY).toISOString().slice(0, -'T00:00:00.000Z'.length)
  if (dates.size >= MAX_DATES) dates.clear()
  dates.set(day, date)
  return date
}

function two(number: number): string {
  return number < 10 ? `0${number}` : String(number)
}

/** Length in milliseconds of a duration without years or months; those have no fixed length and throw a RangeError. */
export function durationMs(duration: Temporal.Duration): number {
  return duration.total({ unit: 'milliseconds', relativeTo: Temporal.PlainDateTime.from('2000-01-01') })
}
