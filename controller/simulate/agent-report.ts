// What a device's update agent says: what it scans for, how far it has come, and the report of both.
import { DAY, type EpochMs } from '../model/instant.ts'
import {
  type ComplianceState,
  type DeviceReport,
  type EnforcementState,
  isFailure,
  type StateMessage,
} from '../model/report.ts'
import type { UpdateId } from '../model/update.ts'
import type { AgentPolicy } from './agent-policy.ts'
import {
  type Agent,
  type Attempt,
  type Found,
  type Machine,
  NEVER,
  NO_TASKS,
  type Task,
  withOne,
} from './agent-state.ts'

/** Notes what a scan finds of these updates, to be sent with the next report. */
export function scan(agent: Agent, machine: Machine, updates: Iterable<UpdateId>): void {
  for (const id of updates) noteStatus(agent, id, machine.status(id))
}

/** Notes what was found of an update, to be sent with the next report. */
export function noteStatus(agent: Agent, update: UpdateId, status: ComplianceState): void {
  const { found } = agent
  if (found === undefined) {
    agent.found = { updates: [update], statuses: [status], places: undefined }
    return
  }
  const place = placeOf(found, update)
  if (place === undefined) {
    found.places?.set(update, found.updates.length)
    found.updates.push(update)
    found.statuses.push(status)
  } else found.statuses[place] = status
}

/** So many are looked through one after the other. */
const FEW = 16

function placeOf(found: Found, update: UpdateId): number | undefined {
  if (found.updates.length <= FEW) {
    const place = found.updates.indexOf(update)
    return place < 0 ? undefined : place
  }
  found.places ??= new Map(found.updates.map((id, i) => [id, i]))
  return found.places.get(update)
}

/**
 * Scans for what the policy watches and the controller has not been told since it began to count. Returns when more of it
 * is to be told; Infinity for never.
 */
export function scanWatched(agent: Agent, machine: Machine, now: EpochMs): EpochMs {
  let next = Infinity
  let i = 0
  for (const { id, from } of agent.policy.watched) {
    const told = agent.scanned[i] ?? -Infinity
    if (from === undefined ? told + DAY <= now : from <= now && told < from) {
      noteStatus(agent, id, machine.status(id))
      agent.scanned[i] = now
    }
    if (from === undefined) next = Math.min(next, Math.max(told, now) + DAY)
    else if (from > now) next = Math.min(next, from)
    i++
  }
  return next
}

/** Updates that the policy watches and that were not scanned for yet. */
export function unscanned({ policy, scanned }: Agent): UpdateId[] {
  return policy.watched.flatMap(({ id }, i) => (scanned[i] === -Infinity ? id : []))
}

/** All that it watches is scanned for anew. */
export function forgetScans(agent: Agent): void {
  agent.scanned.fill(-Infinity)
}

/** When each of these was scanned for, other than those that are watched now. */
export function scannedOf({ policy, scanned }: Agent, watched: AgentPolicy['watched']): EpochMs[] {
  if (watched.length === 0) return NEVER
  if (scanned.length === 0) return watched.map(() => -Infinity)
  const before = new Map(policy.watched.map(({ id }, i) => [id, scanned[i]]))
  return watched.map(({ id }) => before.get(id) ?? -Infinity)
}

/** Notes how far it has come with something, to be sent with the next report. */
export function say(agent: Agent, task: Task, state: EnforcementState): void {
  if (task.news === undefined) {
    if (agent.tells === 'WhatCounts' && task.failures === undefined && !isFailure(state)) {
      agent.untold = true
      return
    }
    agent.news = withOne(agent.news, task)
  }
  task.news = state
}

/** What was noted of it is not sent. */
export function unsay(agent: Agent, task: Task): void {
  if (task.news !== undefined) agent.news.splice(agent.news.indexOf(task), 1)
  task.news = undefined
}

/** The report of all there is to say, and nothing more to say afterwards; undefined when there is nothing. */
export function takeReport(
  agent: Agent,
  at: EpochMs,
  attributes?: DeviceReport['attributes'],
): DeviceReport | undefined {
  agent.untold = false
  if (!hasNews(agent) && attributes === undefined) return undefined
  const scan = agent.found === undefined ? NOTHING_SCANNED : scanOf(agent.found)
  agent.found = undefined
  const messages = agent.news.map(messageOf)
  agent.news = NO_TASKS
  agent.sequence++
  const { sequence } = agent
  return attributes === undefined ? { sequence, at, scan, messages } : { sequence, at, scan, messages, attributes }
}

export function hasNews(agent: Agent): boolean {
  return agent.found !== undefined || agent.news.length > 0
}

type Scan = { required: UpdateId[]; installed: UpdateId[]; notRequired: UpdateId[] }

const NONE: UpdateId[] = []
const NOTHING_SCANNED: Scan = { required: NONE, installed: NONE, notRequired: NONE }

// Nothing is said of "unknown": a device that scans knows.
function scanOf({ updates, statuses }: Found): Scan {
  const scan = { ...NOTHING_SCANNED }
  for (let i = 0; i < updates.length; i++) {
    const id = updates[i]
    if (id === undefined) continue
    if (statuses[i] === 2) scan.required = withOne(scan.required, id)
    else if (statuses[i] === 3) scan.installed = withOne(scan.installed, id)
    else if (statuses[i] === 1) scan.notRequired = withOne(scan.notRequired, id)
  }
  return scan
}

/** What is to be sent of it, which is not to be sent again. */
function messageOf(task: Task): StateMessage {
  const state = task.news ?? 1
  const update = task.offer.id
  task.news = undefined
  const { code, message } = (isFailure(state) ? task.failures?.last : undefined) ?? NO_FAILURE
  if (code === undefined && message === undefined) return { topic: 301, update, state }
  return {
    topic: 301,
    update,
    state,
    ...(code !== undefined && { code }),
    ...(message !== undefined && { message }),
  }
}

const NO_FAILURE: Partial<Attempt> = {}
