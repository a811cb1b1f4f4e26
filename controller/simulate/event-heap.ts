// What is to happen, in order of time; of what happens at the same instant, in order of scheduling. A binary heap over
// plain arrays, so that millions of events make no garbage.
import type { EpochMs } from '../model/instant.ts'

export type EventHeap = {
  readonly times: number[]
  readonly numbers: number[]
  /** What the event is, as the owner encodes it. */
  readonly codes: number[]
  scheduled: number
}

export function newEventHeap(): EventHeap {
  return { times: [], numbers: [], codes: [], scheduled: 0 }
}

/** The time of the next event; Infinity when there is none. */
export function nextEventAt(heap: EventHeap): EpochMs {
  return heap.times[0] ?? Infinity
}

export function pushEvent(heap: EventHeap, at: EpochMs, code: number): void {
  const { times, numbers, codes } = heap
  const number = heap.scheduled++
  let i = times.length
  times.push(at)
  numbers.push(number)
  codes.push(code)
  while (i > 0) {
    const parent = (i - 1) >>> 1
    if ((times[parent] ?? 0) <= at) break
    move(heap, parent, i)
    i = parent
  }
  times[i] = at
  numbers[i] = number
  codes[i] = code
}

/** Takes the next event out and returns its code; -1 when there is none. */
export function popEvent(heap: EventHeap): number {
  const { times, numbers, codes } = heap
  const first = codes[0]
  const at = times.pop()
  const number = numbers.pop()
  const code = codes.pop()
  if (first === undefined || at === undefined || number === undefined || code === undefined) return -1
  const length = times.length
  if (length === 0) return first
  let i = 0
  for (;;) {
    let child = 2 * i + 1
    if (child >= length) break
    if (child + 1 < length && isBefore(heap, child + 1, child)) child++
    const time = times[child] ?? 0
    if (time > at || (time === at && (numbers[child] ?? 0) > number)) break
    move(heap, child, i)
    i = child
  }
  times[i] = at
  numbers[i] = number
  codes[i] = code
  return first
}

function isBefore({ times, numbers }: EventHeap, a: number, b: number): boolean {
  const [left, right] = [times[a] ?? 0, times[b] ?? 0]
  return left < right || (left === right && (numbers[a] ?? 0) < (numbers[b] ?? 0))
}

function move({ times, numbers, codes }: EventHeap, from: number, to: number): void {
  times[to] = times[from] ?? 0
  numbers[to] = numbers[from] ?? 0
  codes[to] = codes[from] ?? 0
}
