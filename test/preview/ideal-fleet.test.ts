// Devices as a preview takes them to be: their reports, put in plane by plane, count as if each had sent its own.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { test } from 'tap'
import { counts } from '../../controller/fleet/compliance.ts'
import { planeOf } from '../../controller/model/bit-plane.ts'
import { DAY } from '../../controller/model/instant.ts'
import { forkWorld, inForce } from '../../controller/preview/fork.ts'
import { playOn } from '../../controller/preview/future.ts'
import { applyReport } from '../../controller/preview/ideal-fleet.ts'
import { gateFigures } from '../../controller/rollout/evidence.ts'
import { scene } from '../support/arbitrary.ts'
import { declared, enrolled, id, ring, synced, update } from '../support/declare.ts'
import { at, declaring, figuresFromPlanes, given, newStory, say, settle, tell, wait } from '../support/story.ts'
import { copyOf, told } from './comparing.ts'

const RULE = declared('AutomaticDeploymentRule', 'monthly', {
  criteria: { vendors: ['Vendor'] },
  evaluate: { schedule: { rrule: 'FREQ=WEEKLY;BYDAY=TU', at: '10:00', timeZone: 'UTC' } },
  deployment: { deadlineAfter: 'P1D', spread: 'PT0S' },
  phases: [
    { name: 'pilot', collection: 'a', soak: 'PT0S', failurePercent: 100 },
    { name: 'broad', collection: 'b', soak: 'PT0S' },
  ],
})

const WINDOW = declared('MaintenanceWindow', 'nights', {
  collections: ['a'],
  schedule: { rrule: 'FREQ=WEEKLY;BYDAY=SA', at: '02:00', timeZone: 'UTC' },
  duration: 'PT4H',
})

function pilot() {
  const story = newStory('2026-01-12T00:00:00Z')
  tell(story, synced(update('u1', { maxRunTimeMinutes: 60 }), update('u2', { maxRunTimeMinutes: 90 })))
  tell(
    story,
    ...['a1', 'a2'].map((name) => enrolled(name, { ring: 'a', timeZone: 'UTC' })),
    enrolled('b1', { ring: 'b', timeZone: 'UTC' }),
  )
  declaring(story, ring('a'), ring('b'), WINDOW, RULE)
  wait(story, 'P1DT12H')
  return story
}

test('a phase is done when the longest update has had its window, and the next follows', async (t) => {
  const story = pilot()
  const fork = forkWorld(story.state, inForce(story.state), 'r', story.now)
  const { timeline } = playOn(fork, story.now, story.now + 14 * DAY)
  const [rollout] = timeline.rollouts
  const [first, second] = rollout?.phases ?? []
  t.equal(rollout?.status, 'Succeeded')
  t.equal(first?.succeeded, at('2026-01-17T05:00:00Z'), 'Saturday 02:00, 90 minutes, told within the hour')
  t.equal(second?.started, first?.succeeded)
  t.equal(second?.succeeded, at('2026-01-18T08:00:00Z'), 'no window: a day later, at the deadline')
})

test('who has failed stands as failed until that update is there, and who is silent stays silent', async (t) => {
  const story = pilot()
  say(story, ['a1'], { required: ['u1', 'u2'], failed: ['u1'] })
  const before = story.state.control.rollouts.get('monthly-20260113')
  t.ok(before)
  if (before === undefined) return
  const state = copyOf(story.state)
  t.equal(gateFigures(state, before, 0).failed, 1)
  applyReport(state, { at: story.now, rollout: before.name, rows: planeOf([0]), installed: [id('u2')] })
  t.match(gateFigures(state, before, 0), { failed: 1, compliant: 0 })
  applyReport(state, { at: story.now, rollout: before.name, rows: planeOf([0]), installed: [id('u1')] })
  t.match(gateFigures(state, before, 0), { failed: 0, compliant: 1, unknown: 1 })
})

test('counters of compliance are those of the planes', async (t) => {
  const story = pilot()
  say(story, ['a1'], { required: ['u1'], notRequired: ['u2'] })
  const state = copyOf(story.state)
  applyReport(state, {
    at: story.now,
    rollout: 'monthly-20260113',
    rows: planeOf([0, 1]),
    installed: [id('u1'), id('u2')],
  })
  t.same(counts(state.compliance, id('u1')), { notRequired: 0, required: 0, installed: 2 })
  t.same(counts(state.compliance, id('u2')), { notRequired: 1, required: 0, installed: 1 })
})

test('nothing is installed where it is held, and nothing where the phase is not approved', async (t) => {
  const story = pilot()
  const hold = declared('UpdateHold', 'h', { updates: ['u1'], collections: ['a'], reason: 'why' })
  declaring(story, hold)
  const state = copyOf(story.state)
  applyReport(state, {
    at: story.now,
    rollout: 'monthly-20260113',
    rows: planeOf([0, 2]),
    installed: [id('u1'), id('u2')],
  })
  t.equal(counts(state.compliance, id('u1')).installed, 0)
  t.equal(counts(state.compliance, id('u2')).installed, 1)
  given(story, { type: 'CommandGiven', command: { type: 'Pause', rollout: 'monthly-20260113' }, by: 'ada' })
  const paused = copyOf(story.state)
  applyReport(paused, { at: story.now, rollout: 'monthly-20260113', rows: planeOf([0]), installed: [id('u2')] })
  t.equal(counts(paused.compliance, id('u2')).installed, 0)
})

test('after any play the gates count what the planes say', async () => {
  fc.assert(
    fc.property(scene, (one) => {
      const story = told(one)
      settle(story)
      const { state } = playOn(
        forkWorld(story.state, inForce(story.state), 'r', story.now),
        story.now,
        story.now + 10 * DAY,
      )
      for (const rollout of state.control.rollouts.values())
        for (const index of rollout.phases.keys()) {
          if (!state.evidence.has(rollout.name)) continue
          const computed = figuresFromPlanes(state, rollout, index)
          if (computed === undefined) continue
          assert.deepEqual(gateFigures(state, rollout, index), computed)
        }
    }),
    { numRuns: 60 },
  )
})
