// What a command says that cannot go on, because what it was given does not validate.
import type { Problem } from '../model/declared.ts'
import { EXIT, type Io } from './command.ts'

type Refused = {
  /** What stands before the names of files; empty for a file that was named itself. */
  readonly prefix: string
  readonly problems: readonly Problem[]
  /** How many there are in all. */
  readonly total: number
}

/** Lists the problems with their places. Returns the exit code. */
export function refuseProblems({ prefix, problems, total }: Refused, io: Io): number {
  for (const { file, line, column, code, path, message } of problems)
    io.stderr(`${prefix}${file}:${line}:${column}: ${code}${path === '' ? '' : ` ${path}`}: ${message}\n`)
  if (total > problems.length) io.stderr(`… and ${total - problems.length} more\n`)
  io.stderr(
    `ringmaster: ${total === 1 ? 'a problem' : `${total} problems`} to mend first; docs/errors explains the codes\n`,
  )
  return EXIT.failed
}
