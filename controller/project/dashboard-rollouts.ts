// Rollouts in short: where each one stands, what it waits for, and how far its phases are.
import type { GateFigures, Provenance } from '../model/facts.ts'
import { durationMs, type EpochMs } from '../model/instant.ts'
import type { ResolvedPhase, Threshold } from '../model/resolved-plan.ts'
import {
  isStarted,
  isUnfinished,
  type PhaseRecord,
  type RolloutRecord,
  type RolloutStatus,
} from '../rollout/control.ts'
import type { Note } from '../rollout/draft.ts'
import { effectiveUpdates, gateFigures } from '../rollout/evidence.ts'
import { devicesNeeded } from '../rollout/gate.ts'
import { describeMisfits } from '../rollout/never-fits.ts'
import type { World } from '../rollout/world.ts'
import { misfitsByPhase } from './rollout-misfits.ts'

export type RolloutSummary = {
  readonly name: string
  readonly rule: string | undefined
  readonly group: string
  readonly status: RolloutStatus
  readonly paused: boolean
  /** What it waits for, or how it ended. */
  readonly note: Pick<Note, 'state' | 'reason' | 'message' | 'until' | 'phase'> | undefined
  readonly updates: number
  /** Of `updates`: held, expired or declined since. */
  readonly withdrawn: number
  readonly plannedAt: EpochMs
  readonly endedAt: EpochMs | undefined
  readonly provenance: Provenance
  readonly phases: readonly PhaseSummary[]
}

export type PhaseSummary = {
  readonly name: string
  readonly collection: string
  readonly percent: number
  readonly status: PhaseRecord['status']
  /** Undefined before the start, and where the rollout ended without looking at the gate. */
  readonly figures: GateFigures | undefined
  readonly success: Threshold
  readonly failure: readonly Threshold[]
  /** How many devices have to be compliant; undefined before the start. */
  readonly needed: number | undefined
  readonly promotion: ResolvedPhase['promotion']
  readonly soakMs: number
  /** While it soaks: since when the threshold is met. */
  readonly soakingSince: EpochMs | undefined
  readonly startedAt: EpochMs | undefined
  readonly available: EpochMs | undefined
  readonly deadline: EpochMs | undefined
  readonly succeededAt: EpochMs | undefined
  readonly approved: boolean
  readonly halt: string | undefined
  /** Updates that fit no window of the phase's devices, in English. */
  readonly neverFits: string | undefined
}

/** Unfinished ones first, of these those that need a person, then the newest; then the latest to end. */
export function rolloutSummaries(
  world: World,
  notes: readonly Note[],
  now: EpochMs,
  limit: number,
): { shown: RolloutSummary[]; total: number; unfinished: number; stalled: number } {
  const all = [...world.control.rollouts.values()]
  const noteOf = new Map(notes.flatMap((note) => (note.kind === 'Rollout' ? [[note.name, note]] : [])))
  const rank = (rollout: RolloutRecord) =>
    !isUnfinished(rollout) ? 2 : noteOf.get(rollout.name)?.state === 'Stalled' ? 0 : 1
  const order = all
    .map((rollout) => ({ rollout, rank: rank(rollout), at: rollout.ended?.at ?? rollout.plannedAt }))
    .sort((a, b) => a.rank - b.rank || b.at - a.at || (a.rollout.name < b.rollout.name ? -1 : 1))
  return {
    shown: order.slice(0, limit).map(({ rollout }) => summary(world, rollout, noteOf.get(rollout.name), now)),
    total: all.length,
    unfinished: order.filter((one) => one.rank < 2).length,
    stalled: order.filter((one) => one.rank === 0).length,
  }
}

function summary(world: World, rollout: RolloutRecord, note: Note | undefined, now: EpochMs): RolloutSummary {
  const { name, rule, group, status, paused, updates, plannedAt, provenance } = rollout
  const misfits = misfitsByPhase(world, rollout, now)
  return {
    name,
    rule,
    group,
    status,
    paused,
    note: note ?? endNote(rollout),
    updates: updates.length,
    withdrawn: isUnfinished(rollout) ? updates.length - effectiveUpdates(world, rollout).length : 0,
    plannedAt,
    endedAt: rollout.ended?.at,
    provenance,
    phases: rollout.plan.phases.flatMap((planned, index) => {
      const phase = rollout.phases[index]
      const misfit = misfits[index]
      const neverFits = misfit && describeMisfits(misfit)
      return phase === undefined ? [] : [{ ...phaseSummary(world, rollout, planned, phase, index), neverFits }]
    }),
  }
}

function endNote({ ended }: RolloutRecord): RolloutSummary['note'] {
  return ended && { state: 'Ready', reason: ended.reason, message: ended.message }
}

function phaseSummary(
  world: World,
  rollout: RolloutRecord,
  planned: ResolvedPhase,
  phase: PhaseRecord,
  index: number,
): Omit<PhaseSummary, 'neverFits'> {
  const started = isStarted(phase) ? phase : undefined
  const figures =
    started === undefined || !world.evidence.has(rollout.name) ? started?.figures : gateFigures(world, rollout, index)
  return {
    name: planned.name,
    collection: planned.collection,
    percent: planned.percent,
    status: phase.status,
    figures,
    success: planned.success,
    failure: planned.failure,
    needed: figures && devicesNeeded(planned.success, figures.targets),
    promotion: planned.promotion,
    soakMs: durationMs(Temporal.Duration.from(planned.soak)),
    soakingSince: started?.status === 'Active' ? started.thresholdMetAt : undefined,
    startedAt: started?.startedAt,
    available: started?.available,
    deadline: started?.deadline,
    succeededAt: started?.succeededAt,
    approved: started?.approved ?? false,
    halt: started?.halt?.message,
  }
}
