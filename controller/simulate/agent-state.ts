// What a device's update agent is: what it knows, what it is about, and what it has to say; and the machine that it runs on.
import type { EpochMs } from '../model/instant.ts'
import type { ComplianceState, EnforcementState } from '../model/report.ts'
import type { UpdateId } from '../model/update.ts'
import { type AgentOffer, type AgentPolicy, NO_POLICY } from './agent-policy.ts'

/** The device under the agent: what is so on it, and how what is done to it goes. */
export type Machine = {
  /** What a scan finds. */
  readonly status: (update: UpdateId) => ComplianceState
  /** How long attempt `attempt` (from 1) takes, in ms, and the error it ends with, if any. */
  readonly download: (update: UpdateId, attempt: number, now: EpochMs) => Attempt
  readonly install: (offer: AgentOffer, attempt: number, now: EpochMs) => Attempt
  readonly needsRestart: (offer: AgentOffer) => boolean
  /** How long a restart takes, in ms. */
  readonly restart: (now: EpochMs) => number
  /** When a person restarts the device, if the agent may not. */
  readonly personRestarts: (now: EpochMs) => EpochMs
  /** Makes an installation or removal so. Returns the updates of which a scan now finds something else. */
  readonly commit: (offer: AgentOffer, now: EpochMs) => readonly UpdateId[]
  /** `now` when the device is on, else when it will be. */
  readonly onFrom: (now: EpochMs) => EpochMs
  readonly retryAfterMs: number
  /** After so many failed attempts it gives an update up. */
  readonly maxAttempts: number
}

export type Attempt = { readonly lasts: number; readonly code?: string; readonly message?: string }

export type Agent = {
  sequence: number
  policy: AgentPolicy
  /** When the policy was last fetched or found unchanged. */
  contactAt: EpochMs
  running: Running | undefined
  restartingUntil: EpochMs | undefined
  /** Done but for a restart. */
  awaiting: Awaiting[]
  /** One for each offer of the policy, in its order. */
  tasks: Task[]
  /** Of what is not offered any more: what runs, what is to be sent, and what failed, so that it is known when it is offered again. */
  withdrawn: Task[]
  /** Those whose download has not ended, in the order in which they began. */
  downloading: Task[]
  /** Those with something to be sent, offered or not, in the order in which they got it. */
  news: Task[]
  /** When it last scanned for each update that its policy watches, in that order; -Infinity for never. */
  scanned: EpochMs[]
  /** To be sent: what a scan found, if it found something. */
  found: Found | undefined
  readonly tells: Telling
  /** There would be something to be sent, had it to tell all. */
  untold: boolean
}

/** Whether it tells all, or of what never failed only how it ended: no gate counts how far an installation has come. */
export type Telling = 'All' | 'WhatCounts'

/** What was found last of each update, in the order in which they were first looked for. */
export type Found = {
  readonly updates: UpdateId[]
  readonly statuses: ComplianceState[]
  /** Where each update stands, once there are more than a few. */
  places: Map<UpdateId, number> | undefined
}

export type Running = {
  readonly offer: AgentOffer
  readonly task: Task
  readonly endsAt: EpochMs
  readonly attempt: Attempt
}
export type Awaiting = { readonly offer: AgentOffer; readonly task: Task; readonly personAt: EpochMs }

/** What came of an offer so far. */
export type Task = {
  offer: AgentOffer
  /** How its download goes or went; undefined where there is none. */
  download: Attempt | undefined
  /** When that ends or ended. */
  downloadedAt: EpochMs
  /** Undefined where none failed. */
  failures: Failures | undefined
  /** How far it has come, where that is to be sent. */
  news: EnforcementState | undefined
}

/** Failed attempts, the last of them, and the pause after it. */
export type Failures = { readonly count: number; readonly last: Attempt; readonly notBefore: EpochMs }

/**
 * The list with one more. A list with nothing in it is never changed, because agents share it: most lists of a large fleet are
 * empty most of the time.
 */
export function withOne<T>(list: T[], one: T): T[] {
  if (list.length === 0) return [one]
  list.push(one)
  return list
}

export const NO_TASKS: Task[] = []
export const NO_AWAITING: Awaiting[] = []
export const NEVER: EpochMs[] = []

export function newAgent(tells: Telling = 'All'): Agent {
  return {
    sequence: 0,
    policy: NO_POLICY,
    contactAt: 0,
    running: undefined,
    restartingUntil: undefined,
    awaiting: NO_AWAITING,
    tasks: NO_TASKS,
    withdrawn: NO_TASKS,
    downloading: NO_TASKS,
    news: NO_TASKS,
    scanned: NEVER,
    found: undefined,
    tells,
    untold: false,
  }
}

export function newTask(offer: AgentOffer): Task {
  return {
    offer,
    download: undefined,
    downloadedAt: 0,
    failures: undefined,
    news: undefined,
  }
}
