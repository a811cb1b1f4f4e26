// What an embedded storage engine has to do for the journal in chunked-journal.ts.
import type { Chunk } from './chunk.ts'
import type { Parts } from './journal.ts'

/** One durable change: all of it or nothing. `remove` goes before `insert`. */
export type StoreChange = {
  readonly insert: readonly Chunk[]
  readonly remove?: readonly Chunk[]
  readonly compactedThrough?: number
}

/** A snapshot that was made durable: its length in bytes and its crc32. */
export type SnapshotRecord = { readonly seq: number; readonly size: number; readonly check: number }

export interface ChunkStore {
  /** As stored: the newest fact, and how far compaction went. */
  position(): { readonly lastSeq: number; readonly compactedThrough: number }
  /** Durable when it returns. Throws DiskFull (nothing kept) or Broken (unknown what was kept). */
  write(change: StoreChange): void
  /** Chunks after the newest one: durable when it returns, or when the promise resolves. Fails as `write` does. One at a time. */
  append(chunks: readonly Chunk[]): void | Promise<void>
  /** The last chunk that begins at or before `seq`. */
  chunkAt(seq: number): Chunk | undefined
  /** Chunks with facts of one of these types (of any when undefined), beginning at or after `from`, or at or before it when newest first. */
  chunksOf(types: readonly string[] | undefined, from: number, order: 'oldest' | 'newest'): Iterable<Chunk>
  /** Newest first. */
  snapshots(): SnapshotRecord[]
  /** Whatever is there now under this record; throws when it cannot be read. */
  readSnapshot(record: SnapshotRecord): Uint8Array<ArrayBuffer>
  /** Whether what is there now is what was saved. Reads it without holding all of it. */
  isSnapshotGood(record: SnapshotRecord): Promise<boolean>
  /** Durable when it resolves. */
  writeSnapshot(seq: number, parts: Parts): Promise<SnapshotRecord>
  dropSnapshot(record: SnapshotRecord): void
  close(): void
}
