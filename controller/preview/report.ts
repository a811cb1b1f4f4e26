// An effect in words: a verdict, what to look at first, a short table, and the details in sections. Text and Markdown are
// two ways to write it down.
import type { EpochMs } from '../model/instant.ts'
import { plural } from '../model/plural.ts'
import type { Effect } from './effect.ts'
import { counted, grouped, localTime } from './local-time.ts'
import { type Report, type Row, shortHashes, signs } from './report-blocks.ts'
import { futureSection } from './report-future.ts'
import { collectionsSection, objectsSection, onceSection, rulesSection } from './report-sections.ts'
import { misfitsSection, timesSection, windowsSection } from './report-times.ts'

export const SHORT_HEAD = ['what', 'base', 'head', ''] as const

export function reportOf(effect: Effect): Report {
  const sections = [
    onceSection(effect),
    rulesSection(effect),
    timesSection(effect),
    windowsSection(effect),
    collectionsSection(effect),
    misfitsSection(effect),
    futureSection(effect),
    objectsSection(effect),
  ].filter((section) => section.blocks.length > 0)
  return {
    verdict: verdictOf(effect),
    differs: effect.differs,
    warnings: warningsOf(effect),
    about: aboutOf(effect),
    short: shortRows(effect),
    sections,
    notes: [...effect.unknown, ...keptPlans(effect), ...assumptionsOf(effect)],
  }
}

function keptPlans({ rules, future }: Effect): string[] {
  const changed = new Set(rules.filter(({ change }) => change === 'Changed').map(({ rule }) => rule))
  const kept = (future?.head.rollouts ?? []).filter(({ rule, kept }) => kept && rule !== undefined && changed.has(rule))
  if (kept.length === 0) return []
  const names = kept.map(({ rollout }) => rollout).join(', ')
  return [
    `${names}: under way, so with the updates and phases that it began with; other criteria and phases are for the next rollout.`,
  ]
}

function assumptionsOf({ future }: Effect): string[] {
  if (future === undefined || future.changesTotal === 0) return []
  return [`The weeks to come are played so: ${future.assumptions.join('; ')}.`]
}

function aboutOf({ at, base, head, world }: Effect): Report['about'] {
  const where = {
    Controller: 'controller',
    Snapshot: 'snapshot',
    Data: 'data folder',
    Scenario: 'scenario',
    Declarations: '',
  }
  const place = world.type === 'Declarations' ? 'no devices are known' : `${where[world.type]} ${world.label}`
  const figures = `${counted(world.devices, 'device')}, ${counted(world.updates, 'update')}`
  return [
    ['base', `${base.label} (${shortHashes(base.revision)}), ${plural(base.objects, 'object')}`],
    ['head', `${head.label} (${shortHashes(head.revision)}), ${plural(head.objects, 'object')}`],
    ['world', `${place}: ${figures}`],
    ['at', `${localTime(at, 'UTC', 0)} UTC`],
  ]
}

function verdictOf(effect: Effect): string {
  if (!effect.differs)
    return effect.objects.length === 0 ? 'No effect: nothing differs.' : 'No effect: only words for people differ.'
  const { approvals, uninstalls } = effect.atOnce
  const parts = [
    amount(approvals.added, 'approval', 'added at once'),
    amount(approvals.withdrawn, 'approval', 'withdrawn at once'),
    amount(uninstalls.added, 'removal', 'asked for at once'),
    amount(sum(effect.rules.map(({ entering }) => entering.total)), 'update', 'more selected'),
    amount(sum(effect.rules.map(({ leaving }) => leaving.total)), 'update', 'no longer selected'),
    amount(effect.touched.phases, 'device', 'in other phases'),
    amount(effect.touched.collections, 'device', 'in other collections'),
    amount(effect.touched.times, 'device', 'with other deadlines or starts'),
    amount(rolloutsAhead(effect), 'rollout', 'to go another way in the weeks to come'),
    amount(newMisfits(effect).length, 'phase', 'with updates that fit no window'),
  ].filter((part) => part !== undefined)
  const objects = effect.objects.filter(({ cosmetic }) => !cosmetic).length
  if (parts.length > 0) return `${parts.slice(0, 6).join(', ')}.`
  return `${plural(objects, 'object')} changed, with no effect on any update or device now.`
}

/** Rollouts that differ between the two futures. */
function rolloutsAhead({ future }: Effect): number {
  return new Set(future?.changes.flatMap(({ rollout }) => rollout ?? [])).size
}

function newMisfits({ misfits }: Effect): Effect['misfits'] {
  return misfits.filter(({ head, base }) => (head?.updates ?? 0) > (base?.updates ?? 0))
}

function amount(count: number, thing: string, what: string): string | undefined {
  return count === 0 ? undefined : `${counted(count, thing)} ${what}`
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, one) => total + one, 0)
}

function warningsOf(effect: Effect): string[] {
  const { rules, irreversible, atOnce, world } = effect
  return [
    ...rules.flatMap(({ rule, cap, matched }) =>
      cap.level === 'Fine' || matched.head === undefined || matched.head === matched.base
        ? []
        : [capWarning(rule, cap, matched.head)],
    ),
    ...rules.flatMap(({ rule, matched }) =>
      matched.head === 0 && (matched.base ?? 0) > 0 ? [`Rule ${rule} selects nothing any more.`] : [],
    ),
    ...rules.flatMap(({ rule, phases }) =>
      phases
        .filter(({ devices }) => devices.head === 0)
        .map(({ phase }) => `Rule ${rule}, phase ${phase}: no device is left in it, so the next rollout halts there.`),
    ),
    ...atOnce.decisions
      .filter(({ type }) => ATTENTION.has(type))
      .map(({ type, rollout, message }) => `${rollout ?? type}: ${DONE[type] ?? type}: ${message}.`),
    ...newMisfits(effect).map(
      ({ rule, rollout, phase, head }) =>
        `${rollout ?? `Next rollout of ${rule}`}, phase ${phase}: ${plural(head?.updates ?? 0, 'update')} fit no window of ${plural(head?.devices ?? 0, 'device')}.`,
    ),
    ...(irreversible.installedTotal === 0
      ? []
      : [
          `A revert cannot undo: ${plural(irreversible.installedTotal, 'withdrawn update')} installed for good, not uninstallable.`,
        ]),
    ...(irreversible.entering === 0
      ? []
      : [
          `Once installed, ${plural(irreversible.entering, 'newly selected or approved update')} cannot be uninstalled by a revert.`,
        ]),
    ...(world.driftTotal === 0
      ? []
      : [
          `What runs there is not the base: ${plural(world.driftTotal, 'object')} ${world.driftTotal === 1 ? 'differs' : 'differ'} (${world.drift.slice(0, 3).join(', ')}${world.driftTotal > 3 ? ', …' : ''}).`,
        ]),
  ]
}

const ATTENTION: ReadonlySet<string> = new Set([
  'RolloutRolledBack',
  'RolloutPaused',
  'PhaseHalted',
  'EvaluationFailed',
])
const DONE: Readonly<Record<string, string>> = {
  RolloutRolledBack: 'rolled back',
  RolloutPaused: 'paused',
  PhaseHalted: 'halted',
  EvaluationFailed: 'cannot be evaluated',
}

function capWarning(rule: string, { limit, level, overflow }: Effect['rules'][number]['cap'], matched: number): string {
  if (level === 'Near') return `Rule ${rule} selects ${grouped(matched)} of at most ${grouped(limit)} updates.`
  if (overflow === 'Split')
    return `Rule ${rule} selects ${grouped(matched)} updates: they are split into ${Math.ceil(matched / limit)} groups.`
  return `Rule ${rule} selects ${grouped(matched)} updates, and a group holds at most ${grouped(limit)}: its evaluation fails.`
}

const MAX_SHORT = 14

/** The most telling figures side by side. */
function shortRows(effect: Effect): Row[] {
  const rows: Row[] = []
  const put = (what: string, base: number | undefined, head: number | undefined, note = '') => {
    if (base === head && note === '') return
    const mark = base === undefined ? '+' : head === undefined ? '-' : '~'
    rows.push({ mark, cells: [what, cell(base), cell(head), note] })
  }
  const { approvals } = effect.atOnce
  if (approvals.added + approvals.withdrawn > 0)
    rows.push({ mark: '!', cells: ['approvals at once', '', '', signs(approvals.added, approvals.withdrawn)] })
  for (const { rule, matched, entering, leaving, nextEvaluation, phases } of effect.rules) {
    put(`${rule}: updates`, matched.base, matched.head, signs(entering.total, leaving.total))
    if (nextEvaluation.base !== nextEvaluation.head) rows.push(evaluationRow(rule, nextEvaluation, effect.at))
    for (const { phase, devices, entering: come, leaving: go } of phases)
      put(`${rule}, ${phase}: devices`, devices.base, devices.head, signs(come.total, go.total))
  }
  for (const { collection, devices, entering, leaving } of effect.collections)
    put(`${collection}: devices`, devices.base, devices.head, signs(entering.total, leaving.total))
  if (rows.length <= MAX_SHORT) return rows
  const more = rows.length - MAX_SHORT + 1
  return [...rows.slice(0, MAX_SHORT - 1), { mark: ' ', cells: [`and ${more} more, below`, '', '', ''] }]
}

function evaluationRow(
  rule: string,
  { base, head }: { readonly base?: EpochMs; readonly head?: EpochMs },
  at: EpochMs,
): Row {
  const text = (instant: EpochMs | undefined) => (instant === undefined ? '—' : `${localTime(instant, 'UTC', at)} UTC`)
  const mark = base === undefined ? '+' : head === undefined ? '-' : '~'
  return { mark, cells: [`${rule}: next evaluation`, text(base), text(head), ''] }
}

function cell(count: number | undefined): string {
  return count === undefined ? '—' : grouped(count)
}
