import { test } from 'tap'
import { HOUR, toRfc3339 } from '../../controller/model/instant.ts'
import { FreezeTimes, MaintenanceWindowTimes } from '../../controller/model/recurrence.ts'
import { contains, type Interval } from '../../controller/schedule/intervals.ts'
import {
  applicableWindows,
  type DeviceTimes,
  type FreezeInput,
  frozenIntervals,
  nextBoundary,
  openIntervals,
  restartIntervals,
  startIntervals,
  type WindowInput,
} from '../../controller/schedule/windows.ts'

const utc = (text: string) => Date.parse(text.length === 10 ? `${text}T00:00:00Z` : text)
const shown = (intervals: readonly Interval[]) =>
  intervals.map(({ from, until }) => `${toRfc3339(from).slice(5, 16)} ${toRfc3339(until).slice(5, 16)}`)

function windowOf(rrule: string, at: string, duration: string, more: object = {}): WindowInput {
  const {
    timeZone = 'UTC',
    effective,
    name = 'w',
    appliesTo = 'AllDeployments',
  }: Partial<WindowInput> & { timeZone?: string; effective?: object } = more
  const times = MaintenanceWindowTimes.parse({
    schedule: { rrule, at, timeZone },
    duration,
    ...(effective === undefined ? {} : { effective }),
  })
  return { name, appliesTo, times }
}

const freezeOf = (times: object, name = 'f'): FreezeInput => ({ name, times: FreezeTimes.parse(times) })

/** A device in UTC that has waited for long for an update of 60 minutes. */
function device(change: Partial<DeviceTimes>): DeviceTimes {
  return {
    windows: [],
    freezes: [],
    deviceZone: 'UTC',
    available: utc('2025-01-01'),
    deadline: utc('2025-01-01'),
    urgent: false,
    outsideWindow: { install: false, restart: false },
    maxRunTimeMinutes: 60,
    ...change,
  }
}

const june = { from: utc('2025-06-02'), until: utc('2025-06-04') }

test('Monday 22:00 to 02:00 is open on Tuesday at 01:00, and shut on Monday at 01:00', async (t) => {
  const window = windowOf('FREQ=WEEKLY;BYDAY=MO', '22:00', 'PT4H')
  const { intervals } = openIntervals([window], 'UTC', utc('2025-06-01'), utc('2025-06-05'))
  t.same(shown(intervals), ['06-02T22:00 06-03T02:00'])
  t.equal(contains(intervals, utc('2025-06-02T01:00Z')), false, 'Monday')
  t.equal(contains(intervals, utc('2025-06-03T01:00Z')), true, 'Tuesday')
  t.equal(contains(intervals, utc('2025-06-03T02:00Z')), false, 'the end is no longer open')
  t.same(
    shown(openIntervals([window], 'UTC', utc('2025-06-03T01:00Z'), utc('2025-06-05')).intervals),
    ['06-03T01:00 06-03T02:00'],
    'begun before',
  )
})

test('windows that overlap or touch are one', async (t) => {
  const overlapping = [windowOf('FREQ=DAILY', '06:00', 'PT1H'), windowOf('FREQ=DAILY', '06:30', 'PT1H')]
  t.same(shown(openIntervals(overlapping, 'UTC', utc('2025-06-02'), utc('2025-06-03')).intervals), [
    '06-02T06:00 06-02T07:30',
  ])
  const weekend = [
    windowOf('FREQ=WEEKLY;BYDAY=SA', '00:00', 'PT24H'),
    windowOf('FREQ=WEEKLY;BYDAY=SU', '00:00', 'PT24H'),
  ]
  t.same(shown(openIntervals(weekend, 'UTC', utc('2025-06-01T00:00Z'), utc('2025-06-10')).intervals), [
    '06-01T00:00 06-02T00:00',
    '06-07T00:00 06-09T00:00',
  ])
  const always = windowOf('FREQ=DAILY', '05:00', 'PT24H')
  t.same(shown(openIntervals([always], 'UTC', utc('2025-06-01'), utc('2025-06-10')).intervals), [
    '06-01T00:00 06-10T00:00',
  ])
})

test('a window keeps its wall-clock begin and its length over a change of the clocks', async (t) => {
  const window = windowOf('FREQ=DAILY', '00:00', 'PT24H', { timeZone: 'Europe/Berlin' })
  const spring = openIntervals([window], undefined, utc('2025-03-29T23:00Z'), utc('2025-03-31T22:00Z')).intervals
  t.same(shown(spring), ['03-29T23:00 03-31T22:00'], 'a day of 23 hours leaves no hole')
  const autumn = openIntervals([window], undefined, utc('2025-10-25T22:00Z'), utc('2025-10-27T23:00Z')).intervals
  t.same(shown(autumn), ['10-25T22:00 10-26T22:00', '10-26T23:00 10-27T23:00'], 'a day of 25 hours is open for 24')
})

test('effective days bound when a window may open, both included, in its own zone', async (t) => {
  const effective = { from: '2025-06-02', until: '2025-06-03' }
  const window = windowOf('FREQ=DAILY', '22:00', 'PT4H', { effective })
  t.same(shown(openIntervals([window], 'UTC', utc('2025-06-01'), utc('2025-06-10')).intervals), [
    '06-02T22:00 06-03T02:00',
    '06-03T22:00 06-04T02:00',
  ])
  t.same(
    shown(openIntervals([window], 'UTC', utc('2025-06-04T01:00Z'), utc('2025-06-10')).intervals),
    ['06-04T01:00 06-04T02:00'],
    'opened on the last day',
  )
  const tokyo = windowOf('FREQ=DAILY', '05:00', 'PT1H', { effective, timeZone: 'DeviceLocal' })
  t.same(shown(openIntervals([tokyo], 'Asia/Tokyo', utc('2025-06-01'), utc('2025-06-10')).intervals), [
    '06-01T20:00 06-01T21:00',
    '06-02T20:00 06-02T21:00',
  ])
})

test('a DeviceLocal window is at the same wall-clock time everywhere, and closed where the zone is not known', async (t) => {
  const window = windowOf('FREQ=DAILY', '22:00', 'PT2H', { timeZone: 'DeviceLocal', name: 'night' })
  t.same(shown(openIntervals([window], 'America/New_York', june.from, utc('2025-06-03')).intervals), [
    '06-02T02:00 06-02T04:00',
  ])
  for (const [zone, reason] of [
    [undefined, /has not said its time zone/],
    ['Mars/Olympus', /"Mars\/Olympus" is not known/],
  ] as const) {
    const { intervals, closed } = openIntervals([window], zone, june.from, june.until)
    t.same(intervals, [])
    t.match(closed, [{ name: 'night', reason }])
    const start = startIntervals({ ...device({ windows: [window], deviceZone: zone }), ...june })
    t.same([start.intervals, start.fits], [[], 'NeverFits'])
    t.match(start.reason, reason)
  }
})

test('what no schema has seen and cannot be read is closed, and says so; a freeze like that always holds', async (t) => {
  const window = windowOf('FREQ=DAILY', '22:00', 'PT2H')
  const { schedule } = window.times
  const broken: [times: MaintenanceWindowTimes, reason: RegExp][] = [
    [{ schedule: { ...schedule, rrule: 'FREQ=OFTEN' }, duration: 'PT2H' }, /schedule cannot be read \(FREQ=OFTEN/],
    [{ schedule, duration: 'long' }, /duration "long" cannot be read/],
    [{ schedule, duration: 'PT2H', effective: { from: 'today' } }, /dates cannot be read/],
    [{ schedule: { ...schedule, timeZone: 'Mars/Olympus' }, duration: 'PT2H' }, /time zone Mars\/Olympus is not known/],
  ]
  for (const [times, reason] of broken) {
    const { intervals, closed } = openIntervals([{ ...window, times }], 'UTC', june.from, june.until)
    t.same(intervals, [])
    t.match(closed, [{ name: 'w', reason }])
  }
  const freezes: FreezeTimes[] = [
    {},
    { from: 'soon', until: 'later' },
    { from: '2025-06-02T00:00', until: '2025-06-01T00:00' },
    { schedule, duration: 'long' },
  ]
  for (const times of [...freezes, { from: '2025-06-02T00:00', until: '2025-06-02T01:00', timeZone: 'Mars/Olympus' }]) {
    const { intervals, doubtful } = frozenIntervals([{ name: 'f', times }], 'UTC', june.from, june.until)
    t.same(intervals, [june])
    t.match(doubtful, [{ name: 'f', reason: /it always holds$/ }])
  }
})

test('freezes hold once in a zone or at instants, or again and again', async (t) => {
  const cases: [times: object, expected: string[]][] = [
    [{ from: '2025-06-02T10:00', until: '2025-06-02T12:00' }, ['06-02T10:00 06-02T12:00']],
    [{ from: '2025-06-02T10:00', until: '2025-06-02T12:00', timeZone: 'Europe/Berlin' }, ['06-02T08:00 06-02T10:00']],
    [{ from: '2025-06-02T10:00', until: '2025-06-02T12:00', timeZone: 'DeviceLocal' }, ['06-02T01:00 06-02T03:00']],
    [{ from: '2025-06-02T10:00+02:00', until: '2025-06-02T12:00Z' }, ['06-02T08:00 06-02T12:00']],
    [{ from: '2025-01-01T00:00', until: '2026-01-01T00:00' }, ['06-02T00:00 06-04T00:00']],
    [{ from: '2025-01-01T00:00', until: '2025-02-01T00:00' }, []],
    [{ schedule: { rrule: 'FREQ=WEEKLY;BYDAY=FR', at: '18:00' }, duration: 'P2DT12H' }, ['06-02T00:00 06-02T06:00']],
    [
      { schedule: { rrule: 'FREQ=YEARLY;BYMONTH=4;BYMONTHDAY=1', at: '00:00' }, duration: 'P63D' },
      ['06-02T00:00 06-03T00:00'],
    ],
  ]
  for (const [times, expected] of cases)
    t.same(
      shown(frozenIntervals([freezeOf(times)], 'Asia/Tokyo', june.from, june.until).intervals),
      expected,
      JSON.stringify(times),
    )
})

test('a DeviceLocal freeze on a device of unknown zone holds whenever it holds anywhere on earth', async (t) => {
  const once = freezeOf({ from: '2025-06-02T12:00', until: '2025-06-02T13:00', timeZone: 'DeviceLocal' }, 'b')
  const nightly = freezeOf(
    { schedule: { rrule: 'FREQ=MONTHLY;BYMONTHDAY=3', at: '12:00', timeZone: 'DeviceLocal' }, duration: 'PT1H' },
    'a',
  )
  const both = frozenIntervals([once, nightly], undefined, utc('2025-06-01'), utc('2025-06-09'))
  t.same(shown(both.intervals), ['06-01T22:00 06-04T01:00'], '06-01T22:00 to 06-03T01:00, and a day later')
  t.match(both.doubtful, [
    { name: 'a', reason: /anywhere on earth/ },
    { name: 'b', reason: /anywhere on earth/ },
  ])
  const hours = { '2025-06-01T21:00Z': 0, '2025-06-01T22:00Z': 1, '2025-06-03T00:00Z': 1, '2025-06-03T01:00Z': 0 }
  for (const [from, expected] of Object.entries(hours))
    t.equal(frozenIntervals([once], undefined, utc(from), utc(from) + HOUR).intervals.length, expected, from)
  for (const zone of ['Pacific/Kiritimati', 'Etc/GMT+12', 'Asia/Kathmandu']) {
    const inside = frozenIntervals([once], zone, utc('2025-06-01'), utc('2025-06-09')).intervals
    const around = frozenIntervals([once], undefined, utc('2025-06-01'), utc('2025-06-09')).intervals
    t.ok(
      inside.length === 1 && inside.every((one) => contains(around, one.from) && contains(around, one.until - 1)),
      zone,
    )
  }
})

test('a device with a SoftwareUpdates window ignores its AllDeployments windows, unless the deployment says otherwise', async (t) => {
  const all = windowOf('FREQ=DAILY', '01:00', 'PT1H', { name: 'all' })
  const updates = windowOf('FREQ=DAILY', '05:00', 'PT1H', { name: 'updates', appliesTo: 'SoftwareUpdates' })
  const names = (windows: readonly WindowInput[]) => windows.map(({ name }) => name)
  t.same(names(applicableWindows([all, updates], false)), ['updates'])
  t.same(names(applicableWindows([all, updates], true)), ['all', 'updates'])
  t.same(names(applicableWindows([all], false)), ['all'])
  t.same(names(applicableWindows([], false)), [])
})

test('an update starts only while more than its run time and 5 minutes are left', async (t) => {
  const windows = [windowOf('FREQ=DAILY', '22:00', 'PT4H')]
  const cases: [change: Partial<DeviceTimes>, expected: string[]][] = [
    [{ windows }, ['06-02T00:00 06-02T00:55', '06-02T22:00 06-03T00:55', '06-03T22:00 06-04T00:00']],
    [{ windows, maxRunTimeMinutes: 234 }, ['06-02T22:00 06-02T22:01', '06-03T22:00 06-03T22:01']],
    [{ windows, maxRunTimeMinutes: 235 }, []],
    [{ windows, deadline: utc('2025-06-02T23:00Z') }, ['06-02T23:00 06-03T00:55', '06-03T22:00 06-04T00:00']],
    [{ windows, available: utc('2025-06-03T23:30Z') }, ['06-03T23:30 06-04T00:00']],
    [{ windows, deadline: undefined }, []],
    [
      { windows, outsideWindow: { install: true, restart: false }, deadline: utc('2025-06-02T12:00Z') },
      ['06-02T12:00 06-04T00:00'],
    ],
    [{}, ['06-02T00:00 06-04T00:00']],
    [{ deadline: utc('2025-06-03T07:00Z') }, ['06-03T07:00 06-04T00:00']],
    [{ available: utc('2025-06-03T08:00Z'), deadline: utc('2025-06-03T07:00Z') }, ['06-03T08:00 06-04T00:00']],
    [{ deadline: utc('2025-07-01') }, []],
  ]
  for (const [change, expected] of cases)
    t.same(shown(startIntervals({ ...device(change), ...june }).intervals), expected, JSON.stringify(change))
})

test('a freeze beats windows and deadlines, cuts a window short, and lets only the urgent pass', async (t) => {
  const windows = [windowOf('FREQ=DAILY', '10:00', 'PT6H')]
  const freezes = [freezeOf({ from: '2025-06-02T12:00', until: '2025-06-03T14:00' })]
  const restart = { install: false, restart: true }
  const starts = (change: Partial<DeviceTimes>) =>
    shown(startIntervals({ ...device({ freezes, ...change }), ...june }).intervals)
  t.same(starts({ windows }), ['06-02T10:00 06-02T10:55', '06-03T14:00 06-03T14:55'])
  t.same(starts({}), ['06-02T00:00 06-02T10:55', '06-03T14:00 06-04T00:00'], 'without windows too')
  t.same(starts({ windows, outsideWindow: { install: true, restart: false } }), [
    '06-02T00:00 06-02T10:55',
    '06-03T14:00 06-04T00:00',
  ])
  t.same(starts({ windows, urgent: true }), ['06-02T10:00 06-02T14:55', '06-03T10:00 06-03T14:55'])
  t.same(shown(restartIntervals({ ...device({ freezes, windows }), ...june })), [
    '06-02T10:00 06-02T11:55',
    '06-03T14:00 06-03T15:55',
  ])
  t.same(shown(restartIntervals({ ...device({ freezes, windows, outsideWindow: restart }), ...june })), [
    '06-02T00:00 06-02T11:55',
    '06-03T14:00 06-04T00:00',
  ])
})

test('an update that fits no window is told so, with the longest of them', async (t) => {
  const short = windowOf('FREQ=DAILY', '22:00', 'PT1H', { name: 'short' })
  const quarterly = windowOf('FREQ=YEARLY;BYMONTH=1,4,7,10;BYDAY=1SU', '22:00', 'PT3H', { name: 'quarterly' })
  const look = (change: Partial<DeviceTimes>) =>
    startIntervals({ ...device({ deadline: utc('2026-01-01'), ...change }), ...june })
  t.match(look({ windows: [short] }), {
    fits: 'NeverFits',
    neededMinutes: 65,
    longestMinutes: 60,
    reason:
      'it needs more than 65 minutes (60 to run, 5 to restart), and its longest window is 60 minutes, at 2025-06-02T22:00:00Z',
  })
  t.equal(look({ windows: [short], maxRunTimeMinutes: 55 }).fits, 'NeverFits', 'exactly as long is not enough')
  t.same(look({ windows: [short], maxRunTimeMinutes: 54 }), {
    intervals: [],
    fits: 'Fits',
    reason: undefined,
    neededMinutes: 59,
    longestMinutes: 60,
  })
  t.match(look({ windows: [short, quarterly] }), { fits: 'Fits', longestMinutes: 180 }, 'a longer one opens later')
  t.match(
    look({ windows: [quarterly], maxRunTimeMinutes: 200 }).reason,
    /longest window is 180 minutes, quarterly at 2025-07-06T22:00:00Z$/,
  )
  t.equal(look({ windows: [short], outsideWindow: { install: true, restart: false } }).fits, 'Fits')
  t.equal(look({ windows: [] }).fits, 'Fits')
  const ended = windowOf('FREQ=DAILY', '10:00', 'PT5H', { effective: { until: '2025-06-01' } })
  t.match(look({ windows: [ended] }), { fits: 'NeverFits', longestMinutes: 0, reason: /none of its windows opens$/ })
  const coming = windowOf('FREQ=DAILY', '10:00', 'PT5H', { effective: { from: '2025-09-01' } })
  t.match(look({ windows: [coming] }), { fits: 'Fits', longestMinutes: 300 })
  const touching = [windowOf('FREQ=DAILY', '10:00', 'PT1H'), windowOf('FREQ=DAILY', '11:00', 'PT1H')]
  t.match(look({ windows: touching }), { fits: 'Fits', longestMinutes: 120 })
})

test('the next boundary is where the permission to start or to restart begins or ends', async (t) => {
  const windows = [windowOf('FREQ=WEEKLY;BYDAY=TU', '22:00', 'PT4H')]
  const until = utc('2025-08-01')
  const after = (now: string, change: Partial<DeviceTimes>) => {
    const next = nextBoundary(device(change), utc(now), until)
    return next === undefined ? undefined : toRfc3339(next).slice(5, 16)
  }
  t.equal(after('2025-06-02', { windows }), '06-03T22:00', 'the window opens')
  t.equal(after('2025-06-03T22:00Z', { windows }), '06-04T00:55', 'too late to start')
  t.equal(after('2025-06-04T00:55Z', { windows }), '06-04T01:55', 'too late to restart')
  t.equal(after('2025-06-04T01:55Z', { windows }), '06-10T22:00')
  t.equal(after('2025-06-02', { windows, deadline: utc('2025-07-20') }), '07-22T22:00', 'weeks ahead')
  t.equal(after('2025-06-02', {}), undefined, 'nothing changes')
  t.equal(after('2025-06-02', { deadline: utc('2025-07-20T10:00Z') }), '07-20T10:00')
  t.equal(after('2025-06-02', { deadline: until }), undefined, 'beyond what was asked for')
  t.equal(after('2025-09-02', { windows }), undefined, 'now is already beyond')
  t.equal(nextBoundary(device({}), utc('2025-06-02'), Number.POSITIVE_INFINITY), undefined, 'no end is the end of time')
})
