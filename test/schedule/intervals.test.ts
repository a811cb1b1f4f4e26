import fc from 'fast-check'
import { test } from 'tap'
import {
  clipped,
  contains,
  type Interval,
  intersected,
  subtracted,
  united,
} from '../../controller/schedule/intervals.ts'

const END = 40
const intervals = fc.array(
  fc
    .tuple(fc.integer({ min: 0, max: END }), fc.integer({ min: -1, max: 9 }))
    .map(([from, length]) => ({ from, until: from + length })),
  { maxLength: 8 },
)

const holds = (set: readonly Interval[], at: number) => set.some(({ from, until }) => from <= at && at < until)
const points = Array.from({ length: END + 12 }, (_, index) => index - 1)

function isNormal(set: readonly Interval[]): boolean {
  return set.every(
    ({ from, until }, index) => from < until && from > (set[index - 1]?.until ?? Number.NEGATIVE_INFINITY),
  )
}

test('every operation on intervals does to each instant what its name says, and gives the normal form', async (t) => {
  const property = fc.property(intervals, intervals, (a, b) => {
    const [left, right] = [united(a), united(b)]
    const results: [result: Interval[], expected: (at: number) => boolean][] = [
      [left, (at) => holds(a, at)],
      [intersected(left, right), (at) => holds(a, at) && holds(b, at)],
      [subtracted(left, right), (at) => holds(a, at) && !holds(b, at)],
      [clipped(left, 7, 21), (at) => holds(a, at) && at >= 7 && at < 21],
    ]
    return results.every(
      ([result, expected]) =>
        isNormal(result) &&
        points.every((at) => holds(result, at) === expected(at) && contains(result, at) === expected(at)),
    )
  })
  t.doesNotThrow(() => fc.assert(property, { seed: 42, numRuns: 2000 }))
})

test('intervals that touch become one, and bounds the wrong way round hold nothing', async (t) => {
  t.same(
    united([
      { from: 5, until: 9 },
      { from: 1, until: 3 },
      { from: 3, until: 5 },
    ]),
    [{ from: 1, until: 9 }],
  )
  t.same(clipped([{ from: 1, until: 9 }], 8, 2), [])
  t.equal(contains([], 3), false)
})
