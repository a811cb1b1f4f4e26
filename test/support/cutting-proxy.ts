// A TCP proxy that cuts connections where a test says: after so many bytes from the server, or from the client.
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { Test } from 'tap'

export type CuttingProxy = {
  readonly port: number
  /** From now on each connection is cut after so many more bytes in this direction; those that follow are not. */
  readonly cutAfter: (bytes: number, from: 'client' | 'server') => void
  /** Refuses connections, and cuts those there are, until it is let through again. */
  readonly block: (blocked: boolean) => void
  /** How many were cut. */
  readonly cuts: () => number
}

export async function cuttingProxy(t: Test, target: number): Promise<CuttingProxy> {
  const sockets = new Set<Socket>()
  let budget: { left: number; from: 'client' | 'server' } | undefined
  let blocked = false
  let cuts = 0
  const server = createServer((client) => {
    if (blocked) {
      client.destroy()
      return
    }
    const upstream = connect(target, '127.0.0.1')
    const cut = () => {
      client.destroy()
      upstream.destroy()
    }
    const pass = (from: 'client' | 'server', source: Socket, sink: Socket) =>
      source.on('data', (bytes: Buffer) => {
        if (budget?.from === from) {
          if (bytes.length >= budget.left) {
            sink.write(bytes.subarray(0, budget.left), cut)
            budget = undefined
            cuts++
            return
          }
          budget.left -= bytes.length
        }
        sink.write(bytes)
      })
    pass('client', client, upstream)
    pass('server', upstream, client)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', cut)
      socket.on('close', () => {
        sockets.delete(socket)
        cut()
      })
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    port: address.port,
    cutAfter: (bytes, from) => {
      budget = { left: bytes, from }
    },
    block: (now) => {
      blocked = now
      if (now) for (const socket of sockets) socket.destroy()
    },
    cuts: () => cuts,
  }
}
