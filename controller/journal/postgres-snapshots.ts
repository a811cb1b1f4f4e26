// Snapshots of the PostgreSQL engine: a row for each part, of a megabyte, so that neither side holds a whole one twice.
import { crc32 } from 'node:zlib'
import type { Client } from 'pg'
import type { SnapshotRecord } from './chunk-store.ts'
import type { Link } from './postgres-link.ts'
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

  /** Durable, whole or not at all, when it resolves. Of all that there are then, newest first, those that `kept` returns stay. */
  write(
    record: SnapshotRecord,
    parts: readonly Uint8Array[],
    kept: (seqs: readonly number[]) => readonly number[],
  ): Promise<void> {
    const { seq, size, check } = record
    return this.#link.transaction(async (client) => {
      await client.query(`DELETE FROM ${this.#schema}.snapshot WHERE seq = $1`, [seq])
      await client.query(`INSERT INTO ${this.#schema}.snapshot VALUES ($1, $2, $3)`, [seq, size, check])
      for (const [i, { buffer, byteOffset, length }] of parts.entries())
        await client.query(`INSERT INTO ${this.#schema}.snapshot_part VALUES ($1, $2, $3)`, [
          seq,
          i,
          Buffer.from(buffer, byteOffset, length),
        ])
      const all = await client.query<{ seq: string }>(
        `SELECT seq FROM ${this.#schema}.snapshot ORDER BY seq DESC FOR UPDATE`,
      )
      const stay = kept(all.rows.map((row) => numberIn(row.seq)))
      await client.query(`DELETE FROM ${this.#schema}.snapshot WHERE NOT (seq = ANY($1::bigint[]))`, [stay])
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
