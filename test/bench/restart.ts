// A controller that starts again over a large fleet: from the snapshot on the disk to the first policy, each time in a fresh
// process; beside it the same devices read from lines of JSON into plain objects.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mustBe, quantile, type Row, RUNS, type Size, spreadOf } from './measure.ts'
import type { Restarted, Saved } from './restart-process.ts'

const PROCESS = join(import.meta.dirname, 'restart-process.ts')

export function benchRestart(size: Size): Row[] {
  const [devices, updates, collections] = size === 'full' ? [1_000_000, 100, 50] : [20_000, 100, 50]
  const folder = mkdtempSync(join(tmpdir(), 'ringmaster-bench-'))
  try {
    const saved: Saved = inProcess('save', folder, devices, updates, collections)
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
    return [restartRow(devices, ours, plain, folder, saved), saveRow(devices, saved)]
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function restartRow(
  devices: number,
  ours: readonly Restarted[],
  plain: readonly Restarted[],
  folder: string,
  saved: Saved,
): Row {
  const of = (list: readonly Restarted[], what: 'peakMb' | 'readMs' | 'decodeMs' | 'policyMs') =>
    Math.round(spreadOf(list.map((restarted) => restarted[what])).median)
  return {
    subject: 'restart',
    name: `${devices} devices, ${saved.updates} updates deployed, ${saved.collections} collections: to the first policy`,
    operation: 'device',
    ours: { operations: devices, ms: ours.map(({ ms }) => ms) },
    baseline: {
      operations: devices,
      ms: plain.map(({ ms }) => ms),
      what: 'a line of JSON a device, parsed into objects in a Map',
    },
    goal: '3 s, within 1.2 GB',
    notes: [
      `reading ${of(ours, 'readMs')} ms, decoding ${of(ours, 'decodeMs')} ms, first policy ${of(ours, 'policyMs')} ms; the start of the process is not counted`,
      `memory at most ${of(ours, 'peakMb')} MB, plain objects ${of(plain, 'peakMb')} MB`,
      `snapshot ${megabytes(folder, 'state')} MB, lines of JSON ${megabytes(folder, 'devices.ndjson')} MB`,
    ],
  }
}

function saveRow(devices: number, { encodeMs, plainMs }: Saved): Row {
  const sorted = encodeMs.toSorted((a, b) => a - b)
  return {
    subject: 'restart',
    name: 'a snapshot of the same state encoded, nothing else running meanwhile',
    operation: 'device',
    ours: { operations: devices, ms: encodeMs },
    baseline: { operations: devices, ms: plainMs, what: 'JSON.stringify of an object a device' },
    notes: [`so long the controller answers nobody: at most ${Math.round(quantile(sorted, 1))} ms`],
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
