// Everything that happens is one of these facts. The journal holds them, the state is their fold, and nothing else is
// durable (architecture.md). Facts are plain JSON; the instant of a fact is its journal entry's.
import type { Declared, ObjectRef, Problem, SourceCommit } from './declared.ts'
import type { EpochMs } from './instant.ts'
import type { Reason } from './reasons.ts'
import type { DeviceReport } from './report.ts'
import type { ResolvedPlan } from './resolved-plan.ts'
import type { Update, UpdateId } from './update.ts'

export type Fact = Input | Decision

/** What comes from outside. */
export type Input =
  | { readonly type: 'SettingsChanged'; readonly settings: Settings }
  | {
      readonly type: 'ObjectsDeclared'
      readonly source: string
      readonly revision: string
      readonly put: readonly Declared[]
      readonly removed: readonly ObjectRef[]
      readonly commit?: SourceCommit
      /** What is odd about the revision, in English. */
      readonly note?: string
    }
  | {
      readonly type: 'DeclarationsRejected'
      readonly source: string
      readonly revision: string
      readonly problems: readonly Problem[]
      /** How many there are in all; `problems` is bounded. */
      readonly total: number
      readonly commit?: SourceCommit
    }
  /** A declaration source cannot be reached or read; what is in force stays so. */
  | { readonly type: 'SourceFailed'; readonly source: string; readonly code: string; readonly message: string }
  /** Nothing is known of a declaration source any more. Its objects are what they were, unless another fact removes them. */
  | { readonly type: 'SourceRemoved'; readonly source: string }
  | CatalogSynced
  | { readonly type: 'CatalogSyncFailed'; readonly source: string; readonly message: string }
  | {
      readonly type: 'EnrolmentKeyIssued'
      readonly keyHash: string
      readonly once: boolean
      readonly expires?: EpochMs
      readonly by: string
    }
  | {
      readonly type: 'DeviceEnrolled'
      readonly device: string
      readonly tokenHash: string
      readonly keyHash: string
      readonly attributes: Readonly<Record<string, string>>
    }
  | { readonly type: 'DeviceReported'; readonly device: string; readonly report: DeviceReport }
  | { readonly type: 'DeviceRemoved'; readonly device: string; readonly by: string }
  | { readonly type: 'CommandGiven'; readonly command: Command; readonly by: string }

export type Settings = {
  /** A device silent for longer counts as unknown (semantics.md §8, `staleAfter`). */
  readonly staleAfterMs: number
}

/** The part of a synchronisation that changes the catalog: incremental, so most often empty. */
export type CatalogChange = {
  /** New or changed. */
  readonly upserts: readonly Update[]
  readonly declined: readonly UpdateId[]
  readonly reinstated: readonly UpdateId[]
  /** No longer in the feed, and back in it. */
  readonly vanished: readonly UpdateId[]
  readonly returned: readonly UpdateId[]
}

export type CatalogSynced = {
  readonly type: 'CatalogSynced'
  readonly source: string
  readonly change: CatalogChange
  /** Bad records: bounded list, and how many in all. */
  readonly setAside: readonly { readonly position: string; readonly reason: string }[]
  readonly setAsideTotal: number
  /** What was merged or in conflict, in English; bounded. */
  readonly notes: readonly string[]
  /** When the first record that is not yet released will be. */
  readonly nextRelease?: EpochMs
  /** More of the same synchronisation follows: what has come so far is nothing to evaluate rules on. */
  readonly partial?: true
}

export type Command =
  | { readonly type: 'Approve'; readonly rollout: string; readonly phase: string }
  | { readonly type: 'Signal'; readonly rollout: string; readonly phase: string; readonly signal: string }
  | { readonly type: 'Pause'; readonly rollout: string; readonly reason?: string }
  | { readonly type: 'Resume'; readonly rollout: string }
  | { readonly type: 'Rollback'; readonly rollout: string; readonly reason?: string }
  | { readonly type: 'Evaluate'; readonly rule: string }

/** Why a rule was evaluated. `Edit`: its last evaluation failed, and it has been changed since. */
export type Trigger = 'Schedule' | 'Sync' | 'Edit' | 'Command'

/** What a group and a rollout came from: every approval can name it. */
export type Provenance = {
  readonly rule?: string
  /** The evaluation's scheduled instant. */
  readonly evaluation?: EpochMs
  readonly source: string
  readonly revision: string
  readonly file: string
  readonly commit?: string
  readonly author?: string
  readonly signedBy?: string
}

/** What a hold says apart from which updates it is about. */
export type HoldTerms = {
  /** Absent: everywhere. */
  readonly collections?: readonly string[]
  readonly until?: EpochMs
  readonly uninstall: boolean
}

export type PlannedRollout = {
  readonly name: string
  readonly group: string
  readonly updates: readonly UpdateId[]
}

type Of<T extends string, Fields> = {
  readonly type: T
  /** A code from `reasons.ts`. */
  readonly reason: Reason
  /** In English, for people. */
  readonly message: string
} & Fields

type InRollout = { readonly rollout: string; readonly rule?: string }
type InPhase = InRollout & { readonly phase: string }
/** A set of device rows, as `encodePlane` writes it, and how many they are. */
type Devices = { readonly targets: string; readonly devices: number }

export type Decision =
  | Of<
      'RuleEvaluated',
      {
        readonly rule: string
        readonly scheduled: EpochMs
        readonly trigger: Trigger
        /** How many were selected: by the criteria, or carried over. */
        readonly matched: number
        readonly rollouts: readonly PlannedRollout[]
        /** Those of the rollouts' updates that no criterion selected: carried over from the rollouts that these replace. */
        readonly carried: readonly UpdateId[]
        readonly plan: ResolvedPlan
        readonly provenance: Provenance
      }
    >
  | Of<
      'EvaluationFailed',
      { readonly rule: string; readonly scheduled: EpochMs; readonly trigger: Trigger; readonly matched: number }
    >
  | Of<
      'RolloutPlanned',
      {
        readonly rollout: string
        readonly group: string
        readonly updates: readonly UpdateId[]
        readonly plan: ResolvedPlan
        readonly provenance: Provenance
      }
    >
  | Of<'RolloutStarted', InRollout>
  | Of<
      'PhaseStarted',
      InPhase & Devices & { readonly available: EpochMs; readonly deadline: EpochMs; readonly updates: number }
    >
  | Of<'PhaseSkipped', InPhase>
  | Of<'TargetsJoined', InPhase & Devices>
  | Of<'ThresholdMet', InPhase & GateFigures>
  | Of<'ThresholdLost', InPhase & GateFigures>
  | Of<'AwaitingApproval', InPhase>
  | Of<
      'PhaseSucceeded',
      InPhase &
        GateFigures & {
          /** Updates of the group that were held (or declined, or expired) when the gate was passed: it says nothing of them. */
          readonly without: readonly UpdateId[]
        }
    >
  | Of<'PhaseHalted', InPhase & GateFigures>
  | Of<'UpdatesApproved', InPhase & { readonly updates: number; readonly devices: number }>
  /** `withdrawn` names the updates when the others of the rollout stay approved. */
  | Of<
      'UpdatesUnapproved',
      InRollout & { readonly updates: number; readonly devices: number; readonly withdrawn?: readonly UpdateId[] }
    >
  | Of<'RolloutPaused', InRollout>
  | Of<'RolloutResumed', InRollout>
  | Of<
      'RolloutRolledBack',
      InRollout & {
        readonly updates: number
        readonly devices: number
        /** Approved for removal where they are installed. */
        readonly uninstall: readonly UpdateId[]
        /** Installed somewhere and not uninstallable. */
        readonly cannotUndo: readonly { readonly update: UpdateId; readonly devices: number }[]
      }
    >
  | Of<'RolloutSuperseded', InRollout & { readonly by: string }>
  | Of<'RolloutSucceeded', InRollout>
  | Of<
      'UpdatesHeld',
      { readonly hold: string; readonly held: readonly UpdateId[]; readonly updates: number; readonly terms: HoldTerms }
    >
  | Of<'HoldEnded', { readonly hold: string }>
  | Of<'UpdatesExpired', { readonly expired: readonly UpdateId[]; readonly updates: number }>
  | Of<'DevicesStale', Devices>

/** What a gate looked at. `unknown`: targets that have not reported since the updates were available to them. */
export type GateFigures = {
  readonly targets: number
  readonly compliant: number
  readonly failed: number
  readonly unknown: number
}

const DECISION_TYPES = {
  RuleEvaluated: true,
  EvaluationFailed: true,
  RolloutPlanned: true,
  RolloutStarted: true,
  PhaseStarted: true,
  PhaseSkipped: true,
  TargetsJoined: true,
  ThresholdMet: true,
  ThresholdLost: true,
  AwaitingApproval: true,
  PhaseSucceeded: true,
  PhaseHalted: true,
  UpdatesApproved: true,
  UpdatesUnapproved: true,
  RolloutPaused: true,
  RolloutResumed: true,
  RolloutRolledBack: true,
  RolloutSuperseded: true,
  RolloutSucceeded: true,
  UpdatesHeld: true,
  HoldEnded: true,
  UpdatesExpired: true,
  DevicesStale: true,
} as const satisfies Record<Decision['type'], true>

/** Whether a fact was decided by us, and so is kept for audit when facts are compacted. */
export function isDecision(fact: Fact): fact is Decision {
  return isDecisionType(fact.type)
}

export function isDecisionType(type: string): type is Decision['type'] {
  return Object.hasOwn(DECISION_TYPES, type)
}
