// `ringmaster test PATH…`: plays policy tests, and says where what is so differs from what is expected.
import { promises as fs } from 'node:fs'
import { join } from 'node:path'
import type { Problem } from '../model/declared.ts'
import { reportJunit } from '../policy-test/report-junit.ts'
import { reportText } from '../policy-test/report-text.ts'
import type { TestReport } from '../policy-test/results.ts'
import { isTestName, runTests } from '../policy-test/run-tests.ts'
import { readFolder } from '../sources/folder.ts'
import { type Command, EXIT, type Io, readArgs, wrongUsage } from './command.ts'

export const testCommand: Command = {
  usage: `Usage: ringmaster test [--format text|json|junit] [--filter TEXT] [--coverage] [--coverage-threshold N] PATH…

Plays the policy tests (kind PolicyTest) of files, and of every *.test.yaml below directories: a catalog slice, a few devices,
a clock that is moved, and what is expected at each instant. The decisions are the controller's own, on a virtual clock; the
same files give the same result. No controller has to run, and nothing is changed.

  --format text            Each failure as a diff with its place and its explanation (default)
  --format json            {passed, tests: [{file, suite, name, status, failures, …}], problems, coverage}
  --format junit           JUnit XML, for forges and CI servers
  --filter TEXT            Only tests whose "suite: name" contains the text; case does not count
  --coverage               Also list which rules, phases, windows, freezes and holds the tests brought about
  --coverage-threshold N   Fail when less than N % of these were brought about, 0 to 100
  --help                   This text

Exit code: 0 all passed, 1 a test failed or is not valid, 2 wrong usage, 3 a path cannot be read.`,
  async run(args, io) {
    const parsed = readArgs(testCommand, args, io, {
      options: {
        format: { type: 'string', default: 'text' },
        filter: { type: 'string', default: '' },
        coverage: { type: 'boolean', default: false },
        'coverage-threshold': { type: 'string' },
      },
      allowPositionals: true,
    })
    if (parsed.type === 'Done') return parsed.exit
    const { format, filter, coverage, 'coverage-threshold': least } = parsed.values
    if (!isFormat(format)) return wrongUsage(testCommand, io, `--format must be text, json or junit, not ${format}`)
    if (parsed.positionals.length === 0) return wrongUsage(testCommand, io, 'name at least one file or directory')
    if (least !== undefined && !(/^\d{1,3}$/.test(least) && Number(least) <= 100))
      return wrongUsage(testCommand, io, `--coverage-threshold must be a whole number from 0 to 100, not ${least}`)
    const threshold = least === undefined ? undefined : Number(least)
    return test(parsed.positionals, { format, filter, coverage, threshold }, io)
  },
}

type Format = 'text' | 'json' | 'junit'
type Order = {
  readonly format: Format
  readonly filter: string
  readonly coverage: boolean
  readonly threshold: number | undefined
}

function isFormat(text: string): text is Format {
  return text === 'text' || text === 'json' || text === 'junit'
}

async function test(paths: readonly string[], order: Order, io: Io): Promise<number> {
  const { files, problems, missing } = await testFiles(paths)
  const report = await runTests(files, order.filter)
  const found = [...problems, ...report.problems]
  if (report.tests.length === 0 && found.length === 0) found.push(nothing(paths, order.filter))
  const whole = { ...report, problems: found }
  const wants = order.coverage || order.threshold !== undefined
  io.stdout(written(whole, order.format, wants))
  if (missing || found.some(({ code }) => code === 'RM1014')) return EXIT.failed
  const short = order.threshold !== undefined && report.coverage.percent < order.threshold
  if (short) io.stderr(`coverage is ${report.coverage.percent} %, less than the ${order.threshold} % asked for\n`)
  const passed = found.length === 0 && report.tests.every(({ status }) => status === 'Passed')
  return passed && !short ? EXIT.good : EXIT.bad
}

function written(report: TestReport, format: Format, coverage: boolean): string {
  if (format === 'junit') return reportJunit(report)
  if (format === 'text') return reportText(report, { coverage })
  const { tests, problems } = report
  const passed = problems.length === 0 && tests.every(({ status }) => status === 'Passed')
  return `${JSON.stringify({ passed, tests, problems, ...(coverage && { coverage: report.coverage }) }, null, 2)}\n`
}

type Found = { readonly files: string[]; readonly problems: Problem[]; readonly missing: boolean }

/** Files named, and every test file below folders named, each once. */
async function testFiles(paths: readonly string[]): Promise<Found> {
  const files = new Set<string>()
  const problems: Problem[] = []
  for (const path of paths) {
    if (!(await isFolder(path))) {
      files.add(path)
      continue
    }
    const folder = await readFolder(path)
    for (const { name } of folder.files) if (isTestName(name)) files.add(join(path, name))
    for (const { file, code, message } of folder.problems)
      if (isTestName(file) || file === '.') problems.push({ ...WHOLE, file: join(path, file), code, message })
  }
  const missing = problems.some(({ code }) => code === 'RM1014')
  return { files: [...files], problems, missing }
}

const WHOLE = { line: 1, column: 1, path: '' }

// A wrong path in CI must not pass for tests that all succeed.
function nothing(paths: readonly string[], filter: string): Problem {
  const message =
    filter === ''
      ? 'there is no test here: a test stands in a file named *.test.yaml'
      : `no test here has "${filter}" in its suite and name`
  return { ...WHOLE, file: paths[0] ?? '.', code: 'RM1607', message }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await fs.stat(path)).isDirectory()
  } catch {
    return false
  }
}
