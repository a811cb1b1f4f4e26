// Which rows of a catalog changed since an earlier version, so that what is derived from it is mended and not made anew.
// Kept beside the catalog, not in it: whoever comes without, as after a snapshot, makes everything anew.
import type { Catalog } from './catalog.ts'

/** Rows that are remembered, counted with every change; what is older is made anew. */
const MAX_ROWS = 20_000

/** What changed with each version after `since`, up to `until`. */
export type RowLog = {
  since: number
  until: number
  count: number
  readonly changes: { readonly version: number; readonly rows: readonly number[] }[]
}

const logs = new WeakMap<Catalog, RowLog>()

/** Takes the catalog to its next version, in which the records or marks of these rows, and of no others, are other ones. */
export function changeRows(catalog: Catalog, rows: readonly number[]): void {
  const log = logs.get(catalog) ?? newRowLog(catalog.version)
  logs.set(catalog, log)
  // Someone else counted the version up, and only they know why.
  if (log.until !== catalog.version) forgetRows(log, catalog.version)
  catalog.version++
  logRows(log, catalog.version, rows)
}

/** Rows that changed after a version, some more than once; undefined when that is not known any more. */
export function rowsChangedSince(catalog: Catalog, version: number): readonly number[] | undefined {
  if (version === catalog.version) return []
  const log = logs.get(catalog)
  return log?.until === catalog.version ? rowsSince(log, version) : undefined
}

export function newRowLog(version: number): RowLog {
  return { since: version, until: version, count: 0, changes: [] }
}

/** With `version`, the next one to be told of, these rows changed. */
export function logRows(log: RowLog, version: number, rows: readonly number[]): void {
  log.until = version
  log.changes.push({ version, rows })
  log.count += rows.length
  while (log.count > MAX_ROWS) {
    const oldest = log.changes.shift()
    log.count -= oldest?.rows.length ?? 0
    log.since = oldest?.version ?? version
  }
}

export function rowsSince({ since, changes }: RowLog, version: number): readonly number[] | undefined {
  if (version < since) return undefined
  const first = changes.findLastIndex((change) => change.version <= version) + 1
  const only = changes[first]
  if (only !== undefined && first === changes.length - 1) return only.rows
  return changes.slice(first).flatMap(({ rows }) => rows)
}

function forgetRows(log: RowLog, version: number): void {
  log.since = version
  log.until = version
  log.count = 0
  log.changes.length = 0
}
