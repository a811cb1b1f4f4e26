// How things stand at the end of a simulation: rollouts and their phases, what each unfinished one waits for, devices, and
// what failed.
import { enforcementOf, failuresOf } from '../fleet/compliance.ts'
import { countBits, countShared } from '../model/bit-plane.ts'
import { byName } from '../model/by-name.ts'
import { type EpochMs, toRfc3339 } from '../model/instant.ts'
import { misfitsByPhase } from '../project/rollout-misfits.ts'
import { isStarted, isUnfinished, type PhaseRecord, type RolloutRecord } from '../rollout/control.ts'
import type { Note } from '../rollout/draft.ts'
import { gateFigures } from '../rollout/evidence.ts'
import { describeMisfits } from '../rollout/never-fits.ts'
import type { State } from '../state/state.ts'
import { count } from './story.ts'

const MAX_FAILURES = 20
/** Rollouts that have ended and are told of; the newest. */
const MAX_ENDED = 50

/** Several lines, ending with a line break. */
export function tellEnd(state: State, notes: readonly Note[], at: EpochMs): string {
  const rollouts = [...state.control.rollouts.values()].sort((a, b) => a.plannedAt - b.plannedAt || byName(a, b))
  const ended = rollouts.filter((rollout) => !isUnfinished(rollout))
  const left = new Set(ended.slice(0, -MAX_ENDED))
  const present = countBits(state.fleet.present)
  const silent = countShared(state.fleet.present, state.fleet.stale)
  return [
    '',
    `At ${toRfc3339(at)}`,
    `  ${count(present, 'device')}${silent === 0 ? '' : `, ${silent} of them silent for too long`}; ${count(state.catalog.ids.length, 'update')} in the catalog`,
    '',
    rollouts.length === 0 ? 'No rollouts.' : 'Rollouts',
    ...(left.size === 0 ? [] : [`  ${count(left.size, 'older rollout')} ended before these`]),
    ...rollouts.flatMap((rollout) => (left.has(rollout) ? [] : tellRollout(state, rollout, notes, at))),
    ...tellOthers(notes),
    ...tellFailures(state),
    '',
  ].join('\n')
}

function tellRollout(state: State, rollout: RolloutRecord, notes: readonly Note[], at: EpochMs): string[] {
  const misfits = misfitsByPhase(state, rollout, at)
  const note = notes.find(({ kind, name }) => kind === 'Rollout' && name === rollout.name)
  const paused = rollout.paused && isUnfinished(rollout) ? ', paused' : ''
  const lines = [`  ${rollout.name}: ${rollout.status}${paused}, ${count(rollout.updates.length, 'update')}`]
  rollout.phases.forEach((phase, index) => {
    const misfit = misfits[index]
    lines.push(
      `    ${rollout.plan.phases[index]?.name}: ${tellPhase(state, rollout, phase, index)}${misfit === undefined ? '' : `; ${describeMisfits(misfit)}`}`,
    )
  })
  if (isUnfinished(rollout))
    lines.push(note === undefined ? '    waits for nothing that is known' : `    ${tellWait(note)}`)
  else if (rollout.ended !== undefined) lines.push(`    ended ${toRfc3339(rollout.ended.at)}: ${rollout.ended.message}`)
  return lines
}

function tellPhase(state: State, rollout: RolloutRecord, phase: PhaseRecord, index: number): string {
  if (!isStarted(phase)) return isUnfinished(rollout) || phase.status === 'Skipped' ? phase.status : 'Never started'
  const status = phase.status === 'Active' && !isUnfinished(rollout) ? 'Stopped' : phase.status
  const figures = isUnfinished(rollout) ? gateFigures(state, rollout, index) : phase.figures
  if (figures === undefined) return `${status}, ${count(phase.devices, 'device')}`
  const { targets, compliant, failed, unknown } = figures
  return `${status}, ${compliant} of ${count(targets, 'device')} compliant, ${failed} failed, ${unknown} unknown`
}

function tellWait({ state, reason, message, until }: Note): string {
  const verb = state === 'Stalled' ? 'needs a person' : 'waits'
  return `${verb} (${reason}): ${message}${until === undefined || message.includes(toRfc3339(until)) ? '' : `, until ${toRfc3339(until)}`}`
}

function tellOthers(notes: readonly Note[]): string[] {
  const stalled = notes.filter(({ kind, state }) => kind !== 'Rollout' && state === 'Stalled')
  return stalled.length === 0
    ? []
    : [
        '',
        'In need of a person',
        ...stalled.map((note) => `  ${note.kind} ${note.name} (${note.reason}): ${note.message}`),
      ]
}

function tellFailures(state: State): string[] {
  const { compliance } = state
  const failed = [...compliance.failed].filter(([, { count: devices }]) => devices > 0)
  if (failed.length === 0) return []
  failed.sort(([a, { count: many }], [b, { count: other }]) => other - many || (a < b ? -1 : 1))
  const lines = failed.slice(0, MAX_FAILURES).map(([update, { count: devices }]) => {
    const first = failuresOf(compliance, update)[0]
    const code = first && enforcementOf(compliance, update, first.row)?.code
    return `  ${update}: failed on ${count(devices, 'device')}${code ? `, ${code}` : ''}`
  })
  const more = failed.length - lines.length
  return ['', 'Failures', ...lines, ...(more > 0 ? [`  and ${count(more, 'more update')}`] : [])]
}
