// Which rows of a catalog changed since an earlier version, so that what is derived from it is mended and not made anew.
// Kept beside the catalog, not in it: whoever comes without, as after a snapshot, makes everything anew.
import type { Catalog } from './catalog.ts'

/** Rows that are remembered, counted with every change; what is older is made anew. */
const MAX_ROWS = 20_000

type Change = { readonly version: number; readonly rows: readonly number[] }
type Log = { since: number; count: number; readonly changes: Change[] }

const logs = new WeakMap<Catalog, Log>()

/** Takes the catalog to its next version, in which the records or marks of these rows, and of no others, are other ones. */
export function changeRows(catalog: Catalog, rows: readonly number[]): void {
  const log = logs.get(catalog) ?? { since: catalog.version, count: 0, changes: [] }
  logs.set(catalog, log)
  // Someone else counted the version up, and only they know why.
  if (lastVersion(log) !== catalog.version) forget(log, catalog.version)
  catalog.version++
  log.changes.push({ version: catalog.version, rows })
  log.count += rows.length
  while (log.count > MAX_ROWS) {
    const oldest = log.changes.shift()
    log.count -= oldest?.rows.length ?? 0
    log.since = oldest?.version ?? catalog.version
  }
}

/** Rows that changed after a version, some more than once; undefined when that is not known any more. */
export function rowsChangedSince(catalog: Catalog, version: number): readonly number[] | undefined {
  const log = logs.get(catalog)
  if (log === undefined || version < log.since || lastVersion(log) !== catalog.version) return undefined
  return log.changes.flatMap((change) => (change.version > version ? change.rows : []))
}

function lastVersion({ since, changes }: Log): number {
  return changes.at(-1)?.version ?? since
}

function forget(log: Log, version: number): void {
  log.since = version
  log.count = 0
  log.changes.length = 0
}
