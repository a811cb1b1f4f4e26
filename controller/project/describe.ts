// One object at length, in sections, as kubectl describes them; and an explanation as text.
import type { DecisionView } from './decisions.ts'
import type { Explanation, Step } from './explanation.ts'
import { decisionTable, gateText, relative, renderTable } from './tables.ts'
import type { ObjectView, PhaseView } from './views.ts'

/** Head, conditions, what is special to the kind, spec, and the last decisions about it. */
export function describeObject(view: ObjectView, decisions: readonly DecisionView[], now: number): string {
  const { name, labels, annotations } = view.metadata
  const { conditions, ...status } = view.status
  const head = [
    `Name:         ${name}`,
    `Kind:         ${view.kind}`,
    ...pairs('Labels:', labels),
    ...pairs('Annotations:', annotations),
  ]
  const sections = [
    head.join('\n'),
    section('Conditions', conditionLines(conditions, now)),
    view.kind === 'Rollout' ? section('Phases', phaseLines(view.status.phases)) : '',
    view.kind === 'Rollout' ? section('Never fits', misfitLines(view.status.phases)) : '',
    section('Status', outline(view.kind === 'Rollout' ? { ...status, phases: undefined } : status)),
    section('Spec', outline(view.spec)),
    decisions.length === 0 ? '' : `Decisions (newest first):\n${indented(renderTable(decisionTable(decisions)))}`,
  ]
  return `${sections.filter((text) => text !== '').join('\n')}\n`
}

/** The verdict, then the trace with a mark for each step. */
export function explanationText({ device, update, title, verdict, steps }: Explanation): string {
  const about = title === undefined ? update : `${update} "${title}"`
  const known = verdict.until === undefined || verdict.message.includes(verdict.until)
  const until = known ? '' : ` [until ${verdict.until}]`
  return `${verdict.message}${until}\n\n${device}, ${about}: ${verdict.reason}\n${steps.map(stepLine).join('')}`
}

const MARKS = { Yes: '+', No: '-', Info: ' ' } as const

function stepLine({ step, outcome, reason, message }: Step): string {
  return `  ${MARKS[outcome]} ${step.padEnd(9)} ${reason.padEnd(16)} ${message}\n`
}

function section(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : `${title}:\n${lines.map((line) => `  ${line}`).join('\n')}`
}

function conditionLines(conditions: ObjectView['status']['conditions'], now: number): string[] {
  return conditions.map(({ type, status, reason, message, until }) => {
    const wait = until === undefined ? '' : ` (until ${until}, ${relative(until, now)})`
    return `${type.padEnd(12)} ${status.padEnd(6)} ${reason}: ${message}${wait}`
  })
}

function phaseLines(phases: readonly PhaseView[]): string[] {
  const rows = phases.map((phase) => [
    phase.name,
    phase.state,
    phase.collection,
    phase.gate === undefined ? '-' : gateText(phase),
    phase.gate === undefined ? '-' : `${phase.gate.failed} (halts above ${phase.gate.mayFail})`,
    phase.gate === undefined ? '-' : String(phase.gate.unknown),
    phase.approved ? 'Yes' : 'No',
    phase.started ?? '-',
    phase.deadline ?? '-',
    phase.soakUntil ?? phase.succeeded ?? '-',
  ])
  const columns = [
    'PHASE',
    'STATE',
    'COLLECTION',
    'COMPLIANT',
    'FAILED',
    'UNKNOWN',
    'APPROVED',
    'STARTED',
    'DEADLINE',
    'SOAKED',
  ]
  return renderTable({ columns, rows }).trimEnd().split('\n')
}

function misfitLines(phases: readonly PhaseView[]): string[] {
  return phases.flatMap(({ name, neverFits }) =>
    neverFits === undefined ? [] : [`phase ${name}: ${neverFits.message}`],
  )
}

function pairs(title: string, values: Readonly<Record<string, string>>): string[] {
  return Object.keys(values)
    .sort()
    .map((key, i) => `${(i === 0 ? title : '').padEnd(13)} ${key}: ${values[key]}`)
}

/** Lists longer than this are cut, and say so. */
const MAX_LISTED = 20

/** Nested values as indented lines, like YAML for reading. */
function outline(value: unknown): string[] {
  if (Array.isArray(value)) {
    const shown = value.slice(0, MAX_LISTED).flatMap((item) => bullet(outline(item)))
    return value.length > MAX_LISTED ? [...shown, `… and ${value.length - MAX_LISTED} more`] : shown
  }
  if (typeof value !== 'object' || value === null) return [String(value)]
  return Object.entries(value).flatMap(([key, inner]) => field(key, inner))
}

function field(key: string, value: unknown): string[] {
  if (value === undefined || isEmpty(value)) return []
  if (typeof value !== 'object' || value === null) return [`${key}: ${value}`]
  return [`${key}:`, ...outline(value).map((line) => `  ${line}`)]
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0
}

function bullet(lines: readonly string[]): string[] {
  return lines.map((line, i) => `${i === 0 ? '- ' : '  '}${line}`)
}

function indented(text: string): string {
  return text.trimEnd().replace(/^/gm, '  ')
}
