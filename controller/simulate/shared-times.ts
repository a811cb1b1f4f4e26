// Lists that many simulated devices have in common: the next times at which something may start, offers, and updates to
// watch. Devices that are told the same get the same objects, so that a large fleet costs neither the time nor the memory to
// make them once for each. Memos: they change no answer, because a list is found by all that it depends on.
import type { EpochMs } from '../model/instant.ts'
import type { Update, UpdateId } from '../model/update.ts'
import type { Interval } from '../schedule/intervals.ts'
import type { AgentOffer, AgentPolicy, Watched } from './agent-policy.ts'

/**
 * Of a set in normal form, what is left from `at` on: the first `count` intervals that have not ended at `now`. Those whose
 * beginning `at` does not cut off are the same list for everybody.
 */
export function nextFew(intervals: readonly Interval[], at: EpochMs, now: EpochMs, count: number): readonly Interval[] {
  const first = firstEndingAfter(intervals, Math.max(at, now))
  const head = intervals[first]
  if (head === undefined) return NONE
  const shared = slicesOf(intervals, first, count)
  if (head.from >= at) return shared
  return shared.map((interval, i) => (i === 0 ? { from: at, until: interval.until } : interval))
}

/** The list itself, or one that says the same and was seen before. */
export function sharedOffers(offers: readonly AgentOffer[]): readonly AgentOffer[] {
  const [first] = offers
  if (first === undefined) return offers
  const alike = offersByStart.get(first.start) ?? []
  for (const known of alike) if (areSame(known, offers)) return known
  if (alike.length >= MAX_ALIKE) return offers
  alike.push(offers)
  offersByStart.set(first.start, alike)
  return offers
}

export type OfferTimes = Pick<AgentOffer, 'start'> & {
  readonly restart: Pick<AgentOffer['restart'], 'allowed' | 'times'>
}

/** A list seen before that offers these updates for installation in this order, with the times that each of them has. */
export function knownOffers(
  updates: readonly Update[],
  available: EpochMs,
  timesFor: (update: Update) => OfferTimes,
): readonly AgentOffer[] | undefined {
  const [first] = updates
  if (first === undefined) return undefined
  for (const offers of offersByStart.get(timesFor(first).start) ?? NO_LISTS) {
    if (offers.length !== updates.length) continue
    let isSame = true
    for (let i = 0; isSame && i < updates.length; i++) isSame = isOfferOf(offers[i], updates[i], available, timesFor)
    if (isSame) return offers
  }
  return undefined
}

function isOfferOf(
  offer: AgentOffer | undefined,
  update: Update | undefined,
  available: EpochMs,
  timesFor: (update: Update) => OfferTimes,
): boolean {
  if (offer === undefined || update === undefined) return false
  if (offer.id !== update.id || offer.action !== 'Install' || offer.available !== available) return false
  const { start, restart } = timesFor(update)
  return (
    offer.start === start &&
    offer.restart.times === restart.times &&
    offer.restart.allowed === restart.allowed &&
    offer.restart.behaviour === update.restart &&
    offer.maxRunTimeMinutes === update.maxRunTimeMinutes
  )
}

/** The policy that offers nothing. */
export function nothingOffered(maxAgeMs: number, watched: readonly Watched[]): AgentPolicy {
  const known = offeringNothing.get(watched)
  if (known?.maxAgeMs === maxAgeMs) return known
  const policy = { maxAgeMs, offers: NO_OFFERS, watched }
  offeringNothing.set(watched, policy)
  return policy
}

/** Each of the updates, watched from the same instant on. */
export function sharedWatch(updates: readonly UpdateId[], from: EpochMs): readonly Watched[] {
  const lists = watchedFrom.get(updates) ?? new Map<EpochMs, readonly Watched[]>()
  watchedFrom.set(updates, lists)
  const known = lists.get(from)
  if (known !== undefined) return known
  if (lists.size >= MAX_ALIKE) lists.clear()
  const made = updates.map((id): Watched => ({ id, from }))
  lists.set(from, made)
  return made
}

const NONE: readonly Interval[] = []
const NO_LISTS: readonly (readonly AgentOffer[])[] = []
const MAX_ALIKE = 1000
/** By the whole list, then by the place of the first and how many there are. The lists themselves are never changed. */
const slices = new WeakMap<readonly Interval[], Map<number, readonly Interval[]>>()
/** By when the first of them may be started. */
const offersByStart = new WeakMap<readonly Interval[], (readonly AgentOffer[])[]>()
const NO_OFFERS: readonly AgentOffer[] = []
const offeringNothing = new WeakMap<readonly Watched[], AgentPolicy>()
const watchedFrom = new WeakMap<readonly UpdateId[], Map<EpochMs, readonly Watched[]>>()

// Mostly one of the first of a year's.
function firstEndingAfter(intervals: readonly Interval[], instant: EpochMs): number {
  let low = 0
  let high = 1
  while (high < intervals.length && (intervals[high - 1]?.until ?? 0) <= instant) {
    low = high
    high *= 2
  }
  high = Math.min(high, intervals.length)
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((intervals[middle]?.until ?? 0) > instant) high = middle
    else low = middle + 1
  }
  return low
}

function slicesOf(intervals: readonly Interval[], first: number, count: number): readonly Interval[] {
  const known = slices.get(intervals) ?? new Map<number, readonly Interval[]>()
  slices.set(intervals, known)
  const key = first * MAX_ALIKE + count
  const slice = known.get(key) ?? intervals.slice(first, first + count)
  known.set(key, slice)
  return slice
}

function areSame(some: readonly AgentOffer[], others: readonly AgentOffer[]): boolean {
  if (some.length !== others.length) return false
  for (let i = 0; i < some.length; i++) if (!isSame(some[i], others[i])) return false
  return true
}

function isSame(a: AgentOffer | undefined, b: AgentOffer | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  return (
    a.id === b.id &&
    a.start === b.start &&
    a.action === b.action &&
    a.available === b.available &&
    a.maxRunTimeMinutes === b.maxRunTimeMinutes &&
    a.restart.behaviour === b.restart.behaviour &&
    a.restart.allowed === b.restart.allowed &&
    a.restart.times === b.restart.times
  )
}
