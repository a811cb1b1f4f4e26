// npm run bench: what the core does in a second, and how that compares with a plain way in the same run (docs/performance.md).
// Each subject has a process of its own, so that none measures the rubbish of another.
import { execFile } from 'node:child_process'
import { parseArgs, promisify } from 'node:util'
import { benchCollectionRows } from './collection-rows.ts'
import { benchWhole } from './collections-whole.ts'
import { benchDeployments } from './deployments.ts'
import { benchDeviceChanges } from './device-changes.ts'
import { benchGrowth } from './growth.ts'
import { benchIngest } from './ingest.ts'
import { benchIngestHttp } from './ingest-http.ts'
import { benchKubernetes } from './kubernetes.ts'
import { mustBe, type Row, type Size } from './measure.ts'
import { benchPolicies } from './policies.ts'
import { benchPolls } from './polls.ts'
import { benchPostgres } from './postgres.ts'
import { type Miss, missesOf, missText, RECORD_RUNS, readRecorded, recordOf, writeRecorded } from './ratios.ts'
import { benchRestart } from './restart.ts'
import { benchRules } from './rules.ts'
import { benchSimulation } from './simulation.ts'
import { jsonOf, machineLine, tableOf } from './table.ts'
import { benchValidate } from './validate.ts'

const SUBJECTS: Readonly<Record<string, (size: Size) => Row[] | Promise<Row[]>>> = {
  rules: benchRules,
  collections: benchCollectionRows,
  whole: benchWhole,
  changes: benchDeviceChanges,
  ingest: benchIngest,
  'ingest-http': benchIngestHttp,
  policies: benchPolicies,
  polls: benchPolls,
  postgres: benchPostgres,
  simulation: benchSimulation,
  restart: benchRestart,
  growth: benchGrowth,
  deployments: benchDeployments,
  validate: benchValidate,
  kubernetes: benchKubernetes,
}

const HELP = `npm run bench -- [--short [--check | --record]] [--only NAME] [--json]

  --short      small sizes, for CI: under a minute in all
  --only NAME  one subject: ${Object.keys(SUBJECTS).join(', ')}
  --json       one line of JSON for each figure
  --check      with --short: fails below 60 % of a ratio in recorded-ratios.json, after a second run of its subject
  --record     with --short: runs each subject ${RECORD_RUNS} times and writes recorded-ratios.json
`

await main()

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      short: { type: 'boolean' },
      json: { type: 'boolean' },
      help: { type: 'boolean' },
      only: { type: 'string' },
      check: { type: 'boolean' },
      record: { type: 'boolean' },
    },
  })
  if (values.help) {
    process.stdout.write(HELP)
    return
  }
  if ((values.check || values.record) && (!values.short || values.only !== undefined)) {
    process.stderr.write(`ratios are recorded and checked in the short form, all at once\n\n${HELP}`)
    process.exit(2)
  }
  const size: Size = values.short ? 'short' : 'full'
  if (values.record) return record()
  if (!values.json) process.stdout.write(`${machineLine(size)}\n`)
  const missed: string[] = []
  for (const name of values.only === undefined ? Object.keys(SUBJECTS) : [values.only]) {
    const rows = values.only === undefined ? await inOwnProcess(name, size) : await run(name, size)
    process.stdout.write(values.json ? rows.map((row) => `${jsonOf(row)}\n`).join('') : tableOf(name, rows))
    if (values.check && rows.length > 0) missed.push(...(await missedOf(name, rows)))
  }
  if (missed.length === 0) return
  process.stderr.write(`\n${missed.join('\n')}\n`)
  process.exit(1)
}

/** What is too slow for what was recorded, also when it is run a second time. */
async function missedOf(name: string, rows: readonly Row[]): Promise<string[]> {
  const recorded = readRecorded().ratios[name] ?? {}
  const first = missesOf(recorded, rows)
  if (first.length === 0) return []
  process.stderr.write(`${first.map((miss) => missText(name, miss)).join('\n')}\n${name} is run a second time\n`)
  const misses: Miss[] = missesOf(recorded, rows, await inOwnProcess(name, 'short'))
  return misses.map((miss) => missText(name, miss))
}

async function record(): Promise<void> {
  const ratios: Record<string, Record<string, number>> = {}
  const leftOut: Record<string, Record<string, string>> = {}
  for (const name of Object.keys(SUBJECTS)) {
    const runs: Row[][] = []
    for (let i = 0; i < RECORD_RUNS; i++) runs.push(await inOwnProcess(name, 'short'))
    const recorded = recordOf(runs)
    if (Object.keys(recorded.ratios).length > 0) ratios[name] = recorded.ratios
    if (Object.keys(recorded.leftOut).length > 0) leftOut[name] = recorded.leftOut
    process.stdout.write(`${name}: ${JSON.stringify(recorded)}\n`)
  }
  const date = new Date().toISOString().slice(0, 10)
  writeRecorded({ machine: machineLine('short'), date, ratios, leftOut })
}

async function run(name: string, size: Size): Promise<Row[]> {
  const subject = SUBJECTS[name]
  if (subject === undefined) {
    process.stderr.write(`there is no subject ${name}\n\n${HELP}`)
    process.exit(2)
  }
  return subject(size)
}

async function inOwnProcess(name: string, size: Size): Promise<Row[]> {
  const options = [import.meta.filename, '--json', '--only', name, ...(size === 'short' ? ['--short'] : [])]
  const { stdout, stderr } = await promisify(execFile)(process.execPath, options, { maxBuffer: 1 << 24 })
  process.stderr.write(stderr)
  const rows: Row[] = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
  // What a subject lacks to be measured here, it says.
  const skips = stderr.split('\n').some((line) => line.startsWith(`${name}: skipped`))
  mustBe(rows.length > 0 || skips, `${name} measured nothing`)
  return rows
}
