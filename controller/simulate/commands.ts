// The orders of a scenario as the controller takes them.
import type { Command } from '../model/facts.ts'
import type { CommandAt } from './scenario.ts'

export function commandOf({
  approve,
  signal,
  pause,
  resume,
  rollback,
  evaluate,
  reason,
}: Omit<CommandAt, 'at' | 'by'>): Command {
  const because = reason === undefined ? {} : { reason }
  if (approve !== undefined) return { type: 'Approve', ...approve }
  if (signal !== undefined) return { type: 'Signal', ...signal, signal: 'given' }
  if (pause !== undefined) return { type: 'Pause', rollout: pause, ...because }
  if (resume !== undefined) return { type: 'Resume', rollout: resume }
  if (rollback !== undefined) return { type: 'Rollback', rollout: rollback, ...because }
  return { type: 'Evaluate', rule: evaluate ?? '' }
}
