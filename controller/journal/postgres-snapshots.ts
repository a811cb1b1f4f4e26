// Snapshots of the PostgreSQL engine: a row for each part, of a megabyte, so that neither side holds a whole one. A snapshot is
// one transaction: what a process leaves behind that ends in the middle of it is removed by the database.
import { crc32 } from 'node:zlib'
import type { Client } from 'pg'
import { reasonOf } from '../model/reason.ts'
import type { SnapshotRecord } from './chunk-store.ts'
import { JournalError, type Parts } from './journal.ts'
import { CallerError, type Link } from './postgres-link.ts'
import { numberIn } from './postgres-rows.ts'

export class PostgresSnapshots {
  readonly #link: Link
  readonly #schema: string

  /** `schema` as it stands in statements. */
  constructor(link: Link, schema: string) {
    this.#link = link
    this.#schema = schema
  }

  /** Newest first. */
  list(): Promise<SnapshotRecord[]> {
    return this.#link.run(async (client) => {
      const found = await client.query<{ seq: string; size: string; check_sum: string }>(
        `SELECT seq, size, check_sum FROM ${this.#schema}.snapshot ORDER BY seq DESC LIMIT 100`,
      )
      return found.rows.map(({ seq, size, check_sum }) => ({
        seq: numberIn(seq),
        size: numberIn(size),
        check: numberIn(check_sum),
      }))
    })
  }

  /**
   * Durable, whole or not at all, when it resolves. Of all that there are then, newest first, those that `kept` returns stay.
   * Rejects with Unsaved when the connection is lost after the first part: parts can be read once, and none are held.
   */
  write(seq: number, parts: Parts, kept: (seqs: readonly number[]) => readonly number[]): Promise<void> {
    const table = `${this.#schema}.snapshot`
    let hasBegun = false
    return this.#link.transaction(async (client) => {
      if (hasBegun) throw new JournalError('Unsaved', 'The snapshot was not saved: the database was lost meanwhile.')
      await client.query(`DELETE FROM ${table} WHERE seq = $1`, [seq])
      await client.query(`INSERT INTO ${table} VALUES ($1, 0, 0)`, [seq])
      let size = 0
      let check = 0
      let count = 0
      for await (const part of callersParts(parts)) {
        hasBegun = true
        const bytes = Buffer.from(part.buffer, part.byteOffset, part.length)
        await client.query(`INSERT INTO ${table}_part VALUES ($1, $2, $3)`, [seq, count++, bytes])
        size += part.length
        check = crc32(part, check)
      }
      await client.query(`UPDATE ${table} SET size = $2, check_sum = $3 WHERE seq = $1`, [seq, size, check])
      const all = await client.query<{ seq: string }>(`SELECT seq FROM ${table} ORDER BY seq DESC FOR UPDATE`)
      const stay = kept(all.rows.map((row) => numberIn(row.seq)))
      await client.query(`DELETE FROM ${table} WHERE NOT (seq = ANY($1::bigint[]))`, [stay])
    })
  }

  /** Whatever is there under this record; fewer bytes than recorded when parts are missing. */
  async read({ seq, size }: SnapshotRecord): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(size)
    let length = 0
    await this.#eachPart(seq, (part) => {
      if (length + part.length <= size) bytes.set(part, length)
      length += part.length
    })
    return length === size ? bytes : bytes.subarray(0, Math.min(length, size - 1))
  }

  /** Whether what is there is what was saved. Reads it without holding all of it. */
  async isGood({ seq, size, check }: SnapshotRecord): Promise<boolean> {
    let length = 0
    let sum = 0
    await this.#eachPart(seq, (part) => {
      length += part.length
      sum = crc32(part, sum)
    })
    return length === size && sum === check
  }

  async #eachPart(seq: number, take: (part: Buffer) => void): Promise<void> {
    for (let part = 0; ; part++) {
      const bytes = await this.#link.run((client) => this.#part(client, seq, part))
      if (bytes === undefined) return
      take(bytes)
    }
  }

  async #part(client: Client, seq: number, part: number): Promise<Buffer | undefined> {
    const found = await client.query<{ bytes: Buffer }>(
      `SELECT bytes FROM ${this.#schema}.snapshot_part WHERE seq = $1 AND part = $2`,
      [seq, part],
    )
    return found.rows[0]?.bytes
  }
}

/** What goes wrong while a part is made is none of the connection's business. */
async function* callersParts(parts: Parts): AsyncGenerator<Uint8Array> {
  try {
    yield* parts
  } catch (error) {
    throw new CallerError(reasonOf(error), { cause: error })
  }
}
