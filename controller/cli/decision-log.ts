// One line of log for each decision: what was decided, about what, and why.
import type { Decision } from '../model/facts.ts'
import type { Log, LogFields } from '../runtime/log.ts'

/** Sets of devices, plans and lists of updates stay in the journal. */
const TOLD = ['rule', 'rollout', 'phase', 'hold', 'updates', 'devices', 'matched', 'targets', 'compliant', 'failed']

export function logDecision(log: Log, decision: Decision): void {
  log.info(decision.message, { type: decision.type, reason: decision.reason, ...toldOf(decision) })
}

function toldOf(decision: Decision): LogFields {
  return Object.fromEntries(
    Object.entries(decision).filter(
      ([key, value]) =>
        TOLD.includes(key) && (typeof value === 'number' || (typeof value === 'string' && key !== 'targets')),
    ),
  )
}
