// The quickstart's catalog: sound, sorted, and what the tool makes of the real data.
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'tap'
import { newCatalog } from '../../controller/catalog/catalog.ts'
import { parseFeed } from '../../controller/catalog/feeds/parse-feed.ts'
import { readFeed } from '../../controller/catalog/feeds/read-feed.ts'
import { parseRingmasterNdjson } from '../../controller/catalog/feeds/ringmaster-ndjson.ts'
import { planSync } from '../../controller/catalog/sync.ts'
import { EXAMPLE_CATALOG, exampleCatalog, REAL_ARTICLES } from '../tools/make-example-catalog.ts'

const text = readFileSync(EXAMPLE_CATALOG, 'utf8')
const skip = !existsSync(REAL_ARTICLES) && !process.env.CI ? 'the real data (../shared/data) is not here' : false

test('the example catalog syncs whole: a few hundred updates over six Patch Tuesdays', async (t) => {
  const feed = parseRingmasterNdjson(text)
  t.same(feed.setAside, [])
  const updates = feed.records.map(({ update }) => update)
  t.ok(updates.length >= 150 && updates.length <= 600, `${updates.length} updates`)
  t.ok(Buffer.byteLength(text) <= 600_000)
  t.same(
    updates,
    updates.toSorted((a, b) => a.released - b.released || (a.id < b.id ? -1 : 1)),
  )
  for (const month of ['2025-07-08', '2025-08-12', '2025-09-09', '2025-10-14', '2025-11-11', '2025-12-09'])
    t.ok(
      updates.some(({ released }) => released === Date.parse(month)),
      month,
    )
  const plan = planSync(newCatalog(), feed, { source: 'microsoft' }, Date.parse('2026-01-01T00:00:00Z'))
  t.equal(plan.upserts.length, updates.length)
  t.equal(plan.conflictTotal, 0)
})

test('the example catalog is what the tool derives from the real data', { skip }, async (t) => {
  const read = await readFeed(REAL_ARTICLES, { folder: '.' })
  t.equal(read.type === 'Read' && exampleCatalog(parseFeed('MsrcArticles', read.files)) === text, true)
})
