// The policy of a device in numbers, straight from the world: what devicePolicy says, less what the device has no use
// for. Stretches of time that many devices share are worked out once a day.
import type { EpochMs } from '../model/instant.ts'
import { DAY } from '../model/instant.ts'
import type { UpdateId } from '../model/update.ts'
import {
  POLICY_HORIZON_MS,
  POLICY_INTERVALS,
  POLICY_MAX_AGE_SECONDS,
  removalRestarts,
  type Sight,
  sightOf,
} from '../project/policy.ts'
import { isUnfinished } from '../rollout/control.ts'
import { type Approval, type Offer, offersFor } from '../rollout/offers.ts'
import { evidenceFrom, phaseIndexOf } from '../rollout/targets.ts'
import type { World } from '../rollout/world.ts'
import { type Interval, united } from '../schedule/intervals.ts'
import { applicableWindows, restartIntervals, startIntervals } from '../schedule/windows.ts'
import type { AgentOffer, AgentPolicy, Watched } from './agent-policy.ts'

/** Stretches by what they depend on, for one day and one set of declarations: `forgetTimes` when either changes. */
export type TimesMemo = { day: EpochMs; readonly known: Map<string, readonly Interval[]> }

const MAX_KNOWN = 100_000

export function newTimesMemo(): TimesMemo {
  return { day: 0, known: new Map() }
}

export function forgetTimes(memo: TimesMemo): void {
  memo.known.clear()
}

export type WorldPolicy = {
  readonly policy: AgentPolicy
  /** Until then the policy names all times that matter to the device, as long as nothing is decided anew. */
  readonly goodUntil: EpochMs
}

/** `needed`: what a scan finds missing. What the device has no use for is left out. */
export function worldPolicy(
  world: World,
  row: number,
  now: EpochMs,
  memo: TimesMemo,
  needed: ReadonlySet<UpdateId>,
): WorldPolicy {
  const useful = offersFor(world, row, needed).offers.filter(
    ({ action, status }) => action === 'Uninstall' || (status & 1) === 0,
  )
  const maxAgeMs = POLICY_MAX_AGE_SECONDS * 1000
  const watched = watchedBy(world, row)
  if (useful.length === 0) return { policy: { maxAgeMs, offers: [], watched }, goodUntil: Infinity }
  const times = timesOf(sightOf(world, row, now), memo)
  const offers = useful
    .map((offer) => agentOffer(offer, times, now))
    .sort((a, b) => a.maxRunTimeMinutes - b.maxRunTimeMinutes || (a.id < b.id ? -1 : 1))
  const lists = offers.flatMap(({ start, restart }) => (restart.allowed ? [start, restart.times] : [start]))
  return { policy: { maxAgeMs, offers, watched }, goodUntil: Math.min(...lists.map((list) => endOf(list, times))) }
}

// A list that is cut short is good until its end, any other one until a window can come into sight.
function endOf(list: readonly Interval[], { sight }: Times): EpochMs {
  const last = list[POLICY_INTERVALS - 1]
  return last === undefined ? sight.from + POLICY_HORIZON_MS - DAY : last.until
}

/** The updates of rollouts under way that gates wait to hear of from the device. */
export function watchedBy(world: World, row: number): Watched[] {
  const watched: Watched[] = []
  for (const rollout of world.control.rollouts.values()) {
    if (!isUnfinished(rollout)) continue
    const index = phaseIndexOf(rollout, row)
    if (index < 0) continue
    const from = evidenceFrom(world, rollout, index, row)
    for (const id of rollout.updates) watched.push({ id, from })
  }
  return watched
}

type Times = { readonly sight: Sight; readonly memo: TimesMemo; readonly place: string }

function timesOf(sight: Sight, memo: TimesMemo): Times {
  if (memo.day !== sight.from || memo.known.size > MAX_KNOWN) {
    memo.known.clear()
    memo.day = sight.from
  }
  const names = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name).join()
  return { sight, memo, place: `${names(sight.windows)}|${names(sight.freezes)}|${sight.zone}` }
}

function agentOffer(offer: Offer, times: Times, now: EpochMs): AgentOffer {
  const { update, action, approvals } = offer
  const undone = action === 'Uninstall'
  const { from, until } = times.sight
  const start = undone ? [{ from, until }] : united(approvals.flatMap((one) => startsOf(offer, one, times)))
  const restarts = undone
    ? known(times, 'removal', removalRestarts)
    : united(approvals.flatMap((one) => (one.restart === 'Suppress' ? [] : restartsOf(offer, one, times))))
  return {
    id: update.id,
    action,
    available: offer.available,
    start: ahead(start, now),
    restart: {
      behaviour: update.restart,
      allowed: undone || approvals.some((one) => one.restart === 'Allow'),
      times: ahead(restarts, now),
    },
    maxRunTimeMinutes: update.maxRunTimeMinutes,
  }
}

function startsOf(offer: Offer, approval: Approval, times: Times): Interval[] {
  const { maxRunTimeMinutes } = offer.update
  const all = known(times, `start ${maxRunTimeMinutes} ${termsOf(approval)}`, (sight) => {
    const input = { ...inputOf(sight, approval), maxRunTimeMinutes }
    return startIntervals(input).intervals
  })
  return since(all, Math.max(approval.available, approval.deadline))
}

function restartsOf(offer: Offer, approval: Approval, times: Times): Interval[] {
  const { maxRunTimeMinutes } = offer.update
  const all = known(times, `restart ${termsOf(approval)}`, (sight) =>
    restartIntervals({ ...inputOf(sight, approval), maxRunTimeMinutes }),
  )
  return since(all, Math.max(approval.available, approval.deadline))
}

function termsOf({ urgent, outsideWindow, useAllDeploymentsWindows }: Approval): string {
  return `${urgent} ${outsideWindow.install} ${outsideWindow.restart} ${useAllDeploymentsWindows}`
}

// As if available and due long since: the device's own instants only cut off the beginning.
function inputOf({ windows, freezes, zone, from, until }: Sight, approval: Approval) {
  return {
    windows: applicableWindows(windows, approval.useAllDeploymentsWindows),
    freezes,
    deviceZone: zone,
    available: from,
    deadline: from,
    urgent: approval.urgent,
    outsideWindow: approval.outsideWindow,
    from,
    until,
  }
}

function known({ sight, memo, place }: Times, what: string, make: (sight: Sight) => Interval[]): readonly Interval[] {
  const key = `${place}|${what}`
  const found = memo.known.get(key)
  if (found !== undefined) return found
  const made = make(sight)
  memo.known.set(key, made)
  return made
}

function since(intervals: readonly Interval[], at: EpochMs): Interval[] {
  return intervals.flatMap(({ from, until }) => (until > at ? [{ from: Math.max(from, at), until }] : []))
}

function ahead(intervals: readonly Interval[], now: EpochMs): Interval[] {
  return intervals.filter(({ until }) => until > now).slice(0, POLICY_INTERVALS)
}
