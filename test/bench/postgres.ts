// State messages into a journal in PostgreSQL, durable when acknowledged; beside it what PostgreSQL does with the same facts by
// itself, in the same run: a row and a commit for each, and COPY of the same bytes.
import { Client, type Connection } from 'pg'
import { openPostgresJournal } from '../../controller/journal/postgres-journal.ts'
import type { Fact, Input } from '../../controller/model/facts.ts'
import { systemClock } from '../../controller/runtime/clock.ts'
import { Controller } from '../../controller/runtime/controller.ts'
import { decodeFact } from '../../controller/runtime/fact-codec.ts'
import { alwaysLeader } from '../../controller/runtime/leadership.ts'
import { type PostgresServer, startPostgres, whyNoPostgres } from '../support/postgres.ts'
import { catalogOf, deviceEnrolled, deviceName, reportOf, updateIds } from './fleet-data.ts'
import { mustBe, quantile, type Row, type Size, timeInTurnsAsync } from './measure.ts'

const MESSAGES = 10
const IDS = updateIds(100)
const DEVICES = 2000

type Sizes = { readonly reports: number; readonly batch: number; readonly rows: number }

export async function benchPostgres(size: Size): Promise<Row[]> {
  const why = whyNoPostgres()
  if (why !== undefined) {
    process.stderr.write(`postgres: skipped: ${why}\n`)
    return []
  }
  const sizes: Sizes =
    size === 'full' ? { reports: 20_000, batch: 1000, rows: 500 } : { reports: 2000, batch: 1000, rows: 100 }
  const server = await startPostgres()
  try {
    return [...(await benchJournal(server, sizes)), await benchController(server, sizes)]
  } finally {
    await server.stop()
  }
}

/** The journal alone, batch after batch, as a busy controller appends. */
async function benchJournal(server: PostgresServer, sizes: Sizes): Promise<Row[]> {
  const journal = await openPostgresJournal<Fact>(server.url('bench'), decodeFact)
  const plain = new Client({ connectionString: server.url('plain') })
  await plain.connect()
  await plain.query(
    'CREATE TABLE copied (seq bigserial PRIMARY KEY, fact text); CREATE TABLE single (LIKE copied INCLUDING ALL)',
  )
  const facts = makeReports(sizes.reports, 1)
  const batches = Array.from({ length: Math.ceil(facts.length / sizes.batch) }, (_, i) =>
    facts.slice(i * sizes.batch, (i + 1) * sizes.batch),
  )
  const lines = facts.map((fact) => JSON.stringify(fact))
  const [ours = [], copied = [], single = []] = await timeInTurnsAsync(
    {
      run: async () => {
        for (const batch of batches) await journal.append(batch, 1)
      },
    },
    {
      run: async () => {
        for (const batch of batches)
          await copy(
            plain,
            batch.map((fact) => JSON.stringify(fact)),
          )
      },
    },
    {
      run: async () => {
        for (const line of lines.slice(0, sizes.rows))
          await plain.query('INSERT INTO single (fact) VALUES ($1)', [line])
      },
    },
  )
  const kept = (await Array.fromAsync(journal.read(journal.lastSeq - facts.length))).map(({ fact }) =>
    JSON.stringify(fact),
  )
  const rows = await plain.query<{ fact: string }>('SELECT fact FROM copied ORDER BY seq DESC LIMIT $1', [facts.length])
  mustBe(kept.join('\n') === lines.join('\n'), 'what the journal kept')
  mustBe(
    kept.join('\n') ===
      rows.rows
        .map(({ fact }) => fact)
        .reverse()
        .join('\n'),
    'what COPY kept',
  )
  await plain.end()
  await journal.close()
  const common = { subject: 'postgres', operation: 'state message' }
  const mine = { operations: sizes.reports * MESSAGES, ms: ours }
  const bytes = Math.round(lines.reduce((sum, line) => sum + line.length, 0) / (sizes.reports * MESSAGES))
  return [
    {
      ...common,
      name: `durable in batches of ${sizes.batch} reports of ${MESSAGES}, beside COPY of the same bytes`,
      ours: mine,
      baseline: { operations: mine.operations, ms: copied, what: 'COPY of a row each, a commit for each batch' },
      goal: '100,000/s',
      notes: [`${bytes} bytes a message`],
    },
    {
      ...common,
      name: 'durable, beside a row at a time',
      ours: mine,
      baseline: {
        operations: sizes.rows * MESSAGES,
        ms: single,
        what: 'INSERT of one report, a commit for each',
      },
    },
  ]
}

/** A controller that leads: taken in, durable, folded and decided upon, many reports in flight. */
async function benchController(server: PostgresServer, { reports }: Sizes): Promise<Row> {
  const journal = await openPostgresJournal<Fact>(server.url('controller'), decodeFact)
  const leadership = alwaysLeader('bench')
  const controller = await Controller.open({ replication: { journal, leadership }, clock: systemClock })
  await controller.submit(catalogOf(IDS), ...Array.from({ length: DEVICES }, (_, i) => deviceEnrolled(i)))
  const waits: number[] = []
  let round = 0
  let facts: Input[] = []
  const [ours = []] = await timeInTurnsAsync({
    prepare: () => {
      facts = makeReports(reports, ++round)
    },
    run: async () => {
      const next = facts.values()
      const send = async () => {
        for (const fact of next) {
          const begun = performance.now()
          await controller.submit(fact)
          waits.push(performance.now() - begun)
        }
      }
      await Promise.all(Array.from({ length: 1000 }, send))
    },
  })
  await controller.close()
  const sorted = waits.sort((a, b) => a - b)
  const ms = (part: number) => quantile(sorted, part).toFixed(1)
  return {
    subject: 'postgres',
    name: 'through a controller that leads, 1000 reports of 10 in flight',
    operation: 'state message',
    ours: { operations: reports * MESSAGES, ms: ours },
    goal: '100,000/s',
    notes: [`a report is acknowledged after ${ms(0.5)} ms (p50), ${ms(0.99)} ms (p99)`],
  }
}

function makeReports(count: number, turn: number): Input[] {
  const at = Date.now()
  return Array.from({ length: count }, (_, i): Input => {
    const report = reportOf(IDS, i * MESSAGES, MESSAGES, turn * count + i, at)
    return { type: 'DeviceReported', device: deviceName((i * 7919) % DEVICES), report }
  })
}

/** The part of a connection that copies in. */
type CopyConnection = Connection & {
  readonly sendCopyFromChunk: (bytes: Buffer) => void
  readonly endCopyFrom: () => void
}

/** COPY of lines, resolved when it is durable. */
function copy(client: Client, lines: readonly string[]): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  client.query({
    submit: (connection: Connection) => connection.query('COPY copied (fact) FROM STDIN'),
    handleCopyInResponse: (connection: CopyConnection) => {
      connection.sendCopyFromChunk(Buffer.from(`${lines.map((line) => line.replaceAll('\\', '\\\\')).join('\n')}\n`))
      connection.endCopyFrom()
    },
    handleCommandComplete: () => {},
    handleReadyForQuery: () => resolve(),
    handleError: reject,
  })
  return promise
}
