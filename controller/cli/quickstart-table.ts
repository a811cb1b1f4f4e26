// What the quickstart shows in a terminal: a line for each decision worth telling, or a table of rollouts drawn anew, with what
// each one waits for and the last decisions below.
import { styleText } from 'node:util'
import { byName } from '../model/by-name.ts'
import type { Decision } from '../model/facts.ts'
import type { EpochMs } from '../model/instant.ts'
import { isStarted, isUnfinished, type RolloutRecord } from '../rollout/control.ts'
import type { Note } from '../rollout/draft.ts'
import { gateFigures } from '../rollout/evidence.ts'
import { count, tellDecision } from '../simulate/story.ts'
import type { State } from '../state/state.ts'

export type Tone = 'good' | 'bad' | 'plain'

/** Something that happened, for the list below the table. */
export type Told = { readonly at: EpochMs; readonly text: string; readonly tone: Tone }

export type Scene = {
  readonly state: State
  readonly notes: readonly Note[]
  readonly now: EpochMs
  /** Of the status page. */
  readonly url: string
  /** Oldest first. */
  readonly told: readonly Told[]
}

export type Screen = { readonly columns: number; readonly rows: number; readonly colours: boolean }

export function isWorthTelling(decision: Decision): boolean {
  return !QUIET.has(decision.type)
}

/** `2025-10-14 18:00  PhaseStarted  workstations-20251014/pilot  47 devices of …` */
export function decisionLine(decision: Decision, at: EpochMs): string {
  const rollout = 'rollout' in decision ? decision.rollout : undefined
  const about = rollout ?? ('rule' in decision ? decision.rule : 'hold' in decision ? decision.hold : '')
  const phase = 'phase' in decision ? `/${decision.phase}` : ''
  return `${minute(at)}  ${decision.type.padEnd(17)}  ${`${about}${phase}`.padEnd(28)}  ${shortTimes(gist(decision))}`
}

/** The same for the list below the table; undefined for what the table shows anyway. */
export function toldOf(decision: Decision, at: EpochMs): Told | undefined {
  if (decision.type === 'UpdatesApproved') return undefined
  const text =
    decision.type === 'UpdatesUnapproved'
      ? `${decision.rollout}: unapproved: ${gist(decision)}`
      : tellDecision(decision)
  return { at, text: shortTimes(text), tone: TONES[decision.type] ?? 'plain' }
}

/** When rules are evaluated next, and which; undefined when none is. */
export function nextEvaluation(notes: readonly Note[]): { at: EpochMs; rules: string[] } | undefined {
  const due = notes.flatMap(({ kind, name, until }) =>
    kind === 'AutomaticDeploymentRule' && until !== undefined ? [{ name, until }] : [],
  )
  if (due.length === 0) return undefined
  const at = Math.min(...due.map(({ until }) => until))
  const rules = due.flatMap(({ name, until }) => (until === at ? [name] : []))
  return { at, rules: rules.sort() }
}

/** `2025-10-14 18:00`, in UTC. */
export function minute(at: EpochMs): string {
  return new Date(at).toISOString().slice(0, 16).replace('T', ' ')
}

/** The whole screen, with the control sequences that put it there. The cursor ends up behind the last line. */
export function drawTable(scene: Scene, screen: Screen): string {
  const { columns, rows } = screen
  const paint: Paint = (text, ...styles) =>
    screen.colours && styles.length > 0 ? styleText(styles, text, { validateStream: false }) : text
  const { state, now, url } = scene
  const table = tableLines(scene, columns, rows, paint)
  const head = clip(
    `Ringmaster quickstart   ${minute(now)} UTC   ${state.fleet.ids.length} devices   ${url}   Ctrl-C stops`,
    columns,
  )
  const above = [paint(head, 'bold'), '', ...table, '']
  const lines = [...above, ...toldLines(scene.told, columns, rows - 1 - above.length, paint)].slice(0, rows - 1)
  return `\x1b[H${lines.map((line) => `${line}\x1b[K`).join('\n')}\x1b[J`
}

const QUIET: ReadonlySet<Decision['type']> = new Set([
  'DevicesStale',
  'TargetsJoined',
  'RolloutStarted',
  'UpdatesExpired',
])

const TONES: Partial<Record<Decision['type'], Tone>> = {
  EvaluationFailed: 'bad',
  PhaseHalted: 'bad',
  RolloutRolledBack: 'bad',
  UpdatesUnapproved: 'bad',
  PhaseSucceeded: 'good',
  RolloutSucceeded: 'good',
}

const MIN_BAR = 4
const MAX_BAR = 24
const MIN_TOLD = 8
const TIME_WIDTH = 'MM-DD hh:mm  '.length

type Style = 'bold' | 'dim' | 'green' | 'red' | 'yellow'
type Paint = (text: string, ...styles: Style[]) => string

const STYLES: Readonly<Record<Tone, readonly Style[]>> = { good: ['green'], bad: ['red'], plain: [] }

// Where an approval comes from is long, and stands in `ringmaster describe rollout`.
function gist(decision: Decision): string {
  if (decision.type !== 'UpdatesApproved' && decision.type !== 'UpdatesUnapproved') return decision.message
  return `${count(decision.updates, 'update')} on ${count(decision.devices, 'device')}`
}

function shortTimes(text: string): string {
  return text.replaceAll(/(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::\d\d(?:\.\d+)?)?Z/g, '$1 $2')
}

function tableLines({ state, notes }: Scene, columns: number, rows: number, paint: Paint): string[] {
  const next = nextEvaluation(notes)
  const foot =
    next && paint(clip(`Next evaluation: ${minute(next.at)} UTC, of ${next.rules.join(', ')}`, columns), 'dim')
  const waits = new Map(notes.flatMap((note) => (note.kind === 'Rollout' ? [[note.name, note]] : [])))
  const rank = (rollout: RolloutRecord) => (isUnfinished(rollout) ? 0 : 1)
  const shown = [...state.control.rollouts.values()]
    .sort((a, b) => rank(a) - rank(b) || b.plannedAt - a.plannedAt || byName(a, b))
    .slice(0, Math.max(3, Math.floor((rows - MIN_TOLD - 4) / 3)))
  const measures = measure(state, shown, columns)
  const lines = shown.flatMap((rollout) => [
    rolloutLine(rollout, measures, paint),
    ...statusLines(rollout, waits.get(rollout.name), columns, paint),
  ])
  return foot === undefined ? lines : [...lines, foot]
}

type Cell = {
  readonly phase: string
  readonly bar: readonly [number, number, number] | undefined
  readonly text: string
}
type Measures = { readonly name: number; readonly phase: number; readonly text: number; readonly bar: number } & {
  readonly cells: ReadonlyMap<string, readonly Cell[]>
}

/** Columns line up over all rollouts; the bars take what is left. */
function measure(state: State, rollouts: readonly RolloutRecord[], columns: number): Measures {
  const cells = new Map(rollouts.map((rollout) => [rollout.name, cellsOf(state, rollout)]))
  const all = [...cells.values()].flat()
  const widest = (widths: readonly number[]) => Math.max(0, ...widths)
  const name = widest(rollouts.map((rollout) => rollout.name.length))
  const phase = widest(all.map((cell) => cell.phase.length))
  const text = widest(all.map((cell) => cell.text.length))
  const most = widest([...cells.values()].map((row) => row.length))
  const each = Math.floor((columns - name) / Math.max(1, most))
  return { name, phase, text, bar: Math.min(MAX_BAR, Math.max(MIN_BAR, each - phase - text - 4)), cells }
}

function cellsOf(state: State, rollout: RolloutRecord): Cell[] {
  return rollout.plan.phases.map(({ name }, index) => {
    const record = rollout.phases[index]
    if (record === undefined || !isStarted(record)) return { phase: name, bar: undefined, text: '' }
    const ended = record.status === 'Active' ? undefined : record.figures
    const { compliant, failed, targets } = ended ?? gateFigures(state, rollout, index)
    return { phase: name, bar: [compliant, failed, targets], text: `${compliant}/${targets}` }
  })
}

function rolloutLine({ name }: RolloutRecord, measures: Measures, paint: Paint): string {
  const cells = (measures.cells.get(name) ?? []).map(({ phase, bar, text }) => {
    const drawn = bar === undefined ? paint('·'.repeat(measures.bar), 'dim') : drawBar(bar, measures.bar, paint)
    return `${phase.padEnd(measures.phase)} ${drawn} ${text.padEnd(measures.text)}`
  })
  return [paint(name.padEnd(measures.name), 'bold'), ...cells].join('  ')
}

/** Compliant devices as #, failed ones as !, the rest as -. */
function drawBar([compliant, failed, targets]: readonly [number, number, number], width: number, paint: Paint): string {
  const share = (devices: number) => Math.round((devices / Math.max(1, targets)) * width)
  const done = share(compliant)
  const bad = Math.min(width - done, failed === 0 ? 0 : Math.max(1, share(failed)))
  return paint('#'.repeat(done), 'green') + paint('!'.repeat(bad), 'red') + paint('-'.repeat(width - done - bad), 'dim')
}

/** What it waits for, or how it ended: in two lines at most. */
function statusLines({ status }: RolloutRecord, note: Note | undefined, columns: number, paint: Paint): string[] {
  const said = note === undefined ? status : `${status}: ${shortTimes(note.message)}`
  const until = note?.until === undefined ? '' : minute(note.until)
  const text = said.includes(until) ? said : `${said}; until ${until}`
  const isBad = status === 'Halted' || status === 'RolledBack' || note?.state === 'Stalled'
  const tone = isBad ? 'bad' : status === 'Succeeded' ? 'good' : 'plain'
  const [first = '', ...rest] = fold(text, columns - 2)
  const second = rest.length === 0 ? [] : [clip(rest.join(''), columns - 2)]
  return [first, ...second].map((line) => paint(`  ${line}`, ...STYLES[tone]))
}

/** The newest that fit into so many rows, long ones folded. */
function toldLines(told: readonly Told[], columns: number, rows: number, paint: Paint): string[] {
  const lines: string[] = []
  for (const { at, text, tone } of told.slice(-Math.max(0, rows)).reverse()) {
    const folded = fold(text, Math.max(20, columns - TIME_WIDTH))
    if (lines.length + folded.length > rows) break
    const time = minute(at).slice(5)
    const block = folded.map(
      (line, index) => `${paint((index === 0 ? time : '').padEnd(TIME_WIDTH), 'dim')}${paint(line, ...STYLES[tone])}`,
    )
    lines.unshift(...block)
  }
  return lines
}

function fold(text: string, width: number): string[] {
  const lines: string[] = []
  let rest = text
  while (rest.length > width) {
    const space = rest.lastIndexOf(' ', width)
    const end = space > width / 2 ? space : width
    lines.push(rest.slice(0, end))
    rest = `  ${rest.slice(end).trimStart()}`
  }
  return [...lines, rest]
}

function clip(text: string, columns: number): string {
  return text.length > columns ? `${text.slice(0, Math.max(0, columns - 1))}…` : text
}
