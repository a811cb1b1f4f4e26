// What annotations on a rollout ask for, as commands. Each says what it is about (the plan, the halt), so that it is done once,
// also over a restart, and never to what came after.
import type { Command } from '../model/facts.ts'
import { type EpochMs, toRfc3339 } from '../model/instant.ts'
import { isStarted, type RolloutRecord } from '../rollout/control.ts'
import { ASKED_BY_ANNOTATION, RESUME_ANNOTATION, ROLLBACK_ANNOTATION, SUSPEND_ANNOTATION } from './names.ts'

export type Ask = { readonly command: Command; readonly by: string }

const MOST_NAME = 200

/** At most one; the rest follows when it is done. */
export function askedOf(
  record: RolloutRecord,
  annotations: Readonly<Record<string, string>>,
  kind: 'Made' | 'Declared',
): Ask | undefined {
  const { name: rollout } = record
  const asker = annotations[ASKED_BY_ANNOTATION]?.slice(0, MOST_NAME)
  const by = (annotation: string) => `${asker === undefined ? '' : `${asker}, `}${annotation} on Rollout ${rollout}`
  if (sameInstant(annotations[ROLLBACK_ANNOTATION], record.plannedAt) && mayRollBack(record))
    return { command: { type: 'Rollback', rollout }, by: by(ROLLBACK_ANNOTATION) }
  if (record.status === 'RolledBack' || record.status === 'Superseded') return undefined
  // The spec of a declared one has `suspend` itself.
  const suspended = kind === 'Made' && annotations[SUSPEND_ANNOTATION] === 'true'
  const pausedSo = record.pauseAsked?.by.endsWith(`${SUSPEND_ANNOTATION} on Rollout ${rollout}`) === true
  if (suspended && record.pauseAsked === undefined && record.status !== 'Succeeded')
    return { command: { type: 'Pause', rollout }, by: by(SUSPEND_ANNOTATION) }
  const halt = haltOf(record)
  if (halt !== undefined)
    return sameInstant(annotations[RESUME_ANNOTATION], halt)
      ? { command: { type: 'Resume', rollout }, by: by(RESUME_ANNOTATION) }
      : undefined
  if (kind === 'Made' && !suspended && pausedSo)
    return { command: { type: 'Resume', rollout }, by: by(SUSPEND_ANNOTATION) }
  return undefined
}

function mayRollBack({ status, rollbackAsked }: RolloutRecord): boolean {
  return status !== 'RolledBack' && rollbackAsked === undefined
}

function haltOf(record: RolloutRecord): EpochMs | undefined {
  if (record.status !== 'Halted') return undefined
  for (const phase of record.phases) if (isStarted(phase) && phase.halt !== undefined) return phase.halt.at
  return undefined
}

function sameInstant(text: string | undefined, at: EpochMs): boolean {
  return text !== undefined && (text === toRfc3339(at) || Date.parse(text) === at)
}
