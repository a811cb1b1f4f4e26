// Ringmaster's own feed: one update record a line, with instants in RFC 3339.
import { toRfc3339 } from '../../model/instant.ts'
import type { Update } from '../../model/update.ts'
import { addRecord, type FeedResult, newFeed } from './feed-result.ts'
import { readLines } from './ndjson.ts'

/** `name` stands in positions. */
export function parseRingmasterNdjson(text: string, name = 'feed'): FeedResult {
  const feed = newFeed()
  readLines(feed, text, name, (position, value) => addRecord(feed, position, value))
  return feed
}

/** One line of the feed, without its end; parsing it gives the same update again. */
export function formatUpdate(update: Update): string {
  const { released, revised, ...rest } = update
  return JSON.stringify({
    ...rest,
    released: toRfc3339(released),
    ...(revised !== undefined && { revised: toRfc3339(revised) }),
  })
}
