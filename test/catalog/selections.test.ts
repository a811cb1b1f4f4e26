// What rules select is kept and brought up to date: after every step of a random history, with time going on, jumping and
// stepping back, it is what one update after the other comes to by the slow oracle, and what a copy comes to that keeps nothing.
import fc from 'fast-check'
import { test } from 'tap'
import { type Catalog, copyCatalog, newCatalog, putUpdates, setStates } from '../../controller/catalog/catalog.ts'
import { changeRows } from '../../controller/catalog/changes.ts'
import { columnsOf, textColumn } from '../../controller/catalog/columns.ts'
import { countByCriterion, selectUpdates } from '../../controller/catalog/criteria.ts'
import { keepSelections, keptRows, selectRows } from '../../controller/catalog/selections.ts'
import { planeRows } from '../../controller/model/bit-plane.ts'
import { Criteria } from '../../controller/model/criteria.ts'
import { DAY, HOUR } from '../../controller/model/instant.ts'
import type { Update } from '../../controller/model/update.ts'
import { naiveMatch, naiveSuperseded } from './naive.ts'
import { anyCriteria, anyUpdate, idOf, NOW, sample } from './samples.ts'

type Step = {
  readonly updates: readonly Update[]
  readonly marked: readonly number[]
  readonly mark: 'Expired' | 'Declined' | 'Normal'
  /** How far the clock goes before anyone looks. */
  readonly passed: number
  /** Several changes between two looks have to come to the same as one. */
  readonly looked: boolean
}

const step: fc.Arbitrary<Step> = fc.record({
  updates: fc.array(anyUpdate, { maxLength: 4 }),
  marked: fc.uniqueArray(fc.integer({ min: 0, max: 25 }), { maxLength: 2 }),
  mark: fc.constantFrom('Expired', 'Declined', 'Normal', 'Normal'),
  passed: fc.constantFrom(0, HOUR, DAY, 5 * DAY, 30 * DAY, 100 * DAY, -DAY, -40 * DAY),
  looked: fc.boolean(),
})

test('what is kept is what the oracle finds, after every step of a random history', async (t) => {
  const counted = { selected: 0, looks: 0 }
  const property = fc.property(
    fc.array(step, { minLength: 4, maxLength: 16 }),
    // More than one word of rules at times.
    fc.oneof(
      fc.array(anyCriteria, { minLength: 1, maxLength: 6 }),
      fc.array(anyCriteria, { minLength: 33, maxLength: 40 }),
    ),
    (steps, criteria) => {
      const catalog = newCatalog()
      keepSelections(catalog, criteria)
      let now = NOW
      for (const { updates, marked, mark, passed, looked } of steps) {
        putUpdates(catalog, 'test', updates)
        setStates(
          catalog,
          marked.map((number) => idOf(`u${number}`)),
          mark,
        )
        now += passed
        if (!looked) continue
        counted.looks++
        counted.selected += compare(catalog, criteria, now)
      }
    },
  )
  fc.assert(property, { seed: 42, numRuns: 400 })
  t.ok(counted.looks > 1000 && counted.selected > 10_000, JSON.stringify(counted))
})

/** Throws when the two are not the same. Returns how many updates were selected. */
function compare(catalog: Catalog, criteria: readonly Criteria[], now: number): number {
  const context = { now, requiredCount: (id: string) => id.length - 2, isDeployed: (id: string) => id.endsWith('1') }
  const updates = new Map(catalog.updates.map((update) => [update.id as string, update]))
  const isMarked = (plane: { words: Uint32Array }, row: number) =>
    (((plane.words[row >>> 5] ?? 0) >>> (row & 31)) & 1) === 1
  const declined = new Set(catalog.ids.filter((_, row) => isMarked(catalog.declined, row)).map(String))
  const superseded = naiveSuperseded(updates, declined)
  const fresh = selectRows(copyCatalog(catalog), criteria, now)
  let selected = 0
  for (const [i, wanted] of criteria.entries()) {
    const expected = catalog.updates.flatMap((update, row) =>
      (update.state === 'Normal' || update.state === 'Superseded') &&
      !declined.has(update.id) &&
      !isMarked(catalog.expired, row) &&
      naiveMatch(update, wanted, superseded.has(update.id), context)
        ? [row]
        : [],
    )
    same(planeRows(selectUpdates(catalog, wanted, context)), expected, wanted)
    const kept = keptRows(catalog, wanted, now)
    const anew = fresh[i]
    same(kept && planeRows(kept), anew && planeRows(anew), wanted)
    selected += expected.length
  }
  return selected
}

function same(a: unknown, b: unknown, criteria: Criteria): void {
  const [first, second] = [JSON.stringify(a), JSON.stringify(b)]
  if (first !== second) throw new Error(`${JSON.stringify(criteria)}: kept ${first}, expected ${second}`)
}

test('criteria that are not kept, and those that were, select all the same', async (t) => {
  const catalog = newCatalog()
  putUpdates(catalog, 'test', [sample('a'), sample('b', { severity: 'Critical' })])
  const first = Criteria.parse({ severities: ['Critical'] })
  const second = Criteria.parse({ vendors: ['contoso'] })
  keepSelections(catalog, [first])
  t.same(keptRows(catalog, first, NOW) && select(catalog, first), ['b'])
  t.equal(keptRows(catalog, second, NOW), undefined)
  t.same(select(catalog, second), ['a', 'b'])
  keepSelections(catalog, [second])
  putUpdates(catalog, 'test', [sample('c', { severity: 'Critical' })])
  t.equal(keptRows(catalog, first, NOW), undefined)
  t.same(
    [select(catalog, first), select(catalog, second)],
    [
      ['b', 'c'],
      ['a', 'b', 'c'],
    ],
  )
})

test('when nobody knows which rows changed, or too many did, every update is judged again', async (t) => {
  const catalog = newCatalog()
  putUpdates(catalog, 'test', [sample('a', { title: 'One' }), sample('b', { title: 'Two' })])
  const criteria = Criteria.parse({ titles: ['two'] })
  keepSelections(catalog, [criteria])
  t.same(select(catalog, criteria), ['b'])
  catalog.updates[0] = sample('a', { title: 'Also two' })
  catalog.version++
  t.same(select(catalog, criteria), ['a', 'b'])
  catalog.updates[1] = sample('b', { title: 'Three' })
  changeRows(
    catalog,
    Array.from({ length: 30_000 }, () => 1),
  )
  t.same(select(catalog, criteria), ['a'])
})

test('a dictionary with many values that no row has any more is made anew, and nothing is lost by it', async (t) => {
  const catalog = newCatalog()
  const criteria = Criteria.parse({ products: ['CVE-7*', '-cve-77'] })
  keepSelections(catalog, [criteria])
  putUpdates(catalog, 'test', [sample('a', { products: ['CVE-7'] }), sample('b')])
  t.same(select(catalog, criteria), ['a'])
  for (let turn = 0; turn < 7; turn++) {
    const products = Array.from({ length: 20_000 }, (_, i) => `${turn}-${i}`)
    putUpdates(catalog, 'test', [sample('b', { products: [...products, 'cve-78'] })])
    t.same(select(catalog, criteria), ['a', 'b'])
  }
  putUpdates(catalog, 'test', [sample('b', { products: ['cve-77', 'cve-78'] })])
  t.same(select(catalog, criteria), ['a'])
  t.ok(textColumn(columnsOf(catalog), 'products').size < 100_000)
})

test('to know what to narrow, each criterion is counted by itself', async (t) => {
  const catalog = newCatalog()
  putUpdates(catalog, 'test', [sample('a'), sample('b', { severity: 'Critical' }), sample('c', { vendor: 'Other' })])
  const criteria = Criteria.parse({ severities: ['Critical'], vendors: ['Contoso'], required: '>=1' })
  const context = { now: NOW, requiredCount: (id: string) => (id === 'c' ? 0 : 1), isDeployed: () => false }
  t.same(countByCriterion(catalog, criteria, context), [
    { property: 'required', count: 2 },
    { property: 'vendors', count: 2 },
    { property: 'severities', count: 1 },
  ])
})

function select(catalog: Catalog, criteria: Criteria): string[] {
  const rows = selectUpdates(catalog, criteria, { now: NOW, requiredCount: () => 0, isDeployed: () => false })
  return planeRows(rows).map((row) => String(catalog.ids[row]))
}
