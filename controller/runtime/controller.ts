// A controller at work: facts come in, are made durable, folded, and decided upon, one turn after the other. Nothing acts
// on a decision that is not in the journal, and nothing is acknowledged that is not.
import { type Journal, JournalError, reasonOf } from '../journal/journal.ts'
import { type Decision, type Fact, type Input, isDecision, isDecisionType } from '../model/facts.ts'
import type { Note } from '../rollout/draft.ts'
import { apply } from '../state/apply.ts'
import { decide } from '../state/decide.ts'
import { decodeState, encodeState, newState, type State } from '../state/state.ts'
import type { Clock } from './clock.ts'

export type ControllerOptions = {
  readonly journal: Journal<Fact>
  readonly clock: Clock
  /** A snapshot is taken after so many facts. */
  readonly snapshotEvery?: number
  /** What people may want to see happen. Called after the decisions are durable and in force. */
  readonly onDecisions?: (decisions: readonly Decision[], at: Temporal.Instant) => void
  /** The journal refused, or a turn failed. What was to be decided is decided again after a while, if that can help. */
  readonly onError?: (error: unknown) => void
}

/** What a turn did, for those who watch: how many facts were folded, and how long folding and deciding took. */
export type Turn = { readonly facts: number; readonly foldMs: number; readonly decideMs: number }

/** Called for each fact in order, when it is durable and is about to be folded: what it meets in the state is exactly what it changes. */
export type Watch = (fact: Input, index: number) => void

type Submission = {
  readonly facts: readonly Input[]
  readonly watch: Watch | undefined
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

const SNAPSHOT_EVERY = 100_000
const RETRY_AFTER_MS = 1000

export class Controller {
  readonly state: State
  readonly clock: Clock
  readonly journal: Journal<Fact>
  /** What is to be said about each object since the last decision. */
  notes: readonly Note[] = []
  /** Why the journal refused the last time; undefined when it did not. */
  trouble: unknown
  /** When that was, by `performance.now()`. */
  troubledAt = 0

  readonly #options: ControllerOptions
  readonly #listeners = new Set<(turn: Turn) => void>()
  #queue: Submission[] = []
  #turn: Promise<void> | undefined
  #closing = false
  #failed: Error | undefined
  #decidedVersion = -1
  #next: Temporal.Instant | undefined
  #cancelWake = () => {}
  #appliedSeq: number
  #snapshotSeq: number
  /** When this fact has been folded, a snapshot is due. */
  #snapshotDue: number
  #saving: Promise<void> | undefined
  #facts = 0
  #foldMs = 0

  /** Folds the journal, from its newest snapshot on, and decides what is due. Throws a JournalError or SnapshotError. */
  static async open(options: ControllerOptions): Promise<Controller> {
    const controller = new Controller(options)
    await controller.#run()
    return controller
  }

  private constructor(options: ControllerOptions) {
    const { journal, clock } = options
    const snapshot = journal.latestSnapshot()
    this.#options = options
    this.journal = journal
    this.clock = clock
    this.state = snapshot === undefined ? newState() : decodeState(snapshot.bytes)
    this.#snapshotSeq = snapshot?.seq ?? 0
    for (const entry of journal.read(this.#snapshotSeq)) apply(this.state, entry.at, entry.fact)
    this.#appliedSeq = journal.lastSeq
    this.#snapshotDue = this.#snapshotSeq + this.#snapshotEvery
  }

  /**
   * Makes facts durable and folds them. Resolves when both have happened; what they give rise to has then been decided at the
   * latest by the end of the same turn. Rejects with a JournalError when they could not be made durable; then nothing has happened.
   */
  submit(...facts: readonly Input[]): Promise<void> {
    return this.submitWatched(facts)
  }

  /** The same, for who has to answer with what the facts met: late, twice or out of order is known only when it is their turn. */
  submitWatched(facts: readonly Input[], watch?: Watch): Promise<void> {
    if (this.#failed !== undefined) return Promise.reject(this.#failed)
    if (this.#closing) return Promise.reject(new JournalError('Closed', 'The controller is stopping.'))
    return new Promise((resolve, reject) => {
      this.#queue.push({ facts, watch, resolve, reject })
      this.#start()
    })
  }

  /** Calls `listener` at the end of every turn. Returns how to end that. */
  subscribe(listener: (turn: Turn) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Resolves when nothing that was submitted so far is left to be decided. */
  async settled(): Promise<void> {
    while (this.#turn !== undefined) await this.#turn
  }

  /** Takes nothing more in, finishes what was submitted, saves a snapshot and closes the journal. */
  async close(): Promise<void> {
    this.#closing = true
    await this.settled()
    this.#cancelWake()
    await this.#saving
    await this.#saveSnapshot()
    await this.journal.close()
  }

  #start(): void {
    if (this.#turn !== undefined) return
    // What arrives in the same turn of the event loop goes into one commit.
    const turn = new Promise<void>((resolve) => setImmediate(resolve)).then(() => this.#run())
    this.#turn = turn
      .catch((error: unknown) => this.#fail(error))
      .then(() => {
        this.#turn = undefined
        if (this.#queue.length > 0) this.#start()
      })
  }

  get #snapshotEvery(): number {
    return this.#options.snapshotEvery ?? SNAPSHOT_EVERY
  }

  async #run(): Promise<void> {
    const submissions = this.#queue
    this.#queue = []
    const at = this.clock.now().epochMilliseconds
    await Promise.all(submissions.map((submission) => this.#take(submission, at)))
    if (this.#failed !== undefined) return
    const begun = performance.now()
    await this.#decide()
    this.#tell(performance.now() - begun)
    if (this.#appliedSeq >= this.#snapshotDue)
      this.#saving ??= this.#saveSnapshot().finally(() => {
        this.#saving = undefined
      })
  }

  async #take({ facts, watch, resolve, reject }: Submission, at: number): Promise<void> {
    try {
      await this.#commit(facts, at, watch)
      resolve()
    } catch (error) {
      reject(error)
    }
  }

  async #decide(): Promise<void> {
    const now = this.clock.now()
    const due = this.#next !== undefined && Temporal.Instant.compare(now, this.#next) >= 0
    if (this.state.version === this.#decidedVersion && !due) return
    const { decisions, notes, next } = decide(this.state, now)
    try {
      await this.#commit(decisions, now.epochMilliseconds)
    } catch (error) {
      if (isRefusal(error)) this.#options.onError?.(error)
      if (this.#failed === undefined) this.#wakeAt(now.add({ milliseconds: RETRY_AFTER_MS }))
      return
    }
    this.notes = notes
    this.#decidedVersion = this.state.version
    this.#next = next
    this.#wakeAt(next)
    if (decisions.length > 0) this.#options.onDecisions?.(decisions, now)
  }

  async #commit(facts: readonly Fact[], at: number, watch?: Watch): Promise<void> {
    if (facts.length === 0) return
    const { first, last } = await this.journal.append(facts, at).catch((error: unknown) => {
      const isNew = error !== this.trouble && !isSameRefusal(error, this.trouble)
      this.trouble = error
      this.troubledAt = performance.now()
      if (isNew && !isRefusal(error)) this.#options.onError?.(error)
      throw error
    })
    this.trouble = undefined
    const begun = performance.now()
    try {
      if (first !== this.#appliedSeq + 1) throw new Error(`fact ${first} came after ${this.#appliedSeq}`)
      facts.forEach((fact, i) => {
        if (watch !== undefined && !isDecision(fact)) watch(fact, i)
        apply(this.state, at, fact)
      })
    } catch (error) {
      throw this.#fail(error)
    }
    this.#appliedSeq = last
    this.#facts += facts.length
    this.#foldMs += performance.now() - begun
  }

  // A fact that is durable and cannot be folded leaves the state in between: nothing more is taken in, nothing is decided.
  #fail(error: unknown): Error {
    if (this.#failed !== undefined) return this.#failed
    const failed = new Error(`the controller has stopped: ${reasonOf(error)}`, { cause: error })
    this.#failed = failed
    this.trouble = failed
    this.#cancelWake()
    for (const submission of this.#queue) submission.reject(failed)
    this.#queue = []
    this.#options.onError?.(failed)
    return failed
  }

  #tell(decideMs: number): void {
    const turn: Turn = { facts: this.#facts, foldMs: this.#foldMs, decideMs }
    this.#facts = 0
    this.#foldMs = 0
    for (const listener of this.#listeners) listener(turn)
  }

  #wakeAt(at: Temporal.Instant | undefined): void {
    this.#cancelWake()
    this.#cancelWake = at === undefined || this.#closing ? () => {} : this.clock.at(at, () => this.#start())
  }

  async #saveSnapshot(): Promise<void> {
    if (this.#appliedSeq === this.#snapshotSeq || this.#failed !== undefined) return
    const seq = this.#appliedSeq
    // Also when it cannot be saved: to encode a large state for nothing is not to be repeated at every turn.
    this.#snapshotDue = seq + this.#snapshotEvery
    try {
      await this.journal.saveSnapshot(seq, encodeState(this.state))
      this.#snapshotSeq = seq
      await this.journal.compact(seq, isDecisionType)
    } catch (error) {
      this.#options.onError?.(error)
    }
  }
}

// Each batch that a full disk refuses comes with an error of its own.
function isSameRefusal(error: unknown, before: unknown): boolean {
  return error instanceof JournalError && before instanceof JournalError && error.code === before.code
}

/** About what was submitted, and for whoever did so to deal with; the storage is as well as before. */
function isRefusal(error: unknown): boolean {
  return error instanceof JournalError && ['Busy', 'TooLarge', 'Invalid', 'Closed'].includes(error.code)
}
