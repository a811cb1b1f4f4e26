// When something may start on a device: its windows, freezes and zone against the terms of a deployment. What many devices
// share is worked out once a day; a device's own instants only cut off the beginning.
import { DAY, type EpochMs } from '../model/instant.ts'
import { type Approval, freezesOf, windowsOf } from '../rollout/offers.ts'
import { deviceZone } from '../rollout/targets.ts'
import type { World } from '../rollout/world.ts'
import { type Interval, subtracted } from '../schedule/intervals.ts'
import {
  applicableWindows,
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

/** What of a device's surroundings decides when something may start on it. */
export type Sight = Interval & {
  readonly now: EpochMs
  readonly zone: string | undefined
  readonly windows: readonly WindowInput[]
  readonly freezes: readonly FreezeInput[]
  readonly place: Place
}

/** What devices in the same windows, freezes and zone have in common on one day. A memo: what it holds follows from the rest. */
type Place = Pick<Sight, 'from' | 'zone' | 'windows' | 'freezes'> & {
  readonly starts: Map<number, Starts>
  readonly restarts: Map<number, readonly Interval[]>
  open: readonly Interval[] | undefined
}

/** The terms of a deployment that bear on times. */
export type Terms = Pick<Approval, 'urgent' | 'outsideWindow' | 'useAllDeploymentsWindows'>

export type Starts = {
  /** From the first midnight on, as if available and due. */
  readonly intervals: readonly Interval[]
  /** Why the update fits no window, if so. */
  readonly neverFits: string | undefined
}

// From midnight on, so that a policy changes with the day and with what it says, not with every question.
export function sightOf(world: World, row: number, now: EpochMs): Sight {
  const from = Math.floor(now / DAY) * DAY
  const zone = deviceZone(world.fleet, row)
  const windows = windowsOf(world, row)
  const freezes = freezesOf(world, row)
  return {
    from,
    until: from + POLICY_HORIZON_MS,
    now,
    zone,
    windows,
    freezes,
    place: placeOf(from, zone, windows, freezes),
  }
}

/** When an update that runs so long may start under these terms, available and due long since. */
export function startsUnder(sight: Sight, terms: Terms, maxRunTimeMinutes: number): Starts {
  return known(sight.place.starts, maxRunTimeMinutes * ALL_TERMS + termsKey(terms), () => {
    const { intervals, fits, reason } = startIntervals({ ...inputOf(sight, terms), maxRunTimeMinutes })
    return { intervals, neverFits: fits === 'NeverFits' ? (reason ?? 'it fits no window') : undefined }
  })
}

/** When a restart may begin under these terms. */
export function restartsUnder(sight: Sight, terms: Terms): readonly Interval[] {
  return known(sight.place.restarts, termsKey(terms), () =>
    restartIntervals({ ...inputOf(sight, terms), maxRunTimeMinutes: 0 }),
  )
}

/**
 * When a restart after a removal may begin: as for any other that is due (docs/decisions/0003). A removal itself waits for
 * nothing, and names no terms of a deployment.
 */
export function removalRestarts(sight: Sight): readonly Interval[] {
  return restartsUnder(sight, NO_TERMS)
}

/** The device's windows, freezes left out. */
export function openWindows(sight: Sight): readonly Interval[] {
  const { windows, freezes, zone, from, until, place } = sight
  place.open ??= subtracted(
    openIntervals(applicableWindows(windows, false), zone, from, until).intervals,
    frozenIntervals(freezes, zone, from, until).intervals,
  )
  return place.open
}

/** What is left of them from an instant on. */
export function since(intervals: readonly Interval[], at: EpochMs): Interval[] {
  return intervals.flatMap(({ from, until }) => (until > at ? [{ from: Math.max(from, at), until }] : []))
}

/**
 * Of what is left from `at` on, the first `count` intervals that have not ended at `now`. For intervals in normal form the
 * same as `since` and a filter, without a look at the years that nobody asks about.
 */
export function nextSince(intervals: readonly Interval[], at: EpochMs, now: EpochMs, count: number): Interval[] {
  let low = 0
  let high = intervals.length
  const ended = Math.max(at, now)
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((intervals[middle]?.until ?? 0) > ended) high = middle
    else low = middle + 1
  }
  return since(intervals.slice(low, low + count), at)
}

const NO_TERMS: Terms = {
  urgent: false,
  outsideWindow: { install: false, restart: false },
  useAllDeploymentsWindows: false,
}

function inputOf({ windows, freezes, zone, from, until }: Sight, terms: Terms) {
  return {
    windows: applicableWindows(windows, terms.useAllDeploymentsWindows),
    freezes,
    deviceZone: zone,
    available: from,
    deadline: from,
    urgent: terms.urgent,
    outsideWindow: terms.outsideWindow,
    from,
    until,
  }
}

/** All that terms can say, as a number below `ALL_TERMS`. */
function termsKey({ urgent, outsideWindow: { install, restart }, useAllDeploymentsWindows }: Terms): number {
  return (urgent ? 1 : 0) + (install ? 2 : 0) + (restart ? 4 : 0) + (useAllDeploymentsWindows ? 8 : 0)
}

const ALL_TERMS = 16

// Memos: they change no answer, because a key says all that its answer depends on. Declared objects are never changed,
// only replaced, so a number for each of their times stands for what they say.
const places = new Map<string, Place>()
/** Those that were asked for last: found without a text for a key. */
const recent: Place[] = []
const MAX_RECENT = 8
const numbers = new WeakMap<object, number>()
let lastNumber = 0
const MAX_KNOWN = 10_000

function placeOf(from: EpochMs, zone: Sight['zone'], windows: Sight['windows'], freezes: Sight['freezes']): Place {
  for (const place of recent)
    if (
      place.from === from &&
      place.zone === zone &&
      areSame(place.windows, windows) &&
      areSame(place.freezes, freezes)
    )
      return place
  const numbersOf = (list: readonly { readonly times: object }[]) => list.map(({ times }) => numberOf(times)).join()
  const place = known(places, `${from} ${zone} ${numbersOf(windows)} ${numbersOf(freezes)}`, () => ({
    from,
    zone,
    windows,
    freezes,
    starts: new Map(),
    restarts: new Map(),
    open: undefined,
  }))
  if (recent.unshift(place) > MAX_RECENT) recent.pop()
  return place
}

function areSame<T>(some: readonly T[], others: readonly T[]): boolean {
  if (some.length !== others.length) return false
  for (let i = 0; i < some.length; i++) if (some[i] !== others[i]) return false
  return true
}

function known<K, T>(memo: Map<K, T>, key: K, make: () => T): T {
  const found = memo.get(key)
  if (found !== undefined) return found
  if (memo.size >= MAX_KNOWN) memo.clear()
  const made = make()
  memo.set(key, made)
  return made
}

function numberOf(times: object): number {
  const given = numbers.get(times) ?? ++lastNumber
  numbers.set(times, given)
  return given
}
