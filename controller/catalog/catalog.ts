// The catalog as the state holds it: one row for each update, and marks on rows. Whatever can be computed from these
// (supersedence, postings, columns) is cached beside the catalog by its version, and rebuilt after a snapshot.
import { type BitPlane, clearBit, hasBit, newPlane, setBit } from '../model/bit-plane.ts'
import { RowIndex } from '../model/row-index.ts'
import type { Update, UpdateId, UpdateState } from '../model/update.ts'
import { changeRows } from './changes.ts'
import { supersededRows } from './supersedence.ts'

/** Plain data. A row is never freed: an update that vanishes from its feed stays, marked. */
export type Catalog = {
  /** Grows with every change; what is derived is good for one version. */
  version: number
  /** Row → id, and back. */
  ids: UpdateId[]
  rowOf: RowIndex
  /** Row → the record as its feed last gave it. */
  updates: Update[]
  /** Row → name of the source that the record came from. */
  sources: string[]
  /** Marks: expired by policy, declined by policy, no longer in the feed. */
  expired: BitPlane
  declined: BitPlane
  vanished: BitPlane
}

export function newCatalog(): Catalog {
  const ids: UpdateId[] = []
  return {
    version: 0,
    ids,
    rowOf: new RowIndex(ids),
    updates: [],
    sources: [],
    expired: newPlane(),
    declined: newPlane(),
    vanished: newPlane(),
  }
}

/** A copy whose marks and rows can be changed without touching the original; the records themselves are shared. */
export function copyCatalog(catalog: Catalog): Catalog {
  const ids = catalog.ids.slice()
  return {
    version: catalog.version,
    ids,
    rowOf: catalog.rowOf.copyFor(ids),
    updates: catalog.updates.slice(),
    sources: catalog.sources.slice(),
    expired: { words: catalog.expired.words.slice() },
    declined: { words: catalog.declined.words.slice() },
    vanished: { words: catalog.vanished.words.slice() },
  }
}

/** Adds updates, or replaces those with the same id; marks stay. */
export function putUpdates(catalog: Catalog, source: string, updates: readonly Update[]): void {
  if (updates.length === 0) return
  const rows = catalog.rowOf.rowsOf(updates.map(({ id }) => id))
  putRecords(catalog, updates, rows)
  putSources(catalog, source, rows)
  changeRows(catalog, rows)
}

// A row of −1 is for an update that is new, or comes a second time after it was.
function putRecords(catalog: Catalog, updates: readonly Update[], rows: number[]): void {
  for (let i = 0; i < rows.length; i++) {
    const update = updates[i]
    if (update === undefined) continue
    const known = rows[i] ?? -1
    const row = known >= 0 ? known : (catalog.rowOf.get(update.id) ?? newRow(catalog, update.id))
    catalog.updates[row] = update
    rows[i] = row
  }
}

function putSources({ sources }: Catalog, source: string, rows: readonly number[]): void {
  for (const row of rows) sources[row] = source
}

function newRow({ ids, rowOf }: Catalog, id: UpdateId): number {
  const row = ids.push(id) - 1
  rowOf.add(row)
  return row
}

/** Marks updates as expired or declined; `Normal` takes both marks away. Unknown ids are ignored. */
export function setStates(catalog: Catalog, ids: readonly UpdateId[], state: 'Expired' | 'Declined' | 'Normal'): void {
  markRows(catalog, ids, (row) => {
    if (state === 'Expired') setBit(catalog.expired, row)
    if (state === 'Declined') setBit(catalog.declined, row)
    if (state === 'Normal') {
      clearBit(catalog.expired, row)
      clearBit(catalog.declined, row)
    }
  })
}

/** Takes the mark `Declined` away, and leaves `Expired`. Unknown ids are ignored. */
export function reinstateUpdates(catalog: Catalog, ids: readonly UpdateId[]): void {
  markRows(catalog, ids, (row) => clearBit(catalog.declined, row))
}

/** Marks updates as gone from their feed, or as back. It has no effect on their state. */
export function markVanished(catalog: Catalog, ids: readonly UpdateId[], vanished: boolean): void {
  markRows(catalog, ids, (row) => (vanished ? setBit(catalog.vanished, row) : clearBit(catalog.vanished, row)))
}

function markRows(catalog: Catalog, ids: readonly UpdateId[], mark: (row: number) => void): void {
  const rows = ids.flatMap((id) => catalog.rowOf.get(id) ?? [])
  for (const row of rows) mark(row)
  if (ids.length > 0) changeRows(catalog, rows)
}

export function updateOf(catalog: Catalog, id: UpdateId): Update | undefined {
  const row = catalog.rowOf.get(id)
  return row === undefined ? undefined : catalog.updates[row]
}

/** What an update's state is in the end: Declined before Expired before MetadataOnly before Superseded (semantics.md §1). */
export function stateOf(catalog: Catalog, id: UpdateId): UpdateState | undefined {
  const row = catalog.rowOf.get(id)
  return row === undefined ? undefined : stateOfRow(catalog, row)
}

export function stateOfRow(catalog: Catalog, row: number): UpdateState {
  if (isDeclined(catalog, row)) return 'Declined'
  const said = catalog.updates[row]?.state
  if (said === 'Expired' || hasBit(catalog.expired, row)) return 'Expired'
  if (said === 'MetadataOnly') return 'MetadataOnly'
  if (hasBit(supersededRows(catalog), row)) return 'Superseded'
  return 'Normal'
}

function isDeclined(catalog: Catalog, row: number): boolean {
  return catalog.updates[row]?.state === 'Declined' || hasBit(catalog.declined, row)
}
