// A controller in the middle of a month: rollouts in every state, failures, a freeze, a rejected edit. For the tests of the status page
// and for a look at it.
import { membersOf } from '../../controller/fleet/collections.ts'
import { complianceOf } from '../../controller/fleet/compliance.ts'
import { openMemoryJournal } from '../../controller/journal/memory-journal.ts'
import { planeRows } from '../../controller/model/bit-plane.ts'
import type { Declared } from '../../controller/model/declared.ts'
import type { Fact, Input } from '../../controller/model/facts.ts'
import { stableHash } from '../../controller/model/hash.ts'
import { KINDS, type Kind } from '../../controller/model/kinds.ts'
import { DeviceReport } from '../../controller/model/report.ts'
import type { SpecOf } from '../../controller/model/specs.ts'
import { SPECS } from '../../controller/model/specs.ts'
import { Update, type UpdateId } from '../../controller/model/update.ts'
import { offersFor } from '../../controller/rollout/offers.ts'
import type { Clock } from '../../controller/runtime/clock.ts'
import { Controller } from '../../controller/runtime/controller.ts'
import { decodeFact } from '../../controller/runtime/fact-codec.ts'

export type Stage = {
  readonly controller: Controller
  /** Sets the clock and lets the controller decide. */
  readonly to: (instant: string) => Promise<void>
  readonly put: (...facts: Input[]) => Promise<void>
}

/** A controller on a journal in memory and a clock that stands still. */
export async function newStage(start: string): Promise<Stage> {
  let now = Temporal.Instant.from(start)
  let wake: { readonly at: Temporal.Instant; readonly call: () => void } | undefined
  const clock: Clock = {
    now: () => now,
    nowMs: () => now.epochMilliseconds,
    at: (at, call) => {
      wake = { at, call }
      return () => {
        wake = undefined
      }
    },
  }
  const journal = openMemoryJournal<Fact>(decodeFact)
  const controller = await Controller.open({
    journal,
    clock,
    onError: (error) => {
      throw error
    },
  })
  return {
    controller,
    put: async (...facts) => {
      await controller.submit(...facts)
      await controller.settled()
    },
    to: async (instant) => {
      const goal = Temporal.Instant.from(instant)
      while (wake !== undefined && Temporal.Instant.compare(wake.at, goal) <= 0) {
        now = wake.at
        wake.call()
        await controller.settled()
      }
      now = goal
    },
  }
}

export function declared<K extends Kind>(kind: K, name: string, spec: unknown): Declared<K>
export function declared(kind: Kind, name: string, spec: unknown): unknown {
  const file = `${KINDS[kind].plural}.yaml`
  const origin = { source: 'directory', revision: REVISION, file, line: 12, commit: COMMIT, author: 'Alex Example' }
  const parsed: SpecOf[Kind] = SPECS[kind].parse(spec)
  return { kind, name, labels: {}, annotations: {}, spec: parsed, origin }
}

export const REVISION = 'sha256:5d41402abc4b2a76b9719d911017c592ae3f0c9c1d2b'
const COMMIT = '9f3c1e7a5b2d4860'

export function declaredFact(...put: readonly Declared[]): Input {
  return { type: 'ObjectsDeclared', source: 'directory', revision: REVISION, put, removed: [] }
}

export function update(id: string, title: string, product: string, more: Record<string, unknown> = {}): Update {
  return Update.parse({
    id,
    title,
    vendor: 'Microsoft',
    products: [product],
    classification: 'Security Updates',
    released: '2025-10-14T17:00:00Z',
    articleIds: [id.toUpperCase()],
    uninstallable: true,
    ...more,
  })
}

export function syncFact(...upserts: readonly Update[]): Input {
  const change = { upserts, declined: [], reinstated: [], vanished: [], returned: [] }
  return { type: 'CatalogSynced', source: 'microsoft', change, setAside: [], setAsideTotal: 0, notes: [] }
}

export function enrolled(device: string, attributes: Record<string, string>): Input {
  return { type: 'DeviceEnrolled', device, tokenHash: `t-${device}`, keyHash: 'k', attributes }
}

/** The whole story, up to Friday 17 October 2025. */
export async function story(): Promise<Stage> {
  const stage = await newStage('2025-10-01T06:00:00Z')
  await stage.put(declaredFact(...OBJECTS), ...devices(1000), syncFact(...UPDATES))
  await stage.to('2025-10-09T18:00:00Z')
  await report(stage, { rate: 100, failing: 0 })
  await stage.to('2025-10-14T19:30:00Z')
  await report(stage, { rate: 40, failing: 0, only: 'pilot' })
  await stage.to('2025-10-14T23:00:00Z')
  await report(stage, { rate: 100, failing: 0, only: 'pilot' })
  await stage.to('2025-10-16T02:00:00Z')
  await report(stage, { rate: 58, failing: 3 })
  await stage.put(syncFact())
  await stage.to('2025-10-16T07:00:00Z')
  await report(stage, { rate: 88, failing: 3 })
  await stage.to('2025-10-17T04:00:00Z')
  await report(stage, { rate: 93, failing: 3 })
  await stage.put(syncFact())
  await stage.put(
    {
      type: 'CommandGiven',
      command: { type: 'Pause', rollout: nameOf(stage, 'browsers'), reason: 'waiting for the vendor' },
      by: 'alex',
    },
    {
      type: 'DeclarationsRejected',
      source: 'directory',
      revision: 'sha256:77aa',
      total: 1,
      problems: [
        {
          file: 'rules.yaml',
          line: 31,
          column: 13,
          path: 'spec.phases[1].soak',
          code: 'BadDuration',
          message: '"1 day" is no ISO 8601 duration: write P1D',
        },
      ],
    },
  )
  await stage.to('2025-10-17T05:40:00Z')
  return stage
}

const DAILY = { at: '22:00', timeZone: 'Europe/Berlin', rrule: 'FREQ=DAILY' }

function rule(name: string, product: string, more: Record<string, unknown>): Declared {
  return declared('AutomaticDeploymentRule', name, {
    criteria: { products: [product], released: { within: 'P14D' } },
    template: 'patch-tuesday',
    deployment: { deadlineAfter: 'PT12H' },
    ...more,
  })
}

const OBJECTS: readonly Declared[] = [
  declared('Collection', 'workstations', { queries: [{ matchLabels: { type: 'workstation' } }] }),
  declared('Collection', 'it-workstations', {
    limitedTo: 'workstations',
    queries: [{ matchLabels: { department: 'it' } }],
  }),
  declared('Collection', 'servers', { queries: [{ matchLabels: { type: 'server' } }] }),
  declared('Collection', 'test-servers', { limitedTo: 'servers', queries: [{ matchLabels: { environment: 'test' } }] }),
  declared('Collection', 'finance-servers', {
    limitedTo: 'servers',
    queries: [{ matchLabels: { department: 'finance' } }],
  }),
  declared('Collection', 'kiosks', { queries: [{ matchLabels: { role: 'kiosk' } }] }),
  rule('workstations', 'Windows 11', {
    phases: [
      { name: 'pilot', collection: 'it-workstations', soak: 'P1D' },
      { name: 'early', collection: 'workstations', percent: 20, successPercent: 80, soak: 'P1D' },
      { name: 'broad', collection: 'workstations' },
    ],
  }),
  rule('servers', 'Windows Server', {
    phases: [
      { name: 'pilot', collection: 'test-servers', soak: 'P1D', promotion: 'Manual' },
      { name: 'early', collection: 'servers', percent: 30, successPercent: 80 },
      { name: 'broad', collection: 'servers' },
    ],
  }),
  rule('office', 'Office', {
    onHalt: 'Rollback',
    phases: [
      { name: 'pilot', collection: 'it-workstations', failurePercent: 5 },
      { name: 'broad', collection: 'workstations' },
    ],
  }),
  rule('dotnet', '.NET', {
    phases: [
      { name: 'pilot', collection: 'test-servers', failurePercent: 2, successPercent: 98 },
      { name: 'broad', collection: 'servers' },
    ],
  }),
  rule('browsers', 'Edge', { phases: [{ name: 'all', collection: 'workstations', successPercent: 90 }] }),
  declared('AutomaticDeploymentRule', 'definitions', {
    criteria: { products: ['Defender'] },
    evaluate: { schedule: { rrule: 'FREQ=DAILY', at: '06:00', timeZone: 'UTC' } },
    phases: [{ name: 'all', collection: 'all', soak: 'PT1H', successPercent: 90 }],
  }),
  declared('MaintenanceWindow', 'workstation-evenings', {
    collections: ['workstations'],
    schedule: { rrule: 'FREQ=DAILY', at: '19:00', timeZone: 'DeviceLocal' },
    duration: 'PT6H',
  }),
  declared('MaintenanceWindow', 'server-nights', { collections: ['servers'], schedule: DAILY, duration: 'PT4H' }),
  declared('MaintenanceWindow', 'test-servers-any-time', {
    collections: ['test-servers'],
    schedule: { ...DAILY, at: '00:00' },
    duration: 'PT24H',
  }),
  declared('Freeze', 'october-close', {
    reason: 'Finance closes its books; its servers stay as they are.',
    collections: ['finance-servers'],
    from: '2025-10-16T00:00',
    until: '2025-10-22T00:00',
    timeZone: 'Europe/Berlin',
  }),
  declared('Freeze', 'year-end', {
    reason: 'Nobody is here to mend anything.',
    from: '2025-12-19T18:00',
    until: '2026-01-05T06:00',
    timeZone: 'Europe/Berlin',
  }),
  declared('UpdateHold', 'bad-audio-driver', {
    updates: ['kb5066999'],
    reason: 'Breaks sound on the meeting-room machines.',
    until: '2025-11-03T00:00:00Z',
  }),
]

const UPDATES: readonly Update[] = [
  update('kb5066835', '2025-10 Cumulative Update for Windows 11 Version 24H2 for x64-based Systems', 'Windows 11'),
  update('kb5066793', '2025-10 Cumulative Update for Windows 11 Version 23H2 for x64-based Systems', 'Windows 11'),
  update('kb5066999', '2025-10 Audio Driver Update for Windows 11', 'Windows 11'),
  update('kb5066836', '2025-10 Cumulative Update for Windows Server 2025', 'Windows Server'),
  update('kb5066782', '2025-10 Cumulative Update for Windows Server 2022', 'Windows Server'),
  update('kb5002794', 'Security Update for Microsoft Excel 2016', 'Office'),
  update('kb5002789', 'Security Update for Microsoft Word 2016', 'Office', { uninstallable: false }),
  update('kb5066128', '2025-10 Cumulative Update for .NET Framework 3.5 and 4.8.1', '.NET'),
  update('edge-141', 'Microsoft Edge 141 Stable Channel', 'Edge'),
  update('kb2267602', 'Security Intelligence Update for Microsoft Defender', 'Defender', {
    released: '2025-10-02T04:00:00Z',
    classification: 'Definition Updates',
  }),
]

function devices(n: number): Input[] {
  return Array.from({ length: n }, (_, i) => {
    const server = i % 5 === 0
    const department = ['it', 'finance', 'sales', 'works', 'works', 'works', 'lab'][i % 7] ?? 'works'
    const name = `${server ? 'srv' : 'ws'}-${String(i).padStart(4, '0')}`
    return enrolled(name, {
      type: server ? 'server' : 'workstation',
      department,
      timeZone: ['Europe/Berlin', 'Asia/Tokyo', 'America/New_York'][i % 3] ?? 'UTC',
      ...(server && i % 25 === 0 && { environment: 'test' }),
      ...(i % 50 === 3 && { role: 'kiosk' }),
    })
  })
}

type Reporting = { readonly rate: number; readonly failing: number; readonly only?: 'pilot' }

// Each device offered something says, by its hash, that all is installed, or what failed; the same from run to run.
async function report({ controller, put }: Stage, { rate, failing, only }: Reporting): Promise<void> {
  const { state, clock } = controller
  const at = clock.now().toString()
  const pilots = new Set(
    ['it-workstations', 'test-servers'].flatMap((name) =>
      planeRows(membersOf(state.fleet, state.collections, name) ?? { words: new Uint32Array() }),
    ),
  )
  const facts: Input[] = []
  for (const row of planeRows(state.fleet.present)) {
    const device = state.fleet.ids[row] ?? ''
    if (row % 167 === 66) continue
    const ready = stableHash(device) % 100 < rate && (only === undefined || pilots.has(row))
    const offers = offersFor(state, row).offers.filter(
      ({ update }) => (complianceOf(state.compliance, update.id, row) & 1) === 0,
    )
    const fails = (id: UpdateId) =>
      (id === 'kb5002794' && row % 9 === 1) ||
      (id === 'kb5066128' && row % 75 === 0) ||
      (stableHash(`${id}${device}`) % 200 < failing && !pilots.has(row))
    const failed = offers.map(({ update }) => update.id).filter(fails)
    const done = ready ? offers.map(({ update }) => update.id).filter((id) => !fails(id)) : []
    facts.push({
      type: 'DeviceReported',
      device,
      report: DeviceReport.parse({
        sequence: (state.fleet.sequence[row] ?? 0) + 1,
        at,
        scan: { installed: done, required: ready ? failed : [] },
        messages: ready
          ? failed.map((id) => ({
              topic: 301,
              update: id,
              state: 6,
              code: codeFor(id),
              message: 'setup returned 1603',
            }))
          : [],
      }),
    })
  }
  await put(...facts)
}

function codeFor(id: UpdateId): string {
  if (id === 'kb5002794') return '0x80070643'
  return id === 'kb5066128' ? '0x80070070' : '0x800F0922'
}

function nameOf({ controller }: Stage, rule: string): string {
  return [...controller.state.control.rollouts.values()].find((rollout) => rollout.rule === rule)?.name ?? ''
}
