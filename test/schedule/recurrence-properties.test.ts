import fc from 'fast-check'
import { test } from 'tap'
import { toRfc3339 } from '../../controller/model/instant.ts'
import { Recurrence } from '../../controller/model/recurrence.ts'
import { latestOccurrence, nextOccurrence, occurrencesBetween } from '../../controller/schedule/recurrence.ts'
import { instantOf, latestWallOf, wallOf, zoneNamed } from '../../controller/schedule/zones.ts'
import { instantOfWall, type OracleRule, rruleText, wallTimesByDay, wallTimesByMinute } from './rrule-oracle.ts'

const ZONES = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'America/Sao_Paulo',
  'Asia/Beirut',
  'Africa/Casablanca',
  'Pacific/Apia',
  'America/St_Johns',
]

const list = (min: number, max: number, size = 3) =>
  fc.uniqueArray(fc.integer({ min, max }), { minLength: 1, maxLength: size })
const signed = (max: number, size = 3) =>
  list(-max, max, size).map((numbers) => numbers.map((number) => (number === 0 ? 1 : number)))
const weekdays = fc.uniqueArray(fc.constantFrom('MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU'), {
  minLength: 1,
  maxLength: 3,
})
const ordinalDays = (max: number) =>
  fc
    .tuple(signed(max), weekdays)
    .map(([numbers, names]) => names.map((name, index) => `${numbers[index % numbers.length]}${name}`))
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 1 })
const date = fc
  .integer({ min: 0, max: 3000 })
  .map((days) => Temporal.PlainDate.from('2016-01-01').add({ days }).toString())
const clock = fc
  .tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }))
  .map((parts) => parts.map((part) => String(part).padStart(2, '0')).join(':'))

const common = {
  interval: maybe(fc.integer({ min: 1, max: 4 })),
  byMonth: maybe(list(1, 12, 5)),
  wkst: maybe(fc.constantFrom('MO', 'SU', 'WE')),
}
const times = { byHour: maybe(list(0, 23)), byMinute: maybe(list(0, 59)) }
const ends = fc.oneof(
  fc.constant({}),
  fc.record({ count: fc.integer({ min: 1, max: 40 }) }),
  fc.record({ until: date }),
)

function rulesOf(freq: string, parts: object, withPositions = true): fc.Arbitrary<OracleRule> {
  const record = fc.record({ freq: fc.constant(freq), ...common, ...times, ...parts })
  return fc.tuple(record, maybe(signed(6)), ends).map(([rule, bySetPos, end]) => {
    const selects = Object.entries(rule).some(([name, value]) => name.startsWith('by') && value !== undefined)
    return { ...rule, ...(withPositions && selects ? { bySetPos } : {}), ...end }
  })
}

const byDayRules = fc.oneof(
  rulesOf('DAILY', { byMonthDay: maybe(signed(31, 6)), byDay: maybe(weekdays) }),
  rulesOf('WEEKLY', { byDay: maybe(weekdays) }),
  rulesOf('MONTHLY', { byMonthDay: maybe(signed(31)), byDay: maybe(fc.oneof(weekdays, ordinalDays(5))) }),
  rulesOf('YEARLY', { byYearDay: maybe(signed(366)), byMonthDay: maybe(signed(31)), byDay: maybe(weekdays) }),
  rulesOf('YEARLY', { byDay: ordinalDays(5) }),
  rulesOf('YEARLY', { byMonth: fc.constant(undefined), byDay: ordinalDays(53) }),
  rulesOf('YEARLY', { byWeekNo: signed(53), byDay: maybe(weekdays) }),
)

function recurrenceOf(rule: OracleRule, startsOn: string, at: string, timeZone: string, offset = 'P0D'): Recurrence {
  return Recurrence.parse({ rrule: rruleText(rule), startsOn, at, timeZone, offset })
}

/** Two times in one gap are one occurrence. */
const instantsOf = (walls: readonly string[], zone: string) => [
  ...new Set(walls.map((wall) => instantOfWall(wall, zone))),
]
const endOf = (day: string) => Date.parse(`${day}T00:00:00Z`) + 86_400_000

test('daily, weekly, monthly and yearly rules give what a walk over every day gives', async (t) => {
  let compared = 0
  const property = fc.property(byDayRules, date, clock, (rule, startsOn, at) => {
    if (rule.until !== undefined && rule.until < startsOn) return
    const lastDay = Temporal.PlainDate.from(startsOn)
      .add({ years: rule.freq === 'YEARLY' ? 7 : 2 })
      .with({ month: 12, day: 31 })
      .toString()
    const expected = wallTimesByDay(rule, startsOn, at, lastDay).map((wall) => `${wall}:00Z`)
    const found = occurrencesBetween(recurrenceOf(rule, startsOn, at, 'UTC'), 0, endOf(lastDay), 'UTC').map(toRfc3339)
    compared += expected.length
    if (found.join() !== expected.join())
      throw new Error(`${rruleText(rule)} from ${startsOn} ${at}\n${difference(found, expected)}`)
  })
  fc.assert(property, { seed: 42, numRuns: 2000 })
  t.ok(compared > 20_000, 'most rules give something')
})

test('hourly and minutely rules give what a walk over every minute gives', async (t) => {
  let compared = 0
  const limits = {
    interval: maybe(fc.integer({ min: 1, max: 100 })),
    byMonthDay: maybe(signed(31, 20)),
    byYearDay: maybe(list(1, 366, 200)),
    byDay: maybe(weekdays),
    byMonth: maybe(list(1, 12, 11)),
    byHour: maybe(list(0, 23, 6)),
    byMinute: maybe(list(0, 59, 20)),
  }
  const rules = fc.oneof(rulesOf('HOURLY', limits), rulesOf('MINUTELY', limits, false))
  const property = fc.property(rules, date, clock, (rule, startsOn, at) => {
    const endless = { ...rule, until: undefined }
    const days = 8
    const from = Date.parse(`${startsOn}T${at}Z`)
    const expected = wallTimesByMinute(endless, startsOn, at, days).map((wall) => `${wall}:00Z`)
    const found = occurrencesBetween(
      recurrenceOf(endless, startsOn, at, 'UTC'),
      0,
      from + days * 86_400_000,
      'UTC',
    ).map(toRfc3339)
    compared += expected.length
    if (found.join() !== expected.join())
      throw new Error(`${rruleText(endless)} from ${startsOn} ${at}\n${difference(found, expected)}`)
  })
  fc.assert(property, { seed: 42, numRuns: 120 })
  t.ok(compared > 500, 'many rules give something')
})

test('in any zone and with any offset, next, latest and all occurrences agree with each other and with Temporal', async (t) => {
  let compared = 0
  const offsets = fc.constantFrom('P0D', 'P4D', '-P1D', 'P31D', '-P31D', 'P2W')
  const moments = fc.array(fc.double({ min: -0.1, max: 1.1, noNaN: true }), { minLength: 10, maxLength: 10 })
  const property = fc.property(
    byDayRules,
    date,
    clock,
    fc.constantFrom(...ZONES),
    offsets,
    moments,
    (rule, startsOn, at, zone, offset, shares) => {
      if (rule.until !== undefined && rule.until < startsOn) return
      const lastDay = Temporal.PlainDate.from(startsOn).add({ months: 18 }).with({ month: 12, day: 31 }).toString()
      const moved = wallTimesByDay(rule, startsOn, at, lastDay).map((wall) =>
        Temporal.PlainDateTime.from(wall).add(Temporal.Duration.from(offset)).toString({ smallestUnit: 'minute' }),
      )
      const all = instantsOf(moved, zone)
      const schedule = recurrenceOf(rule, startsOn, at, zone, offset)
      const from = Date.parse(`${startsOn}T00:00Z`)
      const until = endOf(lastDay) - 40 * 86_400_000
      compared += all.length
      const inside = all.filter((instant) => instant < until)
      same(occurrencesBetween(schedule, 0, until, zone), inside)
      if (inside.some((instant, index) => index > 0 && instant <= (inside[index - 1] ?? 0)))
        throw new Error('not ascending')
      for (const moment of [
        ...shares.map((share) => Math.floor(from + share * (until - from))),
        ...inside.slice(0, 20),
      ]) {
        if (moment >= until) continue
        for (const instant of [moment - 1, moment]) {
          const next = all.find((one) => one > instant)
          if (next !== undefined && next < until) same([nextOccurrence(schedule, instant, zone)], [next])
          same([latestOccurrence(schedule, instant, zone)], [all.findLast((one) => one <= instant)])
        }
      }
    },
  )
  fc.assert(property, { seed: 42, numRuns: 1000 })
  t.ok(compared > 10_000)
})

test('wall-clock times become instants and back as Temporal has it, most of all around changes of the offset', async (t) => {
  let compared = 0
  for (const name of ZONES) {
    const zone = zoneNamed(name)
    if (zone === undefined) throw new Error(name)
    for (const change of zone.changes) {
      for (const minutes of [-181, -61, -31, -1, 0, 1, 29, 30, 59, 60, 61, 90, 1440]) {
        const at = change + minutes * 60_000
        const expected = new Temporal.ZonedDateTime(BigInt(at) * 1_000_000n, name)
        const wall = Date.parse(`${expected.toPlainDateTime().toString({ smallestUnit: 'second' })}Z`)
        same([wallOf(zone, at)], [wall])
        for (const shifted of [wall - 3_600_000, wall, wall + 1_800_000]) {
          const text = new Date(shifted).toISOString().slice(0, 19)
          same([instantOf(zone, shifted)], [instantOfWall(text, name)])
          same([instantOf(zone, shifted) <= at], [shifted <= latestWallOf(zone, at)])
          compared++
        }
      }
    }
  }
  t.ok(compared > 10_000)
})

function same(found: readonly unknown[], expected: readonly unknown[]): void {
  if (found.join() !== expected.join()) throw new Error(difference(found.map(String), expected.map(String)))
}

function difference(found: readonly string[], expected: readonly string[]): string {
  const index = found.findIndex((one, i) => one !== expected[i])
  const at = index < 0 ? found.length : index
  return `${found.length} found, ${expected.length} expected; at ${at}: found ${found.slice(at, at + 3)}, expected ${expected.slice(at, at + 3)}`
}
