// Which wall-clock times a rule gives, one period of its frequency at a time (RFC 5545 §3.3.10). Pure arithmetic on
// whole numbers; time zones, offsets and UNTIL come later, in recurrence.ts.
import { DAY, HOUR, MINUTE } from '../model/instant.ts'
import type { Rrule, RruleDay } from '../model/rrule.ts'
import { civilOf, dayNumber, dayOfWall, floorMod, isLeapYear, monthLength, type WallMs, weekdayOf } from './calendar.ts'

/** A rule bound to its start, with what the start implies filled in. */
export type Expansion = {
  readonly rule: Rrule
  readonly start: WallMs
  /** Times of day in milliseconds, ascending: of each day, or of those days' hours or minutes that the interval may meet. */
  readonly times: readonly number[]
  /** Bit m for month m; all ones without BYMONTH. */
  readonly months: number
  /** Bit d for the d-th day of the month, and for the d-th from its end; both 0 when every day counts. */
  readonly monthDays: number
  readonly monthDaysFromEnd: number
  /** Bit w for weekday w, and what remains with an ordinal. */
  readonly weekdays: number
  readonly ordinals: readonly RruleDay[]
}

/** `start` is the day of `startsOn` at the recurrence's time of day; hour and minute of `start` stand in for BYHOUR and BYMINUTE. */
export function expansionOf(rule: Rrule, start: WallMs): Expansion {
  const { month, day } = civilOf(dayOfWall(start))
  const { frequency, byMonth, byMonthDay, byDay } = rule
  const yearly = frequency === 'YEARLY'
  const undated = byMonthDay.length === 0 && byDay.length === 0
  const weekdayImplied =
    undated && (frequency === 'WEEKLY' || (yearly && rule.byWeekNo.length > 0 && rule.byYearDay.length === 0))
  const dayImplied = undated && !weekdayImplied && (frequency === 'MONTHLY' || (yearly && rule.byYearDay.length === 0))
  const monthImplied = dayImplied && yearly && byMonth.length === 0
  return {
    rule,
    start,
    times: timesOf(rule, start),
    months: monthImplied ? 1 << month : byMonth.length > 0 ? bits(byMonth) : -1,
    monthDays: dayImplied ? 1 << day : bits(byMonthDay.filter((number) => number > 0)),
    monthDaysFromEnd: bits(byMonthDay.filter((number) => number < 0).map((number) => -number)),
    weekdays: weekdayImplied
      ? 1 << weekdayOf(dayOfWall(start))
      : bits(byDay.filter(({ ordinal }) => ordinal === 0).map(({ weekday }) => weekday)),
    ordinals: byDay.filter(({ ordinal }) => ordinal !== 0),
  }
}

/** The number of the period that holds a time: the first is 0, one that INTERVAL leaves out counts to the period before it. Periods of hourly and minutely rules are days. */
export function periodAt({ rule, start }: Expansion, wall: WallMs): number {
  const day = dayOfWall(wall)
  const startDay = dayOfWall(start)
  switch (rule.frequency) {
    case 'YEARLY':
      return Math.floor((civilOf(day).year - civilOf(startDay).year) / rule.interval)
    case 'MONTHLY':
      return Math.floor((monthNumber(day) - monthNumber(startDay)) / rule.interval)
    case 'WEEKLY':
      return Math.floor((day - weekStart(rule, startDay)) / 7 / rule.interval)
    case 'DAILY':
      return Math.floor((day - startDay) / rule.interval)
    default:
      return day - startDay
  }
}

/** All times of a period, ascending; those before the start are not left out. At most one a minute. */
export function timesIn(expansion: Expansion, period: number): readonly WallMs[] {
  const { rule, start } = expansion
  const days: number[] = []
  const startDay = dayOfWall(start)
  switch (rule.frequency) {
    case 'YEARLY': {
      const year = civilOf(startDay).year + period * rule.interval
      for (let month = 1; month <= 12; month++) addMonth(expansion, year, month, days)
      break
    }
    case 'MONTHLY': {
      const months = monthNumber(startDay) + period * rule.interval
      addMonth(expansion, Math.floor(months / 12), (months % 12) + 1, days)
      break
    }
    case 'WEEKLY': {
      const first = weekStart(rule, startDay) + period * rule.interval * 7
      for (let day = first; day < first + 7; day++) addDay(expansion, day, days)
      break
    }
    case 'DAILY':
      addDay(expansion, startDay + period * rule.interval, days)
      break
    default:
      addDay(expansion, startDay + period, days)
      return days.length === 0 ? days : timesOfDay(expansion, startDay + period)
  }
  return picked(rule.bySetPos, days, expansion.times)
}

function bits(numbers: readonly number[]): number {
  return numbers.reduce((mask, number) => mask | (1 << number), 0)
}

function monthNumber(day: number): number {
  const { year, month } = civilOf(day)
  return year * 12 + month - 1
}

function weekStart(rule: Rrule, day: number): number {
  return day - floorMod(weekdayOf(day) - rule.weekStart, 7)
}

/** Hourly and minutely rules keep only the times of day that a multiple of the interval can reach at all: an unreachable rule costs nothing. */
function timesOf(rule: Rrule, start: WallMs): number[] {
  const clock = floorMod(start, DAY)
  const second = clock % MINUTE
  const subDaily = rule.frequency === 'HOURLY' || rule.frequency === 'MINUTELY'
  const hours = rule.byHour.length > 0 ? rule.byHour : subDaily ? upTo(24) : [Math.floor(clock / HOUR)]
  let minutes =
    rule.byMinute.length > 0
      ? rule.byMinute
      : rule.frequency === 'MINUTELY'
        ? upTo(60)
        : [Math.floor((clock % HOUR) / MINUTE)]
  if (rule.frequency === 'HOURLY') minutes = picked(rule.bySetPos, [0], minutes)
  if (rule.frequency === 'MINUTELY' && picked(rule.bySetPos, [0], [0]).length === 0) minutes = []
  const times = hours.flatMap((hour) => minutes.map((minute) => hour * HOUR + minute * MINUTE + second))
  if (!subDaily) return times
  const step = rule.frequency === 'HOURLY' ? HOUR : MINUTE
  const reach = greatestCommonDivisor(rule.interval, DAY / step)
  return times.filter((time) => (Math.floor(time / step) - Math.floor(clock / step)) % reach === 0)
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index)
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b)
}

function timesOfDay({ rule, start, times }: Expansion, day: number): WallMs[] {
  const step = rule.frequency === 'HOURLY' ? HOUR : MINUTE
  const first = Math.floor(start / step)
  const walls: WallMs[] = []
  for (const time of times) {
    const wall = day * DAY + time
    if ((Math.floor(wall / step) - first) % rule.interval === 0) walls.push(wall)
  }
  return walls
}

function addMonth(expansion: Expansion, year: number, month: number, into: number[]): void {
  if (((expansion.months >>> month) & 1) === 0) return
  const first = dayNumber(year, month, 1)
  const length = monthLength(year, month)
  for (let day = 1; day <= length; day++)
    if (takes(expansion, year, month, day, first + day - 1)) into.push(first + day - 1)
}

function addDay(expansion: Expansion, dayCount: number, into: number[]): void {
  const { year, month, day } = civilOf(dayCount)
  if (((expansion.months >>> month) & 1) === 1 && takes(expansion, year, month, day, dayCount)) into.push(dayCount)
}

/** Whether a day of a month that BYMONTH allows passes all other parts. */
function takes(expansion: Expansion, year: number, month: number, day: number, dayCount: number): boolean {
  const { rule, monthDays, monthDaysFromEnd, weekdays, ordinals } = expansion
  if ((monthDays | monthDaysFromEnd) !== 0) {
    const fromEnd = monthLength(year, month) - day + 1
    if (((monthDays >>> day) & 1) === 0 && ((monthDaysFromEnd >>> fromEnd) & 1) === 0) return false
  }
  if (rule.byYearDay.length > 0) {
    const inYear = dayCount - dayNumber(year, 1, 1) + 1
    if (!countsTo(rule.byYearDay, inYear, isLeapYear(year) ? 366 : 365)) return false
  }
  if (rule.byWeekNo.length > 0 && !inWeekNo(rule, dayCount)) return false
  if (weekdays === 0 && ordinals.length === 0) return true
  const weekday = weekdayOf(dayCount)
  if (((weekdays >>> weekday) & 1) === 1) return true
  return ordinals.length > 0 && isOrdinalDay(expansion, year, month, day, dayCount, weekday)
}

function countsTo(numbers: readonly number[], fromStart: number, total: number): boolean {
  return numbers.includes(fromStart) || numbers.includes(fromStart - total - 1)
}

/** Second Tuesday and the like: of the month, or of the year in a yearly rule without BYMONTH. */
function isOrdinalDay(
  { rule, ordinals }: Expansion,
  year: number,
  month: number,
  day: number,
  dayCount: number,
  weekday: number,
): boolean {
  const ofYear = rule.frequency === 'YEARLY' && rule.byMonth.length === 0
  const position = ofYear ? dayCount - dayNumber(year, 1, 1) : day - 1
  const length = ofYear ? (isLeapYear(year) ? 366 : 365) : monthLength(year, month)
  const ordinal = Math.floor(position / 7) + 1
  const fromEnd = -Math.floor((length - 1 - position) / 7) - 1
  return ordinals.some((one) => one.weekday === weekday && (one.ordinal === ordinal || one.ordinal === fromEnd))
}

/** A week belongs to the year that holds its fourth day; days count to their week's number, also where that week belongs to the neighbouring year. */
function inWeekNo(rule: Rrule, dayCount: number): boolean {
  const middle = weekStart(rule, dayCount) + 3
  const { year } = civilOf(middle)
  const weekNo = Math.floor((middle - dayNumber(year, 1, 1)) / 7) + 1
  const lastDay = dayNumber(year, 12, 31)
  const lastMiddle = lastDay - floorMod(weekdayOf(lastDay) - rule.weekStart - 3, 7)
  const weeks = Math.floor((lastMiddle - dayNumber(year, 1, 1)) / 7) + 1
  return countsTo(rule.byWeekNo, weekNo, weeks)
}

/** Every day at every time, of which BYSETPOS keeps those at its positions. Times are milliseconds of a day, or minutes of an hour with `days` [0]. */
function picked(positions: readonly number[], days: readonly number[], times: readonly number[]): number[] {
  const total = days.length * times.length
  const at = (index: number) => (days[Math.floor(index / times.length)] ?? 0) * DAY + (times[index % times.length] ?? 0)
  if (positions.length === 0) return Array.from({ length: total }, (_, index) => at(index))
  const indexes = positions.map((position) => (position > 0 ? position - 1 : total + position))
  return [...new Set(indexes)]
    .filter((index) => index >= 0 && index < total)
    .sort((a, b) => a - b)
    .map(at)
}
