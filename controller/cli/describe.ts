// `ringmaster describe KIND NAME`: one object at length, with what was decided about it.
import { describeObject } from '../project/describe.ts'
import { viewKindNamed } from '../project/objects.ts'
import type { ObjectView } from '../project/views.ts'
import type { DecisionAnswer } from '../serve/admin-routes.ts'
import { CLIENT_EXITS, CLIENT_OPTIONS, CLIENT_USAGE, call, clientFrom, fail, jsonText, pathOf } from './client.ts'
import { type Command, EXIT, readArgs, wrongUsage } from './command.ts'
import { noSuchKind } from './get.ts'

export const describeCommand: Command = {
  usage: `Usage: ringmaster describe KIND NAME [OPTIONS]

Shows one object in sections: conditions, status (of a rollout its phases with what their gates count), spec, and the
last decisions about it. KIND as in \`ringmaster get\`.

${CLIENT_USAGE}

${CLIENT_EXITS}`,
  async run(args, io) {
    const parsed = readArgs(describeCommand, args, io, { options: CLIENT_OPTIONS, allowPositionals: true })
    if (parsed.type === 'Done') return parsed.exit
    const [word, name, ...rest] = parsed.positionals
    if (word === undefined || name === undefined || rest.length > 0)
      return wrongUsage(describeCommand, io, 'describe takes KIND and NAME')
    const kind = viewKindNamed(word)
    if (kind === undefined) return wrongUsage(describeCommand, io, noSuchKind(word))
    const client = clientFrom(parsed.values, describeCommand, io)
    if (typeof client === 'number') return client
    const answer = await call<ObjectView>(client, { method: 'GET', path: pathOf(['objects', kind, name]) })
    if (answer.type === 'Failed') return fail(io, answer)
    const about = decisionsAbout(answer.body)
    const path = pathOf(['decisions'], { ...about, limit: '10' })
    const found = about && (await call<DecisionAnswer>(client, { method: 'GET', path }))
    if (found?.type === 'Failed') return fail(io, found)
    const decisions = found?.body.items ?? []
    if (client.json) io.stdout(jsonText({ object: answer.body, decisions }))
    else io.stdout(describeObject(answer.body, decisions, answer.now))
    return EXIT.good
  },
}

/** How the decisions about an object are asked for; undefined for kinds that nothing is decided about. */
function decisionsAbout({ kind, metadata, ...view }: ObjectView): Record<string, string> | undefined {
  if (kind === 'Rollout') return { rollout: metadata.name }
  if (kind === 'AutomaticDeploymentRule') return { rule: metadata.name }
  if (kind === 'UpdateHold') return { hold: metadata.name }
  const { spec } = view
  return kind === 'UpdateDeployment' && 'rollout' in spec ? { rollout: spec.rollout } : undefined
}
