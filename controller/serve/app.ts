// The HTTP server under the routes: limits, time limits, bodies, and errors that are always JSON. The one importer of fastify.
import { createServer, type IncomingMessage, type ServerOptions, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import { errorFields, type Log } from '../runtime/log.ts'
import { ADMISSION_LIMITS, collectBody, Pool, type Ticket, tooLarge } from './admission.ts'
import { MAX_BODY_BYTES, readBody } from './body.ts'
import { asProblem, HttpProblem, problemBody, UNFORESEEN } from './problem.ts'
import { refuse } from './refuse.ts'
import { TIME_LIMITS, type TimeLimits } from './time-limits.ts'

/** What routes are added to. Handlers return the answer, or throw an HttpProblem. */
export type App = FastifyInstance
export type Request = FastifyRequest
export type Reply = FastifyReply

const MAX_CONNECTIONS = 50_000

/** Hears of each request: the pattern of its route, the status and how long it took. */
export type OnAnswered = (method: string, route: string, status: number, seconds: number) => void

/**
 * Answers a request, at once or later, and returns true, or leaves it as it is for the routes and returns false. Never throws.
 * An answer that is given while the server closes ends its connection.
 */
export type Shortcut = (request: IncomingMessage, response: ServerResponse, isClosing: () => boolean) => boolean

export type AppOptions = {
  readonly log: Log
  readonly limits?: TimeLimits
  readonly onAnswered?: OnAnswered
  /** Asked before any route is. */
  readonly shortcut?: Shortcut
  /** Where requests with a body have their place that no shortcut takes. */
  readonly pool?: Pool
}

/** A name in a path, percent-encoded: ids of updates have up to 256 characters of any script. */
const MAX_PARAMETER_LENGTH = 256 * 9

export function newApp(options: AppOptions): App {
  const { log, limits = TIME_LIMITS, onAnswered, shortcut } = options
  let closing = false
  const isClosing = () => closing
  const admission = newAdmission(options)
  const app: App = fastify({
    bodyLimit: MAX_BODY_BYTES,
    routerOptions: { maxParamLength: MAX_PARAMETER_LENGTH },
    // While it closes, all answers say so; the routes' do.
    serverFactory: (route) =>
      createServer(timeLimits(limits), (request, response) => {
        const isTaken = !closing && shortcut?.(request, response, isClosing) === true
        // What has been answered and taken in already needs no timer: these cost a tenth of a poll.
        if (!response.writableEnded || response.writableLength > 0) request.socket.setTimeout(limits.stalled)
        if (!isTaken && admission.admit(request, response)) route(request, response)
      }),
    // Requests that are being answered finish while it closes; connections without one are closed at once.
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    logger: false,
    clientErrorHandler: (error, socket) => refuseMalformed(error, socket),
    frameworkErrors: (error, _request, reply) => {
      answerError(error, reply, log)
    },
  })
  app.server.maxConnections = MAX_CONNECTIONS
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', (request: Request, payload: IncomingMessage) =>
    admission.body(payload).then((body) => readBody(body, request.headers['content-encoding'])),
  )
  app.setErrorHandler((error, _request, reply) => answerError(error, reply, log))
  app.setNotFoundHandler((request, reply) => {
    const message = `there is no ${request.method} ${request.url.slice(0, 200)}`
    return answerError(new HttpProblem(404, 'NotFound', message), reply, log)
  })
  app.addHook('preClose', async () => {
    closing = true
  })
  // With a callback: a promise for each hook of each request can be measured.
  app.addHook('onSend', (_request, reply, _payload, done) => {
    reply.header('x-content-type-options', 'nosniff')
    if (closing) reply.header('connection', 'close')
    done()
  })
  if (onAnswered !== undefined)
    app.addHook('onResponse', (request, reply, done) => {
      const route = request.routeOptions.url ?? 'none'
      onAnswered(request.method, route, reply.statusCode, reply.elapsedTime / 1000)
      done()
    })
  return app
}

type Admission = {
  /** Whether there is a place for the request; otherwise it has been answered. */
  readonly admit: (request: IncomingMessage, response: ServerResponse) => boolean
  /** The body of a request that has a place. */
  readonly body: (request: IncomingMessage) => Promise<Buffer>
}

function newAdmission({ pool = new Pool(ADMISSION_LIMITS.others), onAnswered }: AppOptions): Admission {
  const tickets = new WeakMap<IncomingMessage, Ticket>()
  return {
    admit: (request, response) => {
      const { 'content-length': length, 'transfer-encoding': encoding } = request.headers
      if (encoding === undefined && (length === undefined || length === '0')) return true
      try {
        if (Number(length) > MAX_BODY_BYTES) throw tooLarge()
        const ticket = pool.enter()
        tickets.set(request, ticket)
        response.once('close', ticket.end)
        return true
      } catch (error) {
        const problem = asProblem(error) ?? UNFORESEEN
        refuse(request, response, problem)
        onAnswered?.(request.method ?? '', 'none', problem.status, 0)
        return false
      }
    },
    body: (request) =>
      new Promise((resolve, reject) => {
        const ticket = tickets.get(request) ?? NO_TICKET
        collectBody(request, ticket, MAX_BODY_BYTES, (error, bytes) =>
          error === undefined ? resolve(bytes) : reject(error),
        )
      }),
  }
}

// Of a request without a body that says it has one: there is nothing to hold.
const NO_TICKET: Ticket = { hold: () => {}, end: () => {} }

function timeLimits(limits: TimeLimits): ServerOptions {
  return {
    headersTimeout: limits.headers,
    requestTimeout: limits.request,
    keepAliveTimeout: limits.keepAlive,
    connectionsCheckingInterval: Math.ceil(limits.headers / 5),
    // A poll has no body: there is no stream to be read to its end.
    optimizeEmptyRequests: true,
  }
}

const IDLE_CHECK_MS = 50

/** Stops listening, lets running requests finish for at most `grace` ms, then cuts what is left. */
export async function closeApp(app: App, { grace }: TimeLimits = TIME_LIMITS): Promise<void> {
  const cut = setTimeout(() => app.server.closeAllConnections(), grace)
  // An answer that had begun before has not told its connection to close, which falls silent when it ends.
  const silent = setInterval(() => app.server.closeIdleConnections(), IDLE_CHECK_MS)
  try {
    await app.close()
  } finally {
    clearTimeout(cut)
    clearInterval(silent)
  }
}

function answerError(error: unknown, reply: Reply, log: Log): Reply {
  const problem = asProblem(error)
  if (problem === undefined) log.error('a request failed in an unforeseen way', errorFields(error))
  const { status, headers } = problem ?? UNFORESEEN
  return reply
    .code(status)
    .headers({ ...headers, 'cache-control': 'no-store' })
    .type('application/json; charset=utf-8')
    .send(JSON.stringify(problemBody(problem ?? UNFORESEEN)))
}

function refuseMalformed(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  const [status, text, body] = malformed(error.code)
  const json = JSON.stringify(body)
  const head = `HTTP/1.1 ${status} ${text}\r\nContent-Type: application/json; charset=utf-8\r\n`
  socket.end(`${head}Content-Length: ${Buffer.byteLength(json)}\r\nConnection: close\r\n\r\n${json}`)
}

function malformed(code: string | undefined): [number, string, { code: string; message: string }] {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return [408, 'Request Timeout', { code: 'Timeout', message: 'the request took too long to arrive' }]
    case 'HPE_HEADER_OVERFLOW':
      return [431, 'Request Header Fields Too Large', { code: 'TooLarge', message: 'the headers are too large' }]
    default:
      return [400, 'Bad Request', { code: 'Invalid', message: 'this is no valid HTTP request' }]
  }
}
