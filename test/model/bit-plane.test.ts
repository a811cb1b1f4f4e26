import fc from 'fast-check'
import { test } from 'tap'
import {
  type BitPlane,
  clearBit,
  clonePlane,
  countBits,
  countShared,
  decodePlane,
  eachBit,
  encodePlane,
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
      const frozen = encodePlane(q)
      const agree =
        sameRows(intersect(clonePlane(p), q), a.intersection(b)) &&
        sameRows(unite(clonePlane(p), q), a.union(b)) &&
        sameRows(subtract(clonePlane(p), q), a.difference(b)) &&
        countShared(p, q) === a.intersection(b).size &&
        samePlane(p, q) === (a.symmetricDifference(b).size === 0)
      return agree && sameRows(p, a) && encodePlane(q) === frozen
    }),
    runs,
  )
  t.pass('holds')
  t.end()
})

test('a set has one text, whatever the plane was before, and comes back from it', (t) => {
  fc.assert(
    fc.property(rows, fc.nat(2000), (members, spare) => {
      const roomy = newPlane(spare)
      setBit(roomy, spare + 500)
      clearBit(roomy, spare + 500)
      for (const row of members) setBit(roomy, row)
      const text = encodePlane(planeOf(members))
      const back = decodePlane(text)
      return (
        encodePlane(roomy) === text &&
        samePlane(back, roomy) &&
        samePlane(roomy, back) &&
        sameRows(back, new Set(members))
      )
    }),
    runs,
  )
  t.pass('holds')
  t.end()
})

test('the text is base64 of little-endian words, in stretches behind the number of their first word', (t) => {
  const base64 = (...bytes: number[]) => Buffer.from(bytes).toString('base64')
  t.equal(encodePlane(newPlane(1000)), '')
  t.equal(encodePlane(planeOf([0, 9])), base64(1, 2, 0, 0))
  t.equal(encodePlane(planeOf([63])), `1:${base64(0, 0, 0, 0x80)}`)
  t.equal(encodePlane(planeOf([0, 33, 1_000_000])), `${base64(1, 0, 0, 0, 2, 0, 0, 0)},31250:${base64(1, 0, 0, 0)}`)
  t.same(
    planeRows(decodePlane(base64(0, 0, 0, 0, 1, 0, 0, 0))),
    [32],
    'as it was written before: one stretch with its zeros',
  )
  t.end()
})

test('a text that is no set is refused', (t) => {
  for (const text of ['not base64!', ':AQAAAA==', 'x:AQAAAA==', '-1:AQAAAA==', '2097152:AQAAAA=='])
    t.throws(() => decodePlane(text), SyntaxError, text)
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
