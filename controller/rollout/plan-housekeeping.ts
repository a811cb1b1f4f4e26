// What time alone does to the world: devices fall silent (semantics.md §8), superseded updates expire (§1).
import { planExpiry, type SupersedencePolicy } from '../catalog/expiry.ts'
import { oldestReportAfter, staleRows } from '../fleet/fleet.ts'
import { planeOf } from '../model/bit-plane.ts'
import { type EpochMs, HOUR } from '../model/instant.ts'
import { encodePlane } from '../model/plane-text.ts'
import { plural } from '../model/plural.ts'
import { type Draft, emit, markStaleInDraft, wakeAt } from './draft.ts'
import { unapproveSome } from './unapprove.ts'
import type { World } from './world.ts'

// On the hour: devices that were switched off one after the other are one decision, not one each.
export function planStaleDevices(draft: Draft): void {
  const { fleet, settings } = draft.world
  const silentSince = Math.floor(draft.now / HOUR) * HOUR - settings.staleAfterMs
  const rows = staleRows(fleet, silentSince)
  if (rows.length > 0) {
    emit(draft, {
      type: 'DevicesStale',
      targets: encodePlane(planeOf(rows)),
      devices: rows.length,
      reason: 'Silent',
      message: `${plural(rows.length, 'device')} silent for ${Math.round(settings.staleAfterMs / HOUR)} hours: unknown from now on`,
    })
    markStaleInDraft(draft, rows)
  }
  const next = oldestReportAfter(fleet, silentSince)
  if (next !== undefined) wakeAt(draft, Math.ceil((next + settings.staleAfterMs) / HOUR) * HOUR)
}

export function planExpiredUpdates(draft: Draft): void {
  const { expire, next } = expiryAt(draft.world, draft.now)
  wakeAt(draft, next)
  if (expire.length === 0) return
  const message = `${plural(expire.length, 'update')} superseded long enough ago to expire`
  emit(draft, { type: 'UpdatesExpired', expired: expire, updates: expire.length, reason: 'Expired', message })
  unapproveSome(draft, expire, 'Expired', message)
}

type Expiry = ReturnType<typeof planExpiry>

// Looking through the whole catalog is only worth it when it, a policy or the day has changed.
const expiries = new WeakMap<World['catalog'], { readonly key: string; readonly plan: Expiry }>()

function expiryAt(world: World, now: EpochMs): Expiry {
  const policies = policiesOf(world)
  const key = `${world.catalog.version} ${JSON.stringify([...policies])}`
  const known = expiries.get(world.catalog)
  if (known?.key === key && known.plan.expire.length === 0 && now < (known.plan.next ?? Infinity)) return known.plan
  const plan = planExpiry(world.catalog, policies, now)
  expiries.set(world.catalog, { key, plan })
  return plan
}

function policiesOf(world: World): Map<string, SupersedencePolicy> {
  const policies = new Map<string, SupersedencePolicy>()
  for (const name of [...world.objects.UpdateSource.keys()].sort()) {
    const source = world.objects.UpdateSource.get(name)
    if (source?.kind === 'UpdateSource' && source.spec.supersedence) policies.set(name, source.spec.supersedence)
  }
  return policies
}
