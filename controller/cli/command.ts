// What a command of the command line is. main.ts finds commands by name; each stands in a file of its own.
import { type ParseArgsConfig, parseArgs } from 'node:util'
import { reasonOf } from '../model/reason.ts'

/** Where a command writes; each text ends with its own line break. */
export type Io = { readonly stdout: (text: string) => void; readonly stderr: (text: string) => void }

export type Command = {
  /** What `--help` prints. */
  readonly usage: string
  /** Resolves with the exit code: 0 good, 1 the thing checked is bad, 2 wrong usage, 3 could not run. */
  run(args: string[], io: Io): Promise<number>
}

export const EXIT = { good: 0, bad: 1, usage: 2, failed: 3 } as const

type Parsed<T extends ParseArgsConfig> =
  | {
      readonly type: 'Args'
      readonly values: ReturnType<typeof parseArgs<T>>['values']
      readonly positionals: string[]
    }
  | { readonly type: 'Done'; readonly exit: number }

/** Reads arguments strictly. Handles `--help`, and prints the usage on a wrong option. */
export function readArgs<T extends ParseArgsConfig>(
  command: Pick<Command, 'usage'>,
  args: string[],
  io: Io,
  config: T,
): Parsed<T> {
  if (args.includes('--help') || args.includes('-h')) {
    io.stdout(`${command.usage}\n`)
    return { type: 'Done', exit: EXIT.good }
  }
  try {
    const { values, positionals } = parseArgs({ ...config, args, strict: true })
    return { type: 'Args', values, positionals }
  } catch (error) {
    return { type: 'Done', exit: wrongUsage(command, io, reason(error)) }
  }
}

/** Says what is wrong and how the command is used. Returns the exit code. */
export function wrongUsage(command: Pick<Command, 'usage'>, io: Io, message: string): number {
  io.stderr(`${message}\n\n${command.usage}\n`)
  return EXIT.usage
}

// Node adds advice on options that begin with a dash, which nobody needs here.
function reason(error: unknown): string {
  return reasonOf(error).split('. To specify')[0] ?? ''
}
