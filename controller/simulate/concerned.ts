// Whom a decision concerns: a simulated device that cannot be told anything new need not ask.
import { type BitPlane, newPlane, unite } from '../model/bit-plane.ts'
import type { Decision } from '../model/facts.ts'
import { decodePlane } from '../model/plane-text.ts'
import type { UpdateId } from '../model/update.ts'
import { isStarted } from '../rollout/control.ts'
import type { State } from '../state/state.ts'

/** The devices whose policy a decision may have changed, and what of it. */
export type Concern = { readonly rows: BitPlane | 'All'; readonly about: readonly UpdateId[] | 'Anything' }

/** Undefined where it concerns nobody. `before`: the decision before it. */
export function concerned(state: State, decision: Decision, before: Decision | undefined): Concern | undefined {
  switch (decision.type) {
    case 'TargetsJoined':
      return { rows: decodePlane(decision.targets), about: updatesOf(state, decision.rollout) }
    case 'UpdatesApproved': {
      if (before?.type === 'TargetsJoined' && before.rollout === decision.rollout && before.phase === decision.phase)
        return undefined
      const rollout = state.control.rollouts.get(decision.rollout)
      const phase = rollout?.phases[rollout.plan.phases.findIndex(({ name }) => name === decision.phase)]
      if (rollout === undefined || phase === undefined || !isStarted(phase)) return undefined
      return { rows: phase.targets, about: rollout.updates }
    }
    case 'UpdatesUnapproved':
      return { rows: targetsOf(state, decision.rollout), about: updatesOf(state, decision.rollout) }
    case 'RolloutRolledBack':
    case 'RolloutPlanned':
      return { rows: targetsOf(state, decision.rollout), about: 'Anything' }
    case 'UpdatesHeld':
    case 'HoldEnded':
    case 'UpdatesExpired':
      return { rows: 'All', about: 'Anything' }
    default:
      return undefined
  }
}

function updatesOf(state: State, name: string): readonly UpdateId[] {
  return state.control.rollouts.get(name)?.updates ?? []
}

function targetsOf(state: State, name: string): BitPlane {
  const targets = newPlane()
  for (const phase of state.control.rollouts.get(name)?.phases ?? [])
    if (isStarted(phase)) unite(targets, phase.targets)
  return targets
}
