// Simulated devices that talk to a real controller over its HTTP interface, on a clock that may run fast: the fleet of
// the quickstart. Each is the same agent as in a simulation; what differs is that its calls are requests.
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { DAY, type EpochMs, HOUR, MINUTE, toRfc3339 } from '../model/instant.ts'
import { reasonOf } from '../model/reason.ts'
import type { DeviceReport } from '../model/report.ts'
import type { Policy } from '../project/policy.ts'
import { advance, receivePolicy, renewPolicy } from './agent.ts'
import { agentPolicy } from './agent-policy.ts'
import { forgetScans, hasNews, scanWatched, takeReport, unscanned } from './agent-report.ts'
import { type Agent, type Machine, newAgent } from './agent-state.ts'
import { newEventHeap, nextEventAt, popEvent, pushEvent } from './event-heap.ts'
import { callAt } from './population.ts'
import { findNeeded, machineOf, type Truth } from './truth.ts'

/** What a device keeps over a restart of the fleet. Plain data. `unsent`: a report that was not acknowledged yet. */
export type DeviceMemory = {
  token?: string
  etag?: string
  unsent?: DeviceReport
  /** When its last report was acknowledged. */
  reportedAt?: EpochMs
  readonly agent: Agent
}

export type HttpFleet = {
  readonly truth: Truth
  readonly devices: readonly HttpDevice[]
}

type HttpDevice = {
  readonly index: number
  readonly machine: Machine
  readonly memory: DeviceMemory
  /** When it next calls, and when what it has to say is sent. */
  callAt: EpochMs
  sendAt: EpochMs
  busy: boolean
}

export type FleetSurroundings = {
  readonly url: string
  readonly enrolmentKey: string
  /** The fleet's clock, in epoch ms, and how many of its ms pass in a real one. */
  readonly now: () => EpochMs
  readonly rate: number
  /** Ends the fleet's loop. */
  readonly signal: AbortSignal
  readonly messagesEvery: number
  /** A request could not be made or was refused; the device tries again. */
  readonly onTrouble: (message: string) => void
}

const EnrolAnswer = z.object({ token: z.string() })
const ReportAnswer = z.object({ accepted: z.int(), lastSequence: z.int() })

/** Requests under way at once. */
const MAX_REQUESTS = 24
const REQUEST_TIMEOUT_MS = 10_000
const RETRY_AFTER = 2 * HOUR

export function newHttpFleet(truth: Truth, memories: readonly DeviceMemory[] = []): HttpFleet {
  const devices = truth.population.ids.map(
    (_, index): HttpDevice => ({
      index,
      machine: machineOf(truth, index),
      memory: memories[index] ?? { agent: newAgent() },
      callAt: 0,
      sendAt: Infinity,
      busy: false,
    }),
  )
  return { truth, devices }
}

/** Plays the devices until the signal. Never rejects: a controller that cannot be reached is called again. */
export async function runHttpFleet(fleet: HttpFleet, around: FleetSurroundings): Promise<void> {
  const heap = newEventHeap()
  const underWay = new Set<Promise<void>>()
  const wake = (device: HttpDevice, at: EpochMs) => pushEvent(heap, at, device.index)
  for (const device of fleet.devices) wake(device, around.now())
  while (!around.signal.aborted) {
    const now = around.now()
    if (nextEventAt(heap) > now || underWay.size >= MAX_REQUESTS) {
      await Promise.race([sleep(Math.max(1, Math.min(50, (nextEventAt(heap) - now) / around.rate))), ...underWay])
      continue
    }
    const device = fleet.devices[popEvent(heap)]
    if (device === undefined || device.busy) continue
    const step = stepDevice(fleet, device, around).then(
      (next) => wake(device, next),
      (error: unknown) => {
        if (!around.signal.aborted) around.onTrouble(reasonOf(error))
        wake(device, around.now() + RETRY_AFTER)
      },
    )
    underWay.add(step)
    void step.finally(() => underWay.delete(step))
  }
  await Promise.allSettled(underWay)
}

// Resolves with when the device has something to do again.
async function stepDevice(fleet: HttpFleet, device: HttpDevice, around: FleetSurroundings): Promise<EpochMs> {
  const { memory, machine } = device
  const { agent } = memory
  device.busy = true
  try {
    if (memory.token === undefined) await enrol(fleet, device, around)
    const now = around.now()
    const calls = now >= device.callAt
    if (calls) await fetchPolicy(fleet, device, around)
    const more = calls ? scanWatched(agent, machine, now) : Infinity
    let next = advance(agent, machine, around.now())
    while (next <= around.now()) next = advance(agent, machine, around.now())
    // A call for a policy is no sign of life: who has nothing to say reports that much once a day.
    if (calls && now - (memory.reportedAt ?? -Infinity) >= DAY) device.sendAt = 0
    if ((hasNews(agent) || memory.unsent !== undefined) && device.sendAt === Infinity)
      device.sendAt = calls ? 0 : around.now() + around.messagesEvery
    if (around.now() >= device.sendAt) await sendReport(device, around)
    return Math.max(Math.min(next, more, device.callAt, device.sendAt), around.now() + MINUTE)
  } finally {
    device.busy = false
  }
}

async function enrol({ truth }: HttpFleet, device: HttpDevice, around: FleetSurroundings): Promise<void> {
  const { ids, attributes } = truth.population
  const body = { device: ids[device.index], key: around.enrolmentKey, attributes: attributes[device.index] }
  const answer = await request(around, 'POST', '/v1/enrol', body)
  device.memory.token = EnrolAnswer.parse(await answer.json()).token
  device.memory.agent.sequence = 0
}

async function fetchPolicy({ truth }: HttpFleet, device: HttpDevice, around: FleetSurroundings): Promise<void> {
  const { memory } = device
  const answer = await request(around, 'GET', '/v1/policy', undefined, memory)
  const now = around.now()
  if (answer.status === 304) renewPolicy(memory.agent, now)
  else {
    // The controller is this same program: its policy has the form that it says.
    const policy: Policy = JSON.parse(await answer.text())
    receivePolicy(memory.agent, agentPolicy(policy), now)
    for (const id of unscanned(memory.agent)) findNeeded(truth, id, device.index, now)
    const etag = answer.headers.get('etag')
    if (etag !== null) memory.etag = etag
  }
  device.callAt = callAt(truth.population, device.index, now + 1)
}

// The same report again until it is acknowledged: its number makes sure that it counts once.
async function sendReport(device: HttpDevice, around: FleetSurroundings): Promise<void> {
  const { memory } = device
  const { agent } = memory
  const at = around.now()
  const report = memory.unsent ?? takeReport(agent, at) ?? { sequence: ++agent.sequence, at }
  device.sendAt = Infinity
  memory.unsent = report
  const answer = await request(around, 'POST', '/v1/reports', { reports: [onTheWire(report)] }, memory)
  const { accepted, lastSequence } = ReportAnswer.parse(await answer.json())
  delete memory.unsent
  memory.reportedAt = at
  if (accepted > 0) return
  // The controller has heard as much from this device as the device remembers, or more: it was set back, and says all again. A
  // number that is the controller's last is no sign that it was this report: another one may have had it before.
  memory.agent.sequence = lastSequence
  forgetScans(memory.agent)
  device.callAt = 0
}

function onTheWire(report: DeviceReport): object {
  return { ...report, at: toRfc3339(report.at) }
}

async function request(
  { url, signal }: FleetSurroundings,
  method: string,
  path: string,
  body?: object,
  memory?: DeviceMemory,
): Promise<Response> {
  const answer = await fetch(url + path, {
    method,
    headers: {
      ...(memory?.token !== undefined && { authorization: `Bearer ${memory.token}` }),
      ...(method === 'GET' && memory?.etag !== undefined && { 'if-none-match': memory.etag }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]),
  })
  if (answer.status < 400) return answer
  const text = await answer.text()
  // A token that is not known: the data folder of the controller was deleted, say. The device enrols again.
  if (answer.status === 401 && memory !== undefined) {
    delete memory.token
    delete memory.etag
  }
  throw new Error(`${method} ${path}: ${answer.status} ${text.slice(0, 200)}`)
}
