// The plan of a rollout that a rule made, written as the Rollout object that would do the same.

import type { ResolvedPhase, Threshold } from '../model/resolved-plan.ts'
import type { SpecOf } from '../model/specs.ts'
import type { RolloutRecord } from '../rollout/control.ts'

/** A spec that the Rollout kind accepts, with every default written out. */
export function rolloutSpecOf({ group, plan }: RolloutRecord): SpecOf['Rollout'] {
  return {
    group,
    phases: plan.phases.map(phaseSpec),
    newDevices: plan.newDevices,
    rollback: { uninstall: plan.uninstallOnRollback },
  }
}

type PhaseSpec = NonNullable<SpecOf['Rollout']['phases']>[number]

function phaseSpec(phase: ResolvedPhase): PhaseSpec {
  const { success, failure, gradualOver, timeout } = phase
  const percent = limitIn('Percent', failure)
  const count = limitIn('Count', failure)
  return {
    name: phase.name,
    collection: phase.collection,
    percent: phase.percent,
    ...(gradualOver !== undefined && { gradual: { over: gradualOver } }),
    ...(success.type === 'Percent' ? { successPercent: success.value } : { successCount: success.value }),
    ...(percent !== undefined && { failurePercent: percent }),
    ...(count !== undefined && { failureCount: count }),
    soak: phase.soak,
    onHalt: phase.onHalt,
    promotion: phase.promotion,
    whenEmpty: phase.whenEmpty,
    ...(timeout !== undefined && { timeout }),
    deployment: phase.deployment,
  }
}

function limitIn(type: Threshold['type'], thresholds: readonly Threshold[]): number | undefined {
  return thresholds.find((threshold) => threshold.type === type)?.value
}
