// Supersedence (semantics.md §1): transitive, unharmed by cycles, unknown updates and very long chains.
import fc from 'fast-check'
import { test } from 'tap'
import { newCatalog, putUpdates, setStates, stateOf } from '../../controller/catalog/catalog.ts'
import { supersedenceOf } from '../../controller/catalog/supersedence.ts'
import { countBits, hasBit } from '../../controller/model/bit-plane.ts'
import { DAY } from '../../controller/model/instant.ts'
import type { Update } from '../../controller/model/update.ts'
import { naiveSuperseded } from './naive.ts'
import { anyUpdate, idOf, NOW, sample } from './samples.ts'

test('who is superseded is what a naive search finds, cycles, declines and unknown updates included', async (t) => {
  const unique = fc.uniqueArray(anyUpdate, { maxLength: 26, selector: ({ id }) => id })
  const property = fc.property(unique, fc.array(fc.integer({ min: 0, max: 25 })), (updates, numbers) => {
    const byId = new Map<string, Update>(updates.map((update) => [update.id, update]))
    const declined = new Set(numbers.map((number) => `u${number}`))
    const catalog = newCatalog()
    putUpdates(catalog, 'test', updates)
    setStates(catalog, [...declined].map(idOf), 'Declined')
    const expected = naiveSuperseded(byId, declined)
    const { superseded } = supersedenceOf(catalog)
    return updates.every(({ id }) => hasBit(superseded, catalog.rowOf.get(id) ?? -1) === expected.has(id))
  })
  t.doesNotThrow(() => fc.assert(property, { seed: 42, numRuns: 1000 }))
})

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
