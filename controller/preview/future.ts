// The future of a fork, by the same `decide` as in the controller and devices that behave as ideal-fleet.ts says.
import type { Decision } from '../model/facts.ts'
import { DAY, type EpochMs } from '../model/instant.ts'
import { isStarted, isUnfinished, type RolloutRecord } from '../rollout/control.ts'
import type { Note } from '../rollout/draft.ts'
import type { State } from '../state/state.ts'
import type { Timeline } from './effect.ts'
import { type Fork, settleFork } from './fork.ts'
import { applyReport, type Report, reportsOf } from './ideal-fleet.ts'
import { type Recorded, timelineOf } from './timeline.ts'

export type Played = { readonly timeline: Timeline; readonly state: State; readonly cutShort: boolean }

/** Longer than any play. */
const YEARS = 3660 * DAY

/** Instants at which something is decided, at most. */
const MAX_STEPS = 20_000

export const IDEAL_ASSUMPTIONS: readonly string[] = [
  'devices go on reporting as they do now, and those that are silent stay silent',
  'each device installs what it needs, or has not spoken of, at the first start that its deadline, windows and freezes allow; nothing fails',
  'no update is released, no device enrols, and no person decides anything',
]

/** Plays the fork on until `until`. Its state is changed. */
export function playOn(fork: Fork, from: EpochMs, until: EpochMs): Played {
  const { state } = fork
  // Nobody falls silent who reports now; time alone must not make a fleet stale.
  state.settings = { ...state.settings, staleAfterMs: YEARS }
  const play: Play = {
    state,
    pending: [],
    recorded: fork.decisions.map((decision) => ({ at: from, decision })),
    notes: fork.notes,
  }
  for (const rollout of state.control.rollouts.values()) expectAll(play, rollout, from)
  let next = settle(play, from)
  let steps = 0
  for (let now = nextAt(play, next); now <= until && steps < MAX_STEPS; now = nextAt(play, next), steps++) {
    while (play.pending[0] !== undefined && play.pending[0].at <= now) {
      const report = play.pending.shift()
      if (report !== undefined) applyReport(state, report)
    }
    next = settle(play, now)
  }
  return {
    timeline: timelineOf(state, play.notes, play.recorded, from),
    state,
    cutShort: steps >= MAX_STEPS,
  }
}

type Play = {
  readonly state: State
  /** In order of time. */
  pending: Report[]
  readonly recorded: Recorded[]
  notes: readonly Note[]
}

function nextAt({ pending }: Play, next: EpochMs): EpochMs {
  return Math.min(next, pending[0]?.at ?? Infinity)
}

function settle(play: Play, now: EpochMs): EpochMs {
  const { decisions, notes, next } = settleFork(play.state, now)
  play.notes = notes
  for (const decision of decisions) {
    play.recorded.push({ at: now, decision })
    expectAfter(play, decision, now)
  }
  return next
}

// Approved devices are those that will report. Where only some of a phase are new, the others say the same again, which
// changes nothing.
function expectAfter(play: Play, decision: Decision, now: EpochMs): void {
  if (decision.type !== 'UpdatesApproved' && decision.type !== 'HoldEnded') return
  const { rollouts } = play.state.control
  const concerned = decision.type === 'UpdatesApproved' ? [rollouts.get(decision.rollout)] : [...rollouts.values()]
  for (const rollout of concerned) if (rollout !== undefined) expectAll(play, rollout, now)
}

function expectAll(play: Play, rollout: RolloutRecord, now: EpochMs): void {
  if (!isUnfinished(rollout)) return
  const others = play.pending.filter((report) => report.rollout !== rollout.name)
  const own = rollout.phases.flatMap((phase, index) =>
    isStarted(phase) && phase.status !== 'Succeeded' ? reportsOf(play.state, rollout, index, now) : [],
  )
  play.pending = [...others, ...own].sort((a, b) => a.at - b.at)
}
