import fc from 'fast-check'
import { test } from 'tap'
import {
  beginKey,
  extendKey,
  fraction,
  happens,
  happensOf,
  pick,
  whole,
  wholeOf,
} from '../../controller/simulate/draws.ts'
import { newEventHeap, nextEventAt, popEvent, pushEvent, takeEvents } from '../../controller/simulate/event-heap.ts'

test('draws are even, stay in their bounds, and depend on seed and key alone', async (t) => {
  const draws = Array.from({ length: 20_000 }, (_, i) => whole(0, 9, 1, `pc-${i}`, 'x'))
  for (let value = 0; value < 10; value++) {
    const share = draws.filter((drawn) => drawn === value).length
    t.ok(share > 1800 && share < 2200, `${value} came ${share} times`)
  }
  t.equal(fraction(1, 'a', 2), fraction(1, 'a', 2))
  t.not(fraction(1, 'a', 2), fraction(2, 'a', 2))
  const few = Array.from({ length: 20_000 }, (_, i) => happens(0.25, 1, i)).filter(Boolean).length
  t.ok(few > 25 && few < 80, `0.25 % happened ${few} times of 20,000`)
  t.ok(Array.from({ length: 100 }, (_, i) => happens(100, 1, i)).every(Boolean))
  t.notOk(Array.from({ length: 100 }, (_, i) => happens(0, 1, i)).some(Boolean))
  const heavy = Array.from({ length: 1000 }, (_, i) => pick([{ weight: 1 }, { weight: 9 }], 1, i)?.weight)
  t.ok(heavy.filter((weight) => weight === 9).length > 850)
})

test('a key in parts draws what the whole key draws', async (t) => {
  fc.assert(
    fc.property(
      fc.nat(1000),
      fc.string({ unit: 'binary' }),
      fc.array(fc.oneof(fc.string(), fc.nat(2000), fc.constantFrom(1_790_000_000_000, -1.5))),
      fc.nat(100),
      (seed, first, rest, number) => {
        const key = rest.reduce((begun: number, part) => extendKey(begun, part), beginKey(seed, first))
        return (
          wholeOf(1, 1_000_000, key) === whole(1, 1_000_000, seed, first, ...rest) &&
          happensOf(number, key) === happens(number, seed, first, ...rest)
        )
      },
    ),
    { seed: 42, numRuns: 500 },
  )
  t.pass()
})

test('events come in order of time, those of one instant in order of scheduling', async (t) => {
  fc.assert(
    fc.property(fc.array(fc.nat(20), { maxLength: 200 }), fc.boolean(), (times, atOnce) => {
      const heap = newEventHeap()
      const [early, late] = [times.slice(0, 100), times.slice(100)]
      const out: number[] = []
      for (const [i, at] of early.entries()) pushEvent(heap, at, i)
      for (let i = 0; i < 30 && nextEventAt(heap) < Infinity; i++) out.push(popEvent(heap))
      const taken = out.length
      const rest = [...early.keys()].filter((i) => !out.includes(i))
      for (const [i, at] of late.entries()) {
        pushEvent(heap, at, 100 + i)
        rest.push(100 + i)
      }
      while (nextEventAt(heap) < Infinity) out.push(...(atOnce ? takeEvents(heap) : [popEvent(heap)]))
      const byTime = (codes: number[]) => codes.toSorted((a, b) => (times[a] ?? 0) - (times[b] ?? 0) || a - b)
      const wanted = [...byTime([...early.keys()]).slice(0, taken), ...byTime(rest)]
      return popEvent(heap) === -1 && takeEvents(heap).length === 0 && out.join() === wanted.join()
    }),
    { seed: 42, numRuns: 500 },
  )
  t.pass()
})
