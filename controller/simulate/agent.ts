// A device's update agent: what it does with its policy, as time goes by. It downloads, starts what its policy lets it
// start, finishes what runs, restarts when it may, and keeps what it has to say until it is sent. No clock, no network:
// the simulation and the demonstration fleet drive the same agent.
import { DAY, type EpochMs } from '../model/instant.ts'
import type { ComplianceState, DeviceReport, EnforcementState, StateMessage } from '../model/report.ts'
import { UpdateId } from '../model/update.ts'
import type { Interval } from '../schedule/intervals.ts'
import { type AgentOffer, type AgentPolicy, NO_POLICY, type Watched } from './agent-policy.ts'

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
  /** To be sent: what a scan found last. */
  readonly statuses: Map<UpdateId, ComplianceState>
}

type Running = { readonly offer: AgentOffer; readonly task: Task; readonly endsAt: EpochMs; readonly attempt: Attempt }
type Awaiting = { readonly offer: AgentOffer; readonly task: Task; readonly personAt: EpochMs }

/** What came of an offer so far. */
type Task = {
  offer: AgentOffer
  /** How its download goes or went; undefined where there is none. */
  download: Attempt | undefined
  /** When that ends or ended. */
  downloadedAt: EpochMs
  /** Failed attempts, and the pause after the last. */
  failures: number
  notBefore: EpochMs
  /** How far it has come, where that is to be sent; with the attempt that failed, if one did. */
  news: EnforcementState | undefined
  failed: Attempt | undefined
}

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
    withdrawn: [],
    downloading: [],
    news: [],
    scanned: [],
    statuses: new Map(),
  }
}

/** Takes a newly fetched policy. What it does not offer any more will not be begun; what runs goes on. */
export function receivePolicy(agent: Agent, policy: AgentPolicy, now: EpochMs): void {
  if (policy.watched !== agent.policy.watched) agent.scanned = scannedOf(agent, policy.watched)
  agent.policy = policy
  agent.contactAt = now
  takeOffers(agent, policy.offers)
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
  const { watched } = agent.policy
  for (let i = 0; i < watched.length; i++) {
    const { id, from } = watched[i] ?? NOTHING_WATCHED
    const told = agent.scanned[i] ?? -Infinity
    if (from === undefined ? told + DAY <= now : from <= now && told < from) {
      agent.statuses.set(id, machine.status(id))
      agent.scanned[i] = now
    }
    if (from === undefined) next = Math.min(next, Math.max(told, now) + DAY)
    else if (from > now) next = Math.min(next, from)
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
  if (!hasNews(agent) && attributes === undefined) return undefined
  const scan = agent.statuses.size === 0 ? NOTHING_SCANNED : scanOf(agent.statuses)
  // A Map that is cleared makes a new table, also when it is empty.
  if (agent.statuses.size > 0) agent.statuses.clear()
  const messages = agent.news.map(messageOf)
  agent.news.length = 0
  agent.sequence++
  const { sequence } = agent
  return attributes === undefined ? { sequence, at, scan, messages } : { sequence, at, scan, messages, attributes }
}

export function hasNews(agent: Agent): boolean {
  return agent.statuses.size > 0 || agent.news.length > 0
}

/** Whether the device has something to do, as far as it knows. */
export function hasWork(agent: Agent, machine: Machine): boolean {
  if (agent.running !== undefined || agent.restartingUntil !== undefined || agent.awaiting.length > 0) return true
  return agent.policy.offers.some((offer, i) => isWanted(agent, machine, offer, agent.tasks[i]))
}

/** What was begun goes on where it is still offered. Where it is not, what was downloaded is forgotten; what failed is not. */
function takeOffers(agent: Agent, offers: readonly AgentOffer[]): void {
  const { tasks, withdrawn, downloading } = agent
  if (tasks.length === 0 && (offers.length === 0 || withdrawn.length === 0)) {
    if (offers.length > 0) agent.tasks = offers.map(newTask)
    return
  }
  const before = new Map<UpdateId, Task>()
  for (const task of withdrawn) before.set(task.offer.id, task)
  for (const task of tasks) before.set(task.offer.id, task)
  agent.tasks = offers.map((offer) => {
    const task = before.get(offer.id)
    if (task === undefined) return newTask(offer)
    before.delete(offer.id)
    task.offer = offer
    return task
  })
  agent.withdrawn = []
  for (const task of before.values()) {
    task.download = undefined
    if (task.failures > 0 || task.news !== undefined || isUnderWay(agent, task)) agent.withdrawn.push(task)
  }
  if (downloading.length > 0) agent.downloading = downloading.filter(({ download }) => download !== undefined)
}

function isUnderWay({ running, awaiting }: Agent, task: Task): boolean {
  return running?.task === task || awaiting.some((one) => one.task === task)
}

function newTask(offer: AgentOffer): Task {
  return {
    offer,
    download: undefined,
    downloadedAt: 0,
    failures: 0,
    notBefore: 0,
    news: undefined,
    failed: undefined,
  }
}

/** When each of these was scanned for. */
function scannedOf({ policy, scanned }: Agent, watched: AgentPolicy['watched']): EpochMs[] {
  if (scanned.length === 0) return watched.map(() => -Infinity)
  const before = new Map(policy.watched.map(({ id }, i) => [id, scanned[i]]))
  return watched.map(({ id }) => before.get(id) ?? -Infinity)
}

const NOTHING_WATCHED: Watched = { id: UpdateId.parse('none'), from: Infinity }

type Scan = { readonly required: UpdateId[]; readonly installed: UpdateId[]; readonly notRequired: UpdateId[] }

const NOTHING_SCANNED: Scan = { required: [], installed: [], notRequired: [] }

function scanOf(statuses: Agent['statuses']): Scan {
  const scan: Scan = { required: [], installed: [], notRequired: [] }
  for (const [id, status] of statuses) listOf(scan, status)?.push(id)
  return scan
}

/** None for "unknown": a device that scans knows. */
function listOf(scan: Scan, status: ComplianceState): UpdateId[] | undefined {
  if (status === 2) return scan.required
  if (status === 3) return scan.installed
  return status === 1 ? scan.notRequired : undefined
}

function say(agent: Agent, task: Task, state: EnforcementState, failed?: Attempt): void {
  if (task.news === undefined) agent.news.push(task)
  task.news = state
  task.failed = failed
}

/** What is to be sent of it, which is not to be sent again. */
function messageOf(task: Task): StateMessage {
  const { code, message } = task.failed ?? NO_FAILURE
  const state = task.news ?? 1
  const update = task.offer.id
  task.news = undefined
  task.failed = undefined
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
    task.download = machine.download(offer.id, task.failures + 1, now)
    task.downloadedAt = now + task.download.lasts
    agent.downloading.push(task)
    say(agent, task, 7)
  }
}

function finishDownloads(agent: Agent, machine: Machine, now: EpochMs): void {
  let ended = 0
  for (const task of agent.downloading) {
    const { download, downloadedAt } = task
    if (download === undefined || downloadedAt > now) continue
    ended++
    if (download.code === undefined) {
      if (agent.running?.offer.id !== task.offer.id) say(agent, task, 8)
      continue
    }
    say(agent, task, 9, download)
    noteFailure(task, machine, downloadedAt)
    task.download = undefined
  }
  if (ended === agent.downloading.length) agent.downloading.length = 0
  else if (ended > 0)
    agent.downloading = agent.downloading.filter(
      ({ download, downloadedAt }) => download !== undefined && downloadedAt > now,
    )
}

function noteFailure(task: Task, machine: Machine, at: EpochMs): void {
  task.failures++
  task.notBefore = at + machine.retryAfterMs
}

function finishInstall(agent: Agent, machine: Machine, now: EpochMs, onEvent?: (event: AgentEvent) => void): boolean {
  const { running } = agent
  if (running === undefined || running.endsAt > now) return false
  const { offer, task, endsAt, attempt } = running
  agent.running = undefined
  if (attempt.code !== undefined) {
    say(agent, task, 6, attempt)
    noteFailure(task, machine, endsAt)
    onEvent?.({ type: 'Failed', at: endsAt, offer })
  } else if (machine.needsRestart(offer)) {
    agent.awaiting.push({ offer, task, personAt: offer.restart.allowed ? Infinity : machine.personRestarts(endsAt) })
    say(agent, task, 5)
    onEvent?.({ type: 'Finished', at: endsAt, offer })
  } else {
    complete(agent, machine, offer, task, endsAt)
    onEvent?.({ type: 'Finished', at: endsAt, offer })
  }
  return true
}

function complete(agent: Agent, machine: Machine, offer: AgentOffer, task: Task, at: EpochMs): void {
  task.failures = 0
  task.notBefore = 0
  scan(agent, machine, machine.commit(offer, at))
  if (offer.action === 'Install') {
    say(agent, task, 4)
    return
  }
  if (task.news !== undefined) agent.news.splice(agent.news.indexOf(task), 1)
  task.news = undefined
}

function finishRestart(agent: Agent, machine: Machine, now: EpochMs, onEvent?: (event: AgentEvent) => void): boolean {
  const until = agent.restartingUntil
  if (until === undefined || until > now) return false
  agent.restartingUntil = undefined
  for (const { offer, task } of agent.awaiting) {
    complete(agent, machine, offer, task, until)
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
  for (const task of agent.tasks) {
    const { offer } = task
    if (earliestStart(task, now) !== now || !isWanted(agent, machine, offer, task)) continue
    const attempt = machine.install(offer, task.failures + 1, now)
    const running: Running = { offer, task, endsAt: now + attempt.lasts, attempt }
    agent.running = running
    say(agent, task, 1)
    onEvent?.({ type: 'Started', at: now, offer })
    return running
  }
  return undefined
}

/** The first instant from `now` on at which the policy, the download and the pause after a failure let it start. */
function earliestStart({ offer, download, downloadedAt, notBefore }: Task, now: EpochMs): EpochMs {
  if (offer.action === 'Uninstall') return firstWithin(offer.start, Math.max(now, notBefore, offer.available))
  if (download === undefined || download.code !== undefined) return Infinity
  return firstWithin(offer.start, Math.max(now, downloadedAt, notBefore, offer.available))
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
  for (const { downloadedAt } of agent.downloading) last = Math.max(last, downloadedAt)
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
