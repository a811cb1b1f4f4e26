// Serves repositories over HTTP by git's own http-backend, as a forge does: with basic auth, smart protocol and filters.
import { execFileSync, spawn } from 'node:child_process'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Test } from 'tap'

export type GitHttpServer = {
  readonly url: string
  /** Method, path and query of each request, in order. */
  readonly requests: string[]
  /** When set, requests are answered so, or never. `Stall`: only with the first 20,000 bytes. */
  fault: 'Hang' | 'Break' | 'Stall' | number | undefined
  /** Answers that are stalled. */
  readonly stalled: () => number
  /** Ends every connection. */
  readonly cut: () => void
  readonly close: () => Promise<void>
}

export type GitHttpOptions = { readonly user?: string; readonly password?: string; readonly authorization?: string }

const BACKEND = join(execFileSync('git', ['--exec-path'], { encoding: 'utf8' }).trim(), 'git-http-backend')

/** Serves the bare repositories in `root`. */
export async function serveGit(t: Test, root: string, options: GitHttpOptions = {}): Promise<GitHttpServer> {
  const { user, password } = options
  const expected = options.authorization ?? (user && `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`)
  const state: { fault: GitHttpServer['fault'] } = { fault: undefined }
  const requests: string[] = []
  let stalled = 0
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`)
    const { fault } = state
    if (fault === 'Hang') return
    if (fault === 'Break') return void request.socket.destroy()
    if (fault !== undefined && fault !== 'Stall')
      return void response.writeHead(fault, { location: 'http://127.0.0.1:1/elsewhere' }).end()
    if (expected !== undefined && request.headers.authorization !== expected)
      return void response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end()
    backend(root, request, response, fault === 'Stall' ? () => stalled++ : undefined)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  t.teardown(close)
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    get fault() {
      return state.fault
    },
    set fault(fault) {
      state.fault = fault
    },
    stalled: () => stalled,
    cut: () => server.closeAllConnections(),
    close,
  }
}

// As CGI has it (RFC 3875): the request in variables and on standard input, headers and body on standard output.
const STALL_BYTES = 20_000

function backend(root: string, request: IncomingMessage, response: ServerResponse, onStall?: () => void): void {
  const { pathname, search } = new URL(request.url ?? '/', 'http://localhost')
  const env = {
    PATH: process.env.PATH ?? '',
    GIT_PROJECT_ROOT: root,
    GIT_HTTP_EXPORT_ALL: '1',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    REQUEST_METHOD: request.method ?? 'GET',
    PATH_INFO: decodeURIComponent(pathname),
    QUERY_STRING: search.slice(1),
    CONTENT_TYPE: request.headers['content-type'] ?? '',
    CONTENT_LENGTH: request.headers['content-length'] ?? '',
    HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
    GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
    REMOTE_ADDR: '127.0.0.1',
  }
  const child = spawn(BACKEND, { env, stdio: ['pipe', 'pipe', 'ignore'] })
  child.stdin.on('error', () => {})
  request.pipe(child.stdin)
  response.on('close', () => child.kill())
  let head = Buffer.alloc(0)
  let isBody = false
  let sent = 0
  child.stdout.on('data', (chunk: Buffer) => {
    sent += chunk.length
    if (onStall !== undefined && sent > STALL_BYTES) {
      child.stdout.pause()
      onStall()
      return
    }
    if (isBody) return void response.write(chunk)
    head = Buffer.concat([head, chunk])
    const end = head.indexOf('\r\n\r\n')
    if (end < 0) return
    isBody = true
    const lines = head.subarray(0, end).toString('latin1').split('\r\n')
    const headers = lines.map((line) => line.split(/:\s*/, 2))
    const status = Number(headers.find(([name]) => name === 'Status')?.[1]?.slice(0, 3) ?? 200)
    for (const [name = '', value = ''] of headers) if (name !== 'Status') response.setHeader(name, value)
    response.writeHead(status)
    response.write(head.subarray(end + 4))
  })
  child.stdout.on('end', () => response.end())
}
