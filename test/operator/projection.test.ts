import { test } from 'tap'
import type { Declared } from '../../controller/model/declared.ts'
import { toRfc3339 } from '../../controller/model/instant.ts'
import { resolvePlan } from '../../controller/model/resolved-plan.ts'
import { finalizerMove } from '../../controller/operator/finalizer.ts'
import { ENDED_SHOWN, madeObjects } from '../../controller/operator/made-objects.ts'
import { MOST_LISTED, objectStatus, stalledIn } from '../../controller/operator/object-status.ts'
import { askedOf } from '../../controller/operator/rollout-asks.ts'
import { contains, digestOf } from '../../controller/operator/same-content.ts'
import type { ObjectView } from '../../controller/project/views.ts'
import type { RolloutRecord } from '../../controller/rollout/control.ts'
import { newState, type State } from '../../controller/state/state.ts'
import { kubeObject } from '../kube/objects.ts'
import { collection, inForce, rule } from './samples.ts'

const AT = Date.parse('2026-01-13T18:00:00Z')
const plan = resolvePlan({ phases: [{ name: 'pilot', collection: 'pilot' }] }, {})

function record(name: string, more: Partial<RolloutRecord> = {}): RolloutRecord {
  return {
    name,
    rule: 'office',
    group: name,
    updates: [],
    plan,
    provenance: { source: 'kubernetes', revision: 'r', file: 'f' },
    plannedAt: AT,
    status: 'Progressing',
    paused: false,
    phases: [{ status: 'Waiting', approvalAwaited: false }],
    approvals: new Map(),
    signals: new Map(),
    passedWithout: [],
    uninstall: [],
    ...more,
  }
}

function stateWith(records: readonly RolloutRecord[], declared: Iterable<Declared> = office()): State {
  const state = newState()
  for (const object of declared) {
    const ofKind = new Map(state.objects[object.kind]).set(object.name, object)
    state.objects = { ...state.objects, [object.kind]: ofKind }
  }
  state.control = { ...state.control, rollouts: new Map(records.map((one) => [one.name, one])) }
  return state
}

function office(): Iterable<Declared> {
  return inForce([collection('pilot'), rule('office', 'pilot')]).values()
}

const halt = { reason: 'FailureThreshold', message: 'too many', at: AT + 1000 } as const
const halted = record('r', {
  status: 'Halted',
  phases: [
    {
      status: 'Halted',
      startedAt: AT,
      available: AT,
      deadline: AT,
      targets: { words: new Uint32Array() },
      devices: 3,
      approved: false,
      acceptedFailures: 0,
      timeoutFrom: AT,
      halt,
    },
  ],
})
const suspender = 'ringmaster.dev/suspend on Rollout r'

type AskRow = readonly [
  string,
  RolloutRecord,
  Readonly<Record<string, string>>,
  'Made' | 'Declared',
  string | undefined,
]
const ASKS: readonly AskRow[] = [
  ['nothing', record('r'), {}, 'Made', undefined],
  ['a rollback of this plan', record('r'), { 'ringmaster.dev/rollback': toRfc3339(AT) }, 'Made', 'Rollback'],
  [
    'a rollback of this plan, declared',
    record('r'),
    { 'ringmaster.dev/rollback': toRfc3339(AT) },
    'Declared',
    'Rollback',
  ],
  ['a rollback of another plan', record('r'), { 'ringmaster.dev/rollback': toRfc3339(AT + 1) }, 'Made', undefined],
  ['a rollback with a word', record('r'), { 'ringmaster.dev/rollback': 'yes' }, 'Made', undefined],
  [
    'a rollback that was done',
    record('r', { status: 'RolledBack' }),
    { 'ringmaster.dev/rollback': toRfc3339(AT) },
    'Made',
    undefined,
  ],
  ['a pause', record('r'), { 'ringmaster.dev/suspend': 'true' }, 'Made', 'Pause'],
  ['a pause that its spec has', record('r'), { 'ringmaster.dev/suspend': 'true' }, 'Declared', undefined],
  [
    'a pause that is so',
    record('r', { pauseAsked: { by: suspender } }),
    { 'ringmaster.dev/suspend': 'true' },
    'Made',
    undefined,
  ],
  ['the end of that pause', record('r', { pauseAsked: { by: `ann, ${suspender}` } }), {}, 'Made', 'Resume'],
  ["not the end of a person's pause", record('r', { pauseAsked: { by: 'ann' } }), {}, 'Made', undefined],
  ['to go on after this halt', halted, { 'ringmaster.dev/resume': toRfc3339(halt.at) }, 'Made', 'Resume'],
  ['not after another halt', halted, { 'ringmaster.dev/resume': toRfc3339(halt.at - 1) }, 'Made', undefined],
  ['not by the end of a pause alone', { ...halted, pauseAsked: { by: suspender } }, {}, 'Made', undefined],
]

for (const [name, rollout, annotations, kind, expected] of ASKS)
  test(`annotations ask for ${name}`, async (t) => {
    t.equal(askedOf(rollout, annotations, kind)?.command.type, expected)
  })

test('who asked stands in the command', async (t) => {
  const annotations = { 'ringmaster.dev/suspend': 'true', 'ringmaster.dev/asked-by': 'ann' }
  t.equal(askedOf(record('r'), annotations, 'Made')?.by, `ann, ${suspender}`)
})

test('the rollouts under way are shown, and the newest that have ended', async (t) => {
  const ended = Array.from({ length: 8 }, (_, i) => record(`old${i}`, { status: 'Succeeded', plannedAt: AT - i }))
  const made = madeObjects(stateWith([record('now'), ...ended]))
  const names = [...made.values()].filter(({ kind }) => kind === 'Rollout').map(({ name }) => name)
  t.same(names, ['now', ...ended.slice(0, ENDED_SHOWN).map(({ name }) => name)])
  t.match(made.get('Rollout/now'), { owner: { kind: 'AutomaticDeploymentRule', name: 'office' }, ownedBy: 'office' })
  t.ok(made.has('SoftwareUpdateGroup/now'))
})

test('of a rule that is gone only what goes on without it is shown, and nobody owns it', async (t) => {
  const made = madeObjects(stateWith([record('now'), record('old', { status: 'RolledBack' })], []))
  t.same([...made.keys()], ['SoftwareUpdateGroup/now', 'Rollout/now'])
  t.equal(made.get('Rollout/now')?.owner, undefined)
})

test("what an admin declared under a made object's name is the admin's", async (t) => {
  const group: Declared<'SoftwareUpdateGroup'> = {
    kind: 'SoftwareUpdateGroup',
    name: 'now',
    labels: {},
    annotations: {},
    spec: { updates: [] },
    origin: { source: 'kubernetes', revision: 'r', file: 'f', line: 1 },
  }
  t.notOk(madeObjects(stateWith([record('now')], [...office(), group])).has('SoftwareUpdateGroup/now'))
})

test('a rule keeps its finalizer until what it approved is taken back', async (t) => {
  const finalizers = ['ringmaster.dev/unapprove']
  const move = (state: State, object: Parameters<typeof kubeObject>[0], dependents = false) =>
    finalizerMove(state, 'AutomaticDeploymentRule', kubeObject(object), () => dependents)
  const withRule = stateWith([record('now')])
  const asked = { reason: 'RuleRemoved', message: 'gone' } as const
  t.equal(move(withRule, { name: 'office' }), 'Add')
  t.equal(move(withRule, { name: 'office', finalizers }), 'Keep')
  t.equal(move(withRule, { name: 'unknown' }), 'Keep', 'what is not in force needs none')
  t.equal(move(withRule, { name: 'office', finalizers, deleting: true }), 'Keep', 'it is still in force')
  const without = (more: Partial<RolloutRecord>) => stateWith([record('now', more)], [])
  t.equal(move(without({ rollbackAsked: asked }), { name: 'office', finalizers, deleting: true }), 'Keep')
  t.equal(
    move(without({ rollbackAsked: asked, status: 'RolledBack' }), { name: 'office', finalizers, deleting: true }),
    'Remove',
  )
  t.equal(move(without({}), { name: 'office', finalizers, deleting: true }), 'Remove', 'prune: Orphan')
  t.equal(
    move(without({}), { name: 'office', finalizers, deleting: true }, true),
    'Keep',
    'but not what goes on with it',
  )
  t.equal(
    move(newState(), { name: 'office', finalizers, deleting: true }),
    'Remove',
    'never stuck for what nobody knows',
  )
  t.equal(move(newState(), { name: 'office', deleting: true }), 'Keep', 'other finalizers are not ours to take')
})

const ready = {
  type: 'Ready',
  status: 'True',
  reason: 'InUse',
  message: 'used',
  until: '2026-02-01T00:00:00Z',
} as const
const view = (more: object = {}): ObjectView => ({
  apiVersion: 'ringmaster.dev/v1alpha1',
  kind: 'Collection',
  metadata: { name: 'c', labels: {}, annotations: {} },
  spec: {},
  status: { conditions: [ready], devices: 3, stale: 0, ...more },
})
const input = { view: view(), faults: [], hasGood: true, generation: 4, shown: undefined, now: AT }

test('a status says of which version it is, and is a fixed point', async (t) => {
  const first = objectStatus(input)
  t.same(first, {
    observedGeneration: 4,
    conditions: [
      {
        type: 'Ready',
        status: 'True',
        observedGeneration: 4,
        lastTransitionTime: '2026-01-13T18:00:00Z',
        reason: 'InUse',
        message: 'used',
      },
    ],
    devices: 3,
    stale: 0,
  })
  t.same(objectStatus({ ...input, shown: first, now: AT + 86_400_000 }), first, 'time alone changes nothing')
})

test('a refused version is told, and what is in force goes on being shown', async (t) => {
  const faults = [{ code: 'RM1302', path: 'spec.include[0]', message: 'there is no collection "x"' }] as const
  const status = objectStatus({ ...input, faults, shown: objectStatus(input), now: AT + 5000 })
  t.match(status, {
    devices: 3,
    conditions: [
      { type: 'Ready', status: 'False' },
      { type: 'Stalled', status: 'True', reason: 'Refused' },
    ],
  })
  t.match(status.conditions, [{ lastTransitionTime: '2026-01-13T18:00:05Z' }, {}])
  t.match(stalledIn(status), {
    reason: 'Refused',
    message: /^what was in force before stays so; RM1302 spec.include\[0\]/,
  })
  t.match(stalledIn(objectStatus({ ...input, faults, view: undefined, hasGood: false })), {
    message: /^nothing of it is in force/,
  })
  t.equal(stalledIn(objectStatus(input)), undefined)
})

test('lists in a status end', async (t) => {
  const status = objectStatus({ ...input, view: view({ rules: Array.from({ length: 500 }, (_, i) => `r${i}`) }) })
  t.equal(Array.isArray(status.rules) && status.rules.length, MOST_LISTED)
})

test('what is there already need not be written', async (t) => {
  t.ok(contains({ a: 1, b: [{ c: 2, d: 3 }] }, { b: [{ c: 2 }] }))
  t.notOk(contains({ b: [{ c: 2 }] }, { b: [{ c: 2 }, { c: 3 }] }))
  t.notOk(contains({ a: 1 }, { a: 2 }))
  t.notOk(contains(undefined, { a: 2 }))
  t.not(digestOf({ a: 1 }), digestOf({ a: 2 }))
})
