// Random worlds in which everything is close together: few collections, updates and devices, so that rules, holds and
// rollouts meet. Steps name what they are about by number; `play.ts` finds out what that is when it comes to it.
import fc from 'fast-check'
import type { Declared } from '../../controller/model/declared.ts'
import { declared, ring, type Written } from './declare.ts'

export type Step =
  | { readonly type: 'Wait'; readonly minutes: number }
  | { readonly type: 'WaitForWake' }
  | {
      readonly type: 'Everyone'
      readonly says: 'Compliant' | 'Required' | 'Failed'
      readonly part: number
      readonly skewMinutes: number
    }
  | {
      readonly type: 'Report'
      readonly device: number
      readonly says: 'Compliant' | 'Required' | 'Failed' | 'Installing' | 'Nothing' | 'Again' | 'Older'
      readonly updates: number
      readonly skewMinutes: number
    }
  | { readonly type: 'Enrol'; readonly device: number; readonly ring: string; readonly site: string }
  | { readonly type: 'Move'; readonly device: number; readonly ring: string; readonly site: string }
  | { readonly type: 'Remove'; readonly device: number }
  | { readonly type: 'Declare'; readonly objects: readonly Declared[] }
  | { readonly type: 'Undeclare'; readonly object: number }
  | { readonly type: 'Sync'; readonly upserts: number; readonly declined: number; readonly reinstated: number }
  | {
      readonly type: 'Command'
      readonly command: 'Approve' | 'Signal' | 'Pause' | 'Resume' | 'Rollback'
      readonly rollout: number
    }
  | { readonly type: 'Evaluate'; readonly rule: string }
  | { readonly type: 'StaleAfter'; readonly hours: number }
  /** Told one after the other before anything is decided. */
  | { readonly type: 'Together'; readonly steps: readonly Step[] }

export type Scene = { readonly devices: number; readonly objects: readonly Declared[]; readonly steps: readonly Step[] }

export const RINGS = ['a', 'b', 'c', 'none'] as const
export const SITES = ['x', 'y'] as const
export const RULES = ['monthly', 'synced'] as const
export const UPDATES = 8
const COLLECTIONS = ['a', 'b', 'c', 'x', 'mixed', 'all', 'all', 'empty']

const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 2 })
const pick = <const T>(...values: T[]) => fc.constantFrom(...values)

/** Leaves out what is undefined: the validators want it absent. */
function spec<T extends object>(fields: { [P in keyof T]: fc.Arbitrary<T[P] | undefined> }): fc.Arbitrary<T> {
  return fc.record<Record<string, unknown>>(fields).map((made) => JSON.parse(JSON.stringify(made)))
}

const deployment = spec<NonNullable<Written<'AutomaticDeploymentRule'>['deployment']>>({
  availableAfter: maybe(pick('PT0S', 'PT6H', 'P1D')),
  deadlineAfter: maybe(pick('PT0S', 'P3D')),
  timeBasis: maybe(pick('UTC', 'DeviceLocal')),
  spread: maybe(pick('PT0S', 'PT2H')),
})

type Phases = NonNullable<Written<'AutomaticDeploymentRule'>['phases']>

const phase = spec<Omit<Phases[number], 'name'>>({
  collection: pick(...COLLECTIONS),
  percent: maybe(pick(10, 40, 75)),
  gradual: maybe(pick({ over: 'P3D' })),
  successPercent: maybe(pick(1, 50, 80, 100)),
  soak: pick('PT0S', 'PT6H', 'P1D'),
  failureCount: maybe(pick(0, 1, 3)),
  onHalt: maybe(pick('Pause', 'Rollback')),
  promotion: maybe(pick('Automatic', 'Manual', 'Signal')),
  whenEmpty: pick('Halt', 'Skip'),
  timeout: maybe(pick('P5D')),
  deployment: maybe(deployment),
})

const phases: fc.Arbitrary<Phases> = fc
  .array(phase, { minLength: 1, maxLength: 4 })
  .map((list) => list.map((one, i) => ({ ...one, name: `p${i + 1}` })))

const criteria = fc.constantFrom<Written<'AutomaticDeploymentRule'>['criteria']>(
  { vendors: ['Vendor'] },
  { classifications: ['Security Updates'] },
  { classifications: ['Security Updates'], superseded: 'Any' },
  { released: { within: 'P20D' } },
  { products: ['Even'] },
)

export const rule: fc.Arbitrary<Declared> = fc
  .tuple(
    pick(...RULES),
    spec<Written<'AutomaticDeploymentRule'>>({
      criteria,
      evaluate: pick(
        { schedule: { rrule: 'FREQ=WEEKLY;BYDAY=TU', at: '10:00', timeZone: 'UTC' } },
        { schedule: { rrule: 'FREQ=DAILY;INTERVAL=1', at: '02:30', timeZone: 'Europe/Berlin' } },
        { afterSync: true },
        { schedule: { rrule: 'FREQ=WEEKLY;BYDAY=FR', at: '18:00', timeZone: 'UTC' }, afterSync: true },
      ),
      group: maybe(fc.record({ mode: pick('New', 'Replace') })),
      phases,
      onHalt: maybe(pick('Pause', 'Rollback')),
      onNewer: maybe(pick('Replace', 'Queue', 'Parallel')),
      newDevices: maybe(pick('Join', 'Last')),
      rollback: maybe(fc.record({ uninstall: fc.boolean() })),
      enabled: fc.option(pick(false, true), { nil: undefined, freq: 5 }),
      suspend: fc.option(pick(false, true), { nil: undefined, freq: 5 }),
      prune: maybe(pick('Unapprove', 'Orphan')),
      deployment: maybe(deployment),
    }),
  )
  .map(([name, made]) => declared('AutomaticDeploymentRule', name, made))

const updateIds = fc.uniqueArray(fc.integer({ min: 0, max: UPDATES }), { minLength: 1, maxLength: 3 })

const hold: fc.Arbitrary<Declared> = fc
  .tuple(
    pick('hold-1', 'hold-2'),
    spec<Written<'UpdateHold'>>({
      updates: updateIds.map((ids) => ids.map((n) => `u${n}`)),
      collections: maybe(pick(['a'], ['mixed', 'b'])),
      until: maybe(pick('2026-01-20T00:00:00Z', '2026-02-10T12:00:00Z')),
      reason: fc.constant('it breaks printing'),
      uninstall: maybe(fc.boolean()),
    }),
  )
  .map(([name, made]) => declared('UpdateHold', name, made))

const group: fc.Arbitrary<Declared> = updateIds.map((ids) =>
  declared('SoftwareUpdateGroup', 'hand', { updates: ids.map((n) => `u${n}`) }),
)

const rollout: fc.Arbitrary<Declared> = spec<Written<'Rollout'>>({
  group: pick('hand', 'synced'),
  phases,
  enabled: fc.option(pick(false), { nil: undefined, freq: 5 }),
  suspend: fc.option(pick(true), { nil: undefined, freq: 5 }),
  prune: maybe(pick('Unapprove', 'Orphan')),
  newDevices: maybe(pick('Join', 'Last')),
}).map((made) => declared('Rollout', 'by-hand', made))

const COLLECTION_OBJECTS: Declared[] = [
  ring('a'),
  ring('b'),
  ring('c'),
  ring('empty', 'nobody'),
  declared('Collection', 'x', { queries: [{ matchLabels: { site: 'x' } }] }),
  declared('Collection', 'mixed', { include: ['a', 'b'], exclude: ['x'] }),
]

const OTHERS: Declared[] = [
  declared('Collection', 'c', {
    queries: [{ matchExpressions: [{ key: 'ring', operator: 'In', values: ['b', 'c'] }] }],
  }),
  declared('Collection', 'empty', { devices: ['d0', 'd3'] }),
  declared('PhaseApproval', 'go-1', { rollout: 'by-hand', phase: 'p2', approvedBy: 'ada' }),
  declared('PhaseApproval', 'go-2', { rollout: 'by-hand', phase: 'p2', approvedBy: 'bob' }),
  declared('Freeze', 'freeze', {
    from: '2026-01-10T00:00:00',
    until: '2026-01-12T00:00:00',
    timeZone: 'UTC',
    reason: 'inventory',
  }),
  declared('UpdateSource', 'vendor', {
    format: 'Ringmaster',
    path: 'feed.ndjson',
    supersedence: { nonFeature: 'Immediately' },
  }),
  declared('UpdateSource', 'vendor', { format: 'Ringmaster', path: 'feed.ndjson', supersedence: { nonFeature: 1 } }),
]

const objects = fc.oneof(
  rule,
  rule,
  hold,
  hold,
  fc.tuple(group, rollout).map((pair) => pair),
  group,
  rollout,
  pick(...OTHERS, ...COLLECTION_OBJECTS),
)

const anyDevice = fc.integer({ min: 0, max: 59 })
const skewMinutes = fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, pick(-10_000, -600, -5, 5, 3000))
const place = { device: anyDevice, ring: pick(...RINGS), site: pick(...SITES) }

const simpleStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: pick('Wait'), minutes: pick(0, 1, 60, 400, 1440, 1440, 7200, -120) }) },
  { weight: 4, arbitrary: fc.record({ type: pick('WaitForWake') }) },
  {
    weight: 6,
    arbitrary: fc.record({
      type: pick('Everyone'),
      says: pick('Compliant', 'Compliant', 'Compliant', 'Required', 'Failed'),
      part: pick(100, 100, 90, 50, 10),
      skewMinutes,
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      type: pick('Report'),
      device: anyDevice,
      says: pick('Compliant', 'Required', 'Failed', 'Failed', 'Installing', 'Nothing', 'Again', 'Older'),
      updates: fc.integer({ min: 1, max: 511 }),
      skewMinutes,
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: pick('Enrol'), ...place }) },
  { weight: 2, arbitrary: fc.record({ type: pick('Move'), ...place }) },
  { weight: 1, arbitrary: fc.record({ type: pick('Remove'), device: anyDevice }) },
  {
    weight: 4,
    arbitrary: objects.map((made) => ({ type: 'Declare' as const, objects: Array.isArray(made) ? made : [made] })),
  },
  { weight: 1, arbitrary: fc.record({ type: pick('Undeclare'), object: fc.nat(40) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: pick('Sync'),
      upserts: fc.integer({ min: 0, max: 255 }),
      declined: pick(0, 0, 0, 1, 6, 64),
      reinstated: pick(0, 0, 255),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      type: pick('Command'),
      command: pick(
        'Approve',
        'Approve',
        'Approve',
        'Signal',
        'Signal',
        'Pause',
        'Resume',
        'Resume',
        'Resume',
        'Rollback',
      ),
      rollout: fc.nat(5),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: pick('Evaluate'), rule: pick(...RULES) }) },
  { weight: 1, arbitrary: fc.record({ type: pick('StaleAfter'), hours: pick(24, 60, 168) }) },
)

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: simpleStep },
  {
    weight: 1,
    arbitrary: fc
      .array(simpleStep, { minLength: 2, maxLength: 4 })
      .map((steps) => ({ type: 'Together' as const, steps: steps.filter(({ type }) => type !== 'WaitForWake') })),
  },
)

/** Without such days hardly a rollout would come to its second phase. */
const goodDay: fc.Arbitrary<Step[]> = pick(95, 100).map((part) => [
  { type: 'Wait', minutes: 60 },
  { type: 'Everyone', says: 'Compliant', part, skewMinutes: 0 },
  { type: 'Wait', minutes: 1500 },
])

export const scene: fc.Arbitrary<Scene> = fc
  .record({
    devices: fc.integer({ min: 5, max: 60 }),
    rules: fc.array(rule, { minLength: 1, maxLength: 2 }),
    more: fc.array(objects, { maxLength: 3 }),
    steps: fc.array(fc.oneof({ weight: 5, arbitrary: step.map((one) => [one]) }, { weight: 2, arbitrary: goodDay }), {
      minLength: 20,
      maxLength: 60,
      size: 'max',
    }),
  })
  .map(({ devices, rules, more, steps }) => ({
    devices,
    objects: distinct([...COLLECTION_OBJECTS, ...rules, ...more.flat()]),
    steps: steps.flat(),
  }))

/** A revision declares each object once. */
function distinct(declaredObjects: readonly Declared[]): Declared[] {
  return [...new Map(declaredObjects.map((object) => [`${object.kind} ${object.name}`, object])).values()]
}
