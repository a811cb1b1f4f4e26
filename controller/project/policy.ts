// What a device is told (semantics.md §5, §7): the updates approved for it, when each may start, and why. A projection of
// the state: the same state and instant give the same policy, and it changes only when something in it does.
import { complianceOf } from '../fleet/compliance.ts'

import { DAY, type EpochMs, toRfc3339 } from '../model/instant.ts'
import type { RestartBehaviour, UpdateId } from '../model/update.ts'
import { type Approval, freezesOf, type Offer, offersFor, windowsOf } from '../rollout/offers.ts'
import { deviceZone } from '../rollout/targets.ts'
import type { World } from '../rollout/world.ts'
import { type Interval, subtracted, united } from '../schedule/intervals.ts'
import {
  applicableWindows,
  type DeviceTimes,
  type FreezeInput,
  frozenIntervals,
  openIntervals,
  restartIntervals,
  startIntervals,
  WINDOW_HORIZON_MS,
  type WindowInput,
} from '../schedule/windows.ts'

/** How far ahead a policy looks for windows. */
export const POLICY_HORIZON_MS = WINDOW_HORIZON_MS
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
  const { offers, withdrawn } = offersFor(world, row)
  const sight = sightOf(world, row, now)
  const open = offers.filter((offer) => isOpen(world, offer, row))
  const monitored = offers.filter((offer) => !open.includes(offer)).map((offer) => offer.update.id)
  return {
    device: world.fleet.ids[row] ?? '',
    maxAgeSeconds: POLICY_MAX_AGE_SECONDS,
    updates: open
      .map((offer) => policyUpdate(offer, sight))
      .sort((a, b) => a.maxRunTimeMinutes - b.maxRunTimeMinutes || (a.id < b.id ? -1 : 1)),
    monitor: [...monitored, ...withdrawn].sort(),
    windows: written(openWindows(sight)),
  }
}

/** When an offered update may start on the device, united over its approvals; each keeps to its own terms. */
export function startTimes(offer: Offer, sight: Sight): { intervals: Interval[]; neverFits: string | undefined } {
  if (offer.action === 'Uninstall')
    return { intervals: [{ from: sight.from, until: sight.until }], neverFits: undefined }
  const found = offer.approvals.map((approval) =>
    startIntervals({ ...timesOf(offer, approval, sight), ...range(sight) }),
  )
  const misfit = found.every(({ fits }) => fits === 'NeverFits') ? found[0]?.reason : undefined
  return { intervals: united(found.flatMap(({ intervals }) => intervals)), neverFits: misfit }
}

/** What of a device's surroundings decides when something may start on it. */
export type Sight = Interval & {
  readonly now: EpochMs
  readonly zone: string | undefined
  readonly windows: readonly WindowInput[]
  readonly freezes: readonly FreezeInput[]
}

// From midnight on, so that a policy changes with the day and with what it says, not with every question.
export function sightOf(world: World, row: number, now: EpochMs): Sight {
  const from = Math.floor(now / DAY) * DAY
  return {
    from,
    until: from + POLICY_HORIZON_MS,
    now,
    zone: deviceZone(world.fleet, row),
    windows: windowsOf(world, row),
    freezes: freezesOf(world, row),
  }
}

/**
 * When a restart after a removal may begin: as for any other that is due (docs/decisions/0003). A removal itself waits for
 * nothing, and names no terms of a deployment.
 */
export function removalRestarts(sight: Sight): Interval[] {
  return restartIntervals({
    windows: applicableWindows(sight.windows, false),
    freezes: sight.freezes,
    deviceZone: sight.zone,
    available: sight.from,
    deadline: sight.from,
    urgent: false,
    outsideWindow: { install: false, restart: false },
    maxRunTimeMinutes: 0,
    ...range(sight),
  })
}

// Installed or not required by a report of its own: nothing is left to do but to watch that it stays so.
function isOpen(world: World, offer: Offer, row: number): boolean {
  if (offer.action === 'Uninstall') return true
  return (complianceOf(world.compliance, offer.update.id, row) & 1) === 0
}

function policyUpdate(offer: Offer, sight: Sight): PolicyUpdate {
  const { update, action, approvals } = offer
  const { intervals, neverFits } = startTimes(offer, sight)
  const restarts = approvals.flatMap((approval) =>
    approval.restart === 'Suppress' ? [] : restartIntervals({ ...timesOf(offer, approval, sight), ...range(sight) }),
  )
  const undone = action === 'Uninstall'
  return {
    id: update.id,
    title: update.title,
    action,
    available: toRfc3339(offer.available),
    deadline: toRfc3339(offer.deadline),
    start: written(ahead(intervals, sight.now)),
    restart: {
      behaviour: update.restart,
      allowed: approvals.some((approval) => approval.restart === 'Allow') || undone,
      times: written(ahead(undone ? removalRestarts(sight) : united(restarts), sight.now)),
    },
    maxRunTimeMinutes: update.maxRunTimeMinutes,
    deployments: approvals.map(({ rollout, phase }) => ({ rollout, phase })),
    reason: undone ? 'Undone' : neverFits === undefined ? 'Approved' : 'NeverFits',
    message: undone ? offer.because.join(', ') : (neverFits ?? `approved by ${approvals.map(named).join(', ')}`),
  }
}

function named({ rollout, phase }: Approval): string {
  return `rollout ${rollout}, phase ${phase}`
}

function timesOf(offer: Offer, approval: Approval, sight: Sight): DeviceTimes {
  return {
    windows: applicableWindows(sight.windows, approval.useAllDeploymentsWindows),
    freezes: sight.freezes,
    deviceZone: sight.zone,
    available: approval.available,
    deadline: approval.deadline,
    urgent: approval.urgent,
    outsideWindow: approval.outsideWindow,
    maxRunTimeMinutes: offer.update.maxRunTimeMinutes,
  }
}

function openWindows(sight: Sight): Interval[] {
  const { from, until } = range(sight)
  const open = openIntervals(applicableWindows(sight.windows, false), sight.zone, from, until).intervals
  return ahead(subtracted(open, frozenIntervals(sight.freezes, sight.zone, from, until).intervals), sight.now)
}

function range({ from, until }: Sight): Interval {
  return { from, until }
}

function ahead(intervals: readonly Interval[], now: EpochMs): Interval[] {
  return intervals.filter((interval) => interval.until > now).slice(0, POLICY_INTERVALS)
}

function written(intervals: readonly Interval[]): PolicyInterval[] {
  return intervals.map(({ from, until }) => ({ from: toRfc3339(from), until: toRfc3339(until) }))
}
