// The report for a terminal: aligned columns, colour where the terminal has it.
import type { EpochMs } from '../model/instant.ts'
import type { Effect, TimelineChange } from './effect.ts'
import { reportOf, SHORT_HEAD } from './report.ts'
import type { Block, Mark, Report, Row, Section } from './report-blocks.ts'
import { CHANGES_HEAD, changeRow } from './report-future.ts'

export function effectText(effect: Effect, colour: boolean): string {
  return reportText(reportOf(effect), colour)
}

/** What differs between two plays, as a table; times in UTC. */
export function changesText(changes: readonly TimelineChange[], reference: EpochMs): string {
  if (changes.length === 0) return 'Nothing differs.\n'
  const rows = changes.map((change) => changeRow(change, reference))
  return `What differs\n${tableLines(CHANGES_HEAD, rows, (_code, text) => text, '  ').join('\n')}\n`
}

const COLOURS: Readonly<Record<Mark, string>> = { '+': '32', '-': '31', '~': '33', '!': '1;31', ' ': '0' }

function reportText(report: Report, colour: boolean): string {
  const paint = (code: string, text: string) => (colour && code !== '0' ? `\u001b[${code}m${text}\u001b[0m` : text)
  const width = Math.max(...report.about.map(([name]) => name.length))
  const lines = [
    paint('1', report.verdict),
    '',
    ...report.about.map(([name, text]) => `  ${name.padEnd(width)}  ${text}`),
  ]
  if (report.warnings.length > 0) lines.push('', ...report.warnings.map((text) => paint(COLOURS['!'], `! ${text}`)))
  if (report.short.length > 0) lines.push('', ...tableLines(SHORT_HEAD, report.short, paint, '  '))
  for (const section of report.sections) lines.push('', ...sectionLines(section, paint))
  if (report.notes.length > 0) lines.push('', ...report.notes.map((note) => paint('2', `(${note})`)))
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`
}

type Paint = (code: string, text: string) => string

function sectionLines({ title, summary, blocks }: Section, paint: Paint): string[] {
  const head = paint('1', title.toUpperCase()) + (summary === '' ? '' : `  ${summary}`)
  return [head, ...blocks.flatMap((block) => blockLines(block, paint))]
}

function blockLines(block: Block, paint: Paint): string[] {
  const heading = block.heading === undefined ? [] : [`  ${paint('1', block.heading)}`]
  const indent = block.heading === undefined ? '  ' : '    '
  if (block.type === 'Table') return [...heading, ...tableLines(block.head, block.rows, paint, indent)]
  return [
    ...heading,
    ...block.lines.flatMap(({ mark, text, details = [] }) => [
      `${indent}${paint(COLOURS[mark], `${mark} ${text}`)}`,
      ...details.map((detail) => `${indent}    ${detail}`),
    ]),
  ]
}

function tableLines(head: readonly string[], rows: readonly Row[], paint: Paint, indent: string): string[] {
  const widths = head.map((name, i) => Math.max(name.length, ...rows.map(({ cells }) => (cells[i] ?? '').length)))
  const row = (cells: readonly string[]) =>
    cells.map((cell, i) => (isFigure(cell) ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0))).join('  ')
  return [
    `${indent}  ${paint('2', row(head).trimEnd())}`,
    ...rows.map(({ mark, cells }) => `${indent}${paint(COLOURS[mark], `${mark} ${row(cells).trimEnd()}`)}`),
  ]
}

function isFigure(cell: string): boolean {
  return /^([\d,]+|—)$/.test(cell)
}
