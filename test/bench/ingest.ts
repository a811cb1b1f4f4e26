// State messages into a controller, each acknowledged when it is durable, folded and decided upon; beside it what the disk
// alone does with the same lines, and a database that commits row by row.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { complianceOf } from '../../controller/fleet/compliance.ts'
import type { Journal } from '../../controller/journal/journal.ts'
import { openMemoryJournal } from '../../controller/journal/memory-journal.ts'
import { openSqliteJournal } from '../../controller/journal/sqlite-journal.ts'
import type { Fact, Input } from '../../controller/model/facts.ts'
import { systemClock } from '../../controller/runtime/clock.ts'
import { Controller } from '../../controller/runtime/controller.ts'
import { decodeFact } from '../../controller/runtime/fact-codec.ts'
import { apply } from '../../controller/state/apply.ts'
import { newState, type State } from '../../controller/state/state.ts'
import { catalogOf, deviceEnrolled, deviceName, foldAll, reportOf, rolloutOf, updateIds } from './fleet-data.ts'
import {
  mustBe,
  quantile,
  type Row,
  type Size,
  spreadOf,
  type Timing,
  timeInTurns,
  timeInTurnsAsync,
} from './measure.ts'
import { LineLog, PlainFold, RowStore } from './plain-stores.ts'

type Report = Extract<Input, { readonly type: 'DeviceReported' }>
type Sizes = { readonly devices: number; readonly reports: number; readonly inFlight: number; readonly rows: number }

const MESSAGES = 10
const UPDATES = 100
const IDS = updateIds(UPDATES)

export async function benchIngest(size: Size): Promise<Row[]> {
  const sizes: Sizes =
    size === 'full'
      ? { devices: 100_000, reports: 20_000, inFlight: 250, rows: 1000 }
      : { devices: 2000, reports: 2000, inFlight: 250, rows: 100 }
  const folder = mkdtempSync(join(tmpdir(), 'ringmaster-bench-'))
  try {
    await compareResults(folder, sizes)
    return [
      ...(await benchDurable(folder, sizes)),
      await benchRollout(folder, sizes),
      await benchMemory(sizes),
      benchFold(sizes),
    ]
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** The same reports to all: what each then holds has to be the same. */
async function compareResults(folder: string, { devices, inFlight }: Sizes): Promise<void> {
  const reports = makeReports(200, Math.min(100, devices), 1)
  const journal = openSqliteJournal(join(folder, 'compare.sqlite'), decodeFact)
  const controller = await openController(journal, Math.min(100, devices))
  const before = journal.lastSeq
  await submitAll(controller, reports, inFlight)
  const log = new LineLog(join(folder, 'compare.ndjson'))
  log.append(reports.map((report) => JSON.stringify(report)))
  const kept = [...journal.read(before)].map(({ fact }) => JSON.stringify(fact))
  mustBe(kept.length === reports.length && kept.join('\n') === log.readBack().join('\n'), 'what was made durable')
  const rows = new RowStore(join(folder, 'compare-rows.sqlite'))
  const plain = new PlainFold()
  for (const { device, report } of reports) {
    rows.put(device, report)
    plain.put(device, report)
  }
  const held = compliances(controller.state, Math.min(100, devices))
  mustBe(held.length > 100, 'messages that say nothing measure nothing')
  mustBe(held.join('\n') === rows.list().join('\n'), 'compliance in the table')
  mustBe(held.join('\n') === plain.list().join('\n'), 'compliance in the plain fold')
  rows.close()
  log.close()
  await controller.close()
}

async function benchDurable(folder: string, sizes: Sizes): Promise<Row[]> {
  const { inFlight, reports: count } = sizes
  const controller = await openController(openSqliteJournal(join(folder, 'a.sqlite'), decodeFact), sizes.devices)
  const log = new LineLog(join(folder, 'a.ndjson'))
  const rows = new RowStore(join(folder, 'rows.sqlite'))
  const source = reportsInTurn(sizes)
  const waits: number[] = []
  let lines: string[] = []
  const [ours = [], raw = [], single = [], clients = []] = await timeInTurnsAsync(
    {
      prepare: () => {
        source.next()
        lines = source.reports.map((report) => JSON.stringify(report))
      },
      run: async () => {
        waits.push(...(await submitAll(controller, source.reports, inFlight)))
      },
    },
    {
      run: async () => {
        for (let i = 0; i < lines.length; i += inFlight) log.append(lines.slice(i, i + inFlight))
      },
    },
    {
      run: async () => {
        for (const { device, report } of source.reports.slice(0, sizes.rows / MESSAGES)) rows.put(device, report)
      },
    },
    {
      run: async () => {
        await submitAll({ submit: () => nextTurn() }, source.reports, inFlight)
      },
    },
  )
  log.close()
  rows.close()
  await controller.close()
  const operations = count * MESSAGES
  const common = { subject: 'ingest', operation: 'state message', ours: { operations, ms: ours } }
  return [
    {
      ...common,
      name: `durable, ${inFlight} reports of ${MESSAGES} in flight, beside the disk alone`,
      baseline: {
        operations,
        ms: raw,
        what: 'append of the same lines, made before, and fdatasync in the same batches',
      },
      goal: '250,000/s, p99 ≤ 25 ms, ≥ 0.3×',
      notes: [
        waitNote(waits),
        reportNote(common.ours, count),
        `of this, the clients by themselves, each with a turn of the event loop for an answer: ${spreadOf(clients).median.toFixed(1)} ms`,
      ],
    },
    {
      ...common,
      name: 'durable, beside a database',
      baseline: { operations: sizes.rows, ms: single, what: 'node:sqlite, write-ahead log, one commit a message' },
      goal: '≥ 30×',
    },
  ]
}

async function benchRollout(folder: string, sizes: Sizes): Promise<Row> {
  const controller = await openController(openSqliteJournal(join(folder, 'b.sqlite'), decodeFact), sizes.devices)
  await controller.submit(rolloutOf(IDS))
  await controller.settled()
  mustBe(controller.state.evidence.size === 1, 'a rollout is under way')
  let foldMs = 0
  let decideMs = 0
  controller.subscribe((turn) => {
    foldMs += turn.foldMs
    decideMs += turn.decideMs
  })
  const log = new LineLog(join(folder, 'b.ndjson'))
  const source = reportsInTurn(sizes)
  const waits: number[] = []
  const [ours = [], raw = []] = await timeInTurnsAsync(
    {
      prepare: () => source.next(),
      run: async () => {
        waits.push(...(await submitAll(controller, source.reports, sizes.inFlight)))
      },
    },
    {
      run: async () => {
        const lines = source.reports.map((report) => JSON.stringify(report))
        for (let i = 0; i < lines.length; i += sizes.inFlight) log.append(lines.slice(i, i + sizes.inFlight))
      },
    },
  )
  log.close()
  await controller.close()
  const operations = sizes.reports * MESSAGES
  const share = Math.round((100 * foldMs) / (foldMs + decideMs))
  return {
    subject: 'ingest',
    name: `the same with a rollout of ${UPDATES} updates under way`,
    operation: 'state message',
    ours: { operations, ms: ours },
    baseline: { operations, ms: raw, what: 'JSON.stringify, append and fdatasync in the same batches' },
    notes: [waitNote(waits), `of folding and deciding, folding takes ${share} %`],
  }
}

async function benchMemory(sizes: Sizes): Promise<Row> {
  const controller = await openController(openMemoryJournal(decodeFact), sizes.devices)
  const source = reportsInTurn(sizes)
  const lines: string[][] = []
  const [ours = [], plain = []] = await timeInTurnsAsync(
    {
      prepare: () => source.next(),
      run: async () => {
        await submitAll(controller, source.reports, sizes.inFlight)
      },
    },
    {
      prepare: () => {
        lines.length = 0
      },
      run: async () => {
        for (let i = 0; i < source.reports.length; i += sizes.inFlight) {
          lines.push(source.reports.slice(i, i + sizes.inFlight).map((report) => JSON.stringify(report)))
          await new Promise((resolve) => setImmediate(resolve))
        }
      },
    },
  )
  await controller.close()
  const operations = sizes.reports * MESSAGES
  return {
    subject: 'ingest',
    name: `not durable: the controller with a journal in memory, ${sizes.inFlight} reports in flight`,
    operation: 'state message',
    ours: { operations, ms: ours },
    baseline: { operations, ms: plain, what: 'JSON.stringify into an array, a turn of the event loop for each batch' },
  }
}

function benchFold(sizes: Sizes): Row {
  const state = newState()
  for (const fact of setUp(sizes.devices)) apply(state, Date.now(), fact)
  const plain = new PlainFold()
  const source = reportsInTurn(sizes)
  const [ours = [], baseline = []] = timeInTurns(
    {
      prepare: () => source.next(),
      run: () => {
        foldAll(state, Date.now(), source.reports)
      },
    },
    {
      run: () => {
        for (const { device, report } of source.reports) plain.put(device, report)
      },
    },
  )
  const operations = sizes.reports * MESSAGES
  return {
    subject: 'ingest',
    name: 'not durable: the fold alone',
    operation: 'state message',
    ours: { operations, ms: ours },
    baseline: { operations, ms: baseline, what: 'a Map of Maps of device, update and state' },
  }
}

async function openController(journal: Journal<Fact>, devices: number): Promise<Controller> {
  // Snapshots are measured by themselves (restart).
  const controller = await Controller.open({ journal, clock: systemClock, snapshotEvery: Number.MAX_SAFE_INTEGER })
  const facts = setUp(devices)
  for (let i = 0; i < facts.length; i += 10_000) await controller.submit(...facts.slice(i, i + 10_000))
  await controller.settled()
  return controller
}

function setUp(devices: number): Input[] {
  return [catalogOf(IDS), ...Array.from({ length: devices }, (_, i) => deviceEnrolled(i))]
}

function makeReports(count: number, devices: number, turn: number): Report[] {
  const at = Date.now()
  return Array.from({ length: count }, (_, i): Report => {
    const sequence = turn * count + i
    return {
      type: 'DeviceReported',
      device: deviceName((i * 7919) % devices),
      report: reportOf(IDS, i * MESSAGES, MESSAGES, sequence, at),
    }
  })
}

/** New reports for each run, made before the clock starts. */
function reportsInTurn({ reports: count, devices }: Sizes): { reports: Report[]; next: () => void } {
  let turn = 0
  const source = {
    reports: [] as Report[],
    next: () => {
      source.reports = makeReports(count, devices, ++turn)
    },
  }
  return source
}

/** As many devices as `inFlight`, each sending its next report when the last is acknowledged. Returns how long each waited, in ms. */
async function submitAll(
  controller: Pick<Controller, 'submit'>,
  reports: readonly Report[],
  inFlight: number,
): Promise<number[]> {
  const waits: number[] = []
  let next = 0
  const client = async () => {
    for (let report = reports[next++]; report !== undefined; report = reports[next++]) {
      const begun = performance.now()
      await controller.submit(report)
      waits.push(performance.now() - begun)
    }
  }
  await Promise.all(Array.from({ length: inFlight }, client))
  return waits
}

function compliances(state: State, devices: number): string[] {
  const lines: string[] = []
  for (let i = 0; i < devices; i++)
    for (const update of IDS) {
      const status = complianceOf(state.compliance, update, state.fleet.rowOf.get(deviceName(i)) ?? -1)
      if (status !== 0) lines.push(`${deviceName(i)} ${update} ${status}`)
    }
  return lines.sort()
}

function waitNote(waits: readonly number[]): string {
  const sorted = waits.toSorted((a, b) => a - b)
  const [p50, p99] = [quantile(sorted, 0.5), quantile(sorted, 0.99)]
  return `acknowledged after: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, longest ${(sorted.at(-1) ?? 0).toFixed(1)} ms`
}

function reportNote({ ms }: Timing, reports: number): string {
  const median = quantile(
    ms.toSorted((a, b) => a - b),
    0.5,
  )
  return `${Math.round((reports * 1000) / median).toLocaleString('en')} reports a second`
}
