// Liveness: once nothing goes wrong any more, every rollout ends, or names the one thing that it waits for.
import fc from 'fast-check'
import { test } from 'tap'
import { countShared } from '../../controller/model/bit-plane.ts'
import type { Declared } from '../../controller/model/declared.ts'
import { HOUR } from '../../controller/model/instant.ts'
import { isStarted, isUnfinished, type RolloutRecord } from '../../controller/rollout/control.ts'
import { scene } from '../support/arbitrary.ts'
import { command, declare, undeclare } from '../support/declare.ts'
import { begin, CATALOG, take } from '../support/play.ts'
import { given, noteOf, type Story, says, settle } from '../support/story.ts'

test('when devices report well and people give their go-ahead, every rollout ends or names what is missing', async (t) => {
  let ended = 0
  fc.assert(
    fc.property(scene, (played) => {
      const story = begin(played)
      for (const step of played.steps) {
        take(story, step)
        settle(story)
      }
      mend(story)
      for (let i = 0; i < 120; i++) goodHalfDay(story)
      for (const rollout of story.state.control.rollouts.values()) {
        if (!isUnfinished(rollout)) ended++
        else if (!mayWait(story, rollout))
          throw new Error(`${rollout.name}: ${JSON.stringify(noteOf(story, rollout.name))}`)
      }
    }),
    { seed: 42, numRuns: 60 },
  )
  t.ok(ended > 100, `${ended} rollouts ended`)
})

/** No hold, and nothing suspended or gated. */
function mend(story: Story): void {
  const { UpdateHold, AutomaticDeploymentRule, Rollout } = story.state.objects
  given(story, ...[...UpdateHold.keys()].map((name) => undeclare({ kind: 'UpdateHold', name })))
  given(story, declare(...[...AutomaticDeploymentRule.values(), ...Rollout.values()].map(freed)))
}

function freed(object: Declared): Declared {
  if (object.kind === 'AutomaticDeploymentRule')
    return { ...object, spec: { ...object.spec, enabled: true, suspend: false } }
  return object.kind === 'Rollout' ? { ...object, spec: { ...object.spec, enabled: true, suspend: false } } : object
}

function goodHalfDay(story: Story): void {
  for (let left = 12 * HOUR, i = 0; left > 0 && i < 50; i++) {
    const wait = Math.max(0, Math.min(left, story.next - story.now))
    story.now += wait
    left -= wait
    settle(story)
    if (story.next <= story.now) break
  }
  const installed = CATALOG.map((update) => update.id)
  given(story, ...story.state.fleet.ids.map((device) => says(story, device, { installed })))
  for (const rollout of [...story.state.control.rollouts.values()]) {
    if (!isUnfinished(rollout)) continue
    if (rollout.pauseAsked !== undefined || rollout.status === 'Halted')
      given(story, command({ type: 'Resume', rollout: rollout.name }))
    const { phase } = noteOf(story, rollout.name)
    if (phase === undefined) continue
    given(story, command({ type: 'Approve', rollout: rollout.name, phase }))
    given(story, command({ type: 'Signal', rollout: rollout.name, phase, signal: 'go' }))
  }
}

/** What no report and no go-ahead mends, each named for what it is. */
function mayWait(story: Story, rollout: RolloutRecord): boolean {
  const note = noteOf(story, rollout.name)
  if (note.reason === 'EmptyPhase' || note.reason === 'CollectionNotFound') return true
  if (note.reason === 'AllUpdatesWithdrawn') return true
  if (note.reason === 'Queued')
    return [...story.state.control.rollouts.values()].some(
      (other) => isUnfinished(other) && note.message.includes(other.name),
    )
  const phase = rollout.phases.find((one) => one.status === 'Active')
  const { present } = story.state.fleet
  return (
    note.reason === 'GateOpen' && phase !== undefined && isStarted(phase) && countShared(phase.targets, present) === 0
  )
}
