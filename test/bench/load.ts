// A load generator over plain sockets: keep-alive connections, each with one request under way, bounded in count and time,
// to the loopback only. Lighter than an HTTP client, so that it is the server that is measured.
import { connect, type Socket } from 'node:net'
import { performance } from 'node:perf_hooks'

export type Load = {
  readonly port: number
  /** Whole requests, sent in turn. */
  readonly requests: readonly Buffer[]
  readonly connections: number
  readonly count: number
}

export type LoadResult = {
  readonly ms: number
  /** How long each answer took, ascending, in ms. */
  readonly waits: Float64Array
  readonly statuses: ReadonlyMap<number, number>
  /** What part of a core the generator itself took. */
  readonly busy: number
}

const TIME_LIMIT_MS = 60_000

/** Rejects when a connection breaks, or when it takes longer than a minute. */
export async function generateLoad({ port, requests, connections, count }: Load): Promise<LoadResult> {
  const waits = new Float64Array(count)
  const statuses = new Map<number, number>()
  let next = 0
  const opened = await Promise.all(Array.from({ length: connections }, () => open(port)))
  const timer = setTimeout(() => {
    for (const { socket } of opened) socket.destroy(new Error(`no end after ${TIME_LIMIT_MS} ms`))
  }, TIME_LIMIT_MS)
  const take = () => (next < count ? next++ : undefined)
  const done = (i: number, begun: number, status: number) => {
    waits[i] = performance.now() - begun
    statuses.set(status, (statuses.get(status) ?? 0) + 1)
  }
  const cpu = process.cpuUsage()
  const begun = performance.now()
  try {
    await Promise.all(opened.map((connection) => drive(connection, requests, take, done)))
  } finally {
    clearTimeout(timer)
    for (const { socket } of opened) socket.destroy()
  }
  const ms = performance.now() - begun
  const { user, system } = process.cpuUsage(cpu)
  return { ms, waits: waits.sort(), statuses, busy: (user + system) / 1000 / ms }
}

type Connection = { readonly socket: Socket; onBytes: (bytes: number) => void }

// One for all connections: what was read is looked at before anything else is. A stream of buffers would take as long as the
// read itself.
const buffer = Buffer.alloc(64 * 1024)
const NOTHING = Buffer.alloc(0)

function open(port: number): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const callback = (bytes: number) => {
      connection.onBytes(bytes)
      return true
    }
    const socket = connect({ port, host: '127.0.0.1', noDelay: true, onread: { buffer, callback } })
    const connection: Connection = { socket, onBytes: () => {} }
    socket.once('connect', () => resolve(connection))
    socket.once('error', reject)
  })
}

function drive(
  connection: Connection,
  requests: readonly Buffer[],
  take: () => number | undefined,
  done: (i: number, begun: number, status: number) => void,
): Promise<void> {
  const { socket } = connection
  return new Promise((resolve, reject) => {
    let current = 0
    let begun = 0
    let held: Buffer = NOTHING
    const whole: WholeAnswers = new Map()
    const send = () => {
      const i = take()
      const request = requests[(i ?? 0) % requests.length]
      if (i === undefined || request === undefined) return resolve()
      current = i
      begun = performance.now()
      socket.write(request)
    }
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('the server closed a connection')))
    connection.onBytes = (bytes) => {
      let status = held.length > 0 ? undefined : statusLike(whole, bytes)
      if (status === undefined) {
        held = Buffer.concat([held, buffer.subarray(0, bytes)])
        const answer = wholeAnswer(held)
        if (answer === undefined) return
        if (answer.bytes !== held.length) {
          socket.destroy(new Error('more bytes than one answer has'))
          return
        }
        held = NOTHING
        status = answer.status
        whole.set(answer.bytes, status)
      }
      done(current, begun, status)
      send()
    }
    send()
  })
}

type Answer = { readonly status: number; readonly bytes: number }

/** By their length the status of answers that were whole. */
type WholeAnswers = Map<number, number>

/** As long as one before and with the same status, so whole like it. If it were not, what is left of it would be no answer. */
function statusLike(whole: WholeAnswers, read: number): number | undefined {
  const status = digit(9) * 100 + digit(10) * 10 + digit(11)
  return buffer[0] === LETTER_H && whole.get(read) === status ? status : undefined
}

const LETTER_H = 'H'.charCodeAt(0)
const ZERO = '0'.charCodeAt(0)

function digit(at: number): number {
  return (buffer[at] ?? 0) - ZERO
}

/** Undefined while some of it is missing. */
function wholeAnswer(received: Buffer): Answer | undefined {
  const head = received.indexOf('\r\n\r\n')
  if (head < 0) return undefined
  const text = received.toString('latin1', 0, head)
  const status = Number(text.slice(9, 12))
  const length = status === 304 ? 0 : Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1])
  const bytes = head + 4 + length
  if (Number.isNaN(bytes)) throw new Error(`an answer without a length: ${text}`)
  return received.length < bytes ? undefined : { status, bytes }
}
