// A server over a journal in memory, on a real socket of the loopback, and what tests say to it.
import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import type { Test } from 'tap'
import { type Entry, type Journal, JournalError, type JournalErrorCode } from '../../controller/journal/journal.ts'
import { openMemoryJournal } from '../../controller/journal/memory-journal.ts'
import type { Declared } from '../../controller/model/declared.ts'
import type { Fact } from '../../controller/model/facts.ts'
import type { Kind } from '../../controller/model/kinds.ts'
import { SPECS } from '../../controller/model/specs.ts'
import { newMetrics } from '../../controller/project/metrics.ts'
import { systemClock } from '../../controller/runtime/clock.ts'
import { Controller } from '../../controller/runtime/controller.ts'
import { decodeFact } from '../../controller/runtime/fact-codec.ts'
import { silentLog } from '../../controller/runtime/log.ts'
import { ADMISSION_LIMITS, type AdmissionLimits } from '../../controller/serve/admission.ts'
import { hashSecret } from '../../controller/serve/auth.ts'
import { createServer } from '../../controller/serve/server.ts'
import { TIME_LIMITS, type TimeLimits } from '../../controller/serve/time-limits.ts'
import { apply } from '../../controller/state/apply.ts'
import { encodeState, newState, type State } from '../../controller/state/state.ts'

export const SITE_KEY = 'site-key-of-the-tests'

export type Served = { readonly controller: Controller; readonly url: string; readonly close: () => Promise<void> }

export function serve(t: Test, journal?: Journal<Fact>, limits?: TimeLimits): Promise<Served> {
  return serveLimited(t, { ...(journal && { journal }), ...(limits && { limits }) })
}

type Limited = {
  readonly journal?: Journal<Fact>
  readonly limits?: TimeLimits
  readonly admission?: AdmissionLimits
  readonly adminToken?: string
}

/** The same with limits of its own. */
export async function serveLimited(t: Test, options: Limited): Promise<Served> {
  const {
    journal = openMemoryJournal(decodeFact),
    limits = TIME_LIMITS,
    admission = ADMISSION_LIMITS,
    adminToken,
  } = options
  const clock = systemClock
  const controller = await Controller.open({ journal, clock })
  const metrics = newMetrics(() => ({ state: controller.state, journal, clock: controller.clock }))
  const server = createServer({
    controller,
    log: silentLog,
    adminTokenHash: adminToken === undefined ? undefined : hashSecret(adminToken),
    declarations: ['directory'],
    metrics,
    limits,
    admission,
  })
  const url = await server.listen('127.0.0.1', 0)
  let closing: Promise<void> | undefined
  const close = () => {
    closing ??= server.close().then(() => controller.close())
    return closing
  }
  t.teardown(close)
  await controller.submit({ type: 'EnrolmentKeyIssued', keyHash: hashSecret(SITE_KEY), once: false, by: 'tests' })
  return { controller, url, close }
}

/** A journal that refuses what is appended for as long as `refuse` says why. */
export function refusingJournal(refuse: () => JournalErrorCode | undefined): Journal<Fact> {
  const journal = openMemoryJournal(decodeFact)
  return {
    get lastSeq() {
      return journal.lastSeq
    },
    get compactedThrough() {
      return journal.compactedThrough
    },
    get warnings() {
      return journal.warnings
    },
    append: async (facts, at) => {
      const code = refuse()
      if (code !== undefined) throw new JournalError(code, `refused for a test: ${code}`)
      return journal.append(facts, at)
    },
    read: (after) => journal.read(after),
    readKept: (query) => journal.readKept(query),
    saveSnapshot: (seq, bytes) => journal.saveSnapshot(seq, bytes),
    latestSnapshot: () => journal.latestSnapshot(),
    compact: (through, keep) => journal.compact(through, keep),
    close: () => journal.close(),
  }
}

export type Answer = { readonly status: number; readonly headers: Headers; readonly body: unknown }

export async function post(
  url: string,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const bytes = body instanceof Uint8Array ? new Uint8Array(body) : JSON.stringify(body)
  return answerTo(
    fetch(url + path, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: bytes }),
  )
}

export async function get(url: string, path: string, headers: Record<string, string> = {}): Promise<Answer> {
  return answerTo(fetch(url + path, { headers }))
}

async function answerTo(response: Promise<Response>): Promise<Answer> {
  const { status, headers, ...rest } = await response.then(async (given) => ({
    status: given.status,
    headers: given.headers,
    text: await given.text(),
  }))
  const isJson = headers.get('content-type')?.startsWith('application/json')
  return { status, headers, body: isJson ? JSON.parse(rest.text) : rest.text }
}

/** Enrols with the site key; returns the header that the device sends from then on. */
export function enrol(
  url: string,
  device: string,
  attributes: Record<string, string> = {},
): Promise<{ authorization: string }> {
  return enrolWith(url, SITE_KEY, device, attributes)
}

export async function enrolWith(
  url: string,
  key: string,
  device: string,
  attributes: Record<string, string> = {},
): Promise<{ authorization: string }> {
  const { status, body } = await post(url, '/v1/enrol', { device, key, attributes })
  if (status !== 201) throw new Error(`enrolment of ${device} was answered with ${status}: ${JSON.stringify(body)}`)
  return { authorization: `Bearer ${fieldOf(body, 'token')}` }
}

export function fieldOf(body: unknown, name: string): unknown {
  return typeof body === 'object' && body !== null ? Object.entries(body).find(([key]) => key === name)?.[1] : undefined
}

export function report(sequence: number, more: Record<string, unknown> = {}): Record<string, unknown> {
  return { sequence, at: new Date().toISOString(), ...more }
}

export function gzipped(body: unknown): Uint8Array {
  return gzipSync(JSON.stringify(body))
}

/** An object as an admin would have declared it. */
export function declared(kind: Kind, name: string, spec: unknown): Declared {
  const origin = { source: 'directory', revision: 'r1', file: 'all.yaml', line: 1 }
  return { kind, name, labels: {}, annotations: {}, spec: SPECS[kind].parse(spec), origin } as Declared
}

export function digestOf(state: State): string {
  return createHash('sha256').update(encodeState(state)).digest('hex')
}

/** What stands in an embedded journal, without waiting. */
export function entriesOf(journal: Journal<Fact>, after = 0): Iterable<Entry<Fact>> {
  const entries = journal.read(after)
  if (Symbol.iterator in entries) return entries
  throw new Error('this journal is not within this process')
}

/** What the facts of a journal that was never compacted fold to. */
export function foldOf(journal: Journal<Fact>): State {
  const state = newState()
  for (const { at, fact } of entriesOf(journal)) apply(state, at, fact)
  return state
}

/** Waits until it holds; the test's own time limit ends a wait in vain. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 10))
}
