// How collections and devices stand (semantics.md §2, §8).
import { collectionsOf, membersOf } from '../fleet/collections.ts'
import { enforcementsOf } from '../fleet/compliance.ts'
import { attributesOf } from '../fleet/fleet.ts'
import { countBits, countShared, hasBit, newPlane } from '../model/bit-plane.ts'
import { byName } from '../model/by-name.ts'
import { toRfc3339 } from '../model/instant.ts'
import { ALL_DEVICES } from '../model/membership.ts'
import { plural } from '../model/plural.ts'
import { isFailure } from '../model/report.ts'
import { type Offer, offersFor } from '../rollout/offers.ts'
import type { StatusNote } from './conditions.ts'
import { meaningOfCode } from './error-codes.ts'
import { declaredMetadata, declaredNames, declaredOf, plainMetadata, type Shown, viewOf } from './seen.ts'
import { deploymentNamed } from './view-rollouts.ts'
import type { DeviceStatus, ViewOf } from './views.ts'

export const collections: Shown<ViewOf['Collection']> = {
  names: (seen) => [...new Set([ALL_DEVICES, ...declaredNames(seen, 'Collection')])].sort(),
  view(seen, name) {
    const { fleet, collections: compiled } = seen.state
    const object = declaredOf(seen, 'Collection', name)
    if (object === undefined && name !== ALL_DEVICES) return undefined
    const members = membersOf(fleet, compiled, name) ?? newPlane()
    const status = { devices: countBits(members), stale: countShared(members, fleet.stale) }
    const told: StatusNote = {
      state: 'Ready',
      reason: object === undefined ? 'BuiltIn' : 'InUse',
      message: `${plural(status.devices, 'device')}, ${status.stale} of them silent`,
    }
    const errors = compiled.errors.filter(({ collection }) => collection === name)
    const broken = compiled.broken.includes(name)
      ? [
          {
            state: 'Stalled',
            reason: 'BrokenReference',
            message: errors.map(({ message }) => message).join('; '),
          } as const,
        ]
      : []
    return object === undefined
      ? viewOf('Collection', plainMetadata(name), { description: 'Every enrolled device (built in).' }, status, [told])
      : viewOf(object.kind, declaredMetadata(object), object.spec, status, [...broken, told])
  },
}

/** Failures listed for one device. */
const MAX_FAILURES = 50

/** Deployments listed for one device. */
const MAX_DEPLOYMENTS = 100

export const devices: Shown<ViewOf['Device']> = {
  names: ({ state }) => state.fleet.ids.filter((_, row) => hasBit(state.fleet.present, row)).sort(),
  view({ state }, name) {
    const { fleet } = state
    const row = fleet.rowOf.get(name)
    if (row === undefined || !hasBit(fleet.present, row)) return undefined
    const stale = hasBit(fleet.stale, row)
    const lastReport = toRfc3339(fleet.lastReport[row] ?? 0)
    const failed = enforcementsOf(state.compliance, row)
      .filter((record) => isFailure(record.state))
      .slice(0, MAX_FAILURES)
      .map(({ update, code }) => ({ update, code, meaning: meaningOfCode(code) }))
    const installs = offersFor(state, row).offers.filter(({ action }) => action === 'Install')
    const open = installs.filter(({ status }) => (status & 1) === 0)
    const note: StatusNote = stale
      ? {
          state: 'Waiting',
          reason: 'Silent',
          message: `silent since ${lastReport}: it counts as unknown until it reports`,
        }
      : { state: 'Ready', reason: 'Reporting', message: `last report ${lastReport}` }
    return viewOf(
      'Device',
      plainMetadata(name),
      { attributes: attributesOf(fleet, row) },
      {
        lastReport,
        stale,
        collections: collectionsOf(fleet, state.collections, row),
        open: open.length,
        failed,
        deployments: deploymentsOf(installs, stale),
      },
      [note],
    )
  },
}

// One update that is required makes the deployment so; one of which nothing is known leaves it open.
function deploymentsOf(installs: readonly Offer[], stale: boolean): DeviceStatus['deployments'] {
  const found = new Map<string, DeviceStatus['deployments'][number]['compliance']>()
  for (const { status, approvals } of installs)
    for (const { rollout, phase } of approvals) {
      const name = deploymentNamed(rollout, phase)
      const before = found.get(name) ?? 'Compliant'
      const said = stale || status === 0 ? 'Unknown' : status === 2 ? 'NonCompliant' : 'Compliant'
      found.set(name, before === 'NonCompliant' || said === 'Compliant' ? before : said)
    }
  return [...found]
    .map(([name, compliance]) => ({ name, compliance }))
    .sort(byName)
    .slice(0, MAX_DEPLOYMENTS)
}
