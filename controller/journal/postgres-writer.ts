// Appending to PostgreSQL, exactly once: every batch has a number, under which the database knows it again when the connection
// was lost in its commit (postgres-schema.ts).
import { randomUUID } from 'node:crypto'
import type { Client } from 'pg'
import type { EpochMs } from '../model/instant.ts'
import type { Pending } from './append-queue.ts'
import { type Chunk, ChunkBuilder, distinctTypes, toPieces } from './chunk.ts'
import {
  type AnyFact,
  type Appended,
  type AppendedNext,
  type Entry,
  JournalError,
  type Lead,
  type NextFacts,
} from './journal.ts'
import { calling, type Link } from './postgres-link.ts'
import { numberIn, storedRuns } from './postgres-rows.ts'

type Outcome = { readonly outcome: string; readonly first_seq: string; readonly last_seq: string }
type Attempt<F> = { readonly facts: readonly F[]; readonly at: EpochMs }

/** Reads the facts after one up to another on the connection of a transaction. */
export type ReadBetween<F extends AnyFact> = (client: Client, after: number, through: number) => Promise<Entry<F>[]>

export class PostgresWriter<F extends AnyFact> {
  readonly #link: Link
  readonly #schema: string
  readonly #read: ReadBetween<F>
  readonly #id = randomUUID()
  #number = 0

  /** `schema` as it stands in statements. */
  constructor(link: Link, schema: string, read: ReadBetween<F>) {
    this.#link = link
    this.#schema = schema
    this.#read = read
  }

  /** What each append of the batch got. */
  async append(batch: readonly Pending[]): Promise<Appended[]> {
    const builder = new ChunkBuilder(0)
    const offsets = batch.map(({ pieces, at }) => {
      const first = builder.next
      for (const piece of pieces) builder.add(piece, at)
      return { first, last: builder.next - 1 }
    })
    const chunks = builder.flush()
    const number = ++this.#number
    // Nothing but empty appends: they are after what is there.
    const { first } =
      chunks.length === 0
        ? { first: (await this.#link.run((client) => this.#head(client, false))).last + 1 }
        : await this.#link.run((client) => this.#insert(client, number, undefined, chunks))
    return offsets.map((offset) => ({ first: offset.first + first, last: offset.last + first }))
  }

  async appendNext(term: number, next: NextFacts<F>): Promise<AppendedNext<F>> {
    const number = ++this.#number
    let attempt: Attempt<F> | undefined
    return this.#link.transaction(async (client) => {
      const head = await this.#head(client, true)
      const kept = attempt && (await this.#keptBefore(client, number))
      // The connection was lost in the commit, which went through all the same.
      if (attempt !== undefined && kept !== undefined) return { ...attempt, ...kept }
      if (head.term !== term) throw fenced(term, head.leader)
      const folded = calling(next.foldedSeq)
      if (folded < head.last) {
        const entries = await this.#read(client, folded, head.last)
        calling(() => next.fold(entries))
      }
      attempt = calling(next.make)
      const { facts, at } = attempt
      if (facts.length === 0) return { facts, at, first: head.last + 1, last: head.last }
      const builder = new ChunkBuilder(0)
      for (const piece of toPieces(facts)) builder.add(piece, at)
      return { facts, at, ...(await this.#insert(client, number, term, builder.flush())) }
    })
  }

  /** Twice, when the connection is lost in it, is two terms: only the last of them is in force. */
  lead(replica: string): Promise<Lead> {
    return this.#link.run(async (client) => {
      const found = await client.query<{ term: string; last: string }>(
        `UPDATE ${this.#schema}.head SET term = term + 1, leader = $1 RETURNING term, last`,
        [replica],
      )
      return { term: numberIn(found.rows[0]?.term), head: numberIn(found.rows[0]?.last) }
    })
  }

  async #head(client: Client, lock: boolean): Promise<{ last: number; term: number; leader: string }> {
    const found = await client.query<{ last: string; term: string; leader: string }>(
      `SELECT last, term, leader FROM ${this.#schema}.head ${lock ? 'FOR UPDATE' : ''}`,
    )
    const [row] = found.rows
    return { last: numberIn(row?.last), term: numberIn(row?.term), leader: row?.leader ?? '' }
  }

  async #keptBefore(client: Client, number: number): Promise<Appended | undefined> {
    const found = await client.query<{ first: string; last: string }>(
      `SELECT first, last FROM ${this.#schema}.writer WHERE id = $1 AND number = $2`,
      [this.#id, number],
    )
    const [row] = found.rows
    return row && { first: numberIn(row.first), last: numberIn(row.last) }
  }

  // Bodies are parameters of their own: as elements of one array parameter each quotation mark would be escaped.
  async #insert(client: Client, number: number, term: number | undefined, chunks: readonly Chunk[]): Promise<Appended> {
    const bodies = chunks.map((_, i) => `$${i + 10}`).join(', ')
    const found = await client.query<Outcome>(
      `SELECT * FROM ${this.#schema}.append($1, $2, $3, $4, $5, $6, $7, $8, $9, ARRAY[${bodies}]::text[])`,
      [
        this.#id,
        number,
        term ?? null,
        (chunks.at(-1)?.last ?? -1) + 1,
        chunks.map(({ first }) => first),
        chunks.map(({ last }) => last),
        chunks.map((chunk) => storedRuns(chunk)),
        chunks.map((chunk) => JSON.stringify([...distinctTypes(chunk)])),
        chunks.map(({ check }) => check),
        ...chunks.map(({ body }) => body),
      ],
    )
    const [row] = found.rows
    if (row?.outcome === 'Appended') return { first: numberIn(row.first_seq), last: numberIn(row.last_seq) }
    if (row?.outcome === 'Fenced') throw fenced(term ?? 0, '')
    throw new JournalError('Broken', `The journal answered an append with ${row?.outcome ?? 'nothing'}.`)
  }
}

function fenced(term: number, leader: string): JournalError {
  const by = leader === '' ? 'another replica' : leader
  return new JournalError('Fenced', `Term ${term} is over: ${by} leads now. Nothing of this was appended.`)
}
