// `ringmaster explain --device D --update U`: why a device gets an update, or does not.
import { explanationText } from '../project/describe.ts'
import type { ExplainAnswer } from '../serve/admin-routes.ts'
import { CLIENT_EXITS, CLIENT_OPTIONS, CLIENT_USAGE, call, clientFrom, fail, jsonText, pathOf } from './client.ts'
import { type Command, EXIT, readArgs, wrongUsage } from './command.ts'

export const explainCommand: Command = {
  name: 'explain',
  summary: 'Say why a device gets an update or does not: the whole way, step by step.',
  usage: `Usage: ringmaster explain --device DEVICE --update UPDATE [OPTIONS]

Says in one sentence whether and when the device gets the update, and then why: catalog, rules and their criteria, groups,
rollouts and phases, approval, holds, freezes, windows, and what the device last said.
A "+" lets the update through, a "-" stands in its way.

  --device DEVICE    Id of the device
  --update UPDATE    Id of the update, or an article that is one update, such as KB5066835
${CLIENT_USAGE}

${CLIENT_EXITS}`,
  async run(args, io) {
    const parsed = readArgs(explainCommand, args, io, {
      options: { ...CLIENT_OPTIONS, device: { type: 'string' }, update: { type: 'string' } },
      allowPositionals: true,
    })
    if (parsed.type === 'Done') return parsed.exit
    const { device, update } = parsed.values
    if (device === undefined || update === undefined || parsed.positionals.length > 0)
      return wrongUsage(explainCommand, io, 'explain takes --device DEVICE and --update UPDATE')
    const client = clientFrom(parsed.values, explainCommand, io)
    if (typeof client === 'number') return client
    const answer = await call<ExplainAnswer>(client, { method: 'GET', path: pathOf(['explain'], { device, update }) })
    if (answer.type === 'Failed') return fail(io, answer)
    io.stdout(client.json ? jsonText(answer.body) : explanationText(answer.body))
    return NOT_FOUND.includes(answer.body.verdict.reason) ? EXIT.bad : EXIT.good
  },
}

const NOT_FOUND: readonly string[] = ['NotEnrolled', 'NotInCatalog', 'SeveralUpdates']
