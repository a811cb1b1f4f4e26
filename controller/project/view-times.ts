// How maintenance windows and freezes stand now (semantics.md §5): on how many devices, until when, and when next. One
// that is DeviceLocal stands differently on devices of different time zones, so it is asked for each zone there is.
import { membersOf } from '../fleet/collections.ts'
import { type BitPlane, countBits, eachBit, newPlane, unite } from '../model/bit-plane.ts'
import { DAY, type EpochMs, toRfc3339 } from '../model/instant.ts'
import { plural } from '../model/plural.ts'
import type { FreezeTimes, MaintenanceWindowTimes } from '../model/recurrence.ts'
import { DEVICE_LOCAL } from '../model/times.ts'
import { deviceZone } from '../rollout/targets.ts'
import { freezeOccasions, nextOpening, windowOccasions } from '../schedule/occasions.ts'
import { zoneOf } from '../schedule/recurrence.ts'
import type { StatusNote } from './conditions.ts'
import {
  compareText,
  declaredMetadata,
  declaredNames,
  declaredOf,
  instantText,
  type Seen,
  type Shown,
  viewOf,
} from './seen.ts'
import type { ViewOf } from './views.ts'

/** How far ahead the next freeze is looked for. */
const FREEZE_HORIZON_MS = 400 * DAY

export const windows: Shown<ViewOf['MaintenanceWindow']> = {
  names: (seen) => declaredNames(seen, 'MaintenanceWindow'),
  view(seen, name) {
    const object = declaredOf(seen, 'MaintenanceWindow', name)
    if (object === undefined) return undefined
    const { spec } = object
    const devices = devicesOf(seen, spec.collections)
    const zones = zonesAmong(seen, spec.schedule.timeZone, devices)
    const stands = zones.map((zone) => ({ ...zone, ...windowIn(spec, zone.zone, seen.now) }))
    const openOn = sum(stands.filter(({ until }) => until !== undefined))
    const doubtfulOn = sum(stands.filter(({ known }) => !known))
    const closes = least(stands.map(({ until }) => until))
    const opens = least(stands.map(({ next }) => next))
    // Without devices a fixed zone still says when it is open.
    const open = stands.some(({ until }) => until !== undefined)
    const status = {
      open,
      devices: countBits(devices),
      openOn,
      doubtfulOn,
      closes: instantText(closes),
      opens: instantText(opens),
    }
    const note: StatusNote = open
      ? {
          state: 'Ready',
          reason: 'Open',
          message: `open on ${plural(openOn, 'device')} until ${toRfc3339(closes ?? seen.now)}`,
        }
      : {
          state: 'Ready',
          reason: 'Closed',
          message:
            opens === undefined
              ? stands.length === 0
                ? 'no device is in its collections'
                : 'it does not open again'
              : `opens at ${toRfc3339(opens)}`,
        }
    const doubt =
      stands.length > 0 && stands.every(({ known }) => !known)
        ? [doubtNote(spec.schedule.timeZone, 'it counts as closed')]
        : []
    return viewOf(object.kind, declaredMetadata(object), spec, status, [
      ...missingCollections(seen, spec.collections),
      ...doubt,
      note,
    ])
  },
}

export const freezes: Shown<ViewOf['Freeze']> = {
  names: (seen) => declaredNames(seen, 'Freeze'),
  view(seen, name) {
    const object = declaredOf(seen, 'Freeze', name)
    if (object === undefined) return undefined
    const { spec } = object
    const timeZone = spec.schedule?.timeZone ?? spec.timeZone ?? 'UTC'
    const devices = spec.collections === undefined ? seen.state.fleet.present : devicesOf(seen, spec.collections)
    const zones = zonesAmong(seen, timeZone, devices)
    const stands = zones.map((zone) => ({ ...zone, ...freezeIn(spec, zone.zone, seen.now) }))
    const activeOn = sum(stands.filter(({ until }) => until !== undefined))
    const ends = greatest(stands.map(({ until }) => until))
    const begins = least(stands.map(({ next }) => next))
    const active = stands.some(({ until }) => until !== undefined)
    const until = ends !== undefined && Number.isFinite(ends) ? ends : undefined
    const status = {
      active,
      devices: countBits(devices),
      activeOn,
      ends: instantText(until),
      begins: instantText(begins),
    }
    const note: StatusNote = active
      ? {
          state: 'Ready',
          reason: 'Active',
          message: `holds on ${plural(activeOn, 'device')}${until === undefined ? '' : ` until ${toRfc3339(until)}`}: ${spec.reason}`,
          ...(until !== undefined && { until }),
        }
      : {
          state: 'Ready',
          reason: 'Inactive',
          message: begins === undefined ? 'over' : `begins at ${toRfc3339(begins)}`,
        }
    const doubt =
      stands.length > 0 && stands.every(({ known }) => !known) ? [doubtNote(timeZone, 'it always holds')] : []
    return viewOf(object.kind, declaredMetadata(object), spec, status, [
      ...missingCollections(seen, spec.collections ?? []),
      ...doubt,
      note,
    ])
  },
}

/** A note for each collection that is named and does not exist. */
export function missingCollections({ state }: Seen, names: readonly string[]): StatusNote[] {
  return names
    .filter((name) => membersOf(state.fleet, state.collections, name) === undefined)
    .map((name) => ({ state: 'Stalled', reason: 'CollectionNotFound', message: `there is no collection ${name}` }))
}

/** How it stands in one zone: until when it lasts, where it does now, and when it comes next. Not known: it cannot be worked out. */
type Stand = { readonly known: boolean; readonly until?: EpochMs | undefined; readonly next?: EpochMs | undefined }

function windowIn(times: MaintenanceWindowTimes, zone: string | undefined, now: EpochMs): Stand {
  const found = zone === undefined ? undefined : windowOccasions(times, zone, { from: now, until: now + 1 })
  if (zone === undefined || found === undefined) return { known: false }
  return { known: true, until: found[0]?.until, next: nextOpening(times, zone, now + 1) }
}

// Closed on doubt: a freeze that cannot be worked out holds.
function freezeIn(times: FreezeTimes, zone: string | undefined, now: EpochMs): Stand {
  const found =
    zone === undefined ? undefined : freezeOccasions(times, zone, { from: now, until: now + FREEZE_HORIZON_MS })
  if (found === undefined) return { known: false, until: Infinity }
  return {
    known: true,
    until: found.find(({ from }) => from <= now)?.until,
    next: found.find(({ from }) => from > now)?.from,
  }
}

function doubtNote(timeZone: string, meaning: string): StatusNote {
  const why =
    timeZone === DEVICE_LOCAL
      ? 'it is DeviceLocal, and no device of its collections has said a time zone that is known here'
      : `its times in time zone ${timeZone} cannot be worked out`
  return { state: 'Stalled', reason: 'CannotBeEvaluated', message: `${why}: ${meaning}` }
}

type ZoneDevices = { readonly zone: string | undefined; readonly devices: number }

function zonesAmong({ state }: Seen, timeZone: string, devices: BitPlane): ZoneDevices[] {
  if (timeZone !== DEVICE_LOCAL) return [{ zone: zoneOf({ timeZone }, undefined), devices: countBits(devices) }]
  const counts = new Map<string, number>()
  eachBit(devices, (row) => {
    const said = deviceZone(state.fleet, row) ?? ''
    counts.set(said, (counts.get(said) ?? 0) + 1)
  })
  return [...counts]
    .sort(([a], [b]) => compareText(a, b))
    .map(([said, count]) => ({ zone: zoneOf({ timeZone }, said), devices: count }))
}

function devicesOf({ state }: Seen, collections: readonly string[]): BitPlane {
  const devices = newPlane()
  for (const name of collections) {
    const members = membersOf(state.fleet, state.collections, name)
    if (members !== undefined) unite(devices, members)
  }
  return devices
}

function sum(zones: readonly ZoneDevices[]): number {
  return zones.reduce((total, { devices }) => total + devices, 0)
}

function least(instants: readonly (EpochMs | undefined)[]): EpochMs | undefined {
  return instants.filter((at) => at !== undefined).sort((a, b) => a - b)[0]
}

function greatest(instants: readonly (EpochMs | undefined)[]): EpochMs | undefined {
  return instants.filter((at) => at !== undefined).sort((a, b) => b - a)[0]
}
