// What the quickstart shows in a terminal: a line for each decision worth telling, or a table of rollouts drawn anew.
import type { Decision } from '../model/facts.ts'
import { isStarted, type RolloutRecord } from '../rollout/control.ts'
import { gateFigures } from '../rollout/evidence.ts'
import type { State } from '../state/state.ts'
import type { Started } from './start-controller.ts'

const QUIET: ReadonlySet<Decision['type']> = new Set([
  'DevicesStale',
  'TargetsJoined',
  'RolloutStarted',
  'UpdatesExpired',
])
const NAME_WIDTH = 22
const BAR_WIDTH = 18
const LINES_TOLD = 14

export function isWorthTelling(decision: Decision): boolean {
  return !QUIET.has(decision.type)
}

/** `2025-10-14 18:00  PhaseStarted  workstations-20251014/pilot  47 devices of …` */
export function decisionLine(decision: Decision, at: Temporal.Instant): string {
  const when = at.toString({ smallestUnit: 'minute' }).replace('T', ' ').replace('Z', '')
  const rollout = 'rollout' in decision ? decision.rollout : undefined
  const about = rollout ?? ('rule' in decision ? decision.rule : 'hold' in decision ? decision.hold : '')
  const phase = 'phase' in decision ? `/${decision.phase}` : ''
  return `${when}  ${decision.type.padEnd(17)}  ${`${about}${phase}`.padEnd(29)}  ${decision.message}`
}

type Screen = { readonly columns?: number; readonly rows?: number }

/** The whole screen, with the control sequences that put it there. */
export function drawTable(
  { controller, url }: Started,
  told: readonly string[],
  { columns = 100, rows = 40 }: Screen,
): string {
  const { state, clock } = controller
  const now = clock.now().toString({ smallestUnit: 'minute' }).replace('T', ' ').replace('Z', ' UTC')
  const rollouts = [...state.control.rollouts.values()].sort(
    (a, b) => b.plannedAt - a.plannedAt || (a.name < b.name ? -1 : 1),
  )
  const lines = [
    `Ringmaster quickstart   ${now}   ${state.fleet.ids.length} devices   ${url}   Ctrl-C stops`,
    '',
    ...rollouts.slice(0, Math.max(3, rows - LINES_TOLD - 6)).flatMap((rollout) => rolloutLine(state, rollout)),
    '',
    ...told.slice(-LINES_TOLD),
  ]
  const clipped = lines
    .slice(0, rows - 1)
    .map((line) => (line.length > columns ? `${line.slice(0, columns - 1)}…` : line))
  return `\x1b[H${clipped.map((line) => `${line}\x1b[K`).join('\n')}\x1b[J`
}

function rolloutLine(state: State, rollout: RolloutRecord): string {
  const phases = rollout.plan.phases.map((planned, index) => {
    const phase = rollout.phases[index]
    if (phase === undefined || !isStarted(phase)) return `${planned.name} ${'·'.repeat(BAR_WIDTH)}`
    const figures =
      phase.status === 'Active'
        ? gateFigures(state, rollout, index)
        : (phase.figures ?? gateFigures(state, rollout, index))
    return `${planned.name} ${bar(figures.compliant, figures.failed, figures.targets)} ${figures.compliant}/${figures.targets}`
  })
  return `${rollout.name.padEnd(NAME_WIDTH)} ${rollout.status.padEnd(11)} ${phases.join('  ')}`
}

/** Compliant devices as #, failed ones as !, the rest as -. */
function bar(compliant: number, failed: number, targets: number): string {
  const width = (count: number) => Math.round((count / Math.max(1, targets)) * BAR_WIDTH)
  const done = width(compliant)
  const bad = Math.min(BAR_WIDTH - done, failed === 0 ? 0 : Math.max(1, width(failed)))
  return '#'.repeat(done) + '!'.repeat(bad) + '-'.repeat(BAR_WIDTH - done - bad)
}
