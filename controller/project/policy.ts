// What a device is told (semantics.md §5, §7): the updates approved for it, when each may start, and why. A projection of
// the state: the same state and instant give the same policy, and it changes only when something in it does.
import { complianceOf } from '../fleet/compliance.ts'
import { type EpochMs, toRfc3339 } from '../model/instant.ts'
import type { RestartBehaviour, UpdateId } from '../model/update.ts'
import { type Approval, type Offer, offersFor } from '../rollout/offers.ts'
import type { World } from '../rollout/world.ts'
import { type Interval, united } from '../schedule/intervals.ts'
import {
  nextSince,
  openWindows,
  removalRestarts,
  restartsUnder,
  type Sight,
  sightOf,
  since,
  startsUnder,
} from './device-times.ts'

/** How many intervals ahead a policy names, of windows and of times to start. */
export const POLICY_INTERVALS = 4
/** A device that could not renew its policy (200 or 304) for so long starts nothing more. */
export const POLICY_MAX_AGE_SECONDS = 86_400

/** Instants are RFC 3339 in UTC, intervals are from (included) until (not included). */
export type Policy = {
  readonly device: string
  readonly maxAgeSeconds: number
  /** To install or remove, in the order in which to start them: the shortest first. */
  readonly updates: readonly PolicyUpdate[]
  /** Not to be touched: the device goes on reporting whether it needs these. */
  readonly monitor: readonly UpdateId[]
  /** The device's maintenance windows ahead, freezes left out. */
  readonly windows: readonly PolicyInterval[]
}

export type PolicyInterval = { readonly from: string; readonly until: string }

export type PolicyUpdate = {
  readonly id: UpdateId
  readonly title: string
  readonly action: 'Install' | 'Uninstall'
  readonly available: string
  readonly deadline: string
  /** When it may be started. What is running may finish. Empty: not within the horizon. */
  readonly start: readonly PolicyInterval[]
  /** When a restart for it may begin. */
  readonly restart: {
    readonly behaviour: RestartBehaviour
    readonly allowed: boolean
    readonly times: readonly PolicyInterval[]
  }
  readonly maxRunTimeMinutes: number
  /** The deployments that offer it. */
  readonly deployments: readonly { readonly rollout: string; readonly phase: string }[]
  readonly reason: 'Approved' | 'NeverFits' | 'Undone'
  readonly message: string
}

/** The policy of one device at `now`. A removed device gets an empty one. */
export function devicePolicy(world: World, row: number, now: EpochMs): Policy {
  const { open, monitor, sight } = surveyed(world, row, now)
  return {
    device: world.fleet.ids[row] ?? '',
    maxAgeSeconds: POLICY_MAX_AGE_SECONDS,
    updates: open.map((offer) => policyUpdate(offer, timesOf(offer, sight))),
    monitor,
    windows: written(ahead(openWindows(sight), now)),
  }
}

/** What a policy is made of: what is left to do, in its order, and what is only to be watched. */
export type Surveyed = { readonly open: readonly Offer[]; readonly monitor: readonly UpdateId[]; readonly sight: Sight }

export function surveyed(world: World, row: number, now: EpochMs): Surveyed {
  const { offers, withdrawn } = offersFor(world, row)
  const open: Offer[] = []
  const monitor = [...withdrawn]
  for (const offer of offers)
    if (isOpen(world, offer, row)) open.push(offer)
    else monitor.push(offer.update.id)
  open.sort((a, b) => a.update.maxRunTimeMinutes - b.update.maxRunTimeMinutes || (a.update.id < b.update.id ? -1 : 1))
  return { open, monitor: monitor.sort(), sight: sightOf(world, row, now) }
}

/** The next intervals in which something offered may start and restart, as many as a policy names. */
export type OfferTimes = {
  readonly start: readonly Interval[]
  /** Why the update fits no window of any approval, if so. */
  readonly neverFits: string | undefined
  readonly restart: readonly Interval[]
  /** Whether the device may restart for it by itself. */
  readonly restartAllowed: boolean
}

export function timesOf(offer: Offer, sight: Sight): OfferTimes {
  const { intervals, neverFits } = startTimes(offer, sight, POLICY_INTERVALS)
  const restart = restartTimes(offer, sight)
  return { start: intervals, neverFits, restart: restart.intervals, restartAllowed: restart.allowed }
}

/** When an offered update may start on the device from now on, united over its approvals; each keeps to its own terms. At most so many intervals. */
export function startTimes(
  offer: Offer,
  sight: Sight,
  most = Infinity,
): { intervals: Interval[]; neverFits: string | undefined } {
  if (offer.action === 'Uninstall')
    return { intervals: [{ from: sight.from, until: sight.until }], neverFits: undefined }
  const found = offer.approvals.map((approval) => startsUnder(sight, approval, offer.update.maxRunTimeMinutes))
  const misfit = found.every(({ neverFits }) => neverFits !== undefined) ? found[0]?.neverFits : undefined
  const terms = offer.approvals.map((approval, i) => ({ intervals: found[i]?.intervals ?? [], at: dueAt(approval) }))
  return { intervals: nextOfAll(terms, sight.now, most), neverFits: misfit }
}

/** When a restart for an offered update may begin next, and whether the device may restart for it by itself. */
export function restartTimes(offer: Offer, sight: Sight): { allowed: boolean; intervals: readonly Interval[] } {
  if (offer.action === 'Uninstall') return { allowed: true, intervals: ahead(removalRestarts(sight), sight.now) }
  const allowing = offer.approvals.filter(({ restart }) => restart === 'Allow')
  const terms = allowing.map((approval) => ({ intervals: restartsUnder(sight, approval), at: dueAt(approval) }))
  return { allowed: allowing.length > 0, intervals: nextOfAll(terms, sight.now, POLICY_INTERVALS) }
}

/** Those that a policy names: the next few that have not ended. */
export function ahead(intervals: readonly Interval[], now: EpochMs): Interval[] {
  return nextSince(intervals, -Infinity, now, POLICY_INTERVALS)
}

type FromThenOn = { readonly intervals: readonly Interval[]; readonly at: EpochMs }

// Approvals under the same terms share one list, and what is left of it from their instants on is what is left from the
// earliest on: nothing has to be united.
function nextOfAll(terms: readonly FromThenOn[], now: EpochMs, most: number): Interval[] {
  const [first, ...others] = terms
  if (first === undefined) return []
  if (others.some(({ intervals }) => intervals !== first.intervals))
    return nextSince(united(terms.flatMap(({ intervals, at }) => since(intervals, at))), -Infinity, now, most)
  const earliest = others.reduce((least, { at }) => Math.min(least, at), first.at)
  return nextSince(first.intervals, earliest, now, most)
}

function dueAt({ available, deadline }: Approval): EpochMs {
  return Math.max(available, deadline)
}

// Installed or not required by a report of its own: nothing is left to do but to watch that it stays so.
function isOpen(world: World, offer: Offer, row: number): boolean {
  if (offer.action === 'Uninstall') return true
  return (complianceOf(world.compliance, offer.update.id, row) & 1) === 0
}

export function policyUpdate(offer: Offer, times: OfferTimes): PolicyUpdate {
  const { update, action, approvals } = offer
  const { neverFits } = times
  const undone = action === 'Uninstall'
  return {
    id: update.id,
    title: update.title,
    action,
    available: toRfc3339(offer.available),
    deadline: toRfc3339(offer.deadline),
    start: written(times.start),
    restart: { behaviour: update.restart, allowed: times.restartAllowed, times: written(times.restart) },
    maxRunTimeMinutes: update.maxRunTimeMinutes,
    deployments: approvals.map(({ rollout, phase }) => ({ rollout, phase })),
    reason: undone ? 'Undone' : neverFits === undefined ? 'Approved' : 'NeverFits',
    message: undone ? offer.because.join(', ') : (neverFits ?? `approved by ${approvals.map(named).join(', ')}`),
  }
}

function named({ rollout, phase }: Approval): string {
  return `rollout ${rollout}, phase ${phase}`
}

export function written(intervals: readonly Interval[]): PolicyInterval[] {
  return intervals.map(({ from, until }) => ({ from: toRfc3339(from), until: toRfc3339(until) }))
}
