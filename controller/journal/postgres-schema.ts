// The tables of the PostgreSQL engine, and how they come to be. Each Ringmaster of a database has a schema (a namespace) of its
// own, whose format is numbered; an older one is brought up to date in one transaction.
import type { Client } from 'pg'
import { JournalError } from './journal.ts'

/** The oldest PostgreSQL with all that is used here (`idle_session_timeout`). */
const OLDEST_SERVER = 14

// Order: whoever appends holds the one row of `head` until its commit, so that numbers become visible in their order and without
// gaps; a sequence alone would not do, because transactions commit in another order than they draw numbers. The same row holds
// the term that a leader appends under, so that an old leader is refused within the transaction that would append.
// Once: `writer` keeps the number of each process's last batch. Who lost the connection in a commit sends the batch again, and
// gets the numbers that it has if it was kept. A batch that was given up and arrives late after all is refused as Stale.
// Facts are stored as in SQLite, many in a row (chunk.ts); `runs` count from 0, because only the transaction knows where they
// begin. Batches of 1,000 reports of 10 messages, on two busy cores: a row for each report in one statement, with an index by type,
// 170,000 messages a second; one row for all, as here, 540,000 uncompressed, 600,000 compressed by pglz, 1,240,000 by lz4, which
// PostgreSQL has almost everywhere and which makes a fortieth of such facts. All that an append needs is one statement: one
// round trip, one commit.
const FORMAT_1 = `
  CREATE TABLE $.head (
    id boolean PRIMARY KEY DEFAULT true CHECK (id), last bigint NOT NULL, term bigint NOT NULL, leader text NOT NULL
  ) WITH (fillfactor = 10);
  INSERT INTO $.head VALUES (true, 0, 0, '');
  CREATE TABLE $.compaction (id boolean PRIMARY KEY DEFAULT true CHECK (id), through bigint NOT NULL);
  INSERT INTO $.compaction VALUES (true, 0);
  CREATE TABLE $.chunk (
    first bigint PRIMARY KEY, last bigint NOT NULL, runs text NOT NULL, check_sum bigint NOT NULL, body text NOT NULL
  );
  CREATE TABLE $.chunk_type (type text NOT NULL COLLATE "C", first bigint NOT NULL, PRIMARY KEY (type, first));
  CREATE TABLE $.writer (
    id uuid PRIMARY KEY, number bigint NOT NULL, first bigint NOT NULL, last bigint NOT NULL, used timestamptz NOT NULL
  ) WITH (fillfactor = 50);
  CREATE TABLE $.snapshot (seq bigint PRIMARY KEY, size bigint NOT NULL, check_sum bigint NOT NULL);
  CREATE TABLE $.snapshot_part (
    seq bigint NOT NULL REFERENCES $.snapshot ON DELETE CASCADE, part int NOT NULL, bytes bytea NOT NULL,
    PRIMARY KEY (seq, part)
  );
  DO $do$ BEGIN
    ALTER TABLE $.chunk ALTER COLUMN body SET COMPRESSION lz4;
    ALTER TABLE $.snapshot_part ALTER COLUMN bytes SET COMPRESSION lz4;
  EXCEPTION WHEN feature_not_supported THEN NULL;
  END $do$;
  CREATE TABLE $.secret (name text PRIMARY KEY, hash text NOT NULL, told_by text NOT NULL);

  CREATE FUNCTION $.append(
    p_writer uuid, p_number bigint, p_term bigint, p_count bigint,
    p_firsts bigint[], p_lasts bigint[], p_runs text[], p_types text[], p_checks bigint[], p_bodies text[]
  ) RETURNS TABLE (outcome text, first_seq bigint, last_seq bigint) LANGUAGE plpgsql AS $function$
  DECLARE
    h record;
    w record;
    begun bigint;
  BEGIN
    SELECT head.last, head.term INTO h FROM $.head FOR UPDATE;
    SELECT writer.number, writer.first, writer.last INTO w FROM $.writer WHERE id = p_writer;
    IF FOUND AND w.number = p_number THEN
      RETURN QUERY SELECT 'Appended', w.first, w.last;
      RETURN;
    ELSIF FOUND AND w.number > p_number THEN
      RETURN QUERY SELECT 'Stale', h.last, h.last;
      RETURN;
    ELSIF p_term <> h.term THEN
      RETURN QUERY SELECT 'Fenced', h.last, h.last;
      RETURN;
    END IF;
    begun := h.last + 1;
    INSERT INTO $.chunk (first, last, runs, check_sum, body)
      SELECT begun + c.f, begun + c.l, c.r, c.s, c.b FROM unnest(p_firsts, p_lasts, p_runs, p_checks, p_bodies) AS c(f, l, r, s, b);
    INSERT INTO $.chunk_type (type, first)
      SELECT t.value, begun + c.f FROM unnest(p_firsts, p_types) AS c(f, ts), json_array_elements_text(c.ts::json) AS t;
    UPDATE $.head SET last = h.last + p_count;
    INSERT INTO $.writer VALUES (p_writer, p_number, begun, h.last + p_count, now())
      ON CONFLICT (id) DO UPDATE SET number = excluded.number, first = excluded.first, last = excluded.last, used = excluded.used;
    PERFORM pg_notify('$channel', (h.last + p_count)::text);
    RETURN QUERY SELECT 'Appended', begun, h.last + p_count;
  END $function$;`

/** Each takes the format before it to the next. */
const MIGRATIONS: readonly string[] = [FORMAT_1]
export const FORMAT = MIGRATIONS.length

/** The schema as it stands in statements. Its name was checked when the URL was read. */
export function quoted(schema: string): string {
  return `"${schema}"`
}

/** The channel on which a schema's appends are told. */
export function channelOf(schema: string): string {
  return `ringmaster_${schema}`.slice(0, 63)
}

/** Makes the schema, or brings it up to date. Throws Invalid, NotAJournal or NewerVersion, having changed nothing. */
export async function prepareSchema(client: Client, schema: string): Promise<void> {
  await checkServer(client)
  await client.query('BEGIN')
  try {
    // Replicas that start at the same time wait for the first of them.
    await client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`ringmaster/schema/${schema}`])
    const version = await formatOf(client, schema)
    if (version > FORMAT)
      throw new JournalError(
        'NewerVersion',
        `The journal in schema ${schema} was written by a newer Ringmaster (format ${version}, this one reads ${FORMAT}); run that one.`,
      )
    for (const migration of MIGRATIONS.slice(version)) await client.query(inSchema(migration, schema))
    if (version < FORMAT) await client.query(`UPDATE ${quoted(schema)}.ringmaster_journal SET format = $1`, [FORMAT])
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {})
    throw error
  }
}

function inSchema(text: string, schema: string): string {
  return text.replaceAll('$channel', channelOf(schema)).replaceAll('$.', `${quoted(schema)}.`)
}

/** 0 when there is nothing yet; then the table that says so is made. */
async function formatOf(client: Client, schema: string): Promise<number> {
  const tables = await client.query<{ name: string }>(
    'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = $1 ORDER BY 1 LIMIT 1000',
    [schema],
  )
  const names = tables.rows.map(({ name }) => name)
  if (!names.includes('ringmaster_journal')) {
    if (names.length > 0)
      throw new JournalError(
        'NotAJournal',
        `The schema ${schema} holds tables of another program (${names.slice(0, 3).join(', ')}); name another one with ?schema=NAME.`,
      )
    const there = await client.query('SELECT 1 FROM pg_namespace WHERE nspname = $1', [schema])
    if (there.rowCount === 0) await client.query(`CREATE SCHEMA ${quoted(schema)}`)
    await client.query(`CREATE TABLE ${quoted(schema)}.ringmaster_journal (format int NOT NULL)`)
    await client.query(`INSERT INTO ${quoted(schema)}.ringmaster_journal VALUES (0)`)
    return 0
  }
  const found = await client.query<{ format: number }>(`SELECT format FROM ${quoted(schema)}.ringmaster_journal`)
  return found.rows[0]?.format ?? 0
}

/** What the law of the journal rests upon: acknowledged means on the disk. `synchronous_commit` is set on each connection. */
async function checkServer(client: Client): Promise<void> {
  const settings = await client.query<{ name: string; setting: string }>(
    "SELECT name, setting FROM pg_settings WHERE name IN ('server_version_num', 'fsync', 'server_encoding')",
  )
  const value = new Map(settings.rows.map(({ name, setting }) => [name, setting]))
  const version = Math.floor(Number(value.get('server_version_num')) / 10_000)
  if (!(version >= OLDEST_SERVER))
    throw new JournalError(
      'Invalid',
      `The PostgreSQL server is of version ${version}; ${OLDEST_SERVER} or later is needed.`,
    )
  if (value.get('fsync') !== 'on')
    throw new JournalError(
      'Invalid',
      'The PostgreSQL server runs with fsync off: what it acknowledges is lost with its power. Set fsync = on there.',
    )
  if (value.get('server_encoding') !== 'UTF8')
    throw new JournalError(
      'Invalid',
      `The PostgreSQL database is encoded in ${value.get('server_encoding')}; make one with ENCODING 'UTF8'.`,
    )
}
