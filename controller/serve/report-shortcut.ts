// POST /v1/reports of a device that is known, without a library's way to a route and back: admission, body, JSON, the quick
// reader of reports, and one answer when they are durable. Who has no good token is for the route, which says so.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { tokenMark } from '../fleet/token-hashes.ts'
import { readReports } from '../model/read-reports.ts'
import { type DeviceReport, ReportRequest } from '../model/report.ts'
import { errorFields } from '../runtime/log.ts'
import { collectBody, type Pool, type Ticket } from './admission.ts'
import type { OnAnswered, Shortcut } from './app.ts'
import { authenticateDevice } from './auth.ts'
import { isPacked, MAX_BODY_BYTES, parseBody, plainBody, refuseManyKeys } from './body.ts'
import type { ServeContext } from './context.ts'
import { parsed, takeReports } from './device-routes.ts'
import { asProblem, UNFORESEEN } from './problem.ts'
import { refuse, writeJson } from './refuse.ts'

const PATH = '/v1/reports'
const JSON_BODY = /^application\/json\s*(;|$)/i

export function reportShortcut(context: ServeContext, pool: Pool, onAnswered: OnAnswered): Shortcut {
  return (request, response, isClosing) => {
    if (request.url !== PATH || request.method !== 'POST' || !isWelcome(request)) return false
    const row = rowOf(context, request)
    if (row === undefined) return false
    const token = tokenMark(context.controller.state.access.tokens, row)
    const exchange: Exchange = {
      context,
      request,
      response,
      isClosing,
      onAnswered,
      begun: performance.now(),
      row,
      token,
    }
    try {
      const ticket = pool.enter()
      response.once('close', ticket.end)
      collectBody(request, ticket, MAX_BODY_BYTES, (error, bytes) => {
        if (error !== undefined) fail(exchange, error)
        else take(exchange, ticket, bytes).catch((reason: unknown) => fail(exchange, reason))
      })
    } catch (error) {
      fail(exchange, error)
    }
    return true
  }
}

type Exchange = {
  readonly context: ServeContext
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly isClosing: () => boolean
  readonly onAnswered: OnAnswered
  readonly begun: number
  /** Of the device, and the mark of its token when the headers came. */
  readonly row: number
  readonly token: number
}

/** What is refused for its headers is refused by the route. */
function isWelcome({ headers }: IncomingMessage): boolean {
  const { 'content-type': type, 'content-length': length, 'content-encoding': encoding } = headers
  if (length === undefined ? headers['transfer-encoding'] === undefined : !(Number(length) <= MAX_BODY_BYTES))
    return false
  return type !== undefined && (type === 'application/json' || JSON_BODY.test(type)) && isKnownEncoding(encoding)
}

function isKnownEncoding(encoding: string | undefined): boolean {
  try {
    isPacked(encoding)
    return true
  } catch {
    return false
  }
}

function rowOf({ controller: { state } }: ServeContext, { headers }: IncomingMessage): number | undefined {
  try {
    return authenticateDevice(state, headers.authorization)
  } catch {
    return undefined
  }
}

async function take(exchange: Exchange, ticket: Ticket, bytes: Buffer): Promise<void> {
  const { context, request, response, isClosing, row, token } = exchange
  const encoding = request.headers['content-encoding']
  const plain = isPacked(encoding) ? await unpack(ticket, bytes, encoding) : bytes
  const reports = reportsIn(parseBody(plain))
  const { controller } = context
  // Meanwhile the device may have been removed, or enrolled anew.
  if (tokenMark(controller.state.access.tokens, row) !== token)
    authenticateDevice(controller.state, request.headers.authorization)
  const answer = await takeReports(controller, row, reports)
  if (isClosing()) response.shouldKeepAlive = false
  if (writeJson(response, 200, JSON.stringify(answer))) answered(exchange)
}

async function unpack(ticket: Ticket, bytes: Buffer, encoding: string | undefined): Promise<Buffer> {
  const plain = await plainBody(bytes, encoding)
  ticket.hold(plain.length)
  return plain
}

function reportsIn(body: unknown): readonly DeviceReport[] {
  const reports = readReports(body)
  if (reports !== undefined) return reports
  refuseManyKeys(body)
  return parsed(ReportRequest, body).reports
}

function fail(exchange: Exchange, error: unknown): void {
  const { context, request, response, isClosing } = exchange
  const problem = asProblem(error)
  if (problem === undefined) context.log.error('a request failed in an unforeseen way', errorFields(error))
  if (isClosing()) response.shouldKeepAlive = false
  if (refuse(request, response, problem ?? UNFORESEEN)) answered(exchange)
}

function answered({ onAnswered, response, begun }: Exchange): void {
  onAnswered('POST', PATH, response.statusCode, (performance.now() - begun) / 1000)
}
