// A device's update agent: what it does with its policy, as time goes by. It downloads, starts what its policy lets it
// start, finishes what runs, restarts when it may, and keeps what it has to say until it is sent. No clock, no network:
// the simulation and the demonstration fleet drive the same agent.
import type { EpochMs } from '../model/instant.ts'
import type { UpdateId } from '../model/update.ts'
import type { Interval } from '../schedule/intervals.ts'
import type { AgentOffer, AgentPolicy } from './agent-policy.ts'
import { say, scan, scannedOf, unsay } from './agent-report.ts'
import {
  type Agent,
  type Attempt,
  type Awaiting,
  type Machine,
  NO_AWAITING,
  NO_TASKS,
  newTask,
  type Running,
  type Task,
  withOne,
} from './agent-state.ts'

/** What happened, for whoever looks on. */
export type AgentEvent = {
  readonly type: 'Started' | 'Finished' | 'Failed' | 'Restarted'
  readonly at: EpochMs
  readonly offer: AgentOffer
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

/**
 * When it does something after the downloads under way have ended, if these are all that it is about and none of them fails;
 * `now` otherwise. With a policy that is fresh.
 */
export function afterDownloads(agent: Agent, machine: Machine, now: EpochMs): EpochMs {
  if (agent.downloading.length === 0 || agent.running !== undefined || agent.restartingUntil !== undefined) return now
  for (const { download } of agent.downloading) if (download?.code !== undefined) return now
  return nextStart(agent, machine, now, true)
}

/** Whether the device has something to do, as far as it knows. */
export function hasWork(agent: Agent, machine: Machine): boolean {
  if (agent.running !== undefined || agent.restartingUntil !== undefined || agent.awaiting.length > 0) return true
  for (const task of agent.tasks) if (isWanted(agent, machine, task)) return true
  return false
}

/** What was begun goes on where it is still offered. Where it is not, what was downloaded is forgotten; what failed is not. */
function takeOffers(agent: Agent, offers: readonly AgentOffer[]): void {
  const { tasks, withdrawn, downloading } = agent
  if (tasks.length === 0 && (offers.length === 0 || withdrawn.length === 0)) {
    if (offers.length > 0) agent.tasks = offers.map(newTask)
    return
  }
  agent.withdrawn = NO_TASKS
  if (offers.length === 0) {
    agent.tasks = NO_TASKS
    for (const task of withdrawn) withdraw(agent, task)
    for (const task of tasks) withdraw(agent, task)
  } else {
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
    for (const task of before.values()) withdraw(agent, task)
  }
  if (downloading.length > 0) agent.downloading = downloading.filter(({ download }) => download !== undefined)
}

function withdraw(agent: Agent, task: Task): void {
  task.download = undefined
  if (task.failures !== undefined || task.news !== undefined || isUnderWay(agent, task))
    agent.withdrawn = withOne(agent.withdrawn, task)
}

function isUnderWay({ running, awaiting }: Agent, task: Task): boolean {
  return running?.task === task || awaiting.some((one) => one.task === task)
}

// Install what the scan finds missing, remove what it finds there, and nothing that waits for a restart or was given up.
function isWanted({ awaiting }: Agent, machine: Machine, { offer, failures }: Task): boolean {
  if (machine.status(offer.id) !== (offer.action === 'Install' ? 2 : 3)) return false
  if (failures !== undefined && failures.count >= machine.maxAttempts) return false
  for (const one of awaiting) if (one.offer.id === offer.id) return false
  return true
}

function beginDownloads(agent: Agent, machine: Machine, now: EpochMs): void {
  for (const task of agent.tasks) {
    if (task.download !== undefined || notBefore(task) > now) continue
    const { offer } = task
    if (offer.action === 'Uninstall' || offer.available > now || !isWanted(agent, machine, task)) continue
    task.download = machine.download(offer.id, attemptOf(task), now)
    task.downloadedAt = now + task.download.lasts
    agent.downloading = withOne(agent.downloading, task)
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
    say(agent, task, 9)
    noteFailure(task, machine, download, downloadedAt)
    task.download = undefined
  }
  if (ended === agent.downloading.length) agent.downloading = NO_TASKS
  else if (ended > 0)
    agent.downloading = agent.downloading.filter(
      ({ download, downloadedAt }) => download !== undefined && downloadedAt > now,
    )
}

function noteFailure(task: Task, { retryAfterMs }: Machine, last: Attempt, at: EpochMs): void {
  task.failures = { count: attemptOf(task), last, notBefore: at + retryAfterMs }
}

/** The number of the next attempt, from 1 on. */
function attemptOf({ failures }: Task): number {
  return failures === undefined ? 1 : failures.count + 1
}

function notBefore({ failures }: Task): EpochMs {
  return failures === undefined ? 0 : failures.notBefore
}

function finishInstall(agent: Agent, machine: Machine, now: EpochMs, onEvent?: (event: AgentEvent) => void): boolean {
  const { running } = agent
  if (running === undefined || running.endsAt > now) return false
  const { offer, task, endsAt, attempt } = running
  agent.running = undefined
  if (attempt.code !== undefined) {
    say(agent, task, 6)
    noteFailure(task, machine, attempt, endsAt)
    onEvent?.({ type: 'Failed', at: endsAt, offer })
  } else if (machine.needsRestart(offer)) {
    const personAt = offer.restart.allowed ? Infinity : machine.personRestarts(endsAt)
    agent.awaiting = withOne(agent.awaiting, { offer, task, personAt })
    say(agent, task, 5)
    onEvent?.({ type: 'Finished', at: endsAt, offer })
  } else {
    complete(agent, machine, offer, task, endsAt)
    onEvent?.({ type: 'Finished', at: endsAt, offer })
  }
  return true
}

function complete(agent: Agent, machine: Machine, offer: AgentOffer, task: Task, at: EpochMs): void {
  scan(agent, machine, machine.commit(offer, at))
  if (offer.action === 'Install') say(agent, task, 4)
  else unsay(agent, task)
  task.failures = undefined
}

function finishRestart(agent: Agent, machine: Machine, now: EpochMs, onEvent?: (event: AgentEvent) => void): boolean {
  const until = agent.restartingUntil
  if (until === undefined || until > now) return false
  agent.restartingUntil = undefined
  for (const { offer, task } of agent.awaiting) {
    complete(agent, machine, offer, task, until)
    onEvent?.({ type: 'Restarted', at: until, offer })
  }
  agent.awaiting = NO_AWAITING
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
    if (!mayStart(task, now) || !isWanted(agent, machine, task)) continue
    const attempt = machine.install(offer, attemptOf(task), now)
    const running: Running = { offer, task, endsAt: now + attempt.lasts, attempt }
    agent.running = running
    say(agent, task, 1)
    onEvent?.({ type: 'Started', at: now, offer })
    return running
  }
  return undefined
}

/** Whether the policy, the download and the pause after a failure let it start at `now`. */
function mayStart(task: Task, now: EpochMs): boolean {
  const { offer, download, downloadedAt } = task
  if (offer.available > now || notBefore(task) > now) return false
  if (offer.action === 'Install' && (download === undefined || download.code !== undefined || downloadedAt > now))
    return false
  for (const { from, until } of offer.start) if (until > now) return from <= now
  return false
}

/** The first instant from `now` on at which the policy, the download and the pause after a failure let it start. */
function earliestStart(task: Task, now: EpochMs): EpochMs {
  const { offer, download, downloadedAt } = task
  if (offer.action === 'Uninstall') return firstWithin(offer.start, Math.max(now, notBefore(task), offer.available))
  if (download === undefined || download.code !== undefined) return Infinity
  return firstWithin(offer.start, Math.max(now, downloadedAt, notBefore(task), offer.available))
}

function firstWithin(intervals: readonly Interval[], at: EpochMs): EpochMs {
  for (const { from, until } of intervals) if (until > at) return Math.max(from, at)
  return Infinity
}

// Whatever can still be installed comes first, so that one restart serves all.
function startRestart(agent: Agent, machine: Machine, now: EpochMs): boolean {
  for (const awaiting of agent.awaiting)
    if (restartAt(awaiting, now) === now) {
      agent.restartingUntil = now + machine.restart(now)
      return true
    }
  return false
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
  return later(lastDownload(agent), now, nextStart(agent, machine, now, fresh))
}

/** The next instant at which something other than the end of a download may begin. */
function nextStart(agent: Agent, machine: Machine, now: EpochMs, fresh: boolean): EpochMs {
  let next = Infinity
  for (const awaiting of agent.awaiting) next = later(restartAt(awaiting, now), now, next)
  if (!fresh) return next
  for (const task of agent.tasks) {
    if (!isWanted(agent, machine, task)) continue
    const { offer, download } = task
    if (offer.action === 'Install' && download === undefined)
      next = later(Math.max(offer.available, notBefore(task)), now, next)
    else next = later(earliestStart(task, now), now, next)
  }
  return next
}

/** The earlier of two instants, where the first one lies ahead. */
function later(at: EpochMs, now: EpochMs, next: EpochMs): EpochMs {
  return at > now && at < next ? at : next
}
