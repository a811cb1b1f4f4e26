// What a simulation tells: one line for each decision, as a story in English or as NDJSON for programs.
import type { Decision, Input } from '../model/facts.ts'
import type { EpochMs } from '../model/instant.ts'
import { toRfc3339 } from '../model/instant.ts'
import type { Reason } from '../model/reasons.ts'
import type { State } from '../state/state.ts'

/** A decision for programs. Null where a field does not apply; the order of the fields never changes. */
export type DecisionLine = {
  readonly at: string
  readonly type: Decision['type']
  readonly rule: string | null
  readonly rollout: string | null
  readonly phase: string | null
  /** How many updates it is about: matched, in the rollout, held, withdrawn, expired. */
  readonly updates: number | null
  /** How many devices it is about: targets of the phase, joined, unapproved, silent. */
  readonly devices: number | null
  readonly reason: Reason
  readonly message: string
  readonly hold: string | null
  /** What the gate looked at. */
  readonly compliant: number | null
  readonly failed: number | null
  readonly unknown: number | null
}

/** `state` as the decision left it. */
export function decisionLine(state: State, at: EpochMs, decision: Decision): DecisionLine {
  const gate = 'compliant' in decision ? decision : undefined
  return {
    at: toRfc3339(at),
    type: decision.type,
    rule: ('rule' in decision ? decision.rule : undefined) ?? null,
    rollout: rolloutOf(decision),
    phase: 'phase' in decision ? decision.phase : null,
    updates: updatesOf(state, decision),
    devices: gate?.targets ?? ('devices' in decision ? decision.devices : null),
    reason: decision.reason,
    message: decision.message,
    hold: 'hold' in decision ? decision.hold : null,
    compliant: gate?.compliant ?? null,
    failed: gate?.failed ?? null,
    unknown: gate?.unknown ?? null,
  }
}

/** "2026-01-13 18:00:00  …": one line, times in UTC. */
export function storyLine(at: EpochMs, text: string): string {
  return `${toRfc3339(at).replace('T', ' ').replace('Z', '').slice(0, 19)}  ${text}\n`
}

/** A decision in English. */
export function tellDecision(decision: Decision): string {
  const { message } = decision
  switch (decision.type) {
    case 'RuleEvaluated':
      return `Rule ${decision.rule} evaluated (${TRIGGERS[decision.trigger]}): ${message}`
    case 'EvaluationFailed':
      return `Rule ${decision.rule} could not be evaluated (${TRIGGERS[decision.trigger]}): ${message}`
    case 'UpdatesHeld':
      return `Hold ${decision.hold} holds ${count(decision.updates, 'update')}: ${message}`
    case 'HoldEnded':
      return `Hold ${decision.hold} ended: ${message}`
    case 'UpdatesExpired':
      return message
    case 'DevicesStale':
      return message
    default: {
      const undone = decision.type === 'RolloutRolledBack' ? decision.uninstall.length : 0
      const removal = undone === 0 ? '' : `; ${count(undone, 'update')} to be uninstalled`
      const subject = 'phase' in decision ? `${decision.rollout}, phase ${decision.phase}` : decision.rollout
      return `${subject}: ${verbOf(decision)}: ${message}${removal}`
    }
  }
}

/** What came from outside, in English; undefined for what is no news. */
export function tellInput(state: State, input: Input): string | undefined {
  switch (input.type) {
    case 'ObjectsDeclared': {
      const { put, removed } = input
      const names = [
        ...put.map(({ kind, name }) => `${kind} ${name}`),
        ...removed.map(({ kind, name }) => `no ${kind} ${name}`),
      ]
      return `* Declared: ${names.length === 0 ? 'nothing new' : listed(names)}`
    }
    case 'CatalogSynced': {
      const { upserts, declined } = input.change
      if (upserts.length + declined.length === 0) return undefined
      const parts = [
        ...(upserts.length > 0 ? [count(upserts.length, 'new or changed update')] : []),
        ...(declined.length > 0 ? [`${declined.length} declined`] : []),
      ]
      return `* Catalog ${input.source}: ${parts.join(', ')}`
    }
    case 'CommandGiven': {
      const { command, by } = input
      const known =
        command.type === 'Evaluate'
          ? state.control.rules.has(command.rule)
          : state.control.rollouts.has(command.rollout)
      const what = command.type === 'Evaluate' ? command.rule : command.rollout
      const phase = 'phase' in command ? ` ${command.phase}` : ''
      return `* ${by}: ${command.type.toLowerCase()} ${what}${phase}${known ? '' : ' (there is no such thing, so nothing happens)'}`
    }
    default:
      return undefined
  }
}

/** "1 device", "2 devices". */
export function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? '' : 's'}`
}

const TRIGGERS = {
  Schedule: 'as scheduled',
  Sync: 'after a synchronisation',
  Edit: 'after an edit',
  Command: 'on command',
} as const

const MAX_LISTED = 12

function listed(names: readonly string[]): string {
  const more = names.length > MAX_LISTED ? ` and ${names.length - MAX_LISTED} more` : ''
  return names.slice(0, MAX_LISTED).join(', ') + more
}

function rolloutOf(decision: Decision): string | null {
  if (decision.type === 'RuleEvaluated')
    return decision.rollouts.length === 1 ? (decision.rollouts[0]?.name ?? null) : null
  return 'rollout' in decision ? decision.rollout : null
}

function updatesOf(state: State, decision: Decision): number | null {
  if (decision.type === 'RuleEvaluated' || decision.type === 'EvaluationFailed') return decision.matched
  if (decision.type === 'RolloutPlanned') return decision.updates.length
  if ('updates' in decision) return decision.updates
  if (!('rollout' in decision)) return null
  return state.control.rollouts.get(decision.rollout)?.updates.length ?? null
}

type Told = Exclude<
  Decision,
  {
    readonly type:
      | 'RuleEvaluated'
      | 'EvaluationFailed'
      | 'UpdatesHeld'
      | 'HoldEnded'
      | 'UpdatesExpired'
      | 'DevicesStale'
  }
>

function verbOf(decision: Told): string {
  switch (decision.type) {
    case 'UpdatesApproved':
    case 'UpdatesUnapproved':
      return `${count(decision.updates, 'update')} ${decision.type === 'UpdatesApproved' ? 'approved' : 'unapproved'} for ${count(decision.devices, 'device')}`
    case 'TargetsJoined':
      return `${count(decision.devices, 'device')} joined`
    default:
      return VERBS[decision.type]
  }
}

const VERBS = {
  RolloutPlanned: 'planned',
  RolloutStarted: 'started',
  PhaseStarted: 'started',
  PhaseSkipped: 'skipped',
  ThresholdMet: 'threshold met',
  ThresholdLost: 'threshold lost',
  AwaitingApproval: 'awaits approval',
  PhaseSucceeded: 'succeeded',
  PhaseHalted: 'HALTED',
  RolloutPaused: 'paused',
  RolloutResumed: 'resumed',
  RolloutRolledBack: 'ROLLED BACK',
  RolloutSuperseded: 'superseded',
  RolloutSucceeded: 'succeeded',
} as const satisfies Record<Exclude<Told['type'], 'UpdatesApproved' | 'UpdatesUnapproved' | 'TargetsJoined'>, string>
