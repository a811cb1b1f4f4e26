// `ringmaster validate PATH…`: checks declarations without touching anything.
import { promises as fs } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { assemble, type Declarations } from '../sources/assemble.ts'
import { type FileProblem, readFolder, readOne, type SourceFile } from '../sources/folder.ts'
import { type Command, EXIT, readArgs, wrongUsage } from './command.ts'

export const validateCommand: Command = {
  name: 'validate',
  summary: 'Check declarations, and list every error with its place.',
  usage: `Usage: ringmaster validate [--format text|json] PATH…

Checks files and directories of declarations together: each file for itself, and the references between them.
Every error is listed with file, line, column, code, path in the object, and what to write instead.
Nothing is changed, and no controller has to run.

  --format text   FILE:LINE:COLUMN: CODE PATH: MESSAGE, and a summary (default)
  --format json   {valid, files, objects, errors: [{file, line, column, path, code, message}]}
  --help          This text

Exit code: 0 no errors, 1 errors, 2 wrong usage, 3 a path cannot be read.`,
  async run(args, io) {
    const parsed = readArgs(validateCommand, args, io, {
      options: { format: { type: 'string', default: 'text' } },
      allowPositionals: true,
    })
    if (parsed.type === 'Done') return parsed.exit
    const { format } = parsed.values
    if (format !== 'text' && format !== 'json')
      return wrongUsage(validateCommand, io, `--format must be text or json, not ${format}`)
    if (parsed.positionals.length === 0) return wrongUsage(validateCommand, io, 'name at least one file or directory')
    return validate(parsed.positionals, format, io.stdout)
  },
}

/** Checks the paths as one set. Exit code: 0 no errors, 1 errors, 3 a path cannot be read. */
export async function validate(
  paths: readonly string[],
  format: 'text' | 'json',
  out: (text: string) => void,
): Promise<0 | 1 | 3> {
  const gathered = await gather(paths)
  const declarations = assemble('validate', gathered.files, gathered.problems, new Map(), gathered.explicit)
  out(format === 'json' ? asJson(declarations) : asText(declarations))
  if (gathered.missing) return EXIT.failed
  return declarations.total === 0 ? EXIT.good : EXIT.bad
}

type Gathered = {
  readonly files: SourceFile[]
  readonly problems: FileProblem[]
  /** Files that were named themselves. */
  readonly explicit: Set<string>
  missing: boolean
}

async function gather(paths: readonly string[]): Promise<Gathered> {
  const gathered: Gathered = { files: [], problems: [], explicit: new Set(), missing: false }
  const seen = new Set<string>()
  const add = (file: SourceFile) => {
    const real = resolve(file.name)
    if (!seen.has(real)) gathered.files.push(file)
    seen.add(real)
  }
  for (const path of paths) {
    if (await isFolder(path)) {
      const folder = await readFolder(path)
      for (const file of folder.files) add({ ...file, name: join(path, file.name) })
      for (const problem of folder.problems) gathered.problems.push({ ...problem, file: join(path, problem.file) })
      // A wrong path in CI must not pass for a directory without errors.
      if (folder.files.length === 0 && folder.problems.length === 0)
        gathered.problems.push({ file: path, code: 'RM1018', message: 'the directory has no YAML file to check' })
      gathered.missing ||= folder.problems.some((problem) => problem.file === '.' && problem.code === 'RM1014')
      continue
    }
    gathered.explicit.add(path)
    const file = await readOne(path, path, dirname(resolve(path)))
    if (!('code' in file)) add(file)
    else {
      gathered.problems.push(file)
      gathered.missing ||= file.code === 'RM1014'
    }
  }
  return gathered
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await fs.stat(path)).isDirectory()
  } catch {
    return false
  }
}

function asJson({ total, files, objects, problems }: Declarations): string {
  const errors = problems.map(({ file, line, column, path, code, message }) => ({
    file,
    line,
    column,
    path,
    code,
    message,
  }))
  return `${JSON.stringify({ valid: total === 0, files: files.length, objects: objects.length, errors }, null, 2)}\n`
}

function asText({ total, files, objects, problems, ignored }: Declarations): string {
  const lines = problems.map(
    ({ file, line, column, path, code, message }) =>
      `${file}:${line}:${column}: ${code}${path === '' ? '' : ` ${path}`}: ${message}`,
  )
  if (total > problems.length) lines.push(`… and ${total - problems.length} more`)
  const others = ignored === 0 ? '' : `, ${count(ignored, 'other document')} ignored`
  const summary = `${count(files.length, 'file')}, ${count(objects.length, 'object')}${others}`
  lines.push(
    total === 0 ? `${summary}: no errors` : `${summary}, ${count(total, 'error')}; docs/errors explains the codes`,
  )
  return `${lines.join('\n')}\n`
}

function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? '' : 's'}`
}
