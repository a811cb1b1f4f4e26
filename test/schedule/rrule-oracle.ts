// A second, slow reading of RFC 5545 to hold the evaluator against: it walks over days (or minutes), asks Temporal about
// each, and shares no code with schedule/.

export type OracleRule = {
  readonly freq: string
  readonly interval?: number | undefined
  readonly count?: number | undefined
  readonly until?: string | undefined
  readonly byMonth?: readonly number[] | undefined
  readonly byWeekNo?: readonly number[] | undefined
  readonly byYearDay?: readonly number[] | undefined
  readonly byMonthDay?: readonly number[] | undefined
  readonly byDay?: readonly string[] | undefined
  readonly byHour?: readonly number[] | undefined
  readonly byMinute?: readonly number[] | undefined
  readonly bySetPos?: readonly number[] | undefined
  readonly wkst?: string | undefined
}

const NAMES = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU']

type DayFacts = {
  /** The date itself, and how many days it lies after `FIRST`. */
  readonly text: string
  readonly index: number
  readonly year: number
  readonly month: number
  readonly day: number
  readonly dayFromEnd: number
  readonly dayOfYear: number
  readonly dayOfYearFromEnd: number
  readonly weekday: string
}

const FIRST = Temporal.PlainDate.from('2009-01-01')
const days: DayFacts[] = []

/** Temporal's facts of each day, asked for once. */
function dayAt(index: number): DayFacts {
  for (let next = days.length; next <= index; next++) {
    const date = FIRST.add({ days: next })
    const { year, month, day, dayOfYear, daysInMonth, daysInYear } = date
    days.push({
      text: date.toString(),
      index: next,
      year,
      month,
      day,
      dayFromEnd: day - daysInMonth - 1,
      dayOfYear,
      dayOfYearFromEnd: dayOfYear - daysInYear - 1,
      weekday: NAMES[date.dayOfWeek - 1] ?? '',
    })
  }
  const facts = days[index]
  if (facts === undefined) throw new RangeError(`no day ${index}`)
  return facts
}

function dayOf(date: string): DayFacts {
  return dayAt(FIRST.until(date).days)
}

export function rruleText(rule: OracleRule): string {
  const lists = {
    BYMONTH: rule.byMonth,
    BYWEEKNO: rule.byWeekNo,
    BYYEARDAY: rule.byYearDay,
    BYMONTHDAY: rule.byMonthDay,
    BYDAY: rule.byDay,
    BYHOUR: rule.byHour,
    BYMINUTE: rule.byMinute,
    BYSETPOS: rule.bySetPos,
  }
  const parts = [`FREQ=${rule.freq}`]
  if (rule.interval !== undefined) parts.push(`INTERVAL=${rule.interval}`)
  if (rule.count !== undefined) parts.push(`COUNT=${rule.count}`)
  if (rule.until !== undefined) parts.push(`UNTIL=${rule.until.replaceAll('-', '')}`)
  for (const [name, list] of Object.entries(lists)) if (list !== undefined) parts.push(`${name}=${list.join(',')}`)
  if (rule.wkst !== undefined) parts.push(`WKST=${rule.wkst}`)
  return parts.join(';')
}

/** Wall-clock times "YYYY-MM-DDTHH:MM" of a daily, weekly, monthly or yearly rule, from `startsOn` through the last day. */
export function wallTimesByDay(rule: OracleRule, startsOn: string, at: string, lastDay: string): string[] {
  const start = dayOf(startsOn)
  const sets = new Map<number, string[]>()
  const hours = rule.byHour ?? [Number(at.slice(0, 2))]
  const minutes = rule.byMinute ?? [Number(at.slice(3, 5))]
  const times = hours
    .flatMap((h) => minutes.map((m) => `${String(h).padStart(2, '0')}:${String(m).padStart(2, '0')}`))
    .sort()
  for (let day = dayAt(start.index - start.dayOfYear + 1); day.text <= lastDay; day = dayAt(day.index + 1)) {
    const period = periodOf(rule, start, day)
    if (period < 0 || period % (rule.interval ?? 1) !== 0 || !isInSet(rule, start, day)) continue
    const set = sets.get(period) ?? []
    for (const time of times) set.push(`${day.text}T${time}`)
    sets.set(period, set)
  }
  return [...sets.values()]
    .flatMap((set) => positioned(rule, set))
    .filter((wall) => wall >= `${startsOn}T${at}` && (rule.until === undefined || wall.slice(0, 10) <= rule.until))
    .slice(0, rule.count)
}

/** The same for hourly and minutely rules, minute by minute over a few days. */
export function wallTimesByMinute(rule: OracleRule, startsOn: string, at: string, length: number): string[] {
  const begin = Number(at.slice(0, 2)) * 60 + Number(at.slice(3))
  const hourly = rule.freq === 'HOURLY'
  const found: string[] = []
  for (let passed = 0; passed < length * 1440; passed++) {
    const total = begin + passed
    const [hour, minute] = [Math.floor(total / 60) % 24, total % 60]
    const steps = hourly ? Math.floor(total / 60) - Math.floor(begin / 60) : passed
    if (steps % (rule.interval ?? 1) !== 0) continue
    const minutes = rule.byMinute ?? (hourly ? [begin % 60] : undefined)
    const allowed =
      hourly && minutes !== undefined
        ? positioned(
            rule,
            [...minutes].sort((a, b) => a - b),
          )
        : minutes
    if (!passes(allowed, minute) || !passes(rule.byHour, hour)) continue
    const day = dayAt(dayOf(startsOn).index + Math.floor(total / 1440))
    if (!passes(rule.byMonth, day.month) || (rule.byDay !== undefined && !rule.byDay.includes(day.weekday))) continue
    if (!passes(rule.byMonthDay, day.day, day.dayFromEnd)) continue
    if (!passes(rule.byYearDay, day.dayOfYear, day.dayOfYearFromEnd)) continue
    found.push(`${day.text}T${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`)
  }
  return found.slice(0, rule.count)
}

/** The first instant at which clocks in a zone show a wall-clock time or a later one, as Temporal alone tells it. */
export function instantOfWall(wall: string, zone: string): number {
  const plain = Temporal.PlainDateTime.from(wall)
  const earlier = plain.toZonedDateTime(zone, { disambiguation: 'earlier' })
  if (earlier.toPlainDateTime().equals(plain)) return earlier.epochMilliseconds
  return earlier.getTimeZoneTransition('next')?.epochMilliseconds ?? Number.NaN
}

function periodOf(rule: OracleRule, start: DayFacts, day: DayFacts): number {
  if (rule.freq === 'YEARLY') return day.year - start.year
  if (rule.freq === 'MONTHLY') return (day.year - start.year) * 12 + day.month - start.month
  if (rule.freq === 'WEEKLY') return (beginOfWeek(rule, day).index - beginOfWeek(rule, start).index) / 7
  return day.index - start.index
}

function beginOfWeek(rule: OracleRule, day: DayFacts): DayFacts {
  let first = day
  while (first.weekday !== (rule.wkst ?? 'MO')) first = dayAt(first.index - 1)
  return first
}

function isInSet(rule: OracleRule, start: DayFacts, day: DayFacts): boolean {
  const undated = rule.byMonthDay === undefined && rule.byDay === undefined && rule.byYearDay === undefined
  if (!passes(rule.byMonth, day.month)) return false
  if (!passes(rule.byMonthDay, day.day, day.dayFromEnd)) return false
  if (!passes(rule.byYearDay, day.dayOfYear, day.dayOfYearFromEnd)) return false
  if (rule.byWeekNo !== undefined && !passes(rule.byWeekNo, ...weekNumbers(rule, day))) return false
  if (rule.byDay !== undefined && !rule.byDay.some((text) => isDay(rule, day, text))) return false
  if (!undated || rule.freq === 'DAILY') return true
  if (rule.freq === 'WEEKLY' || rule.byWeekNo !== undefined) return day.weekday === start.weekday
  return day.day === start.day && (rule.freq === 'MONTHLY' || rule.byMonth !== undefined || day.month === start.month)
}

function isDay(rule: OracleRule, day: DayFacts, text: string): boolean {
  if (!text.endsWith(day.weekday)) return false
  if (text.length === 2) return true
  const ofMonth = rule.freq === 'MONTHLY' || rule.byMonth !== undefined
  const [first, last] = ofMonth ? [day.day, day.dayFromEnd] : [day.dayOfYear, day.dayOfYearFromEnd]
  return [Math.ceil(first / 7), Math.floor(last / 7)].includes(Number(text.slice(0, -2)))
}

/** A week's number in the year that holds most of it, from the begin and from the end of that year. */
function weekNumbers(rule: OracleRule, day: DayFacts): [number, number] {
  const middle = dayAt(beginOfWeek(rule, day).index + 3)
  return [Math.ceil(middle.dayOfYear / 7), Math.floor(middle.dayOfYearFromEnd / 7)]
}

function positioned<T>(rule: OracleRule, set: readonly T[]): T[] {
  if (rule.bySetPos === undefined) return [...set]
  const { bySetPos } = rule
  return set.filter((_, index) => bySetPos.includes(index + 1) || bySetPos.includes(index - set.length))
}

function passes(allowed: readonly number[] | undefined, ...values: number[]): boolean {
  return allowed === undefined || values.some((value) => allowed.includes(value))
}
