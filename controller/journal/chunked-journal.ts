// The journal over any ChunkStore: numbering, group commit, reading, compaction and the choice of snapshots are the same for
// every embedded engine.
import { setImmediate as nextTurn } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
import type { EpochMs } from '../model/instant.ts'
import { reasonOf } from '../model/reason.ts'
import { AppendQueue, type Pending } from './append-queue.ts'
import { type Chunk, ChunkBuilder, decoded, packStored, type Stored, unpack } from './chunk.ts'
import type { ChunkStore, SnapshotRecord } from './chunk-store.ts'
import {
  type AnyFact,
  type Appended,
  type Compacted,
  DEFAULT_QUEUE_LIMITS,
  type EmbeddedJournal,
  type Entry,
  JournalError,
  type KeptQuery,
  type Parts,
  type QueueLimits,
  type Snapshot,
} from './journal.ts'
import { listingOf, pick } from './listing.ts'

const SNAPSHOTS_KEPT = 2
const WARNINGS_KEPT = 100
/** Chunks that one step of a compaction looks at, between which appends have their turn. */
const COMPACT_CHUNKS = 32

export class ChunkedJournal<F extends AnyFact> implements EmbeddedJournal<F> {
  readonly #store: ChunkStore
  readonly #decode: (json: unknown) => F
  readonly #queue: AppendQueue
  readonly #damaged = new Set<number>()
  #warnings: string[] = []
  #lastSeq: number
  #compactedThrough: number
  #saving: Promise<void> | undefined
  #closed = false
  #broken: JournalError | undefined

  constructor(store: ChunkStore, decode: (json: unknown) => F, limits: QueueLimits = DEFAULT_QUEUE_LIMITS) {
    this.#store = store
    this.#decode = decode
    this.#queue = new AppendQueue(limits, (batch) => this.#commit(batch))
    const { lastSeq, compactedThrough } = store.position()
    this.#lastSeq = lastSeq
    this.#compactedThrough = compactedThrough
  }

  get lastSeq(): number {
    return this.#lastSeq
  }

  get compactedThrough(): number {
    return this.#compactedThrough
  }

  get warnings(): readonly string[] {
    return this.#warnings
  }

  async append(facts: readonly F[], at: EpochMs): Promise<Appended> {
    this.#makeSureUsable()
    return this.#queue.append(facts, at)
  }

  read(after: number): Iterable<Entry<F>> {
    this.#makeSureOpen()
    if (!Number.isSafeInteger(after) || after < 0)
      throw new JournalError('Invalid', `There is no fact ${after} to read after.`)
    return this.#entries(after + 1, this.#lastSeq)
  }

  readKept(query: KeptQuery): Entry<F>[] {
    this.#makeSureOpen()
    const listing = listingOf(query, this.#lastSeq)
    const { types, from, limit, newest } = listing
    const found: Entry<F>[] = []
    if (limit === 0) return found
    const begin = newest ? from : (this.#store.chunkAt(from)?.first ?? 0)
    for (const chunk of this.#store.chunksOf(types, begin, newest ? 'newest' : 'oldest')) {
      for (const entry of pick(chunk, listing)) {
        found.push(decoded(entry, this.#decode))
        if (found.length === limit) return found
      }
    }
    return found
  }

  async saveSnapshot(seq: number, parts: Parts): Promise<void> {
    this.#makeSureUsable()
    if (this.#saving !== undefined)
      throw new JournalError('Busy', 'Another snapshot is being saved; try again when it is.')
    if (!Number.isSafeInteger(seq) || seq < 0 || seq > this.#lastSeq)
      throw new JournalError(
        'Invalid',
        `A snapshot after fact ${seq} is not possible: the last fact is ${this.#lastSeq}.`,
      )
    const newest = this.#store.snapshots().find((record) => !this.#damaged.has(record.seq))
    if (newest !== undefined && seq < newest.seq)
      throw new JournalError(
        'Invalid',
        `There is a newer snapshot than one after fact ${seq}, after fact ${newest.seq}.`,
      )
    this.#saving = this.#save(seq, parts)
    try {
      await this.#saving
    } finally {
      this.#saving = undefined
    }
  }

  latestSnapshot(): Snapshot | undefined {
    this.#makeSureOpen()
    for (const record of this.#store.snapshots()) {
      const bytes = this.#readSnapshot(record)
      if (bytes !== undefined) return { seq: record.seq, bytes }
    }
    return undefined
  }

  async compact(throughSeq: number, keep: (type: string) => boolean): Promise<Compacted> {
    this.#makeSureUsable()
    const good = await this.#goodSnapshots()
    const newest = good[0]?.seq ?? 0
    if (!(throughSeq <= newest))
      throw new JournalError(
        'NotCovered',
        `Facts up to ${throughSeq} cannot be deleted: the newest good snapshot is after fact ${newest}.`,
      )
    const through = Math.min(throughSeq, good.at(-1)?.seq ?? 0)
    let deleted = 0
    let kept = 0
    while (this.#compactedThrough < through) {
      this.#makeSureUsable()
      const step = this.#compactStep(through, keep)
      deleted += step.deleted
      kept += step.kept
      await nextTurn()
    }
    return { through: this.#compactedThrough, deleted, kept }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#queue.drain()
    await this.#saving?.catch(() => {})
    this.#store.close()
  }

  #commit(batch: readonly Pending[]): Appended[] | Promise<Appended[]> {
    if (this.#broken !== undefined) throw this.#broken
    const builder = new ChunkBuilder(this.#lastSeq + 1)
    const appended = batch.map(({ pieces, at }) => {
      const first = builder.next
      for (const piece of pieces) builder.add(piece, at)
      return { first, last: builder.next - 1 }
    })
    const done = (): Appended[] => {
      this.#lastSeq = builder.next - 1
      return appended
    }
    const failed = (error: unknown): never => this.#failed(error)
    const written = this.#write(() => this.#store.append(builder.flush()))
    return written === undefined ? done() : written.then(done, failed)
  }

  #write<T>(change: () => T): T {
    try {
      return change()
    } catch (error) {
      return this.#failed(error)
    }
  }

  #failed(error: unknown): never {
    if (error instanceof JournalError && error.code === 'Broken') this.#broken = error
    throw error
  }

  *#entries(from: number, through: number): Generator<Entry<F>, void, undefined> {
    let next = from
    while (next <= through) {
      this.#makeSureOpen()
      if (next <= this.#compactedThrough)
        throw new JournalError(
          'Compacted',
          `Fact ${next} may be deleted (compacted through ${this.#compactedThrough}); begin with a snapshot.`,
        )
      const chunk = this.#store.chunkAt(next)
      if (chunk === undefined || chunk.last < next)
        throw new JournalError('Corrupt', `Fact ${next} is missing in the journal; restore its data from a backup.`)
      for (const entry of unpack(chunk))
        if (entry.seq >= next && entry.seq <= through) yield decoded(entry, this.#decode)
      next = chunk.last + 1
    }
  }

  async #save(seq: number, parts: Parts): Promise<void> {
    const record = await this.#store.writeSnapshot(seq, parts)
    this.#damaged.delete(record.seq)
    const good = this.#store.snapshots().filter(({ seq }) => !this.#damaged.has(seq))
    const kept = new Set(good.slice(0, SNAPSHOTS_KEPT).map(({ seq }) => seq))
    this.#write(() => {
      for (const old of this.#store.snapshots()) if (!kept.has(old.seq)) this.#store.dropSnapshot(old)
    })
  }

  #readSnapshot(record: SnapshotRecord): Uint8Array<ArrayBuffer> | undefined {
    try {
      const bytes = this.#store.readSnapshot(record)
      if (bytes.length === record.size && crc32(bytes) === record.check) return bytes
      this.#passOver(record, 'its checksum is wrong')
    } catch (error) {
      this.#passOver(record, reasonOf(error))
    }
    return undefined
  }

  async #goodSnapshots(): Promise<SnapshotRecord[]> {
    const good: SnapshotRecord[] = []
    for (const record of this.#store.snapshots()) {
      if (await this.#store.isSnapshotGood(record)) good.push(record)
      else this.#passOver(record, 'its checksum is wrong')
    }
    return good
  }

  #passOver(record: SnapshotRecord, why: string): void {
    if (this.#damaged.has(record.seq)) return
    this.#damaged.add(record.seq)
    const warning = `The snapshot after fact ${record.seq} is damaged and was passed over: ${why}.`
    this.#warnings = [...this.#warnings, warning].slice(-WARNINGS_KEPT)
  }

  #compactStep(through: number, keep: (type: string) => boolean): { deleted: number; kept: number } {
    const remove: Chunk[] = []
    const kept: Stored[] = []
    const rest: Stored[] = []
    let position = this.#compactedThrough
    while (position < through && remove.length < COMPACT_CHUNKS) {
      const chunk = this.#store.chunkAt(position + 1)
      if (chunk === undefined || chunk.last <= position)
        throw new JournalError(
          'Corrupt',
          `Fact ${position + 1} is missing in the journal; restore its data from a backup.`,
        )
      remove.push(chunk)
      if (chunk.last > through || chunk.runs.some(([, , , type]) => keep(type)))
        for (const entry of unpack(chunk)) {
          if (entry.seq > through) rest.push(entry)
          else if (keep(entry.type)) kept.push(entry)
        }
      position = Math.min(chunk.last, through)
    }
    const deleted = position - this.#compactedThrough - kept.length
    const insert = [...packStored(kept), ...packStored(rest)]
    this.#write(() => this.#store.write({ insert, remove, compactedThrough: position }))
    this.#compactedThrough = position
    return { deleted, kept: kept.length }
  }

  #makeSureOpen(): void {
    if (this.#closed) throw new JournalError('Closed', 'The journal is closed.')
  }

  #makeSureUsable(): void {
    this.#makeSureOpen()
    if (this.#broken !== undefined) throw this.#broken
  }
}
