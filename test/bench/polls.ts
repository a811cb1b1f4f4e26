// Devices that ask for their policy over real HTTP, with authentication: nothing new (304) and all of it (200). The server
// has a process of its own; beside it a bare node:http server that answers the same bytes.
import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import { deviceName } from './fleet-data.ts'
import { generateLoad, type LoadResult } from './load.ts'
import { mustBe, quantile, type Row, RUNS, type Size, spreadOf } from './measure.ts'
import { type Order, type Reply, tokenOf } from './policy-server.ts'

const CONNECTIONS = 32
/** So that a policy has some 4 kB. */
const UPDATES = 5
/** Of the devices, so many poll. */
const POLLING = 500
/** A run takes about so long at most. */
const RUN_MS = { full: 2000, short: 400 }

type Server = { readonly port: number; readonly cpuMs: () => Promise<number>; readonly stop: () => void }
type Answer = { readonly headers: Record<string, string>; readonly body: string }
type Measured = { count: number; readonly results: LoadResult[]; readonly cpuMs: number[] }

export async function benchPolls(size: Size): Promise<Row[]> {
  const [devices, count] = size === 'full' ? [10_000, 20_000] : [200, 2000]
  const ours = await start({ type: 'Controller', devices, updates: UPDATES })
  const servers = [ours]
  try {
    const answers: Answer[] = []
    for (let i = 0; i < Math.min(devices, POLLING); i++) answers.push(await ask(ours.port, i))
    const first = answers[0] ?? { headers: {}, body: '' }
    const bare = await start({ type: 'Bare', ...first })
    servers.push(bare)
    await compareAnswers(ours, bare, first)
    const fresh = answers.map((_, i) => requestOf(i))
    const known = answers.map(({ headers }, i) => requestOf(i, headers.etag))
    const stale = answers.map((_, i) => requestOf(i, first.headers.etag))
    const rows: Row[] = []
    for (const status of [304, 200]) {
      const measured = await inTurns(
        count,
        RUN_MS[size],
        { server: ours, requests: status === 304 ? known : fresh },
        { server: bare, requests: status === 304 ? stale : fresh },
      )
      const [a, b] = measured
      if (a !== undefined && b !== undefined) rows.push(...rowsOf(status, Buffer.byteLength(first.body), a, b))
    }
    return rows
  } finally {
    for (const server of servers) server.stop()
  }
}

async function compareAnswers(ours: Server, bare: Server, first: Answer): Promise<void> {
  const other = await ask(bare.port, 0)
  const again = await ask(ours.port, 0)
  mustBe(other.body === first.body && again.body === first.body, 'the policy of the first device')
  mustBe(first.body.includes(deviceName(0)) && first.body.includes('"Install"'), 'a policy with something to install')
  for (const name of Object.keys(first.headers)) mustBe(other.headers[name] === first.headers[name], `header ${name}`)
}

type Side = { readonly server: Server; readonly requests: readonly Buffer[] }

async function inTurns(count: number, runMs: number, ...sides: readonly Side[]): Promise<Measured[]> {
  const measured = sides.map((): Measured => ({ count, results: [], cpuMs: [] }))
  for (let turn = -1; turn < RUNS; turn++)
    for (const [i, { server, requests }] of sides.entries()) {
      const side = measured[i]
      if (side === undefined) continue
      const first = turn < 0 ? Math.ceil(count / 4) : side.count
      const before = await server.cpuMs()
      const result = await generateLoad({ port: server.port, requests, connections: CONNECTIONS, count: first })
      if (turn < 0) side.count = Math.min(count, Math.ceil((first * runMs) / result.ms))
      else {
        side.results.push(result)
        side.cpuMs.push((await server.cpuMs()) - before)
      }
    }
  return measured
}

function rowsOf(status: number, bytes: number, ours: Measured, bare: Measured): Row[] {
  for (const { count, results } of [ours, bare])
    for (const { statuses } of results) mustBe(statuses.get(status) === count, `${count} answers with ${status}`)
  const waits = Float64Array.from(ours.results.flatMap(({ waits }) => [...waits])).sort()
  const busy = ({ results }: Measured) => Math.round(100 * spreadOf(results.map((result) => result.busy)).median)
  const name = status === 304 ? 'policy polls, 304' : `policy polls, 200 of ${bytes} bytes`
  const what = 'bare node:http with the same bytes, no authentication'
  const taken = ({ count, results }: Measured) => ({ operations: count, ms: results.map(({ ms }) => ms) })
  const cpu = ({ count, cpuMs }: Measured) => ({ operations: count, ms: cpuMs })
  return [
    {
      subject: 'polls',
      name,
      operation: 'answer',
      ours: taken(ours),
      baseline: { ...taken(bare), what },
      goal: status === 304 ? '60,000/s, ≥ 0.65×' : '50,000/s on one core, ≥ 0.65×',
      notes: [
        `answered after: p50 ${quantile(waits, 0.5).toFixed(2)} ms, p99 ${quantile(waits, 0.99).toFixed(2)} ms, over ${CONNECTIONS} connections`,
        `the generator took ${busy(ours)} % of a core beside ours, ${busy(bare)} % beside the bare server`,
      ],
    },
    {
      subject: 'polls',
      name: `${name}, by processor time of the server`,
      operation: 'answer',
      ours: cpu(ours),
      baseline: { ...cpu(bare), what },
    },
  ]
}

function requestOf(i: number, etag?: string): Buffer {
  const condition = etag === undefined ? '' : `If-None-Match: ${etag}\r\n`
  return Buffer.from(
    `GET /v1/policy HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${tokenOf(i)}\r\n${condition}\r\n`,
  )
}

async function ask(port: number, i: number): Promise<Answer> {
  const headers = { authorization: `Bearer ${tokenOf(i)}` }
  const response = await fetch(`http://127.0.0.1:${port}/v1/policy`, { headers })
  mustBe(response.status === 200, `device ${i} was answered with ${response.status}`)
  const { date: _, connection: __, 'keep-alive': ___, ...rest } = Object.fromEntries(response.headers)
  return { headers: rest, body: await response.text() }
}

async function start(order: Order): Promise<Server> {
  const child = fork(join(import.meta.dirname, 'policy-server.ts'))
  const ended = new Promise<never>((_resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}`)))
  })
  ended.catch(() => {})
  const request = (order: Order) => Promise.race([tell(child, order), ended])
  const listening = await request(order)
  if (listening.type !== 'Listening') throw new Error('the server did not start')
  return {
    port: listening.port,
    cpuMs: async () => {
      const reply = await request({ type: 'Cpu' })
      return reply.type === 'Cpu' ? reply.ms : 0
    },
    stop: () => child.kill('SIGKILL'),
  }
}

function tell(child: ChildProcess, order: Order): Promise<Reply> {
  return new Promise((resolve) => {
    child.once('message', (reply: Reply) => resolve(reply))
    child.send(order)
  })
}
