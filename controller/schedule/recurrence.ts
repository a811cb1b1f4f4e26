// When a recurrence happens, as instants in a time zone (semantics.md §4): the one evaluator for the controller, the
// command line and previews.
import { DAY, type EpochMs } from '../model/instant.ts'
import type { Recurrence } from '../model/recurrence.ts'
import { parseRrule, type Rrule, whyStartNeeded } from '../model/rrule.ts'
import { DEVICE_LOCAL, isRealDate, offsetDays } from '../model/times.ts'
import type { WallMs } from './calendar.ts'
import { type Expansion, expansionOf, periodAt, timesIn } from './rrule.ts'
import { END_OF_TIME, instantOf, latestWallOf, wallOf, type Zone, zoneNamed } from './zones.ts'

/** What `occurrencesBetween` returns at most. */
export const MAX_OCCURRENCES = 100_000

/**
 * The first occurrence strictly after an instant; undefined when there is none before 2100, when the zone is unknown or
 * when the recurrence cannot be read (`scheduleProblem` says why). `zone` is an IANA name, as `zoneOf` gives it.
 * Two wall-clock times inside one daylight-saving gap are one occurrence. Recurrences must not be changed once used here:
 * what they mean is remembered by identity and by content, in bounded caches that alter no answer.
 */
export function nextOccurrence(recurrence: Recurrence, after: EpochMs, zone: string): EpochMs | undefined {
  const plan = planOf(recurrence)
  const table = zoneNamed(zone)
  if (plan.type === 'Unreadable' || table === undefined || Number.isNaN(after)) return undefined
  const last = lastWall(plan, table)
  let wall: WallMs | undefined = wallOf(table, after) - plan.offset
  for (;;) {
    wall = nextWall(plan, wall)
    if (wall === undefined || wall > last) return undefined
    const at = instantOf(table, wall + plan.offset)
    if (at > after) return at
  }
}

/** The last occurrence at or before an instant; undefined when there is none since 1970, and as for `nextOccurrence`. */
export function latestOccurrence(recurrence: Recurrence, atOrBefore: EpochMs, zone: string): EpochMs | undefined {
  const plan = planOf(recurrence)
  const table = zoneNamed(zone)
  if (plan.type === 'Unreadable' || table === undefined || Number.isNaN(atOrBefore)) return undefined
  const wall = latestWall(plan, Math.min(latestWallOf(table, atOrBefore) - plan.offset, lastWall(plan, table)))
  return wall === undefined ? undefined : instantOf(table, wall + plan.offset)
}

/** All occurrences from `from` until before `until`, ascending. Throws a RangeError when there are more than `MAX_OCCURRENCES`. */
export function occurrencesBetween(recurrence: Recurrence, from: EpochMs, until: EpochMs, zone: string): EpochMs[] {
  const found: EpochMs[] = []
  let at = nextOccurrence(recurrence, from - 1, zone)
  while (at !== undefined && at < until) {
    if (found.length === MAX_OCCURRENCES)
      throw new RangeError(`more than ${MAX_OCCURRENCES} occurrences: ask for a shorter time`)
    found.push(at)
    at = nextOccurrence(recurrence, at, zone)
  }
  return found
}

/** The zone in which to evaluate: its own, or the device's when it is DeviceLocal. Undefined when that is not known to the runtime. */
export function zoneOf({ timeZone }: Pick<Recurrence, 'timeZone'>, deviceZone: string | undefined): string | undefined {
  const name = timeZone === DEVICE_LOCAL ? deviceZone : timeZone
  return name === undefined ? undefined : zoneNamed(name)?.id
}

/** Why a recurrence cannot be read; undefined when it can. Only one that its schema has not accepted cannot. */
export function scheduleProblem(recurrence: Recurrence): string | undefined {
  const plan = planOf(recurrence)
  return plan.type === 'Unreadable' ? plan.reason : undefined
}

/**
 * What changes in it only remembers what was found: `counted` all wall-clock times of a rule with COUNT or of a single day;
 * `times` those of `period`, looked at last; and that the rule gives none after `noneAfter` and none up to `noneUpTo`.
 */
type Readable = {
  readonly type: 'Readable'
  readonly expansion: Expansion
  readonly offset: number
  readonly once: boolean
  counted: readonly WallMs[] | undefined
  period: number
  times: readonly WallMs[]
  noneAfter: WallMs
  noneUpTo: WallMs
}

type Plan = Readable | { readonly type: 'Unreadable'; readonly reason: string }

const MAX_PLANS = 4096
const plans = new WeakMap<Recurrence, Plan>()
const plansByContent = new Map<string, Plan>()

const DAILY: Rrule = {
  frequency: 'DAILY',
  interval: 1,
  byMonth: [],
  byWeekNo: [],
  byYearDay: [],
  byMonthDay: [],
  byDay: [],
  byHour: [],
  byMinute: [],
  bySetPos: [],
  weekStart: 0,
}

function planOf(recurrence: Recurrence): Plan {
  const known = plans.get(recurrence)
  if (known !== undefined) return known
  const key = [recurrence.rrule, recurrence.at, recurrence.startsOn, recurrence.offset].join(' ')
  let plan = plansByContent.get(key)
  if (plan === undefined) {
    plan = readPlan(recurrence)
    if (plansByContent.size >= MAX_PLANS) plansByContent.clear()
    plansByContent.set(key, plan)
  }
  plans.set(recurrence, plan)
  return plan
}

function readPlan({ rrule, at, startsOn, offset }: Recurrence): Plan {
  const start = Date.parse(`${startsOn ?? '1970-01-01'}T${at}Z`)
  const shift = offsetDays(offset) * DAY
  if (Number.isNaN(start) || (startsOn !== undefined && !isRealDate(startsOn)))
    return { type: 'Unreadable', reason: `startsOn ${startsOn ?? 'missing'} at ${at} is no time` }
  if (Number.isNaN(shift)) return { type: 'Unreadable', reason: `offset ${offset} is not in whole days` }
  if (rrule === undefined && startsOn === undefined) return { type: 'Unreadable', reason: 'neither rrule nor startsOn' }
  const parsed = rrule === undefined ? undefined : parseRrule(rrule)
  if (parsed?.type === 'Errors') return { type: 'Unreadable', reason: parsed.errors.join('; ') }
  const missing = parsed !== undefined && startsOn === undefined ? whyStartNeeded(parsed.rule) : undefined
  if (missing !== undefined) return { type: 'Unreadable', reason: missing }
  return {
    type: 'Readable',
    expansion: expansionOf(parsed?.rule ?? DAILY, start),
    offset: shift,
    once: parsed === undefined,
    counted: undefined,
    period: -1,
    times: [],
    noneAfter: END_OF_TIME - 1,
    noneUpTo: start - 1,
  }
}

/** UNTIL in the zone: the last wall-clock time that the rule may give. */
function lastWall({ expansion }: Readable, zone: Zone): WallMs {
  const { until } = expansion.rule
  if (until === undefined) return END_OF_TIME - 1
  return Math.min(until.type === 'Wall' ? until.at : latestWallOf(zone, until.at), END_OF_TIME - 1)
}

function nextWall(plan: Readable, after: WallMs): WallMs | undefined {
  const counted = countedWalls(plan)
  if (counted !== undefined) return counted[countUpTo(counted, after)]
  return search(plan, after)
}

function latestWall(plan: Readable, atOrBefore: WallMs): WallMs | undefined {
  const counted = countedWalls(plan)
  if (counted !== undefined) return counted[countUpTo(counted, atOrBefore) - 1]
  if (atOrBefore <= plan.noneUpTo) return undefined
  const first = periodAt(plan.expansion, plan.noneUpTo + 1)
  for (let period = periodAt(plan.expansion, atOrBefore); period >= first; period--) {
    const times = timesOfPeriod(plan, period)
    const found = times[countUpTo(times, atOrBefore) - 1]
    if (found !== undefined && found > plan.noneUpTo) return found
  }
  plan.noneUpTo = atOrBefore
  return undefined
}

/** The first time after another, not before the start, looking period by period. */
function search(plan: Readable, after: WallMs): WallMs | undefined {
  const from = Math.max(after, plan.expansion.start - 1)
  if (from >= plan.noneAfter) return undefined
  const last = periodAt(plan.expansion, plan.noneAfter)
  for (let period = periodAt(plan.expansion, from); period <= last; period++) {
    const times = timesOfPeriod(plan, period)
    const found = times[countUpTo(times, from)]
    if (found !== undefined && found <= plan.noneAfter) return found
  }
  plan.noneAfter = from
  return undefined
}

function timesOfPeriod(plan: Readable, period: number): readonly WallMs[] {
  if (plan.period !== period) {
    plan.times = timesIn(plan.expansion, period)
    plan.period = period
  }
  return plan.times
}

function countedWalls(plan: Readable): readonly WallMs[] | undefined {
  const { rule, start } = plan.expansion
  if (plan.counted !== undefined) return plan.counted
  if (plan.once) plan.counted = [start]
  else if (rule.count !== undefined) {
    const walls: WallMs[] = []
    let wall = search(plan, start - 1)
    while (wall !== undefined && walls.length < rule.count) {
      walls.push(wall)
      wall = search(plan, wall)
    }
    plan.counted = walls
  }
  return plan.counted
}

/** How many of ascending times lie at or before a moment. */
function countUpTo(times: readonly WallMs[], moment: WallMs): number {
  let low = 0
  let high = times.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((times[middle] ?? 0) <= moment) low = middle + 1
    else high = middle
  }
  return low
}
