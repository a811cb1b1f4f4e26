// What is derived from a catalog is mended when the catalog changes: after every step of a random history it is what a copy,
// which has to make everything anew, comes to.
import fc from 'fast-check'
import { test } from 'tap'
import {
  type Catalog,
  copyCatalog,
  markVanished,
  newCatalog,
  putUpdates,
  reinstateUpdates,
  setStates,
} from '../../controller/catalog/catalog.ts'
import { changeRows, rowsChangedSince } from '../../controller/catalog/changes.ts'
import { matchRows, selectUpdates } from '../../controller/catalog/criteria.ts'
import { keepSelections } from '../../controller/catalog/selections.ts'
import { supersedenceOf } from '../../controller/catalog/supersedence.ts'
import { planeRows } from '../../controller/model/bit-plane.ts'
import type { Criteria } from '../../controller/model/criteria.ts'
import { DAY } from '../../controller/model/instant.ts'
import type { Update } from '../../controller/model/update.ts'
import { anyCriteria, anyUpdate, idOf, NOW } from './samples.ts'

type Step =
  | { readonly type: 'Put'; readonly updates: readonly Update[] }
  /** The same updates with another title, size and severity, and now and then another release, as a feed gives them that has looked again. */
  | { readonly type: 'Retitle'; readonly numbers: readonly number[]; readonly like: Update }
  /** New ones, on top of what is there. */
  | { readonly type: 'Append'; readonly updates: readonly Update[] }
  | { readonly type: 'Mark'; readonly mark: (catalog: Catalog) => void }

const numbers = fc.uniqueArray(fc.integer({ min: 0, max: 25 }), { maxLength: 4 })
const marking = fc.tuple(numbers, fc.constantFrom('Expired', 'Declined', 'Normal', 'Reinstated', 'Vanished')).map(
  ([some, what]): Step => ({
    type: 'Mark',
    mark: (catalog) => {
      const ids = some.map((number) => idOf(`u${number}`))
      if (what === 'Reinstated') reinstateUpdates(catalog, ids)
      else if (what === 'Vanished') markVanished(catalog, ids, true)
      else setStates(catalog, ids, what)
    },
  }),
)
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.array(anyUpdate, { maxLength: 6 }).map((updates): Step => ({ type: 'Put', updates })),
  fc.tuple(numbers, anyUpdate).map(([some, like]): Step => ({ type: 'Retitle', numbers: some, like })),
  fc.tuple(numbers, anyUpdate).map(([some, like]): Step => ({ type: 'Retitle', numbers: some, like })),
  fc.array(anyUpdate, { maxLength: 3 }).map((updates): Step => ({ type: 'Append', updates })),
  fc.array(anyUpdate, { maxLength: 3 }).map((updates): Step => ({ type: 'Append', updates })),
  marking,
)

test('what was mended is what is made anew, after every step of a random history', async (t) => {
  const counted = { kept: 0, added: 0, selected: 0 }
  const history = fc.tuple(
    fc.array(fc.tuple(step, fc.boolean()), { minLength: 5, maxLength: 25 }),
    fc.array(anyCriteria, { minLength: 2, maxLength: 6 }),
  )
  fc.assert(
    fc.property(history, ([steps, criteria]) => {
      const catalog = newCatalog()
      keepSelections(catalog, criteria)
      let before = supersedenceOf(catalog)
      let rows = 0
      for (const [number, [taken, looked]] of steps.entries()) {
        take(catalog, taken)
        // Several changes between two looks have to come to the same as one.
        if (!looked) continue
        counted.selected += compare(catalog, copyCatalog(catalog), criteria, NOW + number * DAY)
        const after = supersedenceOf(catalog)
        if (after === before && taken.type === 'Retitle') counted.kept++
        if (after === before && catalog.ids.length > rows) counted.added++
        before = after
        rows = catalog.ids.length
      }
    }),
    { seed: 42, numRuns: 1000 },
  )
  for (const [what, count] of Object.entries(counted)) t.ok(count > 500, `${count} ${what}`)
})

test('only so many changed rows are remembered, and what nobody told of is none of them', async (t) => {
  const catalog = newCatalog()
  changeRows(catalog, [1, 2])
  const early = catalog.version
  changeRows(catalog, [3])
  t.same(rowsChangedSince(catalog, early), [3])
  t.same(rowsChangedSince(catalog, early - 1), [1, 2, 3])
  t.equal(rowsChangedSince(catalog, early - 2), undefined, 'from before the first change')
  t.equal(rowsChangedSince(copyCatalog(catalog), early), undefined, 'a copy has no past')
  changeRows(
    catalog,
    Array.from({ length: 20_000 }, (_, row) => row),
  )
  t.equal(rowsChangedSince(catalog, early), undefined)
  t.same(rowsChangedSince(catalog, catalog.version), [])
  const late = catalog.version
  catalog.version++
  t.equal(rowsChangedSince(catalog, late), undefined, 'someone else counted up')
  changeRows(catalog, [4])
  t.equal(rowsChangedSince(catalog, late), undefined)
  t.same(rowsChangedSince(catalog, late + 1), [4])
})

function take(catalog: Catalog, taken: Step): void {
  switch (taken.type) {
    case 'Put':
      putUpdates(catalog, 'test', taken.updates)
      return
    case 'Retitle': {
      const { title, sizeBytes, severity, products, revised, knownIssue, released } = taken.like
      const more = { ...(revised && { revised }), ...(knownIssue && { released }) }
      const updates = taken.numbers.flatMap((number) => {
        const row = catalog.rowOf.get(idOf(`u${number}`))
        const held = row === undefined ? undefined : catalog.updates[row]
        return held === undefined ? [] : [{ ...held, title, sizeBytes, severity, products, ...more }]
      })
      putUpdates(catalog, 'test', updates)
      return
    }
    case 'Append': {
      const first = catalog.ids.length
      putUpdates(
        catalog,
        'test',
        taken.updates.map((update, i) => ({ ...update, id: idOf(`n${first + i}`) })),
      )
      return
    }
    case 'Mark':
      taken.mark(catalog)
  }
}

/** Throws when the two are not the same. Returns how many updates were selected. */
function compare(mended: Catalog, fresh: Catalog, criteria: readonly Criteria[], now: number): number {
  const context = { now, requiredCount: () => 1, isDeployed: () => false }
  let selected = 0
  for (const wanted of criteria) {
    const rows = planeRows(selectUpdates(mended, wanted, context))
    same(rows, planeRows(selectUpdates(fresh, wanted, context)), `selected by ${JSON.stringify(wanted)}`)
    const whatever = [mended, fresh].map((catalog) => planeRows(matchRows(catalog, wanted, context)))
    same(whatever[0], whatever[1], `matched by ${JSON.stringify(wanted)}`)
    selected += rows.length
  }
  const [a, b] = [mended, fresh].map(supersedenceOf)
  same(a && planeRows(a.superseded), b && planeRows(b.superseded), 'superseded')
  const rows = fresh.ids.length
  same([...(a?.supersededBy ?? [])].slice(0, rows), [...(b?.supersededBy ?? [])], 'superseded by')
  same([a?.cycles, a?.cycleCount], [b?.cycles, b?.cycleCount], 'cycles')
  return selected
}

function same(a: unknown, b: unknown, what: string): void {
  const [first, second] = [JSON.stringify(a), JSON.stringify(b)]
  if (first !== second) throw new Error(`${what}: mended ${first}, anew ${second}`)
}
