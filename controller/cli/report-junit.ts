// Findings as JUnit XML, which nearly every CI shows: a test for each file without errors, and one for each finding.
import type { Remark } from '../sources/check-set.ts'
import { CODES, isCode } from '../sources/codes.ts'
import type { Report } from './validate-report.ts'

export function junitReport({ files, remarks, strict }: Report): string {
  const byFile = Map.groupBy(remarks, ({ file }) => file)
  const names = [...new Set([...files, ...byFile.keys()])].sort()
  const isFailure = ({ severity }: Remark) => severity === 'Error' || (strict && severity === 'Warning')
  const cases = names.flatMap((name) => {
    const found = byFile.get(name) ?? []
    const good = found.some(isFailure) ? [] : [`    <testcase classname="${xml(name)}" name="valid"/>\n`]
    return [...good, ...found.map((remark) => testCase(remark, isFailure(remark)))]
  })
  const counts = `tests="${cases.length}" failures="${remarks.filter(isFailure).length}" errors="0"`
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="ringmaster validate" ${counts}>
  <testsuite name="ringmaster validate" ${counts} skipped="0">
${cases.join('')}  </testsuite>
</testsuites>
`
}

function testCase({ file, line, column, path, code, message, severity, template }: Remark, fails: boolean): string {
  const title = isCode(code) ? `${code} ${CODES[code].title}` : code
  const name = xml(`${title} at ${line}:${column}`)
  const from = template === undefined ? '' : ` (from ${template})`
  const text = xml(`${file}:${line}:${column}: ${code}${path === '' ? '' : ` ${path}`}: ${message}${from}`)
  const inner = fails
    ? `<failure type="${severity}" message="${xml(message)}">${text}</failure>`
    : `<system-out>${severity}: ${text}</system-out>`
  return `    <testcase classname="${xml(file)}" name="${name}">${inner}</testcase>\n`
}

/** Text of an attribute or element; what XML 1.0 has no place for is shown as U+FFFD. */
function xml(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(FORBIDDEN, '\ufffd')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll('\n', '&#10;')
}

const FORBIDDEN = /[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu
