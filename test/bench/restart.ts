// A controller that starts again over a large fleet: from the journal on the disk, its snapshot and the facts after it, to the
// first policy, each time in a fresh process; beside it the same devices read from lines of JSON into plain objects.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mustBe, type Row, RUNS, type Size, spreadOf } from './measure.ts'
import type { Restarted, Saved } from './restart-process.ts'

const PROCESS = join(import.meta.dirname, 'restart-process.ts')

type Sizes = {
  readonly devices: number
  readonly updates: number
  readonly deployed: number
  readonly collections: number
  /** Reports of ten messages after the snapshot: as many as there can be before the next one is taken. */
  readonly tail: number
}

const FULL: Sizes = { devices: 1_000_000, updates: 100_000, deployed: 1000, collections: 50, tail: 100_000 }
const SHORT: Sizes = { devices: 20_000, updates: 2000, deployed: 100, collections: 50, tail: 2000 }

export function benchRestart(size: Size): Row[] {
  const sizes = size === 'full' ? FULL : SHORT
  const { devices, updates, deployed, collections, tail } = sizes
  const folder = mkdtempSync(join(tmpdir(), 'ringmaster-bench-'))
  try {
    const saved: Saved = inProcess('save', folder, devices, updates, deployed, collections, tail)
    const ours: Restarted[] = []
    const plain: Restarted[] = []
    for (let turn = -1; turn < RUNS; turn++)
      for (const [mode, list] of [['load', ours] as const, ['plain', plain] as const]) {
        const restarted: Restarted = inProcess(mode, folder)
        mustBe(restarted.devices === devices, 'how many devices there are')
        mustBe(restarted.sample === saved.sample, 'attributes and states of some devices')
        mustBe(mode === 'plain' || restarted.policy === saved.policy, 'the policy of the first device')
        if (turn >= 0) list.push(restarted)
      }
    return [restartRow(sizes, ours, plain, folder, saved), saveRow(devices, saved)]
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function restartRow(
  { devices, updates, deployed, collections, tail }: Sizes,
  ours: readonly Restarted[],
  plain: readonly Restarted[],
  folder: string,
  saved: Saved,
): Row {
  const of = (list: readonly Restarted[], what: 'peakMb' | 'openMs' | 'policyMs') =>
    Math.round(spreadOf(list.map((restarted) => restarted[what])).median)
  return {
    subject: 'restart',
    name: `${devices} devices, ${updates} updates, ${deployed} deployed, ${collections} collections, ${tail} reports after the snapshot: to the first policy`,
    operation: 'device',
    ours: { operations: devices, ms: ours.map(({ ms }) => ms) },
    baseline: {
      operations: devices,
      ms: plain.map(({ ms }) => ms),
      what: 'a line of JSON a device, parsed into objects in a Map',
    },
    goal: '3 s, within 1.2 GB',
    notes: [
      `journal, snapshot, facts and decisions ${of(ours, 'openMs')} ms, first policy ${of(ours, 'policyMs')} ms; the start of the process is not counted`,
      `memory at most ${of(ours, 'peakMb')} MB, plain objects ${of(plain, 'peakMb')} MB`,
      `snapshot ${saved.snapshotMb} MB, lines of JSON ${megabytes(folder, 'devices.ndjson')} MB`,
    ],
  }
}

function saveRow(
  devices: number,
  { encodeMs, partsMs, durableMs, pauseMs, foldUs, aloneUs, moreMb, plainMs }: Saved,
): Row {
  const shown = (values: readonly number[]) => {
    const { median, min, max } = spreadOf(values)
    return `${median.toFixed(1)} (${min.toFixed(1)}–${max.toFixed(1)})`
  }
  return {
    subject: 'restart',
    name: 'a snapshot of the same state encoded part by part, nothing else running meanwhile',
    operation: 'device',
    ours: { operations: devices, ms: partsMs },
    baseline: { operations: devices, ms: plainMs, what: 'JSON.stringify of an object a device' },
    notes: [
      `all at once: ${shown(encodeMs)} ms`,
      `on the disk, while reports are folded: ${shown(durableMs)} ms without these, ${shown(moreMb)} MB more memory`,
      `so long nobody else has a turn then: ${shown(pauseMs)} ms`,
      `a report folded then ${shown(foldUs)} µs, without a snapshot ${shown(aloneUs)} µs`,
    ],
  }
}

function megabytes(folder: string, name: string): number {
  return Math.round(statSync(join(folder, name)).size / 1e6)
}

function inProcess(...options: (string | number)[]) {
  const output = execFileSync(process.execPath, ['--max-old-space-size=16000', PROCESS, ...options.map(String)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  })
  return JSON.parse(output)
}
