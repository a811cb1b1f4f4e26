// Hears that the journal of a database has grown: at once by LISTEN, and at the latest at the next poll, by which it is also
// known that the database is there. A connection of its own, which comes back by itself.
import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from 'pg'
import { connect, drop, type LinkTimes } from './postgres-link.ts'
import { numberIn } from './postgres-rows.ts'
import { channelOf, quoted } from './postgres-schema.ts'
import type { PostgresTarget } from './postgres-url.ts'

/** Where the journal stands: `polled` says that the database was asked, and did not just tell. */
export type Heard = { readonly last: number; readonly compactedThrough?: number; readonly polled: boolean }

export class PostgresListener {
  readonly #target: PostgresTarget
  readonly #times: LinkTimes
  readonly #pollMs: number
  readonly #heard: (heard: Heard) => void
  readonly #stop = new AbortController()
  readonly #loop: Promise<void>
  #client: Client | undefined

  constructor(target: PostgresTarget, times: LinkTimes, pollMs: number, heard: (heard: Heard) => void) {
    this.#target = target
    this.#times = times
    this.#pollMs = pollMs
    this.#heard = heard
    this.#loop = this.#listen()
  }

  async close(): Promise<void> {
    this.#stop.abort()
    if (this.#client !== undefined) drop(this.#client)
    await this.#loop
    if (this.#client !== undefined) drop(this.#client)
  }

  async #listen(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        this.#client ??= await this.#open()
        await this.#poll(this.#client)
      } catch {
        // What is amiss is told where something is to be appended or read; here it is only tried again.
        if (this.#client !== undefined) drop(this.#client)
        this.#client = undefined
      }
      await delay(this.#pollMs, undefined, { signal: this.#stop.signal }).catch(() => {})
    }
  }

  async #open(): Promise<Client> {
    const client = await connect(this.#target, 'listener', this.#times)
    client.on('notification', ({ payload }) => this.#heard({ last: numberIn(payload), polled: false }))
    try {
      await client.query(`LISTEN "${channelOf(this.#target.schema)}"`)
      return client
    } catch (error) {
      drop(client)
      throw error
    }
  }

  async #poll(client: Client): Promise<void> {
    const schema = quoted(this.#target.schema)
    const found = await client.query<{ last: string; through: string }>(
      `SELECT last, through FROM ${schema}.head, ${schema}.compaction`,
    )
    const [row] = found.rows
    this.#heard({ last: numberIn(row?.last), compactedThrough: numberIn(row?.through), polled: true })
  }
}
