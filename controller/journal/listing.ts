// What an audit listing asks of chunks, the same for every engine that keeps them.
import { type Chunk, type Stored, unpack } from './chunk.ts'
import { JournalError, type KeptQuery, READ_KEPT_LIMIT } from './journal.ts'

const TYPES_MAX = 32

/** A query with its defaults: facts from number `from` on, or from there backwards when `newest`. */
export type Listing = {
  readonly types: readonly string[] | undefined
  readonly from: number
  readonly limit: number
  readonly newest: boolean
}

/** `lastSeq` is the newest fact. Throws Invalid when the query asks for too much. */
export function listingOf({ types, fromSeq, limit, order = 'oldest' }: KeptQuery, lastSeq: number): Listing {
  if (!Number.isInteger(limit) || limit < 0 || limit > READ_KEPT_LIMIT)
    throw new JournalError('Invalid', `A listing holds 0 to ${READ_KEPT_LIMIT} facts, not ${limit}.`)
  if (types !== undefined && types.length > TYPES_MAX)
    throw new JournalError('Invalid', `A listing is of at most ${TYPES_MAX} types, not ${types.length}.`)
  const newest = order === 'newest'
  return { types, from: fromSeq ?? (newest ? lastSeq : 0), limit: types?.length === 0 ? 0 : limit, newest }
}

/** The facts of a chunk that the listing asks for, in its order. Throws Corrupt. */
export function pick(chunk: Chunk, { types, from, newest }: Listing): Stored[] {
  const picked = unpack(chunk).filter(
    ({ seq, type }) => (newest ? seq <= from : seq >= from) && (types === undefined || types.includes(type)),
  )
  return newest ? picked.reverse() : picked
}
