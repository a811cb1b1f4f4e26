// From what a feed says to what changes in the catalog (semantics.md §1): incremental, idempotent, and whole in spite of
// single bad records.
import { hasBit } from '../model/bit-plane.ts'
import type { Criteria } from '../model/criteria.ts'
import type { EpochMs } from '../model/instant.ts'
import type { Update, UpdateId } from '../model/update.ts'
import { type Catalog, copyCatalog, markVanished, putUpdates, reinstateUpdates, setStates } from './catalog.ts'
import { planDeclines } from './declines.ts'
import type { FeedRecord, FeedResult, SetAside } from './feeds/feed-result.ts'

/** Conflicts, and records set aside, that a plan lists; what is beyond is counted. */
export const MAX_LISTED = 200

/** Of the source that is synced. `requiredCount` and `isDeployed` serve declines that ask for them; without them both are none. */
export type SyncPolicy = {
  readonly source: string
  /** An update that matches any of these is declined. Without `superseded` in them, superseded updates match too. */
  readonly declines?: readonly Criteria[]
  readonly requiredCount?: (id: UpdateId) => number
  readonly isDeployed?: (id: UpdateId) => boolean
  /** Whether another source is declared no more. Its updates go to the next source that has them. Without it none is gone. */
  readonly isGone?: (source: string) => boolean
}

/** The part of a plan that changes the catalog; all lists in order of id. */
export type SyncChange = {
  /** New or changed. */
  readonly upserts: readonly Update[]
  readonly declined: readonly UpdateId[]
  readonly reinstated: readonly UpdateId[]
  /** No longer in the feed, and back in it. */
  readonly vanished: readonly UpdateId[]
  readonly returned: readonly UpdateId[]
}

export type SyncConflict = {
  readonly id: UpdateId
  /** Positions in the feed, or "catalog". */
  readonly kept: string
  readonly dropped: string
  readonly message: string
}

export type SyncPlan = SyncChange & {
  readonly setAside: readonly SetAside[]
  readonly setAsideTotal: number
  readonly conflicts: readonly SyncConflict[]
  readonly conflictTotal: number
  /** Records that repeat another one word for word. */
  readonly merged: number
  readonly unchanged: number
  /** Records whose release or revision is still to come. */
  readonly unreleased: number
  /** When the first of those comes. */
  readonly nextRelease: EpochMs | undefined
}

/** What to change so that the catalog says what the feed says. Planning again on the changed catalog changes nothing. */
export function planSync(catalog: Catalog, feed: FeedResult, policy: SyncPolicy, now: EpochMs): SyncPlan {
  const { latest, seen, merged, conflicts, unreleased, nextRelease } = readLatest(feed.records, now)
  const upserts: Update[] = []
  let unchanged = 0
  for (const record of latest) {
    const verdict = compareWithCatalog(catalog, record, policy)
    if (verdict === 'Upsert') upserts.push(record.update)
    else if (verdict === 'Unchanged') unchanged++
    else conflicts.push(verdict)
  }
  upserts.sort(byId)
  conflicts.sort((a, b) => byText(a.id, b.id) || byText(a.kept, b.kept) || byText(a.dropped, b.dropped))
  return {
    upserts,
    ...declinesAfter(catalog, upserts, policy, now),
    ...planVanished(catalog, policy, seen, feed.setAsideTotal === 0),
    setAside: feed.setAside.slice(0, MAX_LISTED),
    setAsideTotal: feed.setAsideTotal,
    conflicts: conflicts.slice(0, MAX_LISTED),
    conflictTotal: conflicts.length,
    merged,
    unchanged,
    unreleased,
    nextRelease,
  }
}

export function changesCatalog(change: SyncChange): boolean {
  const { upserts, declined, reinstated, vanished, returned } = change
  return upserts.length + declined.length + reinstated.length + vanished.length + returned.length > 0
}

/** What the fold does with a sync. */
export function applySync(catalog: Catalog, source: string, change: SyncChange): void {
  putUpdates(catalog, source, change.upserts)
  setStates(catalog, change.declined, 'Declined')
  reinstateUpdates(catalog, change.reinstated)
  markVanished(catalog, change.vanished, true)
  markVanished(catalog, change.returned, false)
}

type Latest = {
  latest: FeedRecord[]
  seen: Set<UpdateId>
  merged: number
  conflicts: SyncConflict[]
  unreleased: number
  nextRelease: EpochMs | undefined
}

// One record for each id: the same whichever comes first in the feed.
function readLatest(records: readonly FeedRecord[], now: EpochMs): Latest {
  const seen = new Set<UpdateId>()
  const groups = new Map<UpdateId, FeedRecord[]>()
  let unreleased = 0
  let nextRelease: EpochMs | undefined
  for (const record of records) {
    const { id, released, revised } = record.update
    seen.add(id)
    const published = Math.max(released, revised ?? released)
    if (published > now) {
      unreleased++
      nextRelease = Math.min(published, nextRelease ?? published)
      continue
    }
    const group = groups.get(id)
    if (group) group.push(record)
    else groups.set(id, [record])
  }
  const latest: FeedRecord[] = []
  const conflicts: SyncConflict[] = []
  let merged = 0
  for (const group of groups.values()) {
    const [best, ...others] = distinct(group)
    if (best === undefined) continue
    latest.push(best)
    merged += group.length - others.length - 1
    for (const other of others) conflicts.push(describeConflict(best, other))
  }
  return { latest, seen, merged, conflicts, unreleased, nextRelease }
}

// Best first: revision, then the later revised; where even that is equal the choice is arbitrary, and always the same.
function distinct(group: FeedRecord[]): FeedRecord[] {
  if (group.length < 2) return group
  const keyed = group.map((record) => ({ record, json: canonicalJson(record.update) }))
  keyed.sort(
    ({ record: a, json }, { record: b, json: other }) =>
      b.update.revision - a.update.revision ||
      (b.update.revised ?? b.update.released) - (a.update.revised ?? a.update.released) ||
      byText(other, json) ||
      byText(a.position, b.position),
  )
  return keyed.filter(({ json }, i) => json !== keyed[i - 1]?.json).map(({ record }) => record)
}

function describeConflict(kept: FeedRecord, dropped: FeedRecord): SyncConflict {
  const { id, revision } = kept.update
  const message =
    revision === dropped.update.revision
      ? `the feed holds revision ${revision} of ${id} with different contents`
      : `the feed holds ${id} in revisions ${dropped.update.revision} and ${revision}; the higher one is kept`
  return { id, kept: kept.position, dropped: dropped.position, message }
}

// A source may change its own record without a new revision; another source's record has to bring a higher one, or two
// sources would overwrite each other for ever.
function compareWithCatalog(
  catalog: Catalog,
  record: FeedRecord,
  { source, isGone }: SyncPolicy,
): 'Upsert' | 'Unchanged' | SyncConflict {
  const { update, position } = record
  const row = catalog.rowOf.get(update.id)
  const held = row === undefined ? undefined : catalog.updates[row]
  if (row === undefined || held === undefined || update.revision > held.revision) return 'Upsert'
  const owner = catalog.sources[row] ?? ''
  if (update.revision === held.revision && owner !== source && isGone?.(owner)) return 'Upsert'
  if (sameJson(held, update)) return 'Unchanged'
  if (update.revision === held.revision && owner === source) return 'Upsert'
  const message =
    update.revision < held.revision
      ? `revision ${update.revision} of ${update.id} is older than revision ${held.revision} in the catalog, and is ignored`
      : `revision ${update.revision} of ${update.id} has other contents in source ${owner}, which gave it first`
  return { id: update.id, kept: 'catalog', dropped: position, message }
}

function declinesAfter(
  catalog: Catalog,
  upserts: readonly Update[],
  policy: SyncPolicy,
  now: EpochMs,
): { declined: UpdateId[]; reinstated: UpdateId[] } {
  const context = {
    now,
    requiredCount: policy.requiredCount ?? (() => 0),
    isDeployed: policy.isDeployed ?? (() => false),
  }
  const declines = policy.declines ?? []
  if (declines.length === 0 || upserts.length === 0) return planDeclines(catalog, policy.source, declines, context)
  const after = copyCatalog(catalog)
  putUpdates(after, policy.source, upserts)
  return planDeclines(after, policy.source, declines, context)
}

// With records set aside, what is missing may just be unreadable.
function planVanished(
  catalog: Catalog,
  { source, isGone }: SyncPolicy,
  seen: ReadonlySet<UpdateId>,
  complete: boolean,
): { vanished: UpdateId[]; returned: UpdateId[] } {
  const vanished: UpdateId[] = []
  const returned: UpdateId[] = []
  for (const [row, id] of catalog.ids.entries()) {
    const owner = catalog.sources[row] ?? ''
    const taken = owner !== source && seen.has(id) && isGone?.(owner)
    if (owner !== source && !taken) continue
    const marked = hasBit(catalog.vanished, row)
    if (marked && seen.has(id)) returned.push(id)
    if (!marked && !seen.has(id) && complete) vanished.push(id)
  }
  return { vanished: vanished.sort(byText), returned: returned.sort(byText) }
}

function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, i) => sameJson(item, b[i]))
  const first = Object.entries(a)
  const second = new Map(Object.entries(b))
  return (
    first.length === second.size && first.every(([key, value]) => second.has(key) && sameJson(value, second.get(key)))
  )
}

function canonicalJson(update: Update): string {
  return JSON.stringify(Object.entries(update).sort(([a], [b]) => byText(a, b)))
}

function byId(a: Update, b: Update): number {
  return byText(a.id, b.id)
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
