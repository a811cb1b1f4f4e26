// Devices told apart by what decides when they may be changed: time zone, windows and freezes. Worked out plane by plane,
// so that a hundred thousand devices come to a handful of places.
import { membersOf } from '../fleet/collections.ts'
import { valueAt } from '../fleet/column.ts'
import {
  type BitPlane,
  clonePlane,
  countShared,
  eachBit,
  intersect,
  isEmptyPlane,
  newPlane,
  setBit,
  unite,
} from '../model/bit-plane.ts'
import { byName } from '../model/by-name.ts'
import type { Declared } from '../model/declared.ts'
import { DAY, type EpochMs } from '../model/instant.ts'
import type { ResolvedDeployment } from '../model/resolved-plan.ts'
import { TIME_ZONE_ATTRIBUTE } from '../rollout/targets.ts'
import type { Interval } from '../schedule/intervals.ts'
import {
  applicableWindows,
  type FreezeInput,
  startIntervals,
  WINDOW_HORIZON_MS,
  type WindowInput,
} from '../schedule/windows.ts'
import type { State } from '../state/state.ts'

export type Place = {
  /** IANA name; undefined for devices that have not said it. */
  readonly zone: string | undefined
  readonly windows: readonly WindowInput[]
  readonly freezes: readonly FreezeInput[]
  readonly rows: BitPlane
}

/** Different places that are looked at; devices beyond are in none, and `partial` says so. */
export const MAX_PLACES = 5000

export type Places = { readonly places: readonly Place[]; readonly partial: boolean }

/** Every present device is in one place. In order of the first device of each. */
export function placesOf(state: State): Places {
  const found = known.get(state)
  if (found !== undefined && found.version === state.version) return found.places
  const places = newPlaces(state)
  known.set(state, { version: state.version, places })
  return places
}

// The memo changes no answer: a state that changes has another version.
const known = new WeakMap<State, { readonly version: number; readonly places: Places }>()

function newPlaces(state: State): Places {
  const { fleet } = state
  const kindOf = new Uint32Array(fleet.ids.length)
  const kinds: { windows: WindowInput[]; freezes: FreezeInput[] }[] = [{ windows: [], freezes: [] }]
  for (const object of restrictions(state)) moveOn(state, object, kindOf, kinds)
  const zones = fleet.columns.get(TIME_ZONE_ATTRIBUTE)
  const found = new Map<string, Place>()
  let partial = false
  eachBit(fleet.present, (row) => {
    const key = `${kindOf[row] ?? 0} ${zones?.codes[row] ?? 0}`
    let place = found.get(key)
    if (place === undefined) {
      partial ||= found.size >= MAX_PLACES
      if (found.size >= MAX_PLACES) return
      const { windows = [], freezes = [] } = kinds[kindOf[row] ?? 0] ?? {}
      place = { zone: zones && valueAt(zones, row), windows, freezes, rows: newPlane(fleet.ids.length) }
      found.set(key, place)
    }
    setBit(place.rows, row)
  })
  return { places: [...found.values()], partial }
}

/** The places of some devices: those of each that are among them. */
export function placesAmong({ places }: Places, devices: BitPlane): Place[] {
  return places.flatMap((place) =>
    countShared(place.rows, devices) === 0 ? [] : [{ ...place, rows: intersect(clonePlane(place.rows), devices) }],
  )
}

/** The first instant, from `from` on, at which an update that runs so long may start there. Undefined: none within two months. */
export function firstStart(
  place: Place,
  terms: Pick<ResolvedDeployment, 'urgent' | 'outsideWindow' | 'useAllDeploymentsWindows'>,
  from: EpochMs,
  maxRunTimeMinutes: number,
): EpochMs | undefined {
  // Most often it is near: look two days ahead first.
  for (const reach of [2 * DAY, WINDOW_HORIZON_MS]) {
    const { intervals } = startIntervals({
      windows: applicableWindows(place.windows, terms.useAllDeploymentsWindows),
      freezes: place.freezes,
      deviceZone: place.zone,
      available: from,
      deadline: from,
      urgent: terms.urgent,
      outsideWindow: terms.outsideWindow,
      maxRunTimeMinutes,
      from,
      until: from + reach,
    })
    const first: Interval | undefined = intervals[0]
    if (first !== undefined) return first.from
  }
  return undefined
}

function restrictions(state: State): Declared[] {
  const { MaintenanceWindow, Freeze } = state.objects
  return [...[...MaintenanceWindow.values()].sort(byName), ...[...Freeze.values()].sort(byName)]
}

// Every device starts where there is neither window nor freeze; each one moves its devices on.
function moveOn(
  state: State,
  object: Declared,
  kindOf: Uint32Array,
  kinds: { windows: WindowInput[]; freezes: FreezeInput[] }[],
): void {
  const devices = devicesUnder(state, object)
  if (devices === undefined || isEmptyPlane(devices)) return
  const onward = new Map<number, number>()
  eachBit(devices, (row) => {
    const kind = kindOf[row] ?? 0
    let next = onward.get(kind)
    if (next === undefined) {
      const { windows = [], freezes = [] } = kinds[kind] ?? {}
      next = kinds.push(withObject(object, windows, freezes)) - 1
      onward.set(kind, next)
    }
    kindOf[row] = next
  })
}

function withObject(object: Declared, windows: readonly WindowInput[], freezes: readonly FreezeInput[]) {
  if (object.kind === 'MaintenanceWindow') {
    const window: WindowInput = { name: object.name, appliesTo: object.spec.appliesTo, times: object.spec }
    return { windows: [...windows, window], freezes: [...freezes] }
  }
  const freeze = object.kind === 'Freeze' ? [{ name: object.name, times: object.spec }] : []
  return { windows: [...windows], freezes: [...freezes, ...freeze] }
}

/** The devices that a window or a freeze covers; undefined for any other object. */
export function devicesUnder(state: State, object: Declared): BitPlane | undefined {
  if (object.kind !== 'MaintenanceWindow' && object.kind !== 'Freeze') return undefined
  if (object.spec.collections === undefined) return clonePlane(state.fleet.present)
  const devices = newPlane()
  for (const name of object.spec.collections)
    unite(devices, membersOf(state.fleet, state.collections, name) ?? newPlane())
  return intersect(devices, state.fleet.present)
}
