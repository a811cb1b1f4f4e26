// Terms that a few of many updates have, and terms that most have, are found in different ways: both against the oracle.
import { test } from 'tap'
import { newCatalog, putUpdates } from '../../controller/catalog/catalog.ts'
import { selectUpdates } from '../../controller/catalog/criteria.ts'
import { planeRows } from '../../controller/model/bit-plane.ts'
import { Criteria } from '../../controller/model/criteria.ts'
import { generateRules, generateUpdates, NOW } from '../bench/catalog-data.ts'
import { naiveMatch, naiveSuperseded } from './naive.ts'
import { CONTEXT } from './samples.ts'

const updates = generateUpdates(3000)
const rules = [
  ...generateRules(60).filter((criteria) => criteria.sizeBytes === undefined),
  ...[{ cves: ['CVE-2025-1*', '-CVE-2025-12*'] }, { products: ['Product 1', '-Product 2'], titles: ['-Driver'] }].map(
    (criteria) => Criteria.parse(criteria),
  ),
]

test('rare and common terms select what the rules of one update after the other do', async (t) => {
  const catalog = newCatalog()
  putUpdates(catalog, 'generated', updates)
  const context = { ...CONTEXT, now: NOW }
  const superseded = naiveSuperseded(new Map(updates.map((update) => [update.id, update])), new Set())
  let matched = 0
  for (const criteria of rules) {
    const rows = planeRows(selectUpdates(catalog, criteria, context))
    const expected = updates.flatMap((update, row) =>
      naiveMatch(update, criteria, superseded.has(update.id), context) ? [row] : [],
    )
    t.same(rows, expected, JSON.stringify(criteria).slice(0, 100))
    matched += rows.length
  }
  t.ok(matched > 500, `${matched} matches`)
})
