// `ringmaster simulate PATH`: plays declarations through on a virtual clock against simulated devices.
import { dirname, resolve } from 'node:path'
import type { Problem } from '../model/declared.ts'
import { DAY } from '../model/instant.ts'
import { reasonOf } from '../model/reason.ts'
import { readFeeds } from '../simulate/feeds.ts'
import { readScenario, type ScenarioSpec } from '../simulate/scenario.ts'
import { type Edit, type SimulationInput, simulate, type Watcher } from '../simulate/simulation.ts'
import { decisionLine, storyLine, tellDecision, tellInput } from '../simulate/story.ts'
import { tellEnd } from '../simulate/summary.ts'
import type { Declarations } from '../sources/assemble-by.ts'
import { loadDirectory } from '../sources/directory-source.ts'
import { readOne } from '../sources/folder.ts'
import { type Command, EXIT, type Io, readArgs, wrongUsage } from './command.ts'
import { loadSide, placeToCompare } from './declared-side.ts'
import { tellBoth } from './simulate-both.ts'

type Format = 'text' | 'ndjson'

/** Ten years and some days. */
const MAX_DAYS = 3660

export const simulateCommand: Command = {
  usage: `Usage: ringmaster simulate PATH --scenario FILE --from INSTANT --until INSTANT [--seed N] [--format text|ndjson]
                           [--compare BASE]

Runs the declarations of the directory PATH on a virtual clock against the devices that the scenario describes, with the
same code as the controller. Every decision is printed with its instant and reason. The same input and seed give the
same output, byte for byte. No controller has to run, and nothing is changed.

  --scenario FILE   Which devices there are, which updates fail on them, who is offline, what people do (YAML)
  --from INSTANT    Start of the simulation, RFC 3339, e.g. 2026-01-01T00:00:00Z
  --until INSTANT   Its end
  --seed N          What chance does, 0 to 4294967295. Default: the scenario's, else 1
  --format text     A story with a summary at the end, times in UTC (default)
  --format ndjson   {at, type, rule, rollout, phase, updates, devices, reason, message, …}, one decision a line
  --compare BASE    Also play the declarations of BASE, a directory or a git commit, and tell both stories in one: lines of
                    BASE alone begin with -, those of PATH alone with +; at the end stands what differs. With ndjson
                    each line has a side: base, head or both
  --help            This text

Exit code: 0 good, 1 the declarations or the scenario are invalid, 2 wrong usage, 3 could not run.`,
  async run(args, io) {
    const parsed = readArgs(simulateCommand, args, io, {
      options: {
        scenario: { type: 'string' },
        from: { type: 'string' },
        until: { type: 'string' },
        seed: { type: 'string' },
        format: { type: 'string', default: 'text' },
        compare: { type: 'string' },
      },
      allowPositionals: true,
    })
    if (parsed.type === 'Done') return parsed.exit
    const order = readOrder(parsed.positionals, parsed.values)
    if (typeof order === 'string') return wrongUsage(simulateCommand, io, order)
    try {
      return await play(order, io)
    } catch (error) {
      io.stderr(`ringmaster: ${reasonOf(error)}\n`)
      return EXIT.failed
    }
  },
}

type Order = {
  readonly path: string
  readonly scenario: string
  readonly from: number
  readonly until: number
  readonly seed: number | undefined
  readonly format: Format
  /** The directory or commit to compare with. */
  readonly compare: string | undefined
}

/** What was asked for; a text says what is wrong with it. */
function readOrder(paths: readonly string[], values: Readonly<Record<string, string | undefined>>): Order | string {
  const [path, second] = paths
  if (path === undefined || second !== undefined) return 'name one directory of declarations'
  const { scenario, format } = values
  if (scenario === undefined) return '--scenario is missing: name the file of the scenario'
  const from = readInstant(values.from)
  const until = readInstant(values.until)
  if (from === undefined)
    return `--from must be an RFC 3339 instant such as 2026-01-01T00:00:00Z, not ${values.from ?? 'left out'}`
  if (until === undefined)
    return `--until must be an RFC 3339 instant such as 2026-12-31T00:00:00Z, not ${values.until ?? 'left out'}`
  if (until < from) return '--until must not be before --from'
  if (until - from > MAX_DAYS * DAY) return `--until must be at most ${MAX_DAYS} days after --from`
  const seed = values.seed === undefined ? undefined : Number(values.seed)
  if (seed !== undefined && !(/^\d{1,10}$/.test(values.seed ?? '') && seed <= 0xffff_ffff))
    return `--seed must be a whole number from 0 to 4294967295, not ${values.seed}`
  if (format !== 'text' && format !== 'ndjson') return `--format must be text or ndjson, not ${format}`
  return { path, scenario, from, until, seed, format, compare: values.compare }
}

function readInstant(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  try {
    return Temporal.Instant.from(text).epochMilliseconds
  } catch {
    return undefined
  }
}

async function play(order: Order, io: Io): Promise<number> {
  const file = await readOne(order.scenario, order.scenario, dirname(resolve(order.scenario)))
  if ('code' in file && file.code === 'RM1014') throw new Error(`${order.scenario}: ${file.message}`)
  if ('code' in file) return refuse([{ ...file, line: 1, column: 1, path: '' }], io)
  const read = readScenario(order.scenario, file.bytes)
  if (read.type === 'Problems') return refuse(read.problems, io)
  const { spec } = read.scenario
  const first = await loadDirectory(order.path)
  const loads = [{ at: order.from, path: order.path, load: first }]
  for (const { at, path } of spec.declarations.toSorted((a, b) => a.at - b.at)) {
    const load = await loadDirectory(resolve(dirname(order.scenario), path))
    loads.push({ at, path, load })
  }
  for (const { load, path } of loads) {
    if (load.problems.some(({ file, code }) => file === '.' && code === 'RM1014'))
      throw new Error(`${path}: ${load.problems[0]?.message}`)
    if (load.total > 0) return refuse(load.problems, io, path)
  }
  const input = await inputOf(order, spec, loads)
  if (order.compare === undefined) tell(input, order.format, io)
  else {
    const base = await loadSide(await placeToCompare(order.compare, order.path))
    if (base.total > 0) return refuse(base.problems, io, base.prefix)
    const first = { at: order.from, load: { ...base, objects: base.placed } }
    tellBoth(await inputOf(order, spec, [first, ...loads.slice(1)]), input, order.format, io)
  }
  return EXIT.good
}

async function inputOf(
  order: Order,
  scenario: ScenarioSpec,
  loads: readonly { readonly at: number; readonly load: Pick<Declarations, 'revision' | 'objects'> }[],
): Promise<SimulationInput> {
  const declarations = loads.map(({ at, load }): Edit => ({ at, revision: load.revision, objects: load.objects }))
  const feeds = await readFeeds(declarations.flatMap(({ objects }) => objects))
  const { from, until } = order
  return { scenario, seed: order.seed ?? scenario.seed, from, until, declarations, feeds }
}

function tell(input: SimulationInput, format: Format, io: Io): void {
  const watcher: Watcher =
    format === 'ndjson'
      ? { onDecision: (state, at, decision) => io.stdout(`${JSON.stringify(decisionLine(state, at, decision))}\n`) }
      : {
          onDecision: (_state, at, decision) => io.stdout(storyLine(at, tellDecision(decision))),
          onInput: (state, at, said) => {
            const text = tellInput(state, said)
            if (text !== undefined) io.stdout(storyLine(at, text))
          },
        }
  const { state, notes } = simulate(input, { ...watcher, withoutProgress: true })
  if (format === 'text') io.stdout(tellEnd(state, notes, input.until))
}

function refuse(problems: readonly Problem[], io: Io, folder?: string): number {
  const within = folder === undefined || folder === '' ? '' : `${folder.replace(/\/+$/, '')}/`
  for (const { file, line, column, code, path, message } of problems)
    io.stderr(`${within}${file}:${line}:${column}: ${code}${path === '' ? '' : ` ${path}`}: ${message}\n`)
  return EXIT.bad
}
