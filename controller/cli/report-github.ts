// Findings as workflow commands of GitHub Actions: each becomes an annotation of its line in the pull request.
import { plural } from '../model/plural.ts'
import type { Remark } from '../sources/check-set.ts'
import { CODES, isCode } from '../sources/codes.ts'
import type { Report } from './validate-report.ts'

const COMMANDS = { Error: 'error', Warning: 'warning', Note: 'notice' } as const

export function githubReport({ remarks, files, objects, left }: Report): string {
  const commands = remarks.map(command)
  const more = left === 0 ? '' : `, and ${left} more errors`
  return `${commands.join('')}${plural(files.length, 'file')}, ${plural(objects, 'object')}: ${plural(remarks.length, 'finding')}${more}\n`
}

function command({ file, line, column, path, code, message, severity, template }: Remark): string {
  const title = isCode(code) ? `${code} ${CODES[code].title}` : code
  const properties = Object.entries({ file, line: String(line), col: String(column), title })
    .map(([name, value]) => `${name}=${property(value)}`)
    .join(',')
  const where = path === '' ? '' : `${path}: `
  const from = template === undefined ? '' : ` (from ${template})`
  return `::${COMMANDS[severity]} ${properties}::${data(`${where}${message}${from}`)}\n`
}

/** The runner's own escapes: a percent sign first, so that nothing is escaped twice. */
function data(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}

function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C')
}
