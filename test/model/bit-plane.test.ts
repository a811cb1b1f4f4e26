import fc from 'fast-check'
import { test } from 'tap'
import {
  type BitPlane,
  clearBit,
  clonePlane,
  countBits,
  countShared,
  eachBit,
  hasBit,
  intersect,
  isEmptyPlane,
  newPlane,
  planeOf,
  planeRows,
  samePlane,
  setBit,
  subtract,
  unite,
} from '../../controller/model/bit-plane.ts'

const runs = { seed: 42, numRuns: 500 }
// Word edges on purpose: 31, 32, 63, 64 and the sign bit are where bitmaps go wrong.
const row = fc.oneof(fc.nat(700), fc.constantFrom(0, 31, 32, 63, 64, 95, 96, 127))
const rows = fc.uniqueArray(row, { maxLength: 120, size: 'max' })
const ascending = (set: Iterable<number>) => [...set].sort((a, b) => a - b)

test('adding and removing rows behaves as a set does', (t) => {
  const step = fc.record({ add: fc.boolean(), row })
  fc.assert(
    fc.property(fc.nat(300), fc.array(step, { maxLength: 200, size: 'max' }), (size, steps) => {
      const plane = newPlane(size)
      const set = new Set<number>()
      for (const { add, row } of steps) {
        const changed = add ? setBit(plane, row) : clearBit(plane, row)
        const expected = add ? !set.has(row) : set.has(row)
        if (add) set.add(row)
        else set.delete(row)
        if (changed !== expected || hasBit(plane, row) !== add) return false
      }
      return countBits(plane) === set.size && isEmptyPlane(plane) === (set.size === 0) && sameRows(plane, set)
    }),
    runs,
  )
  t.pass('holds')
  t.end()
})

test('set operations agree with sets, whatever the lengths of the planes', (t) => {
  fc.assert(
    fc.property(rows, rows, (left, right) => {
      const a = new Set(left)
      const b = new Set(right)
      const [p, q] = [planeOf(left), planeOf(right)]
      const frozen = planeRows(q).join()
      const agree =
        sameRows(intersect(clonePlane(p), q), a.intersection(b)) &&
        sameRows(unite(clonePlane(p), q), a.union(b)) &&
        sameRows(subtract(clonePlane(p), q), a.difference(b)) &&
        countShared(p, q) === a.intersection(b).size &&
        samePlane(p, q) === (a.symmetricDifference(b).size === 0)
      return agree && sameRows(p, a) && planeRows(q).join() === frozen
    }),
    runs,
  )
  t.pass('holds')
  t.end()
})

test('a clone goes its own way', (t) => {
  const plane = planeOf([1])
  const clone = clonePlane(plane)
  setBit(clone, 2)
  t.same(planeRows(plane), [1])
  t.same(planeRows(clone), [1, 2])
  t.end()
})

function sameRows(plane: BitPlane, set: ReadonlySet<number>): boolean {
  const visited: number[] = []
  eachBit(plane, (row) => visited.push(row))
  const expected = ascending(set)
  return visited.join() === expected.join() && planeRows(plane).join() === expected.join()
}
