// What is decided the moment a change comes into force, on a rollout whose pilot is half done.
import { test } from 'tap'
import { planeOf, planeRows } from '../../controller/model/bit-plane.ts'
import type { Declared } from '../../controller/model/declared.ts'
import { resolvePlan } from '../../controller/model/resolved-plan.ts'
import { inForce } from '../../controller/preview/fork.ts'
import { deviceTimes, gradualGroups } from '../../controller/rollout/targets.ts'
import { declared, enrolled, ring, synced, update } from '../support/declare.ts'
import { declaring, newStory, type Story, say, tell, wait } from '../support/story.ts'
import { compare } from './comparing.ts'

const RULE = {
  criteria: { vendors: ['Vendor'] },
  evaluate: { schedule: { rrule: 'FREQ=WEEKLY;BYDAY=TU', at: '10:00', timeZone: 'UTC' } },
  phases: [
    { name: 'pilot', collection: 'a', successPercent: 100 },
    { name: 'broad', collection: 'b' },
  ],
}

function halfDone(): Story {
  const story = newStory('2026-01-12T00:00:00Z')
  tell(story, synced(update('stays', { uninstallable: false }), update('goes')))
  tell(story, ...['a1', 'a2', 'a3'].map((name) => enrolled(name, { ring: 'a' })), enrolled('b1', { ring: 'b' }))
  declaring(story, ring('a'), ring('b'), declared('AutomaticDeploymentRule', 'monthly', RULE))
  wait(story, 'P2D')
  say(story, ['a1', 'a2'], { installed: ['stays', 'goes'] })
  return story
}

function change(story: Story, ...put: Declared[]) {
  const base = inForce(story.state)
  const names = new Set(put.map(({ name }) => name))
  return compare(story.state, base, [...base.filter(({ name }) => !names.has(name)), ...put], story.now)
}

function without(story: Story, gone: string) {
  const base = inForce(story.state)
  return compare(
    story.state,
    base,
    base.filter(({ name }) => name !== gone),
    story.now,
  )
}

test('a rule that goes takes its approvals with it, and what no revert takes back is named', async (t) => {
  const effect = without(halfDone(), 'monthly')
  t.match(effect.atOnce.approvals, { added: 0, withdrawn: 6 })
  t.match(effect.atOnce.byPhase, [
    { rollout: 'monthly-20260113', phase: 'pilot', updates: 2, devices: 3, withdrawn: 6 },
  ])
  t.match(effect.atOnce.decisions, [
    { type: 'RolloutRolledBack', reason: 'RuleRemoved', rollout: 'monthly-20260113' },
    { type: 'UpdatesUnapproved' },
  ])
  t.match(effect.irreversible, {
    installed: [{ id: 'stays', title: 'Update stays', devices: 2 }],
    installedTotal: 1,
    entering: 0,
  })
})

test('a hold that uninstalls asks for it where the update is and can be removed', async (t) => {
  const hold = declared('UpdateHold', 'h', { updates: ['goes', 'stays'], reason: 'why', uninstall: true })
  const effect = change(halfDone(), hold)
  t.match(effect.atOnce.approvals, { added: 0, withdrawn: 6 })
  t.same(effect.atOnce.uninstalls, { added: 2, withdrawn: 0 })
})

test('a rule that is suspended pauses its rollout, and what does not change is left out', async (t) => {
  const effect = change(halfDone(), declared('AutomaticDeploymentRule', 'monthly', { ...RULE, suspend: true }))
  t.same(effect.atOnce.decisions.map(({ type }) => type).sort(), ['RolloutPaused', 'UpdatesUnapproved'])
  t.match(effect.rules, [
    { change: 'Changed', nextEvaluation: { base: Number, head: undefined }, entering: { total: 0 } },
  ])
  t.equal(effect.collections.length, 0)
})

test('what is due anyway is no effect of the change', async (t) => {
  const story = halfDone()
  say(story, ['a3'], { installed: ['stays', 'goes'] })
  // The soak is over, and nobody has decided so yet.
  const now = story.now + 48 * 3_600_000
  const base = inForce(story.state)
  const words = base.map((object) => (object.name === 'a' ? { ...object, labels: { team: 'x' } } : object))
  const effect = compare(story.state, base, words, now)
  t.equal(effect.differs, false)
  t.same(effect.atOnce.decisions, [])
  t.equal(effect.future?.base.rollouts[0]?.phases[0]?.status, 'Succeeded')
})

test('a collection that grows lets devices join the phase under way at once', async (t) => {
  const both = declared('Collection', 'a', {
    queries: [{ matchExpressions: [{ key: 'ring', operator: 'In', values: ['a', 'b'] }] }],
  })
  const effect = change(halfDone(), both)
  t.match(effect.atOnce.byPhase, [{ phase: 'pilot', added: 2, withdrawn: 0, devices: 1 }])
  t.match(effect.collections, [{ collection: 'a', devices: { base: 3, head: 4 }, entering: { shown: [{ id: 'b1' }] } }])
  t.match(effect.rules, [
    { change: 'Affected', phases: [{ phase: 'pilot' }, { phase: 'broad', devices: { base: 1, head: 0 } }] },
  ])
  t.equal(effect.irreversible.entering, 1)
})

test('what another source declares stays as it is', async (t) => {
  const story = halfDone()
  const origin = { source: 'git/other', revision: 'r', file: 'other.yaml', line: 1 }
  const theirs = declared('UpdateHold', 'theirs', { updates: ['stays'], reason: 'why' }, origin)
  tell(story, { type: 'ObjectsDeclared', source: 'git/other', revision: 'r', put: [theirs], removed: [] })
  wait(story, 'PT1H')
  const base = inForce(story.state).filter(({ origin: { source } }) => source === 'directory')
  const same = compare(story.state, base, base, story.now)
  t.match(same, { differs: false, world: { driftTotal: 0 } })
  const gone = compare(
    story.state,
    base,
    base.filter(({ name }) => name !== 'monthly'),
    story.now,
  )
  t.match(gone.atOnce.approvals, { added: 0, withdrawn: 3 }, 'the update that they hold was approved nowhere')
  t.notOk(gone.atOnce.decisions.some(({ type }) => type === 'HoldEnded'))
})

test('a gradual phase is divided as its devices are', async (t) => {
  const story = newStory('2026-01-12T00:00:00Z')
  tell(story, ...Array.from({ length: 60 }, (_, i) => enrolled(`d${i}`)))
  const plan = resolvePlan({ phases: [{ name: 'p', collection: 'all', gradual: { over: 'P4D' } }] })
  const [phase] = plan.phases
  t.ok(phase)
  if (phase === undefined) return
  const { fleet } = story.state
  const groups = gradualGroups(fleet, phase, planeOf(fleet.ids.keys()))
  t.equal(groups.length, 4)
  t.equal(
    groups.reduce((sum, { rows }) => sum + planeRows(rows).length, 0),
    60,
  )
  for (const { wait: later, rows } of groups)
    for (const row of planeRows(rows))
      t.equal(deviceTimes({ plan }, phase, { available: 0, deadline: 0 }, fleet.ids[row] ?? '', 'UTC').available, later)
})
