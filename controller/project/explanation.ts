// What an explanation consists of: a verdict, and the steps that lead to it.
import type { ObjectRef } from '../model/declared.ts'
import type { EpochMs } from '../model/instant.ts'
import type { StatusReason } from '../model/status-reasons.ts'
import type { UpdateId } from '../model/update.ts'
import type { Note } from '../rollout/draft.ts'
import type { State } from '../state/state.ts'

export type StepName =
  | 'Device'
  | 'Catalog'
  | 'Rule'
  | 'Group'
  | 'Rollout'
  | 'Phase'
  | 'Approval'
  | 'Hold'
  | 'Times'
  | 'Freeze'
  | 'Window'
  | 'Start'
  | 'Reported'

/** `Yes` lets the update through, `No` stands in its way, `Info` is good to know. */
export type Step = {
  readonly step: StepName
  readonly object?: ObjectRef | undefined
  readonly outcome: 'Yes' | 'No' | 'Info'
  readonly reason: StatusReason
  readonly message: string
}

export type Verdict = {
  readonly reason: StatusReason
  readonly message: string
  /** RFC 3339: when the answer changes by itself, where that is known. */
  readonly until?: string | undefined
}

export type Explanation = {
  readonly device: string
  /** As it was asked for, or the id that the article stands for. */
  readonly update: string
  readonly title?: string | undefined
  readonly at: string
  readonly verdict: Verdict
  readonly steps: readonly Step[]
}

/** What one explanation is about. */
export type Case = {
  readonly state: State
  readonly notes: readonly Note[]
  readonly now: EpochMs
  readonly row: number
  readonly device: string
  readonly id: UpdateId
}
