// Sections of the report on when: deadlines and starts in the devices' local time, windows, freezes, and what fits none.
import type { EpochMs } from '../model/instant.ts'
import { plural } from '../model/plural.ts'
import type { Effect, MisfitChange, TimeMove, Times, WindowMove } from './effect.ts'
import { counted, grouped, localTime, shiftText } from './local-time.ts'
import { type Block, type Line, moreLine, type Row, type Section } from './report-blocks.ts'

/** Rows of times in the report; JSON has more. */
const MAX_ROWS = 40

export function timesSection(effect: Effect): Section {
  const groups = Map.groupBy(effect.times, ({ rule, rollout, phase }) =>
    rollout === undefined ? `Next rollout of ${rule}, phase ${phase}` : `${rollout}, phase ${phase}`,
  )
  let left = MAX_ROWS
  const blocks = [...groups].flatMap(([heading, moves]): Block[] => {
    const rows = merged(
      moves,
      ({ devices }) => devices,
      (move) => timeRow(move, effect.at),
    ).slice(0, left)
    left -= rows.length
    if (rows.length === 0) return []
    return [{ type: 'Table', heading, head: ['devices', 'local time of', 'deadline', 'first start'], rows }]
  })
  if (left === 0) blocks.push({ type: 'Lines', lines: [{ mark: ' ', text: 'and perhaps more: JSON has them all' }] })
  const moved = effect.touched.times
  const summary = moved === 0 ? plural(effect.times.length, 'phase') : `${counted(moved, 'device')} with other times`
  return { title: 'Deadlines and starts', summary, blocks }
}

function timeRow({ zone, devices, base, head }: TimeMove, at: EpochMs): Row {
  const text = (pick: (times: Times) => EpochMs | undefined, none: string) =>
    moveText(base && pick(base), head && pick(head), zone, at, none, base !== undefined, head !== undefined)
  return {
    mark: base === undefined ? '+' : head === undefined ? '-' : '~',
    cells: [
      grouped(devices),
      zone ?? 'no known zone',
      text(({ deadline }) => deadline, 'none'),
      text(({ starts }) => starts, 'never, within two months'),
    ],
  }
}

const MAX_ZONES = 3

/** Devices in different zones whose clocks show the same are one row. The first two cells are devices and zone. */
function merged<T extends { readonly zone?: string }>(
  moves: readonly T[],
  devicesOf: (move: T) => number,
  rowOf: (move: T) => Row,
): Row[] {
  const groups = Map.groupBy(moves, (move) => {
    const { mark, cells } = rowOf(move)
    return JSON.stringify([mark, cells.slice(2)])
  })
  return [...groups.values()].flatMap((group) => {
    const [first] = group
    if (first === undefined) return []
    const { mark, cells } = rowOf(first)
    const zones = [...new Set(group.map(({ zone }) => zone ?? 'no known zone'))]
    const more = zones.length > MAX_ZONES ? ` and ${zones.length - MAX_ZONES} more` : ''
    const devices = group.reduce((sum, move) => sum + devicesOf(move), 0)
    return [{ mark, cells: [grouped(devices), zones.slice(0, MAX_ZONES).join(', ') + more, ...cells.slice(2)] }]
  })
}

function moveText(
  base: EpochMs | undefined,
  head: EpochMs | undefined,
  zone: string | undefined,
  at: EpochMs,
  none: string,
  hasBase: boolean,
  hasHead: boolean,
): string {
  const text = (instant: EpochMs | undefined) => (instant === undefined ? none : localTime(instant, zone, at))
  if (!hasBase) return text(head)
  if (!hasHead) return text(base)
  if (base === head) return text(head)
  const shift = base === undefined || head === undefined ? '' : ` (${shiftText(base, head)})`
  return `${text(base)} → ${text(head)}${shift}`
}

export function windowsSection({ windows, at }: Effect): Section {
  const groups = Map.groupBy(windows, ({ kind, name }) => `${kind === 'Freeze' ? 'Freeze' : 'Window'} ${name}`)
  const blocks = [...groups].slice(0, MAX_ROWS).map(([heading, moves]): Block => {
    const rows = merged(
      moves,
      (move) => Math.max(move.devices.base, move.devices.head),
      (move) => windowRow(move, at),
    )
    return { type: 'Table', heading, head: ['devices', 'local time of', 'next'], rows: rows.slice(0, MAX_ROWS) }
  })
  if (groups.size > MAX_ROWS) blocks.push({ type: 'Lines', lines: moreLine(groups.size - MAX_ROWS) })
  return { title: 'Windows and freezes', summary: plural(groups.size, 'object'), blocks }
}

function windowRow({ zone, devices, base, head }: WindowMove, at: EpochMs): Row {
  const span = (one: WindowMove['base']) =>
    one === undefined ? 'never' : `${localTime(one.from, zone, at)}–${clock(one, zone, at)}`
  const [was, is] = [span(base), span(head)]
  const times = base === undefined ? is : head === undefined ? `${was} → gone` : was === is ? is : `${was} → ${is}`
  const known = base !== undefined && head !== undefined && devices.base !== devices.head
  const counts = known ? `, devices ${grouped(devices.base)} → ${grouped(devices.head)}` : ''
  return {
    mark: base === undefined ? '+' : head === undefined ? '-' : '~',
    cells: [grouped(Math.max(devices.base, devices.head)), zone ?? 'no known zone', times + counts],
  }
}

/** The end: the clock alone where it is less than a day later. */
function clock({ from, until }: NonNullable<WindowMove['base']>, zone: string | undefined, at: EpochMs): string {
  const end = localTime(until, zone, at)
  return until - from < 24 * 3_600_000 ? end.slice(-5) : end
}

export function misfitsSection({ misfits }: Effect): Section {
  const lines = misfits.map(misfitLine)
  return {
    title: 'Updates that fit no window',
    summary: plural(misfits.length, 'phase'),
    blocks: lines.length === 0 ? [] : [{ type: 'Lines', lines }],
  }
}

function misfitLine({ rule, rollout, phase, base, head }: MisfitChange): Line {
  const text = (one: MisfitChange['base']) =>
    one === undefined ? 'all fit' : `${plural(one.updates, 'update')} on ${plural(one.devices, 'device')}`
  const subject = rollout ?? `next rollout of ${rule}`
  const mark = (head?.updates ?? 0) > (base?.updates ?? 0) ? '!' : '~'
  return { mark, text: `${subject}, phase ${phase}: ${text(base)} → ${text(head)}` }
}
