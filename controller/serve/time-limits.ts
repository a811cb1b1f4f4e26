// How long clients may take.

/**
 * In ms: how long a client may take for the headers and for a whole request, be silent between two, take nothing in of an
 * answer, and have a snapshot made and take it in; what is left at the end gets `grace`.
 */
export type TimeLimits = {
  readonly headers: number
  readonly request: number
  readonly keepAlive: number
  readonly stalled: number
  readonly snapshot: number
  readonly grace: number
}
export const TIME_LIMITS: TimeLimits = {
  headers: 10_000,
  request: 30_000,
  keepAlive: 75_000,
  stalled: 60_000,
  snapshot: 300_000,
  grace: 5_000,
}
