// `ringmaster enrol-key`: a key with which devices enrol.
import type { KeyAnswer } from '../serve/admin-routes.ts'
import {
  CLIENT_EXITS,
  CLIENT_OPTIONS,
  CLIENT_USAGE,
  call,
  clientFrom,
  fail,
  jsonText,
  pathOf,
  userName,
} from './client.ts'
import { type Command, EXIT, readArgs, wrongUsage } from './command.ts'

export const enrolKeyCommand: Command = {
  usage: `Usage: ringmaster enrol-key [OPTIONS]

Makes an enrolment key and prints it, this once: the controller keeps its hash only.

  --once             Good for one device (default: for any number)
  --expires WHEN     A duration such as P1D, or an instant in RFC 3339 (default: never)
  --by NAME          Who orders it (default: your user name here)
${CLIENT_USAGE}

${CLIENT_EXITS}`,
  async run(args, io) {
    const parsed = readArgs(enrolKeyCommand, args, io, {
      options: {
        ...CLIENT_OPTIONS,
        once: { type: 'boolean', default: false },
        expires: { type: 'string' },
        by: { type: 'string' },
      },
      allowPositionals: true,
    })
    if (parsed.type === 'Done') return parsed.exit
    if (parsed.positionals.length > 0) return wrongUsage(enrolKeyCommand, io, 'enrol-key takes no arguments')
    const { once, expires, by = userName() } = parsed.values
    const client = clientFrom(parsed.values, enrolKeyCommand, io)
    if (typeof client === 'number') return client
    const body = { once, by, ...(expires !== undefined && { expires }) }
    const answer = await call<KeyAnswer>(client, { method: 'POST', path: pathOf(['enrolment-keys']), body })
    if (answer.type === 'Failed') return fail(io, answer)
    if (client.json) {
      io.stdout(jsonText(answer.body))
      return EXIT.good
    }
    const until = answer.body.expires === undefined ? 'until further notice' : `until ${answer.body.expires}`
    io.stderr(
      `good for ${answer.body.once ? 'one device' : 'any number of devices'}, ${until}; it is shown this once:\n`,
    )
    io.stdout(`${answer.body.key}\n`)
    return EXIT.good
  },
}
