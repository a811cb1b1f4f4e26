// Who leads, where replicas share a PostgreSQL database and nothing else elects them: whoever holds an advisory lock. The lock
// belongs to a connection that is used for nothing else, and goes with it: when the process ends, when its host is gone (the
// server's keepalives, some 9 s), and when it no longer asks, because it hangs (`idle_session_timeout`).
import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from 'pg'
import { reasonOf } from '../model/reason.ts'
import { connect, drop, LINK_TIMES } from './postgres-link.ts'
import { parsePostgresUrl } from './postgres-url.ts'

/** In ms. */
export type ElectionTimes = {
  /** How often the lock is tried for, or the connection that holds it is used. */
  readonly every: number
  /** After so long without an answer a leader no longer takes itself for one; the server lets go of a silent one then, too. */
  readonly lease: number
}

export const ELECTION_TIMES: ElectionTimes = { every: 1000, lease: 8000 }

export type ElectionOptions = {
  readonly times?: ElectionTimes
  /** Why the database could not be asked; told once, until it can be again. */
  readonly onTrouble?: (message: string) => void
}

export class PostgresElection {
  readonly identity: string
  readonly #url: string
  readonly #times: ElectionTimes
  readonly #onTrouble: (message: string) => void
  readonly #listeners = new Set<(leader: boolean) => void>()
  readonly #stop = new AbortController()
  readonly #loop: Promise<void>
  #client: Client | undefined
  #leader = false
  #heardAt = 0
  #troubled = false
  #expiry: NodeJS.Timeout | undefined

  /** Takes part from now on. Throws a JournalError of code Invalid on a bad URL. */
  constructor(url: string, identity: string, { times = ELECTION_TIMES, onTrouble = () => {} }: ElectionOptions = {}) {
    parsePostgresUrl(url)
    this.#url = url
    this.identity = identity
    this.#times = times
    this.#onTrouble = onTrouble
    this.#loop = this.#run()
  }

  readonly isLeader = (): boolean => this.#leader && performance.now() - this.#heardAt < this.#times.lease

  readonly subscribe = (listener: (leader: boolean) => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  readonly close = async (): Promise<void> => {
    this.#stop.abort()
    const client = this.#client
    this.#client = undefined
    this.#become(false)
    this.#listeners.clear()
    // With the connection goes the lock.
    if (client !== undefined) drop(client)
    await this.#loop
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        await this.#ask()
      } catch (error) {
        if (this.#client !== undefined) drop(this.#client)
        this.#client = undefined
        this.#become(false)
        if (!this.#troubled && !this.#stop.signal.aborted) this.#onTrouble(reasonOf(error))
        this.#troubled = true
      }
      await delay(this.#times.every, undefined, { signal: this.#stop.signal }).catch(() => {})
    }
  }

  async #ask(): Promise<void> {
    const target = parsePostgresUrl(this.#url)
    const sent = performance.now()
    if (this.#client === undefined) {
      const times = { ...LINK_TIMES, statement: this.#times.lease, connect: this.#times.lease }
      const client = await connect(target, `election ${this.identity}`.slice(0, 40), times)
      if (this.#stop.signal.aborted) return drop(client)
      this.#client = client
      client.on('end', () => {
        if (this.#client === client) this.#become(false)
      })
      await client.query(`SET idle_session_timeout = ${this.#times.lease}`)
    }
    const client = this.#client
    const found = await client.query<{ leader: boolean }>(
      this.#leader
        ? 'SELECT true AS leader'
        : `SELECT pg_try_advisory_lock(hashtextextended('ringmaster/leader/' || $1, 0)) AS leader`,
      this.#leader ? [] : [target.schema],
    )
    if (this.#client !== client) return
    this.#troubled = false
    this.#heardAt = sent
    this.#become(found.rows[0]?.leader === true)
  }

  // Also while an answer is waited for: the listeners hear when the lease is over.
  #become(leader: boolean): void {
    clearTimeout(this.#expiry)
    if (leader)
      this.#expiry = setTimeout(() => this.#become(false), this.#heardAt + this.#times.lease - performance.now())
    if (leader === this.#leader) return
    this.#leader = leader
    if (!leader && this.#client !== undefined) {
      drop(this.#client)
      this.#client = undefined
    }
    for (const listener of this.#listeners) listener(leader)
  }
}
