// The report as a comment on a pull request: the verdict first, a short table, the details folded. Never longer than a forge
// takes; what is left out is said. The first line lets CI find its own comment again.
import type { Effect } from './effect.ts'
import { reportOf, SHORT_HEAD } from './report.ts'
import type { Block, Line, Report, Row, Section } from './report-blocks.ts'

/** Characters of a comment that GitHub takes; GitLab takes more. */
export const MAX_COMMENT = 65_536

/** CI looks for it to update the comment that it made before. */
export const MARKER = '<!-- ringmaster diff -->'

/** Kept free for the line that says what was left out. */
const RESERVE = 400

export function effectMarkdown(effect: Effect): string {
  const report = reportOf(effect)
  const head = headLines(report).join('\n')
  const parts = [...report.sections.map(sectionText), notesText(report)].filter((part) => part !== '')
  let text = head
  const left: string[] = []
  for (const [i, part] of parts.entries()) {
    if (text.length + part.length + 1 <= MAX_COMMENT - RESERVE) text += `\n${part}`
    else left.push(report.sections[i]?.title ?? 'Notes')
  }
  const missing =
    left.length === 0
      ? ''
      : `\n> Too long for a comment, and left out here: ${left.join(', ')}. \`ringmaster diff\` prints all of it.\n`
  return bounded(`${text}${missing}`)
}

// Only a verdict of absurd length gets here.
function bounded(text: string): string {
  const whole = text.endsWith('\n') ? text : `${text}\n`
  return whole.length <= MAX_COMMENT ? whole : `${whole.slice(0, MAX_COMMENT - 2)}…\n`
}

function headLines({ verdict, differs, warnings, about, short }: Report): string[] {
  const lines = [MARKER, `**${escaped(verdict)}**`, '']
  const shown = warnings.slice(0, MAX_WARNINGS)
  if (shown.length > 0) lines.push('> [!WARNING]', ...shown.map((text) => `> - ${escaped(text)}`))
  if (warnings.length > shown.length) lines.push(`> - and ${warnings.length - shown.length} more`)
  if (shown.length > 0) lines.push('')
  if (short.length > 0) lines.push(...tableLines(SHORT_HEAD, short), '')
  if (differs || about.length > 0)
    lines.push(`<sub>${about.map(([name, text]) => `${name}: ${escaped(text)}`).join(' · ')}</sub>`, '')
  return lines
}

const MAX_WARNINGS = 12

/** Characters of one section; a list that is longer is cut at a line, and says so. */
const MAX_SECTION = 12_000

function sectionText({ title, summary, blocks }: Section): string {
  const lines: string[] = []
  let length = 0
  let cut = false
  for (const line of blocks.flatMap(blockLines)) {
    length += line.length + 1
    cut ||= length > MAX_SECTION
    if (!cut) lines.push(line)
  }
  if (cut) lines.push('', '_and more: `ringmaster diff` prints all of it_')
  const named = summary === '' ? title : `${title}: ${summary}`
  return ['<details>', `<summary>${escaped(named)}</summary>`, '', ...lines, '', '</details>', ''].join('\n')
}

function notesText({ notes }: Report): string {
  return notes.length === 0 ? '' : `${notes.map((note) => `<sub>${escaped(note)}</sub>`).join('<br>\n')}\n`
}

function blockLines(block: Block): string[] {
  const heading = block.heading === undefined ? [] : [`**${escaped(block.heading)}**`, '']
  if (block.type === 'Table') return [...heading, ...tableLines(block.head, block.rows), '']
  return [...heading, ...block.lines.flatMap(listLines), '']
}

const SIGNS = { '+': '➕', '-': '➖', '~': '✏️', '!': '⚠️', ' ': '·' } as const

function listLines({ mark, text, details = [] }: Line): string[] {
  return [`- ${SIGNS[mark]} ${escaped(text)}`, ...details.map((detail) => `  - ${escaped(detail)}`)]
}

function tableLines(head: readonly string[], rows: readonly Row[]): string[] {
  const row = (cells: readonly string[]) => `| ${cells.map(cellText).join(' | ')} |`
  return [
    row(['', ...head]),
    row(['', ...head].map(() => '---')),
    ...rows.map(({ mark, cells }) => row([SIGNS[mark], ...cells])),
  ]
}

function cellText(cell: string): string {
  return cell === '---' ? cell : escaped(cell)
}

// Names, titles and messages come from feeds and from people: nothing of them is markup, mentions or links.
function escaped(text: string): string {
  return text
    .replace(/[\r\n]+/g, ' ')
    .replace(/[\\`*_[\]<>|~#&!]/g, (sign) =>
      sign === '<' ? '&lt;' : sign === '>' ? '&gt;' : sign === '&' ? '&amp;' : `\\${sign}`,
    )
    .replace(/(^|[\s(])@(?=\w)/g, '$1@\u200b')
}
