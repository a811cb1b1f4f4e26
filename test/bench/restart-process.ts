// What the benchmark of restarts runs in fresh processes: make a state and save it, load it, or read the plain lines.
import { closeSync, createReadStream, openSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { complianceOf } from '../../controller/fleet/compliance.ts'
import { attributesOf } from '../../controller/fleet/fleet.ts'
import { readSnapshotFile } from '../../controller/journal/snapshot-files.ts'
import type { Input } from '../../controller/model/facts.ts'
import type { UpdateId } from '../../controller/model/update.ts'
import { devicePolicy } from '../../controller/project/policy.ts'
import { decodeState, encodeState, newState, type State } from '../../controller/state/state.ts'
import { declare } from '../support/declare.ts'
import {
  catalogOf,
  collections,
  deviceEnrolled,
  deviceName,
  foldAndDecide,
  reportOf,
  rolloutOf,
  updateIds,
  windows,
} from './fleet-data.ts'
import { RUNS, timed } from './measure.ts'

export type Saved = {
  readonly sample: string
  readonly policy: string
  readonly updates: number
  readonly collections: number
  readonly encodeMs: readonly number[]
  readonly plainMs: readonly number[]
}

export type Restarted = {
  readonly devices: number
  readonly sample: string
  readonly policy: string
  readonly ms: number
  readonly readMs: number
  readonly decodeMs: number
  readonly policyMs: number
  readonly peakMb: number
}

type PlainDevice = { id: string; attributes: Record<string, string>; states: string }

const AT = Date.parse('2026-01-13T18:00:00Z')
const SAMPLES = 10

const [mode, folder = '', devices, updates, collectionCount] = process.argv.slice(2)
if (mode === 'save') answer(save(Number(devices), Number(updates), Number(collectionCount)))
if (mode === 'load') answer(load())
if (mode === 'plain') answer(await loadPlain())

function answer(result: Saved | Restarted): void {
  process.stdout.write(JSON.stringify(result))
}

function save(devices: number, updates: number, collectionCount: number): Saved {
  const ids = updateIds(updates)
  const state = newState()
  foldAndDecide(state, AT, facts(devices, ids, collectionCount))
  foldAndDecide(state, AT, [rolloutOf(ids)])
  writeFileSync(join(folder, 'state'), encodeState(state))
  const file = openSync(join(folder, 'devices.ndjson'), 'w')
  for (let from = 0; from < devices; from += 10_000) {
    const lines = Array.from({ length: Math.min(10_000, devices - from) }, (_, i) =>
      JSON.stringify(plainDevice(state, ids, from + i)),
    )
    writeSync(file, `${lines.join('\n')}\n`)
  }
  closeSync(file)
  const plain = Array.from({ length: Math.min(devices, 50_000) }, (_, i) => plainDevice(state, ids, i))
  const encodeMs: number[] = []
  const plainMs: number[] = []
  for (let i = 0; i < RUNS; i++) {
    encodeMs.push(timed(() => encodeState(state)))
    plainMs.push((timed(() => plain.map((device) => JSON.stringify(device))) * devices) / plain.length)
  }
  const sample = sampleOf((i) => plainDevice(state, ids, i), devices)
  return { sample, policy: policyOf(state), updates, collections: collectionCount, encodeMs, plainMs }
}

function* facts(devices: number, ids: readonly UpdateId[], collectionCount: number): Generator<Input> {
  yield catalogOf(ids)
  yield declare(...collections(collectionCount))
  yield declare(...windows())
  for (let i = 0; i < devices; i++) yield deviceEnrolled(i)
  for (let i = 0; i < devices; i++)
    yield { type: 'DeviceReported', device: deviceName(i), report: reportOf(ids, i, ids.length, i + 1, AT) }
}

function load(): Restarted {
  const begun = performance.now()
  const bytes = readSnapshotFile(join(folder, 'state'))
  const read = performance.now()
  const state = decodeState(bytes)
  const decoded = performance.now()
  const policy = policyOf(state)
  const end = performance.now()
  const ids = [...state.compliance.updates.keys()].sort()
  const count = state.fleet.ids.length
  return {
    devices: count,
    sample: sampleOf((i) => plainDevice(state, ids, i), count),
    policy,
    ms: end - begun,
    readMs: read - begun,
    decodeMs: decoded - read,
    policyMs: end - decoded,
    peakMb: peakMb(),
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
    readMs: 0,
    decodeMs: 0,
    policyMs: 0,
    peakMb: peakMb(),
  }
}

/** A digit an update says what is known of it. */
function plainDevice(state: State, ids: readonly UpdateId[], i: number): PlainDevice {
  const name = deviceName(i)
  const row = state.fleet.rowOf.get(name) ?? -1
  const states = ids.map((id) => complianceOf(state.compliance, id, row)).join('')
  return { id: name, attributes: attributesOf(state.fleet, row), states }
}

function sampleOf(deviceAt: (i: number) => PlainDevice, devices: number): string {
  const step = Math.floor(devices / SAMPLES)
  return JSON.stringify(Array.from({ length: SAMPLES }, (_, i) => deviceAt(i * step)))
}

function policyOf(state: State): string {
  return JSON.stringify(devicePolicy(state, state.fleet.rowOf.get(deviceName(0)) ?? -1, AT))
}

function peakMb(): number {
  return Math.round(process.resourceUsage().maxRSS / 1024)
}
