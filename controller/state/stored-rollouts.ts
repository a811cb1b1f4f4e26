// Rollouts as older snapshots hold them: who joined a phase stood there in batches, each a whole plane.
import type { PhaseRecord, RolloutRecord, StartedPhase } from '../rollout/control.ts'
import { type JoinedBatches, joinedFrom } from '../rollout/joined.ts'

type StoredPhase = PhaseRecord | (Omit<StartedPhase, 'joined'> & { readonly joined: JoinedBatches })

export type StoredRollout = Omit<RolloutRecord, 'phases'> & { readonly phases: readonly StoredPhase[] }

export function rolloutsFrom(stored: ReadonlyMap<string, StoredRollout>): Map<string, RolloutRecord> {
  return new Map([...stored].map(([name, rollout]) => [name, { ...rollout, phases: rollout.phases.map(phaseFrom) }]))
}

function phaseFrom(phase: StoredPhase): PhaseRecord {
  if (isCurrent(phase)) return phase
  const { joined: stored, ...rest } = phase
  const joined = joinedFrom(stored)
  return joined === undefined ? rest : { ...rest, joined }
}

function isCurrent(phase: StoredPhase): phase is PhaseRecord {
  return (
    phase.status === 'Waiting' || phase.status === 'Skipped' || phase.joined === undefined || 'rows' in phase.joined
  )
}
