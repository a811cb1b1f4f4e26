// What every feed parser returns: the updates it could read, and what it had to set aside, with position and reason.
import { Update } from '../../model/update.ts'

/** Records set aside that are listed; what is beyond is counted. */
export const MAX_SET_ASIDE_LISTED = 1000

/** Records that one feed may hold. */
export const MAX_FEED_RECORDS = 1_000_000

/** `position` is where a record stands in its feed, for people: "catalog.ndjson:12". */
export type FeedRecord = { readonly position: string; readonly update: Update }
export type SetAside = { readonly position: string; readonly reason: string; readonly id?: string }

export type FeedResult = {
  readonly records: readonly FeedRecord[]
  /** At most MAX_SET_ASIDE_LISTED; `setAsideTotal` counts all. */
  readonly setAside: readonly SetAside[]
  readonly setAsideTotal: number
  /** Entries that are sound but are no update for a catalog, such as a note that points to a web page. */
  readonly skipped: number
  /** Entries in the feed, whatever became of them. */
  readonly total: number
}

/** Gathers a feed's records; the limits are kept here, once for all parsers. */
export type FeedBuilder = {
  records: FeedRecord[]
  setAside: SetAside[]
  setAsideTotal: number
  skipped: number
  total: number
}

export function newFeed(): FeedBuilder {
  return { records: [], setAside: [], setAsideTotal: 0, skipped: 0, total: 0 }
}

export function setAside(feed: FeedBuilder, position: string, reason: string, id?: unknown): void {
  feed.setAsideTotal++
  if (feed.setAside.length >= MAX_SET_ASIDE_LISTED) return
  feed.setAside.push({ position, reason, ...(typeof id === 'string' && { id: id.slice(0, 256) }) })
}

/** Checks a record in its wire form, and adds it or sets it aside. */
export function addRecord(feed: FeedBuilder, position: string, record: unknown): void {
  feed.total++
  const parsed = Update.safeParse(record)
  if (parsed.success) feed.records.push({ position, update: parsed.data })
  else setAside(feed, position, describeIssues(parsed.error.issues), idOf(record))
}

/** Several results as one, in the order given. */
export function joinFeeds(results: readonly FeedResult[]): FeedResult {
  const joined = newFeed()
  for (const result of results) {
    for (const record of result.records) joined.records.push(record)
    joined.setAside.push(...result.setAside.slice(0, MAX_SET_ASIDE_LISTED - joined.setAside.length))
    joined.setAsideTotal += result.setAsideTotal
    joined.skipped += result.skipped
    joined.total += result.total
  }
  return joined
}

/** What is wrong, on one line: "released: Invalid ISO datetime; title: …". */
export function describeIssues(issues: readonly { path: PropertyKey[]; message: string }[]): string {
  const listed = issues.slice(0, 5).map(({ path, message }) => `${path.map(String).join('.') || 'record'}: ${message}`)
  const more = issues.length > 5 ? `; and ${issues.length - 5} more` : ''
  return `${listed.join('; ')}${more}`.slice(0, 1000)
}

function idOf(record: unknown): unknown {
  return typeof record === 'object' && record !== null && 'id' in record ? record.id : undefined
}
