// The engines that the contract tests run against: each makes a place where a journal can be opened again and again.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { Journal, QueueLimits } from '../../controller/journal/journal.ts'
import { newMemoryMedium, openMemoryJournal } from '../../controller/journal/memory-journal.ts'
import { openSqliteJournal } from '../../controller/journal/sqlite-journal.ts'
import { decodeFact, type Fact } from './facts.ts'

export type Place = {
  readonly open: (limits?: QueueLimits) => Journal<Fact>
  /** Flips a bit in the middle of the snapshot after this fact. */
  readonly damageSnapshot: (seq: number) => void
}

export type Engine = { readonly name: string; readonly newPlace: (t: Test) => Place }

export const engines: readonly Engine[] = [
  { name: 'memory', newPlace: newMemoryPlace },
  { name: 'SQLite', newPlace: newSqlitePlace },
]

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

function flipMiddle(bytes: Uint8Array): void {
  const middle = bytes.length >> 1
  bytes[middle] = (bytes[middle] ?? 0) ^ 1
}
