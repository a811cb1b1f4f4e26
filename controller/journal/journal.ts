// The port of the journal (architecture.md, "The journal"): facts in one order, durable once acknowledged, and snapshots of
// what they fold to. Engines stand behind it; the rest of the code sees only this.
import type { EpochMs } from '../model/instant.ts'

/** What a journal can hold: a plain JSON object told apart by `type` (1 to 256 characters). */
export type AnyFact = { readonly type: string }

/** A fact as it stands in the journal. Sequence numbers start at 1 and have no gaps. */
export type Entry<F extends AnyFact> = { readonly seq: number; readonly at: EpochMs; readonly fact: F }

/** The sequence numbers given to one append. An empty append has `last === first - 1`. */
export type Appended = { readonly first: number; readonly last: number }

/** The state after fact `seq`, encoded. */
export type Snapshot = { readonly seq: number; readonly bytes: Uint8Array<ArrayBuffer> }

/** Bytes one part after the other, which must not change afterwards. */
export type Parts = Iterable<Uint8Array> | AsyncIterable<Uint8Array>

/** What an audit listing asks for. At most `READ_KEPT_LIMIT` entries at once; page on with `fromSeq`. */
export type KeptQuery = {
  /** Only facts of these types (at most 32); all types when absent. */
  readonly types?: readonly string[]
  /** The first fact to consider, itself included: going up from it when oldest first, down from it when newest first. */
  readonly fromSeq?: number
  readonly limit: number
  readonly order?: 'oldest' | 'newest'
}

/** What a compaction did: facts up to `through` were looked at by this or an earlier one. */
export type Compacted = { readonly through: number; readonly deleted: number; readonly kept: number }

/** How much may wait for the next commit. Beyond it `append` rejects with `Busy` at once. */
export type QueueLimits = { readonly facts: number; readonly bytes: number }

export const DEFAULT_QUEUE_LIMITS: QueueLimits = { facts: 100_000, bytes: 64 * 1024 * 1024 }
export const READ_KEPT_LIMIT = 10_000

/** An engine that reads without waiting gives its answers at once, one that asks a server gives promises. */
export interface Journal<F extends AnyFact> {
  /** The newest durable fact; 0 when there is none. */
  readonly lastSeq: number
  /** Facts up to here may have been deleted by `compact`; `read` starts here or later. */
  readonly compactedThrough: number
  /** What was found damaged and worked around, for a person to read. The latest 100. */
  readonly warnings: readonly string[]

  /**
   * Resolves once the facts are durable. Everything appended in one turn of the event loop becomes durable together or not at
   * all, in call order; when that fails, all of it rejects with the same error. Facts are taken as they are at the call.
   * Rejects with a JournalError: Busy, TooLarge, Invalid, Closed, DiskFull, Unavailable or Broken.
   */
  append(facts: readonly F[], at: EpochMs): Promise<Appended>

  /**
   * The facts after `after` that are durable now, in order, read piece by piece: memory does not grow with their number. Facts
   * may be appended while iterating. Throws Compacted when some of them are gone, Corrupt when one cannot be read.
   */
  read(after: number): Iterable<Entry<F>> | AsyncIterable<Entry<F>>

  /** Facts of some types wherever they are: kept by a compaction or not yet compacted. */
  readKept(query: KeptQuery): readonly Entry<F>[] | Promise<readonly Entry<F>[]>

  /**
   * Resolves once the snapshot is durable; the newest two good ones are kept. Its bytes are read once, part by part. One at a
   * time: rejects with Busy while another is being saved, with Invalid for a `seq` that is not durable or older than the newest
   * snapshot.
   */
  saveSnapshot(seq: number, parts: Parts): Promise<void>

  /** The newest snapshot whose checksum is right. A damaged one is passed over with a warning. */
  latestSnapshot(): Snapshot | undefined | Promise<Snapshot | undefined>

  /**
   * Deletes facts up to `throughSeq` except those of types that `keep` names. Rejects with NotCovered, and deletes nothing, when
   * `throughSeq` is beyond the newest good snapshot. While two good snapshots are kept it goes no further than the older of
   * them, so that either can be restored from; `through` of the result says how far. Appends go on meanwhile.
   */
  compact(throughSeq: number, keep: (type: string) => boolean): Promise<Compacted>

  /** Makes durable what was appended before, and lets go of the data. */
  close(): Promise<void>
}

/** A journal within this process, which nobody else appends to. */
export interface EmbeddedJournal<F extends AnyFact> extends Journal<F> {
  read(after: number): Iterable<Entry<F>>
  readKept(query: KeptQuery): Entry<F>[]
  latestSnapshot(): Snapshot | undefined
}

/** How the facts that follow directly upon the newest one are made. */
export type NextFacts<F extends AnyFact> = {
  /** The newest fact that has been folded. */
  readonly foldedSeq: () => number
  /** Takes in the facts after that one, in order; they are durable, whatever becomes of the rest. */
  readonly fold: (entries: readonly Entry<F>[]) => void
  /** Called when nothing is left to fold; what it returns becomes durable with nothing in between. */
  readonly make: () => { readonly facts: readonly F[]; readonly at: EpochMs }
}

/** Facts that were made, and the numbers that they got. */
export type AppendedNext<F extends AnyFact> = Appended & { readonly facts: readonly F[]; readonly at: EpochMs }

/** What a leader has: its term, and the newest fact when that began. */
export type Lead = { readonly term: number; readonly head: number }

/**
 * A journal that several processes append to. Order is the same for all of them, and is the order in which facts become
 * visible: whoever has seen a fact has seen, or can read, every one before it. `lastSeq` is the newest that is known here.
 */
export interface SharedJournal<F extends AnyFact> extends Journal<F> {
  /** Calls `listener` when facts of others may have come, or the connection came back. Returns how to end that. */
  subscribe(listener: () => void): () => void

  /** The newest fact, asked of the storage: whatever was acknowledged anywhere before. Rejects with Unavailable. */
  head(): Promise<number>

  /** When the storage was last heard from, by `performance.now()`; before the first time, when it was opened. */
  readonly heardAt: number

  /**
   * Begins a new term, which ends that of every other process: what they append with theirs is refused with Fenced. Rejects
   * with Unavailable.
   */
  lead(replica: string): Promise<Lead>

  /**
   * Appends what directly follows the newest fact; other processes wait meanwhile, so that nothing comes between. Rejects with
   * Fenced, having appended nothing, when the term is over; otherwise as `append` does. Empty facts append nothing.
   */
  appendNext(term: number, next: NextFacts<F>): Promise<AppendedNext<F>>
}

/**
 * - Busy: too much waits already; try again after what waits was acknowledged.
 * - TooLarge, Invalid: these facts can never be appended, the arguments are wrong, or the path cannot be opened.
 * - DiskFull: nothing of the batch was kept; appending works again when there is room.
 * - Broken: the storage failed in a way that leaves open what is durable; only opening the journal anew tells.
 * - Unavailable: the database could not be reached for too long. Whether the facts were kept shows when it can be again, and the
 *   journal finds out by itself.
 * - Fenced: another process has begun a later term; nothing was appended.
 * - Unsaved: the snapshot was not saved; facts are not affected.
 * - Locked, Corrupt, NotAJournal, NewerVersion: the data cannot be opened or read; nothing was changed.
 * - Compacted, NotCovered: the facts asked for are gone, or are still needed.
 */
export type JournalErrorCode =
  | 'Busy'
  | 'TooLarge'
  | 'Invalid'
  | 'Closed'
  | 'DiskFull'
  | 'Broken'
  | 'Unavailable'
  | 'Fenced'
  | 'Unsaved'
  | 'Locked'
  | 'Corrupt'
  | 'NotAJournal'
  | 'NewerVersion'
  | 'Compacted'
  | 'NotCovered'

export class JournalError extends Error {
  readonly code: JournalErrorCode

  constructor(code: JournalErrorCode, message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'JournalError'
    this.code = code
  }
}
