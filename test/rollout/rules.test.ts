// When a rule is evaluated, and what becomes of what it selects (semantics.md §3).
import { test } from 'tap'
import {
  changed,
  command,
  declare,
  declared,
  enrolled,
  id,
  ring,
  synced,
  undeclare,
  update,
  type Written,
} from '../support/declare.ts'
import {
  at,
  declaring,
  given,
  installsFor,
  newStory,
  noteOf,
  rolloutOf,
  type Story,
  say,
  settle,
  tell,
  the,
  types,
  wait,
} from '../support/story.ts'

type RuleSpec = Written<'AutomaticDeploymentRule'>
const SCHEDULE = { schedule: { rrule: 'FREQ=MONTHLY;BYDAY=2TU', at: '18:00', timeZone: 'UTC' } }

function rule(more: Partial<RuleSpec> = {}) {
  return declared('AutomaticDeploymentRule', 'rule', {
    criteria: { classifications: ['Security Updates'] },
    phases: [{ name: 'p1', collection: 'a', soak: 'PT0S' }],
    ...more,
  })
}

function begun(more: Partial<RuleSpec> = {}, updates = ['u1']): Story {
  const story = newStory()
  given(story, declare(ring('a'), rule(more)), enrolled('d0', { ring: 'a' }), enrolled('d1', { ring: 'a' }))
  given(story, synced(...updates.map((name) => update(name))))
  return story
}

function evaluate(story: Story) {
  return given(story, command({ type: 'Evaluate', rule: 'rule' }))
}

function rollouts(story: Story): string[] {
  return [...story.state.control.rollouts.values()].map(({ name, status }) => `${name} ${status}`)
}

test('a schedule is kept from the declaration on, and what was due before is not made up for', async (t) => {
  const story = newStory('2026-01-14T00:00:00Z')
  given(story, declare(ring('a'), rule({ evaluate: SCHEDULE })), enrolled('d0', { ring: 'a' }), synced(update('u1')))
  t.match(noteOf(story, 'rule'), { state: 'Ready', reason: 'Scheduled', until: at('2026-02-10T18:00:00Z') })
  wait(story, 'P26D')
  t.same(rollouts(story), [])
  const decided = wait(story, 'P2D')
  t.match(the(decided, 'RuleEvaluated'), { trigger: 'Schedule', scheduled: at('2026-02-10T18:00:00Z'), matched: 1 })
  t.same(rollouts(story), ['rule-20260210 Progressing'])
})

test('of several missed evaluations only the newest is made up for, at its own instant', async (t) => {
  const story = begun({ evaluate: SCHEDULE })
  story.now = at('2026-04-20T00:00:00Z')
  const decided = settle(story).filter(({ type }) => type === 'RuleEvaluated')
  t.equal(decided.length, 1)
  t.match(the(decided, 'RuleEvaluated'), { scheduled: at('2026-04-14T18:00:00Z') })
  t.same(rollouts(story), ['rule-20260414 Progressing'])
})

test('a rollout is named for the day of its evaluation in the zone of the schedule, and the second of a day is numbered', async (t) => {
  const story = begun({ evaluate: { schedule: { rrule: 'FREQ=DAILY', at: '00:30', timeZone: 'Asia/Tokyo' } } })
  wait(story, 'PT20H')
  t.same(rollouts(story), ['rule-20260102 Progressing'], 'the 1st of January at 15:30 UTC')
  given(story, synced(update('u2')))
  evaluate(story)
  t.same(rollouts(story), ['rule-20260102 Superseded', 'rule-20260102-2 Progressing'])
})

test('afterSync evaluates after each synchronisation that changes the catalog, also several at one instant', async (t) => {
  const story = begun({ evaluate: { afterSync: true } })
  t.equal(story.log.filter(({ fact }) => fact.type === 'RuleEvaluated').length, 1)
  t.same(given(story, changed({})), [], 'this one changed nothing')
  t.match(the(given(story, synced(update('u2'))), 'RuleEvaluated'), { trigger: 'Sync', matched: 2 })
  t.match(the(given(story, synced(update('u3'))), 'RuleEvaluated'), { trigger: 'Sync', matched: 3 })
})

test('a command evaluates at once, and once', async (t) => {
  const story = begun()
  t.equal(noteOf(story, 'rule').reason, 'NotScheduled')
  t.match(the(evaluate(story), 'RuleEvaluated'), { trigger: 'Command', scheduled: story.now })
  t.same(wait(story, 'P2D'), [])
})

test('an evaluation that selects the same again changes nothing', async (t) => {
  const story = begun()
  evaluate(story)
  wait(story, 'P1D')
  const decided = evaluate(story)
  t.same(types(decided), ['RuleEvaluated'])
  t.match(the(decided, 'RuleEvaluated'), { reason: 'Unchanged', rollouts: [] })
  t.same(rollouts(story), ['rule-20260101 Progressing'])
})

test('an evaluation that selects nothing says so, and changes nothing', async (t) => {
  const story = begun({ criteria: { titles: ['nothing like it'] } })
  t.match(the(evaluate(story), 'RuleEvaluated'), { reason: 'NothingMatched', rollouts: [] })
  t.match(noteOf(story, 'rule'), { state: 'Ready', reason: 'NothingMatched' })
})

test('a failed evaluation names what to do, and is made again when the rule is edited, also at the same instant', async (t) => {
  const story = begun()
  const criteria = { classifications: ['Security Updates' as const] }
  declaring(story, declared('AutomaticDeploymentRule', 'rule', { criteria, template: 'none' }))
  evaluate(story)
  t.match(noteOf(story, 'rule'), { state: 'Stalled', reason: 'TemplateNotFound', message: /none/ })
  t.same(
    types(declaring(story, declared('DeploymentTemplate', 'none', {}))),
    ['EvaluationFailed'],
    'it was only put off',
  )
  t.match(noteOf(story, 'rule'), { state: 'Stalled', reason: 'NoPhases' })
  t.match(the(declaring(story, rule()), 'RuleEvaluated'), { trigger: 'Edit', reason: 'Matched' })
  wait(story, 'P1D')
  t.same(declaring(story, rule({ description: 'the same' })), [], 'one that went well is not made again')
})

test('more than 1000 updates fail with the count and the criterion to narrow; nothing is made', async (t) => {
  const names = Array.from({ length: 1001 }, (_, i) => `u${i}`)
  const story = begun({}, names)
  const decided = evaluate(story)
  t.same(types(decided), ['EvaluationFailed'])
  t.match(the(decided, 'EvaluationFailed'), {
    reason: 'TooManyUpdates',
    matched: 1001,
    message: /1001.*1000.*released/,
  })
  t.same(rollouts(story), [])
  declaring(story, rule({ criteria: { classifications: ['Security Updates'], released: { within: 'P1Y' } } }))
  t.match(noteOf(story, 'rule').message, /narrow `(classifications|released)`/)
  t.match(the(declaring(story, rule({ criteria: { titles: ['Update u1000'] } })), 'RuleEvaluated'), {
    matched: 1,
    trigger: 'Edit',
  })
})

test('exactly 1000 updates are one group', async (t) => {
  const names = Array.from({ length: 1000 }, (_, i) => `u${i}`)
  const story = begun({}, names)
  evaluate(story)
  t.equal(rolloutOf(story, 'rule-20260101').updates.length, 1000)
})

test('Split makes groups of 1000 in order of release, each with its own rollout beside the others', async (t) => {
  const story = begun({ group: { overflow: 'Split' } }, [])
  const many = Array.from({ length: 2001 }, (_, i) =>
    update(`u${String(i).padStart(4, '0')}`, {
      released: new Date(at('2025-01-01T00:00:00Z') + (i % 7) * 3_600_000).toISOString(),
    }),
  )
  given(story, synced(...many))
  evaluate(story)
  t.same(
    rollouts(story),
    [1, 2, 3].map((n) => `rule-20260101-part${n} Progressing`),
  )
  const parts = [1, 2, 3].map((n) => rolloutOf(story, `rule-20260101-part${n}`))
  t.same(
    parts.map(({ updates }) => updates.length),
    [1000, 1000, 1],
  )
  t.same(
    parts.map(({ group }) => group),
    parts.map(({ name }) => name),
  )
  const released = new Map(many.map((one) => [one.id, one.released]))
  const times = parts.map(({ updates }) => updates.map((name) => released.get(name) ?? 0))
  t.ok(Math.max(...(times[0] ?? [])) <= Math.min(...(times[1] ?? [])), 'the oldest come first')
  t.equal(new Set(parts.flatMap(({ updates }) => updates)).size, 2001)
  t.equal(installsFor(story, 'd0').length, 2001)
})

test('the parts of a newer evaluation replace all parts of the older one', async (t) => {
  const names = Array.from({ length: 1001 }, (_, i) => `u${i}`)
  const story = begun({ group: { overflow: 'Split' } }, names)
  evaluate(story)
  wait(story, 'P1D')
  given(story, synced(update('more')))
  evaluate(story)
  t.same(rollouts(story), [
    'rule-20260101-part1 Superseded',
    'rule-20260101-part2 Superseded',
    'rule-20260102-part1 Progressing',
    'rule-20260102-part2 Progressing',
  ])
})

test('Replace fills the one group anew', async (t) => {
  const story = begun({ group: { mode: 'Replace' }, evaluate: { afterSync: true } })
  given(story, changed({ upserts: [update('u2', { supersedes: ['u1'] })] }))
  const groups = [...story.state.control.rollouts.values()].map(({ group, updates }) => [group, ...updates])
  t.same(
    groups,
    [
      ['rule', 'u1'],
      ['rule', 'u2'],
    ],
    'and does not carry over what is superseded',
  )
  t.same(installsFor(story, 'd0'), ['u2'])
})

test('what the replaced rollout was still to bring goes on in the newer one', async (t) => {
  const within = { classifications: ['Security Updates' as const], released: { within: 'P40D' } }
  const story = begun({ criteria: within })
  evaluate(story)
  wait(story, 'P60D')
  given(story, synced(update('u2', { released: '2026-02-25T00:00:00Z' })))
  const decided = evaluate(story)
  t.match(the(decided, 'RuleEvaluated'), { matched: 2, message: /1 of them carried over/ })
  t.match(the(decided, 'RolloutSuperseded'), { rollout: 'rule-20260101', by: 'rule-20260302' })
  t.same(installsFor(story, 'd0'), ['u1', 'u2'])
})

test('the same selection again changes nothing, also when the last rollout carried others over', async (t) => {
  const within = { classifications: ['Security Updates' as const], released: { within: 'P40D' } }
  const story = begun({ criteria: within })
  evaluate(story)
  wait(story, 'P60D')
  given(story, synced(update('u2', { released: '2026-02-25T00:00:00Z' })))
  evaluate(story)
  wait(story, 'P1D')
  t.match(the(evaluate(story), 'RuleEvaluated'), { rollouts: [], reason: 'Unchanged' }, 'while it goes out')
  say(story, ['d0', 'd1'], {})
  wait(story, 'PT1H')
  say(story, ['d0', 'd1'], { installed: ['u1', 'u2'] })
  t.equal(rolloutOf(story, 'rule-20260302').status, 'Succeeded')
  t.match(the(evaluate(story), 'RuleEvaluated'), { rollouts: [], reason: 'Unchanged' }, 'and after it has ended')
})

test('what a phase passed its gate without is offered no more, and the next evaluation takes it up from the first phase', async (t) => {
  const phases = [
    { name: 'p1', collection: 'a', soak: 'PT0S' },
    { name: 'p2', collection: 'b', soak: 'PT0S' },
  ]
  const story = begun({ phases }, ['u1', 'u2'])
  given(story, declare(ring('b')), enrolled('e0', { ring: 'b' }))
  evaluate(story)
  declaring(story, declared('UpdateHold', 'hold', { updates: ['u2'], reason: 'breaks printing' }))
  wait(story, 'PT1H')
  const passed = say(story, ['d0', 'd1'], { installed: ['u1'] })
  t.match(the(passed, 'PhaseSucceeded'), { phase: 'p1', without: ['u2'] })
  t.same(installsFor(story, 'e0'), ['u1'], 'the second phase has begun without it')
  const ended = given(story, undeclare({ kind: 'UpdateHold', name: 'hold' }))
  t.notOk(types(ended).includes('UpdatesApproved'), 'the gate of the first phase never saw it')
  t.same([installsFor(story, 'd0'), installsFor(story, 'e0')], [['u1'], ['u1']])

  wait(story, 'P1D')
  const again = evaluate(story)
  t.match(the(again, 'RuleEvaluated'), { reason: 'Matched', carried: [] })
  t.same(rolloutOf(story, 'rule-20260102').updates, ['u1', 'u2'])
  t.same([installsFor(story, 'd0'), installsFor(story, 'e0')], [['u1', 'u2'], []], 'and begins with the first phase')
})

test('a hold that ends while its phase is still at its gate is approved again, and the gate asks for the update', async (t) => {
  const story = begun({}, ['u1', 'u2'])
  evaluate(story)
  declaring(story, declared('UpdateHold', 'hold', { updates: ['u2'], reason: 'breaks printing' }))
  t.same(installsFor(story, 'd0'), ['u1'])
  const ended = given(story, undeclare({ kind: 'UpdateHold', name: 'hold' }))
  t.match(the(ended, 'UpdatesApproved'), { updates: 1, devices: 2, reason: 'HoldEnded' })
  wait(story, 'PT1H')
  say(story, ['d0', 'd1'], { installed: ['u1'] })
  t.equal(rolloutOf(story, 'rule-20260101').status, 'Progressing')
  say(story, ['d0', 'd1'], { installed: ['u2'] })
  t.equal(rolloutOf(story, 'rule-20260101').status, 'Succeeded')
})

test('a selection of which everything goes out already starts nothing anew', async (t) => {
  const within = { classifications: ['Security Updates' as const], released: { within: 'P40D' } }
  const story = begun({ criteria: within })
  given(story, synced(update('u2', { released: '2025-12-30T00:00:00Z' })))
  evaluate(story)
  const [name] = [...story.state.control.rollouts.keys()]
  wait(story, 'P20D')
  given(story, synced(update('u1', { released: '2025-11-01T00:00:00Z' })))
  t.match(the(evaluate(story), 'RuleEvaluated'), { rollouts: [], reason: 'Unchanged', message: /go out already/ })
  t.equal(rolloutOf(story, name ?? '').status, 'Progressing')
})

test('what is superseded, held or in a finished rollout is not carried over', async (t) => {
  const story = begun({}, ['u1', 'u2', 'u3'])
  evaluate(story)
  wait(story, 'P1D')
  declaring(story, declared('UpdateHold', 'hold', { updates: ['u2'], reason: 'breaks' }))
  given(story, synced(update('u4', { supersedes: ['u3'] })))
  evaluate(story)
  t.same(rolloutOf(story, 'rule-20260102').updates, ['u1', 'u4'])
  say(story, ['d0', 'd1'], {})
  wait(story, 'PT1H')
  say(story, ['d0', 'd1'], { installed: ['u1', 'u4'] })
  t.equal(rolloutOf(story, 'rule-20260102').status, 'Succeeded')
  given(story, synced(update('u5', { supersedes: ['u1', 'u4'] })))
  evaluate(story)
  t.same(rolloutOf(story, 'rule-20260102-2').updates, ['u5'])
})

test('carrying over never makes a group of more than 1000, and says why it cannot', async (t) => {
  const criteria = { released: { within: 'P40D' } }
  const old = Array.from({ length: 600 }, (_, i) => `old${i}`)
  const fresh = Array.from({ length: 600 }, (_, i) => update(`new${i}`, { released: '2026-02-25T00:00:00Z' }))
  const story = begun({ criteria }, old)
  evaluate(story)
  wait(story, 'P60D')
  given(story, synced(...fresh))
  t.match(the(evaluate(story), 'EvaluationFailed'), { matched: 1200, message: /600 .*carried over from rule-20260101/ })
  t.equal(rolloutOf(story, 'rule-20260101').status, 'Progressing', 'the older one goes on')
  declaring(story, rule({ criteria, group: { overflow: 'Split' } }))
  t.same(rollouts(story), [
    'rule-20260101 Superseded',
    'rule-20260302-part1 Progressing',
    'rule-20260302-part2 Progressing',
  ])
})

test('an update that is held, expired, declined or superseded is not selected', async (t) => {
  const story = begun({}, ['held', 'declined', 'old', 'good'])
  given(
    story,
    declare(
      declared('UpdateHold', 'hold', { updates: ['held'], reason: 'breaks' }),
      declared('UpdateSource', 'vendor', {
        format: 'Ringmaster',
        path: 'x',
        supersedence: { nonFeature: 'Immediately' },
      }),
    ),
    changed({ upserts: [update('new', { supersedes: ['old'] })], declined: [id('declined')] }),
  )
  evaluate(story)
  t.same(rolloutOf(story, 'rule-20260101').updates, ['good', 'new'])
})

test('a hold on some collections keeps no update out of a group', async (t) => {
  const story = begun({}, ['u1'])
  declaring(story, declared('UpdateHold', 'hold', { updates: ['u1'], collections: ['a'], reason: 'breaks' }))
  evaluate(story)
  t.same(rolloutOf(story, 'rule-20260101').updates, ['u1'])
  t.same(installsFor(story, 'd0'), [])
})

test('a suspended rule is not evaluated, on schedule, after a sync, or on command, and makes up for the newest later', async (t) => {
  const story = begun({ suspend: true, evaluate: { ...SCHEDULE, afterSync: true } })
  t.equal(noteOf(story, 'rule').reason, 'Suspended')
  t.same(
    wait(story, 'P80D').filter(({ type }) => type === 'RuleEvaluated'),
    [],
  )
  declaring(story, rule({ evaluate: SCHEDULE }))
  const evaluations = story.log.filter(({ fact }) => fact.type === 'RuleEvaluated')
  t.match(
    evaluations.map(({ fact }) => fact),
    [{ trigger: 'Schedule', scheduled: at('2026-03-10T18:00:00Z') }],
  )
  declaring(story, rule({ suspend: true }))
  given(story, synced(update('u2')))
  t.same(evaluate(story), [])
  t.match(the(declaring(story, rule()), 'RuleEvaluated'), { trigger: 'Command', matched: 2 })
})

test('suspending a rule pauses its rollouts, and resuming it approves the same devices again', async (t) => {
  const story = begun()
  evaluate(story)
  t.same(types(declaring(story, rule({ suspend: true }))), ['RolloutPaused', 'UpdatesUnapproved'])
  t.same(installsFor(story, 'd0'), [])
  t.match(noteOf(story, 'rule-20260101'), { state: 'Stalled', reason: 'Suspended' })
  t.same(types(declaring(story, rule())), ['RolloutResumed', 'UpdatesApproved'])
  t.same(installsFor(story, 'd0'), ['u1'])
})

test('enabled: false builds everything and approves nothing, until it is set to true', async (t) => {
  const story = begun({ enabled: false })
  t.same(types(evaluate(story)), ['RuleEvaluated'])
  t.match(noteOf(story, 'rule-20260101'), { state: 'Stalled', reason: 'ReviewGate', message: /enabled: false/ })
  t.same(installsFor(story, 'd0'), [])
  t.same(types(declaring(story, rule())), ['RolloutStarted', 'PhaseStarted', 'UpdatesApproved'])
  t.same(installsFor(story, 'd0'), ['u1'])
  t.same(types(declaring(story, rule({ enabled: false }))), ['RolloutPaused', 'UpdatesUnapproved'])
  t.equal(noteOf(story, 'rule-20260101').reason, 'Disabled')
})

test('removing a rule rolls its rollouts back, or with prune: Orphan lets them go on', async (t) => {
  const pruned = begun()
  evaluate(pruned)
  const decided = given(pruned, undeclare({ kind: 'AutomaticDeploymentRule', name: 'rule' }))
  t.same(types(decided), ['RolloutRolledBack', 'UpdatesUnapproved'])
  t.match(the(decided, 'RolloutRolledBack'), { reason: 'RuleRemoved' })
  t.same(installsFor(pruned, 'd0'), [])
  const orphaned = begun({ prune: 'Orphan' })
  evaluate(orphaned)
  t.same(given(orphaned, undeclare({ kind: 'AutomaticDeploymentRule', name: 'rule' })), [])
  t.same(installsFor(orphaned, 'd0'), ['u1'])
  wait(orphaned, 'PT1H')
  say(orphaned, ['d0', 'd1'], { installed: ['u1'] })
  t.same(rollouts(orphaned), ['rule-20260101 Succeeded'])
})

test('also rollouts that have succeeded are rolled back with their rule', async (t) => {
  const story = begun()
  evaluate(story)
  wait(story, 'PT1H')
  say(story, ['d0', 'd1'], { installed: ['u1'] })
  given(story, undeclare({ kind: 'AutomaticDeploymentRule', name: 'rule' }))
  t.same(rollouts(story), ['rule-20260101 RolledBack'])
})

test('an orphan that was held back by its rule stays so when the rule is gone', async (t) => {
  for (const stop of [{ enabled: false }, { suspend: true }]) {
    const story = begun({ prune: 'Orphan', ...(stop.enabled === undefined ? {} : stop) })
    evaluate(story)
    declaring(story, rule({ prune: 'Orphan', ...stop }))
    given(story, undeclare({ kind: 'AutomaticDeploymentRule', name: 'rule' }))
    t.same(installsFor(story, 'd0'), [])
    t.match(noteOf(story, 'rule-20260101'), {
      state: 'Stalled',
      reason: 'PausedByCommand',
      message: /rule was removed/,
    })
    given(story, command({ type: 'Resume', rollout: 'rule-20260101' }))
    t.same(installsFor(story, 'd0'), ['u1'])
  }
})

test('a rule that is removed and declared again before anything was decided has never been away', async (t) => {
  const story = begun()
  evaluate(story)
  tell(story, undeclare({ kind: 'AutomaticDeploymentRule', name: 'rule' }), declare(rule()))
  settle(story)
  t.same(rollouts(story), ['rule-20260101 Progressing'])
})

test('a rollback that a person asked for stands, whatever becomes of the rule in the same turn', async (t) => {
  const story = begun()
  evaluate(story)
  tell(story, command({ type: 'Rollback', rollout: 'rule-20260101' }))
  tell(story, undeclare({ kind: 'AutomaticDeploymentRule', name: 'rule' }), declare(rule()))
  t.match(the(settle(story), 'RolloutRolledBack'), { reason: 'RollbackByCommand' })
})

test('the same set is not rolled out again after a rollback, until the selection differs', async (t) => {
  const story = begun({}, ['good', 'bad'])
  evaluate(story)
  given(story, command({ type: 'Rollback', rollout: 'rule-20260101' }))
  t.match(the(evaluate(story), 'RuleEvaluated'), { reason: 'Unchanged' })
  declaring(story, declared('UpdateHold', 'hold', { updates: ['bad'], reason: 'breaks' }))
  evaluate(story)
  t.same(installsFor(story, 'd0'), ['good'])
})

test('a rollout that was paused while a newer one went by is replaced when it is resumed', async (t) => {
  const story = begun()
  evaluate(story)
  given(story, command({ type: 'Pause', rollout: 'rule-20260101' }))
  wait(story, 'P1D')
  given(story, synced(update('u2')))
  evaluate(story)
  wait(story, 'PT1H')
  say(story, ['d0', 'd1'], { installed: ['u1', 'u2'] })
  t.same(rollouts(story), ['rule-20260101 Progressing', 'rule-20260102 Succeeded'])
  given(story, command({ type: 'Resume', rollout: 'rule-20260101' }))
  t.same(rollouts(story), ['rule-20260101 Superseded', 'rule-20260102 Succeeded'])
})

test('a newer rollout that is being undone replaces nothing', async (t) => {
  const story = begun()
  evaluate(story)
  given(story, command({ type: 'Pause', rollout: 'rule-20260101' }))
  wait(story, 'P1D')
  given(story, synced(update('u2')))
  evaluate(story)
  given(
    story,
    command({ type: 'Resume', rollout: 'rule-20260101' }),
    command({ type: 'Rollback', rollout: 'rule-20260102' }),
  )
  t.same(rollouts(story), ['rule-20260101 Progressing', 'rule-20260102 RolledBack'])
})

test('Queue lets the older rollout end first and names it, Parallel does not wait', async (t) => {
  for (const onNewer of ['Queue', 'Parallel'] as const) {
    const story = begun({ onNewer })
    evaluate(story)
    wait(story, 'P1D')
    given(story, synced(update('u2')))
    evaluate(story)
    t.equal(rolloutOf(story, 'rule-20260101').status, 'Progressing')
    t.equal(rolloutOf(story, 'rule-20260102').status, onNewer === 'Queue' ? 'Planned' : 'Progressing')
    if (onNewer === 'Queue') t.match(noteOf(story, 'rule-20260102'), { reason: 'Queued', message: /rule-20260101/ })
    wait(story, 'PT1H')
    say(story, ['d0', 'd1'], { installed: ['u1'] })
    t.equal(rolloutOf(story, 'rule-20260101').status, 'Succeeded')
    t.equal(rolloutOf(story, 'rule-20260102').status, 'Progressing')
  }
})

test('every approval names the rule, the evaluation, the revision and the commit', async (t) => {
  const story = begun()
  const approved = the(evaluate(story), 'UpdatesApproved')
  t.match(approved.message, /rule rule, evaluation 2026-01-01T00:00:00Z, revision r1, commit c0ffee/)
  t.match(rolloutOf(story, 'rule-20260101').provenance, { rule: 'rule', file: 'site.yaml', commit: 'c0ffee' })
})
