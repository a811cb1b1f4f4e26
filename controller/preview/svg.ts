// Both futures as a picture: a row for each phase of each rollout, what the base does as a dashed outline, what the head does
// as a bar over it; windows shaded, freezes hatched, deadlines as ticks. Plain SVG, readable in light and dark.
import { DAY, type EpochMs } from '../model/instant.ts'
import type { Calendar, Effect, Future, PhaseLine, RolloutLine } from './effect.ts'
import { localDay, localTime } from './local-time.ts'
import { svgLegend, svgStyle } from './svg-style.ts'

const WIDTH = 1120
const LEFT = 250
const RIGHT = 24
const TOP = 84
const ROW = 26
const GAP = 12
const HEAD = 24
const LEGEND = 56

/** Rollouts drawn; the first in order of time. */
const MAX_ROLLOUTS = 24

type Axis = { readonly from: EpochMs; readonly until: EpochMs; readonly at: EpochMs }

type Pair = { readonly base: RolloutLine | undefined; readonly head: RolloutLine | undefined }

/** Ends with a line break. Without a future it says so in the picture. */
export function effectSvg(effect: Effect): string {
  const { future } = effect
  const pairs = future === undefined ? [] : pairsOf(future)
  const shown = pairs.slice(0, MAX_ROLLOUTS)
  if (future === undefined || shown.length === 0) return framed(160, effect, [text(24, 110, 'muted', EMPTY)])
  const axis: Axis = { from: startOf(effect.at, shown), until: endOf(effect.at, future.until, shown), at: effect.at }
  const parts: string[] = []
  let y = TOP + 18
  for (const pair of shown) {
    parts.push(...rolloutParts(pair, future.calendars, axis, y))
    y += HEAD + phasesOf(pair).length * ROW + GAP
  }
  const more = pairs.length - shown.length
  if (more > 0) parts.push(text(24, y + 12, 'muted', `and ${more} more rollouts`))
  const bottom = y + (more > 0 ? 24 : 0)
  return framed(bottom + LEGEND, effect, [...axisParts(axis, bottom), ...parts, ...svgLegend(24, bottom + 30)])
}

const EMPTY = 'No rollout is under way or begins in this time.'

function framed(height: number, effect: Effect, parts: readonly string[]): string {
  const title = `${effect.base.label} → ${effect.head.label}`
  const figures = `${localTime(effect.at, 'UTC', 0)} UTC, ${effect.world.devices} devices`
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(`Rollouts with ${title}`)}">`,
    svgStyle(),
    `<rect class="page" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="10"/>`,
    text(24, 32, 'title', title),
    text(24, 52, 'muted', figures),
    ...parts,
    '</svg>',
  ].join('\n')}\n`
}

// Rollouts of which nothing is to be seen in this time are left out.
function pairsOf({ base, head }: Future): Pair[] {
  const lines = [...base.rollouts, ...head.rollouts].sort((a, b) => a.planned - b.planned)
  const names = [...new Set(lines.map(({ rollout }) => rollout))]
  return names
    .map((name): Pair => {
      const find = (list: readonly RolloutLine[]) => list.find(({ rollout }) => rollout === name)
      return { base: find(base.rollouts), head: find(head.rollouts) }
    })
    .filter((pair) => [pair.base, pair.head].some((line) => line?.phases.some(({ started }) => started !== undefined)))
}

function phasesOf({ base, head }: Pair): string[] {
  return [...new Set([...(head?.phases ?? []), ...(base?.phases ?? [])].map(({ phase }) => phase))]
}

/** The picture begins a week before the change at most. */
function startOf(at: EpochMs, pairs: readonly Pair[]): EpochMs {
  const starts = pairs.flatMap(({ base, head }) =>
    [...(base?.phases ?? []), ...(head?.phases ?? [])].flatMap(({ started }) => started ?? []),
  )
  const earliest = Math.max(Math.min(at, ...starts), at - 7 * DAY)
  return Math.floor(earliest / DAY) * DAY
}

/** It ends two days after the last thing that happens, and a week after the change at least. */
function endOf(at: EpochMs, until: EpochMs, pairs: readonly Pair[]): EpochMs {
  let last = at + 5 * DAY
  for (const { base, head } of pairs)
    for (const side of [base, head])
      for (const { started, deadline, succeeded, halted } of side?.phases ?? []) {
        if (started === undefined) continue
        const end = succeeded ?? halted ?? side?.ended
        last = Math.max(last, deadline ?? 0, end ?? until)
      }
  return Math.min(until, Math.ceil((last + 2 * DAY) / DAY) * DAY)
}

function xOf(at: EpochMs, { from, until }: Axis): number {
  const share = (Math.min(Math.max(at, from), until) - from) / (until - from)
  return round(LEFT + share * (WIDTH - LEFT - RIGHT))
}

function axisParts(axis: Axis, bottom: number): string[] {
  const parts: string[] = []
  for (let day = axis.from; day <= axis.until; day += DAY) {
    const isMonday = new Date(day).getUTCDay() === 1
    const x = xOf(day, axis)
    parts.push(`<line class="${isMonday ? 'week' : 'day'}" x1="${x}" y1="${TOP}" x2="${x}" y2="${bottom}"/>`)
    if (isMonday && x < WIDTH - RIGHT - 40) parts.push(text(x + 3, TOP - 4, 'muted', localDay(day, 'UTC')))
  }
  const now = xOf(axis.at, axis)
  parts.push(`<line class="now" x1="${now}" y1="${TOP - 16}" x2="${now}" y2="${bottom}"/>`)
  parts.push(text(now + 4, TOP - 20, 'now-text', 'the change'))
  return parts
}

function rolloutParts(pair: Pair, calendars: readonly Calendar[], axis: Axis, y: number): string[] {
  const line = pair.head ?? pair.base
  const only = pair.head === undefined ? ' (base only)' : pair.base === undefined ? ' (head only)' : ''
  const parts = [text(24, y + 16, 'rollout', `${line?.rollout ?? ''}${only}`)]
  phasesOf(pair).forEach((phase, i) => {
    const top = y + HEAD + i * ROW
    const [base, head] = [pair.base, pair.head].map((side) => side?.phases.find((one) => one.phase === phase))
    const calendar = calendars.find(({ collection }) => collection === (head ?? base)?.collection)
    parts.push(
      text(36, top + 16, 'phase', `${phase}  ${devicesText(base, head)}`),
      ...calendarParts(calendar, axis, top),
      ...barParts(pair.head, head, axis, top, 'head'),
      ...barParts(pair.base, base, axis, top, 'base'),
    )
  })
  return parts
}

function devicesText(base: PhaseLine | undefined, head: PhaseLine | undefined): string {
  const [was, is] = [base?.devices ?? 0, head?.devices ?? 0]
  if (was === is) return is === 0 ? '' : String(is)
  return `${was} → ${is}`
}

function calendarParts(calendar: Calendar | undefined, axis: Axis, top: number): string[] {
  const rect = (kind: string) => (one: { readonly from: EpochMs; readonly until: EpochMs }) => {
    const x = xOf(one.from, axis)
    const width = round(xOf(one.until, axis) - x)
    return width <= 0 ? [] : [`<rect class="${kind}" x="${x}" y="${top + 1}" width="${width}" height="${ROW - 2}"/>`]
  }
  return [...(calendar?.open ?? []).flatMap(rect('window')), ...(calendar?.frozen ?? []).flatMap(rect('freeze'))]
}

// A phase lasts until it succeeds or halts, until its rollout ends, or until the end of the picture.
function barParts(
  rollout: RolloutLine | undefined,
  phase: PhaseLine | undefined,
  axis: Axis,
  top: number,
  side: 'base' | 'head',
): string[] {
  if (phase?.started === undefined || rollout === undefined) return []
  const end = phase.succeeded ?? phase.halted ?? rollout.ended ?? axis.until
  const x = xOf(phase.started, axis)
  const width = Math.max(3, round(xOf(end, axis) - x))
  const [y, height] = side === 'head' ? [top + 7, ROW - 13] : [top + 3, ROW - 6]
  const status =
    side === 'base' ? 'ghost' : phase.halted !== undefined ? 'halted' : phase.succeeded !== undefined ? 'done' : 'going'
  const what = `${side}: ${rollout.rollout}, ${phase.phase}, ${localTime(phase.started, 'UTC', axis.at)} – ${localTime(end, 'UTC', axis.at)} UTC, ${phase.devices} devices, ${phase.status}`
  const parts = [
    `<rect class="${status}" x="${x}" y="${y}" width="${width}" height="${height}" rx="3"><title>${escaped(what)}</title></rect>`,
  ]
  if (phase.deadline !== undefined && phase.deadline >= axis.from && phase.deadline <= axis.until) {
    const tick = xOf(phase.deadline, axis)
    parts.push(`<line class="${side}-deadline" x1="${tick}" y1="${y - 2}" x2="${tick}" y2="${y + height + 2}"/>`)
  }
  return parts
}

function text(x: number, y: number, kind: string, content: string): string {
  return `<text class="${kind}" x="${round(x)}" y="${round(y)}">${escaped(content)}</text>`
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

function escaped(content: string): string {
  return content
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll(/[^\P{Cc}\n]/gu, ' ')
}
