// Derives the quickstart's catalog from the real data: `node test/tools/make-example-catalog.ts` writes
// examples/quickstart/catalog/microsoft-2025.ndjson. Facts only; titles are our own.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { FeedResult } from '../../controller/catalog/feeds/feed-result.ts'
import { parseFeed } from '../../controller/catalog/feeds/parse-feed.ts'
import { readFeed } from '../../controller/catalog/feeds/read-feed.ts'
import { formatUpdate } from '../../controller/catalog/feeds/ringmaster-ndjson.ts'
import { Update } from '../../controller/model/update.ts'

const ROOT = resolve(import.meta.dirname, '..', '..')
export const EXAMPLE_CATALOG = resolve(ROOT, 'examples', 'quickstart', 'catalog', 'microsoft-2025.ndjson')
export const REAL_ARTICLES = resolve(ROOT, '..', 'shared', 'data', 'msrc-kb-2016-2025.ndjson.gz')

const FROM = Date.parse('2025-07-01T00:00:00Z')
const UNTIL = Date.parse('2026-01-01T00:00:00Z')

// What the quickstart's company runs.
const PRODUCTS: readonly RegExp[] = [
  /^Windows 11 Version 2[345]H2 for x64-based Systems$/,
  /^Windows 10 Version 22H2 for x64-based Systems$/,
  /^Windows Server (2016|2019|2022|2025)( \(Server Core installation\))?$/,
  /^Microsoft (Office|Excel|Word|PowerPoint|Outlook|Access) 2016 \(64-bit edition\)$/,
  /^Microsoft (365 Apps|Office LTSC)/,
  /^Microsoft SharePoint Server (2019|Subscription Edition)$/,
  /^Microsoft Exchange Server (2019 Cumulative Update 15|Subscription Edition RTM)$/,
  /^Microsoft SQL Server (2019|2022) for x64-based Systems/,
  /^Microsoft \.NET Framework 3\.5 AND 4\.8(\.1)? on (Windows 11 Version 2[345]H2 for x64|Windows Server (2019|2022))/,
  /^\.NET [89]\.0 installed on Windows$/,
]

/** The example's lines, by release and id. Values that are a record's default are left out. */
export function exampleCatalog(feed: FeedResult): string {
  const updates = feed.records
    .map(({ update }) => update)
    .filter(({ released }) => FROM <= released && released < UNTIL)
    .filter(({ products }) => products.some((product) => PRODUCTS.some((pattern) => pattern.test(product))))
    .sort((a, b) => a.released - b.released || (a.id < b.id ? -1 : 1))
  return updates.map((update) => `${withoutDefaults(update)}\n`).join('')
}

function withoutDefaults(update: Update): string {
  const { id, title, vendor, products, classification } = update
  const released = '2025-01-01T00:00:00Z'
  const bare = new Map(Object.entries(Update.parse({ id, title, vendor, products, classification, released })))
  const required = new Set(['id', 'title', 'vendor', 'products', 'classification', 'released'])
  const line: unknown = JSON.parse(formatUpdate(update))
  const kept = Object.entries(line ?? {}).filter(
    ([key, value]) => required.has(key) || JSON.stringify(bare.get(key)) !== JSON.stringify(value),
  )
  return JSON.stringify(Object.fromEntries(kept))
}

if (import.meta.main) {
  const read = await readFeed(REAL_ARTICLES, { folder: ROOT })
  if (read.type !== 'Read') throw new Error(`the real data cannot be read: ${JSON.stringify(read)}`)
  const text = exampleCatalog(parseFeed('MsrcArticles', read.files))
  mkdirSync(dirname(EXAMPLE_CATALOG), { recursive: true })
  writeFileSync(EXAMPLE_CATALOG, text)
  console.log(`${EXAMPLE_CATALOG}: ${text.split('\n').length - 1} updates, ${Buffer.byteLength(text)} bytes`)
}
