// Findings as SARIF 2.1.0, which code scanning of several forges and many editors read.
import { ringmasterVersion } from '../runtime/version.ts'
import type { Remark } from '../sources/check-set.ts'
import { CODES, type Code, isCode, severityOf } from '../sources/codes.ts'
import { errorText } from '../sources/reference.ts'
import { fingerprints } from './report-fingerprints.ts'
import type { Report } from './validate-report.ts'

const LEVELS = { Error: 'error', Warning: 'warning', Note: 'note' } as const

export function sarifReport({ remarks }: Report): string {
  const codes = [...new Set(remarks.map(({ code }) => code))].filter(isCode).sort()
  const fingerprintOf = fingerprints()
  const run = {
    tool: { driver: { name: 'Ringmaster', version: ringmasterVersion(), rules: codes.map(rule) } },
    // Columns count as the messages in text do.
    columnKind: 'utf16CodeUnits',
    results: remarks.map((remark) => result(remark, codes, fingerprintOf(remark))),
  }
  const log = { $schema: 'https://json.schemastore.org/sarif-2.1.0.json', version: '2.1.0', runs: [run] }
  return `${JSON.stringify(log, null, 2)}\n`
}

function rule(code: Code) {
  const { title, meaning } = CODES[code]
  return {
    id: code,
    name: title,
    shortDescription: { text: title },
    fullDescription: { text: meaning },
    help: { text: meaning, markdown: errorText(code) },
    defaultConfiguration: { level: LEVELS[severityOf(code)] },
  }
}

function result(remark: Remark, codes: readonly string[], fingerprint: string) {
  const { file, line, column, path, code, message, severity } = remark
  const at = path === '' ? {} : { logicalLocations: [{ fullyQualifiedName: path, kind: 'member' }] }
  return {
    ruleId: code,
    ruleIndex: codes.indexOf(code),
    level: LEVELS[severity],
    message: { text: message },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: uriOf(file) },
          region: { startLine: line, startColumn: column },
        },
        ...at,
      },
    ],
    partialFingerprints: { 'ringmaster/v1': fingerprint },
  }
}

/** A path as a URI reference: relative to where the command was run, as forges expect it. */
function uriOf(file: string): string {
  return file
    .replaceAll('\\', '/')
    .replace(/^\.\//, '')
    .split('/')
    .map((part) => encodeURIComponent(part.toWellFormed()))
    .join('/')
}
