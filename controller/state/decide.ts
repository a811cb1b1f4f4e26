// What is due now, what is not and why, and when to ask again (architecture.md, "What `decide` returns, and its laws").
import type { Decision } from '../model/facts.ts'
import { advanceRollouts } from '../rollout/advance.ts'
import { type Note, newDraft } from '../rollout/draft.ts'
import { planDeclaredRollouts } from '../rollout/plan-declared.ts'
import { planEvaluations } from '../rollout/plan-evaluations.ts'
import { planHolds } from '../rollout/plan-holds.ts'
import { planExpiredUpdates, planStaleDevices } from '../rollout/plan-housekeeping.ts'
import type { State } from './state.ts'

export type Outcome = {
  /** In the order in which they are to be journaled and applied. */
  readonly decisions: readonly Decision[]
  readonly notes: readonly Note[]
  /** Until then, on unchanged facts, the answer stays the same. Undefined: for ever. */
  readonly next: Temporal.Instant | undefined
}

/**
 * Pure: the same state and instant give the same outcome, and the state is not changed. Deciding again after the decisions are
 * applied yields none. An instant before the newest fact of the state counts as that fact's.
 */
export function decide(state: State, now: Temporal.Instant): Outcome {
  const draft = newDraft(state, Math.max(now.epochMilliseconds, state.clock))
  planStaleDevices(draft)
  planExpiredUpdates(draft)
  planHolds(draft)
  planEvaluations(draft)
  planDeclaredRollouts(draft)
  advanceRollouts(draft)
  return {
    decisions: draft.decisions,
    notes: draft.notes,
    next: Number.isFinite(draft.next) ? Temporal.Instant.fromEpochMilliseconds(draft.next) : undefined,
  }
}
