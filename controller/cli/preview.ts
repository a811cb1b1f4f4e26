// `ringmaster preview RULE`: the updates that a rule selects now, and what keeps others out.
import type { Declared } from '../model/declared.ts'
import { toRfc3339 } from '../model/instant.ts'
import { reasonOf } from '../model/reason.ts'
import { forkWorld, inForce } from '../preview/fork.ts'
import { previewRule, type RulePreview } from '../preview/rule-preview.ts'
import { rulePreviewText } from '../preview/rule-preview-text.ts'
import { nearest } from '../sources/suggest.ts'
import type { State } from '../state/state.ts'
import { jsonText } from './client.ts'
import { type Command, EXIT, type Io, readArgs, wrongUsage } from './command.ts'
import { type LoadedSide, loadSide } from './declared-side.ts'
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

const MAX_LIMIT = 1000

export const previewCommand: Command = {
  usage: `Usage: ringmaster preview RULE [PATH] [OPTIONS]

Says what the rule would do if it were evaluated now: which updates it selects and how many more a group may hold, which
updates it misses by one criterion alone, and how many devices each phase would have. With PATH, a directory of
declarations, the rule is the one declared there; without it, the one that is in force in the world.

${WORLD_USAGE}
  --limit N          Updates shown, selected and for each criterion, 1 to ${MAX_LIMIT}. Default 20
  --format text|json Default text
  --help             This text

Exit code: 0 it selects something that can go out, 1 nothing or too many, or there is no such rule, 2 wrong usage,
3 invalid declarations, or something cannot be read.`,
  async run(args, io) {
    const parsed = readArgs(previewCommand, args, io, {
      options: {
        ...WORLD_OPTIONS,
        limit: { type: 'string', default: '20' },
        format: { type: 'string', default: 'text' },
      },
      allowPositionals: true,
    })
    if (parsed.type === 'Done') return parsed.exit
    const { values, positionals } = parsed
    const [rule, path, third] = positionals
    if (rule === undefined || third !== undefined) return wrongUsage(previewCommand, io, 'preview takes RULE and PATH')
    const limit = /^\d{1,4}$/.test(values.limit) ? Number(values.limit) : 0
    if (limit < 1 || limit > MAX_LIMIT)
      return wrongUsage(
        previewCommand,
        io,
        `--limit must be a whole number from 1 to ${MAX_LIMIT}, not ${values.limit}`,
      )
    if (values.format !== 'text' && values.format !== 'json')
      return wrongUsage(previewCommand, io, `--format must be text or json, not ${values.format}`)
    const world = readWorldOrder(values, previewCommand, io)
    if (typeof world === 'string') return wrongUsage(previewCommand, io, world)
    if (typeof world === 'number') return world
    if (path === undefined && (world.type === 'Declarations' || world.type === 'Scenario'))
      return wrongUsage(
        previewCommand,
        io,
        'name the directory of declarations, or a world that has some (--server, …)',
      )
    try {
      return await preview({ rule, path, limit, json: values.format === 'json', world }, io)
    } catch (error) {
      io.stderr(`ringmaster: ${reasonOf(error)}\n`)
      return EXIT.failed
    }
  },
}

type Order = {
  readonly rule: string
  readonly path: string | undefined
  readonly limit: number
  readonly json: boolean
  readonly world: WorldOrder
}

const NOTHING: LoadedSide = { label: '', prefix: '', revision: '', objects: [], placed: [], problems: [], total: 0 }

async function preview({ rule, path, limit, json, world }: Order, io: Io): Promise<number> {
  const exported = await loadExported(world)
  const load = (elsewhere: readonly Declared[]) =>
    path === undefined ? NOTHING : loadSide({ type: 'Directory', path }, elsewhere)
  const alone = await load([])
  const side = exported === undefined ? alone : await load(declaredElsewhere(exported, alone.objects))
  if (side.total > 0) return refuseProblems(side, io)
  const loaded = exported ?? (await makeWorld(world, { base: side, head: side }, Date.now()))
  if ('problems' in loaded) return refuseProblems({ prefix: '', total: loaded.problems.length, ...loaded }, io)
  const { now } = loaded
  const objects = path === undefined ? inForce(loaded.state) : side.objects
  const { state } = forkWorld(loaded.state, objects, side.revision, now)
  const found = previewRule(state, rule, now, limit)
  if (found === undefined) return unknownRule(state, rule, io)
  io.stdout(json ? jsonText(asJson(found)) : rulePreviewText(found))
  for (const note of loaded.unknown) io.stderr(`(${note})\n`)
  return found.groups === 0 ? EXIT.bad : EXIT.good
}

function unknownRule(state: State, rule: string, io: Io): number {
  const names = [...state.objects.AutomaticDeploymentRule.keys()].sort()
  const meant = nearest(rule, names)
  const advice =
    meant !== undefined
      ? `did you mean ${meant}?`
      : names.length === 0
        ? 'there are none'
        : `there are ${names.slice(0, 20).join(', ')}`
  io.stderr(`ringmaster: there is no rule ${rule}; ${advice}\n`)
  return EXIT.bad
}

function asJson({ at, nextEvaluation, ...preview }: RulePreview): object {
  const text = JSON.stringify({ at: toRfc3339(at), ...preview }, (key, value: unknown) =>
    key === 'released' && typeof value === 'number' ? toRfc3339(value) : value,
  )
  return { ...JSON.parse(text), ...(nextEvaluation !== undefined && { nextEvaluation: toRfc3339(nextEvaluation) }) }
}
