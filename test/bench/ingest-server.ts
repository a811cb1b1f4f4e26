// A process of its own that takes reports in over HTTP: the controller's server over a journal in SQLite, or a bare node:http
// that appends the same bytes to a file, with one fdatasync for what arrived in one turn, and answers without a look at them.
import { createHash } from 'node:crypto'
import { createServer as createBareServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { openSqliteJournal } from '../../controller/journal/sqlite-journal.ts'
import type { Input } from '../../controller/model/facts.ts'
import { newMetrics } from '../../controller/project/metrics.ts'
import { systemClock } from '../../controller/runtime/clock.ts'
import { Controller } from '../../controller/runtime/controller.ts'
import { decodeFact } from '../../controller/runtime/fact-codec.ts'
import { silentLog } from '../../controller/runtime/log.ts'
import { hashSecret } from '../../controller/serve/auth.ts'
import { createServer } from '../../controller/serve/server.ts'
import { catalogOf, deviceAttributes, deviceName, updateIds } from './fleet-data.ts'
import { LineLog } from './plain-stores.ts'
import { tokenOf } from './policy-server.ts'

export type IngestOrder =
  | { readonly type: 'Controller'; readonly file: string; readonly devices: number; readonly updates: number }
  | { readonly type: 'Bare'; readonly file: string; readonly answer: string }
  | { readonly type: 'Cpu' }
  | { readonly type: 'Kept' }

/** `Kept`: how many reports are durable, and the hash of all of them in the order of their numbers. */
export type IngestReply =
  | { readonly type: 'Listening'; readonly port: number }
  | { readonly type: 'Cpu'; readonly ms: number }
  | { readonly type: 'Kept'; readonly reports: number; readonly digest: string }

type Kept = { readonly sequence: number; readonly at: number; readonly messages: unknown }

let kept: () => Kept[] = () => []

if (process.argv[1] === import.meta.filename)
  process.on('message', async (order: IngestOrder) => {
    process.send?.(await answer(order))
  })

async function answer(order: IngestOrder): Promise<IngestReply> {
  switch (order.type) {
    case 'Controller':
      return { type: 'Listening', port: await serveController(order.file, order.devices, order.updates) }
    case 'Bare':
      return { type: 'Listening', port: await serveBare(order.file, order.answer) }
    case 'Cpu': {
      const { user, system } = process.cpuUsage()
      return { type: 'Cpu', ms: (user + system) / 1000 }
    }
    case 'Kept': {
      const all = kept().sort((a, b) => a.sequence - b.sequence)
      const hash = createHash('sha256')
      for (const { sequence, at, messages } of all) hash.update(JSON.stringify([sequence, at, messages]))
      return { type: 'Kept', reports: all.length, digest: hash.digest('hex') }
    }
  }
}

async function serveController(file: string, devices: number, updates: number): Promise<number> {
  const journal = openSqliteJournal(file, decodeFact)
  const controller = await Controller.open({ journal, clock: systemClock, snapshotEvery: Number.MAX_SAFE_INTEGER })
  await controller.submit(catalogOf(updateIds(updates)))
  for (let from = 0; from < devices; from += 10_000) {
    const facts = Array.from({ length: Math.min(10_000, devices - from) }, (_, i): Input => {
      const tokenHash = hashSecret(tokenOf(from + i))
      const attributes = deviceAttributes(from + i)
      return { type: 'DeviceEnrolled', device: deviceName(from + i), tokenHash, keyHash: 'bench', attributes }
    })
    await controller.submit(...facts)
  }
  kept = () =>
    [...journal.read(0)].flatMap(({ fact }) =>
      fact.type === 'DeviceReported'
        ? [{ sequence: fact.report.sequence, at: fact.report.at, messages: fact.report.messages }]
        : [],
    )
  const metrics = newMetrics(() => ({ state: controller.state, journal, clock: systemClock }))
  const server = createServer({ controller, log: silentLog, adminTokenHash: undefined, declarations: ['x'], metrics })
  return Number(new URL(await server.listen('127.0.0.1', 0)).port)
}

async function serveBare(file: string, text: string): Promise<number> {
  const log = new LineLog(file)
  const bytes = Buffer.from(text)
  const headers = { 'content-type': 'application/json; charset=utf-8', 'content-length': bytes.length }
  let lines: string[] = []
  let waiting: ServerResponse[] = []
  const commit = () => {
    const answered = waiting
    waiting = []
    log.append(lines)
    lines = []
    for (const response of answered) response.writeHead(200, headers).end(bytes)
  }
  const server = createBareServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      if (waiting.length === 0) setImmediate(commit)
      lines.push(Buffer.concat(parts).toString())
      waiting.push(response)
    })
  })
  kept = () =>
    log.readBack().flatMap((line) => {
      const { reports } = JSON.parse(line) as { reports: { sequence: number; at: string; messages: unknown }[] }
      return reports.map(({ sequence, at, messages }) => ({ sequence, at: Date.parse(at), messages }))
    })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}
