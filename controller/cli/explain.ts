// `ringmaster explain`: why a device gets an update, or does not (--device D --update U); what a code or a reason means.
import { explanationText } from '../project/describe.ts'
import type { ExplainAnswer } from '../serve/admin-routes.ts'
import { CLIENT_EXITS, CLIENT_OPTIONS, CLIENT_USAGE, call, clientFrom, fail, jsonText, pathOf } from './client.ts'
import { type Command, EXIT, readArgs, wrongUsage } from './command.ts'
import { explainCode } from './explain-code.ts'

export const explainCommand: Command = {
  usage: `Usage: ringmaster explain --device DEVICE --update UPDATE [OPTIONS]
       ringmaster explain CODE|REASON [--format text|json]

Says in one sentence whether and when the device gets the update, and then why: catalog, rules and their criteria, groups,
rollouts and phases, approval, holds, freezes, windows, and what the device last said.
A "+" lets the update through, a "-" stands in its way.

With a code or a reason it prints what that means, and asks no controller: an error code (RM1503), a reason (Soaking), or a
result code of Windows (0x80070643).

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
    const [word, ...rest] = parsed.positionals
    const isWord = word !== undefined && rest.length === 0 && device === undefined && update === undefined
    if (!isWord && (device === undefined || update === undefined || word !== undefined))
      return wrongUsage(explainCommand, io, 'explain takes --device DEVICE and --update UPDATE, or one code or reason')
    if (word !== undefined) {
      const { format } = parsed.values
      if (format !== 'text' && format !== 'json')
        return wrongUsage(explainCommand, io, `--format must be text or json, not ${format}`)
      return explainCode(word, format === 'json', io)
    }
    const client = clientFrom(parsed.values, explainCommand, io)
    if (typeof client === 'number') return client
    const answer = await call<ExplainAnswer>(client, { method: 'GET', path: pathOf(['explain'], { device, update }) })
    if (answer.type === 'Failed') return fail(io, answer)
    io.stdout(client.json ? jsonText(answer.body) : explanationText(answer.body))
    return NOT_FOUND.includes(answer.body.verdict.reason) ? EXIT.bad : EXIT.good
  },
}

const NOT_FOUND: readonly string[] = ['NotEnrolled', 'NotInCatalog', 'SeveralUpdates']
