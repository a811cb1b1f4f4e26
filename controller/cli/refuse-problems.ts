// What a command says that cannot go on, because what it was given does not validate.
import type { Problem } from '../model/declared.ts'
import { EXIT, type Io } from './command.ts'

type Refused = {
  /** Directory or commit that the files stand in; empty for a file that was named itself. */
  readonly label: string
  readonly problems: readonly Problem[]
  /** How many there are in all. */
  readonly total: number
}

/** Lists the problems with their places. Returns the exit code. */
export function refuseProblems({ label, problems, total }: Refused, io: Io): number {
  const within = label === '' ? '' : `${label.replace(/\/+$/, '')}/`
  for (const { file, line, column, code, path, message } of problems)
    io.stderr(`${within}${file}:${line}:${column}: ${code}${path === '' ? '' : ` ${path}`}: ${message}\n`)
  if (total > problems.length) io.stderr(`… and ${total - problems.length} more\n`)
  io.stderr(
    `ringmaster: ${total === 1 ? 'a problem' : `${total} problems`} to mend first; docs/errors explains the codes\n`,
  )
  return EXIT.failed
}
