// Group commit: what is appended in one turn of the event loop is written in one transaction, and acknowledged together. Where
// a commit takes longer than a turn, what is appended meanwhile goes into the next one.
import type { EpochMs } from '../model/instant.ts'
import { type Piece, toPieces } from './chunk.ts'
import { type AnyFact, type Appended, JournalError, type QueueLimits } from './journal.ts'

/** One append on its way to the storage. */
export type Pending = {
  readonly pieces: readonly Piece[]
  readonly at: EpochMs
  readonly facts: number
  readonly bytes: number
  readonly resolve: (appended: Appended) => void
  readonly reject: (error: unknown) => void
}

type Commit = (batch: readonly Pending[]) => Appended[] | Promise<Appended[]>

export class AppendQueue {
  readonly #limits: QueueLimits
  readonly #commit: Commit
  #writing: Promise<void> | undefined
  #waiting: Pending[] = []
  #facts = 0
  #bytes = 0
  #scheduled = false

  /** `commit` makes a batch durable, returning what each append got, or throws having kept nothing of it. */
  constructor(limits: QueueLimits, commit: Commit) {
    this.#limits = limits
    this.#commit = commit
  }

  /** Rejects with TooLarge, Busy or Invalid at once, or as `commit` does. */
  append(facts: readonly AnyFact[], at: EpochMs): Promise<Appended> {
    const { promise, resolve, reject } = Promise.withResolvers<Appended>()
    try {
      this.#enqueue(facts, at, resolve, reject)
    } catch (error) {
      reject(error)
    }
    return promise
  }

  /** Commits now what waits, or as soon as the commit that is under way has ended. */
  flush(): void {
    const batch = this.#waiting
    if (batch.length === 0 || this.#writing !== undefined) return
    this.#waiting = []
    this.#facts = 0
    this.#bytes = 0
    try {
      const appended = this.#commit(batch)
      if (!(appended instanceof Promise)) {
        acknowledge(batch, appended)
        return
      }
      this.#writing = appended
        .then((all) => acknowledge(batch, all))
        .catch((error: unknown) => refuse(batch, error))
        .finally(() => {
          this.#writing = undefined
          this.flush()
        })
    } catch (error) {
      refuse(batch, error)
    }
  }

  /** Resolves when nothing waits any more. */
  async drain(): Promise<void> {
    this.flush()
    while (this.#writing !== undefined) await this.#writing
  }

  #enqueue(facts: readonly AnyFact[], at: EpochMs, resolve: Pending['resolve'], reject: Pending['reject']): void {
    if (!Number.isSafeInteger(at))
      throw new JournalError('Invalid', `The instant of a fact must be whole milliseconds, not ${at}.`)
    this.#makeSure(facts.length, 0)
    const pieces = toPieces(facts)
    const bytes = pieces.reduce((sum, { json }) => sum + Buffer.byteLength(json), 0)
    this.#makeSure(facts.length, bytes)
    this.#waiting.push({ pieces, at, facts: facts.length, bytes, resolve, reject })
    this.#facts += facts.length
    this.#bytes += bytes
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.flush()
    })
  }

  #makeSure(facts: number, bytes: number): void {
    const { facts: maxFacts, bytes: maxBytes } = this.#limits
    if (facts > maxFacts || bytes > maxBytes)
      throw new JournalError(
        'TooLarge',
        `One append may hold ${maxFacts} facts and ${maxBytes} bytes; append in smaller parts.`,
      )
    if (this.#facts + facts > maxFacts || this.#bytes + bytes > maxBytes)
      throw new JournalError(
        'Busy',
        `${this.#facts} facts (${this.#bytes} bytes) wait to be written; try again shortly.`,
      )
  }
}

function acknowledge(batch: readonly Pending[], appended: readonly Appended[]): void {
  for (const [i, pending] of batch.entries()) pending.resolve(appended[i] ?? { first: 0, last: 0 })
}

function refuse(batch: readonly Pending[], error: unknown): void {
  for (const pending of batch) pending.reject(error)
}
