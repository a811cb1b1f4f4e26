// `ringmaster diff`: what a change of the declarations does, before it is merged.
import { writeFileSync } from 'node:fs'
import { reasonOf } from '../model/reason.ts'
import { type Comparison, effectOf } from '../preview/compare.ts'
import type { Effect } from '../preview/effect.ts'
import { effectJson } from '../preview/json.ts'
import { effectMarkdown } from '../preview/markdown.ts'
import { effectSvg } from '../preview/svg.ts'
import { effectText } from '../preview/text.ts'
import { type Command, EXIT, type Io, readArgs, wrongUsage } from './command.ts'
import { type LoadedSide, loadSide, type Place, repositoryOf } from './declared-side.ts'
import { futuresOf } from './declared-world.ts'
import { refuseProblems } from './refuse-problems.ts'
import {
  declaredElsewhere,
  loadExported,
  makeWorld,
  readWorldOrder,
  WORLD_OPTIONS,
  WORLD_USAGE,
  type WorldOrder,
} from './world-options.ts'

const FORMATS = ['text', 'json', 'markdown'] as const
type Format = (typeof FORMATS)[number]

export const MAX_WEEKS = 8

export const diffCommand: Command = {
  usage: `Usage: ringmaster diff --base REF [--head REF] [--path DIR] [OPTIONS]
       ringmaster diff BASE_DIR HEAD_DIR [OPTIONS]

Compares two sets of declarations in one world: updates that enter and leave each rule, devices that enter and leave each
collection and phase, what is approved and withdrawn at once, deadlines and first starts in the devices' local time, updates
that fit no window, what no revert can undo, and the weeks to come, played with both. It decides with the controller's own
code on copies of the state; nothing is changed anywhere.

  --base REF         A branch, tag or commit of the repository that this folder is in
  --head REF         The same for the change. Default: the files as they lie here
  --path DIR         The folder of declarations in the repository (default: the whole repository)
${WORLD_USAGE}
  --weeks N          How far the future is played, 0 to ${MAX_WEEKS}. Default 4
  --format FORMAT    text (default), json, or markdown for a comment on a pull request
  --svg FILE         Also draw both timelines there
  --help             This text

Without --server, --snapshot, --data or --scenario no devices are known, and what can be compared without them is.

Exit code: 0 no effect, 1 an effect, 2 wrong usage, 3 invalid declarations, or something cannot be read.`,
  async run(args, io) {
    const parsed = readArgs(diffCommand, args, io, {
      options: {
        ...WORLD_OPTIONS,
        base: { type: 'string' },
        head: { type: 'string' },
        path: { type: 'string' },
        weeks: { type: 'string', default: '4' },
        format: { type: 'string', default: 'text' },
        svg: { type: 'string' },
      },
      allowPositionals: true,
    })
    if (parsed.type === 'Done') return parsed.exit
    const order = readOrder(parsed.positionals, parsed.values)
    if (typeof order === 'string') return wrongUsage(diffCommand, io, order)
    const world = readWorldOrder(parsed.values, diffCommand, io)
    if (typeof world === 'string') return wrongUsage(diffCommand, io, world)
    if (typeof world === 'number') return world
    try {
      return await diff({ ...order, world }, io)
    } catch (error) {
      io.stderr(`ringmaster: ${reasonOf(error)}\n`)
      return EXIT.failed
    }
  },
}

type Order = {
  readonly places: () => Promise<{ readonly base: Place; readonly head: Place }>
  readonly weeks: number
  readonly format: Format
  readonly svg: string | undefined
}

type Values = { readonly [K in 'base' | 'head' | 'path' | 'svg']?: string | undefined } & {
  readonly weeks: string
  readonly format: string
}

/** What was asked for; a text says what is wrong with it. */
function readOrder(paths: readonly string[], values: Values): Order | string {
  const { base, head, path = '.', svg } = values
  const format = FORMATS.find((one) => one === values.format)
  if (format === undefined) return `--format must be ${FORMATS.join(', ')}, not ${values.format}`
  const weeks = /^\d$/.test(values.weeks) ? Number(values.weeks) : Number.NaN
  if (!(weeks <= MAX_WEEKS)) return `--weeks must be a whole number from 0 to ${MAX_WEEKS}, not ${values.weeks}`
  const common = { weeks, format, svg }
  if (paths.length === 0) {
    if (base === undefined) return 'name two directories, or --base REF in a git repository'
    return { ...common, places: () => placesInGit(base, head, path) }
  }
  const [from, to, third] = paths
  if (from === undefined || to === undefined || third !== undefined) return 'name two directories: BASE_DIR HEAD_DIR'
  if (base !== undefined || head !== undefined || values.path !== undefined)
    return '--base, --head and --path are for git; two directories need none of them'
  const places = { base: { type: 'Directory', path: from }, head: { type: 'Directory', path: to } } as const
  return { ...common, places: async () => places }
}

async function placesInGit(
  base: string,
  head: string | undefined,
  path: string,
): Promise<{ base: Place; head: Place }> {
  const repository = await repositoryOf('.')
  return {
    base: { type: 'Commit', repository, ref: base, path },
    head: head === undefined ? { type: 'WorkTree', repository, path } : { type: 'Commit', repository, ref: head, path },
  }
}

async function diff(order: Order & { readonly world: WorldOrder }, io: Io): Promise<number> {
  const places = await order.places()
  const exported = await loadExported(order.world)
  const alone = await loadSide(places.base)
  const elsewhere = exported === undefined ? [] : declaredElsewhere(exported, alone.objects)
  const head = await loadSide(places.head, elsewhere)
  if (head.total > 0) return refuseProblems(head, io)
  const base = elsewhere.length === 0 ? alone : await loadSide(places.base, elsewhere)
  const world = exported ?? (await makeWorld(order.world, { base, head }, Date.now()))
  if ('problems' in world) return refuseProblems({ prefix: '', total: world.problems.length, ...world }, io)
  const { weeks } = order
  const comparison: Comparison = {
    world: world.state,
    about: world.about,
    base,
    head,
    now: world.now,
    weeks,
    unknown: [...brokenBase(base), ...world.unknown],
    ...(world.play && weeks > 0 && { future: futuresOf(world.play, base, head, weeks) }),
  }
  const effect = effectOf(comparison)
  if (order.svg !== undefined) writeFileSync(order.svg, effectSvg(effect))
  io.stdout(written(effect, order.format))
  return effect.differs ? EXIT.bad : EXIT.good
}

function written(effect: Effect, format: Format): string {
  if (format === 'json') return effectJson(effect)
  if (format === 'markdown') return effectMarkdown(effect)
  return effectText(effect, process.stdout.isTTY === true && process.env.NO_COLOR === undefined)
}

// What is merged already may be broken; it must be possible to mend it.
function brokenBase({ label, prefix, total, problems }: LoadedSide): string[] {
  const [first] = problems
  if (total === 0 || first === undefined) return []
  return [
    `the base ${label} has ${total} problems (${prefix}${first.file}:${first.line}: ${first.message}); what is sound of it was compared`,
  ]
}
