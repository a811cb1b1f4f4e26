// Sections of the report on what a change is about: objects, updates, devices, and what is decided at once.
import { plural } from '../model/plural.ts'
import type {
  CollectionEffect,
  DecisionLine,
  DeviceList,
  Effect,
  FieldChange,
  ObjectChange,
  RuleEffect,
  UpdateList,
} from './effect.ts'
import { counted, grouped } from './local-time.ts'
import { type Block, type Line, type Mark, moreLine, type Section, shortHashes, signs } from './report-blocks.ts'

/** Objects, rules and the like that a section tells of; JSON has all of them. */
const MAX_LISTED = 100

export function objectsSection({ objects }: Effect): Section {
  const lines = [...objects.slice(0, MAX_LISTED).map(objectLine), ...moreLine(objects.length - MAX_LISTED)]
  return {
    title: 'Objects',
    summary: plural(objects.length, 'object'),
    blocks: lines.length === 0 ? [] : [{ type: 'Lines', lines }],
  }
}

const MARKS = { Added: '+', Changed: '~', Removed: '-' } as const satisfies Record<ObjectChange['change'], Mark>

function objectLine({ kind, name, change, file, line, fields, fieldsTotal, cosmetic }: ObjectChange): Line {
  const more = fieldsTotal > fields.length ? [`and ${fieldsTotal - fields.length} more`] : []
  return {
    mark: MARKS[change],
    text: `${kind} ${name}${cosmetic ? ' (only words for people)' : ''}, ${file}:${line}`,
    details: [...fields.map(fieldText), ...more],
  }
}

function fieldText({ path, from, to }: FieldChange): string {
  if (from === undefined) return `${path}: added ${to}`
  if (to === undefined) return `${path}: removed ${from}`
  return `${path}: ${from} → ${to}`
}

export function onceSection({ atOnce, irreversible }: Effect): Section {
  const { approvals, uninstalls, decisions, decisionsTotal, missing, missingTotal, byPhase } = atOnce
  const blocks: Block[] = []
  if (byPhase.length > 0)
    blocks.push({
      type: 'Table',
      head: ['rollout', 'phase', 'updates', 'devices', 'approvals'],
      rows: byPhase.slice(0, MAX_LISTED).map(({ rollout, phase, updates, devices, added, withdrawn }) => ({
        mark: added === 0 ? '-' : withdrawn === 0 ? '+' : '~',
        cells: [rollout, phase, grouped(updates), grouped(devices), signs(added, withdrawn)],
      })),
    })
  if (byPhase.length > MAX_LISTED) blocks.push({ type: 'Lines', lines: moreLine(byPhase.length - MAX_LISTED) })
  const decided = decisions.map((one): Line => ({ mark: MARK_OF[one.type] ?? ' ', text: decisionText(one) }))
  const more = decisionsTotal - decisions.length
  if (more > 0) decided.push({ mark: ' ', text: `and ${plural(more, 'more decision')}` })
  if (decided.length > 0) blocks.push({ type: 'Lines', heading: 'Decided at once', lines: decided })
  if (missing.length > 0)
    blocks.push({
      type: 'Lines',
      heading: 'No longer decided',
      lines: [
        ...missing.map((one): Line => ({ mark: '-', text: decisionText(one) })),
        ...moreLine(missingTotal - missing.length),
      ],
    })
  if (irreversible.installed.length > 0)
    blocks.push({
      type: 'Lines',
      heading: 'Installed for good: no revert takes these away',
      lines: [
        ...irreversible.installed.map(
          ({ id, title, devices }): Line => ({ mark: '!', text: `${title} (${id}) on ${counted(devices, 'device')}` }),
        ),
        ...moreLine(irreversible.installedTotal - irreversible.installed.length),
      ],
    })
  const figures = [
    signs(approvals.added, approvals.withdrawn) && `approvals ${signs(approvals.added, approvals.withdrawn)}`,
    signs(uninstalls.added, uninstalls.withdrawn) && `removals ${signs(uninstalls.added, uninstalls.withdrawn)}`,
  ].filter(Boolean)
  return {
    title: 'At once',
    summary: figures.join(', ') || plural(decisionsTotal + missingTotal, 'decision'),
    blocks,
  }
}

const MARK_OF: Readonly<Record<string, Mark>> = {
  RolloutRolledBack: '!',
  RolloutPaused: '!',
  PhaseHalted: '!',
  EvaluationFailed: '!',
  UpdatesUnapproved: '-',
  UpdatesHeld: '-',
  RolloutSuperseded: '-',
  UpdatesApproved: '+',
  RolloutPlanned: '+',
  RolloutStarted: '+',
  PhaseStarted: '+',
  TargetsJoined: '+',
  RolloutResumed: '+',
  HoldEnded: '+',
  RuleEvaluated: '~',
}

function decisionText({ type, rule, hold, rollout, phase, message }: DecisionLine): string {
  const subject = rollout ?? (rule === undefined ? hold && `hold ${hold}` : `rule ${rule}`) ?? ''
  return `${[subject, phase && `phase ${phase}`].filter(Boolean).join(', ')}${subject === '' ? '' : ': '}${type}: ${shortHashes(message)}`
}

export function rulesSection({ rules }: Effect): Section {
  const blocks = rules.slice(0, MAX_LISTED).flatMap(ruleBlocks)
  if (rules.length > MAX_LISTED) blocks.push({ type: 'Lines', lines: moreLine(rules.length - MAX_LISTED) })
  return { title: 'Rules', summary: plural(rules.length, 'rule'), blocks }
}

function ruleBlocks(effect: RuleEffect): Block[] {
  const { rule, change, matched, entering, leaving, cap, phases } = effect
  const near = cap.level === 'Fine' ? '' : cap.level === 'Near' ? ', near the limit' : ', over the limit'
  const updates = matched.head ?? matched.base ?? 0
  const heading = `${rule} (${change.toLowerCase()}): ${grouped(updates)} of ${grouped(cap.limit)} updates${near}`
  const lines: Line[] = [...updateLines('+', entering), ...updateLines('-', leaving)]
  for (const { phase, devices, entering: come, leaving: go } of phases) {
    const figures = `${figure(devices.base)} → ${figure(devices.head)} devices`
    lines.push({
      mark: '~',
      text: `phase ${phase}: ${figures} in the next rollout ${signs(come.total, go.total)}`.trimEnd(),
    })
    if (change === 'Changed' || change === 'Affected') lines.push(...deviceLines('+', come), ...deviceLines('-', go))
  }
  if (lines.length === 0 && change === 'Affected') return []
  return [{ type: 'Lines', heading, lines: lines.length === 0 ? [UNTOUCHED] : lines }]
}

const UNTOUCHED: Line = { mark: ' ', text: 'the same updates and the same devices as before' }

function figure(count: number | undefined): string {
  return count === undefined ? 'none' : grouped(count)
}

/** Titles shown under one reason. */
const MAX_TITLES = 10

// Those with one reason are told together.
function updateLines(mark: Mark, { total, shown }: UpdateList): Line[] {
  const lines = [...Map.groupBy(shown, ({ why }) => why)].map(([why, updates]): Line => {
    const titles = updates.slice(0, MAX_TITLES).map(({ id, title }) => `${title} (${id})`)
    const reason = why === '' ? '' : `: ${why}`
    const [only, second] = titles
    if (only !== undefined && second === undefined) return { mark, text: only, ...(why !== '' && { details: [why] }) }
    const more = updates.length > titles.length ? [`and ${updates.length - titles.length} more`] : []
    return { mark, text: `${counted(updates.length, 'update')}${reason}`, details: [...titles, ...more] }
  })
  return [...lines, ...moreLine(total - shown.length, mark)]
}

/** Devices shown under a heading; the report is for reading. */
const MAX_DEVICES = 5

// Those with one reason are told together.
function deviceLines(mark: Mark, { total, shown }: DeviceList): Line[] {
  const byReason = Map.groupBy(shown, ({ id, why }) => why.replaceAll(id, 'it').replace(/^it /, ''))
  const lines = [...byReason].slice(0, MAX_DEVICES).map(([why, devices]): Line => {
    const ids = devices.slice(0, MAX_DEVICES).map(({ id }) => id)
    return { mark, text: `${ids.join(', ')}${devices.length > ids.length ? ', …' : ''}: ${why}` }
  })
  const told = [...byReason.values()]
    .slice(0, MAX_DEVICES)
    .reduce((sum, devices) => sum + Math.min(devices.length, MAX_DEVICES), 0)
  return [...lines, ...moreLine(total - told, mark)]
}

export function collectionsSection({ collections }: Effect): Section {
  const blocks = collections.slice(0, MAX_LISTED).map(collectionBlock)
  const more = moreLine(collections.length - MAX_LISTED)
  if (more.length > 0) blocks.push({ type: 'Lines', lines: more })
  return { title: 'Collections', summary: plural(collections.length, 'collection'), blocks }
}

function collectionBlock({ collection, devices, entering, leaving }: CollectionEffect): Block {
  const heading = `${collection}: ${figure(devices.base)} → ${figure(devices.head)} devices`
  const lines = [...deviceLines('+', entering), ...deviceLines('-', leaving)]
  return { type: 'Lines', heading, lines: lines.length === 0 ? [{ mark: ' ', text: 'it has no devices' }] : lines }
}
