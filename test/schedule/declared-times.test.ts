import { test } from 'tap'
import { z } from 'zod'
import {
  CalendarDuration,
  Duration,
  FreezeTimes,
  MaintenanceWindowTimes,
  Recurrence,
  ScheduleZone,
  TimeZone,
} from '../../controller/model/recurrence.ts'
import { parseRrule } from '../../controller/model/rrule.ts'
import { freezePeriod, offsetDays, parseDuration } from '../../controller/model/times.ts'

/** "path: message" of every problem, in order. */
function problems(schema: z.ZodType, value: unknown): string[] {
  const result = schema.safeParse(value)
  return result.success ? [] : result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
}

function rruleErrors(text: string): readonly string[] {
  const parsed = parseRrule(text)
  return parsed.type === 'Errors' ? parsed.errors : []
}

test('durations stay the text that was written', async (t) => {
  for (const text of ['P7D', 'PT2H', 'P1W', 'P1DT12H', 'PT90M', 'PT0S', 'P2W3DT4H5M6S']) {
    t.equal(Duration.parse(text), text)
    t.equal(CalendarDuration.parse(text), text)
  }
  for (const text of ['P1M', 'P1Y6M', 'P1MT1H']) t.equal(CalendarDuration.parse(text), text)
  t.equal(parseDuration('P1DT12H').total('hours'), 36)
  t.throws(() => parseDuration('soon'), RangeError)
})

test('a duration that is wrong is answered with what to write', async (t) => {
  const cases: [text: unknown, expected: RegExp][] = [
    ['7d', /write P7D$/],
    ['2 hours', /write PT2H$/],
    ['P2H', /write PT2H$/],
    ['30min', /write PT30M$/],
    ['p7d', /write P7D$/],
    ['1 week', /write P1W$/],
    ['P1M', /months and years have no fixed length, write days/],
    ['-P7D', /must not have a sign/],
    ['P0.5D', /whole numbers/],
    ['P', /write for example P7D/],
    ['PT', /write for example P7D/],
    ['', /write for example P7D/],
    ['P99999999999D', /whole numbers/],
    [7, /in quotes/],
  ]
  for (const [text, expected] of cases) {
    const found = problems(Duration, text)
    t.equal(found.length, 1, String(text))
    t.match(found[0], expected, String(text))
  }
})

test('time zones are those of the runtime, in their right spelling', async (t) => {
  for (const zone of ['UTC', 'Europe/Berlin', 'America/Argentina/Buenos_Aires', 'Etc/GMT-2'])
    t.equal(TimeZone.parse(zone), zone)
  t.equal(ScheduleZone.parse('DeviceLocal'), 'DeviceLocal')
  t.match(problems(TimeZone, 'DeviceLocal')[0], /is no time zone/)
  t.match(problems(TimeZone, 'europe/berlin')[0], /write Europe\/Berlin$/)
  t.match(problems(TimeZone, 'Berlin')[0], /write Europe\/Berlin$/)
  t.match(problems(TimeZone, 'W. Europe Standard Time')[0], /Windows name/)
  t.match(problems(TimeZone, '+02:00')[0], /an offset/)
  t.match(problems(ScheduleZone, 'devicelocal')[0], /write DeviceLocal$/)
  t.match(problems(ScheduleZone, 'Mars/Olympus')[0], /or DeviceLocal$/)
})

test('each wrong part of a rule is named, with what to write instead', async (t) => {
  const cases: [rrule: string, ...expected: RegExp[]][] = [
    ['FREQ=MONTHLY;BYDAY=2TUE', /^BYDAY=2TUE: weekday must be one of MO, TU, WE, TH, FR, SA, SU, e\.g\. 2TU$/],
    ['FREQ=MONTHLY;BYDAY=-1FRIDAY', /e\.g\. -1FR$/],
    ['FREQ=MONTHLY;BYDAY=2', /e\.g\. 2TU$/],
    ['FREQ=MONTHLY;BYDAY=0TU', /^BYDAY=0TU: the number must be/],
    ['FREQ=MONTHLY;BYDAY=6TU', /at most 5 of each weekday/],
    ['FREQ=YEARLY;BYDAY=54TU', /^BYDAY=54TU: the number must be/],
    ['FREQ=WEEKLY;BYDAY=2TU', /only with FREQ=MONTHLY or YEARLY/],
    ['RRULE:FREQ=DAILY', /leave out "RRULE:"/],
    ['', /empty/],
    ['BYDAY=MO', /FREQ is missing/],
    ['FREQ=SECONDLY', /FREQ=SECONDLY: not supported/],
    ['FREQ=FORTNIGHTLY', /^FREQ=FORTNIGHTLY: must be one of/],
    ['FREQ=DAILY;BYSECOND=1', /^BYSECOND: not supported/],
    ['FREQ=DAILY;BYWEEKDAY=MO', /^BYWEEKDAY: unknown part/],
    ['FREQ=DAILY;FREQ=DAILY', /^FREQ: given twice/],
    ['FREQ=DAILY;', /separated by one ";"/],
    ['FREQ=DAILY; BYHOUR=1', /leave out the spaces/],
    ['FREQ=DAILY;INTERVAL=0', /^INTERVAL=0: must be a whole number from 1/],
    ['FREQ=DAILY;COUNT=1000000000', /^COUNT=1000000000: must be/],
    ['FREQ=DAILY;COUNT=2;UNTIL=20250101', /COUNT and UNTIL/],
    ['FREQ=DAILY;UNTIL=20250231', /^UNTIL=20250231: must be a real date/],
    ['FREQ=DAILY;UNTIL=2025-01-31', /^UNTIL=2025-01-31: must be a real date/],
    ['FREQ=DAILY;UNTIL=20250131T250000Z', /^UNTIL=20250131T250000Z/],
    ['FREQ=MONTHLY;BYMONTHDAY=0', /^BYMONTHDAY=0: must be a number from 1 to 31, or -31 to -1/],
    ['FREQ=DAILY;BYHOUR=24', /^BYHOUR=24: must be a number from 0 to 23$/],
    ['FREQ=DAILY;BYHOUR=', /^BYHOUR=:/],
    ['FREQ=YEARLY;BYMONTH=-1', /^BYMONTH=-1: must be a number from 1 to 12$/],
    ['FREQ=WEEKLY;BYMONTHDAY=1', /not with FREQ=WEEKLY/],
    ['FREQ=MONTHLY;BYYEARDAY=1', /BYYEARDAY: not with FREQ=MONTHLY/],
    ['FREQ=MONTHLY;BYWEEKNO=1', /BYWEEKNO: only with FREQ=YEARLY/],
    ['FREQ=YEARLY;BYWEEKNO=1;BYDAY=1MO', /not together with BYWEEKNO/],
    ['FREQ=DAILY;BYSETPOS=1', /BYSETPOS: picks from/],
    ['FREQ=DAILY;WKST=MONDAY', /^WKST=MONDAY/],
    ['FREQ=DAILLY;BYHOUR=99;BYFOO=1', /^BYFOO/, /^FREQ=DAILLY/, /^BYHOUR=99/],
    [`FREQ=DAILY;BYHOUR=${'1,'.repeat(1000)}1`, /longer than 1024/],
  ]
  for (const [rrule, ...expected] of cases) {
    const errors = rruleErrors(rrule)
    t.equal(errors.length, expected.length, rrule.slice(0, 60))
    for (const [index, pattern] of expected.entries()) t.match(errors[index], pattern, rrule.slice(0, 60))
  }
  t.same(problems(Recurrence, { rrule: 'FREQ=MONTHLY;BYDAY=2TUE', at: '10:00' }), [
    'rrule: BYDAY=2TUE: weekday must be one of MO, TU, WE, TH, FR, SA, SU, e.g. 2TU',
  ])
})

test('a rule is read into plain numbers', async (t) => {
  t.same(parseRrule('freq=monthly;byday=su,-1fr,2TU;bymonthday=-1,15,15;until=20251231T220000Z;wkst=su'), {
    type: 'Rule',
    rule: {
      frequency: 'MONTHLY',
      interval: 1,
      until: { type: 'Instant', at: Date.parse('2025-12-31T22:00:00Z') },
      byMonth: [],
      byWeekNo: [],
      byYearDay: [],
      byMonthDay: [-1, 15],
      byDay: [
        { ordinal: -1, weekday: 4 },
        { ordinal: 0, weekday: 6 },
        { ordinal: 2, weekday: 1 },
      ],
      byHour: [],
      byMinute: [],
      bySetPos: [],
      weekStart: 6,
    },
  })
})

test('a recurrence says where it needs the date it starts on', async (t) => {
  const needed = [
    'FREQ=DAILY;COUNT=3',
    'FREQ=WEEKLY;INTERVAL=2;BYDAY=MO',
    'FREQ=HOURLY;INTERVAL=5',
    'FREQ=WEEKLY',
    'FREQ=MONTHLY',
    'FREQ=YEARLY;BYMONTH=3',
    'FREQ=YEARLY;BYWEEKNO=20',
  ]
  for (const rrule of needed) {
    t.match(problems(Recurrence, { rrule, at: '10:00' }), [/^rrule: .*add .*startsOn$/], rrule)
    t.same(problems(Recurrence, { rrule, at: '10:00', startsOn: '2025-01-01' }), [], rrule)
  }
  for (const rrule of [
    'FREQ=HOURLY;INTERVAL=8',
    'FREQ=MINUTELY;INTERVAL=30',
    'FREQ=YEARLY;BYYEARDAY=100',
    'FREQ=YEARLY;BYMONTHDAY=1',
  ])
    t.same(problems(Recurrence, { rrule, at: '10:00' }), [], rrule)
  t.match(problems(Recurrence, { at: '10:00' }), [/^startsOn: needed without rrule/])
  t.match(problems(Recurrence, { rrule: 'FREQ=DAILY;UNTIL=20241231', at: '10:00', startsOn: '2025-01-01' }), [
    /^rrule: UNTIL: lies before startsOn/,
  ])
})

test('a recurrence fills in UTC and no offset, and refuses what it does not know', async (t) => {
  t.same(Recurrence.parse({ rrule: 'FREQ=DAILY', at: '10:00' }), {
    rrule: 'FREQ=DAILY',
    at: '10:00',
    timeZone: 'UTC',
    offset: 'P0D',
  })
  const cases: [change: object, expected: RegExp][] = [
    [{ at: '9:30' }, /^at: "9:30": write 09:30$/],
    [{ at: '24:00' }, /^at: "24:00" is the next day/],
    [{ at: 1320 }, /^at: write a time of day in quotes/],
    [{ at: '10:61' }, /^at: "10:61" is no time of day/],
    [{ startsOn: '2025-02-29' }, /^startsOn: 2025-02-29: there is no such day/],
    [{ startsOn: '31.01.2025' }, /^startsOn: "31.01.2025" is no date: write YYYY-MM-DD/],
    [{ startsOn: '1969-12-31' }, /^startsOn: must be from 1970-01-01/],
    [{ offset: 'P32D' }, /^offset: at most 31 days/],
    [{ offset: '-P5W' }, /^offset: at most 31 days/],
    [{ offset: 'PT36H' }, /^offset: "PT36H" is not in whole days/],
    [{ timeZone: 'CEST' }, /^timeZone: "CEST" is no time zone/],
    [{ every: 'day' }, /every/],
  ]
  for (const [change, expected] of cases)
    t.match(problems(Recurrence, { rrule: 'FREQ=DAILY', at: '10:00', ...change }), [expected], JSON.stringify(change))
  t.same(['P4D', '-P1D', 'P2W', '-P0D'].map(offsetDays), [4, -1, 14, 0])
})

test('a window lasts from 5 minutes to 24 hours', async (t) => {
  const schedule = { rrule: 'FREQ=DAILY', at: '22:00' }
  for (const duration of ['PT5M', 'PT24H', 'P1D', 'PT3H'])
    t.same(problems(MaintenanceWindowTimes, { schedule, duration }), [], duration)
  t.match(problems(MaintenanceWindowTimes, { schedule, duration: 'PT4M' }), [
    /^duration: PT4M is too short: at least PT5M/,
  ])
  t.match(problems(MaintenanceWindowTimes, { schedule, duration: 'P1DT1S' }), [
    /^duration: .* too long: at most PT24H; .*they merge/,
  ])
  t.match(problems(MaintenanceWindowTimes, { schedule, duration: '3h' }), [/^duration: .*write PT3H$/])
  t.match(problems(MaintenanceWindowTimes, { schedule: { ...schedule, at: '7:00' }, duration: 'PT1H' }), [
    /^schedule.at: /,
  ])
  const backwards = { from: '2025-02-01', until: '2025-01-31' }
  t.match(problems(MaintenanceWindowTimes, { schedule, duration: 'PT1H', effective: backwards }), [
    /^effective.until: must not be before/,
  ])
})

test('a freeze happens once or recurs, and ends after it begins', async (t) => {
  const schedule = { rrule: 'FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=20', at: '00:00' }
  const once = { from: '2025-12-20T18:00', until: '2026-01-06T06:00' }
  const instants = { from: '2025-12-20T18:00:00Z', until: '2026-01-06T06:00+01:00' }
  for (const good of [once, { ...once, timeZone: 'DeviceLocal' }, instants, { schedule, duration: 'P17D' }])
    t.same(problems(FreezeTimes, good), [], JSON.stringify(good))
  t.same(freezePeriod(FreezeTimes.parse(once)), { type: 'Once', ...once, timeZone: 'UTC' })
  t.equal(freezePeriod(FreezeTimes.parse({ schedule, duration: 'P17D' }))?.type, 'Recurring')
  t.equal(freezePeriod({}), undefined)
  const cases: [value: object, expected: RegExp][] = [
    [{}, /^: give from and until/],
    [{ ...once, schedule }, /^: give from and until, or schedule and duration, not both/],
    [{ from: once.from }, /^until: needed with from/],
    [{ until: once.until }, /^from: needed with until/],
    [{ schedule }, /^duration: needed/],
    [{ duration: 'P1D' }, /^schedule: needed/],
    [{ schedule, duration: 'P93D' }, /^duration: .*at most P92D; for more, use from and until/],
    [{ schedule, duration: 'P9D', timeZone: 'UTC' }, /^timeZone: leave it out/],
    [{ ...instants, timeZone: 'DeviceLocal' }, /^timeZone: leave it out/],
    [{ from: once.from, until: instants.until }, /^until: write from and until both/],
    [{ from: once.until, until: once.from }, /^until: must be after from/],
    [{ from: once.from, until: once.from }, /^until: must be after from/],
    [{ from: '2025-12-20T18:00+02:00', until: '2025-12-20T16:00Z' }, /^until: must be after from/],
    [{ ...once, from: '2025-12-20' }, /^from: .*add the time, 2025-12-20T00:00/],
    [{ ...once, from: '2025-12-20 18:00' }, /^from: .*2025-12-20T18:00/],
    [{ ...once, from: '2025-02-30T18:00' }, /^from: .*is no time/],
  ]
  for (const [value, expected] of cases) t.match(problems(FreezeTimes, value), [expected], JSON.stringify(value))
})

test('every declared field of times is described, and what is parsed parses again to the same', async (t) => {
  const text = JSON.stringify(z.toJSONSchema(z.object({ w: MaintenanceWindowTimes, f: FreezeTimes }), { io: 'input' }))
  const schema: { properties: Record<string, { properties: Record<string, { description?: string }> }> } =
    JSON.parse(text)
  for (const kind of Object.values(schema.properties))
    for (const [name, field] of Object.entries(kind.properties)) t.type(field.description, 'string', name)
  const times = MaintenanceWindowTimes.parse({ schedule: { rrule: 'FREQ=DAILY', at: '22:00' }, duration: 'PT3H' })
  t.same(MaintenanceWindowTimes.parse(times), times)
  t.same(JSON.parse(JSON.stringify(times)), times)
})
