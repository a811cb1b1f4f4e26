import { test } from 'tap'
import { toRfc3339 } from '../../controller/model/instant.ts'
import { Recurrence } from '../../controller/model/recurrence.ts'
import {
  latestOccurrence,
  MAX_OCCURRENCES,
  nextOccurrence,
  occurrencesBetween,
  scheduleProblem,
  zoneOf,
} from '../../controller/schedule/recurrence.ts'

const utc = (text: string) => Date.parse(text.length === 10 ? `${text}T00:00:00Z` : text)

function datesIn(year: number, schedule: Recurrence, zone = 'UTC'): string[] {
  const found = occurrencesBetween(schedule, utc(`${year}-01-01`), utc(`${year + 1}-01-01`), zone)
  return found.map((at) => toRfc3339(at).slice(5, 10))
}

function firstInstants(count: number, schedule: Recurrence, after: string, zone: string): string[] {
  const found: string[] = []
  let at = nextOccurrence(schedule, utc(after), zone)
  while (at !== undefined && found.length < count) {
    found.push(toRfc3339(at))
    at = nextOccurrence(schedule, at, zone)
  }
  return found
}

test('the second Tuesday is Patch Tuesday, 2024 to 2027', async (t) => {
  const schedule = Recurrence.parse({ rrule: 'FREQ=MONTHLY;BYDAY=2TU', at: '10:00' })
  const known = {
    2024: '01-09 02-13 03-12 04-09 05-14 06-11 07-09 08-13 09-10 10-08 11-12 12-10',
    2025: '01-14 02-11 03-11 04-08 05-13 06-10 07-08 08-12 09-09 10-14 11-11 12-09',
    2026: '01-13 02-10 03-10 04-14 05-12 06-09 07-14 08-11 09-08 10-13 11-10 12-08',
    2027: '01-12 02-09 03-09 04-13 05-11 06-08 07-13 08-10 09-14 10-12 11-09 12-14',
  }
  for (const [year, dates] of Object.entries(known)) t.same(datesIn(Number(year), schedule), dates.split(' '), year)
})

test('an offset lands on the real date, also in the next or previous month', async (t) => {
  const cases: [rrule: string, offset: string, from: string, expected: string][] = [
    ['FREQ=MONTHLY;BYDAY=2TU', 'P4D', '2025-03-01', '2025-03-15'],
    ['FREQ=MONTHLY;BYDAY=4TU', 'P4D', '2025-01-27', '2025-02-01'],
    ['FREQ=MONTHLY;BYDAY=2TU', 'P20D', '2025-01-15', '2025-02-03'],
    ['FREQ=MONTHLY;BYDAY=-1TU', 'P4D', '2024-12-30', '2025-01-04'],
    ['FREQ=MONTHLY;BYDAY=2TU', 'P3W', '2024-02-14', '2024-03-05'],
    ['FREQ=MONTHLY;BYMONTHDAY=1', '-P1D', '2024-02-05', '2024-02-29'],
    ['FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=1', '-P1D', '2025-01-15', '2025-12-31'],
  ]
  for (const [rrule, offset, from, expected] of cases) {
    const schedule = Recurrence.parse({ rrule, offset, at: '22:00' })
    t.same(firstInstants(1, schedule, from, 'UTC'), [`${expected}T22:00:00Z`], `${rrule} ${offset}`)
  }
})

test('an offset that lands on the last day of the month keeps that month', async (t) => {
  // Configuration Manager has no window at all in such a month.
  const schedule = Recurrence.parse({ rrule: 'FREQ=MONTHLY;BYDAY=2TU', offset: 'P17D', at: '01:00' })
  t.same(datesIn(2025, schedule).slice(1, 3), ['02-28', '03-28'])
  t.equal(datesIn(2025, schedule).length, 12)
  const october = Recurrence.parse({
    rrule: 'FREQ=MONTHLY;BYDAY=2TU',
    offset: 'P17D',
    at: '01:00',
    startsOn: '2025-10-01',
  })
  t.same(firstInstants(1, october, '2025-01-01', 'UTC'), ['2025-10-31T01:00:00Z'])
})

test('UNTIL, COUNT and startsOn look at the day that the rule gives, not at the one it is moved to', async (t) => {
  const until = Recurrence.parse({ rrule: 'FREQ=MONTHLY;BYDAY=4TU;UNTIL=20250131', at: '00:00', offset: 'P4D' })
  t.same(firstInstants(2, until, '2025-01-26', 'UTC'), ['2025-02-01T00:00:00Z'])
  const start = Recurrence.parse({
    rrule: 'FREQ=MONTHLY;BYDAY=4TU',
    at: '00:00',
    offset: 'P4D',
    startsOn: '2025-01-29',
  })
  t.same(firstInstants(1, start, '2025-01-01', 'UTC'), ['2025-03-01T00:00:00Z'])
})

test('daylight saving never shifts a wall-clock time; gaps end and repeated hours begin it', async (t) => {
  const cases: [zone: string, at: string, startsOn: string, instant: string, what: string][] = [
    ['Europe/Berlin', '02:30', '2025-03-30', '2025-03-30T01:00:00Z', 'gap'],
    ['Europe/Berlin', '03:00', '2025-03-30', '2025-03-30T01:00:00Z', 'first after the gap'],
    ['Europe/Berlin', '01:59', '2025-03-30', '2025-03-30T00:59:00Z', 'last before the gap'],
    ['Europe/Berlin', '02:30', '2025-10-26', '2025-10-26T00:30:00Z', 'first of two'],
    ['Europe/Berlin', '03:00', '2025-10-26', '2025-10-26T02:00:00Z', 'after the repeated hour'],
    ['America/New_York', '02:30', '2025-03-09', '2025-03-09T07:00:00Z', 'gap'],
    ['America/New_York', '01:30', '2025-11-02', '2025-11-02T05:30:00Z', 'first of two'],
    ['Australia/Lord_Howe', '02:15', '2025-10-05', '2025-10-04T15:30:00Z', 'gap of half an hour'],
    ['Australia/Lord_Howe', '02:30', '2025-10-05', '2025-10-04T15:30:00Z', 'first after the half hour'],
    ['Australia/Lord_Howe', '01:45', '2025-04-06', '2025-04-05T14:45:00Z', 'first of two half hours'],
    ['America/Sao_Paulo', '00:00', '2018-11-04', '2018-11-04T03:00:00Z', 'midnight does not exist'],
    ['America/Sao_Paulo', '23:30', '2018-02-17', '2018-02-18T01:30:00Z', 'the hour before midnight twice'],
    ['Asia/Beirut', '00:00', '2024-03-31', '2024-03-30T22:00:00Z', 'midnight does not exist'],
    ['Asia/Beirut', '00:30', '2025-03-30', '2025-03-29T22:00:00Z', 'midnight does not exist'],
    ['Pacific/Apia', '12:00', '2011-12-30', '2011-12-30T10:00:00Z', 'the day does not exist'],
    ['Asia/Kathmandu', '06:00', '2025-01-01', '2025-01-01T00:15:00Z', 'quarter-hour offset'],
  ]
  for (const [timeZone, at, startsOn, instant, what] of cases) {
    const schedule = Recurrence.parse({ at, startsOn, timeZone })
    t.same(firstInstants(2, schedule, '2000-01-01', timeZone), [instant], `${timeZone} ${startsOn} ${at}: ${what}`)
    t.equal(latestOccurrence(schedule, utc('2030-01-01'), timeZone), utc(instant))
  }
})

test('a nightly time stays the same on the wall over both changes of the year', async (t) => {
  const schedule = Recurrence.parse({ rrule: 'FREQ=DAILY', at: '22:00', timeZone: 'Europe/Berlin' })
  t.same(firstInstants(3, schedule, '2025-03-29', 'Europe/Berlin'), [
    '2025-03-29T21:00:00Z',
    '2025-03-30T20:00:00Z',
    '2025-03-31T20:00:00Z',
  ])
  t.same(firstInstants(3, schedule, '2025-10-25', 'Europe/Berlin'), [
    '2025-10-25T20:00:00Z',
    '2025-10-26T21:00:00Z',
    '2025-10-27T21:00:00Z',
  ])
})

test('hours are counted on the wall clock: those in a gap are one occurrence, a repeated hour counts once', async (t) => {
  const schedule = Recurrence.parse({ rrule: 'FREQ=HOURLY', at: '00:15', timeZone: 'Europe/Berlin' })
  t.same(firstInstants(3, schedule, '2025-03-30T00:00Z', 'Europe/Berlin'), [
    '2025-03-30T00:15:00Z',
    '2025-03-30T01:00:00Z',
    '2025-03-30T01:15:00Z',
  ])
  t.same(firstInstants(3, schedule, '2025-10-26T00:00Z', 'Europe/Berlin'), [
    '2025-10-26T00:15:00Z',
    '2025-10-26T02:15:00Z',
    '2025-10-26T03:15:00Z',
  ])
  t.equal(
    latestOccurrence(schedule, utc('2025-10-26T01:30Z'), 'Europe/Berlin'),
    utc('2025-10-26T00:15Z'),
    'within the repeated hour',
  )
  t.equal(
    latestOccurrence(schedule, utc('2025-10-26T01:10Z'), 'Europe/Berlin'),
    utc('2025-10-26T00:15Z'),
    'which the clock shows for the second time',
  )
  const eight = Recurrence.parse({ rrule: 'FREQ=HOURLY;INTERVAL=8', at: '02:00' })
  t.same(firstInstants(3, eight, '2025-01-01', 'UTC'), [
    '2025-01-01T02:00:00Z',
    '2025-01-01T10:00:00Z',
    '2025-01-01T18:00:00Z',
  ])
})

test('the examples of RFC 5545 §3.8.5.3 give the days printed there', async (t) => {
  const cases: [rrule: string, startsOn: string, dates: string][] = [
    ['FREQ=DAILY;INTERVAL=10;COUNT=5', '1997-09-02', '09-02 09-12 09-22 10-02 10-12'],
    [
      'FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH',
      '1997-09-02',
      '09-02 09-04 09-16 09-18 09-30 10-02 10-14 10-16',
    ],
    ['FREQ=MONTHLY;COUNT=4;BYDAY=1FR', '1997-09-05', '09-05 10-03 11-07 12-05'],
    ['FREQ=MONTHLY;INTERVAL=2;COUNT=4;BYDAY=1SU,-1SU', '1997-09-07', '09-07 09-28 11-02 11-30'],
    ['FREQ=MONTHLY;BYMONTHDAY=-3', '1997-09-28', '09-28 10-29 11-28 12-29'],
    ['FREQ=MONTHLY;COUNT=6;BYMONTHDAY=1,-1', '1997-09-30', '09-30 10-01 10-31 11-01 11-30 12-01'],
    ['FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13', '1998-01-01', '02-13 03-13 11-13'],
    ['FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13', '1997-09-13', '09-13 10-11 11-08 12-13'],
    ['FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3', '1997-09-04', '09-04 10-07 11-06'],
    ['FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2', '1997-09-29', '09-29 10-30 11-27 12-30'],
    ['FREQ=YEARLY;BYDAY=20MO', '1997-05-19', '05-19'],
    ['FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO', '1997-05-12', '05-12'],
    ['FREQ=YEARLY;BYMONTH=3;BYDAY=TH', '1997-03-13', '03-13 03-20 03-27'],
    ['FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200', '1997-01-01', '01-01 04-10 07-19'],
    ['FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO', '1997-08-05', '08-05 08-10 08-19 08-24'],
    ['FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU', '1997-08-05', '08-05 08-17 08-19 08-31'],
    ['FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5', '1997-01-15', '01-15 01-30 02-15 03-15 03-30'],
  ]
  for (const [rrule, startsOn, dates] of cases) {
    const schedule = Recurrence.parse({ rrule, startsOn, at: '09:00' })
    t.same(datesIn(Number(startsOn.slice(0, 4)), schedule), dates.split(' '), rrule)
  }
  const election = Recurrence.parse({
    rrule: 'FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8',
    startsOn: '1996-11-05',
    at: '09:00',
  })
  t.same(firstInstants(3, election, '1996-01-01', 'UTC'), [
    '1996-11-05T09:00:00Z',
    '2000-11-07T09:00:00Z',
    '2004-11-02T09:00:00Z',
  ])
})

test('leap days, leap years and the last days of months are found', async (t) => {
  const leapDay = Recurrence.parse({ rrule: 'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29', at: '12:00' })
  t.same(firstInstants(3, leapDay, '2021-01-01', 'UTC'), [
    '2024-02-29T12:00:00Z',
    '2028-02-29T12:00:00Z',
    '2032-02-29T12:00:00Z',
  ])
  t.equal(latestOccurrence(leapDay, utc('2027-06-01'), 'UTC'), utc('2024-02-29T12:00Z'))
  const saturday = Recurrence.parse({ rrule: 'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=SA', at: '12:00' })
  t.same(firstInstants(1, saturday, '2021-01-01', 'UTC'), ['2048-02-29T12:00:00Z'])
  const last = Recurrence.parse({ rrule: 'FREQ=MONTHLY;BYMONTHDAY=-1', at: '00:00' })
  t.same(datesIn(2024, last).slice(0, 4), ['01-31', '02-29', '03-31', '04-30'])
  const thirtyFirst = Recurrence.parse({ rrule: 'FREQ=MONTHLY', startsOn: '2025-01-31', at: '00:00' })
  t.same(datesIn(2025, thirtyFirst), ['01-31', '03-31', '05-31', '07-31', '08-31', '10-31', '12-31'])
  const day366 = Recurrence.parse({ rrule: 'FREQ=YEARLY;BYYEARDAY=366', at: '00:00' })
  t.same(firstInstants(2, day366, '2025-01-01', 'UTC'), ['2028-12-31T00:00:00Z', '2032-12-31T00:00:00Z'])
  const week53 = Recurrence.parse({ rrule: 'FREQ=YEARLY;BYWEEKNO=53;BYDAY=TH', at: '00:00' })
  t.same(firstInstants(2, week53, '2021-01-01', 'UTC'), ['2026-12-31T00:00:00Z', '2032-12-30T00:00:00Z'])
})

test('a rule that can never happen gives nothing, whenever one asks', async (t) => {
  const never = [
    'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=31',
    'FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=31',
    'FREQ=DAILY;BYMONTH=2;BYMONTHDAY=31',
    'FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=31',
    'FREQ=YEARLY;BYWEEKNO=53;BYMONTH=6;BYDAY=MO',
    'FREQ=MONTHLY;BYDAY=MO;BYSETPOS=6',
    'FREQ=MINUTELY;INTERVAL=2;BYMINUTE=1',
    'FREQ=HOURLY;INTERVAL=9999;BYHOUR=1,2',
    'FREQ=MINUTELY;INTERVAL=9973;BYMONTH=4;BYMONTHDAY=31',
    'FREQ=DAILY;COUNT=3;BYMONTH=2;BYMONTHDAY=30',
  ]
  for (const rrule of never) {
    const schedule = Recurrence.parse({ rrule, at: '00:00', startsOn: '1970-01-01' })
    for (const at of ['2025-06-01', '2030-01-01', '1990-01-01']) {
      t.equal(nextOccurrence(schedule, utc(at), 'UTC'), undefined, rrule)
      t.equal(latestOccurrence(schedule, utc(at), 'UTC'), undefined, rrule)
    }
  }
})

test('what ends has no next occurrence, and keeps its latest', async (t) => {
  const cases: [rrule: string | undefined, latest: string][] = [
    [undefined, '2025-01-01T06:00Z'],
    ['FREQ=DAILY;COUNT=3', '2025-01-03T06:00Z'],
    ['FREQ=DAILY;UNTIL=20250104', '2025-01-04T06:00Z'],
    ['FREQ=DAILY;UNTIL=20250104T055959', '2025-01-03T06:00Z'],
    ['FREQ=DAILY;UNTIL=20250104T060000Z', '2025-01-04T06:00Z'],
    ['FREQ=DAILY;UNTIL=20250104T055959Z', '2025-01-03T06:00Z'],
  ]
  for (const [rrule, latest] of cases) {
    const schedule = Recurrence.parse({
      ...(rrule === undefined ? {} : { rrule }),
      at: '06:00',
      startsOn: '2025-01-01',
    })
    t.equal(nextOccurrence(schedule, utc(latest), 'UTC'), undefined, rrule ?? 'once')
    t.equal(nextOccurrence(schedule, utc(latest) - 1, 'UTC'), utc(latest), rrule ?? 'once')
    t.equal(latestOccurrence(schedule, utc('2025-02-01'), 'UTC'), utc(latest), rrule ?? 'once')
    t.equal(latestOccurrence(schedule, utc('2025-01-01'), 'UTC'), undefined, 'before the first')
  }
  const tokyo = Recurrence.parse({ rrule: 'FREQ=DAILY;UNTIL=20250104T000000Z', at: '08:00', timeZone: 'Asia/Tokyo' })
  t.equal(
    latestOccurrence(tokyo, utc('2026-01-01'), 'Asia/Tokyo'),
    utc('2025-01-03T23:00Z'),
    'UNTIL in UTC is an instant',
  )
  const forever = Recurrence.parse({ rrule: 'FREQ=DAILY;UNTIL=99991231T235959Z', at: '08:00' })
  t.equal(nextOccurrence(forever, utc('2099-12-31T08:00Z'), 'UTC'), undefined, 'nothing is scheduled from 2100 on')
})

test('DeviceLocal takes the zone of the device, and none when that is not known', async (t) => {
  const local = Recurrence.parse({ rrule: 'FREQ=DAILY', at: '08:00', timeZone: 'DeviceLocal' })
  const berlin = Recurrence.parse({ rrule: 'FREQ=DAILY', at: '08:00', timeZone: 'Europe/Berlin' })
  t.equal(zoneOf(local, 'Asia/Tokyo'), 'Asia/Tokyo')
  t.equal(zoneOf(local, 'asia/tokyo'), 'Asia/Tokyo')
  t.equal(zoneOf(berlin, 'Asia/Tokyo'), 'Europe/Berlin')
  for (const unknown of [undefined, '', '+09:00', 'W. Europe Standard Time', 'Mars/Olympus', 'x'.repeat(10_000)])
    t.equal(zoneOf(local, unknown), undefined)
  t.equal(nextOccurrence(local, 0, 'Mars/Olympus'), undefined)
  t.equal(latestOccurrence(local, 0, 'DeviceLocal'), undefined)
})

test('a recurrence that no schema has seen is reported and never happens', async (t) => {
  const broken = { rrule: 'FREQ=FORTNIGHTLY', at: '08:00', timeZone: 'UTC', offset: 'P0D' }
  t.match(scheduleProblem(broken), /FREQ=FORTNIGHTLY/)
  t.equal(nextOccurrence(broken, 0, 'UTC'), undefined)
  t.equal(latestOccurrence(broken, utc('2025-01-01'), 'UTC'), undefined)
  for (const wrong of [{ at: '25:99' }, { offset: '4 days' }, { startsOn: '2025-02-31' }])
    t.type(scheduleProblem({ rrule: 'FREQ=DAILY', at: '08:00', timeZone: 'UTC', offset: 'P0D', ...wrong }), 'string')
  t.equal(scheduleProblem({ rrule: 'FREQ=DAILY', at: '08:00', timeZone: 'UTC', offset: 'P0D' }), undefined)
})

test('instants that are no numbers give nothing and spoil nothing', async (t) => {
  const schedule = Recurrence.parse({ rrule: 'FREQ=DAILY', at: '08:00' })
  t.equal(nextOccurrence(schedule, Number.NaN, 'UTC'), undefined)
  t.equal(latestOccurrence(schedule, Number.NaN, 'UTC'), undefined)
  t.equal(nextOccurrence(schedule, Number.POSITIVE_INFINITY, 'UTC'), undefined)
  t.equal(nextOccurrence(schedule, Number.NEGATIVE_INFINITY, 'UTC'), utc('1970-01-01T08:00Z'))
  t.equal(latestOccurrence(schedule, Number.POSITIVE_INFINITY, 'UTC'), utc('2099-12-31T08:00Z'))
  t.equal(nextOccurrence(schedule, utc('2025-01-01'), 'UTC'), utc('2025-01-01T08:00Z'))
})

test('asking for more occurrences than the limit is refused, not cut short', async (t) => {
  const schedule = Recurrence.parse({ rrule: 'FREQ=MINUTELY', at: '00:00' })
  const from = utc('2025-01-01')
  t.equal(occurrencesBetween(schedule, from, from + MAX_OCCURRENCES * 60_000, 'UTC').length, MAX_OCCURRENCES)
  t.throws(() => occurrencesBetween(schedule, from, from + MAX_OCCURRENCES * 60_000 + 1, 'UTC'), RangeError)
})
