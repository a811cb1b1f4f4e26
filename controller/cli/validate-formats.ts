// The forms in which `ringmaster validate` says what it found: for people, as JSON, and those that forges read, in files of their own.
import { plural } from '../model/plural.ts'
import type { Remark } from '../sources/check-set.ts'
import type { Severity } from '../sources/error-page.ts'
import { fromTemplate, type Report } from './validate-report.ts'

/** How a report is written; each is loaded when it is asked for. */
const WRITERS = {
  text: async () => textReport,
  json: async () => jsonReport,
  github: async () => (await import('./report-github.ts')).githubReport,
  gitlab: async () => (await import('./report-gitlab.ts')).gitlabReport,
  sarif: async () => (await import('./report-sarif.ts')).sarifReport,
  junit: async () => (await import('./report-junit.ts')).junitReport,
} as const satisfies Record<string, () => Promise<(report: Report) => string>>
export type Format = keyof typeof WRITERS

export const FORMATS = Object.keys(WRITERS)

export function isFormat(text: string): text is Format {
  return Object.hasOwn(WRITERS, text)
}

export async function reportText(format: Format, report: Report): Promise<string> {
  const write = await WRITERS[format]()
  return write(report)
}

function textReport(report: Report): string {
  const { files, objects, ignored, remarks, left } = report
  const lines = remarks.map(textLine)
  if (left > 0) lines.push(`… and ${left} more`)
  const of = (severity: Severity) => remarks.filter((remark) => remark.severity === severity).length
  const errors = of('Error') + left
  const found = [
    errors === 0 ? 'no errors' : plural(errors, 'error'),
    ...(of('Warning') === 0 ? [] : [plural(of('Warning'), 'warning')]),
    ...(of('Note') === 0 ? [] : [plural(of('Note'), 'note')]),
  ]
  const counts = [plural(files.length, 'file'), plural(objects, 'object')]
  if (ignored > 0) counts.push(`${plural(ignored, 'other document')} ignored`)
  const advice = remarks.length === 0 ? '' : '; `ringmaster explain CODE` tells more'
  lines.push(`${counts.join(', ')}: ${found.join(', ')}${advice}`)
  return `${lines.join('\n')}\n`
}

function textLine({ file, line, column, path, code, message, severity, template }: Remark): string {
  const level = severity === 'Error' ? '' : `${severity.toLowerCase()} `
  const where = path === '' ? '' : ` ${path}`
  return `${file}:${line}:${column}: ${level}${code}${where}: ${message}${fromTemplate(template)}`
}

function jsonReport({ files, objects, remarks, left, strict }: Report): string {
  const of = (wanted: Severity) =>
    remarks
      .filter(({ severity }) => severity === wanted)
      .map(({ file, line, column, path, code, message, template }) => ({
        file,
        line,
        column,
        path,
        code,
        message,
        ...(template !== undefined && { template }),
      }))
  const [errors, warnings, notes] = [of('Error'), of('Warning'), of('Note')]
  const valid = errors.length === 0 && left === 0 && !(strict && warnings.length > 0)
  return `${JSON.stringify({ valid, files: files.length, objects, errors, warnings, notes }, null, 2)}\n`
}
