// Microsoft security articles as NDJSON, one article a line: kb, released, type, severity, restart, knownIssue, products,
// supersedes, cves, exploited. An article is one update for each of its products (semantics.md §1).
import { z } from 'zod'
import { addRecord, describeIssues, type FeedResult, newFeed, setAside } from './feed-result.ts'
import { articleDigits, microsoftUpdate } from './microsoft-updates.ts'
import { readLines } from './ndjson.ts'

const name = z.string().min(1).max(1024)

// Loose: what else an article says (title, families, builds) is not part of an update.
const Article = z.object({
  kb: name.refine((kb) => articleDigits(kb) !== undefined, 'must be an article such as KB5066835'),
  released: z.iso.date(),
  type: z.string().max(256).nullish(),
  severity: z.string().max(256).nullish(),
  restart: z.string().max(256).nullish(),
  knownIssue: z.boolean().default(false),
  products: z.array(name).min(1).max(4096),
  supersedes: z.record(name, z.union([z.literal('*'), z.array(name).max(4096)])).default({}),
  cves: z.array(name).max(4096).default([]),
  exploited: z.array(name).max(4096).default([]),
})
type Article = z.infer<typeof Article>

/** `total` counts updates, not articles; an article that cannot be read counts once. `fileName` stands in positions. */
export function parseMsrcArticles(text: string, fileName = 'feed'): FeedResult {
  const feed = newFeed()
  readLines(feed, text, fileName, (position, value) => {
    const parsed = Article.safeParse(value)
    if (parsed.success) {
      for (const product of new Set(parsed.data.products))
        addRecord(feed, `${position} (${product})`, updateFor(parsed.data, product))
    } else {
      feed.total++
      setAside(feed, position, describeIssues(parsed.error.issues), value.kb)
    }
  })
  return feed
}

function updateFor(article: Article, product: string) {
  return microsoftUpdate({
    article: articleDigits(article.kb) ?? article.kb,
    product,
    type: article.type ?? undefined,
    released: article.released,
    severity: article.severity ?? undefined,
    restart: article.restart ?? undefined,
    knownIssue: article.knownIssue,
    cves: article.cves,
    exploited: article.exploited,
    supersedes: supersededFor(article, product),
  })
}

// The product by which an edge is limited is the superseder's; the superseded update is the same product's.
function supersededFor({ supersedes }: Article, product: string): string[] {
  const articles = Object.entries(supersedes).flatMap(([target, products]) => {
    const article = articleDigits(target)
    return article !== undefined && (products === '*' || products.includes(product)) ? [article] : []
  })
  return [...new Set(articles)].sort()
}
