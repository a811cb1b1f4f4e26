// How fast time passes in a simulation: monthly updates going out to a fleet through three rings and nightly windows, with
// some failures and some devices that are off. Beside it the least that event by event would cost: each poll of each device an
// event in the same heap, and nothing done about it.
import { createHash } from 'node:crypto'
import type { FeedRecord } from '../../controller/catalog/feeds/feed-result.ts'
import { DAY, HOUR } from '../../controller/model/instant.ts'
import { newEventHeap, nextEventAt, popEvent, pushEvent } from '../../controller/simulate/event-heap.ts'
import { feedKey } from '../../controller/simulate/feeds.ts'
import { Scenario } from '../../controller/simulate/scenario.ts'
import { type SimulationInput, simulate } from '../../controller/simulate/simulation.ts'
import { declared, ring, update } from '../support/declare.ts'
import { mustBe, type Row, RUNS, type Size, timed, timeInTurns } from './measure.ts'

const FROM = Date.parse('2026-01-01T00:00:00Z')
const POLL_MS = 4 * HOUR
const UPDATES_A_MONTH = 5

export function benchSimulation(size: Size): Row[] {
  if (size === 'short') return [benchPeriod('a month of 200 devices', 200, 30, RUNS)]
  return [
    benchPeriod('a month of 1,000 devices', 1000, 30, RUNS),
    benchPeriod('a year of 10,000 devices', 10_000, 365, 1, 'seconds'),
    benchLargeYear(),
  ]
}

/** One run, with the code warm from those before; the plain way does a month. */
function benchLargeYear(): Row {
  const [devices, days, plainDays] = [100_000, 365, 30]
  const input = inputOf(devices, days)
  let played = { decisions: 0, succeeded: 0 }
  const ours = timed(() => {
    played = play(input)
  })
  mustBe(played.succeeded > 0 && played.decisions > 10, `rollouts that succeed: ${played.decisions} decisions`)
  return {
    subject: 'simulation',
    name: 'a year of 100,000 devices',
    operation: 'device-day',
    ours: { operations: devices * days, ms: [ours] },
    baseline: {
      operations: devices * plainDays,
      ms: [timed(() => pollAll(devices, plainDays))],
      what: 'a month of polls, each an event in a heap, and nothing done',
    },
    goal: '60 s',
    notes: [
      `${played.decisions} decisions, ${played.succeeded} rollouts succeeded; one run`,
      `memory at most ${Math.round(process.resourceUsage().maxRSS / 1024)} MB`,
    ],
  }
}

function benchPeriod(name: string, devices: number, days: number, runs: number, goal?: string): Row {
  const input = inputOf(devices, days)
  const first = play(input)
  mustBe(first.succeeded > 0 && first.decisions > 10, `rollouts that succeed: ${first.decisions} decisions`)
  const whole = () => mustBe(play(input).digest === first.digest, 'the same input and seed, the same decisions')
  const heap = () => mustBe(pollAll(devices, days) === Math.floor((days * DAY) / POLL_MS) * devices, 'every poll')
  const [ours = [], plain = []] =
    runs === 1 ? [[timed(whole)], [timed(heap)]] : timeInTurns({ run: whole }, { run: heap })
  const operations = devices * days
  return {
    subject: 'simulation',
    name,
    operation: 'device-day',
    ours: { operations, ms: ours },
    baseline: { operations, ms: plain, what: 'each poll an event in a heap, and nothing done' },
    ...(goal !== undefined && { goal }),
    notes: [`${first.decisions} decisions, ${first.succeeded} rollouts succeeded${runs === 1 ? '; one run' : ''}`],
  }
}

function play(input: SimulationInput): { decisions: number; succeeded: number; digest: string } {
  const digest = createHash('sha256')
  let decisions = 0
  let succeeded = 0
  simulate(input, {
    withoutProgress: true,
    onDecision: (_state, at, decision) => {
      decisions++
      if (decision.type === 'RolloutSucceeded') succeeded++
      digest.update(`${at} ${JSON.stringify(decision)}\n`)
    },
  })
  return { decisions, succeeded, digest: digest.digest('hex') }
}

function pollAll(devices: number, days: number): number {
  const heap = newEventHeap()
  const until = FROM + days * DAY
  for (let i = 0; i < devices; i++) pushEvent(heap, FROM + ((i * 7919) % POLL_MS), i)
  let polls = 0
  for (let now = nextEventAt(heap); now < until; now = nextEventAt(heap)) {
    const device = popEvent(heap)
    pushEvent(heap, now + POLL_MS, device)
    polls++
  }
  return polls
}

function inputOf(devices: number, days: number): SimulationInput {
  const source = declared('UpdateSource', 'vendor', { format: 'Ringmaster', path: 'catalog.ndjson' })
  const objects = [
    source,
    ring('pilot'),
    ring('early'),
    declared('MaintenanceWindow', 'nights', {
      collections: ['all'],
      schedule: { rrule: 'FREQ=DAILY', at: '22:00', timeZone: 'DeviceLocal' },
      duration: 'PT6H',
    }),
    declared('AutomaticDeploymentRule', 'monthly', {
      template: 'patch-tuesday',
      criteria: { classifications: ['Security Updates'], released: { within: 'P1M' } },
      deployment: { deadlineAfter: 'P2D' },
      phases: ['pilot', 'early', 'all'].map((collection) => ({
        name: collection,
        collection,
        successPercent: 90,
        failurePercent: 8,
      })),
    }),
  ]
  const records = catalog(days)
  const feed = { records, setAside: [], setAsideTotal: 0, skipped: 0, total: records.length }
  return {
    scenario: scenario(devices),
    seed: 1,
    from: FROM,
    until: FROM + days * DAY,
    declarations: [{ at: FROM, revision: 'r1', objects }],
    feeds: new Map([[feedKey(source), feed]]),
  }
}

function catalog(days: number): FeedRecord[] {
  const months = Math.ceil(days / 30)
  return Array.from({ length: months * UPDATES_A_MONTH }, (_, i) => {
    const month = Math.floor(i / UPDATES_A_MONTH)
    const released = Temporal.PlainDateTime.from('2026-01-12T17:00:00').add({ months: month })
    const fields = { released: `${released}Z`, maxRunTimeMinutes: 30, restart: 'MayRequire' as const }
    return { position: `catalog:${i + 1}`, update: update(`update-${i}`, fields) }
  })
}

function scenario(devices: number) {
  return Scenario.parse({
    apiVersion: 'ringmaster.dev/v1alpha1',
    kind: 'Scenario',
    spec: {
      devices: [
        {
          prefix: 'pc-',
          count: devices,
          vary: {
            ring: [
              { value: 'pilot', weight: 5 },
              { value: 'early', weight: 15 },
              { value: 'broad', weight: 80 },
            ],
          },
          timeZones: [{ zone: 'Europe/Berlin' }, { zone: 'America/New_York' }, { zone: 'Asia/Tokyo' }],
        },
      ],
      reporting: { every: 'PT4H' },
      failures: [{ updates: ['*'], percent: 2 }],
      offline: [
        {
          percent: 5,
          times: { from: '2026-01-14T00:00:00Z', until: '2026-01-17T00:00:00Z' },
        },
      ],
    },
  }).spec
}
