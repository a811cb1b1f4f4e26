// When superseded updates expire (semantics.md §1), by the policy of the source that they came from.
import { hasBit } from '../model/bit-plane.ts'
import type { EpochMs } from '../model/instant.ts'
import type { Classification, UpdateId } from '../model/update.ts'
import { type Catalog, stateOfRow } from './catalog.ts'
import { supersedenceOf } from './supersedence.ts'

/** At once, never, or whole months (1 to 99) after the release of the superseding update. */
export type ExpiryAfter = 'Never' | 'Immediately' | number

/** `feature` is for upgrades and feature packs, `nonFeature` for all others but definition updates, which never expire so. */
export type SupersedencePolicy = { readonly feature: ExpiryAfter; readonly nonFeature: ExpiryAfter }

/**
 * Updates that are due to expire at `now`, in order of id, and the next instant at which one will be. Months are calendar months in UTC,
 * and count from the earliest release among the updates that supersede it, however distantly. A source without a policy expires nothing.
 */
export function planExpiry(
  catalog: Catalog,
  policies: ReadonlyMap<string, SupersedencePolicy>,
  now: EpochMs,
): { expire: UpdateId[]; next: EpochMs | undefined } {
  const { supersededBy } = supersedenceOf(catalog)
  const expire: UpdateId[] = []
  let next: EpochMs | undefined
  const dueAt = newDueAt()
  for (const [row, update] of catalog.updates.entries()) {
    const superseder = catalog.updates[supersededBy[row] ?? -1]
    const policy = policies.get(catalog.sources[row] ?? '')
    if (superseder === undefined || policy === undefined || stateOfRow(catalog, row) === 'Expired') continue
    const due = dueAt(superseder.released, expiryOf(policy, update.classification))
    if (due === undefined || hasBit(catalog.expired, row)) continue
    if (due <= now) expire.push(update.id)
    else next = Math.min(due, next ?? due)
  }
  return { expire: expire.sort(), next }
}

function expiryOf(policy: SupersedencePolicy, classification: Classification): ExpiryAfter {
  if (classification === 'Definition Updates') return 'Never'
  return classification === 'Upgrades' || classification === 'Feature Packs' ? policy.feature : policy.nonFeature
}

// Many updates share a release and a policy, and calendar arithmetic is slow.
function newDueAt(): (released: EpochMs, after: ExpiryAfter) => EpochMs | undefined {
  const known = new Map<string, EpochMs>()
  return (released, after) => {
    if (after === 'Never') return undefined
    if (after === 'Immediately') return released
    const key = `${released} ${after}`
    const due = known.get(key) ?? addMonths(released, after)
    known.set(key, due)
    return due
  }
}

function addMonths(at: EpochMs, months: number): EpochMs {
  return Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO('UTC').add({ months }).epochMilliseconds
}
