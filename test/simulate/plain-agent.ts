// The agent as it would be written first: maps by update of what was tried and downloaded, looked through from the beginning at
// every step. What agent.ts does with a record for each offer is held against it.
import { DAY, type EpochMs } from '../../controller/model/instant.ts'
import type { ComplianceState, DeviceReport, EnforcementState, StateMessage } from '../../controller/model/report.ts'
import type { UpdateId } from '../../controller/model/update.ts'
import type { Interval } from '../../controller/schedule/intervals.ts'
import type { AgentEvent } from '../../controller/simulate/agent.ts'
import { type AgentOffer, type AgentPolicy, NO_POLICY } from '../../controller/simulate/agent-policy.ts'
import type { Attempt, Machine } from '../../controller/simulate/agent-state.ts'

export type PlainAgent = {
  sequence: number
  policy: AgentPolicy
  /** When the policy was last fetched or found unchanged. */
  contactAt: EpochMs
  running: Running | undefined
  restartingUntil: EpochMs | undefined
  /** Done but for a restart. */
  awaiting: Awaiting[]
  /** By update: until when it downloads or has downloaded; what was tried. */
  readonly downloads: Map<UpdateId, Download>
  readonly tries: Map<UpdateId, Tries>
  /** When it last scanned for each update that its policy watches. */
  readonly scanned: Map<UpdateId, EpochMs>
  /** To be sent: the newest of each update. */
  readonly statuses: Map<UpdateId, ComplianceState>
  readonly messages: Map<UpdateId, StateMessage>
}

type Running = { readonly offer: AgentOffer; readonly endsAt: EpochMs; readonly attempt: Attempt }
type Awaiting = { readonly offer: AgentOffer; readonly personAt: EpochMs }
type Download = { readonly doneAt: EpochMs; readonly attempt: Attempt; said: boolean }
type Tries = { readonly count: number; readonly notBefore: EpochMs }

export function newAgent(): PlainAgent {
  return {
    sequence: 0,
    policy: NO_POLICY,
    contactAt: 0,
    running: undefined,
    restartingUntil: undefined,
    awaiting: [],
    downloads: new Map(),
    tries: new Map(),
    scanned: new Map(),
    statuses: new Map(),
    messages: new Map(),
  }
}

/** Takes a newly fetched policy. What it does not offer any more will not be begun; what runs goes on. */
export function receivePolicy(agent: PlainAgent, policy: AgentPolicy, now: EpochMs): void {
  agent.policy = policy
  agent.contactAt = now
  keepOnly(agent.downloads, policy.offers)
  keepOnly(agent.scanned, policy.watched)
}

function scan(agent: PlainAgent, machine: Machine, updates: Iterable<UpdateId>): void {
  for (const id of updates) agent.statuses.set(id, machine.status(id))
}

/**
 * Scans for what the policy watches and the controller has not been told since it began to count. Returns when more of it
 * is to be told; Infinity for never.
 */
export function scanWatched(agent: PlainAgent, machine: Machine, now: EpochMs): EpochMs {
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
export function advance(
  agent: PlainAgent,
  machine: Machine,
  now: EpochMs,
  onEvent?: (event: AgentEvent) => void,
): EpochMs {
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
  agent: PlainAgent,
  at: EpochMs,
  attributes?: DeviceReport['attributes'],
): DeviceReport | undefined {
  if (agent.statuses.size === 0 && agent.messages.size === 0 && attributes === undefined) return undefined
  const scan = { required: byStatus(agent, 2), installed: byStatus(agent, 3), notRequired: byStatus(agent, 1) }
  const messages = [...agent.messages.values()]
  agent.statuses.clear()
  agent.messages.clear()
  agent.sequence++
  return { sequence: agent.sequence, at, scan, messages, ...(attributes && { attributes }) }
}

/** Whether the device has something to do, as far as it knows. */
function hasWork(agent: PlainAgent, machine: Machine): boolean {
  if (agent.running !== undefined || agent.restartingUntil !== undefined || agent.awaiting.length > 0) return true
  return agent.policy.offers.some((offer) => isWanted(agent, machine, offer))
}

function keepOnly(map: Map<UpdateId, unknown>, named: readonly { readonly id: UpdateId }[]): void {
  if (map.size === 0) return
  const kept = new Set(named.map(({ id }) => id))
  for (const id of map.keys()) if (!kept.has(id)) map.delete(id)
}

function byStatus(agent: PlainAgent, wanted: ComplianceState): UpdateId[] {
  const ids: UpdateId[] = []
  for (const [id, status] of agent.statuses) if (status === wanted) ids.push(id)
  return ids
}

function say(agent: PlainAgent, update: UpdateId, state: EnforcementState, attempt?: Attempt): void {
  const { code, message } = attempt ?? {}
  agent.messages.set(update, {
    topic: 301,
    update,
    state,
    ...(code !== undefined && { code }),
    ...(message !== undefined && { message }),
  })
}

// Install what the scan finds missing, remove what it finds there, and nothing that waits for a restart or was given up.
function isWanted(agent: PlainAgent, machine: Machine, offer: AgentOffer): boolean {
  if (machine.status(offer.id) !== (offer.action === 'Install' ? 2 : 3)) return false
  if ((agent.tries.get(offer.id)?.count ?? 0) >= machine.maxAttempts) return false
  return !agent.awaiting.some((awaiting) => awaiting.offer.id === offer.id)
}

function beginDownloads(agent: PlainAgent, machine: Machine, now: EpochMs): void {
  for (const offer of agent.policy.offers) {
    if (offer.action === 'Uninstall' || offer.available > now || agent.downloads.has(offer.id)) continue
    const tries = agent.tries.get(offer.id)
    if ((tries?.notBefore ?? 0) > now || !isWanted(agent, machine, offer)) continue
    const attempt = machine.download(offer.id, (tries?.count ?? 0) + 1, now)
    agent.downloads.set(offer.id, { doneAt: now + attempt.lasts, attempt, said: false })
    say(agent, offer.id, 7)
  }
}

function finishDownloads(agent: PlainAgent, machine: Machine, now: EpochMs): void {
  for (const [id, download] of agent.downloads) {
    if (download.said || download.doneAt > now) continue
    download.said = true
    if (download.attempt.code === undefined) {
      if (agent.running?.offer.id !== id) say(agent, id, 8)
      continue
    }
    agent.downloads.delete(id)
    say(agent, id, 9, download.attempt)
    noteFailure(agent, machine, id, download.doneAt)
  }
}

function noteFailure(agent: PlainAgent, machine: Machine, id: UpdateId, at: EpochMs): void {
  agent.tries.set(id, { count: (agent.tries.get(id)?.count ?? 0) + 1, notBefore: at + machine.retryAfterMs })
}

function finishInstall(
  agent: PlainAgent,
  machine: Machine,
  now: EpochMs,
  onEvent?: (event: AgentEvent) => void,
): boolean {
  const { running } = agent
  if (running === undefined || running.endsAt > now) return false
  const { offer, endsAt, attempt } = running
  agent.running = undefined
  if (attempt.code !== undefined) {
    say(agent, offer.id, 6, attempt)
    noteFailure(agent, machine, offer.id, endsAt)
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

function complete(agent: PlainAgent, machine: Machine, offer: AgentOffer, at: EpochMs): void {
  agent.tries.delete(offer.id)
  scan(agent, machine, machine.commit(offer, at))
  if (offer.action === 'Install') say(agent, offer.id, 4)
  else agent.messages.delete(offer.id)
}

function finishRestart(
  agent: PlainAgent,
  machine: Machine,
  now: EpochMs,
  onEvent?: (event: AgentEvent) => void,
): boolean {
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
  agent: PlainAgent,
  machine: Machine,
  now: EpochMs,
  onEvent?: (event: AgentEvent) => void,
): Running | undefined {
  for (const offer of agent.policy.offers) {
    if (!mayStart(agent, offer, now) || !isWanted(agent, machine, offer)) continue
    const attempt = machine.install(offer, (agent.tries.get(offer.id)?.count ?? 0) + 1, now)
    const running: Running = { offer, endsAt: now + attempt.lasts, attempt }
    agent.running = running
    say(agent, offer.id, 1)
    onEvent?.({ type: 'Started', at: now, offer })
    return running
  }
  return undefined
}

function mayStart(agent: PlainAgent, offer: AgentOffer, now: EpochMs): boolean {
  return earliestStart(agent, offer, now) === now
}

/** The first instant from `now` on at which the policy, the download and the pause after a failure let it start. */
function earliestStart(agent: PlainAgent, offer: AgentOffer, now: EpochMs): EpochMs {
  const download = agent.downloads.get(offer.id)
  const ready =
    offer.action === 'Uninstall' ? 0 : download?.attempt.code === undefined ? (download?.doneAt ?? Infinity) : Infinity
  const pause = agent.tries.get(offer.id)?.notBefore ?? 0
  return firstWithin(offer.start, Math.max(now, ready, pause, offer.available))
}

function firstWithin(intervals: readonly Interval[], at: EpochMs): EpochMs {
  for (const { from, until } of intervals) if (until > at) return Math.max(from, at)
  return Infinity
}

// Whatever can still be installed comes first, so that one restart serves all.
function startRestart(agent: PlainAgent, machine: Machine, now: EpochMs): boolean {
  if (!agent.awaiting.some((awaiting) => restartAt(awaiting, now) === now)) return false
  agent.restartingUntil = now + machine.restart(now)
  return true
}

function restartAt({ offer, personAt }: Awaiting, now: EpochMs): EpochMs {
  return offer.restart.allowed ? firstWithin(offer.restart.times, now) : Math.max(now, personAt)
}

// One look when all are there; what can start before that is looked at in time anyway.
function lastDownload(agent: PlainAgent): EpochMs {
  let last = 0
  for (const { said, doneAt } of agent.downloads.values()) if (!said) last = Math.max(last, doneAt)
  return last
}

function nextAction(agent: PlainAgent, machine: Machine, now: EpochMs, fresh: boolean): EpochMs {
  let next = Infinity
  const later = (at: EpochMs) => {
    if (at > now && at < next) next = at
  }
  for (const awaiting of agent.awaiting) later(restartAt(awaiting, now))
  later(lastDownload(agent))
  if (!fresh) return next
  for (const offer of agent.policy.offers) {
    if (!isWanted(agent, machine, offer)) continue
    const notBefore = agent.tries.get(offer.id)?.notBefore ?? 0
    if (offer.action === 'Install' && !agent.downloads.has(offer.id)) later(Math.max(offer.available, notBefore))
    later(earliestStart(agent, offer, now))
  }
  return next
}
