// Snapshots of the state while facts are folded: into the journal when one is due, and for whoever else asks.
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Journal } from '../journal/journal.ts'
import { type Fact, isDecisionType } from '../model/facts.ts'
import { captureState, type State } from '../state/state.ts'

/** What has been folded: the state after fact `seq`. */
type Folded = { readonly state: State; readonly seq: number }

export type SnapshotOptions = {
  /** One is due after so many facts. */
  readonly every: number
  /** The newest fact that the journal has a snapshot of. */
  readonly savedSeq: number
  /** Whether the state is what the facts fold to. */
  readonly isWhole: () => boolean
  readonly onError: (error: unknown) => void
}

export class Snapshots {
  readonly #journal: Journal<Fact>
  readonly #folded: Folded
  readonly #options: SnapshotOptions
  #savedSeq: number
  /** When this fact has been folded, one is due. */
  #due: number
  #saving: Promise<void> | undefined
  /** The last one who encodes the state. */
  #encoding: Promise<unknown> = Promise.resolve()

  constructor(journal: Journal<Fact>, folded: Folded, options: SnapshotOptions) {
    this.#journal = journal
    this.#folded = folded
    this.#options = options
    this.#savedSeq = options.savedSeq
    this.#due = options.savedSeq + options.every
  }

  /**
   * Has the state encoded when nobody else does so: while one capture of it is open, another would copy every array
   * (model/still.ts). `encode` takes its capture before anybody has a turn; `seq` is the newest fact in it.
   */
  encoding<T>(encode: (state: State, seq: number) => Promise<T>): Promise<T> {
    const encoded = this.#encoding.then(() => encode(this.#folded.state, this.#folded.seq))
    this.#encoding = encoded.catch(() => {})
    return encoded
  }

  /** Begins with one if it is due. */
  saveWhenDue(): void {
    if (this.#folded.seq < this.#due) return
    this.#saving ??= this.#save().finally(() => {
      this.#saving = undefined
    })
  }

  /** One that is due at once is due in a while: there is something better to do. */
  putOff(): void {
    this.#due = Math.max(this.#due, this.#folded.seq + Math.ceil(this.#options.every / 10))
  }

  /** Resolves when none is being saved. */
  async idle(): Promise<void> {
    await this.#saving
  }

  /** The last one, after which nothing is folded any more. */
  async saveLast(): Promise<void> {
    await this.#saving
    await this.#save()
  }

  async #save(): Promise<void> {
    try {
      const saved = await this.encoding((state, seq) => this.#saveNow(state, seq))
      if (saved !== undefined) await this.#journal.compact(saved, isDecisionType)
    } catch (error) {
      this.#options.onError(error)
    }
  }

  /** Returns the newest fact in what was saved. Everybody else has a turn after each part. Rejects as the journal does. */
  async #saveNow(state: State, seq: number): Promise<number | undefined> {
    if (seq === this.#savedSeq || !this.#options.isWhole()) return undefined
    // Also when it cannot be saved: to encode a large state for nothing is not to be repeated at every turn.
    this.#due = seq + this.#options.every
    const capture = captureState(state)
    try {
      await this.#journal.saveSnapshot(seq, capture.parts(nextTurn))
    } finally {
      capture.release()
    }
    this.#savedSeq = seq
    return seq
  }
}
