// Decisions as events on the objects that they are about, for `kubectl describe` and `kubectl events`.
import type { Decision } from '../model/facts.ts'
import type { Kind } from '../model/kinds.ts'

export type DecisionEvent = {
  readonly kind: Kind
  readonly name: string
  readonly type: 'Normal' | 'Warning'
  readonly action: string
  readonly reason: string
  readonly note: string
}

/** What a person should look at. */
const WARNINGS: ReadonlySet<Decision['type']> = new Set([
  'EvaluationFailed',
  'PhaseHalted',
  'UpdatesUnapproved',
  'RolloutRolledBack',
])

/** Undefined for a decision that is about no object, such as devices that have fallen silent. */
export function eventOf(decision: Decision): DecisionEvent | undefined {
  const about = aboutOf(decision)
  if (about === undefined) return undefined
  const phase = 'phase' in decision ? `phase ${decision.phase}: ` : ''
  const note = decision.message === '' ? decision.type : `${phase}${decision.message}`
  const type = WARNINGS.has(decision.type) ? 'Warning' : 'Normal'
  return { ...about, type, action: decision.type, reason: decision.reason, note }
}

function aboutOf(decision: Decision): { readonly kind: Kind; readonly name: string } | undefined {
  switch (decision.type) {
    case 'RuleEvaluated':
    case 'EvaluationFailed':
      return { kind: 'AutomaticDeploymentRule', name: decision.rule }
    case 'UpdatesHeld':
    case 'HoldEnded':
      return { kind: 'UpdateHold', name: decision.hold }
    case 'UpdatesExpired':
    case 'DevicesStale':
      return undefined
    default:
      return { kind: 'Rollout', name: decision.rollout }
  }
}
