// A controller at work: facts come in, are made durable, folded, and decided upon, one turn after the other. Nothing acts
// on a decision that is not in the journal, and nothing is acknowledged that is not.
import { type Journal, JournalError } from '../journal/journal.ts'
import type { Decision, Fact, Input } from '../model/facts.ts'
import { reasonOf } from '../model/reason.ts'
import type { Note } from '../rollout/draft.ts'
import { decide, type Outcome } from '../state/decide.ts'
import type { State } from '../state/state.ts'
import type { Clock } from './clock.ts'
import { type Fold, foldJournal, type Part, type Watch } from './fold.ts'
import { Follower, type Replication } from './follow.ts'
import { isRefusal, isSameRefusal, passes } from './refusals.ts'
import { Snapshots } from './snapshots.ts'

export type ControllerOptions = {
  readonly clock: Clock
  /** A snapshot is taken after so many facts. */
  readonly snapshotEvery?: number
  /** What people may want to see happen. Called after the decisions are durable and in force, by the replica that made them. */
  readonly onDecisions?: (decisions: readonly Decision[], at: Temporal.Instant) => void
  /** The journal refused, or a turn failed. What was to be decided is decided again after a while, if that can help. */
  readonly onError?: (error: unknown) => void
} & (
  | { readonly journal: Journal<Fact> }
  /** One of several replicas. */
  | { readonly replication: Replication }
)

/** What a turn did, for those who watch: how many facts were folded, and how long folding and deciding took. */
export type Turn = { readonly facts: number; readonly foldMs: number; readonly decideMs: number }

type Submission = Part & {
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

const SNAPSHOT_EVERY = 100_000
const RETRY_AFTER_MS = 1000
/** Facts that wait for the turn to end; what comes beyond is refused with Busy. */
const MAX_QUEUED = 100_000
/** How long a leader may take to decide on what another replica has taken in, a change of leaders included. */
const SETTLE_MS = 20_000

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
  /** Its part among several replicas; undefined for the only one. */
  readonly follower: Follower | undefined
  readonly snapshots: Snapshots

  readonly #options: ControllerOptions
  readonly #replication: Replication | undefined
  readonly #fold: Fold
  readonly #listeners = new Set<(turn: Turn) => void>()
  #queue: Submission[] = []
  #asked: Pick<Submission, 'resolve' | 'reject'>[] = []
  #queued = 0
  #turn: Promise<void> | undefined
  #closing = false
  #failed: Error | undefined
  #decidedVersion = -1
  #next: Temporal.Instant | undefined
  #cancelWake = () => {}

  /** Folds the journal, from its newest snapshot on, and decides what is due. Throws a JournalError or SnapshotError. */
  static async open(options: ControllerOptions): Promise<Controller> {
    const journal = 'replication' in options ? options.replication.journal : options.journal
    const { fold, snapshotSeq } = await foldJournal(journal)
    const controller = new Controller(options, journal, fold, snapshotSeq)
    const first = controller.#run()
    controller.#takeTurn(first)
    await first
    return controller
  }

  private constructor(options: ControllerOptions, journal: Journal<Fact>, fold: Fold, snapshotSeq: number) {
    this.#options = options
    this.journal = journal
    this.clock = options.clock
    this.#fold = fold
    this.state = fold.state
    this.snapshots = new Snapshots(journal, fold, {
      every: options.snapshotEvery ?? SNAPSHOT_EVERY,
      savedSeq: snapshotSeq,
      isWhole: () => this.#failed === undefined,
      onError: (error) => options.onError?.(error),
    })
    this.#replication = 'replication' in options ? options.replication : undefined
    if (this.#replication === undefined) return
    this.follower = new Follower(this.#replication, fold, () => this.#start())
    this.follower.subscribe(() => {
      this.#decidedVersion = -1
      // Who has just begun to lead has something better to do than to encode its state.
      this.snapshots.putOff()
    })
  }

  /** Whether this replica decides, and does what only one may do. */
  get leading(): boolean {
    return this.follower === undefined || this.follower.term !== undefined
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
    if (this.#queued + facts.length > MAX_QUEUED && this.#queued > 0)
      return Promise.reject(new JournalError('Busy', `${this.#queued} facts wait to be written; try again shortly.`))
    return new Promise((resolve, reject) => {
      this.#queue.push({ facts, watch, resolve, reject })
      this.#queued += facts.length
      this.#start()
    })
  }

  /**
   * Resolves when everything that any replica acknowledged before has been folded here; at once for the only one. Rejects with
   * a JournalError when the journal cannot be asked.
   */
  async current(): Promise<void> {
    if (this.follower === undefined) return
    if (this.#failed !== undefined) throw this.#failed
    await new Promise<void>((resolve, reject) => {
      this.#asked.push({ resolve, reject })
      this.#start()
    })
  }

  /** Calls `listener` at the end of every turn. Returns how to end that. */
  subscribe(listener: (turn: Turn) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * Resolves when nothing that was submitted so far is left to be decided: with false when another replica should have decided
   * on it, and has not for a while.
   */
  async settled(): Promise<boolean> {
    const deadline = performance.now() + SETTLE_MS
    for (;;) {
      while (this.#turn !== undefined) await this.#turn
      if (this.#failed !== undefined || !this.#awaitsLeader()) return true
      if (performance.now() >= deadline || this.#closing) return false
      await this.#nextTurn(deadline)
    }
  }

  /** Takes nothing more in, finishes what was submitted, saves a snapshot and closes the journal. */
  async close(): Promise<void> {
    this.#closing = true
    await this.settled()
    this.#cancelWake()
    // Of several replicas the one that leads next saves it when it is due; this one lets it begin at once.
    if (this.follower === undefined) await this.snapshots.saveLast()
    else await this.snapshots.idle()
    this.follower?.close()
    await this.#replication?.leadership.close()
    await this.journal.close()
  }

  #start(): void {
    if (this.#turn !== undefined) return
    // What arrives in the same turn of the event loop goes into one commit.
    this.#takeTurn(new Promise<void>((resolve) => setImmediate(resolve)).then(() => this.#run()))
  }

  /** Until it is over no other turn begins: two at once would each take a term, or decide the same. */
  #takeTurn(turn: Promise<void>): void {
    this.#turn = turn
      .catch((error: unknown) => this.#fail(error))
      .then(() => {
        this.#turn = undefined
        if (this.#queue.length > 0 || this.#asked.length > 0) this.#start()
      })
  }

  async #run(): Promise<void> {
    const submissions = this.#queue
    this.#queue = []
    this.#queued = 0
    await this.#take(submissions, this.clock.nowMs())
    const begun = performance.now()
    if (this.#failed === undefined && (await this.#follow()) && this.#failed === undefined) await this.#decide()
    if (this.#failed !== undefined) return
    this.#tell(performance.now() - begun)
    if (this.leading) this.snapshots.saveWhenDue()
  }

  /** Makes durable, folds and acknowledges what was submitted, all of it by one append. */
  async #take(submissions: readonly Submission[], at: number): Promise<void> {
    try {
      await this.#commit(submissions, at)
      for (const { resolve } of submissions) resolve()
    } catch (error) {
      // One of them may be to blame for all; nothing has been kept.
      if (submissions.length > 1 && isRefusal(error))
        await Promise.all(submissions.map((submission) => this.#take([submission], at)))
      else for (const { reject } of submissions) reject(error)
    }
  }

  /** Whether what others appended has been folded. */
  async #follow(): Promise<boolean> {
    if (this.follower === undefined || this.#replication === undefined) return true
    const asked = this.#asked
    this.#asked = []
    try {
      await this.follower.step(asked.length > 0)
      for (const { resolve } of asked) resolve()
      if (this.#replication.journal.heardAt > this.troubledAt) this.trouble = undefined
      return true
    } catch (error) {
      for (const { reject } of asked) reject(error)
      if (passes(error)) {
        this.#refused(error)
        this.#wakeAt(this.#later())
      } else this.#fail(error)
      return false
    }
  }

  async #decide(): Promise<void> {
    const now = this.clock.now()
    const due = this.#next !== undefined && Temporal.Instant.compare(now, this.#next) >= 0
    if (this.state.version === this.#decidedVersion && !due) return
    const outcome = decide(this.state, now)
    if (!this.leading) return this.#leaveToLeader(outcome)
    let made: Outcome
    try {
      made = await this.#carryOut(outcome, now)
    } catch (error) {
      if (isRefusal(error)) this.#options.onError?.(error)
      if (this.#failed === undefined) this.#wakeAt(this.#later())
      return
    }
    this.notes = made.notes
    this.#decidedVersion = this.state.version
    this.#next = made.next
    this.#wakeAt(made.next)
    if (made.decisions.length > 0) this.#options.onDecisions?.(made.decisions, now)
  }

  // Notes do not speak of decisions that are not in the journal: while some are due, those from before stand.
  #leaveToLeader({ decisions, notes, next }: Outcome): void {
    if (decisions.length === 0) this.notes = notes
    this.#decidedVersion = this.state.version
    this.#next = next
    this.#wakeAt(next)
  }

  /** Makes the decisions durable and folds them; others when something was appended that they do not know of. */
  async #carryOut(outcome: Outcome, now: Temporal.Instant): Promise<Outcome> {
    const at = now.epochMilliseconds
    const { follower } = this
    const replication = this.#replication
    if (outcome.decisions.length === 0) return outcome
    if (follower?.term === undefined || replication === undefined) {
      await this.#commit([{ facts: outcome.decisions }], at)
      return outcome
    }
    let made = outcome
    let decidedOn = this.#fold.seq
    const appended = await this.#appending(
      replication.journal.appendNext(follower.term, {
        foldedSeq: () => this.#fold.seq,
        fold: (entries) =>
          this.#folding(() => {
            for (const entry of entries) this.#fold.entry(entry)
          }),
        make: () => {
          // Also facts that change nothing to be decided move the clock on.
          if (this.#fold.seq !== decidedOn) made = decide(this.state, now)
          decidedOn = this.#fold.seq
          return { facts: made.decisions, at }
        },
      }),
    )
    this.#folding(() => this.#fold.own({ ...appended, parts: [appended] }))
    return made
  }

  async #commit(parts: readonly Part[], at: number): Promise<void> {
    const facts = parts.flatMap((part) => part.facts)
    if (facts.length === 0) return
    const appended = await this.#appending(this.journal.append(facts, at))
    const { promise, resolve } = Promise.withResolvers<void>()
    const isFolded = this.#folding(() => this.#fold.own({ ...appended, at, parts, done: resolve }))
    if (isFolded) return
    if (this.follower === undefined) throw this.#fail(new Error(`fact ${appended.first} came after ${this.#fold.seq}`))
    await Promise.all([promise, this.follower.catchUp(appended.last)])
  }

  /** What came of an append; remembers why it was refused. */
  async #appending<T>(append: Promise<T>): Promise<T> {
    try {
      const appended = await append
      this.trouble = undefined
      return appended
    } catch (error) {
      if (error instanceof JournalError && error.code === 'Fenced') this.follower?.fenced()
      this.#refused(error)
      throw error
    }
  }

  #refused(error: unknown): void {
    const isNew = error !== this.trouble && !isSameRefusal(error, this.trouble)
    this.trouble = error
    this.troubledAt = performance.now()
    if (isNew && !isRefusal(error)) this.#options.onError?.(error)
  }

  #folding<T>(fold: () => T): T {
    try {
      return fold()
    } catch (error) {
      throw this.#fail(error)
    }
  }

  // A fact that is durable and cannot be folded leaves the state in between: nothing more is taken in, nothing is decided.
  #fail(error: unknown): Error {
    if (this.#failed !== undefined) return this.#failed
    const failed = new Error(`the controller has stopped: ${reasonOf(error)}`, { cause: error })
    this.#failed = failed
    this.trouble = failed
    this.#cancelWake()
    for (const submission of this.#queue) submission.reject(failed)
    for (const { reject } of this.#asked) reject(failed)
    this.#queue = []
    this.#asked = []
    this.#queued = 0
    this.#options.onError?.(failed)
    return failed
  }

  #tell(decideMs: number): void {
    const turn: Turn = { ...this.#fold.taken(), decideMs }
    for (const listener of this.#listeners) listener(turn)
  }

  // By the newest fact's instant, not by this replica's clock, which may be ahead of the leader's.
  #awaitsLeader(): boolean {
    if (this.leading) return false
    return decide(this.state, Temporal.Instant.fromEpochMilliseconds(this.state.clock)).decisions.length > 0
  }

  async #nextTurn(deadline: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, Math.max(0, deadline - performance.now()))
    const unsubscribe = this.subscribe(() => resolve())
    await promise
    clearTimeout(timer)
    unsubscribe()
  }

  #later(): Temporal.Instant {
    return this.clock.now().add({ milliseconds: RETRY_AFTER_MS })
  }

  #wakeAt(at: Temporal.Instant | undefined): void {
    this.#cancelWake()
    this.#cancelWake = at === undefined || this.#closing ? () => {} : this.clock.at(at, () => this.#start())
  }
}
