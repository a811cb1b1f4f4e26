// A TCP port on loopback that nobody listens on.
import { once } from 'node:events'
import { createServer } from 'node:net'

/** Somebody else may take it before it is used; it is drawn at random by the kernel, so that this is rare. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('a TCP server without a port')
  return address.port
}
