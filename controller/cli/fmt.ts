// `ringmaster fmt PATH…`: writes declarations and tests in their canonical form.
import { promises as fs } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { createTwoFilesPatch, FILE_HEADERS_ONLY } from 'diff'
import { reasonOf } from '../model/reason.ts'
import { readFolder, readOne } from '../sources/folder.ts'
import { formatYaml } from '../sources/format.ts'
import { MAX_FILE_BYTES } from '../sources/limits.ts'
import { type Command, EXIT, type Io, readArgs, wrongUsage } from './command.ts'
import { documentSchema } from './document-schemas.ts'

export const fmtCommand: Command = {
  usage: `Usage: ringmaster fmt [--check | --diff] PATH…

Puts fields into the order of the reference, indents by two, and quotes what other YAML parsers would not take for text. Comments stay,
and what is said does not change: both texts are read and compared before anything is written. Formatting again changes nothing.
Files of directories that are not ours, or that are no valid YAML, are left alone. "-" reads standard input and writes
standard output.

  --check   Write nothing; list the files that are not formatted
  --diff    Write nothing; print what would change
  --help    This text

Exit code: 0 done or formatted, 1 not formatted (--check, --diff) or a named file cannot be formatted, 2 wrong usage,
3 a file cannot be read or written.`,
  async run(args, io) {
    const parsed = readArgs(fmtCommand, args, io, {
      options: { check: { type: 'boolean', default: false }, diff: { type: 'boolean', default: false } },
      allowPositionals: true,
    })
    if (parsed.type === 'Done') return parsed.exit
    const { check, diff } = parsed.values
    if (check && diff) return wrongUsage(fmtCommand, io, 'give --check or --diff, not both')
    if (parsed.positionals.length === 0) return wrongUsage(fmtCommand, io, 'name at least one file or directory, or -')
    const mode: Mode = check ? 'Check' : diff ? 'Diff' : 'Write'
    if (!parsed.positionals.includes('-')) return format(parsed.positionals, mode, io)
    if (parsed.positionals.length > 1) return wrongUsage(fmtCommand, io, '- stands alone')
    return formatStdin(mode, io)
  },
}

type Mode = 'Write' | 'Check' | 'Diff'

/** A file to be formatted. `named`: by a person, so that what cannot be formatted is a mistake. */
type Target = { readonly path: string; readonly bytes: Uint8Array; readonly named: boolean }

async function format(paths: readonly string[], mode: Mode, io: Io): Promise<number> {
  let exit: number = EXIT.good
  const worse = (code: number) => {
    exit = Math.max(exit, code)
  }
  const targets = await targetsOf(paths, io, worse)
  for (const { path, bytes, named } of targets) {
    const before = new TextDecoder().decode(bytes)
    const formatted = formatYaml(before, documentSchema)
    if (formatted.type !== 'Formatted') {
      if (named || formatted.type === 'Broken') io.stderr(`${path}: left alone: ${formatted.reason}\n`)
      if (named) worse(EXIT.bad)
      continue
    }
    if (formatted.text === before) continue
    if (mode !== 'Write') worse(EXIT.bad)
    if (mode === 'Diff') io.stdout(unifiedDiff(path, before, formatted.text))
    else io.stdout(`${path}\n`)
    if (mode === 'Write' && !(await writeWhole(path, formatted.text, io))) worse(EXIT.failed)
  }
  return exit
}

async function targetsOf(paths: readonly string[], io: Io, worse: (code: number) => void): Promise<Target[]> {
  const targets = new Map<string, Target>()
  const unread = (path: string, message: string) => {
    io.stderr(`${path}: ${message}\n`)
    worse(EXIT.failed)
  }
  for (const path of paths) {
    const stat = await fs.stat(path).catch(() => undefined)
    if (!stat?.isDirectory()) {
      const file = await readOne(path, path, dirname(resolve(path)))
      if ('code' in file) unread(path, file.message)
      else targets.set(resolve(path), { path, bytes: file.bytes, named: true })
      continue
    }
    const folder = await readFolder(path)
    for (const { file, message } of folder.problems) unread(join(path, file), message)
    for (const { name, bytes } of folder.files) {
      const full = join(path, name)
      if (!targets.has(resolve(full))) targets.set(resolve(full), { path: full, bytes, named: false })
    }
  }
  return [...targets.values()]
}

/** All or nothing: a file that is half written is never there. */
async function writeWhole(path: string, content: string, io: Io): Promise<boolean> {
  let temporary: string | undefined
  try {
    // A link stays one: what it leads to is replaced.
    const real = await fs.realpath(path)
    const { mode } = await fs.stat(real)
    const beside = join(dirname(real), `.${basename(real)}.${process.pid}.tmp`)
    const file = await fs.open(beside, 'wx', mode & 0o777)
    temporary = beside
    try {
      await file.writeFile(content)
      await file.chmod(mode & 0o7777)
      await file.sync()
    } finally {
      await file.close()
    }
    await fs.rename(beside, real)
    return true
  } catch (error) {
    if (temporary !== undefined) await fs.rm(temporary, { force: true }).catch(() => {})
    io.stderr(`${path}: cannot be written: ${reasonOf(error)}\n`)
    return false
  }
}

async function formatStdin(mode: Mode, io: Io): Promise<number> {
  let size = 0
  const limited = async function* () {
    for await (const chunk of process.stdin) {
      size += chunk.length
      if (size > MAX_FILE_BYTES) return
      yield chunk
    }
  }
  const before = await text(limited())
  const formatted = size > MAX_FILE_BYTES ? TOO_LARGE : formatYaml(before, documentSchema)
  if (formatted.type !== 'Formatted') {
    io.stderr(`standard input: left alone: ${formatted.reason}\n`)
    return EXIT.bad
  }
  if (mode === 'Write') io.stdout(formatted.text)
  if (mode === 'Diff') io.stdout(unifiedDiff('-', before, formatted.text))
  return mode === 'Write' || formatted.text === before ? EXIT.good : EXIT.bad
}

function unifiedDiff(path: string, before: string, after: string): string {
  return createTwoFilesPatch(path, `${path} (formatted)`, before, after, undefined, undefined, {
    context: 3,
    headerOptions: FILE_HEADERS_ONLY,
  })
}

const TOO_LARGE = { type: 'Broken', reason: `it has more than ${MAX_FILE_BYTES} bytes (1 MiB)` } as const
