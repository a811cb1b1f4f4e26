// The clock of a running controller. The core never asks for the time; whoever calls it does, here.
import type { EpochMs } from '../model/instant.ts'

export type Clock = {
  readonly now: () => Temporal.Instant
  /** The same as a number: for every poll, what is gone again at once need not be an object. */
  readonly nowMs: () => EpochMs
  /** Calls back once at or after `at`; returns how to call that off. */
  readonly at: (at: Temporal.Instant, call: () => void) => () => void
}

/** Longer waits are taken in stretches: a timer hears neither of a clock that was set nor of a machine that slept. */
const LONGEST_TIMEOUT_MS = 30_000

export const systemClock: Clock = clockFrom(() => Date.now(), 1)

/** Runs `rate` times as fast as the real one from `start` on, for demonstrations. */
export function fastClock(start: Temporal.Instant, rate: number): Clock {
  const begun = performance.now()
  return clockFrom(() => start.epochMilliseconds + Math.floor((performance.now() - begun) * rate), rate)
}

function clockFrom(nowMs: () => EpochMs, rate: number): Clock {
  return {
    now: () => Temporal.Instant.fromEpochMilliseconds(nowMs()),
    nowMs,
    at: (at, call) => {
      let timer: NodeJS.Timeout
      const wait = () => {
        const left = (at.epochMilliseconds - nowMs()) / rate
        if (left <= 0) call()
        else timer = setTimeout(wait, Math.min(Math.ceil(left), LONGEST_TIMEOUT_MS))
      }
      timer = setTimeout(wait, 0)
      return () => clearTimeout(timer)
    },
  }
}
