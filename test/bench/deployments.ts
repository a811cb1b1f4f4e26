// Many deployments over a large fleet: how far each one is, counted from the planes, beside the same counts by SQL; what one more
// message costs then; and the phases of a rollout as percentages of the fleet.
import { DatabaseSync } from 'node:sqlite'
import { DuckDBInstance } from '@duckdb/node-api'
import { complianceOf, enforcementOf, setInstalled } from '../../controller/fleet/compliance.ts'
import { hasBit, planeOf, planeRows, samePlane } from '../../controller/model/bit-plane.ts'
import type { GateFigures, Input } from '../../controller/model/facts.ts'
import { ringPosition } from '../../controller/model/hash.ts'
import type { UpdateId } from '../../controller/model/update.ts'
import { isStarted, type RolloutRecord } from '../../controller/rollout/control.ts'
import { gateFigures, recountEvidence } from '../../controller/rollout/evidence.ts'
import { computeFigures } from '../../controller/rollout/recount.ts'
import { phaseCandidates } from '../../controller/rollout/targets.ts'
import { apply } from '../../controller/state/apply.ts'
import { decide } from '../../controller/state/decide.ts'
import type { State } from '../../controller/state/state.ts'
import { declare, declared } from '../support/declare.ts'
import { NOW } from './catalog-data.ts'
import { type Deployment, deploy, fillPlanes, GROUP, newFleetState } from './deployments-data.ts'
import { deviceName } from './fleet-data.ts'
import { wordsOf } from './large-state.ts'
import { mustBe, type Row, type Size, type Timing, timeInTurns, timeInTurnsAsync } from './measure.ts'

/** Deployments that the others are asked for, over the same devices. */
const ASKED = { duckdb: 5, sqlite: 1, plain: 1 }
const PERCENTAGES = [5, 20, 40, 70, 100]
const MESSAGES = 20_000
/** Devices that these come from. */
const SENDERS = 20_000

export async function benchDeployments(size: Size): Promise<Row[]> {
  const [devices, count] = size === 'full' ? [1_000_000, 1000] : [50_000, 100]
  const { state, ids } = newFleetState(devices, count * GROUP)
  const rows = [...benchPercentages(state, ids.slice(0, 1)), benchMessages(count)]
  const deployments = deploy(state, ids, count)
  mustBe(deployments.length === count, 'deployments that are under way')
  fillPlanes(state, deployments)
  return [...(await benchRollUp(state, deployments)), ...rows]
}

async function benchRollUp(state: State, deployments: readonly Deployment[]): Promise<Row[]> {
  const devices = state.fleet.ids.length
  const figures = fullRollUp(state, deployments)
  const told = deployments.slice(0, ASKED.duckdb).map((deployment) => statesOf(state, deployment))
  for (const [i, states] of told.entries())
    same(figures[i], countedPlainly(states), `deployment ${i}, device by device`)
  for (const [i, { rollout }] of deployments.entries()) same(figures[i], gateFigures(state, rollout, 0), `counter ${i}`)
  const asked = deployments.slice(0, ASKED.plain)
  const [full = [], plainly = [], counters = []] = timeInTurns(
    { run: () => fullRollUp(state, deployments) },
    { run: () => asked.map((deployment) => countedPlainly(statesOf(state, deployment))) },
    { run: () => deployments.map(({ rollout }) => gateFigures(state, rollout, 0)) },
  )
  const operations = devices * deployments.length
  const row = (name: string, baseline: Timing, what: string, goal?: string): Row => ({
    subject: 'deployments',
    operation: 'deployment × device',
    name: `${deployments.length} deployments of ${GROUP} updates × ${devices} devices, ${name}`,
    ours: { operations, ms: full },
    baseline: { ...baseline, what },
    ...(goal !== undefined && { goal }),
  })
  const plain = { operations: devices * ASKED.plain, ms: plainly }
  return [
    row('full', plain, `device by device, ${ASKED.plain} deployment`, '2.5 s'),
    row('beside DuckDB', await askDuckDb(told, figures), `DuckDB, group by over ${ASKED.duckdb} deployments`),
    row('beside SQLite', askSqlite(told, figures), `node:sqlite, group by over ${ASKED.sqlite} deployment, indexed`),
    {
      subject: 'deployments',
      operation: 'deployment',
      name: `figures of ${deployments.length} deployments × ${devices} devices read from the counters`,
      ours: { operations: deployments.length, ms: counters },
    },
  ]
}

function fullRollUp(state: State, deployments: readonly Deployment[]): GateFigures[] {
  return deployments.map(({ rollout, phase }) => {
    const { effective = [] } = state.evidence.get(rollout.name) ?? {}
    return computeFigures(state, rollout, 0, phase, effective, state.fleet.stale)
  })
}

/** By device: 0 unknown, 1 compliant, 2 neither; and 4 more where an update failed. What the databases hold is this. */
function statesOf(state: State, { rollout, phase }: Deployment): Uint8Array {
  const { seen = new Map() } = state.evidence.get(rollout.name) ?? {}
  const states = new Uint8Array(state.fleet.ids.length)
  for (let row = 0; row < states.length; row++) {
    if (!hasBit(phase.targets, row)) continue
    const known = rollout.updates.map((id) => hasBit(seen.get(id) ?? planeOf([]), row))
    const there = rollout.updates.map((id) => (complianceOf(state.compliance, id, row) & 1) === 1)
    const failed = rollout.updates.some(
      (id, k) => !(known[k] && there[k]) && enforcementOf(state.compliance, id, row)?.state === 6,
    )
    states[row] = (known.includes(false) ? 0 : there.includes(false) ? 2 : 1) + (failed ? 4 : 0)
  }
  return states
}

function countedPlainly(states: Uint8Array): GateFigures {
  const counts = new Map<number, number>()
  for (const state of states) counts.set(state, (counts.get(state) ?? 0) + 1)
  return figuresOf(counts)
}

function figuresOf(counts: ReadonlyMap<number, number>): GateFigures {
  const sum = (holds: (state: number) => boolean) =>
    [...counts].reduce((total, [state, count]) => total + (holds(state) ? count : 0), 0)
  return {
    targets: sum(() => true),
    compliant: sum((state) => (state & 3) === 1),
    failed: sum((state) => state >= 4),
    unknown: sum((state) => (state & 3) === 0),
  }
}

function same(a: GateFigures | undefined, b: GateFigures | undefined, what: string): void {
  mustBe(JSON.stringify(a) === JSON.stringify(b), `${what}: ${JSON.stringify(a)} and ${JSON.stringify(b)}`)
}

const GROUP_BY = 'SELECT deployment, state, count(*) AS n FROM states GROUP BY deployment, state'

function compare(
  rows: readonly (readonly number[])[],
  figures: readonly GateFigures[],
  asked: number,
  by: string,
): void {
  for (let n = 0; n < asked; n++) {
    const own = rows.flatMap(([deployment, state = 0, count = 0]) =>
      deployment === n ? [[state, count] as const] : [],
    )
    same(figures[n], figuresOf(new Map(own)), `deployment ${n} by ${by}`)
  }
}

async function askDuckDb(told: readonly Uint8Array[], figures: readonly GateFigures[]): Promise<Timing> {
  const connection = await (await DuckDBInstance.create(':memory:')).connect()
  await connection.run('CREATE TABLE states (deployment SMALLINT, device INTEGER, state TINYINT)')
  const appender = await connection.createAppender('states')
  for (const [deployment, states] of told.entries())
    for (const [device, state] of states.entries()) {
      appender.appendSmallInt(deployment)
      appender.appendInteger(device)
      appender.appendTinyInt(state)
      appender.endRow()
    }
  appender.closeSync()
  const [ms = []] = await timeInTurnsAsync({
    run: async () => {
      const rows = await (await connection.runAndReadAll(GROUP_BY)).getRows()
      compare(
        rows.map((row) => row.map(Number)),
        figures,
        told.length,
        'DuckDB',
      )
    },
  })
  connection.closeSync()
  return { operations: told.reduce((total, { length }) => total + length, 0), ms }
}

function askSqlite(told: readonly Uint8Array[], figures: readonly GateFigures[]): Timing {
  const asked = told.slice(0, ASKED.sqlite)
  const database = new DatabaseSync(':memory:')
  database.exec('CREATE TABLE states (deployment INTEGER, device INTEGER, state INTEGER); BEGIN')
  const insert = database.prepare('INSERT INTO states VALUES (?, ?, ?)')
  for (const [deployment, states] of asked.entries())
    for (const [device, state] of states.entries()) insert.run(deployment, device, state)
  database.exec('COMMIT; CREATE INDEX by_state ON states (deployment, state)')
  const question = database.prepare(GROUP_BY)
  const [ms = []] = timeInTurns({
    run: () => {
      const rows = question.all().map(({ deployment, state, n }) => [deployment, state, n].map(Number))
      compare(rows, figures, asked.length, 'SQLite')
    },
  })
  database.close()
  return { operations: asked.reduce((total, { length }) => total + length, 0), ms }
}

/** The same messages, about updates of one deployment, with many deployments under way and with ten. */
function benchMessages(count: number): Row {
  const [many, few] = [count, 10].map((deployments) => {
    const { state, ids } = newFleetState(SENDERS, deployments * GROUP)
    deploy(state, ids, deployments)
    let turn = 0
    return () => {
      turn++
      for (const fact of messages(ids.slice(0, GROUP), turn)) apply(state, NOW + 1, fact)
    }
  })
  const [ours = [], fewer = []] = timeInTurns({ run: () => many?.() }, { run: () => few?.() })
  return {
    subject: 'deployments',
    operation: 'message',
    name: `a message folded and counted with ${count} deployments under way on ${SENDERS} devices`,
    ours: { operations: MESSAGES, ms: ours },
    baseline: { operations: MESSAGES, ms: fewer, what: 'the same with 10 under way' },
    goal: 'O(1): flat',
  }
}

function* messages(ids: readonly UpdateId[], turn: number): Generator<Input> {
  for (let i = 0; i < MESSAGES; i++) {
    const update = ids[i % ids.length]
    if (update === undefined) return
    const said = { topic: 500, update, state: turn % 2 === 0 ? 3 : 2 } as const
    yield {
      type: 'DeviceReported',
      device: deviceName((i * 7) % SENDERS),
      report: { sequence: turn * MESSAGES + i, at: NOW + 1, messages: [said] },
    }
  }
}

/** One phase's devices, and five phases as planning, deciding and folding them comes to. */
function benchPercentages(state: State, ids: readonly UpdateId[]): Row[] {
  const devices = state.fleet.ids.length
  for (const id of ids) setInstalled(state.compliance, id, state.fleet.present)
  const plain = state.fleet.ids.map((id, row) => ({ row, position: ringPosition(id) }))
  let number = 0
  const next = () => declareStaged(state, ids, `staged-${number++}`)
  const first = next()
  settle(state, first)
  const planned = {
    ...recordOf(state, first),
    phases: PERCENTAGES.map(() => ({ status: 'Waiting', approvalAwaited: false }) as const),
  }
  const one = () => phaseCandidates(state, planned, 2)
  const filtered = (percent: number) => plain.filter(({ position }) => position < percent * 100).map(({ row }) => row)
  mustBe(samePlane(one() ?? planeOf([]), planeOf(filtered(40))), 'the devices of a percentage')
  const staged = () => {
    const taken = new Uint8Array(devices)
    return PERCENTAGES.map((percent) => {
      const rows = filtered(percent).filter((row) => taken[row] === 0)
      for (const row of rows) taken[row] = 1
      return rows
    })
  }
  const phases = recordOf(state, first).phases.map((phase) => (isStarted(phase) ? planeRows(phase.targets).join() : ''))
  mustBe(JSON.stringify(phases) === JSON.stringify(staged().map((rows) => rows.join())), 'the devices of five phases')
  let current = ''
  const [single = [], singlePlain = [], five = [], fivePlain = []] = timeInTurns(
    { run: one },
    { run: () => filtered(40) },
    {
      prepare: () => {
        current = next()
      },
      run: () => settle(state, current),
    },
    { run: staged },
  )
  const row = (name: string, phases: number, ours: number[], ms: number[], goal: string): Row => ({
    subject: 'deployments',
    operation: 'phase × device',
    name: `${name} of ${devices} devices`,
    ours: { operations: phases * devices, ms: ours },
    baseline: { operations: phases * devices, ms, what: 'a filter over objects that have their position' },
    goal,
  })
  return [
    row("one phase's percentage", 1, single, singlePlain, '5 ms'),
    row('a rollout in five phases, decided and folded until each has its part', 5, five, fivePlain, '0.1 s'),
  ]
}

function declareStaged(state: State, ids: readonly UpdateId[], name: string): string {
  const phases = PERCENTAGES.map((percent) => ({ name: `to-${percent}`, collection: 'all', percent, soak: 'PT0S' }))
  apply(
    state,
    NOW,
    declare(
      declared('SoftwareUpdateGroup', name, { updates: [...ids] }),
      declared('Rollout', name, { group: name, phases }),
    ),
  )
  return name
}

/** Each phase passes its gate once all its devices are compliant, which is put into the planes. */
function settle(state: State, name: string): void {
  for (const _ of PERCENTAGES) {
    decideOnce(state)
    const evidence = state.evidence.get(name)
    for (const seen of evidence?.seen.values() ?? []) seen.words = wordsOf(state.fleet.ids.length, '', 2)
    recountEvidence(state, name)
  }
  decideOnce(state)
  mustBe(recordOf(state, name).status === 'Succeeded', `every phase of ${name} has begun`)
}

function decideOnce(state: State): void {
  for (const decision of decide(state, Temporal.Instant.fromEpochMilliseconds(NOW)).decisions)
    apply(state, NOW, decision)
}

function recordOf(state: State, name: string): RolloutRecord {
  const rollout = state.control.rollouts.get(name)
  if (rollout === undefined) throw new Error(`there is no rollout ${name}`)
  return rollout
}
