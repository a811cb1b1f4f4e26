// The devices' side of a simulation: who calls when, what it fetches and what it sends. A device that has nothing to do
// and nothing to say costs nothing: its calls are worked out when somebody asks (`lastCall`), never played one by one. What it
// does by itself between two calls is its own affair, and is made up for, at the times at which it was done, before it
// next has to do with anybody else.
import { staleRows } from '../fleet/fleet.ts'
import { type BitPlane, eachBit, hasBit } from '../model/bit-plane.ts'
import { DAY, type EpochMs, MINUTE } from '../model/instant.ts'
import type { DeviceReport } from '../model/report.ts'
import type { UpdateId } from '../model/update.ts'
import { POLICY_MAX_AGE_SECONDS } from '../project/policy.ts'
import type { World } from '../rollout/world.ts'
import { type AgentEvent, advance, afterDownloads, hasWork, receivePolicy } from './agent.ts'
import { forgetScans, hasNews, noteStatus, scanWatched, takeReport } from './agent-report.ts'
import { type Agent, type Machine, newAgent, type Telling } from './agent-state.ts'
import { callAt, lastCall, longOutages, type Population, reachableFrom } from './population.ts'
import { findNeeded, isMissingOn, type MovingMachine, missingOn, movingMachine, type Truth } from './truth.ts'
import { watchedBy, worldPolicy } from './world-policy.ts'

export type SimulatedFleet = {
  readonly population: Population
  readonly truth: Truth
  readonly machine: MovingMachine
  readonly messagesEvery: number
  /** By device, as the population numbers them; undefined before it joins and after it leaves. */
  readonly agents: (Member | undefined)[]
  /** Row in the controller's fleet → device. */
  readonly indexOf: number[]
  /** Updates in the order in which the catalog got them. */
  readonly released: UpdateId[]
  /** Whether devices scan anew each day, because reports may be lost. */
  readonly daily: boolean
  /** Of devices that are never cut off. */
  readonly tells: Telling
}

export type Member = {
  readonly index: number
  readonly row: number
  readonly agent: Agent
  /** When it is looked at next; Infinity for never. Before, nobody can notice what it does. */
  wakeAt: EpochMs
  /** When it next does something by itself; Infinity for never. */
  actsAt: EpochMs
  /** When it next calls for a reason; its other calls change nothing. */
  callAt: EpochMs
  /** When what it has to say is sent. */
  sendAt: EpochMs
  /** Whether the policy may watch other updates by now, or also offer others. */
  outdated: 'No' | 'Watched' | 'Offers'
  goodUntil: EpochMs
  /** The first call by which its policy is no longer good. */
  renewAt: EpochMs
  /** How much of `released` it has scanned for. */
  scannedTo: number
  scannedAt: EpochMs
  attributes: DeviceReport['attributes']
}

/** What the fleet needs of the simulation around it. */
export type Surroundings = {
  readonly world: () => World
  readonly wake: (member: Member, at: EpochMs) => void
  readonly send: (member: Member, report: DeviceReport) => void
  /** Where somebody looks on, devices are looked at whenever they do something. */
  readonly onEvent: ((member: Member, event: AgentEvent) => void) | undefined
}

export function newSimulatedFleet(
  truth: Truth,
  messagesEvery: number,
  daily: boolean,
  tells: Telling = 'All',
): SimulatedFleet {
  return {
    population: truth.population,
    truth,
    machine: movingMachine(truth),
    messagesEvery,
    agents: [],
    indexOf: [],
    released: [],
    daily,
    tells: daily ? 'All' : tells,
  }
}

/** Takes a device in that has just enrolled. */
export function addMember(fleet: SimulatedFleet, index: number, row: number, staleAfterMs: number): Member {
  const member: Member = {
    index,
    row,
    agent: newAgent(isNeverMissed(fleet.population, index, staleAfterMs) ? fleet.tells : 'All'),
    wakeAt: Infinity,
    actsAt: Infinity,
    callAt: Infinity,
    sendAt: Infinity,
    outdated: 'Offers',
    goodUntil: Infinity,
    renewAt: Infinity,
    scannedTo: 0,
    scannedAt: 0,
    attributes: undefined,
  }
  fleet.agents[index] = member
  fleet.indexOf[row] = index
  return member
}

/** The device fetches its policy with its next call. */
export function callSoon(fleet: SimulatedFleet, member: Member, now: EpochMs, around: Surroundings): void {
  const at = callAt(fleet.population, member.index, now + 1)
  if (at >= member.callAt) return
  member.callAt = at
  if (at < member.wakeAt) wakeMember(member, at, around)
}

/** All that the device has done until `now`, which is when it asked to be looked at. */
export function playMember(fleet: SimulatedFleet, member: Member, now: EpochMs, around: Surroundings): void {
  playAlone(fleet, member, now - 1, around)
  if (Math.min(member.actsAt, member.callAt, member.sendAt) <= now || renewsBy(fleet, member, now))
    stepMember(fleet, member, now, around)
  const next = Math.min(member.callAt, tellsAt(member), noticedAt(fleet, member, around))
  wakeMember(member, renewsBy(fleet, member, next) ? member.renewAt : next, around)
}

/** Whether it calls until then because its policy grows old: only while the device has something to do or to say. */
function renewsBy(fleet: SimulatedFleet, { agent, index, renewAt }: Member, until: EpochMs): boolean {
  if (renewAt > until || renewAt === Infinity) return false
  fleet.machine.moveTo(index)
  return fleet.daily || hasNews(agent) || agent.untold || hasWork(agent, fleet.machine.machine)
}

/** What it has done by itself, the instant included. */
function playAlone(fleet: SimulatedFleet, member: Member, until: EpochMs, around: Surroundings): void {
  while (member.actsAt <= until) stepMember(fleet, member, member.actsAt, around)
  passOver(member, until + 1)
}

/** What would have been reported before `now`, and is not told, is passed over: what comes later is gathered for a report of its own. */
function passOver(member: Member, now: EpochMs): void {
  if (member.sendAt >= now || member.agent.tells === 'All') return
  member.agent.untold = false
  member.sendAt = Infinity
}

/** When it reports what it has to say. An end of a download, which may have failed, is found out then too. */
function tellsAt({ agent, sendAt }: Member): EpochMs {
  return hasNews(agent) || agent.downloading.length > 0 ? sendAt : Infinity
}

/** The earliest that anybody can notice what the device does next by itself: by its report of it, or by its next call. */
function noticedAt(fleet: SimulatedFleet, member: Member, around: Surroundings): EpochMs {
  const { population, messagesEvery } = fleet
  const { actsAt, sendAt, index } = member
  if (around.onEvent !== undefined || fleet.daily || actsAt === Infinity) return actsAt
  const saidAt = sendAt < Infinity && actsAt <= sendAt ? sendAt : onTheMinute(actsAt + messagesEvery)
  return population.outages.length === 0 ? saidAt : Math.min(saidAt, callAt(population, index, actsAt + 1))
}

/** `next`, or when it does something of which more follows than what it does not tell. */
function countsAt(fleet: SimulatedFleet, agent: Agent, machine: Machine, next: EpochMs, now: EpochMs): EpochMs {
  if (agent.tells === 'All' || agent.downloading.length === 0) return next
  const after = onTheMinute(afterDownloads(agent, machine, now))
  // Downloads that end shortly before are gathered with what comes after them.
  return after < Infinity && after > onTheMinute(next + fleet.messagesEvery) ? after : next
}

function stepMember(fleet: SimulatedFleet, member: Member, now: EpochMs, around: Surroundings): void {
  const { agent, index } = member
  const { population } = fleet
  const { machine } = fleet.machine
  passOver(member, now)
  fleet.machine.moveTo(index)
  const outages = population.outages.length > 0
  const reachable = reachableFrom(population, index, now) === now
  const called = reachable && (now >= member.callAt || renewsBy(fleet, member, now))
  if (!outages || called || isAlwaysFresh(population, index)) agent.contactAt = now
  else agent.contactAt = lastCall(population, index, now) ?? agent.contactAt
  if (called) fetchPolicy(fleet, machine, member, now, around)
  const tell = around.onEvent && listener(around.onEvent, member)
  let next = advance(agent, machine, now, tell)
  while (next <= now) next = advance(agent, machine, now, tell)
  if (next === Infinity && outages && hasWork(agent, machine)) callNoLater(fleet, member, now + 1)
  member.actsAt = countsAt(fleet, agent, machine, onTheMinute(next), now)
  report(fleet, member, now, reachable, called, around)
}

function listener(onEvent: NonNullable<Surroundings['onEvent']>, member: Member): (event: AgentEvent) => void {
  return (event) => onEvent(member, event)
}

/**
 * The policies of these devices may be others by now: each fetches its own with its next call. `about`: nothing else has
 * changed but what is said of these updates.
 */
export function outdate(
  fleet: SimulatedFleet,
  rows: BitPlane | 'All',
  about: readonly UpdateId[] | 'Anything',
  now: EpochMs,
  around: Surroundings,
): void {
  const ids = about === 'Anything' ? undefined : new Set(about)
  eachMember(fleet, rows, (member) => {
    if (ids !== undefined && ids.size > 0) playAlone(fleet, member, now, around)
    if (ids === undefined || isAffected(fleet, member, ids)) member.outdated = 'Offers'
    else if (member.outdated === 'No') member.outdated = 'Watched'
    callSoon(fleet, member, now, around)
  })
}

/** Makes up for the calls that were not played: after this, the controller has heard from every device that has called. */
export function catchUp(fleet: SimulatedFleet, now: EpochMs, staleAfterMs: number, around: Surroundings): void {
  const world = around.world()
  const silent = staleRows(world.fleet, now - staleAfterMs)
  // Those that really were silent are for `decide`: nobody else is late yet.
  if (!silent.some((row) => hasCalledSince(fleet, world, row, now))) return
  for (const member of fleet.agents) {
    if (member === undefined) continue
    // Who is never missed has called of late; when exactly makes no difference.
    const at = member.agent.tells === 'WhatCounts' ? now : lastCall(fleet.population, member.index, now)
    if (at !== undefined && at > (world.fleet.lastReport[member.row] ?? 0))
      around.send(member, { sequence: ++member.agent.sequence, at })
  }
}

function hasCalledSince(fleet: SimulatedFleet, world: World, row: number, now: EpochMs): boolean {
  const index = fleet.indexOf[row]
  const at = index === undefined ? undefined : lastCall(fleet.population, index, now)
  return at !== undefined && at > (world.fleet.lastReport[row] ?? 0)
}

/**
 * Calls to be played although they say nothing: the last one before the device is gone for so long that it is missed, and the
 * first one after it.
 */
export function notedCalls(
  { population }: SimulatedFleet,
  index: number,
  joined: EpochMs,
  staleAfterMs: number,
): EpochMs[] {
  return longOutages(population, index, staleAfterMs - DAY).flatMap(({ from, until }) =>
    [lastCall(population, index, from - 1) ?? joined, callAt(population, index, until)].filter((at) => at > joined),
  )
}

function isAffected(fleet: SimulatedFleet, { index, agent }: Member, ids: ReadonlySet<UpdateId>): boolean {
  if (ids.size === 0) return false
  for (const id of ids) if (isMissingOn(fleet.truth, id, index)) return true
  return agent.policy.offers.some(({ id }) => ids.has(id))
}

/** Visits the members among the rows of a plane. */
function eachMember(fleet: SimulatedFleet, rows: BitPlane | 'All', visit: (member: Member) => void): void {
  const visitAt = (index: number | undefined) => {
    const member = index === undefined ? undefined : fleet.agents[index]
    if (member !== undefined) visit(member)
  }
  if (rows === 'All') for (const index of fleet.agents.keys()) visitAt(index)
  else eachBit(rows, (row) => visitAt(fleet.indexOf[row]))
}

// Never cut off, and calling more often than its policy grows old: when exactly it called last makes no difference.
function isAlwaysFresh({ cutOff, every, jitter }: Population, index: number): boolean {
  return !hasBit(cutOff, index) && every + jitter * MINUTE <= POLICY_MAX_AGE_SECONDS * 1000
}

/** And calling so often that it is heard from in time, whether it reports or not; also in time for `notedCalls` of others. */
function isNeverMissed(population: Population, index: number, staleAfterMs: number): boolean {
  return isAlwaysFresh(population, index) && population.every + population.jitter * MINUTE < Math.min(DAY, staleAfterMs)
}

function fetchPolicy(
  fleet: SimulatedFleet,
  machine: Machine,
  member: Member,
  now: EpochMs,
  around: Surroundings,
): void {
  const { agent } = member
  member.callAt = Infinity
  for (; member.scannedTo < fleet.released.length; member.scannedTo++) {
    const id = fleet.released[member.scannedTo]
    if (id === undefined || !findNeeded(fleet.truth, id, member.index, now)) continue
    noteStatus(agent, id, 2)
    member.outdated = 'Offers'
  }
  if (member.outdated === 'Offers' || now >= member.goodUntil) {
    const missing = missingOn(fleet.truth, member.index)
    const { policy, goodUntil } = worldPolicy(around.world(), member.row, now, missing)
    receivePolicy(agent, policy, now)
    member.goodUntil = goodUntil
    member.renewAt = goodUntil === Infinity ? Infinity : callAt(fleet.population, member.index, goodUntil)
  } else if (member.outdated === 'Watched')
    receivePolicy(agent, { ...agent.policy, watched: watchedBy(around.world(), member.row) }, now)
  member.outdated = 'No'
  if (fleet.daily && now - member.scannedAt >= DAY) {
    forgetScans(agent)
    member.scannedAt = now
  }
  const more = scanWatched(agent, machine, now)
  if (more < Infinity) callNoLater(fleet, member, more)
  if (fleet.daily && agent.policy.watched.length > 0) callNoLater(fleet, member, now + DAY)
}

function callNoLater(fleet: SimulatedFleet, member: Member, from: EpochMs): void {
  member.callAt = Math.min(member.callAt, callAt(fleet.population, member.index, from))
}

function report(
  fleet: SimulatedFleet,
  member: Member,
  now: EpochMs,
  reachable: boolean,
  called: boolean,
  around: Surroundings,
): void {
  const { agent } = member
  if (!hasNews(agent) && !agent.untold && !(called && member.attributes)) {
    member.sendAt = Infinity
    return
  }
  if (called || (reachable && now >= member.sendAt)) {
    const said = takeReport(agent, now, called ? member.attributes : undefined)
    if (called) member.attributes = undefined
    member.sendAt = Infinity
    if (said !== undefined) around.send(member, said)
  } else if (!reachable) member.sendAt = callAt(fleet.population, member.index, now)
  else if (member.sendAt === Infinity) member.sendAt = onTheMinute(now + fleet.messagesEvery)
}

function wakeMember(member: Member, at: EpochMs, around: Surroundings): void {
  member.wakeAt = at
  if (at < Infinity) around.wake(member, at)
}

// Devices look at the clock once a minute, so that what many do at about the same time is decided upon together.
function onTheMinute(at: EpochMs): EpochMs {
  return Math.ceil(at / MINUTE) * MINUTE
}
