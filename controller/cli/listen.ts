// Begins to listen, and says for people why it cannot.
import { reasonOf } from '../model/reason.ts'
import type { HttpServer } from '../serve/server.ts'
import { StartError } from './start-error.ts'

/** Resolves with the address, e.g. `http://127.0.0.1:8080`; port 0 takes a free one. Rejects with a StartError. */
export async function listen(
  server: HttpServer,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<string> {
  try {
    return await server.listen(host, port)
  } catch (error) {
    throw new StartError(listenMessage(error, host, port), error)
  }
}

function listenMessage(error: unknown, host: string, port: number): string {
  switch (error instanceof Error && 'code' in error ? error.code : undefined) {
    case 'EADDRINUSE':
      return `port ${port} of ${host} is in use: stop what listens there, or choose another one with --listen HOST:PORT`
    case 'EACCES':
      return `this user may not listen on port ${port}: choose one from 1024 on with --listen HOST:PORT`
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `${host} is no address of this machine: choose another one with --listen HOST:PORT`
    default:
      return `cannot listen on ${host}:${port}: ${reasonOf(error)}`
  }
}
