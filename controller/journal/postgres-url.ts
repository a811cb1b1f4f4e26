// Which database a journal is in, from a URL. The password is never in a message.
import { JournalError } from './journal.ts'

export type PostgresTarget = {
  /** For the library: without what is ours. */
  readonly url: string
  /** Keeps several Ringmasters in one database apart. */
  readonly schema: string
  /** Where that is, for people: host, port, database and schema. */
  readonly shown: string
}

export const DEFAULT_SCHEMA = 'ringmaster'
const SCHEMA = /^[a-z_][a-z0-9_]{0,51}$/

export function isPostgresUrl(text: string): boolean {
  return /^postgres(ql)?:/i.test(text)
}

/**
 * Reads `postgres://USER:PASSWORD@HOST:PORT/DATABASE?schema=NAME&sslmode=…`. What is not said there comes from the variables
 * PGHOST, PGPORT, PGUSER, PGDATABASE, PGPASSWORD and from PGPASSFILE, as with PostgreSQL's own programs. Throws Invalid.
 */
export function parsePostgresUrl(text: string): PostgresTarget {
  const url = URL.parse(text) ?? undefined
  if (url === undefined || !isPostgresUrl(text))
    throw new JournalError(
      'Invalid',
      'The URL of the journal must be like postgres://USER@HOST:5432/DATABASE?schema=ringmaster; a password goes into PGPASSFILE or PGPASSWORD, with %-encoding also into the URL.',
    )
  const schema = url.searchParams.get('schema') ?? DEFAULT_SCHEMA
  if (!SCHEMA.test(schema))
    throw new JournalError(
      'Invalid',
      `The schema of the journal must be 1 to 52 of a to z, 0 to 9 and _, and not begin with a digit, unlike ${JSON.stringify(schema.slice(0, 80))}.`,
    )
  url.searchParams.delete('schema')
  // A socket's folder stands in `host=`.
  const host = url.host || url.searchParams.get('host') || process.env.PGHOST || 'localhost'
  const database = url.pathname.slice(1) || process.env.PGDATABASE || url.username
  return { url: url.href, schema, shown: `PostgreSQL ${host}/${database}, schema ${schema}` }
}
