// `ringmaster get KIND [NAME]`: objects as a table.
import { VIEW_KINDS, viewKindNamed } from '../project/objects.ts'
import { decisionTable, renderTable, tableOf } from '../project/tables.ts'
import type { ViewKind, ViewOf } from '../project/views.ts'
import type { DecisionAnswer, ListAnswer } from '../serve/admin-routes.ts'
import { nearest } from '../sources/suggest.ts'
import {
  CLIENT_EXITS,
  CLIENT_OPTIONS,
  CLIENT_USAGE,
  type Client,
  call,
  clientFrom,
  fail,
  jsonText,
  pathOf,
} from './client.ts'
import { type Command, EXIT, type Io, readArgs, wrongUsage } from './command.ts'

export const getCommand: Command = {
  usage: `Usage: ringmaster get KIND [NAME] [OPTIONS]

KIND is a kind by its name, plural or short name, such as rollouts or ro:
  ${VIEW_KINDS.join(', ')}
or decisions.

  --search TEXT      A part of the name; of updates also of title or article
  --collection NAME  Devices of this collection only
  --silent           Devices that have been silent for too long only
  --attribute K=V    Devices with this value of an attribute only
  --state STATE      Updates in this state only: Normal, Superseded, Expired, Declined, MetadataOnly
  --rollout NAME, --rule NAME, --hold NAME, --type TYPE
                     Decisions about these only
  --limit N          At most so many, up to 1000 (default 500; of devices, updates and decisions 50)
  --offset N         Leave out the first N
  --from N           Decisions from this number in the journal back
${CLIENT_USAGE}

${CLIENT_EXITS}`,
  async run(args, io) {
    const parsed = readArgs(getCommand, args, io, {
      options: {
        ...CLIENT_OPTIONS,
        ...texts(
          'search',
          'collection',
          'attribute',
          'state',
          'rollout',
          'rule',
          'hold',
          'type',
          'limit',
          'offset',
          'from',
        ),
        silent: { type: 'boolean' },
      },
      allowPositionals: true,
    })
    if (parsed.type === 'Done') return parsed.exit
    const { values } = parsed
    const [word, name, ...rest] = parsed.positionals
    if (word === undefined || rest.length > 0) return wrongUsage(getCommand, io, 'get takes KIND and perhaps NAME')
    const client = clientFrom(values, getCommand, io)
    if (typeof client === 'number') return client
    if (isDecisions(word)) {
      const { rollout, rule, hold, type, from: fromSeq, limit = '50' } = values
      return getDecisions(client, pathOf(['decisions'], { rollout, rule, hold, type, fromSeq, limit }), io)
    }
    const kind = viewKindNamed(word)
    if (kind === undefined) return wrongUsage(getCommand, io, noSuchKind(word))
    if (name !== undefined) return getOne(client, kind, name, io)
    const { search, collection, attribute, state, offset } = values
    const limit = values.limit ?? (kind === 'Device' || kind === 'Update' ? '50' : undefined)
    const stale = values.silent ? 'true' : undefined
    const query = { search, collection, attribute, state, offset, limit, stale }
    return getMany(client, pathOf(['objects', kind], query), Number(offset ?? 0), io)
  },
}

/** What is wrong with a word that names no kind. */
export function noSuchKind(word: string): string {
  const meant = nearest(word, [...VIEW_KINDS.map((kind) => kind.toLowerCase()), 'rollouts', 'devices', 'updates'])
  const advice = meant === undefined ? '' : `; did you mean ${meant}?`
  return `there is no kind ${word}${advice}`
}

function isDecisions(word: string): boolean {
  return ['decision', 'decisions', 'dec'].includes(word.toLowerCase())
}

async function getMany(client: Client, path: string, offset: number, io: Io): Promise<number> {
  const answer = await call<ListAnswer>(client, { method: 'GET', path })
  if (answer.type === 'Failed') return fail(io, answer)
  const { kind, items, total } = answer.body
  if (client.json) io.stdout(jsonText(answer.body))
  else if (items.length > 0) io.stdout(renderTable(tableOf(kind, items, answer.now)))
  else io.stderr(`there is no ${kind} to show\n`)
  const shown = offset + items.length
  if (!client.json && items.length > 0 && shown < total)
    io.stderr(`${items.length} of ${total} shown; --offset ${shown} goes on\n`)
  return EXIT.good
}

async function getOne(client: Client, kind: ViewKind, name: string, io: Io): Promise<number> {
  const answer = await call<ViewOf[ViewKind]>(client, { method: 'GET', path: pathOf(['objects', kind, name]) })
  if (answer.type === 'Failed') return fail(io, answer)
  io.stdout(client.json ? jsonText(answer.body) : renderTable(tableOf(kind, [answer.body], answer.now)))
  return EXIT.good
}

async function getDecisions(client: Client, path: string, io: Io): Promise<number> {
  const answer = await call<DecisionAnswer>(client, { method: 'GET', path })
  if (answer.type === 'Failed') return fail(io, answer)
  const { items, next } = answer.body
  if (client.json) io.stdout(jsonText(answer.body))
  else if (items.length > 0) io.stdout(renderTable(decisionTable(items)))
  else io.stderr('there is no decision to show\n')
  if (!client.json && next !== undefined) io.stderr(`there may be more; --from ${next} goes on\n`)
  return EXIT.good
}

function texts<const K extends string>(...keys: readonly K[]): Record<K, { readonly type: 'string' }>
function texts(...keys: readonly string[]): Record<string, { readonly type: 'string' }> {
  return Object.fromEntries(keys.map((key) => [key, { type: 'string' }]))
}
