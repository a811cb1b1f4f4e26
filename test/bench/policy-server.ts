// A process of its own with one of two servers: the controller's, over devices that it makes up, or a bare node:http that
// answers the same bytes without a thought. The parent says which, and asks how much processor time it has taken.
import { createServer as createBareServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { openMemoryJournal } from '../../controller/journal/memory-journal.ts'
import type { Input } from '../../controller/model/facts.ts'
import { newMetrics } from '../../controller/project/metrics.ts'
import { systemClock } from '../../controller/runtime/clock.ts'
import { Controller } from '../../controller/runtime/controller.ts'
import { decodeFact } from '../../controller/runtime/fact-codec.ts'
import { silentLog } from '../../controller/runtime/log.ts'
import { hashSecret } from '../../controller/serve/auth.ts'
import { createServer } from '../../controller/serve/server.ts'
import { declare } from '../support/declare.ts'
import { catalogOf, collections, deviceAttributes, deviceName, rolloutOf, updateIds, windows } from './fleet-data.ts'

export type Order =
  | { readonly type: 'Controller'; readonly devices: number; readonly updates: number }
  | { readonly type: 'Bare'; readonly headers: Readonly<Record<string, string>>; readonly body: string }
  | { readonly type: 'Cpu' }

export type Reply =
  | { readonly type: 'Listening'; readonly port: number }
  | { readonly type: 'Cpu'; readonly ms: number }

/** Of device number `i`. */
export function tokenOf(i: number): string {
  const secret = hashSecret(`secret of ${i}`).slice(0, 43)
  return `rm1.${Buffer.from(deviceName(i)).toString('base64url')}.${secret}`
}

if (process.argv[1] === import.meta.filename)
  process.on('message', async (order: Order) => {
    process.send?.(await answer(order))
  })

async function answer(order: Order): Promise<Reply> {
  switch (order.type) {
    case 'Controller':
      return { type: 'Listening', port: await serveController(order.devices, order.updates) }
    case 'Bare':
      return { type: 'Listening', port: await serveBare(order.headers, order.body) }
    case 'Cpu': {
      const { user, system } = process.cpuUsage()
      return { type: 'Cpu', ms: (user + system) / 1000 }
    }
  }
}

async function serveController(devices: number, updates: number): Promise<number> {
  const journal = openMemoryJournal(decodeFact)
  const controller = await Controller.open({ journal, clock: systemClock })
  const ids = updateIds(updates)
  await controller.submit(catalogOf(ids), declare(...collections(10)), declare(...windows()))
  for (let from = 0; from < devices; from += 10_000) {
    const facts = Array.from({ length: Math.min(10_000, devices - from) }, (_, i): Input => {
      const tokenHash = hashSecret(tokenOf(from + i))
      const attributes = deviceAttributes(from + i)
      return { type: 'DeviceEnrolled', device: deviceName(from + i), tokenHash, keyHash: 'bench', attributes }
    })
    await controller.submit(...facts)
  }
  await controller.submit(rolloutOf(ids))
  await controller.settled()
  const metrics = newMetrics(() => ({ state: controller.state, journal, clock: systemClock }))
  const server = createServer({ controller, log: silentLog, adminTokenHash: undefined, declarations: ['x'], metrics })
  return Number(new URL(await server.listen('127.0.0.1', 0)).port)
}

async function serveBare(headers: Readonly<Record<string, string>>, body: string): Promise<number> {
  const bytes = Buffer.from(body)
  const { 'content-length': _, 'content-type': __, ...unchanged } = headers
  const server = createBareServer((request, response) => {
    if (request.headers['if-none-match'] === headers.etag) response.writeHead(304, unchanged).end()
    else response.writeHead(200, headers).end(bytes)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}
