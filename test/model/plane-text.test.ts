import fc from 'fast-check'
import { test } from 'tap'
import { clearBit, newPlane, planeOf, planeRows, samePlane, setBit } from '../../controller/model/bit-plane.ts'
import { decodePlane, decodeRows, encodePlane, encodeRows } from '../../controller/model/plane-text.ts'

const runs = { seed: 42, numRuns: 500 }
// Word edges on purpose, the sign bit, and gaps of more than a few words.
const row = fc.oneof(fc.nat(700), fc.constantFrom(0, 31, 32, 63, 64, 95, 96, 127), fc.nat(5000))
const rows = fc.uniqueArray(row, { maxLength: 120, size: 'max' })

test('a set has one text, whatever it was before, and comes back from it as a plane or as rows', (t) => {
  fc.assert(
    fc.property(rows, fc.nat(2000), (members, spare) => {
      const roomy = newPlane(spare)
      setBit(roomy, spare + 500)
      clearBit(roomy, spare + 500)
      for (const row of members) setBit(roomy, row)
      const text = encodePlane(planeOf(members))
      const back = decodePlane(text)
      const sorted = members.toSorted((a, b) => a - b)
      return (
        encodePlane(roomy) === text &&
        encodeRows(sorted) === text &&
        samePlane(back, roomy) &&
        samePlane(roomy, back) &&
        planeRows(back).join() === sorted.join() &&
        decodeRows(text).join() === sorted.join()
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
    for (const decode of [decodePlane, decodeRows]) t.throws(() => decode(text), SyntaxError, text)
  t.end()
})
