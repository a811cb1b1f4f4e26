// Rows by id, beside a Map.
import fc from 'fast-check'
import { test } from 'tap'
import { stableHash } from '../../controller/model/hash.ts'
import { RowIndex } from '../../controller/model/row-index.ts'

/** All of them lead to the same slot, as long as there are no more than 128 slots. */
const ALIKE = Array.from({ length: 20_000 }, (_, i) => `device-${i}`).filter((id) => stableHash(id) % 128 === 5)

test('it finds what a Map finds, ids with the same hash and unknown ones too', async (t) => {
  const id = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(...ALIKE))
  fc.assert(
    fc.property(fc.array(id, { maxLength: 300 }), fc.nat(300), fc.array(id), (named, before, asked) => {
      const all = [...new Set(named)]
      const ids = all.slice(0, before)
      const index = new RowIndex(ids)
      for (const later of all.slice(before)) index.add(ids.push(later) - 1)
      const known = new Map(all.map((name, row) => [name, row]))
      return [...all, ...asked].every(
        (name) => index.get(name) === known.get(name) && index.has(name) === known.has(name),
      )
    }),
    { seed: 42, numRuns: 150 },
  )
  t.ok(ALIKE.length > 100)
})

test('several ids are looked up at once as they are one by one, also in a copy that goes its own way', async (t) => {
  const id = fc.oneof(fc.string(), fc.constantFrom(...ALIKE))
  fc.assert(
    fc.property(fc.uniqueArray(id, { maxLength: 300 }), fc.array(id), (ids, others) => {
      const index = new RowIndex(ids)
      const asked = [...others, ...ids.toReversed(), ...others]
      const found = index.rowsOf(asked)
      if (found.join() !== asked.map((name) => index.get(name) ?? -1).join()) return false
      const more = [...ids, 'another']
      const copy = index.copyFor(more)
      copy.add(ids.length)
      return copy.rowsOf([...asked, 'another']).join() === [...found, ids.length].join()
    }),
    { seed: 42, numRuns: 100 },
  )
  t.ok(ALIKE.length > 100)
})

test('more ids with the same hash than are looked at one after the other are all found', async (t) => {
  const ids = ALIKE.slice(0, 60)
  const index = new RowIndex(ids)
  t.same(
    ids.map((name) => index.get(name)),
    [...ids.keys()],
  )
  t.equal(index.get(ALIKE[60] ?? ''), undefined)
})
