// State messages over HTTP, each report acknowledged when it is durable: the controller's server in a process of its own, beside a
// bare node:http that appends the same bytes, the disk alone, and a database that commits row by row. The generator takes turns
// with all of them on the same two cores.
import { fork } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deviceName, reportOf, updateIds } from './fleet-data.ts'
import type { IngestOrder, IngestReply } from './ingest-server.ts'
import { generateLoad, type LoadResult } from './load.ts'
import { mustBe, quantile, type Row, RUNS, type Size, spreadOf, timed } from './measure.ts'
import { LineLog, RowStore } from './plain-stores.ts'
import { tokenOf } from './policy-server.ts'

const CONNECTIONS = 128
const MESSAGES = 10
const UPDATES = 100
const IDS = updateIds(UPDATES)
const AT = Date.parse('2026-01-01T00:00:00Z')

type Sizes = { readonly devices: number; readonly posts: number; readonly rows: number }
type Post = { readonly body: string; readonly request: Buffer }
type Server = {
  readonly port: number
  readonly cpuMs: () => Promise<number>
  readonly kept: () => Promise<Extract<IngestReply, { readonly type: 'Kept' }>>
  readonly stop: () => void
}
type Side = { readonly ms: number[]; readonly cpuMs: number[]; readonly results: LoadResult[] }

export async function benchIngestHttp(size: Size): Promise<Row[]> {
  const sizes: Sizes =
    size === 'full' ? { devices: 100_000, posts: 50_000, rows: 1000 } : { devices: 5000, posts: 5000, rows: 100 }
  const folder = mkdtempSync(join(tmpdir(), 'ringmaster-bench-'))
  const servers: Server[] = []
  try {
    const file = join(folder, 'journal.sqlite')
    const ours = await start({ type: 'Controller', file, devices: sizes.devices, updates: UPDATES })
    servers.push(ours)
    const [first] = postsOf(sizes, 0, 1)
    const text = await answerTo(ours, first)
    const bare = await start({ type: 'Bare', file: join(folder, 'bare.ndjson'), answer: text })
    servers.push(bare)
    mustBe((await answerTo(bare, first)) === text, 'the answer to a report')
    return await measure(folder, sizes, ours, bare)
  } finally {
    for (const server of servers) server.stop()
    rmSync(folder, { recursive: true })
  }
}

async function measure(folder: string, sizes: Sizes, ours: Server, bare: Server): Promise<Row[]> {
  const sides = [ours, bare].map((): Side => ({ ms: [], cpuMs: [], results: [] }))
  const disk: number[] = []
  const rows: number[] = []
  const log = new LineLog(join(folder, 'disk.ndjson'))
  const store = new RowStore(join(folder, 'rows.sqlite'))
  for (let turn = 0; turn <= RUNS; turn++) {
    const posts = postsOf(sizes, turn + 1, turn === 0 ? Math.ceil(sizes.posts / 5) : sizes.posts)
    const requests = posts.map(({ request }) => request)
    for (const [i, server] of [ours, bare].entries()) {
      const before = await server.cpuMs()
      const load = { port: server.port, requests, connections: CONNECTIONS, count: posts.length }
      const result = await generateLoad(load)
      mustBe(result.statuses.get(200) === posts.length, 'every report acknowledged')
      if (turn > 0) keep(sides[i], result, (await server.cpuMs()) - before)
    }
    const raw = timed(() => {
      for (let i = 0; i < posts.length; i += CONNECTIONS)
        log.append(posts.slice(i, i + CONNECTIONS).map(({ body }) => body))
    })
    const single = timed(() => putRows(store, turn, sizes))
    if (turn > 0) disk.push(raw)
    if (turn > 0) rows.push(single)
  }
  log.close()
  store.close()
  const [a, b] = [await ours.kept(), await bare.kept()]
  const acknowledged = 1 + Math.ceil(sizes.posts / 5) + RUNS * sizes.posts
  mustBe(a.reports === acknowledged && b.reports === acknowledged, `${acknowledged} acknowledged reports are durable`)
  mustBe(a.digest === b.digest, 'what was made durable')
  return rowsOf(sizes, sides, disk, rows)
}

function keep(side: Side | undefined, result: LoadResult, cpuMs: number): void {
  side?.ms.push(result.ms)
  side?.cpuMs.push(cpuMs)
  side?.results.push(result)
}

function putRows(store: RowStore, turn: number, { rows }: Sizes): void {
  for (let i = 0; i < rows / MESSAGES; i++)
    store.put(deviceName(i), reportOf(IDS, i * MESSAGES, MESSAGES, turn * rows + i + 1, AT))
}

function rowsOf({ posts, rows }: Sizes, [ours, bare]: readonly Side[], disk: number[], single: number[]): Row[] {
  if (ours === undefined || bare === undefined) return []
  const operations = posts * MESSAGES
  const common = { subject: 'ingest-http', operation: 'state message', ours: { operations, ms: ours.ms } }
  const waits = Float64Array.from(ours.results.flatMap((result) => [...result.waits])).sort()
  const [p50, p99, longest] = [quantile(waits, 0.5), quantile(waits, 0.99), waits.at(-1) ?? 0]
  const busy = (side: Side) => Math.round(100 * spreadOf(side.results.map((result) => result.busy)).median)
  return [
    {
      ...common,
      name: `over HTTP, durable, posts of ${MESSAGES} messages`,
      baseline: { operations, ms: bare.ms, what: 'bare node:http, append and fdatasync of what came in a turn' },
      goal: '250,000/s, 25,000 POST/s, p99 ≤ 25 ms',
      notes: [
        `${Math.round((posts * 1000) / spreadOf(ours.ms).median).toLocaleString('en')} POST/s over ${CONNECTIONS} connections`,
        `acknowledged after: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, longest ${longest.toFixed(1)} ms`,
        `the generator took ${busy(ours)} % of a core beside ours, ${busy(bare)} % beside the bare server`,
      ],
    },
    {
      ...common,
      name: `over HTTP, durable, posts of ${MESSAGES} messages, by processor time of the server`,
      ours: { operations, ms: ours.cpuMs },
      baseline: { operations, ms: bare.cpuMs, what: 'the same bare server' },
      notes: [ours, bare].map(
        ({ cpuMs }, i) => `${((spreadOf(cpuMs).median * 1000) / posts).toFixed(1)} µs a POST${i === 0 ? '' : ', bare'}`,
      ),
    },
    {
      ...common,
      name: 'over HTTP, durable, beside the disk alone',
      baseline: {
        operations,
        ms: disk,
        what: `append of the same lines and fdatasync, ${CONNECTIONS} at a time, no HTTP`,
      },
      goal: '≥ 0.3×',
    },
    {
      ...common,
      name: 'over HTTP, durable, beside a database',
      baseline: { operations: rows, ms: single, what: 'node:sqlite, write-ahead log, one commit a message, no HTTP' },
      goal: '≥ 30×',
    },
  ]
}

/** New for each turn: numbers go up, and no two devices of those under way are the same. */
function postsOf({ devices, posts }: Sizes, turn: number, count: number): Post[] {
  return Array.from({ length: count }, (_, i) => {
    const device = i % devices
    const { sequence, messages } = reportOf(IDS, i * MESSAGES, MESSAGES, turn * posts + i + 1, AT)
    const body = JSON.stringify({ reports: [{ sequence, at: new Date(AT + i).toISOString(), messages }] })
    const head = `POST /v1/reports HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${tokenOf(device)}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n`
    return { body, request: Buffer.from(head + body) }
  })
}

async function answerTo({ port }: Server, post: Post | undefined): Promise<string> {
  const headers = { authorization: `Bearer ${tokenOf(0)}`, 'content-type': 'application/json' }
  const response = await fetch(`http://127.0.0.1:${port}/v1/reports`, {
    method: 'POST',
    headers,
    body: post?.body ?? '',
  })
  mustBe(response.status === 200, `a report was answered with ${response.status}`)
  return (await response.text()).replace(/"lastSequence":\d+/, '"lastSequence":1')
}

async function start(order: IngestOrder): Promise<Server> {
  const child = fork(join(import.meta.dirname, 'ingest-server.ts'))
  const ended = new Promise<never>((_resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}`)))
  })
  ended.catch(() => {})
  const request = <T extends IngestReply['type']>(order: IngestOrder, type: T) =>
    Promise.race([
      ended,
      new Promise<Extract<IngestReply, { readonly type: T }>>((resolve, reject) => {
        child.once('message', (reply: IngestReply) => {
          if (isReply(reply, type)) resolve(reply)
          else reject(new Error(`${reply.type} instead of ${type}`))
        })
        child.send(order)
      }),
    ])
  const { port } = await request(order, 'Listening')
  return {
    port,
    cpuMs: async () => (await request({ type: 'Cpu' }, 'Cpu')).ms,
    kept: () => request({ type: 'Kept' }, 'Kept'),
    stop: () => child.kill('SIGKILL'),
  }
}

function isReply<T extends IngestReply['type']>(
  reply: IngestReply,
  type: T,
): reply is Extract<IngestReply, { readonly type: T }> {
  return reply.type === type
}
