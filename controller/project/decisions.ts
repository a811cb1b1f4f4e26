// What was decided, newest first, as it stands in the journal: for audit, `describe`, and the answer to a command.
import type { Entry, Journal } from '../journal/journal.ts'
import { type Decision, type Fact, isDecision } from '../model/facts.ts'
import { toRfc3339 } from '../model/instant.ts'

/** One decision in a line: `seq` is its place in the journal. Sets of devices and whole plans are left out. */
export type DecisionView = {
  readonly seq: number
  readonly at: string
  readonly type: Decision['type']
  readonly rule?: string | undefined
  readonly rollout?: string | undefined
  readonly phase?: string | undefined
  readonly hold?: string | undefined
  readonly updates?: number | undefined
  readonly devices?: number | undefined
  readonly reason: string
  readonly message: string
}

export type DecisionQuery = {
  /** The newest to look at, itself included. */
  readonly fromSeq?: number | undefined
  readonly type?: Decision['type'] | undefined
  readonly rule?: string | undefined
  readonly rollout?: string | undefined
  readonly hold?: string | undefined
  readonly limit: number
}

export type DecisionPage = {
  readonly items: readonly DecisionView[]
  /** Where to go on; undefined at the end. */
  readonly next?: number | undefined
}

/** How many decisions one query looks at, at most; what is beyond is found by going on from `next`. */
export const MAX_SCANNED = 5000

export async function readDecisions(journal: Journal<Fact>, query: DecisionQuery): Promise<DecisionPage> {
  const types = query.type === undefined ? DECISION_TYPES : [query.type]
  const scan = wantsAll(query) ? query.limit : MAX_SCANNED
  const fromSeq = query.fromSeq ?? journal.lastSeq
  if (fromSeq < 1) return { items: [] }
  const entries = await journal.readKept({ types, order: 'newest', fromSeq, limit: scan })
  const items: DecisionView[] = []
  for (const entry of entries) {
    if (items.length === query.limit) return { items, next: entry.seq }
    const view = decisionView(entry)
    if (view !== undefined && isAbout(view, query)) items.push(view)
  }
  const last = entries.at(-1)
  return { items, next: last === undefined || entries.length < scan || last.seq <= 1 ? undefined : last.seq - 1 }
}

/** Decisions made after fact `after`, oldest first, at most 1000. */
export async function decisionsAfter(journal: Journal<Fact>, after: number): Promise<readonly DecisionView[]> {
  const entries = await journal.readKept({ types: DECISION_TYPES, order: 'oldest', fromSeq: after + 1, limit: 1000 })
  return entries.flatMap((entry) => decisionView(entry) ?? [])
}

/** Undefined for a fact that is no decision. */
export function decisionView({ seq, at, fact }: Entry<Fact>): DecisionView | undefined {
  if (!isDecision(fact)) return undefined
  return {
    seq,
    at: toRfc3339(at),
    type: fact.type,
    rule: 'rule' in fact ? fact.rule : undefined,
    rollout: 'rollout' in fact ? fact.rollout : undefined,
    phase: 'phase' in fact ? fact.phase : undefined,
    hold: 'hold' in fact ? fact.hold : undefined,
    updates: updatesIn(fact),
    devices: devicesIn(fact),
    reason: fact.reason,
    message: fact.message,
  }
}

function updatesIn(decision: Decision): number | undefined {
  if (decision.type === 'RolloutPlanned') return decision.updates.length
  if (decision.type === 'RuleEvaluated' || decision.type === 'EvaluationFailed') return decision.matched
  return 'updates' in decision ? decision.updates : undefined
}

function devicesIn(decision: Decision): number | undefined {
  if ('devices' in decision) return decision.devices
  return 'targets' in decision && typeof decision.targets === 'number' ? decision.targets : undefined
}

function wantsAll({ rule, rollout, hold }: DecisionQuery): boolean {
  return rule === undefined && rollout === undefined && hold === undefined
}

function isAbout(view: DecisionView, { rule, rollout, hold }: DecisionQuery): boolean {
  return (
    (rule === undefined || view.rule === rule) &&
    (rollout === undefined || view.rollout === rollout) &&
    (hold === undefined || view.hold === hold)
  )
}

const ALL_TYPES: { readonly [T in Decision['type']]: T } = {
  RuleEvaluated: 'RuleEvaluated',
  EvaluationFailed: 'EvaluationFailed',
  RolloutPlanned: 'RolloutPlanned',
  RolloutStarted: 'RolloutStarted',
  PhaseStarted: 'PhaseStarted',
  PhaseSkipped: 'PhaseSkipped',
  TargetsJoined: 'TargetsJoined',
  ThresholdMet: 'ThresholdMet',
  ThresholdLost: 'ThresholdLost',
  AwaitingApproval: 'AwaitingApproval',
  PhaseSucceeded: 'PhaseSucceeded',
  PhaseHalted: 'PhaseHalted',
  UpdatesApproved: 'UpdatesApproved',
  UpdatesUnapproved: 'UpdatesUnapproved',
  RolloutPaused: 'RolloutPaused',
  RolloutResumed: 'RolloutResumed',
  RolloutRolledBack: 'RolloutRolledBack',
  RolloutSuperseded: 'RolloutSuperseded',
  RolloutSucceeded: 'RolloutSucceeded',
  UpdatesHeld: 'UpdatesHeld',
  HoldEnded: 'HoldEnded',
  UpdatesExpired: 'UpdatesExpired',
  DevicesStale: 'DevicesStale',
}

/** Every type of decision. */
export const DECISION_TYPES: readonly Decision['type'][] = Object.values(ALL_TYPES)
