// The journal in memory, for simulation and tests. What outlives a journal is its medium, so that reopening and crashing can
// be played through without a file.
import { crc32 } from 'node:zlib'
import { type Chunk, distinctTypes, packStored, unpack } from './chunk.ts'
import type { ChunkStore, SnapshotRecord, StoreChange } from './chunk-store.ts'
import { ChunkedJournal } from './chunked-journal.ts'
import { type AnyFact, type EmbeddedJournal, JournalError, type Parts, type QueueLimits } from './journal.ts'

/** Takes the place of the disk. `user` is the one store that may write. */
export type MemoryMedium = {
  chunks: Chunk[]
  compactedThrough: number
  snapshots: { record: SnapshotRecord; bytes: Uint8Array<ArrayBuffer> }[]
  user: object | undefined
}

export function newMemoryMedium(): MemoryMedium {
  return { chunks: [], compactedThrough: 0, snapshots: [], user: undefined }
}

/** Throws Locked while another journal is open on the medium. */
export function openMemoryJournal<F extends AnyFact>(
  decode: (json: unknown) => F,
  medium: MemoryMedium = newMemoryMedium(),
  limits?: QueueLimits,
): EmbeddedJournal<F> {
  return new ChunkedJournal(new MemoryStore(medium), decode, limits)
}

/** For tests: a crash after which nothing later than fact `seq` was durable. The journal that was open is broken; open a new one. */
export function crashAfter(medium: MemoryMedium, seq: number): void {
  medium.user = undefined
  const cut = medium.chunks.findIndex((chunk) => chunk.last > seq)
  if (cut >= 0) {
    const removed = medium.chunks.splice(cut)
    medium.chunks.push(...packStored(removed.flatMap((chunk) => unpack(chunk)).filter((entry) => entry.seq <= seq)))
  }
  medium.compactedThrough = Math.min(medium.compactedThrough, seq)
  medium.snapshots = medium.snapshots.filter(({ record }) => record.seq <= seq)
}

class MemoryStore implements ChunkStore {
  readonly #medium: MemoryMedium

  constructor(medium: MemoryMedium) {
    if (medium.user !== undefined) throw new JournalError('Locked', 'Another journal is open on this medium.')
    medium.user = this
    this.#medium = medium
  }

  position(): { lastSeq: number; compactedThrough: number } {
    const { chunks, compactedThrough } = this.#medium
    return { lastSeq: Math.max(chunks.at(-1)?.last ?? 0, compactedThrough), compactedThrough }
  }

  write({ insert, remove = [], compactedThrough }: StoreChange): void {
    this.#makeSureAlive()
    const medium = this.#medium
    if (remove.length > 0) {
      // What is removed stands together, and what replaces it goes in the same place.
      const at = medium.chunks.indexOf(remove[0] ?? { first: 0, last: 0, runs: [], body: '', check: 0 })
      medium.chunks.splice(at, remove.length, ...insert)
    } else {
      medium.chunks.push(...insert)
    }
    medium.compactedThrough = compactedThrough ?? medium.compactedThrough
  }

  append(insert: readonly Chunk[]): void {
    this.write({ insert })
  }

  chunkAt(seq: number): Chunk | undefined {
    return this.#medium.chunks[this.#indexAt(seq)]
  }

  *chunksOf(types: readonly string[] | undefined, from: number, order: 'oldest' | 'newest'): Generator<Chunk> {
    const { chunks } = this.#medium
    const step = order === 'newest' ? -1 : 1
    const begin = order === 'newest' ? this.#indexAt(from) : this.#indexAt(from - 1) + 1
    for (let i = begin; ; i += step) {
      const chunk = chunks[i]
      if (chunk === undefined) return
      const held = types && distinctTypes(chunk)
      if (held === undefined || types?.some((type) => held.has(type))) yield chunk
    }
  }

  snapshots(): SnapshotRecord[] {
    return this.#medium.snapshots.map(({ record }) => record)
  }

  readSnapshot(record: SnapshotRecord): Uint8Array<ArrayBuffer> {
    const found = this.#medium.snapshots.find((snapshot) => snapshot.record.seq === record.seq)
    if (found === undefined) throw new Error('it is gone')
    return found.bytes.slice()
  }

  async isSnapshotGood(record: SnapshotRecord): Promise<boolean> {
    const bytes = this.readSnapshot(record)
    return bytes.length === record.size && crc32(bytes) === record.check
  }

  async writeSnapshot(seq: number, parts: Parts): Promise<SnapshotRecord> {
    const taken: Uint8Array[] = []
    for await (const part of parts) taken.push(part)
    const bytes = new Uint8Array(Buffer.concat(taken))
    this.#makeSureAlive()
    const record = { seq, size: bytes.length, check: crc32(bytes) }
    this.dropSnapshot(record)
    this.#medium.snapshots.push({ record, bytes })
    this.#medium.snapshots.sort((a, b) => b.record.seq - a.record.seq)
    return record
  }

  dropSnapshot({ seq }: SnapshotRecord): void {
    this.#medium.snapshots = this.#medium.snapshots.filter(({ record }) => record.seq !== seq)
  }

  close(): void {
    if (this.#medium.user === this) this.#medium.user = undefined
  }

  /** Index of the last chunk that begins at or before `seq`; -1 when there is none. */
  #indexAt(seq: number): number {
    const { chunks } = this.#medium
    let low = 0
    let high = chunks.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((chunks[middle]?.first ?? 0) <= seq) low = middle + 1
      else high = middle
    }
    return low - 1
  }

  #makeSureAlive(): void {
    if (this.#medium.user !== this) throw new JournalError('Broken', 'The medium crashed; open the journal anew.')
  }
}
