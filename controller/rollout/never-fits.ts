// Updates that fit no maintenance window of the devices they are for (semantics.md §5), counted over a phase's devices
// before they are approved and while they are: what one sees of NeverFits without asking for each device.
import { updateOf } from '../catalog/catalog.ts'
import { membersOf } from '../fleet/collections.ts'
import { valueAt } from '../fleet/column.ts'
import type { Fleet } from '../fleet/fleet.ts'
import { type BitPlane, countBits, eachBit, hasBit, newPlane, setBit, unite } from '../model/bit-plane.ts'
import { byName } from '../model/by-name.ts'
import { DAY, type EpochMs, MINUTE } from '../model/instant.ts'
import type { MaintenanceWindowTimes } from '../model/recurrence.ts'
import { DEVICE_LOCAL } from '../model/times.ts'
import type { UpdateId } from '../model/update.ts'
import { lengthOf, nextOpening } from '../schedule/occasions.ts'
import { zoneOf } from '../schedule/recurrence.ts'
import {
  applicableWindows,
  longestWindowMinutes,
  RESTART_RESERVE_MINUTES,
  WINDOW_HORIZON_MS,
  type WindowInput,
} from '../schedule/windows.ts'
import { TIME_ZONE_ATTRIBUTE } from './targets.ts'
import type { World } from './world.ts'

/** So many of the updates fit no window of so many devices; with `atLeast`, there may be more. */
export type Misfits = { readonly updates: number; readonly devices: number; readonly atLeast: boolean }

/** What of a deployment decides whether an update fits. */
type Terms = {
  readonly outsideWindow: { readonly install: boolean }
  readonly useAllDeploymentsWindows: boolean
}

/**
 * Of `updates`, those that fit no window of some device in `targets` that has not said that it is done with them; the same
 * answer as in the policies of these devices. Undefined when everything fits.
 */
export function misfitsOf(
  world: World,
  terms: Terms,
  targets: BitPlane,
  updates: readonly UpdateId[],
  now: EpochMs,
): Misfits | undefined {
  if (terms.outsideWindow.install || world.objects.MaintenanceWindow.size === 0) return undefined
  const needs = updates
    .flatMap((id) => {
      const update = updateOf(world.catalog, id)
      return update === undefined ? [] : [{ id, minutes: update.maxRunTimeMinutes + RESTART_RESERVE_MINUTES }]
    })
    .sort((a, b) => a.minutes - b.minutes)
  const most = needs.at(-1)?.minutes
  if (most === undefined || everyWindowHasRoom(world, most, now)) return undefined
  const { rooms, partial } = roomsOf(world, terms.useAllDeploymentsWindows, now)
  const tight = rowsByRoom(world.fleet, targets, rooms, most)
  const fitless = newPlane()
  const devices = newPlane()
  let misfits = 0
  let next = 0
  for (const { id, minutes } of needs) {
    for (let level = tight[next]; level !== undefined && level.room <= minutes; level = tight[++next])
      for (const row of level.rows) setBit(fitless, row)
    if (uniteOpen(devices, fitless, world.compliance.updates.get(id)?.lo)) misfits++
  }
  return misfits === 0 ? undefined : { updates: misfits, devices: countBits(devices), atLeast: partial }
}

/** "2 updates fit no window of 14 devices". */
export function describeMisfits({ updates, devices, atLeast }: Misfits): string {
  const fit = updates === 1 ? '1 update fits' : `${updates} updates fit`
  return `${atLeast ? 'at least ' : ''}${fit} no window of ${devices} device${devices === 1 ? '' : 's'}`
}

/** Places (sets of windows in a zone) that are looked at; devices in others are taken to have room. */
const MAX_PLACES = 2000

const ANY = Number.POSITIVE_INFINITY

type Rooms = { readonly rooms: Float32Array; readonly partial: boolean }

type Known = { readonly key: readonly unknown[]; readonly zones: ArrayLike<number>; readonly rooms: Rooms }

// Rebuilt when windows, memberships, zones of devices or the day change.
const known = new WeakMap<Fleet, Map<boolean, Known>>()

/** Row → minutes of the longest stretch that the device's windows give; Infinity where it has none. */
function roomsOf(world: World, useAllDeployments: boolean, now: EpochMs): Rooms {
  const { fleet } = world
  const zones = fleet.columns.get(TIME_ZONE_ATTRIBUTE)
  const codes = zones?.codes ?? []
  const windows = [...world.objects.MaintenanceWindow.values()].sort(byName)
  const day = Math.floor(now / DAY)
  const key = [day, world.membershipVersion, fleet.ids.length, zones?.generation, zones?.values.length, ...windows]
  const byTerms = known.get(fleet) ?? new Map<boolean, Known>()
  const found = byTerms.get(useAllDeployments)
  if (found !== undefined && sameList(found.key, key) && sameList(found.zones, codes)) return found.rooms
  const rooms = computeRooms(world, useAllDeployments, day * DAY)
  known.set(fleet, byTerms.set(useAllDeployments, { key, zones: codes.slice(), rooms }))
  return rooms
}

function computeRooms(world: World, useAllDeployments: boolean, from: EpochMs): Rooms {
  const { fleet } = world
  const { placeOf, windowsAt } = placesOf(world)
  const zones = fleet.columns.get(TIME_ZONE_ATTRIBUTE)
  const rooms = new Float32Array(fleet.ids.length).fill(ANY)
  const roomAt = new Map<string, number>()
  let partial = false
  eachBit(fleet.present, (row) => {
    const place = placeOf[row] ?? 0
    const { windows = [], local = false } = windowsAt[place] ?? {}
    if (windows.length === 0) return
    const key = local ? `${place} ${zones?.codes[row] ?? 0}` : `${place}`
    let room = roomAt.get(key)
    if (room === undefined && roomAt.size < MAX_PLACES) {
      const zone = zones && valueAt(zones, row)
      const applicable = applicableWindows(windows, useAllDeployments)
      room = longestWindowMinutes(applicable, zone, { from, until: from + WINDOW_HORIZON_MS })
      roomAt.set(key, room)
    }
    if (room === undefined) partial = true
    else rooms[row] = room
  })
  return { rooms, partial }
}

type Place = { readonly windows: readonly WindowInput[]; readonly local: boolean }

// Every device starts at the place without windows; each window moves its devices on to the place that has it as well.
function placesOf(world: World): { placeOf: Uint32Array; windowsAt: readonly Place[] } {
  const placeOf = new Uint32Array(world.fleet.ids.length)
  const windowsAt: Place[] = [{ windows: [], local: false }]
  for (const object of [...world.objects.MaintenanceWindow.values()].sort(byName)) {
    if (object.kind !== 'MaintenanceWindow') continue
    const window: WindowInput = { name: object.name, appliesTo: object.spec.appliesTo, times: object.spec }
    const isLocal = object.spec.schedule.timeZone === DEVICE_LOCAL
    const members = newPlane()
    for (const name of object.spec.collections)
      unite(members, membersOf(world.fleet, world.collections, name) ?? newPlane())
    const onward = new Map<number, number>()
    eachBit(members, (row) => {
      const place = placeOf[row] ?? 0
      let next = onward.get(place)
      if (next === undefined) {
        next = windowsAt.length
        const { windows = [], local = false } = windowsAt[place] ?? {}
        windowsAt.push({ windows: [...windows, window], local: local || isLocal })
        onward.set(place, next)
      }
      placeOf[row] = next
    })
  }
  return { placeOf, windowsAt }
}

// The usual case, told without looking at devices: each window alone is longer than any update needs, and is sure to open.
function everyWindowHasRoom({ fleet, objects }: World, minutes: number, now: EpochMs): boolean {
  const zones = fleet.columns.get(TIME_ZONE_ATTRIBUTE)
  const zonesAreKnown =
    zones !== undefined &&
    zones.used >= countBits(fleet.present) &&
    zones.values.every((zone, code) => code === 0 || zoneOf({ timeZone: DEVICE_LOCAL }, zone) !== undefined)
  for (const object of objects.MaintenanceWindow.values()) {
    if (object.kind !== 'MaintenanceWindow') continue
    const isLocal = object.spec.schedule.timeZone === DEVICE_LOCAL
    if ((isLocal && !zonesAreKnown) || !hasRoom(object.spec, minutes, now)) return false
  }
  return true
}

function hasRoom(times: MaintenanceWindowTimes, minutes: number, now: EpochMs): boolean {
  const zone = zoneOf(times.schedule, 'UTC')
  const opens = zone === undefined ? undefined : nextOpening(times, zone, now + DAY)
  return opens !== undefined && (lengthOf(times.duration) ?? 0) > minutes * MINUTE
}

function rowsByRoom(
  fleet: Fleet,
  targets: BitPlane,
  rooms: Float32Array,
  most: number,
): { readonly room: number; readonly rows: number[] }[] {
  const levels = new Map<number, number[]>()
  eachBit(targets, (row) => {
    const room = rooms[row] ?? ANY
    if (room > most || !hasBit(fleet.present, row)) return
    const rows = levels.get(room)
    if (rows === undefined) levels.set(room, [row])
    else rows.push(row)
  })
  return [...levels].map(([room, rows]) => ({ room, rows })).sort((a, b) => a.room - b.room)
}

/** `target ∪= plane ∖ done`, in place. Returns whether there was anything in it. */
function uniteOpen(target: BitPlane, plane: BitPlane, done: BitPlane | undefined): boolean {
  if (done === undefined) {
    unite(target, plane)
    return plane.words.some((word) => word !== 0)
  }
  const open = { words: plane.words.map((word, i) => word & ~(done.words[i] ?? 0)) }
  return uniteOpen(target, open, undefined)
}

function sameList(a: ArrayLike<unknown>, b: ArrayLike<unknown>): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
