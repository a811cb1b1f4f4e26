// Supersedence (semantics.md §1): transitive, unharmed by cycles, unknown updates and very long chains.
import fc from 'fast-check'
import { test } from 'tap'
import { type Catalog, newCatalog, putUpdates, setStates, stateOf } from '../../controller/catalog/catalog.ts'
import { supersedenceIfDeclined, supersedenceOf } from '../../controller/catalog/supersedence.ts'
import { countBits, hasBit, planeOf, planeRows } from '../../controller/model/bit-plane.ts'
import { DAY } from '../../controller/model/instant.ts'
import type { Update } from '../../controller/model/update.ts'
import { naiveSuperseded, naiveSuperseders } from './naive.ts'
import { anyUpdate, idOf, NOW, sample } from './samples.ts'

const numbers = fc.array(fc.integer({ min: 0, max: 25 }), { maxLength: 8 })
const step = fc.record({
  updates: fc.uniqueArray(anyUpdate, { maxLength: 10, selector: ({ id }) => id }),
  declined: numbers,
  reinstated: numbers,
  /** Several changes between two looks have to come to the same as one. */
  looked: fc.boolean(),
})

test('who is superseded, and by whom, is what a naive search finds, after every step of a random history', async (t) => {
  const counted = { superseded: 0, cycles: 0, mended: 0 }
  const property = fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
    const catalog = newCatalog()
    let before: unknown
    for (const { updates, declined, reinstated, looked } of steps) {
      putUpdates(catalog, 'test', updates)
      setStates(catalog, reinstated.map(asId), 'Normal')
      setStates(catalog, declined.map(asId), 'Declined')
      if (!looked) continue
      const hidden = planeRows(catalog.declined).map((row) => String(catalog.ids[row]))
      counted.superseded += compare(catalog, new Set(hidden))
      const found = supersedenceOf(catalog)
      counted.cycles += found.cycleCount
      if (found === before) counted.mended++
      before = found
    }
  })
  fc.assert(property, { seed: 42, numRuns: 1000 })
  for (const [what, count] of Object.entries(counted)) t.ok(count > 1000, `${count} ${what}`)
})

test('who would be superseded if others were declined is what a naive search finds, and changes nothing', async (t) => {
  const unique = fc.uniqueArray(anyUpdate, { maxLength: 26, selector: ({ id }) => id })
  const property = fc.property(unique, numbers, numbers, (updates, are, would) => {
    const catalog = newCatalog()
    putUpdates(catalog, 'test', updates)
    setStates(catalog, are.map(asId), 'Declined')
    const byId = new Map<string, Update>(updates.map((update) => [update.id, { ...update, state: 'Normal' }]))
    const said = new Set(updates.filter(({ state }) => state === 'Superseded').map(({ id }) => id))
    const rows = would.flatMap((number) => catalog.rowOf.get(asId(number)) ?? [])
    const expected = naiveSuperseded(byId, new Set(would.map(asId)))
    const { superseded } = supersedenceIfDeclined(catalog, planeOf(rows))
    compare(catalog, new Set(are.map(asId)))
    return updates.every(
      ({ id }, row) => hasBit(superseded, row) === (expected.has(id) || said.has(id)) && catalog.ids[row] === id,
    )
  })
  t.doesNotThrow(() => fc.assert(property, { seed: 42, numRuns: 500 }))
})

/** Throws when the two are not the same. Returns how many are superseded. */
function compare(catalog: Catalog, declined: ReadonlySet<string>): number {
  const expected = naiveSuperseders(new Map(catalog.updates.map((update) => [String(update.id), update])), declined)
  const { superseded, supersededBy } = supersedenceOf(catalog)
  for (const [row, id] of catalog.ids.entries()) {
    const by = catalog.ids[supersededBy[row] ?? -1]
    if (hasBit(superseded, row) !== expected.has(id) || by !== expected.get(id))
      throw new Error(`${id}: superseded by ${by}, expected ${expected.get(id)}`)
  }
  return expected.size
}

function asId(number: number) {
  return idOf(`u${number}`)
}

test('an edge to an unknown update does nothing until that update comes', async (t) => {
  const catalog = newCatalog()
  putUpdates(catalog, 'test', [sample('new', { supersedes: ['old'] })])
  t.equal(stateOf(catalog, idOf('new')), 'Normal')
  putUpdates(catalog, 'test', [sample('old')])
  t.equal(stateOf(catalog, idOf('old')), 'Superseded')
})

test('supersedence passes through a declined update, and an update of which its feed says so is superseded', async (t) => {
  const catalog = newCatalog()
  putUpdates(catalog, 'test', [
    sample('c', { supersedes: ['b'] }),
    sample('b', { supersedes: ['a'] }),
    sample('a'),
    sample('said', { state: 'Superseded' }),
  ])
  setStates(catalog, [idOf('b')], 'Declined')
  t.equal(stateOf(catalog, idOf('a')), 'Superseded')
  setStates(catalog, [idOf('c')], 'Declined')
  t.equal(stateOf(catalog, idOf('a')), 'Normal')
  t.equal(stateOf(catalog, idOf('said')), 'Superseded')
})

test('a cycle is reported and cut: its newest update stays, and none is lost', async (t) => {
  const catalog = newCatalog()
  putUpdates(catalog, 'test', [
    sample('a', { released: 1, supersedes: ['c'] }),
    sample('b', { released: 2, supersedes: ['a'] }),
    sample('c', { released: 3, supersedes: ['b'] }),
    sample('self', { supersedes: ['self', 'c'] }),
  ])
  const { cycles, cycleCount } = supersedenceOf(catalog)
  t.same(cycles, [
    { ids: ['a', 'b', 'c'], size: 3 },
    { ids: ['self'], size: 1 },
  ])
  t.equal(cycleCount, 2)
  t.equal(stateOf(catalog, idOf('self')), 'Normal')
  t.equal(stateOf(catalog, idOf('c')), 'Superseded', 'by an update outside the cycle')
  putUpdates(catalog, 'test', [sample('self')])
  t.same(
    ['a', 'b', 'c'].map((id) => stateOf(catalog, idOf(id))),
    ['Superseded', 'Superseded', 'Normal'],
  )
})

test('a chain of 100,000 edges, and a ring of as many, are followed to their end', async (t) => {
  const length = 100_000
  const chain = Array.from({ length }, (_, i) =>
    sample(`u${i}`, { released: NOW - i * DAY, supersedes: [`u${i + 1}`] }),
  )
  const catalog = newCatalog()
  putUpdates(catalog, 'test', chain)
  t.equal(countBits(supersedenceOf(catalog).superseded), length - 1)
  t.equal(supersedenceOf(catalog).cycleCount, 0)
  const last = chain.at(-1)
  if (last) putUpdates(catalog, 'test', [{ ...last, supersedes: [idOf('u0')] }])
  const { superseded, cycles, cycleCount } = supersedenceOf(catalog)
  t.equal(countBits(superseded), length - 1)
  t.equal(cycleCount, 1)
  t.equal(cycles[0]?.size, length)
  t.ok((cycles[0]?.ids.length ?? 0) <= 20, 'what is listed is bounded')
})

test('the superseder that counts is the earliest, however distant', async (t) => {
  const catalog = newCatalog()
  putUpdates(catalog, 'test', [
    sample('late', { released: 30, supersedes: ['old'] }),
    sample('mid', { released: 40, supersedes: ['old'] }),
    sample('early', { released: 20, supersedes: ['mid'] }),
    sample('old', { released: 10 }),
  ])
  const by = supersedenceOf(catalog).supersededBy[catalog.rowOf.get(idOf('old')) ?? -1] ?? -1
  t.equal(catalog.ids[by], 'early')
})
