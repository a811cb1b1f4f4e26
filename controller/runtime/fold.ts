// Folding the journal in its order, whoever appended. What this process appended itself it has at hand, and knows who waits
// for it; the rest is read.
import type { Appended, Entry, Journal } from '../journal/journal.ts'
import { type Fact, type Input, isDecision } from '../model/facts.ts'
import { apply } from '../state/apply.ts'
import { type Ahead, readAhead } from '../state/read-ahead.ts'
import { decodeState, newState, type State } from '../state/state.ts'

/** Called for each fact in order, when it is durable and is about to be folded: what it meets in the state is exactly what it changes. */
export type Watch = (fact: Input, index: number) => void

/** What one submission brought. */
export type Part = { readonly facts: readonly Fact[]; readonly watch?: Watch | undefined }

/** Facts that this process appended at once, those of `parts` one after the other; `done` is called when they have been folded. */
export type Own = Appended & { readonly at: number; readonly parts: readonly Part[]; readonly done?: () => void }

/** The journal from its newest snapshot on, and which one that was. Throws a JournalError or SnapshotError. */
export async function foldJournal(journal: Journal<Fact>): Promise<{ fold: Fold; snapshotSeq: number }> {
  const snapshot = await journal.latestSnapshot()
  const snapshotSeq = snapshot?.seq ?? 0
  const fold = new Fold(snapshot === undefined ? newState() : decodeState(snapshot.bytes, 'Checked'), snapshotSeq)
  const entries = journal.read(snapshotSeq)
  if (Symbol.iterator in entries) for (const entry of entries) fold.entry(entry)
  else for await (const entry of entries) fold.entry(entry)
  fold.taken()
  return { fold, snapshotSeq }
}

export class Fold {
  readonly state: State
  #seq: number
  readonly #own = new Map<number, Own>()
  #facts = 0
  #ms = 0

  /** `state` holds the facts up to `seq`. */
  constructor(state: State, seq: number) {
    this.state = state
    this.#seq = seq
  }

  /** The newest fact that was folded. */
  get seq(): number {
    return this.#seq
  }

  /** Folds at once what is next; returns whether it was. The rest waits until what comes before has been folded. */
  own(own: Own): boolean {
    if (own.last < own.first) {
      own.done?.()
      return true
    }
    if (own.first <= this.#seq) throw new Error(`fact ${own.first} was folded before it was acknowledged`)
    this.#own.set(own.first, own)
    return this.nextOwn()
  }

  /** Folds what is next if this process appended it. */
  nextOwn(): boolean {
    const own = this.#own.get(this.#seq + 1)
    if (own === undefined) return false
    this.#own.delete(own.first)
    const begun = performance.now()
    const all = own.parts.flatMap(({ facts }) => facts)
    const ahead: Ahead = { rows: [] }
    let next = 0
    for (const { facts, watch } of own.parts)
      for (const [i, fact] of facts.entries()) {
        const row = readAhead(this.state, all, next++, ahead)
        if (watch !== undefined && !isDecision(fact)) watch(fact, i)
        apply(this.state, own.at, fact, row)
        this.#seq++
      }
    this.#count(own.last - own.first + 1, begun)
    own.done?.()
    return true
  }

  /** Takes in facts as they stand in the journal, in order; those that were folded already are passed over. */
  entry({ seq, at, fact }: Entry<Fact>): void {
    if (seq <= this.#seq) return
    if (seq !== this.#seq + 1) throw new Error(`fact ${seq} came after ${this.#seq}`)
    if (this.nextOwn()) return
    const begun = performance.now()
    apply(this.state, at, fact)
    this.#seq = seq
    this.#count(1, begun)
  }

  /** Goes on from another state, that of a snapshot. Whoever waits for a fact that it holds need wait no longer. */
  restart(state: State, seq: number): void {
    Object.assign(this.state, state)
    this.#seq = seq
    for (const own of [...this.#own.values()])
      if (own.first <= seq) {
        this.#own.delete(own.first)
        own.done?.()
      }
  }

  /** What was folded since this was last asked: how many facts, and how long it took. */
  taken(): { readonly facts: number; readonly foldMs: number } {
    const taken = { facts: this.#facts, foldMs: this.#ms }
    this.#facts = 0
    this.#ms = 0
    return taken
  }

  #count(facts: number, begun: number): void {
    this.#facts += facts
    this.#ms += performance.now() - begun
  }
}
