// A rule's preview for a terminal.
import { plural } from '../model/plural.ts'
import { counted, grouped, localTime } from './local-time.ts'
import type { NearMisses, PreviewPhase, PreviewUpdate, RulePreview } from './rule-preview.ts'

export function rulePreviewText(preview: RulePreview): string {
  const { rule, selected, cap, held, nearMisses, phases, at, evaluation } = preview
  const lines = [
    `${rule} selects ${counted(selected.total, 'update')} of at most ${grouped(cap.limit)}${capText(preview)}`,
    `  ${whenText(preview)}`,
    ...(evaluation === undefined ? [] : [`  evaluated now: ${evaluation.message}`]),
    '',
    ...(selected.total === 0 ? ['Nothing is selected.'] : ['Selected', ...updateLines(selected.shown, selected.total)]),
    ...(held.total === 0 ? [] : ['', 'Held, so left out', ...updateLines(held.shown, held.total)]),
    ...(nearMisses.length === 0 ? [] : ['', 'Missed by one criterion', ...nearMisses.flatMap(missLines)]),
    '',
    ...(phases.length === 0
      ? ['It names no phase.']
      : [`Phases, evaluated at ${localTime(at, 'UTC', 0)} UTC`, ...phases.flatMap(phaseLines)]),
  ]
  return `${lines.join('\n')}\n`
}

function capText({ cap, selected, groups }: RulePreview): string {
  if (cap.level === 'Near') return ': near the limit'
  if (cap.level === 'Fine') return ''
  return cap.overflow === 'Split'
    ? `: split into ${plural(groups, 'group')}`
    : `: ${grouped(selected.total - cap.limit)} too many, so its evaluation fails`
}

function whenText({ nextEvaluation, suspended, templateMissing, at }: RulePreview): string {
  if (templateMissing !== undefined) return `there is no DeploymentTemplate ${templateMissing}: it is not evaluated`
  if (suspended) return 'suspend is true: it is not evaluated'
  if (nextEvaluation === undefined) return 'it has no schedule: it is evaluated after a synchronisation, or on command'
  return `next evaluated ${localTime(nextEvaluation, 'UTC', at)} UTC`
}

function updateLines(shown: readonly PreviewUpdate[], total: number): string[] {
  const lines = shown.map(({ id, title, released, required }) => {
    const needed = required === 0 ? '' : `, required on ${counted(required, 'device')}`
    return `  ${new Date(released).toISOString().slice(0, 10)}  ${title} (${id})${needed}`
  })
  return total > shown.length ? [...lines, `  and ${grouped(total - shown.length)} more`] : lines
}

function missLines({ criterion, total, shown }: NearMisses): string[] {
  const lines = shown.flatMap(({ title, id, wants, is }) => [
    `    ${title} (${id})`,
    ...(wants === undefined ? [] : [`      wants ${wants}, is ${is}`]),
  ])
  const more = total > shown.length ? [`    and ${grouped(total - shown.length)} more`] : []
  return [`  ${criterion}: ${counted(total, 'update')}`, ...lines, ...more]
}

/** Devices named of each phase. */
const MAX_NAMES = 5

function phaseLines({ phase, collection, percent, devices, shown, neverFits }: PreviewPhase): string[] {
  const part = percent === 100 ? '' : `${percent} % of `
  const none = devices === 0 ? ': the rollout would halt there' : ''
  const line = `  ${phase}: ${counted(devices, 'device')} of ${part}${collection}${none}`
  const names = shown.slice(0, MAX_NAMES)
  const some = names.length === 0 ? [] : [`    ${names.join(', ')}${devices > names.length ? ', …' : ''}`]
  return [line, ...some, ...(neverFits === undefined ? [] : [`    ${neverFits}`])]
}
