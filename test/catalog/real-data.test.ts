// Real Microsoft security updates through feeds, sync and criteria. The data lives beside the repository, in
// ../shared/data; where it is absent these tests say that they skip, and fail in continuous integration.
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { type Test, test } from 'tap'
import { type Catalog, newCatalog, stateOfRow } from '../../controller/catalog/catalog.ts'
import { selectUpdates } from '../../controller/catalog/criteria.ts'
import { planExpiry } from '../../controller/catalog/expiry.ts'
import type { FeedResult } from '../../controller/catalog/feeds/feed-result.ts'
import { type FeedFormat, parseFeed } from '../../controller/catalog/feeds/parse-feed.ts'
import { readFeed } from '../../controller/catalog/feeds/read-feed.ts'
import { supersedenceOf } from '../../controller/catalog/supersedence.ts'
import { applySync, changesCatalog, planSync } from '../../controller/catalog/sync.ts'
import { countBits } from '../../controller/model/bit-plane.ts'
import { MAX_UPDATES_PER_GROUP } from '../../controller/model/limits.ts'
import type { Update } from '../../controller/model/update.ts'

const DATA = resolve(import.meta.dirname, '..', '..', '..', 'shared', 'data')
const ARTICLES = 'msrc-kb-2016-2025.ndjson.gz'
const absent = !existsSync(resolve(DATA, ARTICLES))
const skip = absent && !process.env.CI ? 'the real data (../shared/data) is not here' : false
const NOW = Date.parse('2026-01-01T00:00:00Z')
const CONTEXT = { now: NOW, requiredCount: () => 0, isDeployed: () => false }

async function load(format: FeedFormat, location: string): Promise<FeedResult> {
  const read = await readFeed(location, { folder: DATA })
  if (read.type !== 'Read') throw new Error(`${location}: ${JSON.stringify(read)}`)
  return parseFeed(format, read.files)
}

function synced(feed: FeedResult): Catalog {
  const catalog = newCatalog()
  applySync(catalog, 'msrc', planSync(catalog, feed, { source: 'msrc' }, NOW))
  return catalog
}

test('ten years of articles become one update for each product, and sync once', { skip }, async (t) => {
  const feed = await load('MsrcArticles', ARTICLES)
  t.same(feed.setAside, [])
  t.equal(new Set(feed.records.flatMap(({ update }) => update.articleIds)).size, 4997)
  // 18,982 pairs of article and product, of which five are listed twice.
  t.equal(feed.records.length, 18_977)
  const plan = planSync(newCatalog(), feed, { source: 'msrc' }, NOW)
  t.match(plan, { conflictTotal: 0, merged: 0, unreleased: 0 })
  t.equal(plan.upserts.length, 18_977)
  const catalog = synced(feed)
  t.equal(changesCatalog(planSync(catalog, feed, { source: 'msrc' }, NOW)), false)
  const { superseded, cycles } = supersedenceOf(catalog)
  t.same(cycles, [])
  t.ok(countBits(superseded) > 10_000)
  t.equal(longestChain(catalog), 88)
  for (let row = 0; row < catalog.ids.length; row++)
    if (stateOfRow(catalog, row) !== 'Normal' && stateOfRow(catalog, row) !== 'Superseded')
      t.fail(String(catalog.ids[row]))
})

test('the catalog grows month by month as on a virtual clock, and ends as if it had come at once', {
  skip,
}, async (t) => {
  const feed = await load('MsrcArticles', ARTICLES)
  const catalog = newCatalog()
  let syncs = 0
  for (let now: number | undefined = Date.parse('2024-01-01T00:00:00Z'); now !== undefined && syncs < 1000; syncs++) {
    const plan = planSync(catalog, feed, { source: 'msrc' }, now)
    applySync(catalog, 'msrc', plan)
    now = plan.nextRelease
  }
  t.ok(syncs > 12 && syncs < 1000, `${syncs} syncs`)
  const records = (of: Catalog) => of.updates.toSorted((a, b) => (a.id < b.id ? -1 : 1))
  t.strictSame(records(catalog), records(synced(feed)))
})

test('a broad rule matches more than a group may hold, and a narrow one what Patch Tuesday brought', {
  skip,
}, async (t) => {
  const catalog = synced(await load('MsrcArticles', ARTICLES))
  const broad = { products: ['Windows*'], released: { within: 'P5Y' }, superseded: 'Any' as const }
  t.ok(countBits(selectUpdates(catalog, broad, CONTEXT)) > MAX_UPDATES_PER_GROUP)
  const narrow = { products: ['Windows 11*x64*'], released: { within: 'P1M' }, titles: ['-hotpatch'] }
  const count = countBits(selectUpdates(catalog, narrow, CONTEXT))
  t.ok(count > 0 && count < 20, `${count} updates`)
  const policies = new Map([['msrc', { feature: 'Never' as const, nonFeature: 3 }]])
  const { expire, next } = planExpiry(catalog, policies, NOW)
  t.ok(expire.length > 5000 && expire.length < countBits(supersedenceOf(catalog).superseded))
  t.ok(next !== undefined && next > NOW)
})

for (const [month, released] of [
  ['2025-Jan', '2025-01-14'],
  ['2025-Aug', '2025-08-12'],
  ['2025-Oct', '2025-10-14'],
] as const) {
  test(`the CVRF document of ${month} and the articles of that day agree on the updates`, { skip }, async (t) => {
    const cvrf = byId(await load('MsrcCvrf', `cvrf/${month}.xml.gz`))
    const articles = byId(await load('MsrcArticles', ARTICLES))
    t.ok(cvrf.size > 100 && cvrf.size < 400, `${cvrf.size} updates`)
    const ofDay = [...articles.values()].filter((update) => update.released === Date.parse(`${released}T00:00:00Z`))
    t.same(
      ofDay.filter(({ id }) => !cvrf.has(id)),
      [],
      'every update of the day is in the document',
    )
    // The articles end with 2025; a document revised since may name later ones, for old vulnerabilities that they mend too.
    const later = [...cvrf.values()].filter(({ id }) => !articles.has(id))
    t.ok(later.length <= 2 && later.every(({ articleIds }) => Number(articleIds[0]) > 5_074_353))
    compareShared(t, cvrf, ofDay)
  })
}

// Both come from the same documents, so what is fixed by the article has to agree. Severity and vulnerabilities differ where the
// articles sum up all products of an article, and where an article is in several months' documents.
function compareShared(t: Test, cvrf: ReadonlyMap<string, Update>, articles: readonly Update[]): void {
  for (const article of articles) {
    const found = cvrf.get(article.id)
    const { classification, products, supersedes, restart, architecture } = article
    t.match(found, { classification, products, supersedes, restart, architecture }, article.id)
  }
}

function byId(feed: FeedResult): Map<string, Update> {
  return new Map(feed.records.map(({ update }) => [update.id, update]))
}

/** Edges of the longest way from an update to those that it supersedes. The data has no cycle. */
function longestChain(catalog: Catalog): number {
  const lengths = new Map<string, number>()
  const lengthFrom = (update: Update): number => {
    const known = lengths.get(update.id)
    if (known !== undefined) return known
    const targets = update.supersedes.flatMap((id) => catalog.updates[catalog.rowOf.get(id) ?? -1] ?? [])
    const length = Math.max(0, ...targets.map((target) => 1 + lengthFrom(target)))
    lengths.set(update.id, length)
    return length
  }
  return Math.max(...catalog.updates.map(lengthFrom))
}
