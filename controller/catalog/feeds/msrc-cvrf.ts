// MSRC CVRF documents as a feed: every article that a vendor fix names is one update for each of its products, gathered
// over all vulnerabilities and all documents of the feed.
import { SEVERITY_NUMBER } from '../../model/update.ts'
import { type CvrfDocument, type CvrfFix, readCvrf } from './cvrf-document.ts'
import { addRecord, type FeedBuilder, type FeedResult, newFeed, setAside } from './feed-result.ts'
import { articleDigits, microsoftId, microsoftUpdate, restartOf, severityOf } from './microsoft-updates.ts'

/**
 * `total` counts updates and remediations set aside. Fixes that are no article (release notes, store, package repositories) are skipped.
 * An article may come up again in an older month's document, for an old vulnerability that it also mends: it is released on the
 * date under which most of its vulnerabilities stand.
 */
export function parseMsrcCvrf(documents: readonly { name: string; text: string }[]): FeedResult {
  const feed = newFeed()
  const drafts = new Map<string, Draft>()
  for (const { name, text } of documents) {
    const document = readCvrf(text, name)
    if (document.type === 'Document') {
      for (const fix of document.fixes) readFix(feed, drafts, document, fix)
    } else {
      feed.total++
      setAside(feed, document.position, document.reason)
    }
  }
  for (const id of [...drafts.keys()].sort()) {
    const draft = drafts.get(id)
    if (draft) addRecord(feed, draft.position, updateOf(draft))
  }
  return feed
}

/** What is known so far of one article for one product. Maps count how often something was said. */
type Draft = {
  position: string
  article: string
  product: string
  dates: Map<string, number>
  kinds: Map<string, number>
  severity: string
  restart: string
  knownIssue: boolean
  cves: Set<string>
  exploited: Set<string>
  supersedes: Set<string>
}

const RESTART_WEIGHT = { Unknown: 0, Never: 1, MayRequire: 2, Requires: 3 } as const

function readFix(feed: FeedBuilder, drafts: Map<string, Draft>, document: CvrfDocument, fix: CvrfFix): void {
  const position = `${document.name}:${fix.line}`
  const article = articleDigits(fix.article)
  if (article === undefined && fix.article !== '') {
    feed.skipped++
    return
  }
  const problem = problemOf(document, fix)
  if (article === undefined || problem !== undefined) {
    feed.total++
    setAside(feed, position, problem ?? 'the remediation names no article')
    if (article === undefined) return
  }
  for (const productId of new Set(fix.productIds)) {
    const product = document.products.get(productId)
    if (!product) continue
    const id = microsoftId(article, product)
    const draft = drafts.get(id) ?? newDraft(position, article, product)
    drafts.set(id, draft)
    addFix(draft, document, fix, fix.severities.get(productId) ?? [])
  }
}

function problemOf({ products }: CvrfDocument, { article, productIds }: CvrfFix): string | undefined {
  if (productIds.length === 0) return `the remediation for article ${article || '(none)'} names no product`
  const unknown = productIds.filter((id) => !products.get(id))
  return unknown.length === 0
    ? undefined
    : `the remediation for article ${article || '(none)'} names products that the document does not list: ${unknown.slice(0, 10).join(', ')}`
}

function newDraft(position: string, article: string, product: string): Draft {
  return {
    position,
    article,
    product,
    dates: new Map(),
    kinds: new Map(),
    severity: '',
    restart: '',
    knownIssue: false,
    cves: new Set(),
    exploited: new Set(),
    supersedes: new Set(),
  }
}

function addFix(
  draft: Draft,
  { released, knownIssues }: CvrfDocument,
  fix: CvrfFix,
  severities: readonly string[],
): void {
  count(draft.dates, released.slice(0, 10))
  if (fix.kind !== '') count(draft.kinds, fix.kind)
  for (const severity of severities)
    if (SEVERITY_NUMBER[severityOf(severity)] > SEVERITY_NUMBER[severityOf(draft.severity)]) draft.severity = severity
  if (RESTART_WEIGHT[restartOf(fix.restart)] > RESTART_WEIGHT[restartOf(draft.restart)]) draft.restart = fix.restart
  draft.knownIssue ||= knownIssues.has(fix.article)
  if (fix.cve !== '') draft.cves.add(fix.cve)
  if (fix.cve !== '' && fix.exploited) draft.exploited.add(fix.cve)
  for (const target of fix.supersedes.split(/[^0-9A-Za-z]+/)) {
    const article = articleDigits(target)
    if (article !== undefined) draft.supersedes.add(article)
  }
}

function updateOf(draft: Draft) {
  return microsoftUpdate({
    article: draft.article,
    product: draft.product,
    type: mostFrequent(draft.kinds),
    released: mostFrequent(draft.dates) ?? '',
    severity: draft.severity,
    restart: draft.restart,
    knownIssue: draft.knownIssue,
    cves: [...draft.cves].sort(),
    exploited: [...draft.exploited].sort(),
    supersedes: [...draft.supersedes].sort(),
  })
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

/** Of several said equally often, the last in order: the later date. */
function mostFrequent(counts: ReadonlyMap<string, number>): string | undefined {
  return [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? 1 : -1))[0]?.[0]
}
