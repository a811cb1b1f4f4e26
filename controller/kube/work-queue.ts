// What is to be worked on, one entry a key: asked for twice it is done once, the earliest instant wins, what failed waits longer
// each time, and no key is worked on twice at once. Pure but for its own fields: the time comes from outside.
import { type BackoffLimits, backoffMs } from './backoff.ts'

export type WorkQueue = {
  /** Due, in the order in which they became so. */
  readonly ready: Set<string>
  /** When the others are due, in ms of whatever clock the caller has. */
  readonly delayed: Map<string, number>
  /** Being worked on, and when they are wanted again; undefined when they are not. */
  readonly working: Map<string, number | undefined>
  readonly failures: Map<string, number>
  /** No delayed entry is due before. */
  soonest: number
}

export type WorkOutcome =
  | { readonly type: 'Done' }
  /** A planned wait: not a failure, and the end of those before. */
  | { readonly type: 'Again'; readonly at: number }
  | { readonly type: 'Failed'; readonly retryAfterMs?: number | undefined }

export const QUEUE_BACKOFF: BackoffLimits = { firstMs: 250, mostMs: 60_000 }

export function newQueue(): WorkQueue {
  return { ready: new Set(), delayed: new Map(), working: new Map(), failures: new Map(), soonest: Infinity }
}

/** Asks for a key at an instant. One that failed and waits is not hurried by being asked for later than it is due. */
export function enqueue(queue: WorkQueue, key: string, at: number, now: number): void {
  if (queue.working.has(key)) {
    queue.working.set(key, Math.min(at, queue.working.get(key) ?? Infinity))
    return
  }
  if (queue.ready.has(key)) return
  if (at <= now) {
    queue.delayed.delete(key)
    queue.ready.add(key)
    return
  }
  const known = queue.delayed.get(key) ?? Infinity
  if (at >= known) return
  queue.delayed.set(key, at)
  queue.soonest = Math.min(queue.soonest, at)
}

/** The next key that is due, from now on being worked on. */
export function takeNext(queue: WorkQueue, now: number): string | undefined {
  if (now >= queue.soonest) promote(queue, now)
  for (const key of queue.ready) {
    queue.ready.delete(key)
    queue.working.set(key, undefined)
    return key
  }
  return undefined
}

/** The end of work on a key. `draw`: a random number from 0 up to 1. */
export function finish(queue: WorkQueue, key: string, outcome: WorkOutcome, now: number, draw: number): void {
  const wanted = queue.working.get(key)
  queue.working.delete(key)
  if (outcome.type !== 'Failed') {
    queue.failures.delete(key)
    if (wanted !== undefined) enqueue(queue, key, wanted, now)
    if (outcome.type === 'Again') enqueue(queue, key, outcome.at, now)
    return
  }
  const failures = (queue.failures.get(key) ?? 0) + 1
  queue.failures.set(key, failures)
  const wait = Math.max(backoffMs(failures, draw, QUEUE_BACKOFF), outcome.retryAfterMs ?? 0)
  // What was asked for meanwhile may be just what mends it, but is no reason to try without end.
  enqueue(queue, key, now + wait, now)
}

/** When to look again; Infinity when nothing waits. */
export function nextDue(queue: WorkQueue, now: number): number {
  return queue.ready.size > 0 ? now : queue.soonest
}

/** What waits or is due; not what is being worked on. */
export function queueDepth(queue: WorkQueue): number {
  return queue.ready.size + queue.delayed.size
}

function promote(queue: WorkQueue, now: number): void {
  let soonest = Infinity
  for (const [key, at] of queue.delayed) {
    if (at > now) soonest = Math.min(soonest, at)
    else {
      queue.delayed.delete(key)
      queue.ready.add(key)
    }
  }
  queue.soonest = soonest
}
