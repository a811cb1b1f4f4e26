// Newline-delimited JSON from outside: line by line, one bad line never stops the others.
import { type FeedBuilder, MAX_FEED_RECORDS, setAside } from './feed-result.ts'

/** Characters in one line. */
export const MAX_LINE_LENGTH = 1024 * 1024

/** Calls `visit` with each line's value; lines that are no JSON object are set aside. Empty lines do not count. */
export function readLines(
  feed: FeedBuilder,
  text: string,
  name: string,
  visit: (position: string, value: Readonly<Record<string, unknown>>) => void,
): void {
  let lines = 0
  let records = 0
  for (let start = 0; start < text.length; ) {
    const found = text.indexOf('\n', start)
    const end = found < 0 ? text.length : found
    const position = `${name}:${++lines}`
    const line =
      end - start > MAX_LINE_LENGTH
        ? undefined
        : text
            .slice(start, end)
            .replace(/^\uFEFF/, '')
            .trim()
    start = end + 1
    if (line === '') continue
    if (++records > MAX_FEED_RECORDS) {
      setAside(feed, position, `a feed may hold ${MAX_FEED_RECORDS} records: the rest is not read`)
      return
    }
    const value = line === undefined ? `is longer than ${MAX_LINE_LENGTH} characters` : parseObject(line)
    if (typeof value !== 'string') {
      visit(position, value)
    } else {
      feed.total++
      setAside(feed, position, `the line ${value}`)
    }
  }
}

function parseObject(line: string): Readonly<Record<string, unknown>> | string {
  try {
    const value: unknown = JSON.parse(line)
    return isRecord(value) ? value : 'is JSON, but no object'
  } catch (error) {
    return `is no JSON: ${error instanceof Error ? error.message.slice(0, 200) : 'unreadable'}`
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
