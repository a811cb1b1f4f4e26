// Which devices a phase is for, and when its updates are available and due on each of them (semantics.md §3, §6).
import { membersOf } from '../fleet/collections.ts'
import { attributeOf, type Fleet, keepPercent } from '../fleet/fleet.ts'
import {
  type BitPlane,
  clonePlane,
  eachBit,
  hasBit,
  newPlane,
  planeRows,
  setBit,
  subtract,
} from '../model/bit-plane.ts'
import { stableHash } from '../model/hash.ts'
import { DAY, durationMs, type EpochMs } from '../model/instant.ts'
import type { ResolvedPhase } from '../model/resolved-plan.ts'
import { isStarted, type RolloutRecord } from './control.ts'
import { joinedAt } from './joined.ts'
import type { World } from './world.ts'

/** The device attribute that holds its IANA time zone. */
export const TIME_ZONE_ATTRIBUTE = 'timeZone'

export function deviceZone(fleet: Fleet, row: number): string | undefined {
  return attributeOf(fleet, row, TIME_ZONE_ATTRIBUTE)
}

/** The devices that phase `index` would be for now: its part of the collection, less every device that the rollout has already. */
export function phaseCandidates(world: World, rollout: RolloutRecord, index: number): BitPlane | undefined {
  const phase = rollout.plan.phases[index]
  const members = phase && membersOf(world.fleet, world.collections, phase.collection)
  if (phase === undefined || members === undefined) return undefined
  const candidates = clonePlane(members)
  for (const earlier of rollout.phases) if (isStarted(earlier)) subtract(candidates, earlier.targets)
  if (phase.percent < 100) keepPercent(world.fleet, candidates, phase.percent)
  return candidates
}

/** Devices to be added to a phase, ascending. */
export type Joiners = { readonly index: number; readonly rows: ArrayLike<number> }

/**
 * Devices to be added to phases that have started: to the first that they belong to, or to the last phase only. Of `rows`
 * alone when these are given.
 */
export function joiners(world: World, rollout: RolloutRecord, rows?: readonly number[]): Joiners[] {
  const last = rollout.phases.length - 1
  const open = [...rollout.phases.keys()].filter((index) => {
    const phase = rollout.phases[index]
    return phase !== undefined && isStarted(phase) && (rollout.plan.newDevices !== 'Last' || index === last)
  })
  const found = rows === undefined ? joinersOfAll(world, rollout, open) : joinersAmong(world, rollout, open, rows)
  return found.filter((joining) => joining.rows.length > 0)
}

/** The phase that a device belongs to, by its index, or -1. */
export function phaseIndexOf(rollout: RolloutRecord, row: number): number {
  return rollout.phases.findIndex((phase) => isStarted(phase) && hasBit(phase.targets, row))
}

export type DeviceTimes = { readonly available: EpochMs; readonly deadline: EpochMs }

/**
 * When the phase's updates are available and due on one device: time basis, then its part of a gradual phase, then its
 * share of the spread (deadline only). A device whose zone is unknown comes last on earth, under DeviceLocal.
 */
export function deviceTimes(
  rollout: Pick<RolloutRecord, 'plan'>,
  planned: ResolvedPhase,
  phase: DeviceTimes,
  device: string,
  zone: string | undefined,
): DeviceTimes {
  const { spread } = planned.deployment
  const share = spread === 'PT0S' ? 0 : stableHash(`spread/${device}`) / 0x1_0000_0000
  return {
    available: onDevice(phase.available, rollout, planned, device, zone),
    deadline: onDevice(phase.deadline, rollout, planned, device, zone) + Math.floor(share * lengthOf(spread)),
  }
}

/** Devices of a gradual phase by how long each waits until its updates are available, from the first on; else all of them at once. */
export function gradualGroups(
  fleet: Fleet,
  { gradualOver }: Pick<ResolvedPhase, 'gradualOver'>,
  devices: BitPlane,
): { readonly wait: number; readonly rows: BitPlane }[] {
  if (gradualOver === undefined) return [{ wait: 0, rows: devices }]
  const groups = new Map<number, BitPlane>()
  eachBit(devices, (row) => {
    const wait = gradualWait(lengthOf(gradualOver), fleet.ids[row] ?? '')
    const rows = groups.get(wait) ?? newPlane(fleet.ids.length)
    setBit(rows, row)
    groups.set(wait, rows)
  })
  return [...groups].sort(([a], [b]) => a - b).map(([wait, rows]) => ({ wait, rows }))
}

/** A device's reports made from then on count for the gate of its phase: its updates were available to it, and it belonged to the phase. */
export function evidenceFrom(world: World, rollout: RolloutRecord, index: number, row: number): EpochMs {
  const planned = rollout.plan.phases[index]
  const phase = rollout.phases[index]
  const device = world.fleet.ids[row]
  if (planned === undefined || phase === undefined || !isStarted(phase) || device === undefined) return Infinity
  const { timeBasis } = planned.deployment
  const zone = timeBasis === 'DeviceLocal' ? deviceZone(world.fleet, row) : undefined
  const available = onDevice(phase.available, rollout, planned, device, zone)
  return Math.max(available, (phase.joined && joinedAt(phase.joined, row)) ?? phase.startedAt)
}

/** Milliseconds of an ISO-8601 duration without years and months. */
export function lengthOf(duration: string): number {
  const known = lengths.get(duration)
  if (known !== undefined) return known
  if (lengths.size >= MAX_LENGTHS) lengths.clear()
  const length = durationMs(Temporal.Duration.from(duration))
  lengths.set(duration, length)
  return length
}

// The same few durations are asked for with every report, and reading one is slow; the memo changes no answer.
const lengths = new Map<string, number>()
const MAX_LENGTHS = 1000

function joinersOfAll(world: World, rollout: RolloutRecord, open: readonly number[]): Joiners[] {
  const earlier: BitPlane[] = []
  return open.map((index) => {
    const candidates = phaseCandidates(world, rollout, index) ?? newPlane()
    for (const plane of earlier) subtract(candidates, plane)
    earlier.push(candidates)
    return { index, rows: planeRows(candidates) }
  })
}

// A row may have moved more than once.
function joinersAmong(
  world: World,
  rollout: RolloutRecord,
  open: readonly number[],
  moved: readonly number[],
): Joiners[] {
  const phases = open.map((index) => {
    const { collection = '', percent = 0 } = rollout.plan.phases[index] ?? {}
    const members = membersOf(world.fleet, world.collections, collection)
    return { index, members, limit: percent * 100, rows: new Set<number>() }
  })
  for (const row of moved) {
    if (phaseIndexOf(rollout, row) >= 0) continue
    const position = world.fleet.ring[row] ?? 0
    const joins = ({ members, limit }: (typeof phases)[number]) =>
      members !== undefined && position < limit && hasBit(members, row)
    phases.find(joins)?.rows.add(row)
  }
  return phases.map(({ index, rows }) => ({ index, rows: Uint32Array.from(rows).sort() }))
}

function onDevice(
  at: EpochMs,
  { plan }: Pick<RolloutRecord, 'plan'>,
  { gradualOver, deployment }: ResolvedPhase,
  device: string,
  zone: string | undefined,
): EpochMs {
  const wait = gradualOver === undefined ? 0 : gradualWait(lengthOf(gradualOver), device)
  return (deployment.timeBasis === 'DeviceLocal' ? sameWallClock(at, plan.zone, zone) : at) + wait
}

function gradualWait(over: number, device: string): number {
  const parts = Math.max(1, Math.round(over / DAY))
  return (stableHash(`gradual/${device}`) % parts) * DAY
}

const LAST_ZONE_ON_EARTH = 'Etc/GMT+12'
const wallClocks = new Map<string, EpochMs>()
const MAX_WALL_CLOCKS = 10_000

// The same few instants are asked for every device of a zone, and a conversion is slow; the memo changes no answer.
function sameWallClock(at: EpochMs, zone: string, deviceZone: string | undefined): EpochMs {
  const key = `${at} ${zone} ${deviceZone}`
  const known = wallClocks.get(key)
  if (known !== undefined) return known
  if (wallClocks.size >= MAX_WALL_CLOCKS) wallClocks.clear()
  const wallClock = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone).toPlainDateTime()
  const local = inZone(wallClock, deviceZone ?? LAST_ZONE_ON_EARTH) ?? inZone(wallClock, LAST_ZONE_ON_EARTH) ?? at
  wallClocks.set(key, local)
  return local
}

function inZone(wallClock: Temporal.PlainDateTime, zone: string): EpochMs | undefined {
  try {
    return wallClock.toZonedDateTime(zone).epochMilliseconds
  } catch {
    return undefined
  }
}
