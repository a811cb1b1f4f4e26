// Waits for what becomes true in another process.
import { setTimeout as sleep } from 'node:timers/promises'

const POLL_MS = 50

/** Resolves when `holds` does; rejects when it rejects, or has not held within so many milliseconds of polling. */
export async function until(limitMs: number, holds: () => Promise<boolean>): Promise<void> {
  for (let waited = 0; !(await holds()); waited += POLL_MS) {
    if (waited > limitMs) throw new Error(`still not so after ${limitMs} ms: ${holds.toString()}`)
    await sleep(POLL_MS)
  }
}
