// When one device may be changed (semantics.md §5): its windows and freezes as stretches of time, and what they leave for
// an update to start or for a restart.
import { byName } from '../model/by-name.ts'
import { DAY, type EpochMs, HOUR, MINUTE, toRfc3339 } from '../model/instant.ts'
import { MAX_RUN_TIME_MINUTES } from '../model/limits.ts'
import type { FreezeTimes, MaintenanceWindowTimes } from '../model/recurrence.ts'
import { DEVICE_LOCAL } from '../model/times.ts'
import { clipped, type Interval, subtracted, united } from './intervals.ts'
import { freezeOccasions, lengthOf, nextOpening, windowOccasions } from './occasions.ts'
import { scheduleProblem, zoneOf } from './recurrence.ts'
import { END_OF_TIME } from './zones.ts'

export type WindowInput = {
  readonly name: string
  readonly appliesTo: 'AllDeployments' | 'SoftwareUpdates'
  readonly times: MaintenanceWindowTimes
}

export type FreezeInput = { readonly name: string; readonly times: FreezeTimes }

/** A window or freeze that cannot be evaluated on this device, and why, in English. */
export type Doubt = { readonly name: string; readonly reason: string }

/** Everything that decides when one update may start on one device. */
export type DeviceTimes = {
  /** As `applicableWindows` gives them. */
  readonly windows: readonly WindowInput[]
  readonly freezes: readonly FreezeInput[]
  /** IANA name; undefined when the device has not said it. */
  readonly deviceZone: string | undefined
  readonly available: EpochMs
  /** When installation becomes due; undefined for a deployment that is only on offer: nothing starts by itself. */
  readonly deadline: EpochMs | undefined
  readonly urgent: boolean
  readonly outsideWindow: { readonly install: boolean; readonly restart: boolean }
  readonly maxRunTimeMinutes: number
}

/** Looked at from `from` until before `until`. */
export type StartInput = DeviceTimes & Interval

export type StartTimes = {
  readonly intervals: Interval[]
  readonly fits: 'Fits' | 'NeverFits'
  /** In English: why it never fits, and which windows and freezes are in doubt; undefined when there is nothing to say. */
  readonly reason: string | undefined
  /** What must remain of a window: the maximum run time and the restart reserve. */
  readonly neededMinutes: number
  /** The longest stretch that the windows give, freezes left aside; one that is longer than needed may be cut off. Undefined without windows. */
  readonly longestMinutes: number | undefined
}

/** Configuration Manager's reserve for the restart that may follow an installation. */
export const RESTART_RESERVE_MINUTES = 5

/** How far ahead windows are looked at one by one. What opens only later is known by its length alone. */
export const WINDOW_HORIZON_MS = 62 * DAY

/** A device with any SoftwareUpdates window ignores its AllDeployments windows, unless the deployment says otherwise. */
export function applicableWindows(windows: readonly WindowInput[], useAllDeployments: boolean): readonly WindowInput[] {
  const specific = windows.filter(({ appliesTo }) => appliesTo === 'SoftwareUpdates')
  return useAllDeployments || specific.length === 0 ? windows : specific
}

/**
 * When any of the windows is open on a device, from `from` until before `until`: united, in normal form. A window that
 * opened before `from` and is still open counts. It stays open for its duration in elapsed time, whatever daylight saving
 * does meanwhile. `closed` has the windows that count as never open because they cannot be evaluated, by name.
 */
export function openIntervals(
  windows: readonly WindowInput[],
  deviceZone: string | undefined,
  from: EpochMs,
  until: EpochMs,
): { readonly intervals: Interval[]; readonly closed: Doubt[] } {
  const intervals: Interval[] = []
  const closed: Doubt[] = []
  for (const { name, times } of windows) {
    const zone = zoneOf(times.schedule, deviceZone)
    const found = zone === undefined ? undefined : windowOccasions(times, zone, { from, until })
    if (found !== undefined) for (const one of found) intervals.push(one)
    else
      closed.push({
        name,
        reason: zone === undefined ? zoneDoubt(times.schedule.timeZone, deviceZone) : unreadable(times),
      })
  }
  return { intervals: clipped(united(intervals), from, until), closed: closed.sort(byName) }
}

/**
 * When any of the freezes holds on a device, from `from` until before `until`: united, in normal form. Closed on doubt: a
 * DeviceLocal freeze on a device whose zone is not known holds whenever it holds anywhere on earth (UTC−12 to UTC+14), and
 * one that cannot be read always holds; `doubtful` names both kinds.
 */
export function frozenIntervals(
  freezes: readonly FreezeInput[],
  deviceZone: string | undefined,
  from: EpochMs,
  until: EpochMs,
): { readonly intervals: Interval[]; readonly doubtful: Doubt[] } {
  const intervals: Interval[] = []
  const doubtful: Doubt[] = []
  for (const { name, times } of freezes) {
    const timeZone = times.schedule?.timeZone ?? times.timeZone ?? 'UTC'
    const zone = zoneOf({ timeZone }, deviceZone)
    const found =
      zone === undefined ? anywhereOnEarth(times, timeZone, from, until) : freezeOccasions(times, zone, { from, until })
    if (found === undefined)
      doubtful.push({
        name,
        reason: `${zone === undefined ? zoneDoubt(timeZone, deviceZone) : unreadable(times)}: it always holds`,
      })
    else if (zone === undefined)
      doubtful.push({
        name,
        reason: `${zoneDoubt(timeZone, deviceZone)}: it holds as long as it does anywhere on earth`,
      })
    for (const one of found ?? [{ from, until }]) intervals.push(one)
  }
  return { intervals: clipped(united(intervals), from, until), doubtful: doubtful.sort(byName) }
}

/**
 * When the update may START on the device, from `from` until before `until`, in normal form. At an instant t it may, when
 * all of these hold:
 *
 * 1. t is not before `available` and not before `deadline`. As in Configuration Manager, installation becomes due at the
 *    deadline: windows before it are not used. Without a deadline nothing starts by itself.
 * 2. One of the device's windows is open at t, or the device has no window, or `outsideWindow.install` is set. A window
 *    that cannot be evaluated is a window all the same, never open.
 * 3. No freeze holds at t, unless `urgent`.
 * 4. What is left from t to the end of the open stretch is strictly more than the maximum run time + 5 minutes. Windows that
 *    overlap or touch are one stretch. Unless `urgent`, it also ends where a freeze begins, with or without windows.
 *
 * `NeverFits`, whatever available, deadline and freezes say: the device has windows, `outsideWindow.install` is not set, no
 * stretch that meets the given time is longer than needed, nor does any window alone that opens again after it.
 */
export function startIntervals(input: StartInput): StartTimes {
  const neededMinutes = input.maxRunTimeMinutes + RESTART_RESERVE_MINUTES
  const { intervals, doubts } = permitted(input, input.outsideWindow.install, neededMinutes)
  if (input.windows.length === 0)
    return { intervals, fits: 'Fits', reason: doubts.join('; ') || undefined, neededMinutes, longestMinutes: undefined }
  const longest = longestStretch(input, neededMinutes)
  const longestMinutes = longest.length / MINUTE
  const fits = longestMinutes > neededMinutes || input.outsideWindow.install
  const misfit = `it needs more than ${neededMinutes} minutes (${input.maxRunTimeMinutes} to run, ${RESTART_RESERVE_MINUTES} to restart), and ${longest.text}`
  const reasons = fits ? doubts : [misfit, ...doubts]
  return {
    intervals,
    fits: fits ? 'Fits' : 'NeverFits',
    reason: reasons.join('; ') || undefined,
    neededMinutes,
    longestMinutes,
  }
}

/**
 * When a restart that an installed update waits for may begin: by the rules of `startIntervals`, with 5 minutes in place
 * of maximum run time + 5, and `outsideWindow.restart` in place of `outsideWindow.install`.
 */
export function restartIntervals(input: StartInput): Interval[] {
  return permitted(input, input.outsideWindow.restart, RESTART_RESERVE_MINUTES).intervals
}

/**
 * The first instant after `now` and before `until` at which the update's or the restart's permission to start begins or
 * ends on the device: when to look again. Undefined when neither changes before `until`.
 */
export function nextBoundary(times: DeviceTimes, now: EpochMs, until: EpochMs): EpochMs | undefined {
  const end = Math.min(until, END_OF_TIME)
  const { outsideWindow, maxRunTimeMinutes } = times
  // Most often the answer is near: look a day ahead first, then further by doubling.
  for (let reach = DAY; ; reach *= 2) {
    const input = { ...times, from: now, until: Math.min(now + reach, end) }
    const starts = permitted(input, outsideWindow.install, maxRunTimeMinutes + RESTART_RESERVE_MINUTES).intervals
    const edges = [...starts, ...permitted(input, outsideWindow.restart, RESTART_RESERVE_MINUTES).intervals]
    const next = edges
      .flatMap((one) => [one.from, one.until])
      .filter((edge) => edge > now && edge < input.until)
      .reduce((least, edge) => Math.min(least, edge), Number.POSITIVE_INFINITY)
    if (next < input.until) return next
    if (input.until >= end) return undefined
  }
}

/**
 * The longest stretch that a device's windows give, freezes left aside, in minutes: what needs as much or more never fits. A
 * stretch that is longer than any update needs may be cut off. `windows` as `applicableWindows` gives them.
 */
export function longestWindowMinutes(
  windows: readonly WindowInput[],
  deviceZone: string | undefined,
  within: Interval,
): number {
  const neededMinutes = MAX_RUN_TIME_MINUTES + RESTART_RESERVE_MINUTES
  return longestStretch({ windows, deviceZone, ...within }, neededMinutes).length / MINUTE
}

/** Clocks at UTC+14 show a time so long before UTC does, those at UTC−12 so long after. */
const FURTHEST_AHEAD = 14 * HOUR
const FURTHEST_BEHIND = 12 * HOUR

function zoneDoubt(timeZone: string, deviceZone: string | undefined): string {
  if (timeZone !== DEVICE_LOCAL) return `time zone ${timeZone} is not known here`
  if (deviceZone === undefined) return 'it is DeviceLocal, and the device has not said its time zone'
  return `it is DeviceLocal, and the device's time zone ${JSON.stringify(deviceZone.slice(0, 64))} is not known here`
}

function unreadable({
  schedule,
  duration,
}: {
  readonly schedule?: MaintenanceWindowTimes['schedule'] | undefined
  readonly duration?: string | undefined
}): string {
  const problem = schedule === undefined ? undefined : scheduleProblem(schedule)
  if (problem !== undefined) return `its schedule cannot be read (${problem})`
  if (duration !== undefined && lengthOf(duration) === undefined)
    return `its duration ${JSON.stringify(duration.slice(0, 64))} cannot be read`
  return 'its dates cannot be read'
}

function anywhereOnEarth(times: FreezeTimes, timeZone: string, from: EpochMs, until: EpochMs): Interval[] | undefined {
  if (timeZone !== DEVICE_LOCAL) return undefined
  return freezeOccasions(times, 'UTC', { from: from - FURTHEST_BEHIND, until: until + FURTHEST_AHEAD })?.map((one) => ({
    from: one.from - FURTHEST_AHEAD,
    until: one.until + FURTHEST_BEHIND,
  }))
}

/** Rules 1 to 4 of `startIntervals`, for something that needs more than `neededMinutes`. */
function permitted(
  input: StartInput,
  outside: boolean,
  neededMinutes: number,
): { intervals: Interval[]; doubts: string[] } {
  const { windows, freezes, deviceZone, from } = input
  const needed = neededMinutes * MINUTE
  // Cut off there, a stretch still allows every start before `until`.
  const beyond = input.until + needed
  const open = openIntervals(windows, deviceZone, from, beyond)
  const frozen = frozenIntervals(input.urgent ? [] : freezes, deviceZone, from, beyond)
  const doubts = [
    ...open.closed.map(({ name, reason }) => `window ${name} counts as closed: ${reason}`),
    ...frozen.doubtful.map(({ name, reason }) => `freeze ${name}: ${reason}`),
  ]
  const due = input.deadline === undefined ? Number.POSITIVE_INFINITY : Math.max(input.available, input.deadline)
  const stretches = windows.length === 0 || outside ? [{ from, until: beyond }] : open.intervals
  const starts = subtracted(stretches, frozen.intervals).map((one) => ({ from: one.from, until: one.until - needed }))
  return { intervals: clipped(united(starts), Math.max(from, due), input.until), doubts }
}

/** The longest stretch that the windows give, in milliseconds, and a text that names it. */
function longestStretch(
  { windows, deviceZone, from, until }: Pick<StartInput, 'windows' | 'deviceZone' | 'from' | 'until'>,
  neededMinutes: number,
): { length: number; text: string } {
  // Wide enough that a stretch cut off at either end is long enough anyway.
  const margin = (neededMinutes + 1) * MINUTE
  const stretches = openIntervals(windows, deviceZone, from - margin, until + margin).intervals
  let longest = { length: 0, text: 'none of its windows opens' }
  for (const one of stretches) {
    const length = one.until - one.from
    if (one.from < until && from < one.until && length > longest.length)
      longest = { length, text: `its longest window is ${length / MINUTE} minutes, at ${toRfc3339(one.from)}` }
  }
  for (const { name, times } of windows) {
    const zone = zoneOf(times.schedule, deviceZone)
    const length = lengthOf(times.duration) ?? 0
    if (zone === undefined || length <= longest.length) continue
    const next = nextOpening(times, zone, until)
    if (next !== undefined)
      longest = { length, text: `its longest window is ${length / MINUTE} minutes, ${name} at ${toRfc3339(next)}` }
  }
  return longest
}
