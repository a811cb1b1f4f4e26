// `ringmaster`: finds the command that was named, loads it and nothing else, and runs it.
import { nearest } from '../sources/suggest.ts'
import { type Command, EXIT, type Io } from './command.ts'
import { COMMANDS } from './commands.ts'

/** Resolves with the exit code. */
export async function main(args: readonly string[], io: Io): Promise<number> {
  const [name = '--help', ...rest] = args
  if (name === '--version' || name === '-v' || name === 'version') {
    const { ringmasterVersion } = await import('../runtime/version.ts')
    io.stdout(`${ringmasterVersion()}\n`)
    return EXIT.good
  }
  if (name === '--help' || name === '-h' || (name === 'help' && rest.length === 0)) {
    io.stdout(overview())
    return args.length === 0 ? EXIT.usage : EXIT.good
  }
  const wanted = name === 'help' ? (rest[0] ?? '') : name
  const command = await load(wanted)
  if (command === undefined) return unknownCommand(wanted, io)
  return command.run(name === 'help' ? ['--help'] : rest, io)
}

async function load(name: string): Promise<Command | undefined> {
  if (!Object.hasOwn(COMMANDS, name)) return undefined
  const exported: Readonly<Record<string, unknown>> = await import(`./${name}.ts`)
  const command = exported[`${name.replaceAll(/-./g, (part) => part.slice(1).toUpperCase())}Command`]
  if (isCommand(command)) return command
  throw new Error(`${name}.ts exports no command`)
}

function isCommand(value: unknown): value is Command {
  return typeof value === 'object' && value !== null && 'run' in value && typeof value.run === 'function'
}

function unknownCommand(name: string, io: Io): number {
  const meant = nearest(name, Object.keys(COMMANDS))
  const advice = meant === undefined ? 'see `ringmaster --help`' : `did you mean \`ringmaster ${meant}\`?`
  io.stderr(`ringmaster: there is no command ${name}; ${advice}\n`)
  return EXIT.usage
}

function overview(): string {
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length))
  const lines = Object.entries(COMMANDS).map(([name, purpose]) => `  ${name.padEnd(width)}  ${purpose}`)
  return `Usage: ringmaster COMMAND [OPTIONS]

Rolls software updates out to fleets of machines, from rules kept in Git.

${lines.join('\n')}

\`ringmaster help COMMAND\` tells more of each. \`ringmaster --version\` prints the version.
Exit codes: 0 good, 1 the thing checked is bad, 2 wrong usage, 3 could not run.
`
}

/** One clear line; the stack is for those who look for a fault in Ringmaster itself. */
function fail(error: unknown): void {
  const debug = process.env.RINGMASTER_DEBUG === '1'
  const text = error instanceof Error ? (debug ? error.stack : error.message) : String(error)
  const advice = debug ? '' : ' (RINGMASTER_DEBUG=1 shows more)'
  process.stderr.write(`ringmaster: ${text ?? 'it failed'}${advice}\n`)
  process.exit(EXIT.failed)
}

/** Runs the command that this process was started with, and ends the process with its exit code. */
export async function start(): Promise<void> {
  process.on('uncaughtException', fail)
  process.on('unhandledRejection', fail)
  // `ringmaster … | head`: who reads no longer has had enough. A controller goes on without its log.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') fail(error)
    else if (process.argv[2] !== 'run') process.exit(EXIT.good)
  })
  const io: Io = { stdout: (text) => process.stdout.write(text), stderr: (text) => process.stderr.write(text) }
  const code = await main(process.argv.slice(2), io)
  // What was written reaches its reader first.
  process.stderr.write('', () => process.stdout.write('', () => process.exit(code)))
}

if (import.meta.main) await start()
