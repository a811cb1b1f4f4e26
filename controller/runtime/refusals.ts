// What it means for a controller that its journal refused.
import { JournalError } from '../journal/journal.ts'

// Each batch that a full disk refuses comes with an error of its own.
export function isSameRefusal(error: unknown, before: unknown): boolean {
  return error instanceof JournalError && before instanceof JournalError && error.code === before.code
}

/** About what was submitted, and for whoever did so to deal with; the storage is as well as before. */
export function isRefusal(error: unknown): boolean {
  return error instanceof JournalError && ['Busy', 'TooLarge', 'Invalid', 'Closed'].includes(error.code)
}

/** Reading what others appended may go through later on, without anything being done here. */
export function passes(error: unknown): boolean {
  return error instanceof JournalError && ['Unavailable', 'DiskFull', 'Closed'].includes(error.code)
}
