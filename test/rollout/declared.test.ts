// Rollouts and groups that an admin wrote by hand (architecture.md, "Each level is an entry point"; docs/decisions/0007).
import { test } from 'tap'
import {
  command,
  declare,
  declared,
  enrolled,
  ORIGIN,
  ring,
  synced,
  undeclare,
  update,
  type Written,
} from '../support/declare.ts'
import {
  declaring,
  figures,
  given,
  installsFor,
  newStory,
  noteOf,
  offersTo,
  phasesOf,
  rolloutOf,
  type Story,
  say,
  says,
  settle,
  startedPhase,
  tell,
  the,
  types,
  wait,
} from '../support/story.ts'

type RolloutSpec = Written<'Rollout'>
const REMOVED = undeclare({ kind: 'Rollout', name: 'hand' })
const PHASES: RolloutSpec['phases'] = [
  { name: 'p1', collection: 'a', soak: 'PT0S' },
  { name: 'p2', collection: 'b', soak: 'PT0S' },
]

function group(...updates: string[]) {
  return declared('SoftwareUpdateGroup', 'group', { updates })
}

function rollout(more: Partial<RolloutSpec> = {}) {
  return declared('Rollout', 'hand', { group: 'group', phases: PHASES, ...more })
}

function begun(more: Partial<RolloutSpec> = {}): Story {
  const story = newStory()
  given(
    story,
    declare(ring('a'), ring('b'), group('u1'), rollout(more)),
    synced(update('u1'), update('u2')),
    ...['a0', 'a1', 'b0', 'b1'].map((device) => enrolled(device, { ring: device.slice(0, 1) })),
  )
  wait(story, 'PT1H')
  return story
}

function secondPhase(more: Partial<RolloutSpec> = {}): Story {
  const story = begun(more)
  say(story, ['a0', 'a1'], { installed: ['u1'] })
  wait(story, 'PT1H')
  return story
}

test('a declared rollout goes out through its phases, and its approvals name the file', async (t) => {
  const story = begun()
  t.same(installsFor(story, 'a0'), ['u1'])
  const approved = story.log.find(({ fact }) => fact.type === 'UpdatesApproved')
  t.match(approved?.fact.message, /declared in site.yaml, revision r1, commit c0ffee/)
  say(story, ['a0', 'a1'], { installed: ['u1'] })
  wait(story, 'PT1H')
  say(story, ['b0', 'b1'], { installed: ['u1'] })
  t.equal(rolloutOf(story, 'hand').status, 'Succeeded')
})

test('what it refers to and what is missing is named', async (t) => {
  const story = newStory()
  declaring(story, rollout({ template: 'none' }))
  t.match(noteOf(story, 'hand'), { state: 'Stalled', reason: 'GroupNotFound', message: /group/ })
  declaring(story, group('u1'))
  t.match(noteOf(story, 'hand'), { state: 'Stalled', reason: 'TemplateNotFound', message: /none/ })
  declaring(story, declared('Rollout', 'hand', { group: 'group' }))
  t.match(noteOf(story, 'hand'), { state: 'Stalled', reason: 'NoPhases' })
  declaring(story, rollout())
  t.match(noteOf(story, 'hand'), { state: 'Stalled', reason: 'AllUpdatesWithdrawn' }, 'the catalog does not know u1')
  given(story, synced(update('u1')))
  t.match(noteOf(story, 'hand'), { state: 'Stalled', reason: 'CollectionNotFound' })
})

test('a changed group begins again, and nothing that was reported before counts', async (t) => {
  const story = secondPhase()
  const decided = declaring(story, group('u1', 'u2'))
  t.same(types(decided), ['UpdatesUnapproved', 'RolloutPlanned', 'RolloutStarted', 'PhaseStarted', 'UpdatesApproved'])
  t.same(phasesOf(story, 'hand'), ['Active', 'Waiting'])
  t.same(installsFor(story, 'b0'), [])
  t.same(figures(story, 'hand'), { targets: 2, compliant: 0, failed: 0, unknown: 2 })
})

test('a group that shrinks to what the pilot has begins again all the same', async (t) => {
  const story = newStory()
  given(
    story,
    declare(ring('a'), ring('b'), group('u1', 'u2'), rollout()),
    synced(update('u1'), update('u2')),
    enrolled('a0', { ring: 'a' }),
    enrolled('b0', { ring: 'b' }),
  )
  wait(story, 'PT1H')
  say(story, ['a0'], { installed: ['u1'] })
  declaring(story, group('u1'))
  t.same(phasesOf(story, 'hand'), ['Active', 'Waiting'])
})

test('a changed plan is in force at once where the phases that have started are the same, and the evidence stays', async (t) => {
  const story = begun({ phases: [{ name: 'p1', collection: 'a', soak: 'P5D' }] })
  say(story, ['a0'], { installed: ['u1'] })
  const decided = declaring(
    story,
    rollout({
      phases: [{ name: 'p1', collection: 'a', soak: 'PT0S', successPercent: 50 }, ...(PHASES?.slice(1) ?? [])],
    }),
  )
  t.same(types(decided).slice(0, 3), ['RolloutPlanned', 'ThresholdMet', 'PhaseSucceeded'])
  t.match(the(decided, 'ThresholdMet'), { compliant: 1, targets: 2, unknown: 1 })
  t.same(phasesOf(story, 'hand'), ['Succeeded', 'Active'])
})

test('a soak goes on under a changed plan', async (t) => {
  const story = begun({ phases: [{ name: 'p1', collection: 'a', soak: 'P2D' }] })
  say(story, ['a0', 'a1'], { installed: ['u1'] })
  const met = startedPhase(story, 'hand').thresholdMetAt
  t.same(types(declaring(story, rollout({ phases: [{ name: 'p1', collection: 'a', soak: 'P3D' }] }))), [
    'RolloutPlanned',
  ])
  t.equal(startedPhase(story, 'hand').thresholdMetAt, met)
  t.same(figures(story, 'hand'), { targets: 2, compliant: 2, failed: 0, unknown: 0 })
})

test('a phase added to a rollout under way is counted like any other', async (t) => {
  const story = begun({ phases: PHASES?.slice(0, 1) ?? [] })
  say(story, ['a0'], { installed: ['u1'] })
  declaring(story, rollout())
  t.same(figures(story, 'hand'), { targets: 2, compliant: 1, failed: 0, unknown: 1 })
  say(story, ['a1'], { installed: ['u1'] })
  wait(story, 'PT1H')
  say(story, ['b0'], { installed: ['u1'] })
  t.same(figures(story, 'hand', 1), { targets: 2, compliant: 1, failed: 0, unknown: 1 })
  say(story, ['b1'], { installed: ['u1'] })
  t.equal(rolloutOf(story, 'hand').status, 'Succeeded')
})

test('a phase added to a rollout that has succeeded goes out, and passes by its own gate', async (t) => {
  const story = begun({ phases: [{ name: 'p1', collection: 'a', soak: 'PT0S' }] })
  say(story, ['a0', 'a1'], { installed: ['u1'] })
  t.equal(rolloutOf(story, 'hand').status, 'Succeeded')
  declaring(story, rollout())
  t.equal(rolloutOf(story, 'hand').status, 'Progressing')
  t.same(installsFor(story, 'b0'), ['u1'])
  wait(story, 'PT1H')
  say(story, ['b0', 'b1'], { installed: ['u1'] })
  t.match(rolloutOf(story, 'hand'), { status: 'Succeeded', phases: [{ status: 'Succeeded' }, { status: 'Succeeded' }] })
})

test('a started phase over another collection begins the rollout again', async (t) => {
  const story = secondPhase()
  declaring(story, rollout({ phases: [{ name: 'p1', collection: 'b', soak: 'PT0S' }] }))
  t.same(phasesOf(story, 'hand'), ['Active'])
  t.same(installsFor(story, 'b0'), ['u1'])
  t.same(figures(story, 'hand'), { targets: 2, compliant: 0, failed: 0, unknown: 2 })
})

test('a changed plan or group name is owned by the commit that changed it', async (t) => {
  const story = begun()
  const origin = { ...ORIGIN, revision: 'r2', commit: 'beef' }
  const other = declared('SoftwareUpdateGroup', 'other', { updates: ['u1'] })
  t.same(types(declaring(story, other, declared('Rollout', 'hand', { group: 'other', phases: PHASES }, origin))), [
    'RolloutPlanned',
  ])
  t.match(rolloutOf(story, 'hand'), { group: 'other', provenance: { revision: 'r2', commit: 'beef' } })
  t.same(phasesOf(story, 'hand'), ['Active', 'Waiting'])
})

test('removing it from Git rolls it back, with prune: Orphan it goes on', async (t) => {
  const pruned = begun()
  t.match(the(given(pruned, REMOVED), 'RolloutRolledBack'), { reason: 'RolloutRemoved' })
  t.same(installsFor(pruned, 'a0'), [])
  const orphaned = begun({ prune: 'Orphan' })
  t.same(given(orphaned, REMOVED), [])
  t.same(installsFor(orphaned, 'a0'), ['u1'])
  const gated = begun({ prune: 'Orphan', enabled: false })
  given(gated, REMOVED)
  t.same(installsFor(gated, 'a0'), [], 'what was gated stays so')
})

test('declared again after its removal it goes out anew; what was rolled back for another reason does not', async (t) => {
  const again = begun()
  given(again, REMOVED)
  declaring(again, rollout())
  t.same(installsFor(again, 'a0'), ['u1'])
  const bad = begun()
  given(bad, command({ type: 'Rollback', rollout: 'hand', reason: 'printing' }))
  t.same(declaring(bad, rollout({ description: 'once more' })), [])
  t.same(installsFor(bad, 'a0'), [])
  declaring(bad, group('u2'))
  t.same(installsFor(bad, 'a0'), ['u2'], 'other updates are another rollout')
})

test('removed and declared again before anything was decided, nothing has happened', async (t) => {
  const story = begun()
  tell(story, REMOVED, declare(rollout()))
  t.same(settle(story), [])
  t.same(installsFor(story, 'a0'), ['u1'])
})

test('a rollback that is asked for in the same turn as its group changes is done before the new content goes out', async (t) => {
  const story = begun()
  const decided = given(story, command({ type: 'Rollback', rollout: 'hand' }), declare(group('u2')))
  t.same(types(decided).slice(0, 3), ['RolloutRolledBack', 'UpdatesUnapproved', 'RolloutPlanned'])
  t.same(installsFor(story, 'a0'), ['u2'])
})

test('a pause by a person outlives a change of the group', async (t) => {
  const story = begun()
  given(story, command({ type: 'Pause', rollout: 'hand' }))
  declaring(story, group('u2'))
  t.same(installsFor(story, 'a0'), [])
  t.equal(noteOf(story, 'hand').reason, 'PausedByCommand')
  given(story, command({ type: 'Resume', rollout: 'hand' }))
  t.same(installsFor(story, 'a0'), ['u2'])
})

test('suspend and enabled take effect at once', async (t) => {
  const story = begun()
  declaring(story, rollout({ suspend: true }))
  t.same(installsFor(story, 'a0'), [])
  declaring(story, rollout({ enabled: false }))
  t.equal(noteOf(story, 'hand').reason, 'Disabled')
  declaring(story, rollout())
  t.same(installsFor(story, 'a0'), ['u1'])
})

test('rollback with uninstall removes what can be removed where no other deployment approves it', async (t) => {
  const story = newStory()
  const plan = { phases: [{ name: 'p1', collection: 'a', soak: 'PT0S' }], rollback: { uninstall: true } }
  given(
    story,
    declare(
      ring('a'),
      declared('SoftwareUpdateGroup', 'group', { updates: ['u1', 'u2', 'fixed'] }),
      declared('SoftwareUpdateGroup', 'other', { updates: ['u2'] }),
      rollout(plan),
      declared('Rollout', 'beside', { group: 'other', phases: [{ name: 'p1', collection: 'a' }] }),
    ),
    synced(update('u1'), update('u2'), update('fixed', { uninstallable: false })),
    enrolled('a0', { ring: 'a' }),
    enrolled('a1', { ring: 'a' }),
  )
  wait(story, 'PT1H')
  say(story, ['a0'], { installed: ['u2', 'fixed'], required: ['u1'] })
  const decided = given(story, command({ type: 'Rollback', rollout: 'hand' }))
  t.match(the(decided, 'RolloutRolledBack'), {
    uninstall: ['u1', 'u2'],
    cannotUndo: [{ update: 'fixed', devices: 1 }],
    message: /1 installed update/,
  })
  t.same(
    offersTo(story, 'a0').offers.map(({ update, action }) => [update.id, action]),
    [['u2', 'Install']],
  )
  // An installation that ran at the moment of the rollback finishes, and is undone then.
  tell(story, says(story, 'a0', { installed: ['u1'] }))
  t.match(
    offersTo(story, 'a0').offers.find(({ action }) => action === 'Uninstall'),
    { update: { id: 'u1' }, because: ['rollback of hand'] },
  )
  given(story, undeclare({ kind: 'Rollout', name: 'beside' }))
  t.same(
    offersTo(story, 'a0').offers.map(({ update, action }) => [update.id, action]),
    [
      ['u1', 'Uninstall'],
      ['u2', 'Uninstall'],
    ],
  )
  t.same(offersTo(story, 'a1').offers, [], 'nothing is installed there')
})
