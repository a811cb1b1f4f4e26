// What a device is told (semantics.md §5, §7): the updates approved for it, when each may start, and why. A projection of
// the state: the same state and instant give the same policy, and it changes only when something in it does.
import { complianceOf } from '../fleet/compliance.ts'
import { type EpochMs, toRfc3339 } from '../model/instant.ts'
import type { RestartBehaviour, UpdateId } from '../model/update.ts'
import { type Approval, type Offer, offersFor } from '../rollout/offers.ts'
import type { World } from '../rollout/world.ts'
import { type Interval, united } from '../schedule/intervals.ts'
import { openWindows, removalRestarts, restartsUnder, type Sight, sightOf, since, startsUnder } from './device-times.ts'

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
  const { open = [], settled = [] } = Object.groupBy(offers, (offer) =>
    isOpen(world, offer, row) ? 'open' : 'settled',
  )
  return {
    device: world.fleet.ids[row] ?? '',
    maxAgeSeconds: POLICY_MAX_AGE_SECONDS,
    updates: open
      .map((offer) => policyUpdate(offer, sight))
      .sort((a, b) => a.maxRunTimeMinutes - b.maxRunTimeMinutes || (a.id < b.id ? -1 : 1)),
    monitor: [...settled.map(({ update }) => update.id), ...withdrawn].sort(),
    windows: written(ahead(openWindows(sight), now)),
  }
}

/** When an offered update may start on the device, united over its approvals; each keeps to its own terms. */
export function startTimes(offer: Offer, sight: Sight): { intervals: Interval[]; neverFits: string | undefined } {
  if (offer.action === 'Uninstall')
    return { intervals: [{ from: sight.from, until: sight.until }], neverFits: undefined }
  const found = offer.approvals.map((approval) => {
    const { intervals, neverFits } = startsUnder(sight, approval, offer.update.maxRunTimeMinutes)
    return { intervals: since(intervals, dueAt(approval)), neverFits }
  })
  const misfit = found.every(({ neverFits }) => neverFits !== undefined) ? found[0]?.neverFits : undefined
  return { intervals: united(found.flatMap(({ intervals }) => intervals)), neverFits: misfit }
}

/** When a restart for an offered update may begin, and whether the device may restart for it by itself. */
export function restartTimes(offer: Offer, sight: Sight): { allowed: boolean; intervals: readonly Interval[] } {
  if (offer.action === 'Uninstall') return { allowed: true, intervals: removalRestarts(sight) }
  const allowing = offer.approvals.filter(({ restart }) => restart === 'Allow')
  const intervals = allowing.flatMap((approval) => since(restartsUnder(sight, approval), dueAt(approval)))
  return { allowed: allowing.length > 0, intervals: united(intervals) }
}

/** Those that a policy names: the next few that have not ended. */
export function ahead(intervals: readonly Interval[], now: EpochMs): Interval[] {
  return intervals.filter((interval) => interval.until > now).slice(0, POLICY_INTERVALS)
}

function dueAt({ available, deadline }: Approval): EpochMs {
  return Math.max(available, deadline)
}

// Installed or not required by a report of its own: nothing is left to do but to watch that it stays so.
function isOpen(world: World, offer: Offer, row: number): boolean {
  if (offer.action === 'Uninstall') return true
  return (complianceOf(world.compliance, offer.update.id, row) & 1) === 0
}

function policyUpdate(offer: Offer, sight: Sight): PolicyUpdate {
  const { update, action, approvals } = offer
  const { intervals, neverFits } = startTimes(offer, sight)
  const restart = restartTimes(offer, sight)
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
      allowed: restart.allowed,
      times: written(ahead(restart.intervals, sight.now)),
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

function written(intervals: readonly Interval[]): PolicyInterval[] {
  return intervals.map(({ from, until }) => ({ from: toRfc3339(from), until: toRfc3339(until) }))
}
