// A copy of a journal's files, so that they can be read while somebody else may be writing to them: nothing is locked, and
// nothing of the original is touched.
import { constants, copyFileSync, existsSync, readdirSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { JournalError } from './journal.ts'

const ATTEMPTS = 5

/**
 * Copies the journal in the file `path`, with all that belongs to it, into an empty folder, and returns the path of the copy.
 * It is as the journal was at one instant: where something was written meanwhile, it is copied again. Throws a JournalError:
 * Invalid when there is no journal, Busy when it never stands still.
 */
export function copyJournal(path: string, folder: string): string {
  if (!existsSync(path)) throw new JournalError('Invalid', `There is no journal ${path}.`)
  const copy = join(folder, basename(path))
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const before = stampOf(path)
    if (copyAll(path, folder) && stampOf(path) === before) return copy
  }
  throw new JournalError(
    'Busy',
    `The journal ${path} is being written to without a pause: ask the controller that does so, with --server URL.`,
  )
}

/** False when a file went away meanwhile. */
function copyAll(path: string, folder: string): boolean {
  try {
    for (const name of filesOf(path))
      copyFileSync(join(dirname(path), name), join(folder, name), constants.COPYFILE_FICLONE)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false
    throw error
  }
}

/** The database, its write-ahead log, and finished snapshots. */
function filesOf(path: string): string[] {
  const name = basename(path)
  return readdirSync(dirname(path)).filter(
    (file) =>
      file === name || file === `${name}-wal` || (file.startsWith(`${name}.snapshot-`) && !file.endsWith('.tmp')),
  )
}

function stampOf(path: string): string {
  return filesOf(path)
    .map((name) => {
      const found = statSync(join(dirname(path), name), { bigint: true, throwIfNoEntry: false })
      return `${name} ${found?.size} ${found?.mtimeNs} ${found?.ino}`
    })
    .join('\n')
}
