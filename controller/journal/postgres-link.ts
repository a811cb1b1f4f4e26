// One connection to PostgreSQL that comes back: work is done one after the other, and is done again when the connection is lost
// in it. So work must be such that doing it twice does no harm. The engine's files are the importers of pg.
import { setTimeout as delay } from 'node:timers/promises'
import { Client, DatabaseError } from 'pg'
import { reasonOf } from '../model/reason.ts'
import { JournalError } from './journal.ts'
import type { PostgresTarget } from './postgres-url.ts'

/** In ms. */
export type LinkTimes = {
  /** How long work may wait for the database to come back; then it is Unavailable. */
  readonly patience: number
  /** For one connection to stand. */
  readonly connect: number
  /** For one statement, there and here. */
  readonly statement: number
}

export const LINK_TIMES: LinkTimes = { patience: 10_000, connect: 5_000, statement: 30_000 }

const FIRST_WAIT_MS = 20
const LONGEST_WAIT_MS = 1000
/** So that a host that is gone is noticed: a server's defaults are two hours. In seconds. */
const KEEPALIVE = { idle: 3, interval: 2, count: 3 }
/** Who holds the journal's head and does not go on loses the connection, and with it what it was about to append. */
const IDLE_IN_TRANSACTION_MS = 15_000

/** Connects and sets what the journal relies on. `name` is how the connection is shown in pg_stat_activity. */
export async function connect(target: PostgresTarget, name: string, times: LinkTimes = LINK_TIMES): Promise<Client> {
  const client = new Client({
    connectionString: target.url,
    connectionTimeoutMillis: times.connect,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEPALIVE.idle * 1000,
    application_name: `ringmaster ${target.schema} ${name}`,
    query_timeout: times.statement + 1000,
  })
  // Without a listener it would end the process; whoever uses the connection hears of it there.
  client.on('error', () => {})
  try {
    await client.connect()
    // Acknowledged means on the disk, whatever the database or the role has been set to.
    await client.query(`SET default_transaction_isolation = 'read committed'; SET client_encoding = 'UTF8';
      SET statement_timeout = ${times.statement}; SET idle_in_transaction_session_timeout = ${IDLE_IN_TRANSACTION_MS};
      SET tcp_keepalives_idle = ${KEEPALIVE.idle}; SET tcp_keepalives_interval = ${KEEPALIVE.interval};
      SET tcp_keepalives_count = ${KEEPALIVE.count};
      SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'`)
    return client
  } catch (error) {
    drop(client)
    throw error
  }
}

/** Lets go of a connection whatever state it is in, without waiting. */
export function drop(client: Client): void {
  client.end().catch(() => {})
}

/** What the caller's own code threw within work: none of the connection's business. */
export class CallerError extends Error {}

/** For calls from within work to code that is not the engine's. */
export function calling<T>(call: () => T): T {
  try {
    return call()
  } catch (error) {
    throw new CallerError(reasonOf(error), { cause: error })
  }
}

export class Link {
  readonly #target: PostgresTarget
  readonly #name: string
  readonly #times: LinkTimes
  readonly #onHeard: () => void
  #client: Client | undefined
  #last: Promise<unknown> = Promise.resolve()
  /** Since when the database has not answered, by `performance.now()`. */
  #downSince: number | undefined
  #closed = false

  /** `onHeard` is called whenever the database has answered. */
  constructor(target: PostgresTarget, name: string, times: LinkTimes, onHeard: () => void = () => {}) {
    this.#target = target
    this.#name = name
    this.#times = times
    this.#onHeard = onHeard
  }

  /** Rejects with Unavailable, DiskFull, Closed, Broken, or whatever JournalError `work` throws. */
  run<T>(work: (client: Client) => Promise<T>): Promise<T> {
    const result = this.#last.then(() => this.#try(work))
    this.#last = result.catch(() => {})
    return result
  }

  /** The same in a transaction, which is rolled back when `work` throws. */
  transaction<T>(work: (client: Client) => Promise<T>): Promise<T> {
    return this.run(async (client) => {
      await client.query('BEGIN')
      try {
        const result = await work(client)
        await client.query('COMMIT')
        return result
      } catch (error) {
        if (!isLost(error)) await client.query('ROLLBACK')
        throw error
      }
    })
  }

  /** Waits for the work that was given before. */
  async close(): Promise<void> {
    await this.#last
    this.#closed = true
    const client = this.#client
    this.#client = undefined
    await client?.end().catch(() => {})
  }

  async #try<T>(work: (client: Client) => Promise<T>): Promise<T> {
    for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
      if (this.#closed) throw new JournalError('Closed', 'The journal is closed.')
      try {
        this.#client ??= await connect(this.#target, this.#name, this.#times)
        const result = await work(this.#client)
        this.#downSince = undefined
        this.#onHeard()
        return result
      } catch (error) {
        if (error instanceof CallerError) throw error.cause
        if (!isPassing(error)) throw asJournalError(this.#target, error)
        if (this.#client !== undefined) drop(this.#client)
        this.#client = undefined
        this.#downSince ??= performance.now()
        if (performance.now() - this.#downSince > this.#times.patience) throw unavailable(this.#target, error)
        await delay(wait * (0.5 + Math.random() / 2))
      }
    }
  }
}

/** https://www.postgresql.org/docs/current/errcodes-appendix.html: the connection is gone, or the server is going or coming. */
const LOST = /^(08...|57P0[1235]|25P03)$/
/** Another try may go through: the above, deadlock, a lock or a statement that took too long, too many connections. */
const PASSING = /^(40001|40P01|55P03|57014|53300|57P04)$/

function isLost(error: unknown): boolean {
  if (error instanceof JournalError || error instanceof CallerError) return false
  return !(error instanceof DatabaseError) || LOST.test(error.code ?? '')
}

/** Once it stood, wrong passwords and the like are somebody's work on the server, and pass. */
export function isPassing(error: unknown): boolean {
  if (error instanceof TypeError || error instanceof RangeError) return false
  return isLost(error) || (error instanceof DatabaseError && PASSING.test(error.code ?? ''))
}

export function unavailable({ shown }: PostgresTarget, error: unknown): JournalError {
  return new JournalError('Unavailable', `The journal cannot be reached (${shown}): ${reasonOf(error)}`, error)
}

export function asJournalError({ shown }: PostgresTarget, error: unknown): JournalError {
  if (error instanceof JournalError) return error
  const code = error instanceof DatabaseError ? (error.code ?? '') : ''
  if (code.startsWith('53'))
    return new JournalError(
      'DiskFull',
      `The database has no room (${reasonOf(error)}): nothing of this was kept. Make room on it, then try again.`,
      error,
    )
  if (/^(28|3D|42501)/.test(code))
    return new JournalError('Invalid', `The journal cannot be opened (${shown}): ${reasonOf(error)}`, error)
  return new JournalError(
    'Broken',
    `The journal failed (${shown}: ${reasonOf(error)}); what was kept shows when it is opened anew.`,
    error,
  )
}
