// A TCP proxy on loopback that makes a server slow, cuts its connections, or makes it unreachable, while both ends run on.
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

export class SlowProxy implements AsyncDisposable {
  /** Milliseconds by which every piece of data is held back, in either direction. May be changed at any time. */
  delayMs = 0
  /** Refuses new connections while true. */
  refusing = false
  readonly port: number
  readonly #server: Server
  readonly #sockets: Set<Socket>

  private constructor(server: Server, sockets: Set<Socket>, port: number) {
    this.#server = server
    this.#sockets = sockets
    this.port = port
  }

  /** In front of a server on loopback. TLS passes through: a certificate for 127.0.0.1 stays good. */
  static async start(targetPort: number): Promise<SlowProxy> {
    const sockets = new Set<Socket>()
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('a TCP server without a port')
    const proxy = new SlowProxy(server, sockets, address.port)
    server.on('connection', (client) => {
      if (proxy.refusing) client.destroy()
      else proxy.#join(client, connect(targetPort, '127.0.0.1'))
    })
    return proxy
  }

  /** Connections that there are. */
  get connections(): number {
    return this.#sockets.size / 2
  }

  /** Cuts every connection there is; new ones are taken. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  #join(client: Socket, target: Socket): void {
    this.#pass(client, target)
    this.#pass(target, client)
  }

  // Timers of one delay fire in the order in which they were set, but the delay may change: each piece waits for the last.
  #pass(from: Socket, to: Socket): void {
    this.#sockets.add(from)
    let last = Promise.resolve()
    const after = (act: () => void) => {
      const held = new Promise<void>((resolve) => setTimeout(resolve, this.delayMs).unref())
      last = Promise.all([last, held]).then(act)
    }
    from.on('data', (data) => after(() => to.writable && to.write(data)))
    from.on('end', () => after(() => to.end()))
    from.on('error', () => {})
    from.on('close', () => {
      this.#sockets.delete(from)
      after(() => to.destroy())
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
    this.cut()
    await once(this.#server, 'close')
  }
}
