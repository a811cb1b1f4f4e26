// Objects as a table that tells their story at a glance, as kubectl prints them.
import { DAY, HOUR, MINUTE } from '../model/instant.ts'
import type { DecisionView } from './decisions.ts'
import type { ObjectView, PhaseView, ViewKind, ViewOf } from './views.ts'

export type Table = { readonly columns: readonly string[]; readonly rows: readonly (readonly string[])[] }

/** `now` is the controller's: times are told from there. */
export function tableOf<K extends ViewKind>(kind: K, items: readonly ViewOf[K][], now: number): Table {
  const columns = columnsOf(kind)
  return {
    columns: columns.map(([title]) => title),
    rows: items.map((item) => columns.map(([, text]) => text(item, now) || '-')),
  }
}

export function decisionTable(decisions: readonly DecisionView[]): Table {
  return {
    columns: ['AT', 'TYPE', 'OBJECT', 'REASON', 'MESSAGE'],
    rows: decisions.map((one) => [one.at, one.type, decisionObject(one), one.reason, one.message]),
  }
}

/** Columns aligned, with two spaces between them; the last is not cut. */
export function renderTable({ columns, rows }: Table): string {
  const all = [columns, ...rows]
  const widths = columns.map((_, i) => Math.max(...all.map((row) => row[i]?.length ?? 0)))
  const last = columns.length - 1
  return all
    .map((row) => row.map((cell, i) => (i === last ? cell : cell.padEnd((widths[i] ?? 0) + 2))).join(''))
    .map((line) => `${line.trimEnd()}\n`)
    .join('')
}

/** "in 3h", "2d ago", "now": in the two largest units. Empty for nothing. */
export function relative(text: string | undefined, now: number): string {
  if (text === undefined) return ''
  const away = Date.parse(text) - now
  const length = lengthText(Math.abs(away))
  if (length === '') return 'now'
  return away > 0 ? `in ${length}` : `${length} ago`
}

/** "45 of 60, needs 50": compliant, all, and how many have to be. */
export function gateText({ gate, state }: PhaseView): string {
  if (gate === undefined) return state
  const failed = gate.failed === 0 ? '' : `, ${gate.failed} failed`
  return `${gate.compliant} of ${gate.targets}, needs ${gate.needed}${failed}`
}

export function isReady({ status }: ObjectView): boolean {
  return status.conditions.some(({ type, status: value }) => type === 'Ready' && value === 'True')
}

type Columns<V> = readonly (readonly [title: string, text: (view: V, now: number) => string])[]

function columnsOf<K extends ViewKind>(kind: K): Columns<ViewOf[K]> {
  return COLUMNS[kind]
}

const name = ['NAME', ({ metadata }: ObjectView) => metadata.name] as const
const ready = ['READY', (view: ObjectView) => (isReady(view) ? 'True' : 'False')] as const
const reason = ['REASON', ({ status }: ObjectView) => status.conditions[0]?.reason ?? ''] as const
const message = ['MESSAGE', ({ status }: ObjectView) => status.conditions[0]?.message ?? ''] as const

const COLUMNS: { readonly [K in ViewKind]: Columns<ViewOf[K]> } = {
  Collection: [
    name,
    ready,
    ['DEVICES', ({ status }) => String(status.devices)],
    ['SILENT', ({ status }) => String(status.stale)],
    ['DESCRIPTION', ({ spec }) => spec.description ?? ''],
  ],
  MaintenanceWindow: [
    name,
    ready,
    ['OPEN', ({ status }) => (status.open ? 'Yes' : 'No')],
    ['CLOSES', ({ status }, now) => relative(status.closes, now)],
    ['OPENS NEXT', ({ status }) => status.opens ?? ''],
    ['ZONE', ({ spec }) => spec.schedule.timeZone],
    ['FOR', ({ spec }) => spec.duration],
    ['DEVICES', ({ status }) => String(status.devices)],
    ['COLLECTIONS', ({ spec }) => spec.collections.join(',')],
  ],
  Freeze: [
    name,
    ready,
    ['ACTIVE', ({ status }) => (status.active ? 'Yes' : 'No')],
    ['ENDS', ({ status }) => status.ends ?? ''],
    ['BEGINS NEXT', ({ status }) => status.begins ?? ''],
    ['DEVICES', ({ status }) => String(status.devices)],
    ['WHY', ({ spec }) => spec.reason],
  ],
  AutomaticDeploymentRule: [
    name,
    ready,
    ['EVALUATED', ({ status }, now) => relative(status.lastEvaluation?.at, now)],
    ['NEXT', ({ status }, now) => relative(status.nextEvaluation, now)],
    ['SELECTED', ({ status }) => String(status.selected ?? '')],
    ['MATCHING NOW', ({ status }) => String(status.matchingNow)],
    ['NEWEST ROLLOUT', ({ status }) => newestRollout(status.rollouts[0])],
    reason,
  ],
  DeploymentTemplate: [
    name,
    ['BUILT IN', ({ status }) => (status.conditions[0]?.reason === 'BuiltIn' ? 'Yes' : 'No')],
    ['RULES', ({ status }) => String(status.rules.length)],
    ['DESCRIPTION', ({ spec }) => spec.description ?? ''],
  ],
  UpdateSource: [
    name,
    ready,
    ['UPDATES', ({ status }) => String(status.updates)],
    ['SET ASIDE', ({ status }) => String(status.setAsideTotal)],
    ['SYNCED', ({ status }, now) => relative(status.lastSync, now)],
    ['NEXT', ({ status }, now) => relative(status.nextSync, now)],
    message,
  ],
  GitSource: [
    name,
    ready,
    ['REVISION', ({ status }) => shortHash(status.revision ?? '')],
    ['AUTHOR', ({ status }) => status.commit?.author ?? ''],
    ['SIGNATURE', ({ status }) => status.commit?.signature ?? ''],
    ['OBJECTS', ({ status }) => String(status.objects)],
    message,
  ],
  UpdateHold: [
    name,
    ['ACTIVE', ({ status }) => (status.active ? 'Yes' : 'No')],
    ['UPDATES', ({ status }) => String(status.updates)],
    ['UNTIL', ({ status }) => status.until ?? ''],
    ['ON', ({ spec }) => spec.collections?.join(',') ?? 'everywhere'],
    ['WHY', ({ spec }) => spec.reason],
  ],
  PhaseApproval: [
    name,
    ['ROLLOUT', ({ spec }) => spec.rollout],
    ['PHASE', ({ spec }) => spec.phase],
    ['BY', ({ spec }) => spec.approvedBy],
    ['STATE', ({ status }) => status.state],
    message,
  ],
  SoftwareUpdateGroup: [
    name,
    ready,
    ['UPDATES', ({ status }) => String(status.updates)],
    ['SUPERSEDED', ({ status }) => String(status.superseded)],
    ['EXPIRED', ({ status }) => String(status.expired)],
    ['HELD', ({ status }) => String(status.held)],
    ['MADE BY', ({ status }) => (status.rule === undefined ? 'declared' : `rule ${status.rule}`)],
    ['ROLLOUTS', ({ status }) => status.rollouts.join(',')],
  ],
  Rollout: [
    name,
    ['STATE', ({ status }) => (status.paused && status.ended === undefined ? 'Paused' : status.state)],
    ['UPDATES', ({ status }) => String(status.updates)],
    ['PHASE', ({ status }) => phaseText(status.phases)],
    ['COMPLIANT', ({ status }) => gateOf(currentPhase(status.phases))],
    ['REASON', ({ status }) => status.waitsFor?.reason ?? status.ended?.reason ?? ''],
    ['UNTIL', ({ status }, now) => relative(status.waitsFor?.until, now)],
    ['AGE', ({ status }, now) => relative(status.planned, now).replace(' ago', '')],
  ],
  UpdateDeployment: [
    name,
    ['APPROVED', ({ status }) => (status.approved ? 'Yes' : 'No')],
    ['UPDATES', ({ status }) => String(status.updates)],
    ['DEVICES', ({ status }) => String(status.devices)],
    ['COMPLIANT', ({ status }) => String(status.compliant)],
    ['FAILED', ({ status }) => String(status.failed)],
    ['UNKNOWN', ({ status }) => String(status.unknown)],
    ['AVAILABLE', ({ spec }) => spec.available],
    ['DEADLINE', ({ spec }) => spec.deadline],
  ],
  Device: [
    name,
    ['REPORTING', (view) => (view.status.stale ? 'Silent' : 'Yes')],
    ['LAST REPORT', ({ status }, now) => relative(status.lastReport, now)],
    ['OPEN', ({ status }) => String(status.open)],
    ['FAILED', ({ status }) => String(status.failed.length)],
    ['COLLECTIONS', ({ status }) => status.collections.join(',')],
  ],
  Update: [
    name,
    ['STATE', ({ status }) => status.state],
    ['ARTICLES', ({ spec }) => spec.articleIds.join(',')],
    ['SEVERITY', ({ spec }) => spec.severity],
    ['RELEASED', ({ spec }) => spec.released.slice(0, 10)],
    ['REQUIRED', ({ status }) => String(status.required)],
    ['INSTALLED', ({ status }) => String(status.installed)],
    ['FAILED', ({ status }) => String(status.failed)],
    ['TITLE', ({ spec }) => spec.title],
  ],
}

function newestRollout(rollout: ViewOf['AutomaticDeploymentRule']['status']['rollouts'][number] | undefined): string {
  return rollout === undefined ? '' : `${rollout.name} (${rollout.state})`
}

/** The phase that the rollout is at: the first that is not passed, or else the last. */
function currentPhase(phases: readonly PhaseView[]): PhaseView | undefined {
  return phases.find(({ state }) => state !== 'Succeeded' && state !== 'Skipped') ?? phases.at(-1)
}

function phaseText(phases: readonly PhaseView[]): string {
  const current = currentPhase(phases)
  return current === undefined ? '' : `${current.name} ${phases.indexOf(current) + 1}/${phases.length}`
}

function gateOf(phase: PhaseView | undefined): string {
  return phase === undefined ? '' : gateText(phase)
}

function decisionObject({ rollout, phase, rule, hold }: DecisionView): string {
  if (rollout !== undefined) return phase === undefined ? rollout : `${rollout}/${phase}`
  return rule ?? hold ?? '-'
}

function lengthText(length: number): string {
  const days = Math.floor(length / DAY)
  const hours = Math.floor((length % DAY) / HOUR)
  const minutes = Math.floor((length % HOUR) / MINUTE)
  const parts = [`${days}d`, `${hours}h`, `${minutes}m`]
  const first = [days, hours, minutes].findIndex((value) => value > 0)
  if (first < 0) return ''
  return parts
    .slice(first, first + 2)
    .filter((part) => !part.startsWith('0'))
    .join('')
}

/** `main@sha1:0123456789…` as `main@sha1:01234567`. */
function shortHash(revision: string): string {
  return revision.replace(/[0-9a-f]{12,}$/, (digits) => digits.slice(0, 8))
}
