// All policy tests of some files: read, arranged and played one after the other, with one coverage over all.
import { dirname, resolve } from 'node:path'
import type { Problem } from '../model/declared.ts'
import { readOne } from '../sources/folder.ts'
import { arrange } from './arrange.ts'
import { coverageReport, newCoverage } from './coverage.ts'
import { type LoadMemo, loadFor } from './load.ts'
import { play } from './play.ts'
import { type ReadTest, readTests } from './read-tests.ts'
import type { TestReport, TestResult } from './results.ts'

/** A file of tests by convention. */
export function isTestName(name: string): boolean {
  return /\.test\.ya?ml$/i.test(name)
}

/**
 * `filter`: only tests whose suite and name, as "suite: name", contain it (case does not count). Files without a policy test
 * and those that cannot be read are problems. Never rejects for what is outside.
 */
export async function runTests(files: readonly string[], filter = ''): Promise<TestReport> {
  const coverage = newCoverage()
  const memo: LoadMemo = new Map()
  const problems: Problem[] = []
  const tests: TestResult[] = []
  const whole = (file: string, code: string, message: string): Problem => ({
    file,
    line: 1,
    column: 1,
    path: '',
    code,
    message,
  })
  for (const file of files) {
    const source = await readOne(file, file, dirname(resolve(file)))
    if ('code' in source) {
      problems.push(whole(file, source.code, source.message))
      continue
    }
    const read = readTests(file, source.bytes)
    problems.push(...read.problems)
    if (read.tests.length === 0 && read.problems.length === 0)
      problems.push(whole(file, 'RM1607', 'there is no PolicyTest in this file'))
    for (const one of read.tests) {
      const wanted = one.test.spec.tests.map(({ name }) => matches(filter, one.test.metadata.name, name))
      if (!wanted.includes(true)) continue
      const loaded = await loadFor(file, one, memo)
      for (const [index, isWanted] of wanted.entries()) if (isWanted) tests.push(runOne(index, loaded, one))
    }
    function runOne(index: number, loaded: Awaited<ReturnType<typeof loadFor>>, one: ReadTest): TestResult {
      const { metadata, spec } = one.test
      const name = spec.tests[index]?.name ?? ''
      const result = { file, suite: metadata.name, name, ...one.place(['spec', 'tests', index, 'name']) }
      const invalid = (found: readonly Problem[]): TestResult => ({ ...result, ...NOT_PLAYED, problems: found })
      if (loaded.problems.length > 0) return invalid(loaded.problems)
      const arrangement = arrange(file, one, index, loaded)
      if (arrangement.type === 'Problems') return invalid(arrangement.problems)
      return { ...result, ...play(arrangement.arranged, one.place, coverage), problems: [] }
    }
  }
  return { tests, problems, coverage: coverageReport(coverage) }
}

const NOT_PLAYED = { status: 'Invalid', steps: 0, checks: 0, failures: [], failed: 0 } as const

function matches(filter: string, suite: string, name: string): boolean {
  return `${suite}: ${name}`.toLowerCase().includes(filter.toLowerCase())
}
