// The shapes in which objects are shown: as in Kubernetes, with instants as RFC 3339 in UTC, ready to be sent as JSON.
import type { SourceCommit } from '../model/declared.ts'
import type { GateFigures, Provenance } from '../model/facts.ts'
import type { API_VERSION, Kind } from '../model/kinds.ts'
import type { SpecOf } from '../model/specs.ts'
import type { StatusReason } from '../model/status-reasons.ts'
import type { Update, UpdateId, UpdateState } from '../model/update.ts'
import type { RolloutStatus } from '../rollout/control.ts'
import type { Misfits } from '../rollout/never-fits.ts'
import type { Condition } from './conditions.ts'

/** What is shown and not declared. */
export type PseudoKind = 'Device' | 'Update'
export type ViewKind = Kind | PseudoKind

export type Metadata = {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

export type View<K extends ViewKind, Spec, Status> = {
  readonly apiVersion: typeof API_VERSION
  readonly kind: K
  readonly metadata: Metadata
  readonly spec: Spec
  readonly status: { readonly conditions: readonly Condition[] } & Status
}

/** By kind. A built-in collection or template has no declared spec. */
export type ViewOf = {
  Collection: View<'Collection', Partial<SpecOf['Collection']>, CollectionStatus>
  MaintenanceWindow: View<'MaintenanceWindow', SpecOf['MaintenanceWindow'], WindowStatus>
  Freeze: View<'Freeze', SpecOf['Freeze'], FreezeStatus>
  AutomaticDeploymentRule: View<'AutomaticDeploymentRule', SpecOf['AutomaticDeploymentRule'], RuleStatus>
  DeploymentTemplate: View<'DeploymentTemplate', SpecOf['DeploymentTemplate'], { readonly rules: readonly string[] }>
  UpdateSource: View<'UpdateSource', SpecOf['UpdateSource'], SourceStatus>
  GitSource: View<'GitSource', SpecOf['GitSource'], GitSourceStatus>
  UpdateHold: View<'UpdateHold', SpecOf['UpdateHold'], HoldStatus>
  PhaseApproval: View<'PhaseApproval', SpecOf['PhaseApproval'], { readonly state: 'Used' | 'Early' | 'Unmatched' }>
  SoftwareUpdateGroup: View<'SoftwareUpdateGroup', SpecOf['SoftwareUpdateGroup'], GroupStatus>
  Rollout: View<'Rollout', SpecOf['Rollout'], RolloutViewStatus>
  UpdateDeployment: View<'UpdateDeployment', SpecOf['UpdateDeployment'], DeploymentStatus>
  Device: View<'Device', { readonly attributes: Readonly<Record<string, string>> }, DeviceStatus>
  Update: View<'Update', UpdateSpec, UpdateStatus>
}
export type ObjectView = ViewOf[ViewKind]

export type CollectionStatus = { readonly devices: number; readonly stale: number }

export type WindowStatus = {
  readonly open: boolean
  /** Devices of its collections, those on which it is open now, and those on which it cannot be evaluated and counts as closed. */
  readonly devices: number
  readonly openOn: number
  readonly doubtfulOn: number
  /** When it closes on the first of the devices on which it is open. */
  readonly closes?: string | undefined
  /** The next opening on any of them. */
  readonly opens?: string | undefined
}

export type FreezeStatus = {
  readonly active: boolean
  readonly devices: number
  readonly activeOn: number
  /** When it ends on the last of the devices on which it holds. */
  readonly ends?: string | undefined
  /** When it begins next. */
  readonly begins?: string | undefined
}

export type RuleStatus = {
  readonly lastEvaluation?:
    | {
        readonly at: string
        readonly scheduled?: string | undefined
        readonly failed: boolean
        readonly reason: StatusReason
        readonly message: string
      }
    | undefined
  /** Updates that the last evaluation that made rollouts selected. */
  readonly selected?: number | undefined
  /** Updates of the catalog that meet the criteria now. */
  readonly matchingNow: number
  readonly nextEvaluation?: string | undefined
  /** The newest first, at most 5. */
  readonly rollouts: readonly { readonly name: string; readonly state: RolloutStatus; readonly updates: number }[]
}

export type SourceStatus = {
  readonly lastSync?: string | undefined
  readonly lastTry?: string | undefined
  readonly nextSync?: string | undefined
  readonly updates: number
  readonly setAside: readonly { readonly position: string; readonly reason: string }[]
  /** In all; `setAside` is bounded. */
  readonly setAsideTotal: number
  readonly notes: readonly string[]
}

export type GitSourceStatus = {
  /** In force, e.g. `main@sha1:…`. */
  readonly revision?: string | undefined
  /** Since when. */
  readonly since?: string | undefined
  readonly commit?: SourceCommit | undefined
  /** Objects that are in force from it. */
  readonly objects: number
  readonly note?: string | undefined
  /** What came after `revision` and is not in force. */
  readonly rejected?:
    | {
        readonly revision: string
        readonly since: string
        readonly commit?: SourceCommit | undefined
        /** The first of them. */
        readonly problems: readonly string[]
        readonly total: number
      }
    | undefined
  readonly failure?: { readonly code: string; readonly message: string; readonly since: string } | undefined
}

export type HoldStatus = {
  readonly active: boolean
  readonly updates: number
  /** Those of them that the catalog knows. */
  readonly known: number
  readonly until?: string | undefined
}

export type GroupStatus = {
  readonly updates: number
  readonly superseded: number
  readonly expired: number
  readonly declined: number
  readonly held: number
  /** Not in the catalog. */
  readonly unknown: number
  readonly rule?: string | undefined
  readonly rollouts: readonly string[]
}

export type PhaseView = {
  readonly name: string
  readonly collection: string
  readonly state: 'Waiting' | 'AwaitingApproval' | 'Skipped' | 'Active' | 'Halted' | 'Succeeded'
  readonly devices: number
  readonly approved: boolean
  readonly started?: string | undefined
  readonly available?: string | undefined
  readonly deadline?: string | undefined
  /** What the gate counts now; for an ended rollout, what it counted when the phase last changed. */
  readonly gate?: (GateFigures & { readonly needed: number; readonly mayFail: number }) | undefined
  readonly thresholdMet?: string | undefined
  readonly soakUntil?: string | undefined
  readonly succeeded?: string | undefined
  readonly halt?: { readonly reason: StatusReason; readonly message: string; readonly at: string } | undefined
  /** Of an unfinished rollout: the updates that fit no window of the phase's devices, those of a phase to come as well (NeverFits). */
  readonly neverFits?: (Misfits & { readonly message: string }) | undefined
}

export type RolloutViewStatus = {
  /** `Declared`: not planned, the conditions say why. */
  readonly state: RolloutStatus | 'Declared'
  readonly paused: boolean
  readonly planned?: string | undefined
  readonly updates: number
  /** Devices of phases that have started. */
  readonly devices: number
  readonly phases: readonly PhaseView[]
  readonly waitsFor?:
    | {
        readonly reason: StatusReason
        readonly message: string
        readonly phase?: string | undefined
        readonly until?: string | undefined
      }
    | undefined
  readonly provenance?: (Omit<Provenance, 'evaluation'> & { readonly evaluation?: string | undefined }) | undefined
  readonly ended?: { readonly at: string; readonly reason: StatusReason; readonly message: string } | undefined
  /** Approved for removal after the rollback. */
  readonly uninstall: readonly UpdateId[]
}

export type DeploymentStatus = GateFigures & {
  readonly devices: number
  readonly approved: boolean
  readonly updates: number
}

export type DeviceStatus = {
  readonly lastReport: string
  readonly stale: boolean
  readonly collections: readonly string[]
  /** Updates approved for it that it has not said to be installed or not required. */
  readonly open: number
  readonly failed: readonly {
    readonly update: UpdateId
    readonly code: string
    readonly meaning?: string | undefined
  }[]
  /** Those that are approved for it, by name: topic 300 of semantics.md §8. Unknown: it is silent, or has not told of every update. */
  readonly deployments: readonly {
    readonly name: string
    readonly compliance: 'Compliant' | 'NonCompliant' | 'Unknown'
  }[]
}

export type UpdateSpec = Omit<Update, 'id' | 'released' | 'revised'> & {
  readonly released: string
  readonly revised?: string | undefined
}

export type UpdateStatus = {
  readonly state: UpdateState
  readonly supersededBy?: UpdateId | undefined
  readonly source: string
  /** No longer in its feed. */
  readonly vanished: boolean
  readonly required: number
  readonly installed: number
  readonly notRequired: number
  readonly failed: number
  readonly heldBy: readonly string[]
  readonly rollouts: readonly string[]
}

export const ORIGIN_ANNOTATION = 'ringmaster.dev/origin'
export const REVISION_ANNOTATION = 'ringmaster.dev/revision'
export const COMMIT_ANNOTATION = 'ringmaster.dev/commit'
export const AUTHOR_ANNOTATION = 'ringmaster.dev/author'
export const SIGNED_BY_ANNOTATION = 'ringmaster.dev/signed-by'
