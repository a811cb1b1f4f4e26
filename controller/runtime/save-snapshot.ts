// A snapshot of the state into the journal, while facts are folded.
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Journal } from '../journal/journal.ts'
import type { Fact } from '../model/facts.ts'
import { captureState, type State } from '../state/state.ts'

/** Of the state as it is at the call, after fact `seq`. Everybody else has a turn after each part. Rejects as the journal does. */
export async function saveSnapshot(journal: Journal<Fact>, seq: number, state: State): Promise<void> {
  const capture = captureState(state)
  try {
    await journal.saveSnapshot(seq, capture.parts(nextTurn))
  } finally {
    capture.release()
  }
}
