// A load: simulated devices enrol, then ask for their policies and report, over a few connections, at a rate or as fast as
// they are answered, until the time is over or somebody has seen enough.
import { setTimeout as delay } from 'node:timers/promises'
import { enrolment, type LoadDevice, newDevice, poll, reports } from './device.ts'
import { type Ask, type Exchange, openExchange, type Told } from './exchange.ts'
import type { LoadPlan } from './plan.ts'
import { type LoadResult, type RequestKind, Tally } from './tally.ts'

export type LoadHooks = {
  /** Ends it early; what there is by then is the result. */
  readonly signal?: AbortSignal
  /** Called when so many devices are enrolled. */
  readonly onEnrolled?: (devices: number, seconds: number) => void
}

/** Thrown when no device could be enrolled: there is nothing to measure. */
export class EnrolError extends Error {}

/** Rejects with an EnrolError. */
export async function runLoad(plan: LoadPlan, { signal, onEnrolled }: LoadHooks = {}): Promise<LoadResult> {
  const exchange = openExchange(plan.url, plan.connections, plan.timeoutMs)
  const run: Run = { plan, exchange, tally: new Tally(), signal, begun: 0, end: Number.POSITIVE_INFINITY, slots: 0 }
  const cut = () => {
    // What is under way has a moment to be answered.
    setTimeout(() => exchange.close().catch(() => {}), GRACE_MS).unref()
  }
  signal?.addEventListener('abort', cut, { once: true })
  try {
    const begun = performance.now()
    const devices = await enrolAll(run)
    const enrolSeconds = (performance.now() - begun) / 1000
    onEnrolled?.(devices.length, enrolSeconds)
    run.begun = performance.now()
    run.end = run.begun + plan.durationMs
    await Promise.all(shares(devices, plan.connections).map((share) => work(run, share)))
    const seconds = (performance.now() - run.begun) / 1000
    return run.tally.result({ enrolSeconds, seconds, devices: devices.length, interrupted: signal?.aborted === true })
  } finally {
    signal?.removeEventListener('abort', cut)
    await exchange.close()
  }
}

type Run = {
  readonly plan: LoadPlan
  readonly exchange: Exchange
  readonly tally: Tally
  readonly signal: AbortSignal | undefined
  begun: number
  /** When nothing more is begun, by `performance.now()`. */
  end: number
  /** Requests that have had their turn. */
  slots: number
}

const GRACE_MS = 1000
/** A controller that asks for longer is asked again after so long. */
const MAX_RETRY_AFTER_SECONDS = 60
/** An enrolment that is sent away is sent again so many times. */
const ENROL_TRIES = 20
const PAUSE_AFTER_FAILURE_MS = 200

async function enrolAll(run: Run): Promise<LoadDevice[]> {
  const { plan } = run
  const startMs = Date.now()
  const enrolled: LoadDevice[] = []
  let next = 1
  let refusal = ''
  const worker = async () => {
    while (next <= plan.devices && !isOver(run)) {
      const device = newDevice(plan, next++, startMs)
      refusal = (await enrolOne(run, device)) ?? refusal
      if (device.token !== undefined) enrolled.push(device)
    }
  }
  await Promise.all(Array.from({ length: Math.min(plan.connections, plan.devices) }, worker))
  if (enrolled.length === 0 && !isOver(run)) throw new EnrolError(`no device could be enrolled: ${refusal}`)
  return enrolled.sort((a, b) => a.number - b.number)
}

/** Undefined when it is enrolled, else why not. */
async function enrolOne(run: Run, device: LoadDevice): Promise<string | undefined> {
  for (let attempt = 0; attempt < ENROL_TRIES && !isOver(run); attempt++) {
    const told = await ask(run, 'enrol', device, enrolment(device, run.plan), performance.now())
    if (told.type === 'Failed') return told.message
    if (told.status !== 503) {
      device.token = tokenIn(told.text)
      return device.token === undefined ? `${told.status} ${told.text.slice(0, 300)}` : undefined
    }
    await sleep(run, device.notBefore - performance.now())
  }
  return 'the controller is too busy'
}

function tokenIn(text: string): string | undefined {
  try {
    const body: unknown = JSON.parse(text)
    if (typeof body !== 'object' || body === null || !('token' in body)) return undefined
    return typeof body.token === 'string' ? body.token : undefined
  } catch {
    return undefined
  }
}

// A device has one request under way at most, so that its reports arrive in order: each worker has devices of its own.
function shares(devices: readonly LoadDevice[], workers: number): LoadDevice[][] {
  const made = Array.from({ length: Math.min(workers, devices.length) }, (): LoadDevice[] => [])
  for (const [i, device] of devices.entries()) made[i % made.length]?.push(device)
  return made
}

async function work(run: Run, devices: readonly LoadDevice[]): Promise<void> {
  let turn = 0
  while (!isOver(run)) {
    const device = devices[turn++ % devices.length]
    if (device === undefined) return
    const now = performance.now()
    if (device.notBefore > now) {
      if (devices.every(({ notBefore }) => notBefore > now))
        await sleep(run, Math.min(...devices.map(({ notBefore }) => notBefore)) - now)
      continue
    }
    const due = await dueNow(run)
    if (due === undefined) return
    await speak(run, device, due)
  }
}

/** Waits for the next request's turn. Returns since when it is due, so that a wait behind others is counted. */
async function dueNow(run: Run): Promise<number | undefined> {
  const { rate } = run.plan
  const now = performance.now()
  const slot = run.slots++
  if (rate === undefined) return now
  const due = run.begun + (slot * 1000) / rate
  await sleep(run, due - now)
  // A timer may end a little early.
  return isOver(run) || due >= run.end ? undefined : due
}

async function speak(run: Run, device: LoadDevice, due: number): Promise<void> {
  const { plan, tally } = run
  // Spread evenly over the turns of each device, and among devices over the time.
  const isReport = device.unsent !== undefined || stepped(device.number + device.turns++, plan.reportPercent)
  if (!isReport) {
    const told = await ask(run, 'policy', device, poll(device), due)
    if (told.type === 'Answer' && told.status === 200) device.etag = told.etag
    return
  }
  const told = await ask(run, 'reports', device, reports(device, plan, new Date().toISOString()), due)
  if (told.type !== 'Answer' || told.status !== 200) return
  device.unsent = undefined
  tally.messages += plan.reportsPerPost * plan.messagesPerReport
}

/** Of every 100 numbers, `percent`. */
function stepped(number: number, percent: number): boolean {
  return Math.floor(((number + 1) * percent) / 100) > Math.floor((number * percent) / 100)
}

async function ask(run: Run, kind: RequestKind, device: LoadDevice, request: Ask, due: number): Promise<Told> {
  const { tally, exchange } = run
  const told = await exchange.ask(request)
  const now = performance.now()
  if (told.type === 'Failed') {
    // Cut by ourselves at the end; nobody's mistake.
    if (!isOver(run)) tally.failed(told.code)
    device.notBefore = now + PAUSE_AFTER_FAILURE_MS
  } else if (told.status === 503 && told.retryAfter !== undefined) {
    tally.sentAway++
    device.notBefore = now + 1000 * Math.min(told.retryAfter, MAX_RETRY_AFTER_SECONDS)
  } else if (told.status === 200 || told.status === 201 || told.status === 304) {
    tally.answered(kind, told.status, now - due)
  } else {
    tally.failed(`${kind} ${told.status}`)
    device.notBefore = now + PAUSE_AFTER_FAILURE_MS
  }
  return told
}

function isOver({ signal, end }: Run): boolean {
  return signal?.aborted === true || performance.now() >= end
}

/** No longer than until the end. */
async function sleep({ signal, end }: Run, wanted: number): Promise<void> {
  const ms = Math.min(wanted, end - performance.now())
  if (ms > 0) await delay(ms, undefined, signal === undefined ? {} : { signal }).catch(() => {})
}
