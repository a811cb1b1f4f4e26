// Rows of the PostgreSQL engine as chunks, and back.
import type { Client } from 'pg'
import { type Chunk, decodeRuns, distinctTypes, encodeRuns } from './chunk.ts'
import { JournalError } from './journal.ts'

/** bigint comes as text, because it may be larger than a number holds. */
type ChunkRow = {
  readonly first: string
  readonly last: string
  readonly runs: string
  readonly check_sum: string
  readonly body: string
}

/** Does work on a connection. */
export type Run = <T>(work: (client: Client) => Promise<T>) => Promise<T>

/** Chunks that are read at once: at most 8 MiB, save for single larger facts. */
export const READ_CHUNKS = 32

const CHUNK_COLUMNS = 'first, last, runs, check_sum, body'

function chunkIn({ first, last, runs, check_sum, body }: ChunkRow): Chunk {
  const begin = numberIn(first)
  return {
    first: begin,
    last: numberIn(last),
    runs: decodeRuns(runs, begin).map(([seq, ...run]) => [seq + begin, ...run]),
    body,
    check: numberIn(check_sum),
  }
}

export function numberIn(text: string | number | undefined): number {
  const value = Number(text)
  if (text !== undefined && Number.isSafeInteger(value)) return value
  throw new JournalError('Corrupt', `The journal holds ${text} where a number must be; restore it from a backup.`)
}

/** The newest fact. `schema` as it stands in statements, here and below. */
export async function headOf(client: Client, schema: string): Promise<number> {
  const found = await client.query<{ last: string }>(`SELECT last FROM ${schema}.head`)
  return numberIn(found.rows[0]?.last)
}

/** As they are stored: counted from the chunk's first fact. */
export function storedRuns({ first, runs }: Chunk): string {
  return encodeRuns(runs.map(([seq, ...run]) => [seq - first, ...run]))
}

/** Inserts chunks that have their numbers. */
export async function insertChunks(client: Client, schema: string, chunks: readonly Chunk[]): Promise<void> {
  for (const chunk of chunks) {
    await client.query(`INSERT INTO ${schema}.chunk (${CHUNK_COLUMNS}) VALUES ($1, $2, $3, $4, $5)`, [
      chunk.first,
      chunk.last,
      storedRuns(chunk),
      chunk.check,
      chunk.body,
    ])
    await client.query(`INSERT INTO ${schema}.chunk_type SELECT unnest($1::text[]), $2`, [
      [...distinctTypes(chunk)],
      chunk.first,
    ])
  }
}

export async function removeChunks(client: Client, schema: string, chunks: readonly Chunk[]): Promise<void> {
  const firsts = chunks.map(({ first }) => first)
  const types = [...new Set(chunks.flatMap((chunk) => [...distinctTypes(chunk)]))]
  await client.query(`DELETE FROM ${schema}.chunk WHERE first = ANY($1::bigint[])`, [firsts])
  await client.query(`DELETE FROM ${schema}.chunk_type WHERE first = ANY($1::bigint[]) AND type = ANY($2::text[])`, [
    firsts,
    types,
  ])
}

/** The chunk that `seq` is in, or would be, and those after it; how far compaction went is of the same instant. */
export async function chunksFrom(
  client: Client,
  schema: string,
  seq: number,
  limit: number,
): Promise<{ readonly chunks: readonly Chunk[]; readonly compactedThrough: number }> {
  const found = await client.query<Partial<ChunkRow> & { readonly through: string }>(
    `SELECT c.*, k.through FROM ${schema}.compaction k LEFT JOIN LATERAL (
       SELECT ${CHUNK_COLUMNS} FROM ${schema}.chunk
       WHERE first >= coalesce((SELECT max(first) FROM ${schema}.chunk WHERE first <= $1), $1) ORDER BY first LIMIT $2
     ) c ON true ORDER BY c.first`,
    [seq, limit],
  )
  return {
    chunks: found.rows.flatMap((row) => (isChunkRow(row) ? chunkIn(row) : [])),
    compactedThrough: numberIn(found.rows[0]?.through),
  }
}

/** Chunks with facts of one of these types (of any when undefined), beginning at or after `from`, or at or before it when newest first. */
export async function* chunksOf(
  run: Run,
  schema: string,
  { types, from, newest }: { readonly types: readonly string[] | undefined; from: number; newest: boolean },
): AsyncGenerator<Chunk> {
  const [compare, direction] = newest ? ['<=', 'DESC'] : ['>=', 'ASC']
  const table = types === undefined ? 'chunk' : 'chunk_type'
  const ofType = types === undefined ? '' : 'AND type = ANY($3::text[])'
  // Going up, the chunk that begins before `from` may hold it.
  let edge = newest ? '$1' : `coalesce((SELECT max(first) FROM ${schema}.chunk WHERE first <= $1), $1)`
  for (let position = from; ; ) {
    const at = position
    const found = await run((client) =>
      client.query<ChunkRow>(
        `SELECT ${CHUNK_COLUMNS} FROM ${schema}.chunk WHERE first IN (
           SELECT DISTINCT first FROM ${schema}.${table} WHERE first ${compare} ${edge} ${ofType}
           ORDER BY first ${direction} LIMIT $2
         ) ORDER BY first ${direction}`,
        [at, READ_CHUNKS, ...(types === undefined ? [] : [types])],
      ),
    )
    for (const row of found.rows) {
      const chunk = chunkIn(row)
      yield chunk
      position = newest ? chunk.first - 1 : chunk.last + 1
    }
    if (found.rows.length < READ_CHUNKS) return
    edge = '$1'
  }
}

// A join that finds nothing gives one row of nulls.
function isChunkRow(row: Partial<ChunkRow>): row is ChunkRow {
  return typeof row.first === 'string'
}
