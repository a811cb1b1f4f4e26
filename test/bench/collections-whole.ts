// A thousand collections of three conditions each over the whole fleet, beside the same questions to two databases. These
// only count the members of a few collections; who is in which is more than they are asked for.
import { DatabaseSync } from 'node:sqlite'
import { DuckDBInstance } from '@duckdb/node-api'
import { type Collections, compileCollections, evaluateAll } from '../../controller/fleet/collections.ts'
import { enrolDevice, type Fleet, newFleet } from '../../controller/fleet/fleet.ts'
import { countBits } from '../../controller/model/bit-plane.ts'
import { COLUMNS, conditionSql, threeConditions, valuesOf } from './collection-sql.ts'
import { deviceAttributes, deviceName } from './fleet-data.ts'
import { mustBe, type Row, type Size, type Timing, timeInTurns, timeInTurnsAsync } from './measure.ts'

const WARM_UPS = 10
/** Collections that each database is asked for. */
const ASKED = { duckdb: 100, sqlite: 10 }

export async function benchWhole(size: Size): Promise<Row[]> {
  const [devices, count] = size === 'full' ? [1_000_000, 1000] : [50_000, 100]
  const fleet = newFleet()
  for (let i = 0; i < devices; i++) enrolDevice(fleet, deviceName(i), deviceAttributes(i), i)
  const specs = new Map(Array.from({ length: count }, (_, i) => [`c${i}`, threeConditions(i)]))
  const collections = compileCollections(specs)
  // The first evaluation fills lookup tables, the next ones show the compiler what is worth its while.
  for (let i = 0; i < WARM_UPS; i++) evaluateAll(fleet, collections)
  const questions = [...specs.keys()].map(
    (name) => `SELECT count(*) AS n FROM devices WHERE ${conditionSql(specs, name)}`,
  )
  const expected = [...specs.keys()].map((name) =>
    countBits(collections.members.get(name) ?? { words: new Uint32Array() }),
  )
  const kernel = timeOurs(fleet, collections, 'ByKernel')
  const plain = timeOurs(fleet, collections, 'Plainly')
  const [first = [], plainFirst = []] = timeInTurns(
    { run: () => evaluateAll(fleet, compileCollections(specs), 'ByKernel') },
    { run: () => evaluateAll(fleet, compileCollections(specs), 'Plainly') },
  )
  const operations = devices * count
  const row = (name: string, ours: number[], baseline: Timing, what: string, goal?: string): Row => ({
    subject: 'whole',
    operation: 'collection × device',
    name: `${count} collections of 3 conditions × ${devices} devices, ${name}`,
    ours: { operations, ms: ours },
    baseline: { ...baseline, what },
    ...(goal !== undefined && { goal }),
  })
  const duckdb = await askDuckDb(fleet, questions.slice(0, ASKED.duckdb), expected)
  const sqlite = askSqlite(fleet, questions.slice(0, ASKED.sqlite), expected)
  return [
    row('beside the plain way', kernel, { operations, ms: plain }, 'the same without the kernel', '50 ms on 2 cores'),
    row('compiled anew, without members before', first, { operations, ms: plainFirst }, 'the same without the kernel'),
    row('beside DuckDB', kernel, duckdb, `DuckDB on all cores counts the members of ${ASKED.duckdb}`, '≥ 100×'),
    row('beside SQLite', kernel, sqlite, `node:sqlite counts the members of ${ASKED.sqlite}`, '≥ 500×'),
  ]
}

function timeOurs(fleet: Fleet, collections: Collections, how: 'ByKernel' | 'Plainly'): number[] {
  const [ms = []] = timeInTurns({ run: () => evaluateAll(fleet, collections, how) })
  return ms
}

async function askDuckDb(fleet: Fleet, questions: readonly string[], expected: readonly number[]): Promise<Timing> {
  const connection = await (await DuckDBInstance.create(':memory:')).connect()
  await connection.run(`CREATE TABLE devices (${COLUMNS})`)
  const appender = await connection.createAppender('devices')
  for (let i = 0; i < fleet.ids.length; i++) {
    for (const value of valuesOf(deviceAttributes(i)))
      if (typeof value === 'number') appender.appendInteger(value)
      else appender.appendVarchar(value)
    appender.endRow()
  }
  appender.closeSync()
  const [ms = []] = await timeInTurnsAsync({
    run: async () => {
      for (const [i, question] of questions.entries()) {
        const rows = await (await connection.runAndReadAll(question)).getRows()
        mustBe(Number(rows[0]?.[0]) === expected[i], `members of c${i} by DuckDB`)
      }
    },
  })
  connection.closeSync()
  return { operations: questions.length * fleet.ids.length, ms }
}

function askSqlite(fleet: Fleet, questions: readonly string[], expected: readonly number[]): Timing {
  const database = new DatabaseSync(':memory:')
  database.exec(`CREATE TABLE devices (${COLUMNS}); BEGIN`)
  const insert = database.prepare('INSERT INTO devices VALUES (?, ?, ?, ?, ?, ?)')
  for (let i = 0; i < fleet.ids.length; i++) insert.run(...valuesOf(deviceAttributes(i)))
  database.exec('COMMIT')
  const prepared = questions.map((question) => database.prepare(question))
  const [ms = []] = timeInTurns({
    run: () => {
      for (const [i, question] of prepared.entries())
        mustBe(Number(question.get()?.n) === expected[i], `members of c${i} by SQLite`)
    },
  })
  database.close()
  return { operations: questions.length * fleet.ids.length, ms }
}
