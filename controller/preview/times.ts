// Deadlines, windows and starts in the devices' local time: for phases of rollouts under way and of the next rollout of each
// rule, on devices that share zone, windows and freezes.
import { updateOf } from '../catalog/catalog.ts'
import {
  type BitPlane,
  clonePlane,
  countBits,
  intersect,
  isEmptyPlane,
  newPlane,
  subtract,
  unite,
} from '../model/bit-plane.ts'
import { byName } from '../model/by-name.ts'
import type { Declared } from '../model/declared.ts'
import type { EpochMs } from '../model/instant.ts'
import type { ResolvedPhase } from '../model/resolved-plan.ts'
import { DEVICE_LOCAL } from '../model/times.ts'
import type { UpdateId } from '../model/update.ts'
import { isStarted, isUnfinished, type RolloutRecord, type StartedPhase } from '../rollout/control.ts'
import { nextEvaluation } from '../rollout/rule-plan.ts'
import { deviceTimes, lengthOf } from '../rollout/targets.ts'
import { freezeOccasions, nextOpening, windowOccasions } from '../schedule/occasions.ts'
import { zoneOf } from '../schedule/recurrence.ts'
import { WINDOW_HORIZON_MS } from '../schedule/windows.ts'
import type { State } from '../state/state.ts'
import { saysTheSame } from './changed-objects.ts'
import type { TimeMove, Times, WindowMove } from './effect.ts'
import { devicesUnder, firstStart, type Place, type Places, placesAmong, placesOf } from './places.ts'
import { type RuleSide, ruleSide } from './rule-effects.ts'

/** Groups of devices that share a zone, told of at most. */
const MAX_MOVES = 500

/** One phase on one side: its devices by their times. */
type Slot = { readonly key: SlotKey; readonly groups: readonly Group[] }
type SlotKey = { readonly rule?: string; readonly rollout?: string; readonly phase: string }
type Group = { readonly zone: string | undefined; readonly times: Times; readonly rows: BitPlane }

/**
 * Only where something differs; rollouts under way first, then by rule and phase, in each the most devices first.
 * `devices`: those that have times on both sides, and others in the head, each counted once.
 */
export function timeMoves(
  base: State,
  head: State,
  now: EpochMs,
): { moves: TimeMove[]; total: number; devices: number } {
  const [before, after] = [slots(base, now), slots(head, now)]
  const moved = newPlane()
  const moves = [...new Set([...before.keys(), ...after.keys()])].flatMap((id): TimeMove[] => {
    const [was, is] = [before.get(id), after.get(id)]
    const key = (is ?? was)?.key
    if (key === undefined) return []
    const found = movesBetween(key, was?.groups ?? [], is?.groups ?? [], moved)
    return found.sort((a, b) => b.devices - a.devices || ((a.zone ?? '') < (b.zone ?? '') ? -1 : 1))
  })
  return { moves: moves.slice(0, MAX_MOVES), total: moves.length, devices: countBits(moved) }
}

function movesBetween(key: SlotKey, was: readonly Group[], is: readonly Group[], moved: BitPlane): TimeMove[] {
  const moves: TimeMove[] = []
  const put = (zone: string | undefined, rows: BitPlane, times: Pick<TimeMove, 'base' | 'head'>) => {
    const devices = countBits(rows)
    if (devices > 0) moves.push({ ...key, ...(zone !== undefined && { zone }), devices, ...times })
  }
  for (const before of was)
    for (const after of is) {
      const shared = intersect(clonePlane(before.rows), after.rows)
      if (before.zone !== after.zone || sameTimes(before.times, after.times) || isEmptyPlane(shared)) continue
      put(after.zone, shared, { base: before.times, head: after.times })
      unite(moved, shared)
    }
  const rest = (group: Group, others: readonly Group[]) =>
    others.reduce((rows, other) => subtract(rows, other.rows), clonePlane(group.rows))
  for (const before of was) put(before.zone, rest(before, is), { base: before.times })
  for (const after of is) put(after.zone, rest(after, was), { head: after.times })
  return moves
}

function sameTimes(a: Times, b: Times): boolean {
  return a.available === b.available && a.deadline === b.deadline && a.starts === b.starts
}

function slots(state: State, now: EpochMs): Map<string, Slot> {
  const found = new Map<string, Slot>()
  const places = placesOf(state)
  const rollouts = [...state.control.rollouts.values()].sort(byName)
  for (const rollout of rollouts) if (isUnfinished(rollout)) rolloutSlots(state, places, rollout, now, found)
  for (const name of [...state.objects.AutomaticDeploymentRule.keys()].sort()) {
    const side = ruleSide(state, name, now)
    if (side !== undefined) ruleSlots(state, places, side, now, found)
  }
  return found
}

function rolloutSlots(
  state: State,
  places: Places,
  rollout: RolloutRecord,
  now: EpochMs,
  found: Map<string, Slot>,
): void {
  rollout.phases.forEach((phase, index) => {
    const planned = rollout.plan.phases[index]
    if (planned === undefined || !isStarted(phase) || phase.status === 'Succeeded') return
    const longest = longestOf(state, rollout.updates)
    const devices = intersect(clonePlane(phase.targets), state.fleet.present)
    put(found, placesAmong(places, devices), { rollout: rollout.name, phase: planned.name }, (place) =>
      timesAt(place, rollout, planned, phase, longest, now),
    )
  })
}

// The first phase of the next rollout counts from the evaluation, so its instants are known; later ones hang on gates.
function ruleSlots(state: State, places: Places, side: RuleSide, now: EpochMs, found: Map<string, Slot>): void {
  const { rule, resolved, selected } = side
  const planned = resolved?.plan.phases[0]
  const devices = side.devices[0]
  if (resolved === undefined || planned === undefined || devices === undefined || rule.spec.suspend) return
  const evaluation = nextEvaluation(resolved, now)
  if (evaluation === undefined) return
  const available = evaluation + lengthOf(planned.deployment.availableAfter)
  const phase = { available, deadline: available + lengthOf(planned.deployment.deadlineAfter) }
  const longest = longestOf(state, selected)
  put(found, placesAmong(places, devices), { rule: rule.name, phase: planned.name }, (place) =>
    timesAt(place, resolved, planned, phase, longest, now),
  )
}

// Places in one zone with the same times are one group, whatever their windows.
function put(found: Map<string, Slot>, places: readonly Place[], key: SlotKey, timesOf: (place: Place) => Times): void {
  const groups = new Map<string, Group>()
  for (const { zone, rows, ...place } of places) {
    const times = timesOf({ zone, rows, ...place })
    const name = `${zone} ${times.available} ${times.deadline} ${times.starts}`
    const known = groups.get(name)
    if (known === undefined) groups.set(name, { zone, times, rows: clonePlane(rows) })
    else unite(known.rows, rows)
  }
  found.set(JSON.stringify(key), { key, groups: [...groups.values()] })
}

function timesAt(
  place: Place,
  { plan }: Pick<RolloutRecord, 'plan'>,
  planned: ResolvedPhase,
  { available, deadline }: Pick<StartedPhase, 'available' | 'deadline'>,
  longest: number,
  now: EpochMs,
): Times {
  const { gradualOver: _, ...rest } = planned
  const plain: ResolvedPhase = { ...rest, deployment: { ...planned.deployment, spread: 'PT0S' } }
  const at = deviceTimes({ plan }, plain, { available, deadline }, '', place.zone)
  const starts = firstStart(place, planned.deployment, Math.max(at.deadline, now), longest)
  return { available: at.available, deadline: at.deadline, ...(starts !== undefined && { starts }) }
}

const USUAL_MINUTES = 60

function longestOf(state: State, ids: readonly UpdateId[]): number {
  let most = 0
  for (const id of ids) most = Math.max(most, updateOf(state.catalog, id)?.maxRunTimeMinutes ?? 0)
  return most === 0 ? USUAL_MINUTES : most
}

/** Windows and freezes whose next time, or whose devices, differ; by kind, name and zone. */
export function windowMoves(base: State, head: State, now: EpochMs): WindowMove[] {
  const [before, after] = [placesOf(base), placesOf(head)]
  return (['Freeze', 'MaintenanceWindow'] as const).flatMap((kind) => {
    const names = new Set([...base.objects[kind].keys(), ...head.objects[kind].keys()])
    return [...names].sort().flatMap((name) => {
      const [was, is] = [base.objects[kind].get(name), head.objects[kind].get(name)]
      return movesOf(kind, name, under(base, before, was), under(head, after, is), now)
    })
  })
}

type Under = { readonly object: Declared; readonly devices: BitPlane; readonly places: Places } | undefined

function under(state: State, places: Places, object: Declared | undefined): Under {
  const devices = object && devicesUnder(state, object)
  return object === undefined || devices === undefined ? undefined : { object, devices, places }
}

function movesOf(kind: WindowMove['kind'], name: string, was: Under, is: Under, now: EpochMs): WindowMove[] {
  const count = (side: Under) => (side === undefined ? 0 : countBits(side.devices))
  const same = was !== undefined && is !== undefined && saysTheSame(was.object, is.object)
  if (same && count(was) === count(is)) return []
  const zones = new Set([...zonesOf(was), ...zonesOf(is)])
  return [...zones].sort().map((zone): WindowMove => {
    const [before, after] = [nextTime(was, zone, now), nextTime(is, zone, now)]
    return {
      kind,
      name,
      zone,
      devices: { base: devicesIn(was, zone), head: devicesIn(is, zone) },
      ...(before && { base: before }),
      ...(after && { head: after }),
    }
  })
}

function timeZoneOf(object: Declared): string {
  if (object.kind === 'MaintenanceWindow') return object.spec.schedule.timeZone
  return object.kind === 'Freeze' ? (object.spec.schedule?.timeZone ?? object.spec.timeZone ?? 'UTC') : 'UTC'
}

function zonesOf(side: Under): string[] {
  if (side === undefined) return []
  const own = timeZoneOf(side.object)
  if (own !== DEVICE_LOCAL) return [own]
  return zoneCounts(side).map(([zone]) => zone)
}

function zoneCounts({ places, devices }: NonNullable<Under>): [string, number][] {
  const counts = new Map<string, number>()
  for (const { zone, rows } of placesAmong(places, devices))
    if (zone !== undefined) counts.set(zone, (counts.get(zone) ?? 0) + countBits(rows))
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1))
}

function devicesIn(side: Under, zone: string): number {
  if (side === undefined) return 0
  if (timeZoneOf(side.object) !== DEVICE_LOCAL) return timeZoneOf(side.object) === zone ? countBits(side.devices) : 0
  return zoneCounts(side).find(([name]) => name === zone)?.[1] ?? 0
}

function nextTime(side: Under, zone: string, now: EpochMs): { from: EpochMs; until: EpochMs } | undefined {
  if (side === undefined) return undefined
  const { object } = side
  const own = timeZoneOf(object)
  if (own !== DEVICE_LOCAL && own !== zone) return undefined
  if (zoneOf({ timeZone: zone }, zone) === undefined) return undefined
  if (object.kind === 'Freeze')
    return freezeOccasions(object.spec, zone, { from: now, until: now + WINDOW_HORIZON_MS })?.[0]
  if (object.kind !== 'MaintenanceWindow') return undefined
  const open = windowOccasions(object.spec, zone, { from: now, until: now + 1 })?.[0]
  if (open !== undefined) return open
  const from = nextOpening(object.spec, zone, now)
  return from === undefined ? undefined : windowOccasions(object.spec, zone, { from, until: from + 1 })?.[0]
}
