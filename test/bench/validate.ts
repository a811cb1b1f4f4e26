// How fast declarations are checked: 10,000 files of one object, and one file from a cold start. Beside it the plain way, `yaml`
// and the JSON Schemas of the kinds by ajv, which checks each file by itself and knows no references; and kubeconform, a
// validator for the same kind of files, where it is on the PATH.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { parse } from 'yaml'
import { definitionOf } from '../../controller/cli/generate.ts'
import { validate } from '../../controller/cli/validate.ts'
import { KIND_NAMES } from '../../controller/model/kinds.ts'
import { valueAt } from '../../controller/sources/records.ts'
import { objectSchema } from '../../controller/sources/schema.ts'
import { writeManifests } from './manifest-files.ts'
import { mustBe, type Row, RUNS, type Size, spreadOf, timed, timeInTurnsAsync } from './measure.ts'

const RINGMASTER = join(import.meta.dirname, '../../bin/ringmaster')
/** The first start compiles, and keeps that for the others. */
const WARM_UPS = 1

export async function benchValidate(size: Size): Promise<Row[]> {
  const count = size === 'full' ? 10_000 : 500
  const folder = mkdtempSync(join(tmpdir(), 'ringmaster-bench-'))
  try {
    const set = join(folder, 'set')
    const bytes = writeManifests(set, count)
    const one = join(folder, 'one')
    writeManifests(one, 1)
    return [
      await checked(set, count, bytes),
      ...processes(folder, set, count),
      coldStart(join(one, 'team-0/object-0.yaml')),
    ]
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function checked(set: string, count: number, bytes: number): Promise<Row> {
  const names = Array.from({ length: count }, (_, i) => join(set, `team-${i % 100}/object-${i}.yaml`))
  const validators = new Map(KIND_NAMES.map((kind) => [kind as string, compiled(objectSchema(kind))]))
  const ours = async () => {
    let out = ''
    const options = { format: 'json', strict: true, at: Date.parse('2026-01-15T00:00:00Z') } as const
    const exit = await validate({ paths: [set], stdin: () => process.stdin }, options, {
      stdout: (text) => (out += text),
    })
    const { objects, notes } = JSON.parse(out)
    mustBe(exit === 0 && objects === count && notes.length === 0, 'all objects good, with nothing to say')
  }
  const plain = async () => {
    let good = 0
    for (const name of names) {
      const value = parse(readFileSync(name, 'utf8'))
      if (validators.get(value.kind)?.(value)) good++
    }
    mustBe(good === count, 'all objects good by their schema')
  }
  const processor: { readonly ours: number[]; readonly plain: number[] } = { ours: [], plain: [] }
  const [mine = [], theirs = []] = await timeInTurnsAsync(
    { run: () => counted(ours, processor.ours) },
    { run: () => counted(plain, processor.plain) },
  )
  return {
    subject: 'validate',
    name: `${count} files of one object, in a process that has begun: read, checked, references and advice`,
    operation: 'file',
    ours: { operations: count, ms: mine },
    baseline: { operations: count, ms: theirs, what: '`yaml` and a compiled JSON Schema (ajv), each file by itself' },
    goal: '40,000 files a second on 2 cores',
    notes: [
      `${(bytes / 1e6).toFixed(1)} MB, one thread; processor time ${medianOf(processor.ours)} ms, plain ${medianOf(processor.plain)} ms`,
    ],
  }
}

/** Processor time says more than the clock where other work takes turns with this. */
async function counted(work: () => Promise<void>, into: number[]): Promise<void> {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  into.push((user + system) / 1000)
}

function medianOf(times: readonly number[]): number {
  return Math.round(spreadOf(times.slice(1)).median)
}

/** From the start of the process to its end. */
function processes(folder: string, set: string, count: number): Row[] {
  const ours = () => run(process.execPath, [RINGMASTER, 'validate', '--strict', set])
  const kubeconform = onPath('kubeconform')
  const schemas = join(folder, 'schemas')
  if (kubeconform !== undefined) writeSchemas(schemas)
  const theirs = () =>
    run(kubeconform ?? '', ['-strict', '-n', '2', '-schema-location', `${schemas}/{{ .ResourceKind }}.json`, set])
  const [mine, other]: number[][] = [[], []]
  for (let turn = -WARM_UPS; turn < RUNS; turn++) {
    const ms = timed(ours)
    if (turn >= 0) mine?.push(ms)
    if (kubeconform === undefined) continue
    const otherMs = timed(theirs)
    if (turn >= 0) other?.push(otherMs)
  }
  return [
    {
      subject: 'validate',
      name: `${count} files of one object, from the start of the process to its end`,
      operation: 'file',
      ours: { operations: count, ms: mine ?? [] },
      ...(kubeconform !== undefined && {
        baseline: { operations: count, ms: other ?? [], what: 'kubeconform -n 2, each file by itself' },
      }),
      notes: kubeconform === undefined ? ['kubeconform is not on the PATH: no ratio'] : [],
    },
  ]
}

function coldStart(file: string): Row {
  const ours = () => run(process.execPath, [RINGMASTER, 'validate', file])
  const node = () => run(process.execPath, ['-e', '0'])
  const [mine, plain]: number[][] = [[], []]
  for (let turn = -WARM_UPS; turn < 2 * RUNS; turn++) {
    const [ms, nodeMs] = [timed(ours), timed(node)]
    if (turn < 0) continue
    mine?.push(ms)
    plain?.push(nodeMs)
  }
  return {
    subject: 'validate',
    name: 'one file from a cold start',
    operation: 'start',
    ours: { operations: 1, ms: mine ?? [] },
    baseline: { operations: 1, ms: plain ?? [], what: 'node that does nothing' },
    goal: '60 ms',
  }
}

function compiled(schema: object): ValidateFunction {
  // Formats are looked at by patterns in the schemas themselves.
  return new Ajv2020({ strict: false, validateFormats: false }).compile(JSON.parse(JSON.stringify(schema)))
}

/** Draft 2020-12 without what the regular expressions of Go lack. */
const SCHEMA = ['spec', 'versions', 0, 'schema', 'openAPIV3Schema']

function writeSchemas(folder: string): void {
  mkdirSync(folder)
  for (const kind of KIND_NAMES)
    writeFileSync(
      join(folder, `${kind.toLowerCase()}.json`),
      JSON.stringify(valueAt(parse(definitionOf(kind)), SCHEMA)),
    )
}

function run(program: string, args: readonly string[]): void {
  execFileSync(program, args, { stdio: ['ignore', 'ignore', 'inherit'] })
}

function onPath(name: string): string | undefined {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(folder, name)
    try {
      execFileSync(path, ['-v'], { stdio: 'ignore' })
      return path
    } catch {
      // Not in this folder.
    }
  }
  return undefined
}
