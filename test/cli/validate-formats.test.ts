// The forms in which `ringmaster validate` reports, held against what reads them: the public schema of SARIF, an XML parser,
// and the escapes of workflow commands.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import Ajv from 'ajv-draft-04'
import { SaxesParser } from 'saxes'
import { test } from 'tap'
import { FORMATS, isFormat, reportText } from '../../controller/cli/validate-formats.ts'
import { fails, type Report } from '../../controller/cli/validate-report.ts'
import type { Remark } from '../../controller/sources/check-set.ts'
import { ALL_CODES, severityOf } from '../../controller/sources/codes.ts'

const remark = (fields: Partial<Remark>): Remark => ({
  file: 'rules/office.yaml',
  line: 3,
  column: 7,
  path: 'spec.phases[0].soak',
  code: 'RM1207',
  message: 'write P1D',
  severity: 'Error',
  ...fields,
})
const HOSTILE = 'a <b> & "c" \'d\' 100% a:b,c\r\n\u0000\ud800]]> ü 😀'
const EVERY = ALL_CODES.map((code, i) =>
  remark({ code, severity: severityOf(code), line: i + 1, file: `f ü#${i % 7}.yaml` }),
)
const REPORT: Report = {
  files: ['good.yaml', 'rules/office.yaml'],
  objects: 3,
  ignored: 1,
  left: 0,
  strict: false,
  remarks: [
    remark({}),
    remark({ severity: 'Warning', code: 'RM1503', path: '', template: 'chart/templates/x.yaml' }),
    remark({ severity: 'Note', code: 'RM1513' }),
    remark({ file: HOSTILE, message: HOSTILE, path: HOSTILE, template: HOSTILE }),
    ...EVERY,
  ],
}
const EMPTY: Report = { files: ['good.yaml'], objects: 1, ignored: 0, left: 0, strict: false, remarks: [] }

test('SARIF is valid by its public schema, whatever the findings', async (t) => {
  const path = createRequire(import.meta.url).resolve('@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json')
  const ajv = new Ajv.default({ strict: false, validateFormats: false, unicodeRegExp: false })
  const isValid = ajv.compile(JSON.parse(readFileSync(path, 'utf8')))
  for (const report of [REPORT, EMPTY]) {
    const log: unknown = JSON.parse(await reportText('sarif', report))
    t.ok(isValid(log), JSON.stringify(isValid.errors))
  }
  t.notOk(isValid({ version: '2.1.0', runs: [{}] }), 'the schema refuses what is none')
  const { runs } = JSON.parse(await reportText('sarif', REPORT))
  const [{ tool, results }] = runs
  t.equal(results.length, REPORT.remarks.length)
  for (const { ruleId, ruleIndex } of results) t.equal(tool.driver.rules[ruleIndex].id, ruleId)
  t.match(results[0], {
    ruleId: 'RM1207',
    level: 'error',
    message: { text: 'write P1D' },
    locations: [
      {
        physicalLocation: { artifactLocation: { uri: 'rules/office.yaml' }, region: { startLine: 3, startColumn: 7 } },
      },
    ],
  })
  t.strictSame(
    results.slice(1, 3).map(({ level }: { level: string }) => level),
    ['warning', 'note'],
  )
  t.match(results.at(-1).locations[0].physicalLocation.artifactLocation.uri, /^f%20%C3%BC%23\d\.yaml$/)
})

test('GitLab has its fields, and fingerprints that only what is meant changes', async (t) => {
  const issues = JSON.parse(await reportText('gitlab', REPORT))
  t.match(issues[0], {
    description: 'spec.phases[0].soak: write P1D',
    check_name: 'RM1207',
    severity: 'critical',
    fingerprint: /^[0-9a-f]{64}$/,
    location: { path: 'rules/office.yaml', lines: { begin: 3 } },
  })
  const prints = issues.map(({ fingerprint }: { fingerprint: string }) => fingerprint)
  t.equal(new Set(prints).size, prints.length, 'each its own')
  const moved = { ...REPORT, remarks: REPORT.remarks.map((one) => ({ ...one, line: one.line + 5 })) }
  const after = JSON.parse(await reportText('gitlab', moved))
  t.strictSame(
    after.map(({ fingerprint }: { fingerprint: string }) => fingerprint),
    prints,
    'a line further down is the same',
  )
  t.strictSame(JSON.parse(await reportText('gitlab', EMPTY)), [])
})

test('workflow commands are one line each, and give back what was put in', async (t) => {
  const text = await reportText('github', REPORT)
  const lines = text.trimEnd().split('\n')
  t.equal(lines.length, REPORT.remarks.length + 1)
  t.equal(
    lines[0],
    '::error file=rules/office.yaml,line=3,col=7,title=RM1207 WrongFormat::spec.phases[0].soak: write P1D',
  )
  t.match(lines[1], /^::warning .*title=RM1503 WindowTooShort::write P1D \(from chart\/templates\/x\.yaml\)$/)
  t.match(lines[2], /^::notice /)
  // As the runner reads them.
  const [, , properties = '', data = ''] = /^::(\w+) (.*?)::(.*)$/s.exec(lines[3] ?? '') ?? []
  const back = (value: string) =>
    value
      .replaceAll('%3A', ':')
      .replaceAll('%2C', ',')
      .replaceAll('%0D', '\r')
      .replaceAll('%0A', '\n')
      .replaceAll('%25', '%')
  const file = properties.split(',').find((property) => property.startsWith('file='))
  t.equal(back(file?.slice('file='.length) ?? ''), HOSTILE)
  t.equal(back(data), `${HOSTILE}: ${HOSTILE} (from ${HOSTILE})`)
})

test('JUnit XML is well-formed, and fails what fails', async (t) => {
  for (const strict of [false, true]) {
    const opened: { name: string; attributes: Record<string, string> }[] = []
    const parser = new SaxesParser()
    parser.on('error', (error) => {
      throw error
    })
    parser.on('opentag', ({ name, attributes }) => opened.push({ name, attributes: { ...attributes } }))
    parser.write(await reportText('junit', { ...REPORT, strict })).close()
    const failures = opened.filter(({ name }) => name === 'failure').length
    const failing = ({ severity }: Remark) => severity === 'Error' || (strict && severity === 'Warning')
    t.equal(failures, REPORT.remarks.filter(failing).length)
    t.equal(opened[0]?.attributes.failures, String(failures))
    t.equal(opened[0]?.attributes.tests, String(opened.filter(({ name }) => name === 'testcase').length))
    t.ok(
      opened.some(({ attributes }) => attributes.classname === 'good.yaml'),
      'a file without errors is a test that passes',
    )
    t.equal(fails({ ...REPORT, strict }), true)
  }
})

test('text and JSON name the severity of each, and how many there are', async (t) => {
  const report = { ...REPORT, remarks: REPORT.remarks.slice(0, 3), left: 2 }
  t.equal(
    await reportText('text', report),
    `rules/office.yaml:3:7: RM1207 spec.phases[0].soak: write P1D
rules/office.yaml:3:7: warning RM1503: write P1D (from chart/templates/x.yaml)
rules/office.yaml:3:7: note RM1513 spec.phases[0].soak: write P1D
… and 2 more
2 files, 3 objects, 1 other document ignored: 3 errors, 1 warning, 1 note; \`ringmaster explain CODE\` tells more
`,
  )
  t.match(JSON.parse(await reportText('json', report)), {
    valid: false,
    files: 2,
    objects: 3,
    errors: [{ code: 'RM1207' }],
    warnings: [{ code: 'RM1503', template: 'chart/templates/x.yaml' }],
    notes: [{ code: 'RM1513' }],
  })
  const warned = { ...report, left: 0, remarks: report.remarks.slice(1) }
  t.match(JSON.parse(await reportText('json', warned)), { valid: true })
  t.match(JSON.parse(await reportText('json', { ...warned, strict: true })), { valid: false })
})

test('a report without findings, and one with every code, can be written in every format', async (t) => {
  for (const format of FORMATS) {
    if (!isFormat(format)) throw new Error(format)
    t.ok((await reportText(format, EMPTY)).endsWith('\n'))
    t.ok((await reportText(format, REPORT)).endsWith('\n'))
  }
  t.notOk(isFormat('toString'))
})
