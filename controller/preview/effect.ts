// What a change of the declarations does, as plain data: `ringmaster diff` makes it, and text, Markdown, JSON and SVG are
// drawn from it. Lists are in a fixed order and bounded; a total says how many there are in all.
import type { EpochMs } from '../model/instant.ts'
import type { Kind } from '../model/kinds.ts'

/** Goes up when a field changes its meaning or goes; new fields may come. */
export const EFFECT_VERSION = 1

/** Names shown of a list of devices, updates or settings; the rest is counted. */
export const MAX_SHOWN = 20

export type Effect = {
  readonly version: typeof EFFECT_VERSION
  /** When the head is taken to come into force. */
  readonly at: EpochMs
  readonly base: SideInfo
  readonly head: SideInfo
  readonly world: WorldInfo
  /** Whether anything differs but descriptions, labels and annotations. */
  readonly differs: boolean
  readonly objects: readonly ObjectChange[]
  readonly rules: readonly RuleEffect[]
  readonly collections: readonly CollectionEffect[]
  readonly atOnce: AtOnce
  readonly times: readonly TimeMove[]
  readonly timesTotal: number
  /** Different devices, each counted once. */
  readonly touched: {
    readonly collections: number
    readonly phases: number
    /** With a deadline or a first start that has moved. */
    readonly times: number
  }
  readonly windows: readonly WindowMove[]
  readonly misfits: readonly MisfitChange[]
  readonly irreversible: Irreversible
  /** Absent when no future was played, as without any devices. */
  readonly future?: Future
  /** What could not be compared, and why, in English. */
  readonly unknown: readonly string[]
}

export type SideInfo = { readonly label: string; readonly revision: string; readonly objects: number }

export type WorldInfo = {
  readonly type: 'Controller' | 'Snapshot' | 'Data' | 'Scenario' | 'Declarations'
  /** Address or file; empty for none. */
  readonly label: string
  readonly devices: number
  readonly updates: number
  /** What is in force in this world and is not what the base declares, as KIND/NAME; bounded. */
  readonly drift: readonly string[]
  readonly driftTotal: number
}

export type ObjectChange = {
  readonly kind: Kind
  readonly name: string
  readonly change: 'Added' | 'Changed' | 'Removed'
  /** Where it stands in the head; in the base when it was removed. */
  readonly file: string
  readonly line: number
  readonly fields: readonly FieldChange[]
  readonly fieldsTotal: number
  /** Only what is for people has changed: description, labels, annotations, comment. */
  readonly cosmetic: boolean
}

/** `from` and `to` as short YAML; absent where the field was not or is not there. */
export type FieldChange = { readonly path: string; readonly from?: string; readonly to?: string }

export type RuleEffect = {
  readonly rule: string
  readonly change: 'Added' | 'Changed' | 'Removed' | 'Affected'
  /** How many updates it selects now; absent on the side where there is no such rule. */
  readonly matched: { readonly base?: number; readonly head?: number }
  readonly entering: UpdateList
  readonly leaving: UpdateList
  readonly cap: Cap
  readonly nextEvaluation: { readonly base?: EpochMs; readonly head?: EpochMs }
  /** Phases of the next rollout. */
  readonly phases: readonly PhaseEffect[]
}

/** How near the selection is to the 1000 updates of a group: `Near` from 90 % on. */
export type Cap = {
  readonly limit: number
  readonly level: 'Fine' | 'Near' | 'Over'
  readonly overflow: 'Fail' | 'Split'
}

export type UpdateList = { readonly total: number; readonly shown: readonly UpdateLine[] }
export type UpdateLine = { readonly id: string; readonly title: string; readonly why: string }

export type PhaseEffect = {
  readonly phase: string
  readonly devices: { readonly base?: number; readonly head?: number }
  readonly entering: DeviceList
  readonly leaving: DeviceList
}

export type DeviceList = { readonly total: number; readonly shown: readonly DeviceLine[] }
export type DeviceLine = { readonly id: string; readonly why: string }

export type CollectionEffect = {
  readonly collection: string
  readonly devices: { readonly base?: number; readonly head?: number }
  readonly entering: DeviceList
  readonly leaving: DeviceList
}

/** What is decided the moment the head comes into force, less what is decided then anyway. */
export type AtOnce = {
  readonly decisions: readonly DecisionLine[]
  readonly decisionsTotal: number
  /** What the base would have decided then, and the head does not. */
  readonly missing: readonly DecisionLine[]
  readonly missingTotal: number
  /** Approvals for installation, each of one update for one device. */
  readonly approvals: { readonly added: number; readonly withdrawn: number }
  /** Removals asked for, each of one installed update on one device. */
  readonly uninstalls: { readonly added: number; readonly withdrawn: number }
  readonly byPhase: readonly PhaseApprovals[]
}

export type DecisionLine = {
  readonly type: string
  readonly rule?: string
  readonly hold?: string
  readonly rollout?: string
  readonly phase?: string
  readonly reason: string
  readonly message: string
}

export type PhaseApprovals = {
  readonly rollout: string
  readonly phase: string
  readonly added: number
  readonly withdrawn: number
  /** Devices for which anything is added or withdrawn. */
  readonly devices: number
  readonly updates: number
}

/** Deadlines and starts of one phase on devices that share a time zone, windows and freezes. */
export type TimeMove = {
  /** Of a rollout that there is, or of the next one of a rule, by its next evaluation. */
  readonly rule?: string
  readonly rollout?: string
  readonly phase: string
  /** IANA name; absent for devices that have not said it. */
  readonly zone?: string
  readonly devices: number
  readonly base?: Times
  readonly head?: Times
}

export type Times = {
  readonly available: EpochMs
  /** Without the spread. */
  readonly deadline: EpochMs
  /** The first instant from the deadline on at which the longest update may start; absent when there is none within two months. */
  readonly starts?: EpochMs
}

export type WindowMove = {
  readonly kind: 'MaintenanceWindow' | 'Freeze'
  readonly name: string
  readonly zone?: string
  readonly devices: { readonly base: number; readonly head: number }
  readonly base?: { readonly from: EpochMs; readonly until: EpochMs }
  readonly head?: { readonly from: EpochMs; readonly until: EpochMs }
}

/** Updates that fit no window of the devices that they are for. */
export type MisfitChange = {
  readonly rule?: string
  readonly rollout?: string
  readonly phase: string
  readonly base?: { readonly updates: number; readonly devices: number }
  readonly head?: { readonly updates: number; readonly devices: number }
}

export type Irreversible = {
  /** Installed, withdrawn by the change, and not uninstallable. */
  readonly installed: readonly { readonly id: string; readonly title: string; readonly devices: number }[]
  readonly installedTotal: number
  /** Newly approved or selected, and not uninstallable: once installed, no revert takes them away. */
  readonly entering: number
}

export type Future = {
  readonly until: EpochMs
  readonly base: Timeline
  readonly head: Timeline
  readonly changes: readonly TimelineChange[]
  readonly changesTotal: number
  /** When devices of the phases' collections may be changed, with the head. */
  readonly calendars: readonly Calendar[]
  /** What the play takes for granted, in English. */
  readonly assumptions: readonly string[]
}

/** Windows and freezes of the most devices of a collection that share them. */
export type Calendar = {
  readonly collection: string
  readonly zone?: string
  /** Absent where there is no window: any time is allowed. */
  readonly open?: readonly Stretch[]
  readonly frozen: readonly Stretch[]
}

export type Stretch = { readonly from: EpochMs; readonly until: EpochMs }

export type Timeline = {
  readonly evaluations: readonly Evaluation[]
  readonly rollouts: readonly RolloutLine[]
}

export type Evaluation = {
  readonly rule: string
  readonly at: EpochMs
  readonly failed: boolean
  readonly matched: number
  readonly message: string
}

export type RolloutLine = {
  readonly rollout: string
  readonly rule?: string
  readonly planned: EpochMs
  /** It was there before the change, and goes on. */
  readonly kept: boolean
  readonly updates: number
  readonly status: string
  readonly ended?: EpochMs
  /** What it waits for at the end of the time played. */
  readonly waits?: string
  readonly phases: readonly PhaseLine[]
}

export type PhaseLine = {
  readonly phase: string
  readonly status: string
  readonly collection: string
  readonly devices: number
  readonly failed: number
  readonly started?: EpochMs
  readonly available?: EpochMs
  readonly deadline?: EpochMs
  readonly succeeded?: EpochMs
  readonly halted?: EpochMs
}

/** One thing that is another in the head's future. */
export type TimelineChange = {
  readonly rollout?: string
  readonly rule?: string
  readonly phase?: string
  readonly what:
    | 'Evaluation'
    | 'Rollout'
    | 'Start'
    | 'Deadline'
    | 'Success'
    | 'Halt'
    | 'End'
    | 'Devices'
    | 'Failed'
    | 'Updates'
  readonly base?: EpochMs | number
  readonly head?: EpochMs | number
  /** Whether `base` and `head` are instants, and not counts. */
  readonly isInstant: boolean
}
