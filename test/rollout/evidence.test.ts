// What counts for a gate (semantics.md §6 and §8, docs/decisions/0006): reports on its own group, made after its updates
// were available to the device. `figures` also holds the counters against the planes.
import { test } from 'tap'
import { DAY, HOUR } from '../../controller/model/instant.ts'
import {
  changed,
  command,
  declared,
  enrolled,
  id,
  removed,
  ring,
  synced,
  update,
  type Written,
} from '../support/declare.ts'
import {
  declaring,
  figures,
  given,
  newStory,
  phasesOf,
  rolloutOf,
  type Story,
  say,
  says,
  startedPhase,
  types,
  wait,
} from '../support/story.ts'

const NAME = 'rule-20260101'
type RuleSpec = Written<'AutomaticDeploymentRule'>

/** Two updates for four devices in ring a; p1 asks for all of them. */
function started(more: Partial<RuleSpec> = {}, phase: Partial<NonNullable<RuleSpec['phases']>[number]> = {}): Story {
  const story = newStory()
  declaring(story, ring('a'), {
    ...declared('AutomaticDeploymentRule', 'rule', {
      criteria: { classifications: ['Security Updates'] },
      phases: [{ name: 'p1', collection: 'a', successPercent: 100, failurePercent: 0, soak: 'PT0S', ...phase }],
      ...more,
    }),
  })
  const fleet = [0, 1, 2, 3].map((i) => enrolled(`d${i}`, { ring: 'a', timeZone: 'UTC' }))
  given(story, synced(update('u1'), update('u2'), update('other', { classification: 'Tools' })), ...fleet)
  wait(story, 'PT1H')
  given(story, command({ type: 'Evaluate', rule: 'rule' }))
  return story
}

const ALL = ['u1', 'u2']
const NOTHING = { targets: 4, compliant: 0, failed: 0, unknown: 4 }

test('what was reported before the phase started is no evidence, for success or failure', async (t) => {
  const story = newStory()
  declaring(
    story,
    ring('a'),
    declared('AutomaticDeploymentRule', 'rule', {
      criteria: { classifications: ['Security Updates'] },
      phases: [{ name: 'p1', collection: 'a', soak: 'PT0S' }],
    }),
  )
  given(story, synced(update('u1')), enrolled('d0', { ring: 'a' }), enrolled('d1', { ring: 'a' }))
  say(story, ['d0'], { installed: ['u1'] })
  say(story, ['d1'], { required: ['u1'], failed: ['u1'] })
  given(story, command({ type: 'Evaluate', rule: 'rule' }))
  t.same(figures(story, NAME), { targets: 2, compliant: 0, failed: 0, unknown: 2 }, 'nor at the very instant')
  wait(story, 'PT1M')
  say(story, ['d0'], { installed: ['u1'] })
  t.same(figures(story, NAME), { targets: 2, compliant: 1, failed: 0, unknown: 1 })
})

test('what was reported before the updates were available is no evidence', async (t) => {
  const story = started({ deployment: { availableAfter: 'PT6H' } })
  wait(story, 'PT5H')
  say(story, ['d0'], { installed: ALL })
  say(story, ['d1'], { failed: ['u1'] })
  t.same(figures(story, NAME), NOTHING)
  wait(story, 'PT2H')
  t.same(figures(story, NAME), NOTHING, 'nor does it become evidence when they are')
  say(story, ['d0'], { installed: ALL })
  t.same(figures(story, NAME), { ...NOTHING, compliant: 1, unknown: 3 })
})

test('a report on one of two updates leaves the device unknown, until the other is reported on', async (t) => {
  const story = started()
  wait(story, 'PT1H')
  say(story, ['d0'], { installed: ['u1'] })
  t.same(figures(story, NAME), NOTHING)
  say(story, ['d0'], { notRequired: ['u2'] })
  t.same(figures(story, NAME), { ...NOTHING, compliant: 1, unknown: 3 })
})

test('a report on updates of no group, or that the catalog does not know, is no evidence', async (t) => {
  const story = started()
  wait(story, 'PT1H')
  say(story, ['d0', 'd1'], { installed: ['other', 'nowhere'] })
  t.same(figures(story, NAME), NOTHING)
})

test('an enforcement message alone does not make a device compliant', async (t) => {
  const story = started()
  wait(story, 'PT1H')
  for (const update of ALL) say(story, ['d0'], { enforcing: { update, state: 4 } })
  t.same(figures(story, NAME), NOTHING)
})

test('a report at the very instant from which the updates are available is evidence', async (t) => {
  const story = started({ deployment: { availableAfter: 'PT6H' } })
  wait(story, 'PT6H')
  say(story, ['d0'], { installed: ALL })
  t.same(figures(story, NAME), { ...NOTHING, compliant: 1, unknown: 3 })
})

test('a late report counts as made when its device made it', async (t) => {
  const story = started()
  const start = story.now
  wait(story, 'P1D')
  say(story, ['d0'], { installed: ALL, at: start - HOUR })
  t.same(figures(story, NAME), NOTHING)
  say(story, ['d1'], { installed: ALL, at: start + HOUR })
  t.same(figures(story, NAME), { ...NOTHING, compliant: 1, unknown: 3 })
})

test('a clock that is ahead makes no report younger, and one that is behind only delays', async (t) => {
  const story = started({ deployment: { availableAfter: 'PT6H' } })
  wait(story, 'PT1H')
  say(story, ['d0'], { installed: ALL, at: story.now + 30 * DAY })
  t.same(figures(story, NAME), NOTHING)
  wait(story, 'PT6H')
  say(story, ['d1'], { installed: ALL, at: story.now - 7 * HOUR })
  t.same(figures(story, NAME), NOTHING)
  wait(story, 'P1D')
  say(story, ['d1'], { installed: ALL, at: story.now - 7 * HOUR })
  t.same(figures(story, NAME), { ...NOTHING, compliant: 1, unknown: 3 })
})

test('a report that comes twice, or after a newer one, changes nothing', async (t) => {
  const story = started()
  wait(story, 'PT1H')
  say(story, ['d0'], { installed: ALL, sequence: 7 })
  const before = figures(story, NAME)
  say(story, ['d0'], { installed: ALL, sequence: 7 })
  say(story, ['d0'], { required: ALL, failed: ['u1'], sequence: 6 })
  t.same(figures(story, NAME), before)
  say(story, ['d0'], { required: ALL, failed: ['u1'], sequence: 8 })
  t.same(figures(story, NAME), { targets: 4, compliant: 0, failed: 1, unknown: 3 })
})

test('a silent device counts as unknown, and as it was once it speaks again', async (t) => {
  const story = started()
  wait(story, 'PT1H')
  say(story, ['d0'], { installed: ALL })
  wait(story, 'P6D')
  say(story, ['d1'], {})
  wait(story, 'P2D')
  t.same(figures(story, NAME), NOTHING)
  say(story, ['d0'], {})
  t.same(figures(story, NAME), { ...NOTHING, compliant: 1, unknown: 3 })
})

test('a device that failed and fell silent has still failed', async (t) => {
  const story = started({}, { failurePercent: 50, successPercent: 50 })
  wait(story, 'PT1H')
  say(story, ['d0'], { required: ALL, failed: ['u1'] })
  wait(story, 'P8D')
  t.same(figures(story, NAME), { ...NOTHING, failed: 1 })
})

test('a failure ends when the device tries again, or reports the update as installed', async (t) => {
  const story = started({}, { failurePercent: 50, successPercent: 50 })
  wait(story, 'PT1H')
  say(story, ['d0', 'd1'], { required: ALL, failed: ['u1'] })
  t.equal(figures(story, NAME).failed, 2)
  say(story, ['d0'], { enforcing: { update: 'u1', state: 1 } })
  t.equal(figures(story, NAME).failed, 1)
  say(story, ['d1'], { installed: ALL })
  t.same(figures(story, NAME), { targets: 4, compliant: 1, failed: 0, unknown: 2 })
})

test('installed and then missing again is drift: the device is no longer compliant', async (t) => {
  const story = started()
  wait(story, 'PT1H')
  say(story, ['d0'], { installed: ALL })
  say(story, ['d0'], { required: ['u2'] })
  t.same(figures(story, NAME), { ...NOTHING, unknown: 3 })
})

test('a removed device leaves the count, and is unknown when it is enrolled again', async (t) => {
  const story = started()
  wait(story, 'PT1H')
  say(story, ['d0'], { installed: ALL })
  say(story, ['d1'], { required: ALL })
  given(story, removed('d0'))
  t.same(figures(story, NAME), { targets: 3, compliant: 0, failed: 0, unknown: 2 })
  given(story, enrolled('d0', { ring: 'a' }))
  t.same(figures(story, NAME), { targets: 4, compliant: 0, failed: 0, unknown: 3 })
})

test('a device that enrols again without having been removed is unknown', async (t) => {
  const story = started()
  wait(story, 'PT1H')
  say(story, ['d0'], { installed: ALL })
  say(story, ['d1'], { required: ALL, failed: ['u1'] })
  given(story, enrolled('d0', { ring: 'a' }), enrolled('d1', { ring: 'a' }))
  t.same(figures(story, NAME), NOTHING)
})

test('a device that left the collection of its phase still counts: moving it opens no gate', async (t) => {
  const story = started()
  wait(story, 'PT1H')
  say(story, ['d0', 'd1', 'd2'], { installed: ALL })
  say(story, ['d3'], { attributes: { ring: 'b' } })
  t.same(figures(story, NAME), { targets: 4, compliant: 3, failed: 0, unknown: 1 })
  t.same(phasesOf(story, NAME), ['Active'])
})

test('what a device said before it joined the phase is no evidence', async (t) => {
  const story = started()
  wait(story, 'PT1H')
  given(story, enrolled('d4', { ring: 'b' }))
  say(story, ['d4'], { installed: ALL })
  wait(story, 'PT1H')
  t.same(types(say(story, ['d4'], { attributes: { ring: 'a' }, installed: ALL })), ['TargetsJoined', 'UpdatesApproved'])
  t.same(figures(story, NAME), { targets: 5, compliant: 0, failed: 0, unknown: 5 })
  wait(story, 'PT1H')
  say(story, ['d4'], { installed: ALL })
  t.same(figures(story, NAME), { targets: 5, compliant: 1, failed: 0, unknown: 4 })
})

test('held, expired and declined updates are not asked for', async (t) => {
  const story = started()
  wait(story, 'PT1H')
  say(story, ['d0'], { installed: ['u1'] })
  declaring(story, declared('UpdateHold', 'hold', { updates: ['u2'], reason: 'breaks' }))
  t.equal(figures(story, NAME).compliant, 1)
  given(story, changed({ declined: [id('u1')] }))
  t.equal(figures(story, NAME).compliant, 0, 'without any update nobody is compliant')
  t.same(phasesOf(story, NAME), ['Active'])
  given(story, changed({ reinstated: [id('u1')] }))
  t.equal(figures(story, NAME).compliant, 1)
})

test('a failure of an update that is held since no longer halts', async (t) => {
  const story = started({}, { failurePercent: 25, successPercent: 75 })
  wait(story, 'PT1H')
  say(story, ['d0'], { required: ALL, failed: ['u2'] })
  declaring(story, declared('UpdateHold', 'hold', { updates: ['u2'], reason: 'breaks' }))
  t.equal(figures(story, NAME).failed, 0)
})

test('what counts follows a device into another time zone', async (t) => {
  const story = started({
    evaluate: { schedule: { rrule: 'FREQ=MONTHLY;BYDAY=2TU', at: '18:00', timeZone: 'UTC' } },
    deployment: { timeBasis: 'DeviceLocal', availableAfter: 'PT6H' },
  })
  wait(story, 'PT8H')
  say(story, ['d0'], { required: ALL, failed: ['u1'] })
  t.equal(rolloutOf(story, NAME).status, 'Halted', 'available at 07:00 in UTC, an hour ago and more')
  t.equal(figures(story, NAME).failed, 1)
  say(story, ['d0'], { attributes: { ring: 'a', timeZone: 'America/Los_Angeles' } })
  t.equal(figures(story, NAME).failed, 0, 'it is not 07:00 in Los Angeles yet')
})

test('every target that speaks after the start makes the phase pass', async (t) => {
  const story = started()
  wait(story, 'PT1H')
  given(story, ...[0, 1, 2, 3].map((i) => says(story, `d${i}`, { installed: ALL })))
  t.equal(rolloutOf(story, NAME).status, 'Succeeded')
  t.equal(startedPhase(story, NAME).status, 'Succeeded')
})
