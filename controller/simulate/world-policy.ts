// The policy of a device in numbers, straight from the world: what devicePolicy says, less what the device has no use for.
import { DAY, type EpochMs } from '../model/instant.ts'
import type { Update, UpdateId } from '../model/update.ts'
import { POLICY_HORIZON_MS, restartsUnder, type Sight, sightOf, startsUnder } from '../project/device-times.ts'
import { POLICY_INTERVALS, POLICY_MAX_AGE_SECONDS, restartTimes, startTimes } from '../project/policy.ts'
import { isUnfinished, type RolloutRecord } from '../rollout/control.ts'
import { type Approval, type Offer, offersFor, type SoleOffer, soleOffer } from '../rollout/offers.ts'
import { evidenceFrom, phaseIndexOf } from '../rollout/targets.ts'
import type { World } from '../rollout/world.ts'
import type { Interval } from '../schedule/intervals.ts'
import type { AgentOffer, AgentPolicy, Watched } from './agent-policy.ts'
import { knownOffers, nextFew, nothingOffered, type OfferTimes, sharedOffers, sharedWatch } from './shared-times.ts'

export type WorldPolicy = {
  readonly policy: AgentPolicy
  /** Until then the policy names all times that matter to the device, as long as nothing is decided anew. */
  readonly goodUntil: EpochMs
}

/** `needed`: what a scan finds missing. What the device has no use for is left out. */
export function worldPolicy(world: World, row: number, now: EpochMs, needed: readonly UpdateId[]): WorldPolicy {
  const maxAgeMs = POLICY_MAX_AGE_SECONDS * 1000
  const watched = watchedBy(world, row)
  const sole = soleOffer(world, row, needed)
  if (sole === 'Nothing') return { policy: nothingOffered(maxAgeMs, watched), goodUntil: Infinity }
  const sight = sightOf(world, row, now)
  const offers = sole === undefined ? usefulOffers(world, row, needed, sight) : offersUnder(sole, sight)
  let goodUntil = Infinity
  for (const { start, restart } of offers) {
    goodUntil = Math.min(goodUntil, endOf(start, sight))
    if (restart.allowed) goodUntil = Math.min(goodUntil, endOf(restart.times, sight))
  }
  return { policy: { maxAgeMs, offers, watched }, goodUntil }
}

function usefulOffers(world: World, row: number, needed: readonly UpdateId[], sight: Sight): readonly AgentOffer[] {
  const useful = offersFor(world, row, new Set(needed)).offers.filter(
    ({ action, status }) => action === 'Uninstall' || (status & 1) === 0,
  )
  const times = timesIn(sight)
  return sharedOffers(useful.map((offer) => agentOffer(offer, times(offer))).sort(byLength))
}

/** What `usefulOffers` gives where one approval says it all. */
function offersUnder({ approval, updates }: SoleOffer, sight: Sight): readonly AgentOffer[] {
  const { available } = approval
  let minutes = -1
  let times = NEVER
  const timesFor = ({ maxRunTimeMinutes }: Update) => {
    if (maxRunTimeMinutes === minutes) return times
    minutes = maxRunTimeMinutes
    times = timesUnder(approval, minutes, sight)
    return times
  }
  // Cut off by its own deadline, a list is hardly ever another device's too.
  const [first] = updates
  const own = first !== undefined && timesFor(first).start[0]?.from === dueUnder(approval)
  const known = own ? undefined : knownOffers(updates, available, timesFor)
  if (known !== undefined) return known
  const offers = updates.map((update) => agentOffer({ update, action: 'Install', available }, timesFor(update)))
  if (!isInOrder(offers)) offers.sort(byLength)
  return own ? offers : sharedOffers(offers)
}

// The shortest first, as in a policy.
function byLength(a: AgentOffer, b: AgentOffer): number {
  return a.maxRunTimeMinutes - b.maxRunTimeMinutes || (a.id < b.id ? -1 : 1)
}

function isInOrder(offers: readonly AgentOffer[]): boolean {
  for (let i = 1; i < offers.length; i++) {
    const [before, offer] = [offers[i - 1], offers[i]]
    if (before !== undefined && offer !== undefined && byLength(before, offer) > 0) return false
  }
  return true
}

const NO_TIMES: readonly Interval[] = []
const NEVER: OfferTimes = { start: NO_TIMES, restart: { allowed: false, times: NO_TIMES } }
const NOTHING: readonly Watched[] = []

/** The updates of rollouts under way that gates wait to hear of from the device. */
export function watchedBy(world: World, row: number): readonly Watched[] {
  let watched = NOTHING
  for (const rollout of unfinished(world.control.rollouts)) {
    const index = phaseIndexOf(rollout, row)
    if (index < 0) continue
    const more = sharedWatch(rollout.updates, evidenceFrom(world, rollout, index, row))
    watched = watched.length === 0 ? more : [...watched, ...more]
  }
  return watched
}

// The map of rollouts is replaced with every change, never changed itself.
const underWay = new WeakMap<World['control']['rollouts'], readonly RolloutRecord[]>()

function unfinished(rollouts: World['control']['rollouts']): readonly RolloutRecord[] {
  const known = underWay.get(rollouts)
  if (known !== undefined) return known
  const found = [...rollouts.values()].filter(isUnfinished)
  underWay.set(rollouts, found)
  return found
}

// A list that is cut short is good until its end, any other one until a window can come into sight.
function endOf(list: readonly Interval[], sight: Sight): EpochMs {
  const last = list[POLICY_INTERVALS - 1]
  return last === undefined ? sight.from + POLICY_HORIZON_MS - DAY : last.until
}

/** The times of offers to one device. Updates of the same deployment that run as long have the same. */
function timesIn(sight: Sight): (offer: Offer) => OfferTimes {
  let last: { readonly approval: Approval; readonly minutes: number; readonly times: OfferTimes } | undefined
  return (offer) => {
    const [approval, other] = offer.approvals
    if (approval === undefined || other !== undefined || offer.action === 'Uninstall') return timesOf(offer, sight)
    const minutes = offer.update.maxRunTimeMinutes
    if (last?.approval === approval && last.minutes === minutes) return last.times
    const times = timesUnder(approval, minutes, sight)
    last = { approval, minutes, times }
    return times
  }
}

/** What `timesOf` says of an offer with one approval. */
function timesUnder(approval: Approval, minutes: number, sight: Sight): OfferTimes {
  const due = dueUnder(approval)
  const few = (intervals: readonly Interval[]) => nextFew(intervals, due, sight.now, POLICY_INTERVALS)
  const allowed = approval.restart === 'Allow'
  return {
    start: few(startsUnder(sight, approval, minutes).intervals),
    restart: { allowed, times: allowed ? few(restartsUnder(sight, approval)) : NO_TIMES },
  }
}

function dueUnder({ available, deadline }: Approval): EpochMs {
  return Math.max(available, deadline)
}

function timesOf(offer: Offer, sight: Sight): OfferTimes {
  const { allowed, intervals } = restartTimes(offer, sight)
  return {
    start: startTimes(offer, sight, POLICY_INTERVALS).intervals,
    restart: { allowed, times: intervals },
  }
}

function agentOffer(
  { update, action, available }: Pick<Offer, 'update' | 'action' | 'available'>,
  { start, restart }: OfferTimes,
): AgentOffer {
  return {
    id: update.id,
    action,
    available,
    start,
    restart: { behaviour: update.restart, ...restart },
    maxRunTimeMinutes: update.maxRunTimeMinutes,
  }
}
