// How objects of each kind stand, on small worlds made by hand.
import { test } from 'tap'
import type { Command } from '../../controller/model/facts.ts'
import { isDecisionType } from '../../controller/model/facts.ts'
import { checkCommand, checkRemoval } from '../../controller/project/command-check.ts'
import { DECISION_TYPES } from '../../controller/project/decisions.ts'
import { listObjects, objectNamed, pageObjects, viewKindNamed } from '../../controller/project/objects.ts'
import { relative, renderTable, tableOf } from '../../controller/project/tables.ts'
import type { ViewKind, ViewOf } from '../../controller/project/views.ts'
import { command, declare, declared, enrolled, ring, synced, update } from '../support/declare.ts'
import { at, given, newStory, type Story, says, wait } from '../support/story.ts'

const ROLLOUT = 'monthly-20260113'

function scene(): Story {
  const story = newStory('2026-01-12T00:00:00Z')
  const monthly = declared('AutomaticDeploymentRule', 'monthly', {
    criteria: { classifications: ['Security Updates'] },
    evaluate: { schedule: { rrule: 'FREQ=MONTHLY;BYDAY=2TU', at: '18:00' } },
    phases: [
      { name: 'pilot', collection: 'pilot', promotion: 'Manual', failureCount: 0, successPercent: 75 },
      { name: 'broad', collection: 'all' },
    ],
  })
  const devices = Array.from({ length: 8 }, (_, n) =>
    enrolled(`d${n}`, { ring: n < 4 ? 'pilot' : 'broad', timeZone: n % 2 ? 'Asia/Tokyo' : 'Europe/Berlin' }),
  )
  given(story, declare(ring('pilot'), monthly), synced(update('u1'), update('u2')), ...devices)
  return story
}

function begun(): Story {
  const story = scene()
  wait(story, 'P2D')
  return story
}

function named<K extends ViewKind>(story: Story, kind: K, name: string): ViewOf[K] {
  const view = objectNamed(story.state, story.notes, kind, name, story.now)
  if (view === undefined) throw new Error(`there is no ${kind} ${name}`)
  return view
}

test('a rollout shows its phases with what their gates count, what it waits for, and where it comes from', async (t) => {
  const story = begun()
  given(story, says(story, 'd0', { installed: ['u1', 'u2'] }))
  const { spec, status, metadata } = named(story, 'Rollout', ROLLOUT)
  t.match(metadata.annotations, { 'ringmaster.dev/origin': 'site.yaml', 'ringmaster.dev/commit': 'c0ffee' })
  t.match(status.phases[0], {
    name: 'pilot',
    state: 'Active',
    approved: true,
    gate: { targets: 4, compliant: 1, failed: 0, unknown: 3, needed: 3, mayFail: 0 },
  })
  t.match(status.phases[1], { name: 'broad', state: 'Waiting', devices: 0, gate: undefined })
  t.match(status.waitsFor, { reason: 'GateOpen', phase: 'pilot' })
  t.match(status.provenance, { rule: 'monthly', evaluation: '2026-01-13T18:00:00Z', revision: 'r1', commit: 'c0ffee' })
  t.equal(spec.phases?.[0]?.promotion, 'Manual')
  t.match(status.conditions, [
    { type: 'Ready', status: 'False', reason: 'GateOpen' },
    { type: 'Reconciling', status: 'True', reason: 'GateOpen' },
  ])
})

test('a halted rollout is stalled since its halt, and keeps its figures after the rollback', async (t) => {
  const story = begun()
  given(story, says(story, 'd1', { failed: ['u1'] }))
  const halted = named(story, 'Rollout', ROLLOUT).status
  t.match(halted.conditions[1], {
    type: 'Stalled',
    reason: 'FailureThreshold',
    lastTransitionTime: '2026-01-14T00:00:00Z',
  })
  t.match(halted.phases[0], { state: 'Halted', approved: false, gate: { failed: 1 } })
  given(story, command({ type: 'Rollback', rollout: ROLLOUT }))
  const ended = named(story, 'Rollout', ROLLOUT).status
  t.match(ended, { state: 'RolledBack', ended: { reason: 'RollbackByCommand' } })
  t.equal(ended.waitsFor, undefined)
  t.match(ended.phases[0]?.gate, { targets: 4, failed: 1 })
  t.match(ended.conditions, [{ type: 'Ready', status: 'True' }])
})

test('each started phase is a deployment', async (t) => {
  const story = begun()
  const list = listObjects(story.state, story.notes, 'UpdateDeployment', story.now)
  t.same(
    list.map(({ metadata }) => metadata.name),
    [`${ROLLOUT}-pilot`],
  )
  t.match(list[0], {
    spec: { rollout: ROLLOUT, phase: 'pilot', group: ROLLOUT, collection: 'pilot', available: '2026-01-13T18:00:00Z' },
    status: { devices: 4, compliant: 0, unknown: 4, approved: true, updates: 2 },
  })
})

test('a declared rollout whose group is missing is shown as stalled', async (t) => {
  const story = scene()
  given(
    story,
    declare(declared('Rollout', 'by-hand', { group: 'nothing', phases: [{ name: 'p', collection: 'all' }] })),
  )
  t.match(named(story, 'Rollout', 'by-hand'), {
    status: {
      state: 'Declared',
      waitsFor: { reason: 'GroupNotFound' },
      conditions: [{ status: 'False' }, { type: 'Stalled' }],
    },
  })
})

test('a rule shows its last evaluation, the next one, and what it made', async (t) => {
  const story = begun()
  t.match(named(story, 'AutomaticDeploymentRule', 'monthly').status, {
    lastEvaluation: { at: '2026-01-13T18:00:00Z', failed: false, reason: 'Matched' },
    selected: 2,
    matchingNow: 2,
    nextEvaluation: '2026-02-10T18:00:00Z',
    rollouts: [{ name: ROLLOUT, state: 'Progressing', updates: 2 }],
  })
})

test('a group counts what cannot be deployed any more, once each', async (t) => {
  const story = begun()
  given(
    story,
    declare(
      declared('SoftwareUpdateGroup', 'hand', { updates: ['u1', 'u2', 'u3', 'u9'].map((one) => one) }),
      declared('UpdateHold', 'hold', { updates: ['u1'], reason: 'bad' }),
    ),
    synced(update('u3', { state: 'Expired' })),
  )
  t.match(named(story, 'SoftwareUpdateGroup', 'hand').status, {
    updates: 4,
    expired: 1,
    held: 1,
    unknown: 1,
    superseded: 0,
  })
  t.match(named(story, 'SoftwareUpdateGroup', ROLLOUT).status, { updates: 2, rule: 'monthly', rollouts: [ROLLOUT] })
  t.match(named(story, 'UpdateHold', 'hold').status, {
    active: true,
    updates: 1,
    conditions: [{ reason: 'Held', message: 'bad' }],
  })
  t.match(named(story, 'Update', 'u1').status, { heldBy: ['hold'], rollouts: [ROLLOUT] })
})

test('a hold that has run out says so', async (t) => {
  const story = begun()
  given(
    story,
    declare(declared('UpdateHold', 'hold', { updates: ['u1'], until: '2026-01-20T00:00:00Z', reason: 'bad' })),
  )
  wait(story, 'P10D')
  t.match(named(story, 'UpdateHold', 'hold').status, { active: false, conditions: [{ reason: 'HoldEnded' }] })
})

test('a window of the devices’ own time is open on those where it is night', async (t) => {
  const story = scene()
  given(
    story,
    declare(
      declared('MaintenanceWindow', 'nights', {
        collections: ['pilot'],
        schedule: { rrule: 'FREQ=DAILY', at: '22:00', timeZone: 'DeviceLocal' },
        duration: 'PT4H',
      }),
      declared('MaintenanceWindow', 'lost', {
        collections: ['nowhere'],
        schedule: { rrule: 'FREQ=DAILY', at: '22:00' },
        duration: 'PT4H',
      }),
    ),
  )
  story.now = at('2026-01-12T14:00:00Z')
  const view = named(story, 'MaintenanceWindow', 'nights')
  t.match(view.status, {
    open: true,
    devices: 4,
    openOn: 2,
    closes: '2026-01-12T17:00:00Z',
    opens: '2026-01-12T21:00:00Z',
  })
  t.match(named(story, 'MaintenanceWindow', 'lost').status.conditions[1], {
    type: 'Stalled',
    reason: 'CollectionNotFound',
  })
})

test('a freeze says whether it holds, until when, and when next', async (t) => {
  const story = scene()
  const freeze = declared('Freeze', 'audit', {
    from: '2026-01-13T00:00:00Z',
    until: '2026-01-20T00:00:00Z',
    reason: 'audit',
  })
  given(story, declare(freeze))
  t.match(named(story, 'Freeze', 'audit').status, { active: false, devices: 8, begins: '2026-01-13T00:00:00Z' })
  story.now = at('2026-01-13T00:00:00Z')
  t.match(named(story, 'Freeze', 'audit').status, { active: true, activeOn: 8, ends: '2026-01-20T00:00:00Z' })
  story.now = at('2026-01-20T00:00:00Z')
  const over = named(story, 'Freeze', 'audit').status
  t.equal(over.active, false)
  t.equal(over.begins, undefined)
})

test('a source shows what it set aside, and a failure with the next try', async (t) => {
  const story = scene()
  given(story, declare(declared('UpdateSource', 'vendor', { format: 'Ringmaster', path: 'f', interval: 'PT1H' })), {
    type: 'CatalogSyncFailed',
    source: 'vendor',
    message: 'the feed is gone',
  })
  t.match(named(story, 'UpdateSource', 'vendor').status, {
    updates: 2,
    lastSync: '2026-01-12T00:00:00Z',
    nextSync: '2026-01-12T01:00:00Z',
    conditions: [{ type: 'Ready', status: 'False', message: 'the feed is gone' }, { type: 'Reconciling' }],
  })
})

test('collections whose references go in a circle are stalled, and the built-in one is there', async (t) => {
  const story = scene()
  given(
    story,
    declare(declared('Collection', 'hen', { include: ['egg'] }), declared('Collection', 'egg', { include: ['hen'] })),
  )
  t.match(named(story, 'Collection', 'hen').status.conditions[1], { type: 'Stalled', message: /hen/ })
  t.match(named(story, 'Collection', 'all').status, { devices: 8, stale: 0 })
  t.match(named(story, 'Collection', 'pilot').status, { devices: 4 })
})

test('a go-ahead that came early, was used, or names no phase is told apart', async (t) => {
  const story = begun()
  const approval = (name: string, rollout: string, phase: string) =>
    declared('PhaseApproval', name, { rollout, phase, approvedBy: 'ada' })
  given(
    story,
    declare(approval('a', ROLLOUT, 'broad'), approval('b', ROLLOUT, 'wide'), approval('c', 'later', 'broad')),
  )
  const states = () =>
    listObjects(story.state, story.notes, 'PhaseApproval', story.now).map(({ status }) => status.state)
  t.same(states(), ['Early', 'Unmatched', 'Early'])
  given(story, ...[0, 1, 2, 3].map((n) => says(story, `d${n}`, { installed: ['u1', 'u2'] })))
  wait(story, 'P2D')
  t.same(states(), ['Used', 'Unmatched', 'Early'])
})

test('devices and updates are filtered and paged', async (t) => {
  const story = begun()
  given(story, says(story, 'd1', { failed: ['u1'], attributes: { ring: 'pilot', rack: '7' } }))
  const page = (kind: ViewKind, query: object) => {
    const { items, total } = pageObjects(story.state, story.notes, kind, story.now, { offset: 0, limit: 2, ...query })
    return [items.map(({ metadata }) => metadata.name), total]
  }
  t.same(page('Device', {}), [['d0', 'd1'], 8])
  t.same(page('Device', { offset: 7 }), [['d7'], 8])
  t.same(page('Device', { collection: 'pilot', search: 'D3' }), [['d3'], 1])
  t.same(page('Device', { attribute: { key: 'rack', value: '7' } }), [['d1'], 1])
  t.same(page('Device', { stale: true }), [[], 0])
  t.same(page('Update', { search: 'kb-u2' }), [['u2'], 1])
  t.same(page('Update', { state: 'Expired' }), [[], 0])
  t.match(named(story, 'Device', 'd1').status, { failed: [{ update: 'u1' }], stale: false })
})

test('kinds go by name, plural and short name', async (t) => {
  t.same(['ro', 'ROLLOUTS', 'Rollout', 'devices', 'upd', 'nonsense'].map(viewKindNamed), [
    'Rollout',
    'Rollout',
    'Rollout',
    'Device',
    'Update',
    undefined,
  ])
})

test('every type of decision is listed', async (t) => {
  t.ok(DECISION_TYPES.every(isDecisionType))
  t.equal(new Set(DECISION_TYPES).size, DECISION_TYPES.length)
})

test('a table is aligned, and times are told from now', async (t) => {
  const story = begun()
  const list = listObjects(story.state, story.notes, 'Rollout', story.now)
  const [head = '', row = ''] = renderTable(tableOf('Rollout', list, story.now)).split('\n')
  t.match(row, /^monthly-20260113 +Progressing +2 +pilot 1\/2 +0 of 4, needs 3 +GateOpen/)
  t.equal(head.indexOf('STATE'), row.indexOf('Progressing'))
  const now = at('2026-01-01T00:00:00Z')
  const told = [
    '2026-01-03T05:10:00Z',
    '2025-12-31T23:30:00Z',
    '2026-01-01T00:00:10Z',
    '2026-01-02T00:20:00Z',
    undefined,
  ]
  t.same(
    told.map((text) => relative(text, now)),
    ['in 2d5h', '30m ago', 'now', 'in 1d', ''],
  )
})

const CHECKS: readonly (readonly [Command, 'Sensible' | 'AlreadySo' | 'NotFound' | 'Refused', RegExp])[] = [
  [{ type: 'Pause', rollout: 'nope' }, 'NotFound', /no rollout nope; the newest are monthly-20260113/],
  [{ type: 'Pause', rollout: ROLLOUT }, 'Sensible', /^$/],
  [{ type: 'Resume', rollout: ROLLOUT }, 'AlreadySo', /neither paused nor halted/],
  [{ type: 'Rollback', rollout: ROLLOUT }, 'Sensible', /^$/],
  [{ type: 'Approve', rollout: ROLLOUT, phase: 'wide' }, 'NotFound', /has no phase wide; its phases are pilot, broad/],
  [{ type: 'Approve', rollout: ROLLOUT, phase: 'pilot' }, 'AlreadySo', /went ahead at 2026-01-13/],
  [{ type: 'Approve', rollout: ROLLOUT, phase: 'broad' }, 'Refused', /phase pilot comes first; .*--early/],
  [{ type: 'Signal', rollout: ROLLOUT, phase: 'broad', signal: 'go' }, 'Refused', /when a person approves it/],
  [{ type: 'Evaluate', rule: 'monthly' }, 'Sensible', /^$/],
  [{ type: 'Evaluate', rule: 'weekly' }, 'NotFound', /there are monthly/],
]

test('commands that make no sense are refused with what would be right', async (t) => {
  const story = begun()
  for (const [given, type, message] of CHECKS) {
    const verdict = checkCommand(story.state, given)
    t.equal(verdict.type, type, `${given.type} ${JSON.stringify(verdict)}`)
    t.match('message' in verdict ? verdict.message : '', message)
  }
  t.equal(checkCommand(story.state, { type: 'Approve', rollout: ROLLOUT, phase: 'broad' }, true).type, 'Sensible')
  t.equal(checkRemoval(story.state, 'd0').type, 'Sensible')
  t.equal(checkRemoval(story.state, 'zz').type, 'NotFound')
})

test('what is so already is answered kindly', async (t) => {
  const story = begun()
  given(story, command({ type: 'Pause', rollout: ROLLOUT }))
  t.match(checkCommand(story.state, { type: 'Pause', rollout: ROLLOUT }), {
    type: 'AlreadySo',
    message: /paused by ada/,
  })
  t.equal(checkCommand(story.state, { type: 'Resume', rollout: ROLLOUT }).type, 'Sensible')
  given(story, command({ type: 'Rollback', rollout: ROLLOUT }))
  t.match(checkCommand(story.state, { type: 'Rollback', rollout: ROLLOUT }), {
    type: 'AlreadySo',
    message: /was rolled back/,
  })
  t.match(checkCommand(story.state, { type: 'Resume', rollout: ROLLOUT }), {
    type: 'Refused',
    message: /was rolled back/,
  })
})
