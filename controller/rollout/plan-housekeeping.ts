// What time alone does to the world: devices fall silent (semantics.md §8), superseded updates expire (§1).
import { planExpiry, type SupersedencePolicy } from '../catalog/expiry.ts'
import { oldestReportAfter, staleRows } from '../fleet/fleet.ts'
import { encodePlane, planeOf } from '../model/bit-plane.ts'
import type { EpochMs } from '../model/instant.ts'
import { type Draft, emit, markStaleInDraft, wakeAt } from './draft.ts'
import { unapproveSome } from './unapprove.ts'
import type { World } from './world.ts'

export function planStaleDevices(draft: Draft): void {
  const { fleet, settings } = draft.world
  const silentSince = draft.now - settings.staleAfterMs
  const rows = staleRows(fleet, silentSince)
  if (rows.length > 0) {
    emit(draft, {
      type: 'DevicesStale',
      targets: encodePlane(planeOf(rows)),
      devices: rows.length,
      reason: 'Silent',
      message: `${rows.length} devices have not reported for ${Math.round(settings.staleAfterMs / 3_600_000)} hours and count as unknown`,
    })
    markStaleInDraft(draft, rows)
  }
  const next = oldestReportAfter(fleet, silentSince)
  if (next !== undefined) wakeAt(draft, next + settings.staleAfterMs)
}

export function planExpiredUpdates(draft: Draft): void {
  const { expire, next } = expiryAt(draft.world, draft.now)
  wakeAt(draft, next)
  if (expire.length === 0) return
  const message = `${expire.length} updates were superseded long enough ago to expire`
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
