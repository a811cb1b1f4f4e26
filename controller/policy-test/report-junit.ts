// Results of policy tests as JUnit XML, as forges and CI servers read it. Times are left out: the clock of a test is virtual.
import { failureLines } from './report-text.ts'
import type { TestReport, TestResult } from './results.ts'

export function reportJunit({ tests, problems }: TestReport): string {
  const suites = [...Map.groupBy(tests, ({ file, suite }) => `${file} ${suite}`).values()]
  const broken = problems.map(
    ({ file, line, column, code, message }) =>
      `  <testsuite name="${xml(file)}" tests="1" failures="0" errors="1">\n    <testcase name="is readable" classname="${xml(file)}" file="${xml(file)}" line="${line}">\n      <error type="${xml(code)}" message="${xml(message)}">${xml(`${file}:${line}:${column}: ${code}: ${message}`)}</error>\n    </testcase>\n  </testsuite>\n`,
  )
  const failures = tests.filter(({ status }) => status === 'Failed').length
  const errors = tests.filter(({ status }) => status === 'Invalid').length + problems.length
  const total = tests.length + problems.length
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="ringmaster test" tests="${total}" failures="${failures}" errors="${errors}">
${broken.join('')}${suites.map(suiteXml).join('')}</testsuites>
`
}

function suiteXml(tests: readonly TestResult[]): string {
  const [first] = tests
  if (first === undefined) return ''
  const count = (status: TestResult['status']) => tests.filter((test) => test.status === status).length
  const head = `name="${xml(first.suite)}" tests="${tests.length}" failures="${count('Failed')}" errors="${count('Invalid')}"`
  return `  <testsuite ${head} file="${xml(first.file)}">\n${tests.map(caseXml).join('')}  </testsuite>\n`
}

function caseXml(test: TestResult): string {
  const { file, suite, name, line, status, problems, failures, failed } = test
  const head = `    <testcase name="${xml(name)}" classname="${xml(suite)}" file="${xml(file)}" line="${line}"`
  if (status === 'Passed') return `${head}/>\n`
  const text =
    status === 'Invalid'
      ? problems.map((one) => `${one.file}:${one.line}:${one.column}: ${one.code}: ${one.message}`)
      : failures.flatMap((failure) => failureLines(file, failure))
  const [element, message] =
    status === 'Invalid'
      ? ['error', problems[0]?.message ?? 'it could not be played']
      : ['failure', `${failed} ${failed === 1 ? 'check' : 'checks'} failed; the first: ${failures[0]?.path ?? ''}`]
  return `${head}>\n      <${element} type="${status}" message="${xml(message)}">${xml(text.join('\n'))}</${element}>\n    </testcase>\n`
}

/** Text for an element, or on one line for an attribute. What XML 1.0 cannot hold at all becomes U+FFFD. */
function xml(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(NOT_XML, '\ufffd')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what XML forbids
const NOT_XML = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g
