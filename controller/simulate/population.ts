// The devices of a scenario: who they are, when each can be reached, and when it calls.
import { compileCollections, evaluateAll, membersOf } from '../fleet/collections.ts'
import { enrolDevice, type Fleet, newFleet } from '../fleet/fleet.ts'
import { type BitPlane, eachBit, hasBit, newPlane, setBit, unite } from '../model/bit-plane.ts'
import type { CollectionSpec, Query } from '../model/collection.ts'
import { DAY, type EpochMs, MINUTE } from '../model/instant.ts'
import { type Interval, united } from '../schedule/intervals.ts'
import { freezeOccasions } from '../schedule/occasions.ts'
import { beginKey, drawKey, fraction, happens, numberedFraction, pick, whole } from './draws.ts'
import type { Roster, RosterDevice } from './roster.ts'
import { type DeviceGroup, minutesOf, type ScenarioSpec } from './scenario.ts'

export type Population = {
  readonly seed: number
  readonly start: EpochMs
  readonly ids: readonly string[]
  readonly zones: readonly string[]
  /** Attributes of each device as it enrols. */
  readonly attributes: readonly Readonly<Record<string, string>>[]
  readonly joins: Float64Array
  /** As declared by the groups; for matching only. */
  readonly fleet: Fleet
  readonly every: number
  readonly jitter: number
  /** By device: when its first regular call is due, in ms after the start. */
  readonly offset: Float64Array
  readonly jitterKeys: Float64Array
  /** By device: with which the key of its draws begins. */
  readonly drawKeys: Int32Array
  readonly outages: readonly Outage[]
  /** Devices that have an outage at all. */
  readonly cutOff: BitPlane
}

type Outage = {
  readonly devices: BitPlane
  readonly powered: boolean
  /** By time zone, in normal form. */
  readonly times: ReadonlyMap<string, readonly Interval[]>
}

/** How long after it is back a device calls at the latest. */
const RETURN_MINUTES = 15

/** Between `start` and `end`, in whole minutes from `start` on. The devices of a roster stand in for the groups. */
export function newPopulation(
  spec: ScenarioSpec,
  seed: number,
  start: EpochMs,
  end: EpochMs,
  roster?: Roster,
): Population {
  const named = roster?.devices.map(namedOf) ?? spec.devices.flatMap((group) => devicesOf(group, seed, start))
  const ids = named.map(({ id }) => id)
  const fleet = newFleet()
  for (const { id, attributes } of named) enrolDevice(fleet, id, attributes, start)
  const every = minutesOf(spec.reporting.every) * MINUTE
  const zones = named.map(({ zone }) => zone)
  const people = { ids, fleet, seed }
  const outages = spec.offline.map(
    (outage, i): Outage => ({
      devices: chosen(people, outage, `offline/${i}`),
      powered: outage.power === 'On',
      times: new Map(
        [...new Set(zones)].map((zone) => {
          const within = { from: start - DAY, until: end + DAY }
          const own = outage.times.schedule?.timeZone ?? outage.times.timeZone ?? 'UTC'
          return [zone, freezeOccasions(outage.times, own === 'DeviceLocal' ? zone : own, within) ?? []]
        }),
      ),
    }),
  )
  const cutOff = newPlane(ids.length)
  for (const { devices } of outages) unite(cutOff, devices)
  return {
    ...people,
    start,
    zones,
    attributes: named.map(({ attributes }) => attributes),
    joins: Float64Array.from(named, ({ joins }) => joins),
    every,
    jitter: minutesOf(spec.reporting.jitter),
    offset: Float64Array.from(ids, (id) => Math.floor((fraction(seed, id, 'offset') * every) / MINUTE) * MINUTE),
    jitterKeys: Float64Array.from(ids, (id) => drawKey(seed, id, 'call')),
    drawKeys: Int32Array.from(ids, (id) => beginKey(seed, id)),
    outages,
    cutOff,
  }
}

export type Who = {
  readonly match?: Query | undefined
  readonly devices?: readonly string[] | undefined
  readonly percent: number
}

/** Those that match and are drawn. `key` names the draw. */
export function chosen(
  { ids, fleet, seed }: Pick<Population, 'ids' | 'fleet' | 'seed'>,
  { match, devices, percent }: Who,
  key: string,
): BitPlane {
  const plane = newPlane(ids.length)
  const named = devices && new Set(devices)
  eachBit(matching(fleet, match), (row) => {
    const id = ids[row] ?? ''
    if (named !== undefined && !named.has(id)) return
    if (percent >= 100 || happens(percent, seed, id, key)) setBit(plane, row)
  })
  return plane
}

/** Devices whose attributes match a query; all without one. */
export function matching(fleet: Fleet, match: Query | undefined): BitPlane {
  const spec: CollectionSpec = match === undefined ? { include: ['all'] } : { queries: [match] }
  const collections = compileCollections(new Map([['matching', spec]]))
  evaluateAll(fleet, collections)
  return membersOf(fleet, collections, 'matching') ?? newPlane()
}

/** `at` when the device can be reached then, else when it can be again. */
export function reachableFrom(population: Population, row: number, at: EpochMs): EpochMs {
  return clearOf(population, row, at, false)
}

/** `at` when the device is on then, else when it is switched on again. */
export function onFrom(population: Population, row: number, at: EpochMs): EpochMs {
  return clearOf(population, row, at, true)
}

/** The device's first call at or after an instant: regularly while it can be reached, and soon after it is back. */
export function callAt(population: Population, row: number, from: EpochMs): EpochMs {
  let regular = regularCall(population, row, from)
  if (!hasBit(population.cutOff, row)) return regular
  for (let i = 0; i < MAX_OUTAGES_IN_A_ROW; i++) {
    const back = reachableFrom(population, row, regular)
    if (back === regular) break
    regular = regularCall(population, row, back)
  }
  let end = nextOutageEnd(population, row, from - (RETURN_MINUTES + 1) * MINUTE)
  while (end < regular) {
    const at = returnCall(population, row, end)
    if (at >= from && reachableFrom(population, row, at) === at) return Math.min(at, regular)
    end = nextOutageEnd(population, row, end)
  }
  return regular
}

/** The device's last call at or before an instant; undefined when it has not called yet. */
export function lastCall(population: Population, row: number, until: EpochMs): EpochMs | undefined {
  const earliest = Math.max(population.start, population.joins[row] ?? 0)
  let last = regularCallBefore(population, row, until)
  if (hasBit(population.cutOff, row)) {
    while (last >= earliest && reachableFrom(population, row, last) !== last)
      last = regularCallBefore(population, row, last - 1)
    let end = lastOutageEnd(population, row, until)
    while (end !== undefined && end > last - (RETURN_MINUTES + 1) * MINUTE) {
      const at = returnCall(population, row, end)
      if (at <= until && reachableFrom(population, row, at) === at) {
        last = Math.max(last, at)
        break
      }
      end = lastOutageEnd(population, row, end - 1)
    }
  }
  return last >= earliest ? last : undefined
}

/** Outages of at least a length, for one device, in order. */
export function longOutages(population: Population, row: number, length: number): Interval[] {
  if (!hasBit(population.cutOff, row)) return []
  return united(outagesOf(population, row, false).flat()).filter(({ from, until }) => until - from >= length)
}

const MAX_OUTAGES_IN_A_ROW = 1000

type Named = { id: string; attributes: Readonly<Record<string, string>>; zone: string; joins: EpochMs }

function namedOf({ id, attributes, joins }: RosterDevice): Named {
  return { id, attributes, zone: attributes.timeZone ?? 'UTC', joins }
}

function devicesOf(group: DeviceGroup, seed: number, start: EpochMs): Named[] {
  const digits = Math.max(4, String(group.count).length)
  return Array.from({ length: group.count }, (_, i) => {
    const id = `${group.prefix}${String(i + 1).padStart(digits, '0')}`
    const zone = pick(group.timeZones, seed, id, 'zone')?.zone ?? 'UTC'
    const attributes: Record<string, string> = { ...group.attributes }
    attributes.timeZone ??= zone
    for (const [key, values] of Object.entries(group.vary))
      attributes[key] = pick(values, seed, id, 'vary', key)?.value ?? ''
    const joins = Math.max(start, group.joins ?? start)
    return { id, attributes, zone: attributes.timeZone, joins }
  })
}

function outagesOf(population: Population, row: number, offOnly: boolean): (readonly Interval[])[] {
  const zone = population.zones[row] ?? 'UTC'
  const lists: (readonly Interval[])[] = []
  for (const { devices, powered, times } of population.outages)
    if (!(offOnly && powered) && hasBit(devices, row)) lists.push(times.get(zone) ?? [])
  return lists
}

function clearOf(population: Population, row: number, at: EpochMs, offOnly: boolean): EpochMs {
  if (!hasBit(population.cutOff, row)) return at
  const lists = outagesOf(population, row, offOnly)
  let clear = at
  for (let moved = true; moved; ) {
    moved = false
    for (const list of lists) {
      const inside = list[lastBegun(list, clear)]
      if (inside === undefined || inside.until <= clear) continue
      clear = inside.until
      moved = true
    }
  }
  return clear
}

/** Index of the last interval that begins at or before an instant; -1 for none. */
function lastBegun(list: readonly Interval[], at: EpochMs): number {
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((list[middle]?.from ?? 0) <= at) low = middle + 1
    else high = middle
  }
  return low - 1
}

/** The end of the first outage that ends after an instant; Infinity for none. */
function nextOutageEnd(population: Population, row: number, after: EpochMs): EpochMs {
  let next = Infinity
  for (const list of outagesOf(population, row, false)) {
    let i = lastBegun(list, after)
    if (i < 0 || (list[i]?.until ?? 0) <= after) i++
    const until = list[i]?.until ?? Infinity
    // Where another outage takes over, the device is not back.
    next = Math.min(next, until < Infinity ? reachableFrom(population, row, until) : until)
  }
  return next
}

/** The end of the last outage that was over at an instant. */
function lastOutageEnd(population: Population, row: number, at: EpochMs): EpochMs | undefined {
  let last: EpochMs | undefined
  for (const list of outagesOf(population, row, false)) {
    let i = lastBegun(list, at)
    if ((list[i]?.until ?? 0) > at) i--
    const until = list[i]?.until
    if (until !== undefined && until > (last ?? -Infinity) && reachableFrom(population, row, until) === until)
      last = until
  }
  return last
}

function returnCall({ ids, seed }: Population, row: number, back: EpochMs): EpochMs {
  return Math.ceil(back / MINUTE) * MINUTE + whole(1, RETURN_MINUTES, seed, ids[row] ?? '', 'return') * MINUTE
}

function regularCall(population: Population, row: number, from: EpochMs): EpochMs {
  const first = population.start + (population.offset[row] ?? 0)
  // Late by its jitter, the one before may still lie ahead.
  let k = Math.max(0, Math.floor((from - first) / population.every) - 1)
  let at = numbered(population, row, k)
  while (at < from) at = numbered(population, row, ++k)
  return at
}

function regularCallBefore(population: Population, row: number, until: EpochMs): EpochMs {
  const first = population.start + (population.offset[row] ?? 0)
  let k = Math.floor((until - first) / population.every)
  while (k >= 0 && numbered(population, row, k) > until) k--
  return k < 0 ? -Infinity : numbered(population, row, k)
}

function numbered({ start, offset, every, jitter, jitterKeys }: Population, row: number, k: number): EpochMs {
  const late = jitter === 0 ? 0 : Math.floor(numberedFraction(jitterKeys[row] ?? 0, k) * (jitter + 1)) * MINUTE
  return start + (offset[row] ?? 0) + k * every + late
}
