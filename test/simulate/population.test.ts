import fc from 'fast-check'
import { test } from 'tap'
import { countBits, hasBit } from '../../controller/model/bit-plane.ts'
import { DAY, HOUR, MINUTE } from '../../controller/model/instant.ts'
import { callAt, chosen, lastCall, newPopulation, onFrom, reachableFrom } from '../../controller/simulate/population.ts'
import { scenarioOf } from './play.ts'
import { scenario } from './samples.ts'

const START = Date.parse('2026-01-12T00:00:00Z')
const END = Date.parse('2026-02-12T00:00:00Z')

const OFFLINE = `  offline:
    - {percent: 60, times: {schedule: {rrule: FREQ=DAILY, at: '20:00', timeZone: DeviceLocal}, duration: PT11H}}
    - {percent: 50, power: 'On', times: {from: '2026-01-15T05:30', until: '2026-01-17T21:00'}}
`
const population = newPopulation(
  scenarioOf(scenario(`  reporting: {every: PT4H, jitter: PT2H}\n${OFFLINE}`)),
  3,
  START,
  END,
)

/** Every call of a device, found by going from one to the next. */
function callsOf(row: number): number[] {
  const calls: number[] = []
  for (let at = callAt(population, row, START); at < END - DAY; at = callAt(population, row, at + 1)) calls.push(at)
  return calls
}

test('calls are made while the device can be reached, in whole minutes, and soon after it is back', async (t) => {
  let returns = 0
  for (let row = 0; row < population.ids.length; row++) {
    const calls = callsOf(row)
    t.ok(calls.length > 60)
    for (const [i, at] of calls.entries()) {
      if (reachableFrom(population, row, at) !== at || at % MINUTE !== 0) t.fail(`${row} calls at ${at}`)
      const gap = at - (calls[i - 1] ?? at)
      if (gap <= 6 * HOUR) continue
      returns++
      const missed = reachableFrom(population, row, (calls[i - 1] ?? 0) + 6 * HOUR + MINUTE)
      if (at - missed > 15 * MINUTE && missed < at) t.fail(`${row} is back at ${missed} and calls at ${at}`)
    }
  }
  t.ok(returns > 100)
})

test('the last call before an instant is the one that the calls one after the other give', async (t) => {
  const calls = population.ids.map((_, row) => callsOf(row))
  fc.assert(
    fc.property(
      fc.nat(population.ids.length - 1),
      fc.nat(Math.floor((END - START - 2 * DAY) / MINUTE)),
      (row, minute) => {
        const at = START + minute * MINUTE
        return lastCall(population, row, at) === calls[row]?.findLast((call) => call <= at)
      },
    ),
    { seed: 42, numRuns: 3000 },
  )
  t.pass()
})

test('a device that is only cut off is on', async (t) => {
  const at = Date.parse('2026-01-16T12:00:00Z')
  const rows = population.ids.map((_, row) => row)
  const cutOff = rows.filter((row) => reachableFrom(population, row, at) > at)
  t.ok(cutOff.length > 0)
  t.ok(cutOff.some((row) => onFrom(population, row, at) === at))
})

test('a part of the devices is drawn for each purpose, and a part of nobody is nobody', async (t) => {
  const match = { matchLabels: { ring: 'pilot' } }
  t.equal(countBits(chosen(population, { match, percent: 100 }, 'x')), 8)
  t.equal(countBits(chosen(population, { percent: 0 }, 'x')), 0)
  const named = chosen(population, { devices: ['pc-0002', 'nobody'], percent: 100 }, 'x')
  t.equal(countBits(named), 1)
  t.ok(hasBit(named, population.ids.indexOf('pc-0002')))
})
