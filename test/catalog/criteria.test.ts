// Criteria (semantics.md §3): the index against a naive matcher, and the cases that people will ask about.
import fc from 'fast-check'
import { test } from 'tap'
import { type Catalog, newCatalog, putUpdates, setStates, stateOf } from '../../controller/catalog/catalog.ts'
import { countByCriterion, explainCriteria, orderUpdates, selectUpdates } from '../../controller/catalog/criteria.ts'
import { globMatches } from '../../controller/catalog/terms.ts'
import { planeRows } from '../../controller/model/bit-plane.ts'
import { Criteria } from '../../controller/model/criteria.ts'
import { hasCriterion, parseComparison } from '../../controller/model/criterion.ts'
import { RowIndex } from '../../controller/model/row-index.ts'
import type { Update } from '../../controller/model/update.ts'
import { naiveMatch, naiveSuperseded } from './naive.ts'
import { anyCriteria, anyUpdate, CONTEXT, idOf, NOW, sample } from './samples.ts'

const context = {
  now: NOW,
  requiredCount: (id: string) => Number(id.slice(1)) % 15,
  isDeployed: (id: string) => Number(id.slice(1)) % 2 === 0,
}

function selected(catalog: Catalog, criteria: Criteria): string[] {
  return orderUpdates(catalog, selectUpdates(catalog, criteria, CONTEXT)).map(String)
}

function catalogOf(...updates: Update[]): Catalog {
  const catalog = newCatalog()
  putUpdates(catalog, 'test', updates)
  return catalog
}

test('selecting is what a naive matcher selects, also after updates changed, and explaining agrees', async (t) => {
  const steps = fc.array(
    fc.record({
      put: fc.array(anyUpdate, { maxLength: 12 }),
      expired: fc.array(fc.integer({ min: 0, max: 25 }), { maxLength: 2 }),
      declined: fc.array(fc.integer({ min: 0, max: 25 }), { maxLength: 2 }),
      criteria: fc.array(anyCriteria, { minLength: 1, maxLength: 3 }),
    }),
    { minLength: 1, maxLength: 4 },
  )
  const property = fc.property(steps, (sequence) => {
    const catalog = newCatalog()
    const updates = new Map<string, Update>()
    const hidden = { Expired: new Set<string>(), Declined: new Set<string>() }
    for (const { put, expired, declined, criteria } of sequence) {
      putUpdates(catalog, 'test', put)
      for (const update of put) updates.set(update.id, update)
      for (const [state, numbers] of [
        ['Expired', expired],
        ['Declined', declined],
      ] as const) {
        const ids = numbers.map((number) => idOf(`u${number}`)).filter((id) => updates.has(id))
        setStates(catalog, ids, state)
        for (const id of ids) hidden[state].add(id)
      }
      const superseded = naiveSuperseded(updates, hidden.Declined)
      for (const wanted of criteria) {
        const expected = [...updates.values()]
          .filter(({ id, state }) =>
            state === 'Normal' || state === 'Superseded' ? !hidden.Expired.has(id) && !hidden.Declined.has(id) : false,
          )
          .filter((update) => naiveMatch(update, wanted, superseded.has(update.id), context))
          .map(({ id }) => id)
        const rows = selectUpdates(catalog, wanted, context)
        const actual = orderUpdates(catalog, rows)
        if (JSON.stringify([...actual].sort()) !== JSON.stringify(expected.sort())) return false
        for (const id of updates.keys())
          if (explainCriteria(catalog, wanted, idOf(id), context).matched !== actual.includes(idOf(id))) return false
      }
    }
    return true
  })
  t.doesNotThrow(() => fc.assert(property, { seed: 42, numRuns: 400 }))
})

test('a catalog restored from a snapshot selects the same', async (t) => {
  const property = fc.property(fc.array(anyUpdate, { maxLength: 20 }), anyCriteria, (updates, criteria) => {
    const catalog = catalogOf(...updates)
    const before = planeRows(selectUpdates(catalog, criteria, context))
    const { rowOf: _, ...stored } = catalog
    const rest = structuredClone(stored)
    const restored: Catalog = { ...rest, rowOf: new RowIndex(rest.ids) }
    return planeRows(selectUpdates(restored, criteria, context)).join() === before.join()
  })
  t.doesNotThrow(() => fc.assert(property, { seed: 42, numRuns: 200 }))
})

test('the order of arrival does not change what is selected, nor its order', async (t) => {
  const unique = fc.uniqueArray(anyUpdate, { maxLength: 20, selector: ({ id }) => id })
  const property = fc.property(unique, anyCriteria, (updates, criteria) => {
    const there = catalogOf(...updates)
    const back = catalogOf(...updates.toReversed())
    const [first, second] = [there, back].map((catalog) =>
      orderUpdates(catalog, selectUpdates(catalog, criteria, context)),
    )
    return first?.join() === second?.join()
  })
  t.doesNotThrow(() => fc.assert(property, { seed: 42, numRuns: 200 }))
})

test('terms match whole values in any case, globs with *, titles anywhere inside; a leading - excludes', async (t) => {
  const catalog = catalogOf(
    sample('a', { products: ['Windows 11'], title: 'Cumulative Update', articleIds: ['5066835'] }),
    sample('b', { products: ['Windows 10', 'Windows 11'], title: 'Preview of an update', articleIds: ['KB5000001'] }),
    sample('c', { products: ['Office'], title: 'CUMULATIVE preview', cves: ['CVE-2025-1'] }),
  )
  t.same(selected(catalog, { products: ['windows 11'] }), ['b', 'a'])
  t.same(selected(catalog, { products: ['windows'] }), [])
  t.same(selected(catalog, { products: ['Windows*'] }), ['b', 'a'])
  t.same(selected(catalog, { products: ['Windows*', '-*10'] }), ['a'])
  t.same(selected(catalog, { products: ['-Windows*'] }), ['c'])
  t.same(selected(catalog, { titles: ['cumul'] }), ['c', 'a'])
  t.same(selected(catalog, { titles: ['-preview'] }), ['a'])
  t.same(selected(catalog, { titles: ['cum*pre'] }), ['c'])
  t.same(selected(catalog, { articleIds: ['KB5066835', '5000001'] }), ['b', 'a'], 'KB may be written or not')
  t.same(selected(catalog, { cves: ['*'] }), ['c'], 'an update without a value has none that matches')
  t.same(selected(catalog, { cves: ['-CVE-2025-1'] }), ['b', 'a'])
})

test('within and olderThan at the same span leave no gap, and count calendar months', async (t) => {
  const at = (text: string) => Date.parse(text)
  const catalog = catalogOf(
    sample('on', { released: at('2025-10-01T00:00:00Z') }),
    sample('before', { released: at('2025-09-30T23:59:59.999Z') }),
    sample('future', { released: at('2025-11-01T00:00:00.001Z') }),
  )
  t.same(selected(catalog, { released: { within: 'P1M' } }), ['on'])
  t.same(selected(catalog, { released: { olderThan: 'P1M' } }), ['before'])
  t.same(selected(catalog, { released: { within: 'P9999Y' } }), ['before', 'on'])
})

test('expired, declined and metadata-only updates never match, whatever is asked', async (t) => {
  const catalog = catalogOf(
    sample('expired'),
    sample('declined', { supersedes: ['old'] }),
    sample('empty', { state: 'MetadataOnly' }),
    sample('fed', { state: 'Expired' }),
    sample('old', { released: NOW - 1 }),
    sample('normal'),
  )
  t.equal(stateOf(catalog, idOf('old')), 'Superseded')
  setStates(catalog, [idOf('expired')], 'Expired')
  setStates(catalog, [idOf('declined'), idOf('expired')], 'Declined')
  t.same(selected(catalog, { superseded: 'Any', vendors: ['*'] }), ['normal', 'old'])
  t.equal(stateOf(catalog, idOf('expired')), 'Declined', 'declined counts before expired')
  t.equal(stateOf(catalog, idOf('old')), 'Normal', 'a declined update supersedes nothing')
  setStates(catalog, [idOf('expired')], 'Normal')
  t.equal(stateOf(catalog, idOf('expired')), 'Normal')
  t.equal(stateOf(catalog, idOf('nobody')), undefined)
})

test('an explanation names every criterion in a fixed order, and what the update has', async (t) => {
  const catalog = catalogOf(sample('a', { severity: 'Critical', sizeBytes: 5 }))
  const criteria: Criteria = {
    sizeBytes: '>5',
    severities: ['Critical'],
    products: ['B', '-C'],
    released: { within: 'P7D' },
  }
  const { matched, trace } = explainCriteria(catalog, criteria, idOf('a'), CONTEXT)
  t.equal(matched, false)
  t.same(trace, [
    { property: 'state', expected: 'not Expired, Declined or MetadataOnly', actual: 'Normal', matched: true },
    { property: 'superseded', expected: 'false', actual: 'false', matched: true },
    { property: 'products', expected: 'B | -C', actual: 'Product A', matched: false },
    { property: 'severities', expected: 'Critical', actual: 'Critical', matched: true },
    { property: 'released', expected: 'within P7D', actual: '2025-10-14T00:00:00Z', matched: false },
    { property: 'sizeBytes', expected: '>5', actual: '5', matched: false },
  ])
  t.match(explainCriteria(catalog, criteria, idOf('none'), CONTEXT), { matched: false, trace: [{ actual: 'unknown' }] })
})

test('the criterion to narrow is the one that lets most updates pass', async (t) => {
  const catalog = catalogOf(sample('a', { severity: 'Low' }), sample('b', { severity: 'Critical' }), sample('c'))
  t.same(countByCriterion(catalog, { severities: ['Low', 'Critical'], titles: ['Update'] }, CONTEXT), [
    { property: 'titles', count: 3 },
    { property: 'severities', count: 2 },
  ])
})

test('order is by release, then article, then id', async (t) => {
  const catalog = catalogOf(
    sample('d', { articleIds: ['2'] }),
    sample('c', { articleIds: ['1'] }),
    sample('b', { articleIds: ['2'] }),
    sample('z', { released: 0 }),
  )
  t.same(selected(catalog, { vendors: ['contoso'] }), ['z', 'c', 'b', 'd'])
})

test('a glob of many stars takes no more than pattern times value', async (t) => {
  t.equal(globMatches(`${'*a'.repeat(120)}*b`, 'a'.repeat(100_000)), false)
  t.equal(globMatches('*a*b*c', 'xxaxxbxxc'), true)
  t.equal(globMatches('', ''), true)
  t.equal(globMatches('a', ''), false)
})

test('comparisons are read as people write them, and nonsense is refused', async (t) => {
  t.same(parseComparison('>=1'), { min: 1, max: Number.MAX_SAFE_INTEGER })
  t.same(parseComparison(' <= 40 '), { min: 0, max: 40 })
  t.same(parseComparison('<1'), { min: 0, max: 0 })
  t.same(parseComparison('0'), { min: 0, max: 0 })
  t.same(parseComparison('=7'), { min: 7, max: 7 })
  t.same(parseComparison('10..100'), { min: 10, max: 100 })
  for (const text of ['', '<0', '5..4', '>=', '1.5', '-1', 'ten', '>= 99999999999999999999'])
    t.equal(parseComparison(text), undefined, text)
})

test('the schema refuses what could never be meant', async (t) => {
  const bad = [
    { products: [] },
    { products: [''] },
    { products: ['-'] },
    { products: ['x'.repeat(257)] },
    { products: Array.from({ length: 1001 }, () => 'x') },
    { classifications: ['Security Update'] },
    { severities: ['Severe'] },
    { released: {} },
    { released: { within: 'P' } },
    { released: { within: '-P1D' } },
    { revised: { olderThan: '30 days' } },
    { required: 'many' },
    { superseded: 'Yes' },
    { product: ['Windows 11'] },
  ]
  for (const criteria of bad)
    t.equal(Criteria.safeParse(criteria).success, false, JSON.stringify(criteria).slice(0, 60))
  t.ok(
    Criteria.parse({ classifications: ['Security Updates', '-Drivers'], released: { within: 'P1M' }, required: '>=1' }),
  )
})

test('superseded alone is no criterion', async (t) => {
  t.equal(hasCriterion({}), false)
  t.equal(hasCriterion({ superseded: true }), false)
  t.equal(hasCriterion({ superseded: true, deployed: false }), true)
})
