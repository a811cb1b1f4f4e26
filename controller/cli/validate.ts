// `ringmaster validate PATH…`: checks declarations without touching anything.
import { type Checked, checkSet, type Remark } from '../sources/check-set.ts'
import { type Command, EXIT, type Io, readArgs, wrongUsage } from './command.ts'
import { FORMATS, type Format, isFormat, reportText } from './validate-formats.ts'
import { gather, type Sources } from './validate-paths.ts'
import { readerFor } from './validate-reader.ts'
import { fails } from './validate-report.ts'

export const validateCommand: Command = {
  usage: `Usage: ringmaster validate [OPTIONS] PATH…

Checks files and directories of declarations together: each file for itself, the references between them, and what would do
nothing or something else than was meant. A directory with a ringmaster.yaml of its own is checked as a set of its own. "-"
reads what \`kustomize build\` or \`helm template\` prints. Every finding comes with file, line, column, code, path in the
object, and what to write instead. Nothing is changed, and no controller has to run.

  --format FORMAT  text: FILE:LINE:COLUMN: CODE PATH: MESSAGE, and a summary (default)
                   json: {valid, files, objects, errors, warnings, notes}, each {file, line, column, path, code, message}
                   github (workflow commands), gitlab (Code Quality), sarif (SARIF 2.1.0), junit (JUnit XML)
  --strict         Warnings fail too
  --config FILE    Settings, in place of the ringmaster.yaml that is found above each file
  --at INSTANT     Judge what is over and what is to come as of then (RFC 3339). Default: now
  --help           This text

Exit code: 0 no errors, 1 errors, 2 wrong usage, 3 a path cannot be read.`,
  async run(args, io) {
    const parsed = readArgs(validateCommand, args, io, {
      options: {
        format: { type: 'string', default: 'text' },
        strict: { type: 'boolean', default: false },
        config: { type: 'string' },
        at: { type: 'string' },
      },
      allowPositionals: true,
    })
    if (parsed.type === 'Done') return parsed.exit
    const { format, strict, config } = parsed.values
    if (!isFormat(format)) {
      return wrongUsage(validateCommand, io, `--format must be one of ${FORMATS.join(', ')}, not ${format}`)
    }
    const at = instantOf(parsed.values.at)
    if (at === undefined)
      return wrongUsage(validateCommand, io, '--at must be an RFC 3339 instant such as 2026-01-31T18:00:00Z')
    if (parsed.positionals.length === 0) return wrongUsage(validateCommand, io, 'name at least one file or directory')
    return validate({ paths: parsed.positionals, config, stdin: () => process.stdin }, { format, strict, at }, io)
  },
}

export type ValidateOptions = { readonly format: Format; readonly strict: boolean; readonly at: number }

/** Checks the paths. Exit code: 0 no errors, 1 errors (or warnings when strict), 3 a path cannot be read. */
export async function validate(
  sources: Sources,
  { format, strict, at }: ValidateOptions,
  io: Pick<Io, 'stdout'>,
): Promise<0 | 1 | 3> {
  const { sets, problems, missing } = await gather(sources)
  const reader = await readerFor(sets)
  const settings = problems.map((problem): Remark => ({ ...problem, severity: 'Error' }))
  const report = {
    ...together(
      settings,
      sets.map((set) => checkSet(set, at, reader)),
    ),
    strict,
  }
  io.stdout(await reportText(format, report))
  if (missing) return EXIT.failed
  return fails(report) ? EXIT.bad : EXIT.good
}

function together(settings: readonly Remark[], checked: readonly Checked[]): Checked {
  const sum = (of: (one: Checked) => number) => checked.reduce((total, one) => total + of(one), 0)
  return {
    files: checked.flatMap(({ files }) => files),
    objects: sum(({ objects }) => objects),
    ignored: sum(({ ignored }) => ignored),
    remarks: [...settings, ...checked.flatMap(({ remarks }) => remarks)],
    left: sum(({ left }) => left),
  }
}

/** Undefined for what is no instant. */
function instantOf(text: string | undefined): number | undefined {
  if (text === undefined) return Date.now()
  try {
    return Temporal.Instant.from(text).epochMilliseconds
  } catch {
    return undefined
  }
}
