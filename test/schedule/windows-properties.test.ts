import fc from 'fast-check'
import { test } from 'tap'
import { MINUTE } from '../../controller/model/instant.ts'
import { FreezeTimes, MaintenanceWindowTimes } from '../../controller/model/recurrence.ts'
import { contains } from '../../controller/schedule/intervals.ts'
import {
  type DeviceTimes,
  type FreezeInput,
  nextBoundary,
  restartIntervals,
  startIntervals,
  type WindowInput,
} from '../../controller/schedule/windows.ts'
import { instantOfWall } from './rrule-oracle.ts'

// Times are drawn as plain numbers; from these come the declared objects for the code, and for the oracle one flag a
// minute that says whether a window is open or a freeze holds. The oracle asks Temporal, and nothing of schedule/.

type Weekly = { readonly days: readonly number[]; readonly at: string; readonly minutes: number; readonly zone: string }
type Once = { readonly from: number; readonly minutes: number; readonly zone: string }

const NAMES = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU']
const LOOKED_AT = 3 * 1440

/** The middle of what is looked at: clocks change in Berlin, New York, on Lord Howe, in Beirut (midnight); and an ordinary day. */
const MIDDLES = [
  '2025-03-30',
  '2025-10-26',
  '2025-03-09',
  '2025-11-02',
  '2025-04-06',
  '2025-10-05',
  '2024-03-31',
  '2025-06-15',
]

const zone = fc.constantFrom(
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'Asia/Beirut',
  'DeviceLocal',
)
const clock = fc
  .integer({ min: 0, max: 95 })
  .map((quarter) => `${String(quarter >> 2).padStart(2, '0')}:${String((quarter & 3) * 15).padStart(2, '0')}`)
const weekly: fc.Arbitrary<Weekly> = fc.record({
  days: fc.uniqueArray(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 7 }),
  at: clock,
  minutes: fc.oneof(fc.integer({ min: 5, max: 1440 }), fc.constant(1440)),
  zone,
})
const once: fc.Arbitrary<Once> = fc.record({
  from: fc.integer({ min: -1440, max: LOOKED_AT }),
  minutes: fc.integer({ min: 1, max: 1440 }),
  zone,
})
const minute = fc.integer({ min: -1440, max: LOOKED_AT + 600 })

const scenario = fc.record({
  middle: fc.constantFrom(...MIDDLES),
  device: fc.constantFrom('Europe/Berlin', 'Australia/Lord_Howe', 'America/New_York'),
  windows: fc.array(weekly, { maxLength: 4 }),
  freezes: fc.array(once, { maxLength: 2 }),
  nights: fc.array(weekly, { maxLength: 1 }),
  available: minute,
  deadline: fc.option(minute, { nil: undefined, freq: 12 }),
  urgent: fc.boolean(),
  install: fc.integer({ min: 0, max: 3 }).map((number) => number === 0),
  restart: fc.boolean(),
  run: fc.oneof(fc.integer({ min: 5, max: 120 }), fc.integer({ min: 120, max: 1500 })),
  now: fc.integer({ min: 0, max: LOOKED_AT - 1 }),
})
type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never

const MARGIN = 3 * 1440
const LENGTH = LOOKED_AT + 2 * MARGIN

/** One flag a minute, `MARGIN` minutes before what is looked at to as many after it. */
function flagsOf(begin: number, periods: readonly (readonly [from: number, minutes: number])[]): Uint8Array {
  const flags = new Uint8Array(LENGTH)
  for (const [from, minutes] of periods) {
    const first = Math.round((from - begin) / MINUTE) + MARGIN
    flags.fill(1, Math.min(Math.max(first, 0), LENGTH), Math.min(Math.max(first + minutes, 0), LENGTH))
  }
  return flags
}

function weeklyPeriods(rules: readonly Weekly[], middle: string, device: string): [number, number][] {
  const found: [number, number][] = []
  for (const rule of rules)
    for (
      let day = Temporal.PlainDate.from(middle).subtract({ days: 8 }), left = 17;
      left > 0;
      left--, day = day.add({ days: 1 })
    )
      if (rule.days.includes(day.dayOfWeek - 1))
        found.push([instantOfWall(`${day}T${rule.at}`, rule.zone === 'DeviceLocal' ? device : rule.zone), rule.minutes])
  return found
}

const scheduleOf = ({ days, at, zone: timeZone }: Weekly) => ({
  rrule: `FREQ=WEEKLY;BYDAY=${days.map((day) => NAMES[day]).join()}`,
  at,
  timeZone,
})

function windowsOf(drawn: Scenario): WindowInput[] {
  return drawn.windows.map((rule, index) => ({
    name: `w${index}`,
    appliesTo: 'AllDeployments',
    times: MaintenanceWindowTimes.parse({ schedule: scheduleOf(rule), duration: `PT${rule.minutes}M` }),
  }))
}

function freezesOf(drawn: Scenario, begin: number): FreezeInput[] {
  const single = drawn.freezes.map(({ from, minutes, zone: timeZone }) => {
    const text = (at: number) => new Date(at).toISOString().slice(0, 16)
    const wall = begin + from * MINUTE
    return FreezeTimes.parse({ from: text(wall), until: text(wall + minutes * MINUTE), timeZone })
  })
  const weeklies = drawn.nights.map((rule) =>
    FreezeTimes.parse({ schedule: scheduleOf(rule), duration: `PT${rule.minutes}M` }),
  )
  return [...single, ...weeklies].map((times, index) => ({ name: `f${index}`, times }))
}

function frozenPeriods(drawn: Scenario, begin: number): [number, number][] {
  const single = drawn.freezes.map(({ from, minutes, zone: timeZone }): [number, number] => {
    const zoneId = timeZone === 'DeviceLocal' ? drawn.device : timeZone
    const at = (offset: number) => instantOfWall(new Date(begin + offset * MINUTE).toISOString().slice(0, 16), zoneId)
    return [at(from), (at(from + minutes) - at(from)) / MINUTE]
  })
  return [...single, ...weeklyPeriods(drawn.nights, drawn.middle, drawn.device)]
}

/** Whether something that needs more than `needed` minutes may start, for each minute: it and the `needed` minutes after it must all be good. */
function mayStart(good: (index: number) => boolean, due: number, needed: number): boolean[] {
  const allowed: boolean[] = []
  let run = 0
  for (let index = LOOKED_AT + MARGIN - 1; index >= 0; index--) {
    run = good(index + MARGIN) ? run + 1 : 0
    if (index < LOOKED_AT) allowed[index] = run > needed && index >= due
  }
  return allowed
}

function scenarioOf(drawn: Scenario) {
  const begin = Date.parse(`${drawn.middle}T00:00Z`) - 1440 * MINUTE
  const times: DeviceTimes = {
    windows: windowsOf(drawn),
    freezes: freezesOf(drawn, begin),
    deviceZone: drawn.device,
    available: begin + drawn.available * MINUTE,
    deadline: drawn.deadline === undefined ? undefined : begin + drawn.deadline * MINUTE,
    urgent: drawn.urgent,
    outsideWindow: { install: drawn.install, restart: drawn.restart },
    maxRunTimeMinutes: drawn.run,
  }
  const open = flagsOf(begin, weeklyPeriods(drawn.windows, drawn.middle, drawn.device))
  const frozen = flagsOf(begin, drawn.urgent ? [] : frozenPeriods(drawn, begin))
  const due = Math.max(drawn.available, drawn.deadline ?? Number.POSITIVE_INFINITY)
  const free = (outside: boolean) => (index: number) =>
    (outside || drawn.windows.length === 0 || open[index] === 1) && frozen[index] === 0
  const starts = mayStart(free(drawn.install), due, drawn.run + 5)
  const restarts = mayStart(free(drawn.restart), due, 5)
  return { begin, times, open, starts, restarts }
}

test('an update starts, and a restart begins, in exactly the minutes that an oracle allows', async (t) => {
  let allowed = 0
  const property = fc.property(scenario, (drawn) => {
    const { begin, times, starts, restarts } = scenarioOf(drawn)
    const input = { ...times, from: begin, until: begin + LOOKED_AT * MINUTE }
    const start = startIntervals(input).intervals
    const restart = restartIntervals(input)
    for (let index = 0; index < LOOKED_AT; index++) {
      const at = begin + index * MINUTE
      if (starts[index] === true) allowed++
      if (contains(start, at) !== starts[index])
        throw new Error(`start at ${new Date(at).toISOString()}: expected ${starts[index]}`)
      if (contains(restart, at) !== restarts[index])
        throw new Error(`restart at ${new Date(at).toISOString()}: expected ${restarts[index]}`)
    }
  })
  fc.assert(property, { seed: 42, numRuns: 1200 })
  t.ok(allowed > 50_000, 'many scenarios allow something')
})

test('nothing changes before the next boundary, and something does at it', async (t) => {
  let found = 0
  const property = fc.property(scenario, (drawn) => {
    const { begin, times, starts, restarts } = scenarioOf(drawn)
    let expected: number | undefined
    for (let index = drawn.now + 1; index < LOOKED_AT && expected === undefined; index++)
      if (starts[index] !== starts[index - 1] || restarts[index] !== restarts[index - 1])
        expected = begin + index * MINUTE
    if (expected !== undefined) found++
    const next = nextBoundary(times, begin + drawn.now * MINUTE, begin + LOOKED_AT * MINUTE)
    if (next !== expected) throw new Error(`found ${next}, expected ${expected}`)
  })
  fc.assert(property, { seed: 42, numRuns: 1200 })
  t.ok(found > 100, 'often there is one')
})

test('an update never fits exactly when neither a stretch in sight nor any window is longer than it needs', async (t) => {
  const seen = { Fits: 0, NeverFits: 0 }
  const short = scenario.map((drawn) => ({
    ...drawn,
    install: drawn.install && drawn.run > 1000,
    windows: drawn.windows.map((rule) => ({ ...rule, minutes: (rule.minutes % 300) + 5 })),
  }))
  const property = fc.property(short, (drawn) => {
    const { begin, times, open } = scenarioOf(drawn)
    const { fits, longestMinutes } = startIntervals({ ...times, from: begin, until: begin + LOOKED_AT * MINUTE })
    let longest = Math.max(0, ...drawn.windows.map(({ minutes }) => minutes))
    let run = 0
    for (let index = 0; index < LENGTH; index++) {
      if (open[index] === 1) run++
      if ((open[index] === 0 || index === LENGTH - 1) && run > 0) {
        if (index > MARGIN && index - run < MARGIN + LOOKED_AT) longest = Math.max(longest, run)
        run = 0
      }
    }
    const needed = drawn.run + 5
    const expected = drawn.windows.length === 0 || drawn.install || longest > needed ? 'Fits' : 'NeverFits'
    if (fits !== expected) throw new Error(`found ${fits}, expected ${expected}`)
    if (drawn.windows.length > 0 && longest <= needed && longestMinutes !== longest)
      throw new Error(`found ${longestMinutes}, expected ${longest}`)
    seen[fits]++
  })
  fc.assert(property, { seed: 42, numRuns: 1200 })
  t.ok(seen.Fits > 50 && seen.NeverFits > 50, JSON.stringify(seen))
})
