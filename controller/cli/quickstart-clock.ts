// Where the quickstart's clock goes on, so that a stop of the demonstration is none for its devices.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { JournalError } from '../journal/journal.ts'
import { openSqliteJournal } from '../journal/sqlite-journal.ts'
import { reasonOf } from '../model/reason.ts'
import { decodeFact } from '../runtime/fact-codec.ts'
import { JOURNAL_FILE } from './start-controller.ts'
import { StartError } from './start-error.ts'

/** Of the data folder. */
const CLOCK_FILE = 'quickstart.clock'

/**
 * Where the clock stood when it was stopped; after a kill, where the newest fact is. The journal alone would not do: at a stop
 * facts are compacted, and the newest that is kept may be hours older. `start` when there is no journal. Throws a StartError.
 */
export async function clockOf(data: string, start: Temporal.Instant): Promise<Temporal.Instant> {
  const journal = join(data, JOURNAL_FILE)
  if (!existsSync(journal)) return start
  const [fact, stop] = [await newestFact(journal), lastStop(join(data, CLOCK_FILE))]
  return Temporal.Instant.fromEpochMilliseconds(Math.max(start.epochMilliseconds, fact, stop))
}

/** Everything has stopped when the clock stood here. */
export function keepClock(data: string, at: Temporal.Instant): void {
  const file = join(data, CLOCK_FILE)
  writeFileSync(`${file}.new`, `${at}\n`)
  renameSync(`${file}.new`, file)
}

async function newestFact(file: string): Promise<number> {
  try {
    const journal = openSqliteJournal(file, decodeFact)
    const { lastSeq, compactedThrough } = journal
    const [last] =
      lastSeq > compactedThrough ? [...journal.read(lastSeq - 1)] : journal.readKept({ limit: 1, order: 'newest' })
    await journal.close()
    return last?.at ?? 0
  } catch (error) {
    if (error instanceof JournalError) throw new StartError(error.message, error)
    throw error
  }
}

function lastStop(file: string): number {
  if (!existsSync(file)) return 0
  try {
    return Temporal.Instant.from(readFileSync(file, 'utf8').trim()).epochMilliseconds
  } catch (error) {
    throw new StartError(`${file} says no instant (${reasonOf(error)}): delete it`, error)
  }
}
