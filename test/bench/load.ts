// A load generator over plain sockets: keep-alive connections, each with one request under way, bounded in count and time,
// to the loopback only. Lighter than an HTTP client, so that it is the server that is measured.
import { connect, type Socket } from 'node:net'

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
  const sockets = await Promise.all(Array.from({ length: connections }, () => open(port)))
  const timer = setTimeout(() => {
    for (const socket of sockets) socket.destroy(new Error(`no end after ${TIME_LIMIT_MS} ms`))
  }, TIME_LIMIT_MS)
  const take = () => (next < count ? next++ : undefined)
  const done = (i: number, begun: number, status: number) => {
    waits[i] = performance.now() - begun
    statuses.set(status, (statuses.get(status) ?? 0) + 1)
  }
  const cpu = process.cpuUsage()
  const begun = performance.now()
  try {
    await Promise.all(sockets.map((socket) => drive(socket, requests, take, done)))
  } finally {
    clearTimeout(timer)
    for (const socket of sockets) socket.destroy()
  }
  const ms = performance.now() - begun
  const { user, system } = process.cpuUsage(cpu)
  return { ms, waits: waits.sort(), statuses, busy: (user + system) / 1000 / ms }
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    socket.once('connect', () => resolve(socket))
    socket.once('error', reject)
  })
}

function drive(
  socket: Socket,
  requests: readonly Buffer[],
  take: () => number | undefined,
  done: (i: number, begun: number, status: number) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let current = 0
    let begun = 0
    let received = Buffer.alloc(0)
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
    socket.on('data', (part) => {
      const bytes = Buffer.from(part)
      received = received.length === 0 ? bytes : Buffer.concat([received, bytes])
      const answer = wholeAnswer(received)
      if (answer === undefined) return
      received = received.subarray(answer.bytes)
      done(current, begun, answer.status)
      send()
    })
    send()
  })
}

/** Undefined while some of it is missing. */
function wholeAnswer(received: Buffer): { status: number; bytes: number } | undefined {
  const head = received.indexOf('\r\n\r\n')
  if (head < 0) return undefined
  const text = received.toString('latin1', 0, head)
  const status = Number(text.slice(9, 12))
  const length = status === 304 ? 0 : Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1])
  const bytes = head + 4 + length
  if (Number.isNaN(bytes)) throw new Error(`an answer without a length: ${text}`)
  return received.length < bytes ? undefined : { status, bytes }
}
