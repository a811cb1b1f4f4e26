// Instants as the state and the facts hold them. Calendar arithmetic is Temporal's; what is stored, compared and
// counted a million times is a plain number.

/** Milliseconds since 1970-01-01T00:00:00Z, an integer. */
export type EpochMs = number

export const MINUTE = 60_000
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

/** RFC 3339 in UTC, without fractions of a second when there are none. */
export function toRfc3339(at: EpochMs): string {
  // A policy is full of instants, and a Temporal.Instant takes twice as long to write one.
  const text = new Date(at).toISOString()
  return text.endsWith('.000Z') ? `${text.slice(0, -5)}Z` : text.replace(/0+Z$/, 'Z')
}

/** Length in milliseconds of a duration without years or months; those have no fixed length and throw a RangeError. */
export function durationMs(duration: Temporal.Duration): number {
  return duration.total({ unit: 'milliseconds', relativeTo: Temporal.PlainDateTime.from('2000-01-01') })
}
