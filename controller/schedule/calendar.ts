// The Gregorian calendar on whole numbers. A day is counted from 1970-01-01, wall-clock time in milliseconds as if it were UTC.
import { DAY } from '../model/instant.ts'
import type { Weekday } from '../model/rrule.ts'

/** Wall-clock time: milliseconds from 1970-01-01T00:00 on the wall. */
export type WallMs = number

export type Civil = { readonly year: number; readonly month: number; readonly day: number }

/** Days from 1970-01-01 to a date. A month below 1 or above 12 counts into the neighbouring years. */
export function dayNumber(year: number, month: number, day: number): number {
  const marches = year * 12 + month - 3
  const y = Math.floor(marches / 12)
  const m = marches - y * 12
  const leaps = Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400)
  return y * 365 + leaps + Math.floor((153 * m + 2) / 5) + day - 1 - 719_468
}

/** The date of a day number. */
export function civilOf(dayCount: number): Civil {
  const days = dayCount + 719_468
  const era = Math.floor(days / 146_097)
  const inEra = days - era * 146_097
  const yearOfEra = Math.floor(
    (inEra - Math.floor(inEra / 1460) + Math.floor(inEra / 36_524) - Math.floor(inEra / 146_096)) / 365,
  )
  const inYear = inEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const m = Math.floor((5 * inYear + 2) / 153)
  const year = era * 400 + yearOfEra + (m >= 10 ? 1 : 0)
  return { year, month: m < 10 ? m + 3 : m - 9, day: inYear - Math.floor((153 * m + 2) / 5) + 1 }
}

export function weekdayOf(day: number): Weekday {
  return floorMod(day + 3, 7)
}

export function isLeapYear(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
}

export function monthLength(year: number, month: number): number {
  if (month === 2) return isLeapYear(year) ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

export function dayOfWall(wall: WallMs): number {
  return Math.floor(wall / DAY)
}

export function floorMod(value: number, divisor: number): number {
  const rest = value % divisor
  return rest < 0 ? rest + divisor : rest
}
