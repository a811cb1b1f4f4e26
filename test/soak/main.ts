// npm run soak: an hour of a fleet's calls, as fast as they go, to a real `ringmaster run` that is killed again and again.
// Nothing that was acknowledged may be lost, memory has to stay flat, and the journal has to be compacted. Linux only, for it
// reads memory from /proc. Load goes to loopback only and ends by itself.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { complianceOf } from '../../controller/fleet/compliance.ts'
import { openSqliteJournal } from '../../controller/journal/sqlite-journal.ts'
import type { Fact } from '../../controller/model/facts.ts'
import { stableHash } from '../../controller/model/hash.ts'
import { UpdateId } from '../../controller/model/update.ts'
import { decodeFact } from '../../controller/runtime/fact-codec.ts'
import { apply } from '../../controller/state/apply.ts'
import { decodeState, newState, type State } from '../../controller/state/state.ts'
import { type Running, startProcess } from '../serve/process.ts'
import {
  catalogRead,
  enrolAll,
  GATHERED,
  newClient,
  playTenMinutes,
  type SoakDevice,
  saysInstalled,
  UPDATE,
} from './devices.ts'

type Sizes = {
  readonly devices: number
  /** How often it is killed in the first hour, and how many hours follow in one process. */
  readonly kills: number
  readonly steadyHours: number
  /** The whole of it ends after so long, whatever it has come to. */
  readonly minutes: number
}

const FULL: Sizes = { devices: 5000, kills: 6, steadyHours: 1, minutes: 20 }
const SHORT: Sizes = { devices: 1000, kills: 2, steadyHours: 2, minutes: 4 }

const TEN_MINUTES_AN_HOUR = 6
/** Resident memory after the first third of the steady load may grow by so much. */
const MEMORY_GROWTH = 1.25
const MEMORY_SLACK_MB = 40
/** The journal between two snapshots, and room that a compaction has freed and the database keeps. */
const JOURNAL_MB = 64
/** Asks whether the catalog was read; counts for nothing. */
const probe: SoakDevice = { name: 'probe', token: '', acknowledged: 0, sent: 0 }

const HELP = `npm run soak -- [--short]

  An hour of the calls of ${FULL.devices} devices with ${FULL.kills} kills, and another in one process; --short is smaller.
`

await main()

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { short: { type: 'boolean' }, help: { type: 'boolean' } } })
  if (values.help) {
    process.stdout.write(HELP)
    return
  }
  const sizes = values.short ? SHORT : FULL
  const folder = mkdtempSync(join(tmpdir(), 'ringmaster-soak-'))
  const endings: (() => unknown)[] = []
  const late = setTimeout(() => {
    for (const end of endings) end()
    tell(`FAILED: it was not done within ${sizes.minutes} minutes`)
    process.exit(1)
  }, sizes.minutes * 60_000)
  try {
    await soak(folder, sizes, { teardown: (end: () => unknown) => endings.push(end) })
    tell('passed: nothing was lost, memory stayed flat, the journal was compacted')
  } finally {
    clearTimeout(late)
    for (const end of endings) end()
    rmSync(folder, { recursive: true, force: true })
  }
}

type Teardown = Parameters<typeof startProcess>[0]

async function soak(folder: string, sizes: Sizes, t: Teardown): Promise<void> {
  const declared = join(folder, 'declared')
  const data = join(folder, 'data')
  writeDeclarations(declared)
  const devices = Array.from({ length: sizes.devices }, (_, i): SoakDevice => {
    return { name: `device-${String(i).padStart(5, '0')}`, token: '', acknowledged: 0, sent: 0 }
  })
  for (let kill = 0; kill < sizes.kills; kill++) {
    const running = await startProcess(t, declared, data)
    await playUntilKilled(running, devices, kill)
    await checkNothingLost(data, devices, `after kill ${kill + 1}`)
  }
  const running = await startProcess(t, declared, data)
  await playSteadily(running, devices, data, sizes.steadyHours)
  running.child.kill('SIGKILL')
  await running.ended
  await checkNothingLost(data, devices, 'after the last kill')
  await checkCompacted(data, devices)
}

/** Loads it, and kills it at an instant that the number of the kill decides, in the middle of requests. */
async function playUntilKilled(running: Running, devices: readonly SoakDevice[], kill: number): Promise<void> {
  const client = newClient(running.url)
  await enrolAll(client, [probe, ...devices], running.key)
  await catalogRead(client, probe)
  let killed = false
  const playing = (async () => {
    while (!killed) await playTenMinutes(client, devices, () => killed)
  })()
  await delay(2000 + (stableHash(`kill ${kill}`) % 2000))
  killed = true
  running.child.kill('SIGKILL')
  await running.ended
  await playing
  client.agent.destroy()
}

async function playSteadily(
  running: Running,
  devices: readonly SoakDevice[],
  data: string,
  hours: number,
): Promise<void> {
  const client = newClient(running.url)
  const rounds = hours * TEN_MINUTES_AN_HOUR
  const memory: number[] = []
  const disk: number[] = []
  const begun = performance.now()
  for (let round = 0; round < rounds; round++) {
    await playTenMinutes(client, devices, () => false)
    memory.push(residentMb(running))
    disk.push(journalMb(data))
  }
  client.agent.destroy()
  const seconds = (performance.now() - begun) / 1000
  const warm = Math.ceil(rounds / 3)
  const warmed = Math.max(...memory.slice(0, warm))
  const after = Math.max(...memory.slice(warm))
  const reports = rounds * devices.length * GATHERED
  tell(
    `${hours} h of ${devices.length} devices in ${seconds.toFixed(1)} s: ${Math.round(reports / seconds)} reports/s, ${Math.round((2 * rounds * devices.length) / seconds)} requests/s`,
  )
  tell(`memory ${warmed} MB at most while warming up, ${after} MB after; journal at most ${Math.max(...disk)} MB`)
  must(after <= warmed * MEMORY_GROWTH + MEMORY_SLACK_MB, `memory grew from ${warmed} to ${after} MB`)
  must(Math.max(...disk) <= JOURNAL_MB, `the journal grew to ${Math.max(...disk)} MB, more than ${JOURNAL_MB} MB`)
}

/** Counts from the disk, with no process over it: what was acknowledged is there, and nothing that was never sent. */
async function checkNothingLost(data: string, devices: readonly SoakDevice[], when: string): Promise<void> {
  const { state } = await readBack(data)
  let acknowledged = 0
  let held = 0
  for (const device of devices) {
    const row = state.fleet.rowOf.get(device.name)
    const sequence = row === undefined ? 0 : (state.fleet.sequence[row] ?? 0)
    acknowledged += device.acknowledged
    held += sequence
    must(
      sequence >= device.acknowledged,
      `${device.name} ${when}: ${device.acknowledged} acknowledged, ${sequence} held`,
    )
    must(sequence <= device.sent, `${device.name} ${when}: ${sequence} held, only ${device.sent} sent`)
    if (row !== undefined && sequence > 0) {
      const status = complianceOf(state.compliance, UpdateId.parse(UPDATE), row)
      must(
        status === (saysInstalled(sequence) ? 3 : 2),
        `${device.name} ${when}: state ${status} by report ${sequence}`,
      )
    }
    // What was durable and not acknowledged counts as well: the device goes on from there.
    device.acknowledged = sequence
  }
  tell(`${when}: ${acknowledged} reports acknowledged, ${held} held`)
}

async function checkCompacted(data: string, devices: readonly SoakDevice[]): Promise<void> {
  const { facts, snapshotSeq } = await readBack(data)
  const total = devices.reduce((sum, { acknowledged }) => sum + acknowledged, 0)
  tell(`journal: ${facts} facts after the snapshot of fact ${snapshotSeq}, of ${total} reports in all`)
  must(snapshotSeq > 0 && facts < total, 'the journal was not compacted')
}

async function readBack(data: string): Promise<{ state: State; facts: number; snapshotSeq: number }> {
  const journal = openSqliteJournal<Fact>(join(data, 'journal.db'), decodeFact)
  const snapshot = journal.latestSnapshot()
  const state = snapshot === undefined ? newState() : decodeState(snapshot.bytes)
  let facts = 0
  for (const { at, fact } of journal.read(snapshot?.seq ?? 0)) {
    apply(state, at, fact)
    facts++
  }
  await journal.close()
  return { state, facts, snapshotSeq: snapshot?.seq ?? 0 }
}

function residentMb({ child }: Running): number {
  const found = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))
  return Math.round(Number(found?.[1]) / 1024)
}

/** Database, write-ahead log and snapshots together. */
function journalMb(data: string): number {
  const files = readdirSync(data).filter((name) => name.startsWith('journal.db'))
  // A file of a snapshot that is being replaced may go while they are listed.
  const bytes = files.reduce((sum, name) => sum + (statSync(join(data, name), { throwIfNoEntry: false })?.size ?? 0), 0)
  return Math.round(bytes / 1e6)
}

function must(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what)
}

function tell(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** An update that every device is to have, in one phase that goes on for ever: there is something to decide. */
function writeDeclarations(folder: string): void {
  mkdirSync(folder)
  const update = {
    id: UPDATE,
    title: 'An update',
    vendor: 'V',
    products: ['P'],
    classification: 'Security Updates',
    released: '2025-01-01T00:00:00Z',
  }
  writeFileSync(join(folder, 'feed.ndjson'), `${JSON.stringify(update)}\n`)
  writeFileSync(
    join(folder, 'objects.yaml'),
    `apiVersion: ringmaster.dev/v1alpha1
kind: UpdateSource
metadata: {name: feed}
spec: {format: Ringmaster, path: ${JSON.stringify(join(folder, 'feed.ndjson'))}}
---
apiVersion: ringmaster.dev/v1alpha1
kind: SoftwareUpdateGroup
metadata: {name: group}
spec: {updates: [${UPDATE}]}
---
apiVersion: ringmaster.dev/v1alpha1
kind: Rollout
metadata: {name: rollout}
spec:
  group: group
  phases:
    - {name: all, collection: all, successPercent: 100, failurePercent: 0}
`,
  )
}
