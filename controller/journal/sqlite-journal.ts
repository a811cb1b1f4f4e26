// The embedded default: the journal in one SQLite file that one process at a time may open, with its snapshots beside it.
import { closeSync, existsSync, fdatasync, fdatasyncSync, openSync, statSync } from 'node:fs'
import { DatabaseSync, type SQLOutputValue, type StatementSync } from 'node:sqlite'
import { reasonOf } from '../model/reason.ts'
import { type Chunk, decodeRuns, distinctTypes, encodeRuns } from './chunk.ts'
import type { ChunkStore, SnapshotRecord, StoreChange } from './chunk-store.ts'
import { ChunkedJournal } from './chunked-journal.ts'
import { type AnyFact, JournalError, type JournalErrorCode, type Parts, type QueueLimits } from './journal.ts'
import {
  hasSnapshotFiles,
  isSnapshotFileGood,
  readSnapshotFile,
  removeSnapshotFile,
  removeUnfinishedSnapshots,
  snapshotPath,
  writeSnapshotFile,
} from './snapshot-files.ts'

/** 'RMJ1', so that another program's database is never taken for a journal. */
const APPLICATION_ID = 0x524d4a31
const SCHEMA_VERSION = 1

// Durable facts of some 140 bytes a second, in transactions of 100 / 2,500 / 10,000, on two slow cores with a quick fsync
// (0.4 ms): a row for each fact by prepared statement 220,000 / 305,000 / 470,000; rows in one multi-row insert 220,000 /
// 445,000 / 555,000; rows from json_each 204,000 / 334,000 / 380,000; one row of JSON lines 285,000 / 760,000 / 910,000; one row
// holding a JSON array, as here, 309,000 / 1,185,000 / 1,024,000. Larger pages suit long rows (16 KiB: up to 1,500,000), and a
// checkpoint every 8 MiB bounds how long a single commit takes. The whole journal so: 367,000 by appends of 100 one after the
// other, 1,127,000 by 25 such at a time (p50 1.7 ms, p99 11.5 ms), 293,000 by 200 single facts at a time; read 2,100,000.
const PAGE_SIZE = 16_384
const CHECKPOINT_PAGES = 512
/** What a large transaction made of the log is given back beyond this. */
const LOG_BYTES = 64 * 1024 * 1024

const SCHEMA = `
  CREATE TABLE chunk (
    first INTEGER PRIMARY KEY, last INTEGER NOT NULL, runs TEXT NOT NULL, check_sum INTEGER NOT NULL, body TEXT NOT NULL
  ) STRICT;
  CREATE TABLE chunk_type (type TEXT NOT NULL, first INTEGER NOT NULL, PRIMARY KEY (type, first)) STRICT, WITHOUT ROWID;
  CREATE TABLE compaction (id INTEGER PRIMARY KEY CHECK (id = 1), through INTEGER NOT NULL) STRICT;
  CREATE TABLE snapshot (seq INTEGER PRIMARY KEY, size INTEGER NOT NULL, check_sum INTEGER NOT NULL) STRICT;
  INSERT INTO compaction VALUES (1, 0);
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${SCHEMA_VERSION};`

/** A journal in a file. */
export class SqliteJournal<F extends AnyFact> extends ChunkedJournal<F> {
  readonly #store: SqliteStore

  constructor(store: SqliteStore, decode: (json: unknown) => F, limits?: QueueLimits) {
    super(store, decode, limits)
    this.#store = store
  }

  /** The largest size of the file, in pages of 16 KiB: a full disk for tests, a quota for everyone else. */
  limitPages(pages: number): void {
    this.#store.limitPages(pages)
  }
}

/**
 * Opens the journal in the file `path`, making it when there is none; its folder must exist. Throws a JournalError, having
 * changed nothing: Locked, Corrupt, NotAJournal, NewerVersion or Invalid.
 */
export function openSqliteJournal<F extends AnyFact>(
  path: string,
  decode: (json: unknown) => F,
  limits?: QueueLimits,
): SqliteJournal<F> {
  const store = new SqliteStore(path, ...openDatabase(path))
  try {
    removeUnfinishedSnapshots(path)
    return new SqliteJournal(store, decode, limits)
  } catch (error) {
    store.close()
    throw error
  }
}

class SqliteStore implements ChunkStore {
  readonly #path: string
  readonly #database: DatabaseSync
  /** The write-ahead log: what is committed is durable when this has been synced. */
  readonly #log: number
  readonly #insertChunk: StatementSync
  readonly #insertType: StatementSync
  readonly #deleteChunk: StatementSync
  readonly #deleteType: StatementSync
  readonly #chunkAt: StatementSync

  constructor(path: string, database: DatabaseSync, log: number) {
    this.#path = path
    this.#database = database
    this.#log = log
    this.#insertChunk = database.prepare(
      'INSERT INTO chunk (first, last, runs, check_sum, body) VALUES (?, ?, ?, ?, ?)',
    )
    this.#insertType = database.prepare('INSERT INTO chunk_type (type, first) VALUES (?, ?)')
    this.#deleteChunk = database.prepare('DELETE FROM chunk WHERE first = ?')
    this.#deleteType = database.prepare('DELETE FROM chunk_type WHERE type = ? AND first = ?')
    this.#chunkAt = database.prepare('SELECT * FROM chunk WHERE first <= ? ORDER BY first DESC LIMIT 1')
  }

  position(): { lastSeq: number; compactedThrough: number } {
    return this.#reading(() => {
      const newest = this.#database.prepare('SELECT last FROM chunk ORDER BY first DESC LIMIT 1').get()
      const compactedThrough = numberIn(this.#database.prepare('SELECT through FROM compaction').get(), 'through')
      return { lastSeq: Math.max(newest ? numberIn(newest, 'last') : 0, compactedThrough), compactedThrough }
    })
  }

  append(chunks: readonly Chunk[]): Promise<void> {
    this.#inTransaction(() => this.#insert(chunks))
    // On a thread of Node's pool, so that the event loop goes on meanwhile.
    return new Promise((resolve, reject) => {
      fdatasync(this.#log, (error) => (error ? reject(brokenBy(error)) : resolve()))
    })
  }

  write({ insert, remove = [], compactedThrough }: StoreChange): void {
    this.#durably(() => {
      for (const chunk of remove) {
        this.#deleteChunk.run(chunk.first)
        for (const type of distinctTypes(chunk)) this.#deleteType.run(type, chunk.first)
      }
      this.#insert(insert)
      if (compactedThrough !== undefined)
        this.#database.prepare('UPDATE compaction SET through = ?').run(compactedThrough)
    })
  }

  chunkAt(seq: number): Chunk | undefined {
    const row = this.#reading(() => this.#chunkAt.get(seq))
    return row && chunkIn(row)
  }

  *chunksOf(types: readonly string[] | undefined, from: number, order: 'oldest' | 'newest'): Generator<Chunk> {
    const [compare, direction] = order === 'newest' ? ['<=', 'DESC'] : ['>=', 'ASC']
    const ofType = `SELECT first FROM chunk_type WHERE type = ? AND first ${compare} ?`
    const source = types?.map(() => ofType).join(' UNION ') ?? `SELECT first FROM chunk WHERE first ${compare} ?`
    const values = types?.flatMap((type) => [type, from]) ?? [from]
    const rows = this.#database.prepare(`${source} ORDER BY first ${direction}`).iterate(...values)
    for (;;) {
      const next = this.#reading(() => rows.next())
      if (next.done) return
      const chunk = this.chunkAt(numberIn(next.value, 'first'))
      if (chunk !== undefined) yield chunk
    }
  }

  snapshots(): SnapshotRecord[] {
    const rows = this.#reading(() => this.#database.prepare('SELECT * FROM snapshot ORDER BY seq DESC').all())
    return rows.map((row) => ({
      seq: numberIn(row, 'seq'),
      size: numberIn(row, 'size'),
      check: numberIn(row, 'check_sum'),
    }))
  }

  readSnapshot(record: SnapshotRecord): Uint8Array<ArrayBuffer> {
    return readSnapshotFile(snapshotPath(this.#path, record))
  }

  isSnapshotGood(record: SnapshotRecord): Promise<boolean> {
    return isSnapshotFileGood(snapshotPath(this.#path, record), record)
  }

  async writeSnapshot(seq: number, parts: Parts): Promise<SnapshotRecord> {
    const before = this.snapshots().find((old) => old.seq === seq)
    const { size, check } = await writeSnapshotFile(this.#path, seq, parts)
    this.#durably(() =>
      this.#database.prepare('INSERT OR REPLACE INTO snapshot VALUES (?, ?, ?)').run(seq, size, check),
    )
    if (before !== undefined && before.check !== check) removeSnapshotFile(snapshotPath(this.#path, before))
    return { seq, size, check }
  }

  dropSnapshot(record: SnapshotRecord): void {
    this.#durably(() => this.#database.prepare('DELETE FROM snapshot WHERE seq = ?').run(record.seq))
    removeSnapshotFile(snapshotPath(this.#path, record))
  }

  limitPages(pages: number): void {
    this.#database.exec(`PRAGMA max_page_count = ${Math.trunc(pages)}`)
  }

  close(): void {
    closeSync(this.#log)
    this.#database.close()
  }

  #insert(chunks: readonly Chunk[]): void {
    for (const chunk of chunks) {
      this.#insertChunk.run(chunk.first, chunk.last, encodeRuns(chunk.runs), chunk.check, chunk.body)
      for (const type of distinctTypes(chunk)) this.#insertType.run(type, chunk.first)
    }
  }

  #durably(change: () => void): void {
    this.#inTransaction(change)
    try {
      fdatasyncSync(this.#log)
    } catch (error) {
      throw brokenBy(error)
    }
  }

  #inTransaction(change: () => void): void {
    try {
      this.#database.exec('BEGIN IMMEDIATE')
      change()
      this.#database.exec('COMMIT')
    } catch (error) {
      this.#rollBack()
      if (errorCode(error) === SQLITE.FULL)
        throw new JournalError(
          'DiskFull',
          'The disk is full: nothing of this was kept. Make room on it, then try again.',
          error,
        )
      throw brokenBy(error)
    }
  }

  #rollBack(): void {
    try {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
    } catch {
      // The failure that led here is the one to report.
    }
  }

  #reading<T>(read: () => T): T {
    try {
      return read()
    } catch (error) {
      throw openError(this.#path, error)
    }
  }
}

/** SQLite's primary result codes, https://sqlite.org/rescode.html. */
const SQLITE = { BUSY: 5, LOCKED: 6, CORRUPT: 11, FULL: 13, CANTOPEN: 14, NOTADB: 26 } as const

function openDatabase(path: string): [database: DatabaseSync, log: number] {
  makeSureNothingWasLost(path)
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(path)
    // Before the first access: the lock is the operating system's, held until the process ends in whatever way.
    database.exec(`PRAGMA locking_mode = EXCLUSIVE; PRAGMA page_size = ${PAGE_SIZE}`)
    const id = pragma(database, 'application_id')
    const version = pragma(database, 'user_version')
    const tables = numberIn(database.prepare('SELECT count(*) AS n FROM sqlite_schema').get(), 'n')
    if (id === 0 && version === 0 && tables === 0) database.exec(`BEGIN EXCLUSIVE; ${SCHEMA} COMMIT`)
    else checkIdentity(path, id, version)
    // The schema is durable before the write-ahead log is in use: SQLite drops the log of a database without content.
    // With NORMAL, SQLite syncs the log before a checkpoint and when it begins anew, so that the file is whole at any time, and
    // leaves to us when a commit becomes durable.
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL')
    database.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}; PRAGMA journal_size_limit = ${LOG_BYTES}`)
    return [database, openLog(path, database)]
  } catch (error) {
    database?.close()
    throw error instanceof JournalError ? error : openError(path, error)
  }
}

/** The write-ahead log, which is there from the first access on for as long as the database is open. */
function openLog(path: string, database: DatabaseSync): number {
  database.prepare('SELECT through FROM compaction').get()
  const log = openSync(`${path}-wal`, 'r+')
  // What a process that was killed had written and not yet synced is built upon from here on.
  fdatasyncSync(log)
  return log
}

/** An empty file where facts have been is a loss to report, not a place to begin anew. */
function makeSureNothingWasLost(path: string): void {
  if (existsSync(path) && statSync(path).size > 0) return
  const wal = `${path}-wal`
  if (!(existsSync(wal) && statSync(wal).size > 0) && !hasSnapshots(path)) return
  throw new JournalError(
    'Corrupt',
    `The journal ${path} is empty or gone, but what belongs to it is still there. Restore it from a backup, or move its other files away.`,
  )
}

function hasSnapshots(path: string): boolean {
  try {
    return hasSnapshotFiles(path)
  } catch (error) {
    throw new JournalError('Invalid', `The journal ${path} cannot be opened: ${reasonOf(error)}`, error)
  }
}

function checkIdentity(path: string, id: number, version: number): void {
  if (id !== APPLICATION_ID)
    throw new JournalError('NotAJournal', `${path} is a database of another program; name another file or data folder.`)
  if (version > SCHEMA_VERSION)
    throw new JournalError(
      'NewerVersion',
      `The journal ${path} was written by a newer Ringmaster (format ${version}, this one reads ${SCHEMA_VERSION}); run that one.`,
    )
}

function openError(path: string, error: unknown): JournalError {
  const [code, message] = describe(path, error)
  return new JournalError(code, message, error)
}

function describe(path: string, error: unknown): [JournalErrorCode, string] {
  switch (errorCode(error)) {
    case SQLITE.BUSY:
    case SQLITE.LOCKED:
      return [
        'Locked',
        `Another Ringmaster runs on this data folder (${path} is in use); stop it first, or name another folder.`,
      ]
    case SQLITE.CORRUPT:
    case SQLITE.NOTADB:
      return [
        'Corrupt',
        `The journal ${path} is damaged (${reasonOf(error)}); nothing was changed. Restore it from a backup.`,
      ]
    case SQLITE.CANTOPEN:
      return ['Invalid', `The journal ${path} cannot be opened; see that its folder exists and may be written to.`]
    default:
      return ['Broken', `The journal ${path} cannot be read: ${reasonOf(error)}`]
  }
}

function brokenBy(error: unknown): JournalError {
  return new JournalError(
    'Broken',
    `The journal's file failed (${reasonOf(error)}); whether the last facts were kept shows when it is opened anew.`,
    error,
  )
}

function errorCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined
  return error.errcode & 0xff
}

type Row = Record<string, SQLOutputValue>

function pragma(database: DatabaseSync, name: string): number {
  return numberIn(database.prepare(`PRAGMA ${name}`).get(), name)
}

function chunkIn(row: Row): Chunk {
  const first = numberIn(row, 'first')
  const runs = decodeRuns(textIn(row, 'runs'), first)
  return { first, last: numberIn(row, 'last'), runs, body: textIn(row, 'body'), check: numberIn(row, 'check_sum') }
}

function numberIn(row: Row | undefined, column: string): number {
  const value = row?.[column]
  if (typeof value === 'number') return value
  throw new JournalError('Corrupt', `The journal holds no number as ${column}; restore it from a backup.`)
}

function textIn(row: Row, column: string): string {
  const value = row[column]
  if (typeof value === 'string') return value
  throw new JournalError('Corrupt', `The journal holds no text as ${column}; restore it from a backup.`)
}
