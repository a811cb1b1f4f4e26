// Reads the value of an RFC 5545 RRULE into a plain object, and says what is wrong with one in words that help.
// Which times a rule gives is worked out in schedule/.

const FREQUENCIES = ['MINUTELY', 'HOURLY', 'DAILY', 'WEEKLY', 'MONTHLY', 'YEARLY'] as const
export type Frequency = (typeof FREQUENCIES)[number]

/** 0 is Monday, 6 is Sunday. */
export type Weekday = number

/** `ordinal` 0 is every such day, 2 the second, -1 the last of the month (of the year in a yearly rule without BYMONTH). */
export type RruleDay = { readonly ordinal: number; readonly weekday: Weekday }

/** The last moment, inclusive. `Wall` is wall-clock time, counted as if it were UTC; a date alone means the end of that day. */
export type RruleUntil = { readonly type: 'Wall' | 'Instant'; readonly at: number }

/** A rule that has passed every check. Lists are ascending, without duplicates, and empty when the part is absent. */
export type Rrule = {
  readonly frequency: Frequency
  readonly interval: number
  readonly count?: number
  readonly until?: RruleUntil
  readonly byMonth: readonly number[]
  readonly byWeekNo: readonly number[]
  readonly byYearDay: readonly number[]
  readonly byMonthDay: readonly number[]
  readonly byDay: readonly RruleDay[]
  readonly byHour: readonly number[]
  readonly byMinute: readonly number[]
  readonly bySetPos: readonly number[]
  readonly weekStart: Weekday
}

export type ParsedRrule =
  | { readonly type: 'Rule'; readonly rule: Rrule }
  | { readonly type: 'Errors'; readonly errors: readonly string[] }

export const MAX_RRULE_LENGTH = 1024
export const MAX_INTERVAL = 10_000
export const MAX_COUNT = 10_000

/** Reads the text after "RRULE:". All errors at once, each naming the part at fault and what to write instead. */
export function parseRrule(text: string): ParsedRrule {
  if (text.length > MAX_RRULE_LENGTH) return fail(`longer than ${MAX_RRULE_LENGTH} characters`)
  if (/^RRULE:/i.test(text)) return fail('leave out "RRULE:", write only what follows it')
  if (text === '') return fail('empty: write for example FREQ=MONTHLY;BYDAY=2TU')
  const errors: string[] = []
  const rule = readParts(splitParts(text.toUpperCase(), errors), errors)
  if (errors.length === 0) errors.push(...combinationErrors(rule))
  return errors.length === 0 ? { type: 'Rule', rule } : { type: 'Errors', errors }
}

/**
 * Why the rule means nothing without the date it starts on, and what to write; undefined when it does without.
 * An hourly or minutely interval that divides the day is fixed by the time of day alone.
 */
export function whyStartNeeded(rule: Rrule): string | undefined {
  const { frequency, interval } = rule
  if (rule.count !== undefined) return 'COUNT counts from a first day: add startsOn'
  const perDay = frequency === 'HOURLY' ? 24 : frequency === 'MINUTELY' ? 1440 : 1
  if (perDay % interval !== 0) return `INTERVAL=${interval} counts from a first day: add startsOn`
  if (rule.byDay.length > 0) return undefined
  if (frequency === 'WEEKLY') return 'FREQ=WEEKLY does not say which day: add BYDAY=… or startsOn'
  const dated = rule.byMonthDay.length > 0 || (frequency === 'YEARLY' && rule.byYearDay.length > 0)
  if ((frequency === 'MONTHLY' || frequency === 'YEARLY') && !dated)
    return `FREQ=${frequency} does not say which day: add BYDAY=…, BYMONTHDAY=… or startsOn`
  return undefined
}

const WEEKDAYS = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU']

/** Part, least and greatest number, and whether it may also be counted from the end with a minus sign. */
const NUMBER_LISTS = {
  BYMONTH: [1, 12, false],
  BYWEEKNO: [1, 53, true],
  BYYEARDAY: [1, 366, true],
  BYMONTHDAY: [1, 31, true],
  BYHOUR: [0, 23, false],
  BYMINUTE: [0, 59, false],
  BYSETPOS: [1, 366, true],
} as const

const KNOWN_PARTS: readonly string[] = [
  'FREQ',
  'INTERVAL',
  'COUNT',
  'UNTIL',
  'BYDAY',
  'WKST',
  ...Object.keys(NUMBER_LISTS),
]

function fail(...errors: string[]): ParsedRrule {
  return { type: 'Errors', errors }
}

function splitParts(text: string, errors: string[]): Map<string, string> {
  const parts = new Map<string, string>()
  for (const part of text.split(';')) {
    const equals = part.indexOf('=')
    const name = part.slice(0, equals)
    if (/\s/.test(part)) errors.push(`"${part}": leave out the spaces`)
    else if (equals < 1) errors.push(`"${part}": parts are NAME=VALUE, separated by one ";"`)
    else if (name === 'BYSECOND') errors.push('BYSECOND: not supported, seconds come from `at`')
    else if (!KNOWN_PARTS.includes(name)) errors.push(`${name}: unknown part, use ${KNOWN_PARTS.join(', ')}`)
    else if (parts.has(name)) errors.push(`${name}: given twice`)
    else parts.set(name, part.slice(equals + 1))
  }
  return parts
}

function readParts(parts: ReadonlyMap<string, string>, errors: string[]): Rrule {
  const numbers = (name: keyof typeof NUMBER_LISTS) => readNumbers(name, parts.get(name), errors)
  const count = readNumber('COUNT', parts.get('COUNT'), MAX_COUNT, errors)
  const until = readUntil(parts.get('UNTIL'), errors)
  return {
    frequency: readFrequency(parts.get('FREQ'), errors),
    interval: readNumber('INTERVAL', parts.get('INTERVAL'), MAX_INTERVAL, errors) ?? 1,
    ...(count === undefined ? {} : { count }),
    ...(until === undefined ? {} : { until }),
    byMonth: numbers('BYMONTH'),
    byWeekNo: numbers('BYWEEKNO'),
    byYearDay: numbers('BYYEARDAY'),
    byMonthDay: numbers('BYMONTHDAY'),
    byDay: readDays(parts.get('BYDAY'), errors),
    byHour: numbers('BYHOUR'),
    byMinute: numbers('BYMINUTE'),
    bySetPos: numbers('BYSETPOS'),
    weekStart: readWeekStart(parts.get('WKST'), errors),
  }
}

function readFrequency(value: string | undefined, errors: string[]): Frequency {
  const known = FREQUENCIES.find((frequency) => frequency === value)
  if (known !== undefined) return known
  if (value === undefined) errors.push(`FREQ is missing: begin with FREQ= and one of ${FREQUENCIES.join(', ')}`)
  else if (value === 'SECONDLY') errors.push('FREQ=SECONDLY: not supported, the shortest step is FREQ=MINUTELY')
  else errors.push(`FREQ=${value}: must be one of ${FREQUENCIES.join(', ')}`)
  return 'DAILY'
}

function readNumber(name: string, value: string | undefined, max: number, errors: string[]): number | undefined {
  if (value === undefined) return undefined
  const number = /^\d{1,6}$/.test(value) ? Number(value) : 0
  if (number >= 1 && number <= max) return number
  errors.push(`${name}=${value}: must be a whole number from 1 to ${max}`)
  return undefined
}

function readNumbers(name: keyof typeof NUMBER_LISTS, value: string | undefined, errors: string[]): number[] {
  if (value === undefined) return []
  const [min, max, negative] = NUMBER_LISTS[name]
  const found = new Set<number>()
  for (const text of value.split(',')) {
    const number = /^[+-]?\d{1,3}$/.test(text) ? Number(text) : Number.NaN
    const size = negative ? Math.abs(number) : number
    if (size >= min && size <= max) found.add(number)
    else
      errors.push(
        `${name}=${text}: must be a number from ${min} to ${max}${negative ? `, or -${max} to -${min} from the end` : ''}`,
      )
  }
  return [...found].sort((a, b) => a - b)
}

function readDays(value: string | undefined, errors: string[]): RruleDay[] {
  if (value === undefined) return []
  const found = new Map<string, RruleDay>()
  for (const text of value.split(',')) {
    const [, number, name = ''] = /^([+-]?\d{1,2})?([A-Z]*)$/.exec(text) ?? []
    const weekday = WEEKDAYS.indexOf(name)
    const ordinal = Number(number ?? 0)
    if (weekday < 0) errors.push(`BYDAY=${text}: weekday must be one of ${WEEKDAYS.join(', ')}, ${dayExample(text)}`)
    else if ((number !== undefined && ordinal === 0) || Math.abs(ordinal) > 53)
      errors.push(`BYDAY=${text}: the number must be from 1 to 53, or -53 to -1 from the end`)
    else found.set(`${ordinal}${name}`, { ordinal, weekday })
  }
  return [...found.values()].sort((a, b) => a.ordinal - b.ordinal || a.weekday - b.weekday)
}

/** "2TUE" and "2TUESDAY" are what people write: show them the same day as RFC 5545 has it. */
function dayExample(text: string): string {
  const [, number = '', letters = ''] = /^([+-]?\d*)([A-Z]*)/.exec(text) ?? []
  const meant = WEEKDAYS.find((weekday) => letters.startsWith(weekday))
  return `e.g. ${meant === undefined ? '2TU' : `${number}${meant}`}`
}

function readWeekStart(value: string | undefined, errors: string[]): Weekday {
  if (value === undefined) return 0
  const weekday = WEEKDAYS.indexOf(value)
  if (weekday < 0) errors.push(`WKST=${value}: must be one of ${WEEKDAYS.join(', ')}`)
  return weekday
}

function readUntil(value: string | undefined, errors: string[]): RruleUntil | undefined {
  if (value === undefined) return undefined
  const found = /^(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)(Z)?)?$/.exec(value)
  if (found !== null) {
    const [year = 0, month = 0, day = 0, hour = 23, minute = 59, second = 59] = found
      .slice(1, 7)
      .map((text) => (text === undefined ? undefined : Number(text)))
    const at = Date.UTC(year, month - 1, day, hour, minute, second)
    const read = new Date(at).toISOString().replace(/[-:]|\.\d+Z/g, '')
    if (read.startsWith(value.replace('Z', ''))) return { type: found[7] === 'Z' ? 'Instant' : 'Wall', at }
  }
  errors.push(
    `UNTIL=${value}: must be a real date or time such as 20261231, 20261231T220000 (wall-clock) or 20261231T220000Z (UTC)`,
  )
  return undefined
}

/** What RFC 5545 §3.3.10 forbids to stand together. */
function combinationErrors(rule: Rrule): string[] {
  const { frequency } = rule
  const errors: string[] = []
  const refuse = (wrong: boolean, message: string) => {
    if (wrong) errors.push(message)
  }
  const yearly = frequency === 'YEARLY'
  const ordinal = rule.byDay.some((day) => day.ordinal !== 0)
  const monthOrdinals = frequency === 'MONTHLY' || rule.byMonth.length > 0
  refuse(rule.count !== undefined && rule.until !== undefined, 'COUNT and UNTIL: give one of them')
  refuse(
    ordinal && !yearly && frequency !== 'MONTHLY',
    `BYDAY with a number: only with FREQ=MONTHLY or YEARLY, not ${frequency}`,
  )
  refuse(ordinal && yearly && rule.byWeekNo.length > 0, 'BYDAY with a number: not together with BYWEEKNO')
  refuse(
    monthOrdinals && rule.byDay.some((day) => Math.abs(day.ordinal) > 5),
    'BYDAY: a month has at most 5 of each weekday, use a number from 1 to 5 or -5 to -1',
  )
  refuse(
    rule.byMonthDay.length > 0 && frequency === 'WEEKLY',
    'BYMONTHDAY: not with FREQ=WEEKLY, use FREQ=DAILY or MONTHLY',
  )
  refuse(
    rule.byYearDay.length > 0 && ['DAILY', 'WEEKLY', 'MONTHLY'].includes(frequency),
    `BYYEARDAY: not with FREQ=${frequency}, use FREQ=YEARLY`,
  )
  refuse(rule.byWeekNo.length > 0 && !yearly, 'BYWEEKNO: only with FREQ=YEARLY')
  const others = [rule.byMonth, rule.byWeekNo, rule.byYearDay, rule.byMonthDay, rule.byDay, rule.byHour, rule.byMinute]
  refuse(
    rule.bySetPos.length > 0 && others.every((list) => list.length === 0),
    'BYSETPOS: picks from what another BY… part gives, add one',
  )
  return errors
}
