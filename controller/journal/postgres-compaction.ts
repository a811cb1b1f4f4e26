// Compaction of the PostgreSQL engine, in steps that are a transaction each: appends, which hold another row, go on between and
// beside them, and several processes that compact at once take turns.
import type { Client } from 'pg'
import { packStored, type Stored, unpack } from './chunk.ts'
import { JournalError } from './journal.ts'
import { chunksFrom, insertChunks, numberIn, removeChunks } from './postgres-rows.ts'

const STEP_CHUNKS = 32
/** A process's last batch is of interest while its connection may come back. */
const FORGET_WRITERS = '30 days'

export type CompactStep = { readonly through: number; readonly deleted: number; readonly kept: number }

/** Does a step towards `through`; run it in a transaction. `schema` as it stands in statements. */
export async function compactStep(
  client: Client,
  schema: string,
  through: number,
  keep: (type: string) => boolean,
): Promise<CompactStep> {
  const before = await client.query<{ through: string }>(`SELECT through FROM ${schema}.compaction FOR UPDATE`)
  const begin = numberIn(before.rows[0]?.through)
  if (begin >= through) return { through: begin, deleted: 0, kept: 0 }
  const { chunks } = await chunksFrom(client, schema, begin + 1, STEP_CHUNKS)
  const remove = chunks.filter(({ first }) => first <= through)
  const kept: Stored[] = []
  const rest: Stored[] = []
  let position = begin
  for (const chunk of remove) {
    if (chunk.last <= position || chunk.first > position + 1) throw missing(position + 1)
    if (chunk.last > through || chunk.runs.some(([, , , type]) => keep(type)))
      for (const entry of unpack(chunk)) {
        if (entry.seq > through) rest.push(entry)
        else if (keep(entry.type)) kept.push(entry)
      }
    position = Math.min(chunk.last, through)
  }
  if (position === begin) throw missing(begin + 1)
  await removeChunks(client, schema, remove)
  await insertChunks(client, schema, [...packStored(kept), ...packStored(rest)])
  await client.query(`UPDATE ${schema}.compaction SET through = $1`, [position])
  await client.query(`DELETE FROM ${schema}.writer WHERE used < now() - interval '${FORGET_WRITERS}'`)
  return { through: position, deleted: position - begin - kept.length, kept: kept.length }
}

function missing(seq: number): JournalError {
  return new JournalError('Corrupt', `Fact ${seq} is missing in the journal; restore its data from a backup.`)
}
