// The formats in which a feed may come, and the parser of each.
import { type FeedResult, joinFeeds } from './feed-result.ts'
import { parseMsrcArticles } from './msrc-articles.ts'
import { parseMsrcCvrf } from './msrc-cvrf.ts'
import type { FeedFile } from './read-feed.ts'
import { parseRingmasterNdjson } from './ringmaster-ndjson.ts'

export const feedFormats = ['Ringmaster', 'MsrcArticles', 'MsrcCvrf'] as const
export type FeedFormat = (typeof feedFormats)[number]

/** All files of one feed as one result. */
export function parseFeed(format: FeedFormat, files: readonly FeedFile[]): FeedResult {
  switch (format) {
    case 'Ringmaster':
      return joinFeeds(files.map(({ text, name }) => parseRingmasterNdjson(text, name)))
    case 'MsrcArticles':
      return joinFeeds(files.map(({ text, name }) => parseMsrcArticles(text, name)))
    case 'MsrcCvrf':
      return parseMsrcCvrf(files)
  }
}
