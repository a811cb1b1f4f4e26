// Results of policy tests for people: each failure as a diff, with its place and the explanation of what is so.
import type { CoverageReport, Failure, TestReport, TestResult } from './results.ts'

export function reportText(report: TestReport, { coverage }: { readonly coverage: boolean }): string {
  const { tests, problems } = report
  return [
    ...problems.map(problemLine),
    ...(problems.length > 0 ? [''] : []),
    ...tests.flatMap(testLines),
    ...(coverage ? coverageLines(report.coverage) : []),
    summary(report),
    '',
  ].join('\n')
}

function testLines(test: TestResult): string[] {
  const title = `${test.suite}: ${test.name}`
  if (test.status === 'Passed')
    return [`ok      ${title} (${plural(test.checks, 'check')}, ${plural(test.steps, 'step')})`]
  if (test.status === 'Invalid')
    return [`invalid ${title}`, ...test.problems.map((problem) => `        ${problemLine(problem)}`), '']
  const more = test.failed - test.failures.length
  return [
    `FAILED  ${title} (${test.failed} of ${plural(test.checks, 'check')})`,
    ...test.failures.flatMap((failure) => failureLines(test.file, failure)),
    ...(more > 0 ? [`  … and ${plural(more, 'more failure')}`] : []),
    '',
  ]
}

/** Several lines: place, path, what was expected (-) and what is so (+), and why. */
export function failureLines(file: string, failure: Failure): string[] {
  const { line, column, path, step, at, expected, actual, because } = failure
  return [
    `  ${file}:${line}:${column}: ${step}, at ${at}`,
    `    ${shortened(path)}`,
    ...expected.map((text) => `    - ${text}`),
    ...actual.map((text) => `    + ${text}`),
    ...(because === undefined ? [] : [`      ${because}`]),
  ]
}

// The step is named already.
function shortened(path: string): string {
  return path.replace(/^spec\.tests\[\d+\]\.steps\[\d+\]\./, '')
}

function coverageLines({ items, covered, total, percent }: CoverageReport): string[] {
  const lines = items.map(
    ({ item, covered: is, detail }) => `  ${is ? '+' : '-'} ${item}${detail === '' || is ? '' : ` (but: ${detail})`}`,
  )
  return ['', `Coverage: ${percent} % (${covered} of ${total})`, ...lines, '']
}

function summary({ tests, problems }: TestReport): string {
  const count = (status: TestResult['status']) => tests.filter((test) => test.status === status).length
  const parts = [`${plural(tests.length, 'test')}`, `${count('Passed')} passed`, `${count('Failed')} failed`]
  if (count('Invalid') > 0) parts.push(`${count('Invalid')} invalid`)
  if (problems.length > 0) parts.push(`${plural(problems.length, 'problem')} in test files`)
  return parts.join(', ')
}

function problemLine({ file, line, column, code, path, message }: TestReport['problems'][number]): string {
  return `${file}:${line}:${column}: ${code}${path === '' ? '' : ` ${path}`}: ${message}`
}

function plural(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`
}
