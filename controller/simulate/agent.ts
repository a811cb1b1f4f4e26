// A device's update agent: what it does with its policy, as time goes by. It downloads, starts what its policy lets it
// start, finishes what runs, restarts when it may, and keeps what it has to say until it is sent. No clock, no network:
// the simulation and the demonstration fleet drive the same agent.
import { DAY, type EpochMs } from '../model/instant.ts'
import type { ComplianceState, DeviceReport, EnforcementState, StateMessage } from '../model/report.ts'
import type { UpdateId } from '../model/update.ts'
import type { Interval } from '../schedule/intervals.ts'
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
  /** One for each offer of the policy, in its order; then what is still running and no longer offered, if it failed. */
  tasks: Task[]
  /** Those whose download has not ended, in the order in which they began. */
  downloading: Task[]
  /** When it last scanned for each update that its policy watches. */
  readonly scanned: Map<UpdateId, EpochMs>
  /** To be sent: the newest of each update. */
  readonly statuses: Map<UpdateId, ComplianceState>
  readonly messages: Map<UpdateId, StateMessage>
}

type Running = { readonly offer: AgentOffer; readonly endsAt: EpochMs; readonly attempt: Attempt }
type Awaiting = { readonly offer: AgentOffer; readonly personAt: EpochMs }
type Download = { readonly doneAt: EpochMs; readonly attempt: Attempt }

/** What came of an offer so far: what downloads or has been downloaded, failed attempts, and the pause after the last. */
type Task = { offer: AgentOffer; download: Download | undefined; failures: number; notBefore: EpochMs }

/** What happened, for whoever looks on. */
export type AgentEvent = {
  readonly type: 'Started' | 'Finished' | 'Failed' | 'Restarted'
  readonly at: EpochMs
  readonly offer: AgentOffer
}

export function newAgent(): Agent {
  return {
    sequence: 0,
    policy: NO_POLICY,
    contactAt: 0,
    running: undefined,
    restartingUntil: undefined,
    awaiting: [],
    tasks: [],
    downloading: [],
    scanned: new Map(),
    statuses: new Map(),
    messages: new Map(),
  }
}

/** Takes a newly fetched policy. What it does not offer any more will not be begun; what runs goes on. */
export function receivePolicy(agent: Agent, policy: AgentPolicy, now: EpochMs): void {
  agent.policy = policy
  agent.contactAt = now
  takeOffers(agent, policy.offers)
  keepOnly(agent.scanned, policy.watched)
}

/** The policy was found unchanged. */
export function renewPolicy(agent: Agent, now: EpochMs): void {
  agent.contactAt = now
}

/** Notes what a scan finds of these updates, to be sent with the next report. */
export function scan(agent: Agent, machine: Machine, updates: Iterable<UpdateId>): void {
  for (const id of updates) agent.statuses.set(id, machine.status(id))
}

/**
 * Scans for what the policy watches and the controller has not been told since it began to count. Returns when more of it
 * is to be told; Infinity for never.
 */
export function scanWatched(agent: Agent, machine: Machine, now: EpochMs): EpochMs {
  let next = Infinity
  for (const { id, from } of agent.policy.watched) {
    const told = agent.scanned.get(id) ?? -Infinity
    if (from === undefined ? told + DAY <= now : from <= now && told < from) {
      agent.statuses.set(id, machine.status(id))
      agent.scanned.set(id, now)
    }
    if (from === undefined) next = Math.min(next, Math.max(told, now) + DAY)
    else if (from > now) next = Math.min(next, from)
  }
  return next
}

/**
 * Does all that is due at `now`. Returns when it has something to do next by itself: Infinity when nothing is known,
 * until another policy comes.
 */
export function advance(agent: Agent, machine: Machine, now: EpochMs, onEvent?: (event: AgentEvent) => void): EpochMs {
  finishDownloads(agent, machine, now)
  while (finishInstall(agent, machine, now, onEvent) || finishRestart(agent, machine, now, onEvent));
  if (agent.running !== undefined) return agent.running.endsAt
  if (agent.restartingUntil !== undefined) return agent.restartingUntil
  const on = machine.onFrom(now)
  if (on > now) return hasWork(agent, machine) ? on : Infinity
  const fresh = now - agent.contactAt <= agent.policy.maxAgeMs
  if (fresh) {
    beginDownloads(agent, machine, now)
    const started = startInstall(agent, machine, now, onEvent)
    if (started !== undefined) return started.endsAt
  }
  if (startRestart(agent, machine, now)) return agent.restartingUntil ?? now
  return nextAction(agent, machine, now, fresh)
}

/** The report of all there is to say, and nothing more to say afterwards; undefined when there is nothing. */
export function takeReport(
  agent: Agent,
  at: EpochMs,
  attributes?: DeviceReport['attributes'],
): DeviceReport | undefined {
  if (agent.statuses.size === 0 && agent.messages.size === 0 && attributes === undefined) return undefined
  const scan: Scan = { required: [], installed: [], notRequired: [] }
  for (const [id, status] of agent.statuses) listOf(scan, status)?.push(id)
  const messages = [...agent.messages.values()]
  // A Map that is cleared makes a new table, also when it is empty.
  if (agent.statuses.size > 0) agent.statuses.clear()
  if (agent.messages.size > 0) agent.messages.clear()
  agent.sequence++
  const { sequence } = agent
  return attributes === undefined ? { sequence, at, scan, messages } : { sequence, at, scan, messages, attributes }
}

export function hasNews(agent: Agent): boolean {
  return agent.statuses.size > 0 || agent.messages.size > 0
}

/** Whether the device has something to do, as far as it knows. */
export function hasWork(agent: Agent, machine: Machine): boolean {
  if (agent.running !== undefined || agent.restartingUntil !== undefined || agent.awaiting.length > 0) return true
  return agent.policy.offers.some((offer, i) => isWanted(agent, machine, offer, agent.tasks[i]))
}

/** What was begun goes on where it is still offered, and is forgotten where it is not. */
function takeOffers(agent: Agent, offers: readonly AgentOffer[]): void {
  if (agent.tasks.length === 0 && offers.length === 0) return
  const before = new Map(agent.tasks.map((task) => [task.offer.id, task]))
  agent.tasks = offers.map((offer) => {
    const task = before.get(offer.id)
    if (task === undefined) return newTask(offer)
    task.offer = offer
    return task
  })
  if (agent.downloading.length === 0) return
  const offered = new Set(agent.tasks)
  agent.downloading = agent.downloading.filter((task) => offered.has(task))
}

function newTask(offer: AgentOffer): Task {
  return { offer, download: undefined, failures: 0, notBefore: 0 }
}

function keepOnly(map: Map<UpdateId, unknown>, named: readonly { readonly id: UpdateId }[]): void {
  if (map.size === 0) return
  const kept = new Set(named.map(({ id }) => id))
  for (const id of map.keys()) if (!kept.has(id)) map.delete(id)
}

type Scan = { readonly required: UpdateId[]; readonly installed: UpdateId[]; readonly notRequired: UpdateId[] }

/** None for "unknown": a device that scans knows. */
function listOf(scan: Scan, status: ComplianceState): UpdateId[] | undefined {
  if (status === 2) return scan.required
  if (status === 3) return scan.installed
  return status === 1 ? scan.notRequired : undefined
}

function say(agent: Agent, update: UpdateId, state: EnforcementState, attempt?: Attempt): void {
  if (attempt?.code === undefined && attempt?.message === undefined) {
    agent.messages.set(update, { topic: 301, update, state })
    return
  }
  const { code, message } = attempt
  agent.messages.set(update, {
    topic: 301,
    update,
    state,
    ...(code !== undefined && { code }),
    ...(message !== undefined && { message }),
  })
}

// Install what the scan finds missing, remove what it finds there, and nothing that waits for a restart or was given up.
function isWanted(agent: Agent, machine: Machine, offer: AgentOffer, task: Task | undefined): boolean {
  if (machine.status(offer.id) !== (offer.action === 'Install' ? 2 : 3)) return false
  if ((task?.failures ?? 0) >= machine.maxAttempts) return false
  return agent.awaiting.length === 0 || !agent.awaiting.some((awaiting) => awaiting.offer.id === offer.id)
}

function beginDownloads(agent: Agent, machine: Machine, now: EpochMs): void {
  const { offers } = agent.policy
  for (let i = 0; i < offers.length; i++) {
    const task = agent.tasks[i]
    if (task === undefined || task.download !== undefined || task.notBefore > now) continue
    const { offer } = task
    if (offer.action === 'Uninstall' || offer.available > now || !isWanted(agent, machine, offer, task)) continue
    const attempt = machine.download(offer.id, task.failures + 1, now)
    task.download = { doneAt: now + attempt.lasts, attempt }
    agent.downloading.push(task)
    say(agent, offer.id, 7)
  }
}

function finishDownloads(agent: Agent, machine: Machine, now: EpochMs): void {
  let ended = 0
  for (const task of agent.downloading) {
    const { download, offer } = task
    if (download === undefined || download.doneAt > now) continue
    ended++
    if (download.attempt.code === undefined) {
      if (agent.running?.offer.id !== offer.id) say(agent, offer.id, 8)
      continue
    }
    say(agent, offer.id, 9, download.attempt)
    noteFailure(task, machine, download.doneAt)
    task.download = undefined
  }
  if (ended === agent.downloading.length) agent.downloading.length = 0
  else if (ended > 0) agent.downloading = agent.downloading.filter(({ download }) => (download?.doneAt ?? 0) > now)
}

function noteFailure(task: Task, machine: Machine, at: EpochMs): void {
  task.failures++
  task.notBefore = at + machine.retryAfterMs
}

/** Made where there is none: a device finishes what runs, offered or not, and knows of its failure if it is offered again. */
function taskFor(agent: Agent, offer: AgentOffer): Task {
  for (const task of agent.tasks) if (task.offer.id === offer.id) return task
  const task = newTask(offer)
  agent.tasks.push(task)
  return task
}

function finishInstall(agent: Agent, machine: Machine, now: EpochMs, onEvent?: (event: AgentEvent) => void): boolean {
  const { running } = agent
  if (running === undefined || running.endsAt > now) return false
  const { offer, endsAt, attempt } = running
  agent.running = undefined
  if (attempt.code !== undefined) {
    say(agent, offer.id, 6, attempt)
    noteFailure(taskFor(agent, offer), machine, endsAt)
    onEvent?.({ type: 'Failed', at: endsAt, offer })
  } else if (machine.needsRestart(offer)) {
    agent.awaiting.push({ offer, personAt: offer.restart.allowed ? Infinity : machine.personRestarts(endsAt) })
    say(agent, offer.id, 5)
    onEvent?.({ type: 'Finished', at: endsAt, offer })
  } else {
    complete(agent, machine, offer, endsAt)
    onEvent?.({ type: 'Finished', at: endsAt, offer })
  }
  return true
}

function complete(agent: Agent, machine: Machine, offer: AgentOffer, at: EpochMs): void {
  const task = agent.tasks.find((known) => known.offer.id === offer.id)
  if (task !== undefined) {
    task.failures = 0
    task.notBefore = 0
  }
  scan(agent, machine, machine.commit(offer, at))
  if (offer.action === 'Install') say(agent, offer.id, 4)
  else agent.messages.delete(offer.id)
}

function finishRestart(agent: Agent, machine: Machine, now: EpochMs, onEvent?: (event: AgentEvent) => void): boolean {
  const until = agent.restartingUntil
  if (until === undefined || until > now) return false
  agent.restartingUntil = undefined
  for (const { offer } of agent.awaiting) {
    complete(agent, machine, offer, until)
    onEvent?.({ type: 'Restarted', at: until, offer })
  }
  agent.awaiting = []
  return true
}

function startInstall(
  agent: Agent,
  machine: Machine,
  now: EpochMs,
  onEvent?: (event: AgentEvent) => void,
): Running | undefined {
  const { offers } = agent.policy
  for (let i = 0; i < offers.length; i++) {
    const task = agent.tasks[i]
    if (task === undefined || earliestStart(task, now) !== now) continue
    const { offer } = task
    if (!isWanted(agent, machine, offer, task)) continue
    const attempt = machine.install(offer, task.failures + 1, now)
    const running: Running = { offer, endsAt: now + attempt.lasts, attempt }
    agent.running = running
    say(agent, offer.id, 1)
    onEvent?.({ type: 'Started', at: now, offer })
    return running
  }
  return undefined
}

/** The first instant from `now` on at which the policy, the download and the pause after a failure let it start. */
function earliestStart({ offer, download, notBefore }: Task, now: EpochMs): EpochMs {
  const isThere = offer.action === 'Uninstall' || (download !== undefined && download.attempt.code === undefined)
  if (!isThere) return Infinity
  const ready = offer.action === 'Uninstall' ? 0 : (download?.doneAt ?? 0)
  return firstWithin(offer.start, Math.max(now, ready, notBefore, offer.available))
}

function firstWithin(intervals: readonly Interval[], at: EpochMs): EpochMs {
  for (const { from, until } of intervals) if (until > at) return Math.max(from, at)
  return Infinity
}

// Whatever can still be installed comes first, so that one restart serves all.
function startRestart(agent: Agent, machine: Machine, now: EpochMs): boolean {
  if (!agent.awaiting.some((awaiting) => restartAt(awaiting, now) === now)) return false
  agent.restartingUntil = now + machine.restart(now)
  return true
}

function restartAt({ offer, personAt }: Awaiting, now: EpochMs): EpochMs {
  return offer.restart.allowed ? firstWithin(offer.restart.times, now) : Math.max(now, personAt)
}

// One look when all are there; what can start before that is looked at in time anyway.
function lastDownload(agent: Agent): EpochMs {
  let last = 0
  for (const { download } of agent.downloading) last = Math.max(last, download?.doneAt ?? 0)
  return last
}

function nextAction(agent: Agent, machine: Machine, now: EpochMs, fresh: boolean): EpochMs {
  let next = later(lastDownload(agent), now, Infinity)
  for (const awaiting of agent.awaiting) next = later(restartAt(awaiting, now), now, next)
  if (!fresh) return next
  const { offers } = agent.policy
  for (let i = 0; i < offers.length; i++) {
    const task = agent.tasks[i]
    if (task === undefined || !isWanted(agent, machine, task.offer, task)) continue
    const { offer, download, notBefore } = task
    if (offer.action === 'Install' && download === undefined)
      next = later(Math.max(offer.available, notBefore), now, next)
    else next = later(earliestStart(task, now), now, next)
  }
  return next
}

/** The earlier of two instants, where the first one lies ahead. */
function later(at: EpochMs, now: EpochMs, next: EpochMs): EpochMs {
  return at > now && at < next ? at : next
}
