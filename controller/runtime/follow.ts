// One of several replicas: folds what all of them append, and has a term to decide in while it leads (architecture.md, "The
// journal"). Before its first decision a new leader has folded everything that there was when its term began.
import { JournalError, type SharedJournal } from '../journal/journal.ts'
import type { Fact } from '../model/facts.ts'
import { decodeState } from '../state/state.ts'
import type { Fold } from './fold.ts'
import type { Leadership } from './leadership.ts'

export type Replication = { readonly journal: SharedJournal<Fact>; readonly leadership: Leadership }

/** Two that both believe they lead do not go on ending each other's terms. */
const FENCED_REST_MS = 10_000

export class Follower {
  readonly #journal: SharedJournal<Fact>
  readonly #leadership: Leadership
  readonly #fold: Fold
  readonly #listeners = new Set<(leading: boolean) => void>()
  readonly #unsubscribe: () => void
  #term: number | undefined
  #restUntil = 0
  #target = 0
  #reading: Promise<void> | undefined

  /** `wake` is called when there may be something to fold, to decide or to try again. */
  constructor({ journal, leadership }: Replication, fold: Fold, wake: () => void) {
    this.#journal = journal
    this.#leadership = leadership
    this.#fold = fold
    const stopLeadership = leadership.subscribe((leader) => {
      this.#restUntil = 0
      if (!leader) this.#enter(undefined)
      wake()
    })
    const stopJournal = journal.subscribe(() => {
      if (this.lag > 0 || leadership.isLeader() !== (this.#term !== undefined)) wake()
    })
    this.#unsubscribe = () => {
      stopLeadership()
      stopJournal()
    }
  }

  /** In which this replica decides; undefined while it does not lead. */
  get term(): number | undefined {
    return this.#term
  }

  /** How many facts are known of that have not been folded. */
  get lag(): number {
    return Math.max(0, this.#journal.lastSeq - this.#fold.seq)
  }

  /** Calls `listener` at each change of `term` from undefined or to it. Returns how to end that. */
  subscribe(listener: (leading: boolean) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * Takes a term if this replica is to lead and has none, and folds what is known of, or, if `all`, what there is. While it
   * runs nothing of this process is being appended, so that what is read is others', or was acknowledged. Rejects with a
   * JournalError.
   */
  async step(all: boolean): Promise<void> {
    if (!this.#leadership.isLeader()) this.#enter(undefined)
    else if (this.#term === undefined && performance.now() >= this.#restUntil) {
      const { term, head } = await this.#journal.lead(this.#leadership.identity)
      await this.catchUp(head)
      if (this.#leadership.isLeader()) this.#enter(term)
    }
    await this.catchUp(all ? await this.#journal.head() : this.#journal.lastSeq)
  }

  /** The journal says that the term is over. */
  fenced(): void {
    this.#restUntil = performance.now() + FENCED_REST_MS
    this.#enter(undefined)
  }

  /** Resolves when the facts up to `through`, which are durable, have been folded. */
  async catchUp(through: number): Promise<void> {
    while (this.#fold.seq < through) {
      this.#target = Math.max(this.#target, through)
      this.#reading ??= this.#read().finally(() => {
        this.#reading = undefined
      })
      await this.#reading
    }
  }

  close(): void {
    this.#unsubscribe()
    this.#enter(undefined)
    this.#listeners.clear()
  }

  async #read(): Promise<void> {
    while (this.#fold.seq < this.#target) {
      if (this.#fold.nextOwn()) continue
      try {
        for await (const entry of this.#journal.read(this.#fold.seq)) this.#fold.entry(entry)
      } catch (error) {
        if (!(error instanceof JournalError && error.code === 'Compacted')) throw error
        await this.#restart(error)
      }
    }
  }

  // Too far behind: what was to be folded is in a snapshot by now.
  async #restart(compacted: JournalError): Promise<void> {
    const snapshot = await this.#journal.latestSnapshot()
    if (snapshot === undefined || snapshot.seq <= this.#fold.seq) throw compacted
    this.#fold.restart(decodeState(snapshot.bytes, 'Checked'), snapshot.seq)
  }

  #enter(term: number | undefined): void {
    const led = this.#term !== undefined
    this.#term = term
    const leads = term !== undefined
    if (led !== leads) for (const listener of this.#listeners) listener(leads)
  }
}
