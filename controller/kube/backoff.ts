// How long to wait after failures in a row: doubling, bounded, and spread by a random draw, so that many who fail together
// do not come back together.

export type BackoffLimits = {
  /** After the first failure, in ms. */
  readonly firstMs: number
  /** However many there were, in ms. */
  readonly mostMs: number
}

/** `failures`: how many in a row, from 1. `draw`: from 0 up to 1. Between half of the doubled time and the whole of it. */
export function backoffMs(failures: number, draw: number, { firstMs, mostMs }: BackoffLimits): number {
  const whole = Math.min(mostMs, firstMs * 2 ** Math.min(Math.max(failures, 1) - 1, 30))
  return Math.ceil(whole / 2 + (whole / 2) * draw)
}
