// A controller at work: facts come in, are made durable, folded, and decided upon, one turn after the other. Nothing acts
// on a decision that is not in the journal, and nothing is acknowledged that is not.
import type { Journal } from '../journal/journal.ts'
import { type Decision, type Fact, type Input, isDecisionType } from '../model/facts.ts'
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
  /** The journal refused: what was to be decided is decided again after a while. */
  readonly onError?: (error: unknown) => void
}

type Submission = {
  readonly facts: readonly Input[]
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

  readonly #options: ControllerOptions
  #queue: Submission[] = []
  #turn: Promise<void> | undefined
  #closing = false
  #decidedVersion = -1
  #next: Temporal.Instant | undefined
  #cancelWake = () => {}
  #appliedSeq: number
  #snapshotSeq: number

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
  }

  /**
   * Makes facts durable and folds them. Resolves when both have happened; what they give rise to has then been decided at the
   * latest by the end of the same turn. Rejects with a JournalError when they could not be made durable; then nothing has happened.
   */
  submit(...facts: readonly Input[]): Promise<void> {
    if (this.#closing) return Promise.reject(new Error('the controller is stopping'))
    return new Promise((resolve, reject) => {
      this.#queue.push({ facts, resolve, reject })
      this.#start()
    })
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
    await this.#saveSnapshot()
    await this.journal.close()
  }

  #start(): void {
    if (this.#turn !== undefined) return
    // What arrives in the same turn of the event loop goes into one commit.
    this.#turn = new Promise<void>((resolve) => setImmediate(resolve)).then(() => this.#run())
    this.#turn.finally(() => {
      this.#turn = undefined
      if (this.#queue.length > 0) this.#start()
    })
  }

  async #run(): Promise<void> {
    const submissions = this.#queue
    this.#queue = []
    const at = this.clock.now().epochMilliseconds
    await Promise.all(submissions.map((submission) => this.#take(submission, at)))
    await this.#decide()
    if (this.#appliedSeq - this.#snapshotSeq >= (this.#options.snapshotEvery ?? SNAPSHOT_EVERY))
      await this.#saveSnapshot()
  }

  async #take({ facts, resolve, reject }: Submission, at: number): Promise<void> {
    try {
      await this.#commit(facts, at)
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
      this.trouble = error
      this.#options.onError?.(error)
      this.#wakeAt(now.add({ milliseconds: RETRY_AFTER_MS }))
      return
    }
    this.trouble = undefined
    this.notes = notes
    this.#decidedVersion = this.state.version
    this.#next = next
    this.#wakeAt(next)
    if (decisions.length > 0) this.#options.onDecisions?.(decisions, now)
  }

  async #commit(facts: readonly Fact[], at: number): Promise<void> {
    if (facts.length === 0) return
    const { first, last } = await this.journal.append(facts, at)
    if (first !== this.#appliedSeq + 1) throw new Error(`fact ${first} came after ${this.#appliedSeq}`)
    for (const fact of facts) apply(this.state, at, fact)
    this.#appliedSeq = last
  }

  #wakeAt(at: Temporal.Instant | undefined): void {
    this.#cancelWake()
    this.#cancelWake = at === undefined || this.#closing ? () => {} : this.clock.at(at, () => this.#start())
  }

  async #saveSnapshot(): Promise<void> {
    if (this.#appliedSeq === this.#snapshotSeq) return
    try {
      await this.journal.saveSnapshot(this.#appliedSeq, encodeState(this.state))
      this.#snapshotSeq = this.#appliedSeq
      await this.journal.compact(this.#snapshotSeq, isDecisionType)
    } catch (error) {
      this.#options.onError?.(error)
    }
  }
}
