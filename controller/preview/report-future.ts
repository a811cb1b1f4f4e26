// The section of the report on the weeks to come: where the two futures differ.
import type { EpochMs } from '../model/instant.ts'
import { plural } from '../model/plural.ts'
import type { Effect, TimelineChange } from './effect.ts'
import { grouped, localDay, localTime, shiftText } from './local-time.ts'
import { type Block, moreLine, type Row, type Section } from './report-blocks.ts'

const MAX_ROWS = 60

export const CHANGES_HEAD: readonly string[] = ['rollout', 'phase', 'what', 'base', 'head', '']

const WHAT = {
  Evaluation: 'evaluated',
  Rollout: 'rollout begins',
  Start: 'starts',
  Deadline: 'deadline',
  Success: 'succeeds',
  Halt: 'halts',
  End: 'ends',
  Devices: 'devices',
  Failed: 'failed',
  Updates: 'updates',
} as const satisfies Record<TimelineChange['what'], string>

/** Times in UTC. */
export function futureSection({ future, at }: Effect): Section {
  const title = 'The weeks to come'
  if (future === undefined || future.changes.length === 0) return { title, summary: '', blocks: [] }
  const { changes, changesTotal, until } = future
  const rows = changes.slice(0, MAX_ROWS).map((change) => changeRow(change, at))
  const more = moreLine(changesTotal - rows.length)
  const blocks: Block[] = [{ type: 'Table', head: CHANGES_HEAD, rows }]
  if (more.length > 0) blocks.push({ type: 'Lines', lines: more })
  return {
    title,
    summary: `${plural(changesTotal, 'difference')} until ${localDay(until, 'UTC')}, times in UTC`,
    blocks,
  }
}

export function changeRow({ rollout, rule, phase, what, base, head, isInstant }: TimelineChange, at: EpochMs): Row {
  const text = (value: number | undefined) =>
    value === undefined ? '—' : isInstant ? localTime(value, 'UTC', at) : grouped(value)
  const shift = isInstant && base !== undefined && head !== undefined ? shiftText(base, head) : ''
  return {
    mark: base === undefined ? '+' : head === undefined ? '-' : '~',
    cells: [rollout ?? `rule ${rule}`, phase ?? '', WHAT[what], text(base), text(head), shift],
  }
}
