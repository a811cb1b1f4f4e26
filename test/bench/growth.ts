// What grows with the fleet, and what must not: the same work over ten times as many devices. Full work is shown as time a
// device, which is to stay within 20 % for linear growth; incremental work and gates as time an operation, which is to stay flat.
import { evaluateAll, reevaluateDevice } from '../../controller/fleet/collections.ts'
import { readAttributes, setAttributes } from '../../controller/fleet/fleet.ts'
import type { DeviceAttributes } from '../../controller/model/collection.ts'
import { devicePolicy } from '../../controller/project/policy.ts'
import { isStarted, type RolloutRecord } from '../../controller/rollout/control.ts'
import { gateFigures } from '../../controller/rollout/evidence.ts'
import { computeFigures } from '../../controller/rollout/recount.ts'
import { apply } from '../../controller/state/apply.ts'
import { decide } from '../../controller/state/decide.ts'
import { type Ahead, READ_AHEAD_FROM, readAhead } from '../../controller/state/read-ahead.ts'
import { decodeState, encodeState, type State } from '../../controller/state/state.ts'
import { NOW } from './catalog-data.ts'
import { deviceAttributes } from './fleet-data.ts'
import { largeState, laterReports } from './large-state.ts'
import { collectGarbage, mustBe, type Row, RUNS, type Size, spreadOf, timed } from './measure.ts'

/** Ends at a fixed number of operations; `full` work counts each device once. */
type Work = {
  readonly name: string
  readonly operation: string
  readonly full: boolean
  readonly prepare?: () => void
  readonly run: () => number
}

const UPDATES = 1000
const DEPLOYED = 50
const COLLECTIONS = 50
const INCREMENTAL = 5000
/** Devices that are read ahead together, as the controller does with what comes in one turn to a large fleet. */
const AHEAD = 32

export function benchGrowth(size: Size): Row[] {
  const fleets = size === 'full' ? [10_000, 100_000, 1_000_000] : [10_000, 50_000]
  const works = fleets.map((devices) => worksOver(devices))
  const times = works.map((list) => list.map((): number[] => []))
  const counts = works.map((list) => list.map(() => 0))
  // All sizes in turns, so that a machine that slows down slows all of them; the first turn is a warm-up. What touches single devices
  // comes first: the garbage of whole snapshots would be collected meanwhile.
  for (const whole of [false, true])
    for (let turn = -1; turn < RUNS; turn++)
      for (const [i, list] of works.entries())
        for (const [k, { full, prepare, run }] of list.entries()) {
          if (full !== whole) continue
          prepare?.()
          const ms = timed(() => {
            counts[i]?.splice(k, 1, run())
          })
          if (turn >= 0) times[i]?.[k]?.push(ms)
        }
  return (works[0] ?? []).map((work, k) => growthRow(work, fleets, k, times, counts))
}

function growthRow(
  { name, operation, full }: Work,
  fleets: readonly number[],
  k: number,
  times: readonly number[][][],
  counts: readonly number[][],
): Row {
  const each = fleets.map((_, i) => (spreadOf(times[i]?.[k] ?? []).median * 1e6) / (counts[i]?.[k] ?? 1))
  const [smallest = 1] = each
  const last = fleets.length - 1
  return {
    subject: 'growth',
    name: `${name}, ${fleets[last]} devices`,
    operation,
    ours: { operations: counts[last]?.[k] ?? 0, ms: times[last]?.[k] ?? [] },
    baseline: { operations: counts[0]?.[k] ?? 0, ms: times[0]?.[k] ?? [], what: `the same over ${fleets[0]} devices` },
    goal: full ? 'linear within 20 %: at least 0.83× of the smallest' : 'flat',
    notes: [
      fleets
        .map((devices, i) => `${devices}: ${shown(each[i] ?? 0)} (${((each[i] ?? 0) / smallest).toFixed(2)})`)
        .join(', '),
    ],
  }
}

function shown(ns: number): string {
  return ns >= 10_000 ? `${Math.round(ns / 1000)} µs` : `${Number(ns.toPrecision(3))} ns`
}

function worksOver(devices: number): Work[] {
  const { state, deployed } = largeState({ devices, updates: UPDATES, deployed: DEPLOYED, collections: COLLECTIONS })
  const rollout = onlyRollout(state)
  const bytes = encodeState(state)
  const ahead: Ahead = { rows: [] }
  let turn = 0
  const rows = Array.from({ length: INCREMENTAL }, (_, i) => spread(i, devices))
  let attributes: DeviceAttributes[] = []
  const reports = Array.from({ length: RUNS + 1 }, (_, i) =>
    laterReports(INCREMENTAL, 10, devices, deployed).map((fact) => ({
      ...fact,
      report: { ...fact.report, sequence: fact.report.sequence + i * INCREMENTAL * 2 },
    })),
  )
  const full = (name: string, run: () => void): Work => ({
    name,
    operation: 'device',
    full: true,
    run: () => {
      run()
      return devices
    },
  })
  const each = (name: string, operation: string, times: number, run: (i: number) => void): Work => ({
    name,
    operation,
    full: false,
    run: () => {
      for (let i = 0; i < times; i++) run(i)
      return times
    },
  })
  return [
    full(`${COLLECTIONS} collections, full`, () => evaluateAll(state.fleet, state.collections)),
    full('a gate counted from the planes', () => compareGate(state, rollout)),
    full('a snapshot encoded', () => encodeState(state)),
    full('a snapshot decoded', () => decodeState(bytes.slice())),
    {
      ...each('one device changes, all its collections current', 'device', INCREMENTAL, (i) => {
        if (i % AHEAD === 0 && devices >= READ_AHEAD_FROM) readAttributes(state.fleet, rows.slice(i, i + AHEAD))
        const row = rows[i] ?? 0
        const changed = setAttributes(state.fleet, row, attributes[i] ?? {})
        reevaluateDevice(state.fleet, state.collections, row, changed)
      }),
      // Made up just before, as a controller reads what it folds next.
      prepare: () => {
        turn++
        attributes = rows.map((row) => deviceAttributes(row + (turn % 2)))
      },
    },
    each('one report of ten messages folded', 'report', INCREMENTAL, (i) => {
      const facts = reports[turn - 1] ?? []
      const row = readAhead(state, facts, i, ahead)
      const fact = facts[i]
      if (fact !== undefined) apply(state, NOW, fact, row)
    }),
    // What reports left would be collected meanwhile, which takes longer than all gates.
    {
      ...each('a gate read from its counters', 'gate', 100_000, () => gateFigures(state, rollout, 0)),
      prepare: collectGarbage,
    },
    each('a decision with nothing due', 'decision', 500, () =>
      decide(state, Temporal.Instant.fromEpochMilliseconds(NOW)),
    ),
    each('a policy', 'policy', 2000, (i) => devicePolicy(state, spread(i, devices), NOW)),
  ]
}

/** Rows all over the fleet, the same ones in every turn. */
function spread(i: number, devices: number): number {
  return (i * 7919) % devices
}

function onlyRollout(state: State): RolloutRecord {
  const [rollout] = state.control.rollouts.values()
  if (rollout === undefined) throw new Error('there is no rollout')
  return rollout
}

function compareGate(state: State, rollout: RolloutRecord): void {
  const phase = rollout.phases[0]
  if (phase === undefined || !isStarted(phase)) throw new Error('the phase has not begun')
  const { effective = [] } = state.evidence.get(rollout.name) ?? {}
  const { targets } = computeFigures(state, rollout, 0, phase, effective, state.fleet.stale)
  mustBe(targets === state.fleet.ids.length, 'every device is a target')
}
