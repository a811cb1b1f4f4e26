// npm run bench: what the core does in a second, and how that compares with a plain way in the same run (docs/performance.md).
// Each subject has a process of its own, so that none measures the rubbish of another.
import { execFile } from 'node:child_process'
import { parseArgs, promisify } from 'node:util'
import { benchCollectionRows } from './collection-rows.ts'
import { benchWhole } from './collections-whole.ts'
import { benchIngest } from './ingest.ts'
import { benchIngestHttp } from './ingest-http.ts'
import { benchKubernetes } from './kubernetes.ts'
import { mustBe, type Row, type Size } from './measure.ts'
import { benchPolicies } from './policies.ts'
import { benchPolls } from './polls.ts'
import { benchPostgres } from './postgres.ts'
import { benchRestart } from './restart.ts'
import { benchRules } from './rules.ts'
import { benchSimulation } from './simulation.ts'
import { jsonOf, machineLine, tableOf } from './table.ts'
import { benchValidate } from './validate.ts'

const SUBJECTS: Readonly<Record<string, (size: Size) => Row[] | Promise<Row[]>>> = {
  rules: benchRules,
  collections: benchCollectionRows,
  whole: benchWhole,
  ingest: benchIngest,
  'ingest-http': benchIngestHttp,
  policies: benchPolicies,
  polls: benchPolls,
  postgres: benchPostgres,
  simulation: benchSimulation,
  restart: benchRestart,
  validate: benchValidate,
  kubernetes: benchKubernetes,
}

const HELP = `npm run bench -- [--short] [--only NAME] [--json]

  --short      small sizes, for CI: under a minute in all
  --only NAME  one subject: ${Object.keys(SUBJECTS).join(', ')}
  --json       one line of JSON for each figure
`

await main()

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      short: { type: 'boolean' },
      json: { type: 'boolean' },
      help: { type: 'boolean' },
      only: { type: 'string' },
    },
  })
  if (values.help) {
    process.stdout.write(HELP)
    return
  }
  const size: Size = values.short ? 'short' : 'full'
  if (!values.json) process.stdout.write(`${machineLine(size)}\n`)
  for (const name of values.only === undefined ? Object.keys(SUBJECTS) : [values.only]) {
    const rows = values.only === undefined ? await inOwnProcess(name, size) : await run(name, size)
    process.stdout.write(values.json ? rows.map((row) => `${jsonOf(row)}\n`).join('') : tableOf(name, rows))
  }
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
