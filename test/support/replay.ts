// What a journal that several replicas wrote is held to: it is what one controller would have written, deciding on each fact
// in its turn.
import type { Test } from 'tap'
import type { Entry } from '../../controller/journal/journal.ts'
import { type Fact, isDecision } from '../../controller/model/facts.ts'
import { apply } from '../../controller/state/apply.ts'
import { decide } from '../../controller/state/decide.ts'
import { newState, type State } from '../../controller/state/state.ts'

/**
 * Folds entries from fact 1 on and makes each run of decisions anew, from the state before it and at its instant: the same must
 * come out, in the same order, so that none is missing, made twice, or made on anything but what stands before it.
 */
export function checkReplay(t: Test, entries: readonly Entry<Fact>[]): State {
  const state = newState()
  let runs = 0
  for (let i = 0; i < entries.length; ) {
    const entry = entries[i]
    if (entry === undefined) break
    if (entry.seq !== i + 1) t.fail(`fact ${entry.seq} stands where ${i + 1} must be`)
    if (!isDecision(entry.fact)) {
      apply(state, entry.at, entry.fact)
      i++
      continue
    }
    const { decisions } = decide(state, Temporal.Instant.fromEpochMilliseconds(entry.at))
    const run = entries.slice(i, i + Math.max(1, decisions.length))
    if (JSON.stringify(run.map(({ fact }) => fact)) !== JSON.stringify(decisions))
      t.same(
        run.map(({ fact }) => fact),
        decisions,
        `the decisions from ${entry.seq} on are those that are due there`,
      )
    for (const { at, fact } of run) apply(state, at, fact)
    i += run.length
    runs++
  }
  t.comment(`${entries.length} facts, ${runs} times something was decided`)
  return state
}
