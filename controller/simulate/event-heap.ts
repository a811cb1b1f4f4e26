// What is to happen, in order of time; of what happens at the same instant, in order of scheduling. Much happens at the same
// few instants, so the heap is over these alone: each has the list of its events.
import type { EpochMs } from '../model/instant.ts'

export type EventHeap = {
  /** Different instants, as a binary heap. */
  readonly times: number[]
  readonly events: Map<EpochMs, Events>
}

/** What each event is, as the owner encodes it, in order of scheduling; how many of them have been taken. */
type Events = { readonly codes: number[]; taken: number }

export function newEventHeap(): EventHeap {
  return { times: [], events: new Map() }
}

/** The time of the next event; Infinity when there is none. */
export function nextEventAt(heap: EventHeap): EpochMs {
  return heap.times[0] ?? Infinity
}

export function pushEvent(heap: EventHeap, at: EpochMs, code: number): void {
  const events = heap.events.get(at)
  if (events !== undefined) {
    events.codes.push(code)
    return
  }
  heap.events.set(at, { codes: [code], taken: 0 })
  pushTime(heap.times, at)
}

/** Takes the next event out and returns its code; -1 when there is none. */
export function popEvent(heap: EventHeap): number {
  const at = nextEventAt(heap)
  const events = heap.events.get(at)
  const code = events?.codes[events.taken]
  if (events === undefined || code === undefined) return -1
  events.taken++
  if (events.taken === events.codes.length) {
    heap.events.delete(at)
    popTime(heap.times)
  }
  return code
}

/** Takes out all events of the next instant that are known by now, in order of scheduling; none when there are no events. */
export function takeEvents(heap: EventHeap): readonly number[] {
  const at = nextEventAt(heap)
  const events = heap.events.get(at)
  if (events === undefined) return []
  heap.events.delete(at)
  popTime(heap.times)
  return events.taken === 0 ? events.codes : events.codes.slice(events.taken)
}

function pushTime(times: number[], at: EpochMs): void {
  let i = times.length
  times.push(at)
  while (i > 0) {
    const parent = (i - 1) >>> 1
    const above = times[parent] ?? 0
    if (above <= at) break
    times[i] = above
    i = parent
  }
  times[i] = at
}

function popTime(times: number[]): void {
  const at = times.pop()
  const length = times.length
  if (at === undefined || length === 0) return
  let i = 0
  for (;;) {
    let child = 2 * i + 1
    if (child >= length) break
    if (child + 1 < length && (times[child + 1] ?? 0) < (times[child] ?? 0)) child++
    const below = times[child] ?? 0
    if (below >= at) break
    times[i] = below
    i = child
  }
  times[i] = at
}
