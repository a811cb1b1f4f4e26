// How update sources, updates, groups and holds stand (semantics.md §1, §3, §7).
import { type Catalog, stateOf, updateOf } from '../catalog/catalog.ts'
import { compareUpdates } from '../catalog/criteria.ts'
import { supersedenceOf } from '../catalog/supersedence.ts'
import { counts } from '../fleet/compliance.ts'
import { hasBit } from '../model/bit-plane.ts'
import { toRfc3339 } from '../model/instant.ts'
import { plural } from '../model/plural.ts'
import type { RowIndex } from '../model/row-index.ts'
import { UpdateId, type UpdateState } from '../model/update.ts'
import type { RolloutRecord } from '../rollout/control.ts'
import { heldEverywhere } from '../rollout/evidence.ts'
import type { FeedRecord } from '../rollout/world.ts'
import { lengthOf } from '../schedule/occasions.ts'
import { notesOn, type StatusNote } from './conditions.ts'
import {
  compareText,
  declaredMetadata,
  declaredNames,
  declaredOf,
  instantText,
  madeMetadata,
  plainMetadata,
  type Seen,
  type Shown,
  viewOf,
} from './seen.ts'
import { missingCollections } from './view-times.ts'
import type { GroupStatus, ViewOf } from './views.ts'

export const sources: Shown<ViewOf['UpdateSource']> = {
  names: (seen) => declaredNames(seen, 'UpdateSource'),
  view(seen, name) {
    const object = declaredOf(seen, 'UpdateSource', name)
    if (object === undefined) return undefined
    const feed = seen.state.feeds.get(name)
    const suspended = object.spec.suspend === true
    const interval = lengthOf(object.spec.interval)
    const next = suspended || feed === undefined || interval === undefined ? undefined : feed.triedAt + interval
    const status = {
      lastSync: instantText(feed?.syncedAt),
      lastTry: instantText(feed?.triedAt),
      nextSync: instantText(next),
      updates: seen.state.catalog.sources.filter((source) => source === name).length,
      setAside: feed?.setAside ?? [],
      setAsideTotal: feed?.setAsideTotal ?? 0,
      notes: [...(feed?.notes ?? []), ...cycleNotes(seen.state.catalog, name)],
    }
    const note = suspended
      ? ({ state: 'Waiting', reason: 'Suspended', message: 'suspend is true: it is not synchronised' } as const)
      : syncNote(feed, next)
    return viewOf(object.kind, declaredMetadata(object), object.spec, status, [note])
  },
}

const MAX_CYCLE_NOTES = 20

// A cycle is a fault of the feeds of its updates; those that are listed tell which they are.
function cycleNotes(catalog: Catalog, source: string): string[] {
  const { cycles } = supersedenceOf(catalog)
  const ours = cycles.filter(({ ids }) => ids.some((id) => catalog.sources[catalog.rowOf.get(id) ?? -1] === source))
  const notes = ours.slice(0, MAX_CYCLE_NOTES).map(({ ids, size }) => {
    const more = size > ids.length ? ` and ${size - ids.length} more` : ''
    return size === 1
      ? `update ${ids[0]} supersedes itself: this is ignored`
      : `updates ${ids.join(', ')}${more} supersede each other in a circle: only newer ones supersede older ones of them`
  })
  return ours.length > notes.length ? [...notes, `${ours.length - notes.length} more circles of supersedence`] : notes
}

function syncNote(feed: FeedRecord | undefined, next: number | undefined): StatusNote {
  const until = next === undefined ? {} : { until: next }
  if (feed === undefined || (feed.syncedAt === undefined && feed.failure === undefined))
    return { state: 'Waiting', reason: 'NotSyncedYet', message: 'it has not been synchronised yet' }
  if (feed.failure !== undefined) return { state: 'Waiting', reason: 'SyncFailed', message: feed.failure, ...until }
  const aside = feed.setAsideTotal === 0 ? '' : `; ${plural(feed.setAsideTotal, 'record')} set aside`
  return {
    state: 'Ready',
    reason: 'Synced',
    message: `synchronised at ${toRfc3339(feed.syncedAt ?? feed.triedAt)}${aside}`,
  }
}

/** Newest first. */
export const updates: Shown<ViewOf['Update']> = {
  names: ({ state }) => state.catalog.updates.toSorted((a, b) => compareUpdates(b, a)).map(({ id }) => id),
  view({ state }, name) {
    const { catalog } = state
    const id = knownUpdate(state.catalog.rowOf, name)
    const row = id === undefined ? undefined : catalog.rowOf.get(id)
    const update = row === undefined ? undefined : catalog.updates[row]
    if (row === undefined || update === undefined) return undefined
    const { id: _, released, revised, ...rest } = update
    const spec = { ...rest, released: toRfc3339(released), revised: instantText(revised) }
    const said = counts(state.compliance, update.id)
    const supersededBy = catalog.ids[supersedenceOf(catalog).supersededBy[row] ?? -1]
    const holds = [...state.control.holds].filter(([, hold]) => hold.updates.includes(update.id))
    const status = {
      state: stateOf(catalog, update.id) ?? 'Normal',
      supersededBy,
      source: catalog.sources[row] ?? '',
      vanished: hasBit(catalog.vanished, row),
      required: said.required,
      installed: said.installed,
      notRequired: said.notRequired,
      failed: state.compliance.failed.get(update.id)?.count ?? 0,
      heldBy: holds.map(([hold]) => hold).sort(),
      rollouts: rolloutsOf(state.control.rollouts, update.id),
    }
    return viewOf('Update', plainMetadata(update.id), spec, status, [stateNote(status.state, supersededBy)])
  },
}

function stateNote(state: UpdateState, supersededBy: UpdateId | undefined): StatusNote {
  const by = supersededBy === undefined ? '' : ` by ${supersededBy}`
  switch (state) {
    case 'Normal':
      return { state: 'Ready', reason: 'InCatalog', message: 'it can be deployed' }
    case 'Superseded':
      return { state: 'Ready', reason: 'Superseded', message: `superseded${by}; it can still be deployed` }
    case 'Expired':
      return {
        state: 'Stalled',
        reason: 'Expired',
        message: `expired${by === '' ? '' : `, superseded${by}`}: it is not deployed`,
      }
    case 'Declined':
      return { state: 'Stalled', reason: 'Declined', message: 'declined: it is never offered' }
    case 'MetadataOnly':
      return { state: 'Stalled', reason: 'MetadataOnly', message: 'it has no content and cannot be deployed' }
  }
}

/** Declared groups, and those that rules made. */
export const groups: Shown<ViewOf['SoftwareUpdateGroup']> = {
  names: (seen) => {
    const made = [...seen.state.control.rollouts.values()].map(({ group }) => group)
    return [...new Set([...declaredNames(seen, 'SoftwareUpdateGroup'), ...made])]
      .filter((name) => groupUpdates(seen, name) !== undefined)
      .sort()
  },
  view(seen, name) {
    const object = declaredOf(seen, 'SoftwareUpdateGroup', name)
    const made = newestMade(seen, name)
    const ids = groupUpdates(seen, name)
    if (ids === undefined) return undefined
    const using = [...seen.state.control.rollouts.values()].filter(({ group }) => group === name)
    const status: GroupStatus = {
      ...countStates(seen, ids),
      rule: object === undefined ? made?.rule : undefined,
      rollouts: using.map((rollout) => rollout.name).sort(),
    }
    const unwanted = status.expired + status.declined + status.held + status.unknown
    const contents = `${plural(status.updates, 'update')}, ${unwanted} of them held, expired, declined or unknown`
    const note: StatusNote =
      unwanted >= status.updates
        ? { state: 'Stalled', reason: 'AllUpdatesWithdrawn', message: 'none of its updates can be deployed' }
        : { state: 'Ready', reason: object === undefined ? 'Matched' : 'Declared', message: contents }
    const spec = object?.spec ?? { updates: [...ids] }
    const metadata =
      object !== undefined
        ? declaredMetadata(object)
        : made === undefined
          ? plainMetadata(name)
          : madeMetadata(name, made.provenance)
    return viewOf('SoftwareUpdateGroup', metadata, spec, status, [note])
  },
}

/** A group's content: a declared group before one that a rule made, as rollouts see it. */
export function groupUpdates(seen: Seen, name: string): readonly UpdateId[] | undefined {
  return declaredOf(seen, 'SoftwareUpdateGroup', name)?.spec.updates ?? newestMade(seen, name)?.updates
}

function newestMade({ state }: Seen, group: string): RolloutRecord | undefined {
  return [...state.control.rollouts.values()]
    .filter((rollout) => rollout.rule !== undefined && rollout.group === group)
    .sort((a, b) => b.plannedAt - a.plannedAt || compareText(a.name, b.name))[0]
}

function countStates({ state }: Seen, ids: readonly UpdateId[]) {
  const held = heldEverywhere(state.control)
  const states = ids.map((id) => stateOf(state.catalog, id))
  const among = (wanted: UpdateState) => states.filter((found) => found === wanted).length
  const deployable = (id: UpdateId, i: number) => held.has(id) && (states[i] === 'Normal' || states[i] === 'Superseded')
  return {
    updates: ids.length,
    superseded: among('Superseded'),
    expired: among('Expired'),
    declined: among('Declined'),
    held: ids.filter(deployable).length,
    unknown: states.filter((found) => found === undefined).length,
  }
}

export const holds: Shown<ViewOf['UpdateHold']> = {
  names: (seen) => declaredNames(seen, 'UpdateHold'),
  view(seen, name) {
    const object = declaredOf(seen, 'UpdateHold', name)
    if (object === undefined) return undefined
    const record = seen.state.control.holds.get(name)
    const updates = record?.updates ?? object.spec.updates ?? []
    const status = {
      active: record !== undefined,
      updates: updates.length,
      known: updates.filter((id) => updateOf(seen.state.catalog, id) !== undefined).length,
      until: object.spec.until,
    }
    const over = object.spec.until !== undefined && Date.parse(object.spec.until) <= seen.now
    const said = notesOn(seen.notes, 'UpdateHold', name)
    const notes: readonly StatusNote[] = over
      ? [{ state: 'Ready', reason: 'HoldEnded', message: `it ran out at ${object.spec.until}` }]
      : [...missingCollections(seen, object.spec.collections ?? []), ...said]
    return viewOf(object.kind, declaredMetadata(object), object.spec, status, notes)
  },
}

/** The id in a text that comes from outside, where the catalog has it. */
export function knownUpdate(rowOf: RowIndex, text: string): UpdateId | undefined {
  const id = UpdateId.safeParse(text)
  return id.success && rowOf.has(id.data) ? id.data : undefined
}

function rolloutsOf(rollouts: ReadonlyMap<string, RolloutRecord>, id: UpdateId): string[] {
  return [...rollouts.values()]
    .filter((rollout) => rollout.updates.includes(id))
    .map(({ name }) => name)
    .sort()
}
