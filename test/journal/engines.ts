// The engines that the contract tests run against: each makes a place where a journal can be opened again and again.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, type Test } from 'tap'
import type { Journal, QueueLimits } from '../../controller/journal/journal.ts'
import { newMemoryMedium, openMemoryJournal } from '../../controller/journal/memory-journal.ts'
import { openPostgresJournal } from '../../controller/journal/postgres-journal.ts'
import { openSqliteJournal } from '../../controller/journal/sqlite-journal.ts'
import { type PostgresServer, sql, startPostgres, whyNoPostgres } from '../support/postgres.ts'
import { decodeFact, type Fact } from './facts.ts'

export type Place = {
  readonly open: (limits?: QueueLimits) => Journal<Fact> | Promise<Journal<Fact>>
  /** Flips a bit in the middle of the snapshot after this fact. */
  readonly damageSnapshot: (seq: number) => void | Promise<void>
}

/** `shared`: several journals may be open on one place. `why` says why it cannot be tested here. */
export type Engine = {
  readonly name: string
  readonly shared: boolean
  readonly why?: string | undefined
  readonly newPlace: (t: Test) => Place | Promise<Place>
}

export const engines: readonly Engine[] = [
  { name: 'memory', shared: false, newPlace: newMemoryPlace },
  { name: 'SQLite', shared: false, newPlace: newSqlitePlace },
  { name: 'PostgreSQL', shared: true, why: whyNoPostgres(), newPlace: newPostgresPlace },
]

let server: Promise<PostgresServer> | undefined
let places = 0
after(async () => (await server)?.stop())

function newMemoryPlace(): Place {
  const medium = newMemoryMedium()
  return {
    open: (limits) => openMemoryJournal(decodeFact, medium, limits),
    damageSnapshot: (seq) => {
      for (const { record, bytes } of medium.snapshots) if (record.seq === seq) flipMiddle(bytes)
    },
  }
}

function newSqlitePlace(t: Test): Place {
  const folder = t.testdir({})
  return {
    open: (limits) => openSqliteJournal(join(folder, 'journal.db'), decodeFact, limits),
    damageSnapshot: (seq) => {
      for (const name of readdirSync(folder).filter((file) => file.startsWith(`journal.db.snapshot-${seq}-`))) {
        const bytes = readFileSync(join(folder, name))
        flipMiddle(bytes)
        writeFileSync(join(folder, name), bytes)
      }
    },
  }
}

async function newPostgresPlace(): Promise<Place> {
  server ??= startPostgres()
  const schema = `place_${++places}`
  const url = (await server).url(schema)
  return {
    open: (limits) => openPostgresJournal(url, decodeFact, limits === undefined ? {} : { limits }),
    damageSnapshot: async (seq) => {
      const bit = 'length(bytes) / 2 * 8'
      const flipped = `set_bit(bytes, ${bit}, 1 - get_bit(bytes, ${bit}))`
      await sql(url, `UPDATE ${schema}.snapshot_part SET bytes = ${flipped} WHERE seq = ${seq}`)
    },
  }
}

function flipMiddle(bytes: Uint8Array): void {
  const middle = bytes.length >> 1
  bytes[middle] = (bytes[middle] ?? 0) ^ 1
}
