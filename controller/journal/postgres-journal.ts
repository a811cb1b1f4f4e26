// The journal in a PostgreSQL database, for several replicas: any of them appends, and all of them read one order. How that is
// kept stands in postgres-schema.ts, how a batch is appended once in postgres-writer.ts.
import { crc32 } from 'node:zlib'
import type { EpochMs } from '../model/instant.ts'
import { AppendQueue } from './append-queue.ts'
import { decoded, unpack } from './chunk.ts'
import type { SnapshotRecord } from './chunk-store.ts'
import {
  type AnyFact,
  type Appended,
  type AppendedNext,
  type Compacted,
  DEFAULT_QUEUE_LIMITS,
  type Entry,
  JournalError,
  type KeptQuery,
  type Lead,
  type NextFacts,
  type Parts,
  type QueueLimits,
  type SharedJournal,
  type Snapshot,
} from './journal.ts'
import { listingOf, pick } from './listing.ts'
import { compactStep } from './postgres-compaction.ts'
import {
  asJournalError,
  connect,
  drop,
  isPassing,
  LINK_TIMES,
  Link,
  type LinkTimes,
  unavailable,
} from './postgres-link.ts'
import { type Heard, PostgresListener } from './postgres-listener.ts'
import { chunksFrom, chunksOf, headOf, numberIn, READ_CHUNKS, type Run } from './postgres-rows.ts'
import { prepareSchema, quoted } from './postgres-schema.ts'
import { PostgresSnapshots } from './postgres-snapshots.ts'
import { type PostgresTarget, parsePostgresUrl } from './postgres-url.ts'
import { PostgresWriter } from './postgres-writer.ts'

export type PostgresOptions = {
  readonly limits?: QueueLimits
  readonly times?: Partial<LinkTimes>
  /** In ms: how late facts of others are heard of when the database does not tell of them. */
  readonly pollMs?: number
}

const POLL_MS = 1000
const SNAPSHOTS_KEPT = 2
const WARNINGS_KEPT = 100

/**
 * Opens the journal in the database that `url` names, making its tables when there are none. Rejects with a JournalError, having
 * changed nothing: Invalid, NotAJournal, NewerVersion or Unavailable.
 */
export async function openPostgresJournal<F extends AnyFact>(
  url: string,
  decode: (json: unknown) => F,
  { limits = DEFAULT_QUEUE_LIMITS, times, pollMs = POLL_MS }: PostgresOptions = {},
): Promise<PostgresJournal<F>> {
  const target = parsePostgresUrl(url)
  const allTimes = { ...LINK_TIMES, ...times }
  const client = await connect(target, 'open', allTimes).catch((error: unknown) => {
    const known = asJournalError(target, error)
    throw known.code === 'Invalid' ? known : unavailable(target, error)
  })
  try {
    await prepareSchema(client, target.schema)
    const schema = quoted(target.schema)
    const found = await client.query<{ last: string; through: string }>(
      `SELECT last, through FROM ${schema}.head, ${schema}.compaction`,
    )
    const [row] = found.rows
    const at = { last: numberIn(row?.last), compactedThrough: numberIn(row?.through) }
    return new PostgresJournal(target, decode, { limits, times: allTimes, pollMs }, at)
  } catch (error) {
    throw isPassing(error) ? unavailable(target, error) : asJournalError(target, error)
  } finally {
    drop(client)
  }
}

export class PostgresJournal<F extends AnyFact> implements SharedJournal<F> {
  readonly #decode: (json: unknown) => F
  readonly #schema: string
  readonly #links: { readonly write: Link; readonly read: Link; readonly bulk: Link }
  readonly #writer: PostgresWriter<F>
  readonly #queue: AppendQueue
  readonly #snapshots: PostgresSnapshots
  readonly #listener: PostgresListener
  readonly #listeners = new Set<() => void>()
  readonly #damaged = new Set<number>()
  #warnings: string[] = []
  #lastSeq: number
  #polledSeq: number
  #compactedThrough: number
  #heardAt = performance.now()
  #saving: Promise<void> | undefined
  #closing: Promise<void> | undefined
  #broken: JournalError | undefined

  constructor(
    target: PostgresTarget,
    decode: (json: unknown) => F,
    { limits, times, pollMs }: { readonly limits: QueueLimits; readonly times: LinkTimes; readonly pollMs: number },
    at: { readonly last: number; readonly compactedThrough: number },
  ) {
    this.#decode = decode
    this.#schema = quoted(target.schema)
    this.#lastSeq = at.last
    this.#polledSeq = at.last
    this.#compactedThrough = at.compactedThrough
    const heard = () => {
      this.#heardAt = performance.now()
    }
    const link = (name: string) => new Link(target, name, times, heard)
    this.#links = { write: link('writer'), read: link('reader'), bulk: link('snapshots') }
    this.#writer = new PostgresWriter(this.#links.write, this.#schema, (client, after, through) =>
      Array.fromAsync(this.#entries(after + 1, through, (work) => work(client))),
    )
    this.#queue = new AppendQueue(limits, async (batch) => {
      const appended = await this.#guarded(this.#writer.append(batch))
      this.#grewTo(appended.at(-1)?.last ?? 0)
      return appended
    })
    this.#snapshots = new PostgresSnapshots(this.#links.bulk, this.#schema)
    this.#listener = new PostgresListener(target, times, pollMs, (news) => this.#hear(news))
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

  get heardAt(): number {
    return this.#heardAt
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async head(): Promise<number> {
    this.#makeSureUsable()
    this.#grewTo(await this.#links.read.run((client) => headOf(client, this.#schema)))
    return this.#lastSeq
  }

  async append(facts: readonly F[], at: EpochMs): Promise<Appended> {
    this.#makeSureUsable()
    return this.#queue.append(facts, at)
  }

  async lead(replica: string): Promise<Lead> {
    this.#makeSureUsable()
    const lead = await this.#guarded(this.#writer.lead(replica))
    this.#grewTo(lead.head)
    return lead
  }

  async appendNext(term: number, next: NextFacts<F>): Promise<AppendedNext<F>> {
    this.#makeSureUsable()
    const appended = await this.#guarded(this.#writer.appendNext(term, next))
    this.#grewTo(appended.last)
    return appended
  }

  read(after: number): AsyncIterable<Entry<F>> {
    this.#makeSureUsable()
    if (!Number.isSafeInteger(after) || after < 0)
      throw new JournalError('Invalid', `There is no fact ${after} to read after.`)
    return this.#entries(after + 1, this.#lastSeq, (work) => this.#links.read.run(work))
  }

  async readKept(query: KeptQuery): Promise<Entry<F>[]> {
    this.#makeSureUsable()
    const listing = listingOf(query, this.#lastSeq)
    const found: Entry<F>[] = []
    if (listing.limit === 0) return found
    const run: Run = (work) => this.#links.read.run(work)
    for await (const chunk of chunksOf(run, this.#schema, listing)) {
      for (const entry of pick(chunk, listing)) {
        found.push(decoded(entry, this.#decode))
        if (found.length === listing.limit) return found
      }
    }
    return found
  }

  async saveSnapshot(seq: number, parts: Parts): Promise<void> {
    this.#makeSureUsable()
    if (this.#saving !== undefined)
      throw new JournalError('Busy', 'Another snapshot is being saved; try again when it is.')
    this.#saving = this.#save(seq, parts)
    try {
      await this.#saving
    } finally {
      this.#saving = undefined
    }
  }

  async latestSnapshot(): Promise<Snapshot | undefined> {
    this.#makeSureUsable()
    for (const record of await this.#snapshots.list()) {
      const bytes = await this.#snapshots.read(record)
      if (bytes.length === record.size && crc32(bytes) === record.check) return { seq: record.seq, bytes }
      this.#passOver(record)
    }
    return undefined
  }

  async compact(throughSeq: number, keep: (type: string) => boolean): Promise<Compacted> {
    this.#makeSureUsable()
    const good: SnapshotRecord[] = []
    for (const record of await this.#snapshots.list())
      if (await this.#snapshots.isGood(record)) good.push(record)
      else this.#passOver(record)
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
      const step = await this.#links.bulk.transaction((client) => compactStep(client, this.#schema, through, keep))
      this.#compactedThrough = Math.max(this.#compactedThrough, step.through)
      deleted += step.deleted
      kept += step.kept
    }
    return { through: this.#compactedThrough, deleted, kept }
  }

  /**
   * Writes down the hash of a secret that all who use this journal share. `made`: it was made up just now, and is only to stand
   * if there is none; then the name of whoever told another one is returned.
   */
  tellSecret(name: string, hash: string, replica: string, made: boolean): Promise<string | undefined> {
    this.#makeSureUsable()
    return this.#links.write.run(async (client) => {
      await client.query(
        `INSERT INTO ${this.#schema}.secret VALUES ($1, $2, $3) ON CONFLICT (name) DO UPDATE
           SET hash = excluded.hash, told_by = excluded.told_by WHERE NOT $4 AND secret.hash <> excluded.hash`,
        [name, hash, replica, made],
      )
      const found = await client.query<{ hash: string; told_by: string }>(
        `SELECT hash, told_by FROM ${this.#schema}.secret WHERE name = $1`,
        [name],
      )
      const [row] = found.rows
      return row === undefined || row.hash === hash ? undefined : row.told_by
    })
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const listening = this.#listener.close()
    await this.#queue.drain()
    await this.#saving?.catch(() => {})
    await Promise.all([listening, ...Object.values(this.#links).map((link) => link.close())])
    this.#listeners.clear()
  }

  async #save(seq: number, parts: Parts): Promise<void> {
    if (!Number.isSafeInteger(seq) || seq < 0 || seq > this.#lastSeq)
      throw new JournalError(
        'Invalid',
        `A snapshot after fact ${seq} is not possible: the last fact is ${this.#lastSeq}.`,
      )
    const isUsable = (known: number) => !this.#damaged.has(known)
    const newest = (await this.#snapshots.list()).find((record) => isUsable(record.seq))
    if (newest !== undefined && seq < newest.seq)
      throw new JournalError(
        'Invalid',
        `There is a newer snapshot than one after fact ${seq}, after fact ${newest.seq}.`,
      )
    await this.#snapshots.write(seq, parts, (all) =>
      all.filter((known) => known === seq || isUsable(known)).slice(0, SNAPSHOTS_KEPT),
    )
    this.#damaged.delete(seq)
  }

  async *#entries(from: number, through: number, run: Run): AsyncGenerator<Entry<F>, void, undefined> {
    let next = from
    while (next <= through) {
      const begin = next
      const found = await run((client) => chunksFrom(client, this.#schema, begin, READ_CHUNKS))
      this.#compactedThrough = Math.max(this.#compactedThrough, found.compactedThrough)
      if (next <= found.compactedThrough)
        throw new JournalError(
          'Compacted',
          `Fact ${next} may be deleted (compacted through ${found.compactedThrough}); begin with a snapshot.`,
        )
      for (const chunk of found.chunks) {
        if (chunk.first > next || chunk.last < next) break
        for (const entry of unpack(chunk))
          if (entry.seq >= next && entry.seq <= through) yield decoded(entry, this.#decode)
        next = chunk.last + 1
        if (next > through) return
      }
      if (next === begin)
        throw new JournalError('Corrupt', `Fact ${next} is missing in the journal; restore its data from a backup.`)
    }
  }

  #passOver({ seq }: SnapshotRecord): void {
    if (this.#damaged.has(seq)) return
    this.#damaged.add(seq)
    const warning = `The snapshot after fact ${seq} is damaged and was passed over: its checksum is wrong.`
    this.#warnings = [...this.#warnings, warning].slice(-WARNINGS_KEPT)
  }

  #grewTo(last: number): void {
    this.#lastSeq = Math.max(this.#lastSeq, last)
  }

  // What was acknowledged before the last poll was sent is in its answer, unless somebody put an older database back.
  #hear({ last, compactedThrough = 0, polled }: Heard): void {
    this.#heardAt = performance.now()
    if (polled) {
      if (last < this.#polledSeq)
        this.#broken ??= new JournalError(
          'Broken',
          `The database stands at fact ${last}, and was at ${this.#polledSeq} before: an older one was put in its place. Start every replica anew.`,
        )
      this.#polledSeq = this.#lastSeq
    }
    this.#compactedThrough = Math.max(this.#compactedThrough, compactedThrough)
    this.#grewTo(last)
    for (const listener of this.#listeners) listener()
  }

  async #guarded<T>(work: Promise<T>): Promise<T> {
    try {
      return await work
    } catch (error) {
      if (error instanceof JournalError && error.code === 'Broken') this.#broken ??= error
      throw error
    }
  }

  #makeSureUsable(): void {
    if (this.#closing !== undefined) throw new JournalError('Closed', 'The journal is closed.')
    if (this.#broken !== undefined) throw this.#broken
  }
}
