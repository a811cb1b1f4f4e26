// Back-pressure: how many requests with a body may be under way, and how many bytes of theirs are held, before the next one is
// answered with 503 (docs/decisions/0063). Devices that are known have a pool of their own, so that strangers cannot fill it.
import type { Readable } from 'node:stream'
import { HttpProblem } from './problem.ts'

/** `requests` counts from the headers to the end of the answer; `bytes` of bodies as they have arrived, and unpacked. */
export type PoolLimits = { readonly requests: number; readonly bytes: number }
export type AdmissionLimits = { readonly devices: PoolLimits; readonly others: PoolLimits }

const MIB = 1024 * 1024
export const ADMISSION_LIMITS: AdmissionLimits = {
  devices: { requests: 8192, bytes: 128 * MIB },
  others: { requests: 1024, bytes: 32 * MIB },
}

/** When turns of the event loop come so late, for longer than a moment, what can wait is sent away. In ms. */
export const MAX_LOOP_DELAY_MS = 1000

/** The place of one request. */
export type Ticket = {
  /** Throws 503 when there is no room for so many bytes more. */
  readonly hold: (bytes: number) => void
  /** Gives the place back; a second time does nothing. */
  readonly end: () => void
}

export class Pool {
  readonly #limits: PoolLimits
  readonly #delayMs: () => number
  #requests = 0
  #bytes = 0

  /** `delayMs`: how late the event loop is. */
  constructor(limits: PoolLimits, delayMs: () => number = () => 0) {
    this.#limits = limits
    this.#delayMs = delayMs
  }

  get requests(): number {
    return this.#requests
  }

  get bytes(): number {
    return this.#bytes
  }

  /** A place for a request. Throws 503 when there is none. */
  enter(): Ticket {
    const { requests, bytes } = this.#limits
    if (this.#requests >= requests || this.#bytes >= bytes || this.#delayMs() > MAX_LOOP_DELAY_MS) throw overloaded()
    this.#requests++
    let held = 0
    let isOpen = true
    return {
      hold: (more) => {
        if (!isOpen) return
        if (this.#bytes + more > bytes) throw overloaded()
        held += more
        this.#bytes += more
      },
      end: () => {
        if (!isOpen) return
        isOpen = false
        this.#requests--
        this.#bytes -= held
      },
    }
  }
}

/** How late the event loop is, on an average of half a second: one long turn is none of it. */
export function watchLoop(): { readonly delayMs: () => number; readonly close: () => void } {
  let average = 0
  let due = performance.now() + TICK_MS
  const timer = setInterval(() => {
    const now = performance.now()
    average += (Math.max(0, now - due) - average) / TICKS
    due = now + TICK_MS
  }, TICK_MS)
  timer.unref()
  return { delayMs: () => average, close: () => clearInterval(timer) }
}

const TICK_MS = 100
const TICKS = 5

/**
 * Calls back once with the whole body, or with what is wrong: 413 beyond `limit`, 503 when the ticket has no room, or the
 * stream's own error, also when the connection was cut. What came in until then is let go of.
 */
export function collectBody(
  stream: Readable,
  ticket: Ticket,
  limit: number,
  done: (error: unknown, bytes: Buffer) => void,
): void {
  const parts: Buffer[] = []
  let length = 0
  // The listeners stay, and do nothing any more: taking them away costs as much as they do.
  let isDone = false
  const finish = (error?: unknown) => {
    if (isDone) return
    isDone = true
    if (error !== undefined) forget(stream)
    done(error, error === undefined ? whole(parts) : EMPTY)
  }
  const take = (part: Buffer) => {
    if (isDone) return
    length += part.length
    try {
      if (length > limit) throw tooLarge()
      ticket.hold(part.length)
      parts.push(part)
    } catch (error) {
      finish(error)
    }
  }
  stream.on('data', take).on('end', finish).on('error', finish)
}

/**
 * So much of a refused body is read, so that a client that writes first and reads later gets to see why: twice what a body may
 * have, so that one that is just too large does not cost the client its connection while it sends the next request.
 */
export const MAX_FORGOTTEN_BYTES = 2 * 1024 * 1024

/** Throws away what is still to come of a body; when that is too much, the connection is cut. */
export function forget(stream: Readable): void {
  let forgotten = 0
  stream.on('error', () => {})
  stream.on('data', (part: Buffer) => {
    forgotten += part.length
    if (forgotten > MAX_FORGOTTEN_BYTES) stream.destroy()
  })
  stream.resume()
}

const EMPTY = Buffer.alloc(0)

function whole(parts: readonly Buffer[]): Buffer {
  const [first = EMPTY] = parts
  return parts.length === 1 ? first : Buffer.concat(parts)
}

export function tooLarge(): HttpProblem {
  return new HttpProblem(413, 'TooLarge', 'the body is larger than 1 MiB; send it in smaller parts, or with gzip')
}

function overloaded(): HttpProblem {
  const headers = { 'retry-after': String(RETRY_AFTER_SECONDS) }
  return new HttpProblem(503, 'Busy', 'too much is under way already; nothing of this was kept, send it again', {
    headers,
  })
}

/** So that those who were sent away do not all come back within the same turn. */
const RETRY_AFTER_SECONDS = 2
