// The fold: what it makes of time, of names that nobody knows, and of a snapshot in between.
import { test } from 'tap'
import { encodeSnapshot } from '../../controller/journal/snapshot-codec.ts'
import { planeOf, planeRows } from '../../controller/model/bit-plane.ts'
import type { Input } from '../../controller/model/facts.ts'
import { DAY } from '../../controller/model/instant.ts'
import { isStarted } from '../../controller/rollout/control.ts'
import { gateFigures } from '../../controller/rollout/evidence.ts'
import { apply } from '../../controller/state/apply.ts'
import { decide } from '../../controller/state/decide.ts'
import { decodeState, encodableState, encodeState, newState } from '../../controller/state/state.ts'
import {
  command,
  declare,
  declared,
  enrolled,
  removed,
  reported,
  ring,
  synced,
  undeclare,
  update,
} from '../support/declare.ts'
import {
  declaring,
  figures,
  given,
  newStory,
  rolloutOf,
  type Story,
  say,
  settle,
  startedPhase,
  tell,
  wait,
} from '../support/story.ts'

function begun(): Story {
  const story = newStory()
  declaring(
    story,
    ring('a'),
    declared('AutomaticDeploymentRule', 'rule', {
      criteria: { classifications: ['Security Updates'] },
      phases: [{ name: 'p1', collection: 'a', soak: 'P1D' }],
    }),
  )
  given(story, synced(update('u1')), enrolled('d0', { ring: 'a' }), command({ type: 'Evaluate', rule: 'rule' }))
  return story
}

test('where the clock steps back, time stands still until it has caught up', async (t) => {
  const story = begun()
  const start = story.now
  story.now -= 3 * DAY
  given(story, synced(update('u2')), command({ type: 'Evaluate', rule: 'rule' }))
  t.match(rolloutOf(story, 'rule-20260101'), { status: 'Superseded', ended: { at: start } })
  t.match(rolloutOf(story, 'rule-20260101-2'), { status: 'Progressing', plannedAt: start })
  t.equal(startedPhase(story, 'rule-20260101-2').startedAt, start)
  story.now = start + DAY
  say(story, ['d0'], { installed: ['u1', 'u2'] })
  t.equal(figures(story, 'rule-20260101-2').compliant, 1)
  story.now -= 2 * DAY
  settle(story)
  t.equal(story.next, start + 2 * DAY, 'the soak is neither lost nor longer')
})

test('deciding at an instant before the newest fact is deciding at that fact', async (t) => {
  const story = begun()
  tell(story, synced(update('u2')), command({ type: 'Evaluate', rule: 'rule' }))
  const early = decide(story.state, Temporal.Instant.from('1999-01-01T00:00:00Z'))
  const now = decide(story.state, Temporal.Instant.fromEpochMilliseconds(story.now))
  t.ok(early.decisions.length > 0)
  t.equal(JSON.stringify(early), JSON.stringify(now))
})

test('names that nobody knows change nothing', async (t) => {
  const story = begun()
  const strange: Input[] = [
    command({ type: 'Evaluate', rule: 'nobody' }),
    command({ type: 'Approve', rollout: 'nobody', phase: 'p1' }),
    command({ type: 'Signal', rollout: 'nobody', phase: 'p1', signal: 'go' }),
    command({ type: 'Pause', rollout: 'nobody' }),
    command({ type: 'Resume', rollout: 'nobody' }),
    command({ type: 'Rollback', rollout: 'nobody' }),
    removed('nobody'),
    reported('nobody', { sequence: 1, at: '2026-01-01T00:00:00Z' }),
    undeclare({ kind: 'Rollout', name: 'nobody' }, { kind: 'AutomaticDeploymentRule', name: 'nobody' }),
  ]
  const before = JSON.stringify([...story.state.control.rollouts], undefined, 1)
  for (const fact of strange) t.same(given(story, fact), [], fact.type)
  t.equal(JSON.stringify([...story.state.control.rollouts], undefined, 1), before)
})

test('deciding changes nothing in the state', async (t) => {
  const story = begun()
  tell(
    story,
    command({ type: 'Rollback', rollout: 'rule-20260101' }),
    enrolled('d1', { ring: 'a' }),
    synced(update('u3')),
  )
  const before = encodeState(story.state)
  t.ok(decide(story.state, Temporal.Instant.fromEpochMilliseconds(story.now + 9 * DAY)).decisions.length > 2)
  t.same(encodeState(story.state), before)
})

test('an empty state decides nothing, and has nothing to wake up for', async (t) => {
  t.same(decide(newState(), Temporal.Instant.from('2026-01-01T00:00:00Z')), {
    decisions: [],
    notes: [],
    next: undefined,
  })
})

test('a snapshot is the state: what follows on it gives the same bytes', async (t) => {
  const story = begun()
  const copy = decodeState(encodeState(story.state))
  const facts: Input[] = [declare(ring('b')), enrolled('d9', { ring: 'b' }), synced(update('u4'))]
  for (const fact of facts) {
    apply(copy, story.now, fact)
    apply(story.state, story.now, fact)
  }
  t.same(encodeState(copy), encodeState(story.state))
  t.throws(() => decodeState(encodeState(story.state).slice(0, -1)), { name: 'SnapshotError' })
})

test('a snapshot from before targets were counted has them counted when it is read', async (t) => {
  const story = begun()
  given(story, enrolled('d1', { ring: 'a' }), removed('d0'))
  const { targets } = figures(story, 'rule-20260101')
  t.equal(targets, 1)
  const stored = encodableState(story.state)
  const evidence = [...stored.evidence].map(([name, { counts, ...rest }]) => {
    return [name, { ...rest, counts: counts.map(({ targets: _, ...others }) => others) }] as const
  })
  const state = decodeState(encodeSnapshot({ ...stored, evidence: new Map(evidence) }))
  t.equal(gateFigures(state, rolloutOf(story, 'rule-20260101'), 0).targets, targets)
  t.same(encodeState(state), encodeState(story.state))
})

test('a snapshot from before has those who joined in batches, and is read as what it meant', async (t) => {
  const story = begun()
  given(story, enrolled('d1', { ring: 'a' }))
  wait(story, 'PT1H')
  given(story, enrolled('d2', { ring: 'a' }))
  const rollout = rolloutOf(story, 'rule-20260101')
  const stored = encodableState(story.state)
  const phases = rollout.phases.map((phase) => {
    if (!isStarted(phase) || phase.joined === undefined) return phase
    const { rows, at } = phase.joined
    return { ...phase, joined: [...rows].map((row, i) => ({ at: at[i], targets: planeOf([row]) })) }
  })
  const rollouts = new Map([[rollout.name, { ...rollout, phases }]])
  const state = decodeState(encodeSnapshot({ ...stored, control: { ...stored.control, rollouts } }))
  t.same(startedPhase({ ...story, state }, rollout.name), startedPhase(story, rollout.name))
  t.same(planeRows(startedPhase(story, rollout.name).targets), [0, 1, 2])
})

test('codes by value are not in a snapshot, and what one from before has of them is made anew', async (t) => {
  const story = begun()
  given(story, enrolled('d1', { ring: 'b' }))
  const stored = encodableState(story.state)
  for (const column of stored.fleet.columns.values()) t.notOk('codeOf' in column)
  const columns = new Map([...stored.fleet.columns].map(([name, column]) => [name, { ...column, codeOf: new Map() }]))
  const old = decodeState(encodeSnapshot({ ...stored, fleet: { ...stored.fleet, columns } }))
  for (const state of [old, decodeState(encodeState(story.state))])
    for (const [name, column] of story.state.fleet.columns) t.same(state.fleet.columns.get(name), column)
  t.same(encodeState(old), encodeState(story.state))
})

test('reports that say nothing new leave the version as it is, so that nothing is decided for them', async (t) => {
  const story = begun()
  wait(story, 'PT1H')
  say(story, ['d0'], { required: ['u1'] })
  const { version } = story.state
  say(story, ['d0'], { required: ['u1'] })
  say(story, ['d0'], {})
  t.equal(story.state.version, version)
  say(story, ['d0'], { installed: ['u1'] })
  t.ok(story.state.version > version)
})
