import fc from 'fast-check'
import { test } from 'tap'
import { HOUR, MINUTE } from '../../controller/model/instant.ts'
import { UpdateId } from '../../controller/model/update.ts'
import { since } from '../../controller/project/device-times.ts'
import { united } from '../../controller/schedule/intervals.ts'
import { advance, receivePolicy } from '../../controller/simulate/agent.ts'
import type { AgentOffer, AgentPolicy } from '../../controller/simulate/agent-policy.ts'
import { scanWatched, takeReport } from '../../controller/simulate/agent-report.ts'
import { type Machine, newAgent } from '../../controller/simulate/agent-state.ts'
import { newPopulation } from '../../controller/simulate/population.ts'
import { knownOffers, nextFew, sharedOffers, sharedWatch } from '../../controller/simulate/shared-times.ts'
import { machineOf, movingMachine, newTruth } from '../../controller/simulate/truth.ts'
import { update } from '../support/declare.ts'
import * as plain from './plain-agent.ts'
import { scenarioOf } from './play.ts'
import { scenario } from './samples.ts'

const IDS = ['a', 'b', 'c', 'd'].map((name) => UpdateId.parse(name))
const instant = fc.nat(30).map((n) => n * 10 * MINUTE)
const intervals = fc
  .array(
    fc.record({ from: instant, length: fc.integer({ min: 1, max: 20 }) }).map(({ from, length }) => ({
      from,
      until: from + length * 10 * MINUTE,
    })),
    { maxLength: 6 },
  )
  .map(united)
const offer: fc.Arbitrary<AgentOffer> = fc.record({
  id: fc.constantFrom(...IDS),
  action: fc.constantFrom('Install' as const, 'Install' as const, 'Uninstall' as const),
  available: instant,
  start: intervals,
  restart: fc.record({
    behaviour: fc.constantFrom('Requires' as const, 'Never' as const),
    allowed: fc.boolean(),
    times: intervals,
  }),
  maxRunTimeMinutes: fc.constant(60),
})
const policy: fc.Arbitrary<AgentPolicy> = fc.record({
  maxAgeMs: fc.constantFrom(2 * HOUR, 24 * HOUR),
  offers: fc.uniqueArray(offer, { selector: ({ id }) => id, maxLength: 4 }),
  watched: fc.uniqueArray(fc.record({ id: fc.constantFrom(...IDS), from: fc.option(instant, { nil: undefined }) }), {
    selector: ({ id }) => id,
  }),
})
const step = fc.oneof(
  fc.record({ type: fc.constant('Policy' as const), policy, after: fc.nat(12) }),
  fc.record({ type: fc.constant('Report' as const), after: fc.nat(12) }),
  fc.record({ type: fc.constant('Scan' as const), after: fc.nat(12) }),
)

/** A device on which some attempts fail and which is off for some time; the same whenever it is made. */
function device(failing: readonly number[], offUntil: number): Machine {
  const installed = new Set<UpdateId>()
  const attempt = (id: UpdateId, number: number, minutes: number) => {
    const lot = (IDS.indexOf(id) * 5 + number) % 8
    return { lasts: (1 + lot) * minutes * MINUTE, ...(failing.includes(lot) && { code: '0x80070643' }) }
  }
  return {
    status: (id) => (installed.has(id) ? 3 : 2),
    download: (id, number) => attempt(id, number, 3),
    install: ({ id }, number) => attempt(id, number + 1, 7),
    needsRestart: ({ restart }) => restart.behaviour === 'Requires',
    restart: () => 5 * MINUTE,
    personRestarts: (now) => now + HOUR,
    commit: ({ id, action }) => {
      if (action === 'Install') installed.add(id)
      else installed.delete(id)
      return [id]
    },
    onFrom: (now) => (now >= HOUR && now < offUntil ? offUntil : now),
    retryAfterMs: 20 * MINUTE,
    maxAttempts: 3,
  }
}

test('an agent does and says what one that looks through all its maps does and says', async (t) => {
  let events = 0
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 1, maxLength: 25 }),
      fc.subarray([0, 1, 2, 3, 4, 5, 6, 7]),
      instant,
      (steps, failing, offUntil) => {
        const [agent, old] = [newAgent(), plain.newAgent()]
        const [one, other] = [device(failing, offUntil), device(failing, offUntil)]
        const [did, oldDid]: unknown[][] = [[], []]
        let now = 0
        const act = (until: number) => {
          for (; now <= until; now += MINUTE) {
            const next = advance(agent, one, now, (event) => did?.push(event))
            const oldNext = plain.advance(old, other, now, (event) => oldDid?.push(event))
            if (next !== oldNext) return false
          }
          return true
        }
        for (const taken of steps) {
          if (!act(now + taken.after * 10 * MINUTE)) return false
          if (taken.type === 'Policy') {
            receivePolicy(agent, taken.policy, now)
            plain.receivePolicy(old, taken.policy, now)
          }
          if (taken.type === 'Scan' && scanWatched(agent, one, now) !== plain.scanWatched(old, other, now)) return false
          const [said, oldSaid] = [takeReport(agent, now), plain.takeReport(old, now)]
          if (taken.type === 'Report' && JSON.stringify(said) !== JSON.stringify(oldSaid)) return false
        }
        events += did?.length ?? 0
        return JSON.stringify(did) === JSON.stringify(oldDid)
      },
    ),
    { seed: 42, numRuns: 3000 },
  )
  t.ok(events > 2000, `${events} events were compared`)
})

test('the next few times are those that a policy names, and the same list for who is not cut off', async (t) => {
  fc.assert(
    fc.property(intervals, instant, instant, fc.integer({ min: 1, max: 4 }), (all, at, now, count) => {
      const wanted = united(since(all, at))
        .filter(({ until }) => until > now)
        .slice(0, count)
      const found = nextFew(all, at, now, count)
      return JSON.stringify(found) === JSON.stringify(wanted) && nextFew(all, at, now, count).length === found.length
    }),
    { seed: 42, numRuns: 2000 },
  )
  const all = [
    { from: 0, until: 10 },
    { from: 20, until: 30 },
  ]
  t.equal(nextFew(all, -5, 1, 4), nextFew(all, 0, 2, 4))
  t.not(nextFew(all, 3, 1, 4), nextFew(all, 0, 1, 4))
})

test('lists of offers that say the same become one, others stay', async (t) => {
  fc.assert(
    fc.property(offer, offer, (one, other) => {
      const twin = sharedOffers([{ ...one, restart: { ...one.restart } }, other])
      const different = [{ ...other, start: one.start }, one]
      return (
        sharedOffers([{ ...one }, { ...other }]) === twin &&
        sharedOffers([{ ...one }]) !== twin &&
        JSON.stringify(twin) === JSON.stringify([one, other]) &&
        JSON.stringify(sharedOffers(different)) === JSON.stringify(different)
      )
    }),
    { seed: 42, numRuns: 500 },
  )
  t.equal(sharedWatch(IDS, 5), sharedWatch(IDS, 5))
  t.same(
    sharedWatch(IDS, 6),
    IDS.map((id) => ({ id, from: 6 })),
  )
})

test('a list of offers is found by what it would be made of, and by nothing else', async (t) => {
  const [one, other] = [update('one', { restart: 'Requires' }), update('other', { maxRunTimeMinutes: 90 })]
  const times = { start: [{ from: 0, until: HOUR }], restart: { allowed: true, times: [] } }
  const offers = [one, other].map(
    ({ id, restart, maxRunTimeMinutes }): AgentOffer => ({
      id,
      action: 'Install',
      available: 5,
      start: times.start,
      restart: { behaviour: restart, ...times.restart },
      maxRunTimeMinutes,
    }),
  )
  t.equal(sharedOffers(offers), offers)
  const timesFor = () => times
  t.equal(knownOffers([one, other], 5, timesFor), offers)
  t.equal(knownOffers([other, one], 5, timesFor), undefined)
  t.equal(knownOffers([one], 5, timesFor), undefined)
  t.equal(knownOffers([], 5, timesFor), undefined)
  t.equal(knownOffers([one, other], 6, timesFor), undefined)
  t.equal(
    knownOffers([one, other], 5, () => ({ ...times, start: [...times.start] })),
    undefined,
  )
  t.equal(
    knownOffers([one, other], 5, ({ id }) =>
      id === one.id ? times : { ...times, restart: { allowed: false, times: [] } },
    ),
    undefined,
  )
  for (const changed of [{ maxRunTimeMinutes: 91 }, { restart: 'Requires' as const }])
    t.equal(knownOffers([one, { ...other, ...changed }], 5, timesFor), undefined)
})

test('a machine that moves is each device in its turn', async (t) => {
  const spec = scenarioOf(scenario('  failures: [{updates: ["*"], percent: 30, attempts: 1}]\n'))
  const from = Date.parse('2026-01-12T00:00:00Z')
  const updates = IDS.map((id) => update(id, { released: '2026-01-13T00:00:00Z' }))
  const truth = newTruth(newPopulation(spec, 1, from, from + 24 * HOUR), spec, updates)
  const moving = movingMachine(truth)
  for (const [row] of truth.population.ids.entries()) {
    const still = machineOf(truth, row)
    moving.moveTo(row)
    for (const id of IDS) t.same(moving.machine.download(id, 1, from), still.download(id, 1, from))
    t.equal(moving.machine.restart(from), still.restart(from))
    t.equal(moving.machine.personRestarts(from), still.personRestarts(from))
  }
})

test('a machine that moves takes as long to install as each device of a roster says', async (t) => {
  const spec = scenarioOf(scenario())
  const devices = [10, undefined, 25].map((installMinutes, i) => ({
    id: `pc-${i}`,
    attributes: {},
    joins: 0,
    installMinutes,
  }))
  const roster = { devices, finds: () => 'Required' as const }
  const truth = newTruth(newPopulation(spec, 1, 0, 24 * HOUR, roster), spec, [update('a')], roster)
  const { machine, moveTo } = movingMachine(truth)
  const offered = fc.sample(offer, { seed: 1, numRuns: 1 })[0]
  if (offered === undefined) throw new Error('no offer')
  const lasts = [0, 1, 2].map((row) => {
    moveTo(row)
    return machine.install(offered, 1, 0).lasts
  })
  t.equal(lasts[0], 10 * MINUTE)
  t.equal(lasts[2], 25 * MINUTE)
  t.equal(lasts[1], machineOf(truth, 1).install(offered, 1, 0).lasts)
})
