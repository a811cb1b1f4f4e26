// Times that come to nothing: windows in which nothing fits, deadlines in freezes, what is over, and what never happens
// (semantics.md §4, §5).
import type { Declared } from '../../model/declared.ts'
import { DAY, type EpochMs, HOUR, MINUTE, toRfc3339 } from '../../model/instant.ts'
import type { Recurrence } from '../../model/recurrence.ts'
import { DEVICE_LOCAL, freezePeriod } from '../../model/times.ts'
import { freezeOccasions, nextOpening } from '../../schedule/occasions.ts'
import { latestOccurrence, nextOccurrence } from '../../schedule/recurrence.ts'
import { openIntervals, RESTART_RESERVE_MINUTES } from '../../schedule/windows.ts'
import { END_OF_TIME } from '../../schedule/zones.ts'
import type { Finding } from '../cross-checks.ts'
import type { Membership } from './membership.ts'
import { bySchedule, lengthMs, type Planned, type Site } from './site.ts'

/** What an update may give as its maximum run time at least (semantics.md §1). */
const LEAST_RUN_TIME_MINUTES = 5
/** What is left of a window must exceed this. */
const LEAST_MS = (LEAST_RUN_TIME_MINUTES + RESTART_RESERVE_MINUTES) * MINUTE
/** Windows are looked at one by one for so long, and no more than so many short ones with so many others. */
const WINDOW_DAYS = 62
const MAX_SHORT_WINDOWS = 200
const MAX_OTHERS = 50

/** RM1503: no window of the directory could lengthen this one, and nothing fits into it. */
export function* checkWindowLengths(site: Site): Iterable<Finding> {
  const isShort = ({ spec }: Window) => lengthMs(spec.duration) <= LEAST_MS
  for (const object of site.windows.filter(isShort).slice(0, MAX_SHORT_WINDOWS)) {
    const { duration } = object.spec
    if (mayJoin(site, object)) continue
    const message = `no update fits into ${duration}: one starts only while more than its maximum run time (${LEAST_RUN_TIME_MINUTES} minutes at least) and ${RESTART_RESERVE_MINUTES} minutes for a restart are left; write more than PT${LEAST_MS / MINUTE}M`
    yield { object, path: ['spec', 'duration'], code: 'RM1503', message }
  }
}

type Window = Declared<'MaintenanceWindow'>

/**
 * Whether the window may be longer on some device than it says: by touching itself, or another window. Which windows a
 * device has is known to the fleet alone, so that every other one counts.
 */
function mayJoin(site: Site, object: Window): boolean {
  const others = site.windows.filter((other) => other !== object)
  const zones = new Set([object, ...others].map(({ spec }) => spec.schedule.timeZone))
  // In different zones they meet on one device or another.
  if (zones.size > 1 || others.length > MAX_OTHERS || [object, ...others].some(isFrequent)) return true
  const zone = object.spec.schedule.timeZone === DEVICE_LOCAL ? 'UTC' : object.spec.schedule.timeZone
  return longest([object, ...others], zone, site.at, object) > LEAST_MS
}

/** Opens many times a day: such windows join as a rule, and take long to look at one by one. */
function isFrequent({ spec }: { readonly spec: { readonly schedule?: Recurrence | undefined } }): boolean {
  return /FREQ=(MINUTELY|HOURLY)|BYHOUR|BYMINUTE/.test(spec.schedule?.rrule ?? '')
}

/** The longest stretch of the windows together, of those that `only` is part of. */
function longest(windows: readonly Window[], zone: string, at: EpochMs, only: Window): number {
  const opened = (list: readonly Window[]) => {
    const inputs = list.map(({ name, spec }) => ({ name, appliesTo: spec.appliesTo, times: spec }))
    return openIntervals(inputs, zone, at, at + WINDOW_DAYS * DAY).intervals
  }
  const own = opened([only])
  const meets = opened(windows).filter((one) => own.some((mine) => mine.from < one.until && one.from < mine.until))
  return Math.max(0, ...meets.map(({ from, until }) => until - from))
}

/** How far ahead deadlines are looked at, and how many evaluations of each rule. */
const DEADLINE_DAYS = 400
const MAX_EVALUATIONS = 60
/** Freezes compared with rules; beyond that the rest are taken to be apart. */
const MAX_PAIRS = 5000

/** RM1509: the first evaluation of each rule whose deadline no device can meet, for each freeze. */
export function* checkDeadlines(site: Site, membership: Membership): Iterable<Finding> {
  const frozen = new Map(
    site.freezes.filter((freeze) => !isFrequent(freeze)).map((one) => [one, frozenEverywhere(one, site.at)]),
  )
  let pairs = 0
  for (const planned of site.planned) {
    const { object, plan, schedule } = planned
    const [phase] = plan.phases
    if (object.kind !== 'AutomaticDeploymentRule' || schedule === undefined || phase === undefined) continue
    if (object.spec.enabled === false || object.spec.suspend || phase.deployment.urgent) continue
    for (const [freeze, intervals] of frozen) {
      if (++pairs > MAX_PAIRS) return
      const found = coversAll(freeze, phase.collection, membership) ? firstFrozen(site, planned, intervals) : undefined
      if (found === undefined) continue
      const { evaluated, due, until } = found
      const message = `evaluated at ${toRfc3339(evaluated)}, phase ${phase.name} is due at ${toRfc3339(due)}, inside freeze ${freeze.name} (${freeze.origin.file}:${freeze.origin.line}): nothing starts before ${toRfc3339(until)}`
      const path = object.spec.deployment?.deadlineAfter === undefined ? [] : ['deployment', 'deadlineAfter']
      yield { object, path: ['spec', ...path], code: 'RM1509', message }
    }
  }
}

function coversAll(freeze: Declared<'Freeze'>, collection: string, { isWithin }: Membership): boolean {
  const { collections } = freeze.spec
  return collections === undefined || collections.some((name) => isWithin(collection, name))
}

function firstFrozen(
  site: Site,
  { plan, schedule }: Planned,
  frozen: readonly Interval[],
): { readonly evaluated: EpochMs; readonly due: EpochMs; readonly until: EpochMs } | undefined {
  const deployment = plan.phases[0]?.deployment
  if (deployment === undefined || schedule === undefined) return undefined
  const after = lengthMs(deployment.availableAfter) + lengthMs(deployment.deadlineAfter)
  // Spread deadlines lie up to so much later.
  const spread = lengthMs(deployment.spread)
  const end = site.at + DEADLINE_DAYS * DAY
  if (frozen.length === 0) return undefined
  // The same wall-clock on all devices is an instant of up to 26 hours before or after.
  const doubt = deployment.timeBasis === 'DeviceLocal' ? 26 * HOUR : 0
  let evaluated = nextOccurrence(schedule, site.at, schedule.timeZone)
  for (let i = 0; evaluated !== undefined && evaluated < end && i < MAX_EVALUATIONS; i++) {
    const due = evaluated + after
    const within = frozen.find((one) => one.from <= due - doubt && due + doubt + spread < one.until)
    if (within !== undefined) return { evaluated, due, until: within.until }
    evaluated = nextOccurrence(schedule, evaluated, schedule.timeZone)
  }
  return undefined
}

type Interval = { readonly from: EpochMs; readonly until: EpochMs }

/** When the freeze holds on every device, wherever it is. */
function frozenEverywhere({ spec }: Declared<'Freeze'>, at: EpochMs): Interval[] {
  const within = { from: at, until: Math.min(at + 2 * DEADLINE_DAYS * DAY, END_OF_TIME) }
  const timeZone = spec.schedule?.timeZone ?? spec.timeZone ?? 'UTC'
  const local = timeZone === DEVICE_LOCAL
  const found = freezeOccasions(spec, local ? 'UTC' : timeZone, within) ?? []
  // It begins last at UTC−12, and ends first at UTC+14.
  const [later, earlier] = local ? [12 * HOUR, 14 * HOUR] : [0, 0]
  return found
    .map(({ from, until }) => ({ from: from + later, until: until - earlier }))
    .filter(({ from, until }) => from < until)
}

/** RM1510, RM1511. */
export function* checkOver(site: Site): Iterable<Finding> {
  let never = 0
  const goesOn = bySchedule((schedule) => ({
    soon:
      nextOccurrence(schedule, site.at, schedule.timeZone === DEVICE_LOCAL ? 'UTC' : schedule.timeZone) !== undefined,
  }))
  for (const object of site.objects) {
    // By far the most go on; for what does not, the exact limits are looked at.
    if (object.kind === 'MaintenanceWindow' && object.spec.effective === undefined && goesOn(object.spec.schedule).soon)
      continue
    const finding = overFinding(object, site.at)
    if (finding === undefined) continue
    yield finding
    if (finding.code === 'RM1511' && ++never === MAX_NEVER) return
  }
}

/** To find that something never happens takes a look at every day until 2100. */
const MAX_NEVER = 50

function overFinding(object: Declared, at: EpochMs): Finding | undefined {
  switch (object.kind) {
    case 'UpdateHold': {
      const { until } = object.spec
      if (until === undefined || Date.parse(until) > at) return undefined
      return over(object, ['spec', 'until'], `it ended at ${toRfc3339(Date.parse(until))}, and holds nothing any more`)
    }
    case 'Freeze':
      return freezeFinding(object, at)
    case 'MaintenanceWindow':
      return windowFinding(object, at)
    case 'AutomaticDeploymentRule':
    case 'DeploymentTemplate': {
      const schedule = object.spec.evaluate?.schedule
      if (schedule === undefined) return undefined
      return scheduleFinding(object, ['spec', 'evaluate', 'schedule'], schedule, at)
    }
    default:
      return undefined
  }
}

function freezeFinding(object: Declared<'Freeze'>, at: EpochMs): Finding | undefined {
  const period = freezePeriod(object.spec)
  if (period === undefined) return undefined
  if (period.type === 'Once') {
    const zone = period.timeZone === DEVICE_LOCAL ? 'UTC' : period.timeZone
    // On the last device on earth.
    const end = at - (period.timeZone === DEVICE_LOCAL ? 12 * HOUR : 0)
    const ahead = freezeOccasions(object.spec, zone, { from: end, until: END_OF_TIME })
    if (ahead === undefined || ahead.length > 0) return undefined
    return over(object, ['spec', 'until'], 'the freeze has ended')
  }
  const length = lengthMs(period.duration)
  return scheduleFinding(object, ['spec', 'schedule'], period.schedule, at - length)
}

function windowFinding(object: Declared<'MaintenanceWindow'>, at: EpochMs): Finding | undefined {
  const { spec } = object
  const zone = spec.schedule.timeZone === DEVICE_LOCAL ? 'UTC' : spec.schedule.timeZone
  const length = lengthMs(spec.duration) + DAY
  if (nextOpening(spec, zone, at - length) !== undefined) return undefined
  const never = nextOpening(spec, zone, 0) === undefined
  const field = spec.effective === undefined ? ['spec', 'schedule'] : ['spec', 'effective']
  if (never) return neverFinding(object, field)
  return over(object, field, 'the window has opened for the last time')
}

function scheduleFinding(
  object: Declared,
  path: readonly string[],
  schedule: Recurrence,
  at: EpochMs,
): Finding | undefined {
  const zone = schedule.timeZone === DEVICE_LOCAL ? 'UTC' : schedule.timeZone
  if (nextOccurrence(schedule, at - DAY, zone) !== undefined) return undefined
  const last = latestOccurrence(schedule, at, zone)
  if (last === undefined) return neverFinding(object, path)
  return over(object, path, `it happened for the last time at ${toRfc3339(last)}`)
}

function over(object: Declared, path: readonly string[], what: string): Finding {
  return { object, path, code: 'RM1510', message: `${what}: remove it, or give it a later end` }
}

function neverFinding(object: Declared, path: readonly string[]): Finding {
  const message = 'it never happens, neither in the past nor before 2100: look at the days and dates that it names'
  return { object, path, code: 'RM1511', message }
}
