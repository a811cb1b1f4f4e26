// What the benchmark of restarts runs in fresh processes: make a state and save it with facts after it, start a controller
// from it, or read the plain lines.
import { closeSync, createReadStream, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { attributesOf } from '../../controller/fleet/fleet.ts'
import { snapshotPath, writeSnapshotFile } from '../../controller/journal/snapshot-files.ts'
import { openSqliteJournal } from '../../controller/journal/sqlite-journal.ts'
import type { Fact } from '../../controller/model/facts.ts'
import type { UpdateId } from '../../controller/model/update.ts'
import { devicePolicy } from '../../controller/project/policy.ts'
import type { Clock } from '../../controller/runtime/clock.ts'
import { Controller } from '../../controller/runtime/controller.ts'
import { decodeFact } from '../../controller/runtime/fact-codec.ts'
import { apply } from '../../controller/state/apply.ts'
import { captureState, encodeState, type State } from '../../controller/state/state.ts'
import { NOW } from './catalog-data.ts'
import { deviceName } from './fleet-data.ts'
import { deployedIn, largeState, laterReports, statesOf } from './large-state.ts'
import { RUNS, timed } from './measure.ts'

export type Saved = {
  readonly sample: string
  readonly policy: string
  readonly snapshotMb: number
  readonly plainMs: readonly number[]
} & Times

/** Of snapshots of the same state, by run. */
export type Times = {
  readonly encodeMs: number[]
  /** Encoded part by part, and thrown away. */
  readonly partsMs: number[]
  /** Written to the disk while reports were folded, without the time that these took. */
  readonly durableMs: number[]
  /** The longest time in which nobody else had a turn then. */
  readonly pauseMs: number[]
  /** For each report then, and when no snapshot is being taken. */
  readonly foldUs: number[]
  readonly aloneUs: number[]
  /** How much more memory the process had then. */
  readonly moreMb: number[]
}

export type Restarted = {
  readonly devices: number
  readonly sample: string
  readonly policy: string
  readonly ms: number
  readonly openMs: number
  readonly policyMs: number
  readonly peakMb: number
}

type Reported = ReturnType<typeof laterReports>[number]
type PlainDevice = { id: string; attributes: Record<string, string>; states: string }

const SAMPLES = 10
const MESSAGES = 10
/** Facts that one append makes durable. */
const BATCH = 1000
/** What would follow upon a start is no part of it, and the next start is to find the same facts. */
const NEVER = 1e9
const REPORTS_A_TURN = 20
const FIRST_SEQUENCE = 10_000_000
/** How many reports were told while snapshots were timed. */
let told = 0
const CLOCK: Clock = {
  now: () => Temporal.Instant.fromEpochMilliseconds(NOW),
  nowMs: () => NOW,
  at: () => () => {},
}

const [mode, folder = '', ...sizes] = process.argv.slice(2)
const [devices = 0, updates = 0, count = 0, collections = 0, tail = 0] = sizes.map(Number)
if (mode === 'save') answer(await save())
if (mode === 'load') answer(await load())
if (mode === 'plain') answer(await loadPlain())

function answer(result: Saved | Restarted): void {
  process.stdout.write(JSON.stringify(result))
}

async function save(): Promise<Saved> {
  const { state, deployed } = largeState({ devices, updates, deployed: count, collections })
  const journal = openSqliteJournal<Fact>(join(folder, 'journal.sqlite'), decodeFact)
  await journal.append([{ type: 'SettingsChanged', settings: state.settings }], NOW)
  const bytes = encodeState(state)
  await journal.saveSnapshot(1, [bytes])
  const reports = laterReports(tail, MESSAGES, devices, deployed)
  for (let from = 0; from < tail; from += BATCH) await journal.append(reports.slice(from, from + BATCH), NOW)
  await journal.close()
  for (const report of reports) apply(state, NOW, report)
  const times = await timeSnapshots(state, reports)
  const plainMs = writePlain(state, deployed)
  const sample = sampleOf((i) => plainDevice(state, deployed, i), devices)
  return { sample, policy: policyOf(state), snapshotMb: Math.round(bytes.length / 1e6), ...times, plainMs }
}

async function timeSnapshots(state: State, reports: readonly Reported[]): Promise<Times> {
  const times: Times = { encodeMs: [], partsMs: [], durableMs: [], pauseMs: [], foldUs: [], aloneUs: [], moreMb: [] }
  for (let i = 0; i < RUNS; i++) {
    times.encodeMs.push(timed(() => encodeState(state)))
    const begun = performance.now()
    const capture = captureState(state)
    for await (const _ of capture.parts(nextTurn));
    times.partsMs.push(performance.now() - begun)
    await timeWriting(state, reports, i, times)
  }
  return times
}

/** A snapshot is made durable while reports are folded, some in each turn; as many again afterwards. */
async function timeWriting(state: State, reports: readonly Reported[], run: number, times: Times): Promise<void> {
  const fold = (count: number) => {
    for (let i = 0; i < count; i++) {
      const fact = reports[told % reports.length]
      if (fact === undefined) return
      // A number that is not newer than the device's last would count for nothing.
      apply(state, NOW, { ...fact, report: { ...fact.report, sequence: FIRST_SEQUENCE + told++ } })
    }
  }
  const before = process.memoryUsage.rss()
  let folded = 0
  let foldMs = 0
  let most = before
  let longest = 0
  let writing = true
  const begun = performance.now()
  let last = begun
  const capture = captureState(state)
  const written = writeSnapshotFile(join(folder, 'other'), run, capture.parts(nextTurn)).finally(() => {
    capture.release()
    writing = false
  })
  while (writing) {
    await nextTurn()
    longest = Math.max(longest, performance.now() - last)
    foldMs += timed(() => fold(REPORTS_A_TURN))
    folded += REPORTS_A_TURN
    if (folded % 1000 === 0) most = Math.max(most, process.memoryUsage.rss())
    last = performance.now()
  }
  times.durableMs.push(performance.now() - begun - foldMs)
  rmSync(snapshotPath(join(folder, 'other'), await written))
  times.pauseMs.push(longest)
  times.moreMb.push((most - before) / 1e6)
  times.foldUs.push((foldMs * 1000) / folded)
  times.aloneUs.push((timed(() => fold(folded)) * 1000) / folded)
}

/** Returns what it takes to write all devices as JSON, from a part of them. */
function writePlain(state: State, deployed: readonly UpdateId[]): number[] {
  const file = openSync(join(folder, 'devices.ndjson'), 'w')
  for (let from = 0; from < devices; from += 10_000) {
    const lines = Array.from({ length: Math.min(10_000, devices - from) }, (_, i) =>
      JSON.stringify(plainDevice(state, deployed, from + i)),
    )
    writeSync(file, `${lines.join('\n')}\n`)
  }
  closeSync(file)
  const plain = Array.from({ length: Math.min(devices, 50_000) }, (_, i) => plainDevice(state, deployed, i))
  const once = () => timed(() => plain.map((device) => JSON.stringify(device)))
  return Array.from({ length: RUNS }, () => (once() * devices) / plain.length)
}

async function load(): Promise<Restarted> {
  const begun = performance.now()
  const journal = openSqliteJournal<Fact>(join(folder, 'journal.sqlite'), decodeFact)
  const controller = await Controller.open({ journal, clock: CLOCK, snapshotEvery: NEVER })
  const opened = performance.now()
  const { state } = controller
  const policy = policyOf(state)
  const end = performance.now()
  const peak = peakMb()
  const deployed = deployedIn(state)
  const size = state.fleet.ids.length
  return {
    devices: size,
    sample: sampleOf((i) => plainDevice(state, deployed, i), size),
    policy,
    ms: end - begun,
    openMs: opened - begun,
    policyMs: end - opened,
    peakMb: peak,
  }
}

async function loadPlain(): Promise<Restarted> {
  const begun = performance.now()
  const known = new Map<string, PlainDevice>()
  for await (const line of createInterface(createReadStream(join(folder, 'devices.ndjson')))) {
    const device: PlainDevice = JSON.parse(line)
    known.set(device.id, device)
  }
  const ms = performance.now() - begun
  const none: PlainDevice = { id: '', attributes: {}, states: '' }
  return {
    devices: known.size,
    sample: sampleOf((i) => known.get(deviceName(i)) ?? none, known.size),
    policy: '',
    ms,
    openMs: ms,
    policyMs: 0,
    peakMb: peakMb(),
  }
}

function plainDevice(state: State, ids: readonly UpdateId[], i: number): PlainDevice {
  const name = deviceName(i)
  const row = state.fleet.rowOf.get(name) ?? -1
  return { id: name, attributes: attributesOf(state.fleet, row), states: statesOf(state, ids, row) }
}

function sampleOf(deviceAt: (i: number) => PlainDevice, total: number): string {
  const step = Math.floor(total / SAMPLES)
  return JSON.stringify(Array.from({ length: SAMPLES }, (_, i) => deviceAt(i * step)))
}

function policyOf(state: State): string {
  return JSON.stringify(devicePolicy(state, state.fleet.rowOf.get(deviceName(0)) ?? -1, NOW))
}

function peakMb(): number {
  return Math.round(process.resourceUsage().maxRSS / 1024)
}
