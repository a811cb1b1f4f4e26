// A clock that stands still until a test moves it.
import type { Clock } from '../../controller/runtime/clock.ts'

export type VirtualClock = Clock & {
  /** Moves on to the instant, calling what is due on the way, each at its own instant. */
  readonly moveTo: (at: Temporal.Instant | string) => Promise<void>
  /** When something is next to be called; undefined for never. */
  readonly nextCall: () => Temporal.Instant | undefined
}

type Call = { readonly at: Temporal.Instant; readonly call: () => void }

/** `idle`: resolves when what was called has done what it had to do. */
export function virtualClock(start: string, idle: () => Promise<void> = quiet): VirtualClock {
  let now = Temporal.Instant.from(start)
  const calls = new Set<Call>()
  const earliest = () => [...calls].sort((a, b) => Temporal.Instant.compare(a.at, b.at))[0]
  return {
    now: () => now,
    nowMs: () => now.epochMilliseconds,
    at: (at, call) => {
      const entry = { at, call }
      calls.add(entry)
      return () => calls.delete(entry)
    },
    nextCall: () => earliest()?.at,
    moveTo: async (to) => {
      const end = Temporal.Instant.from(to)
      for (;;) {
        await idle()
        const next = earliest()
        if (next === undefined || Temporal.Instant.compare(next.at, end) > 0) break
        calls.delete(next)
        if (Temporal.Instant.compare(next.at, now) > 0) now = next.at
        next.call()
      }
      now = end
    },
  }
}

/** Lets everything that is under way in memory finish. */
export async function quiet(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
}
