// The HTTPS server of the admission webhook: reads an AdmissionReview (admission.k8s.io/v1), has it answered, and answers.
import type { IncomingMessage, ServerResponse } from 'node:http'
import https, { type Server } from 'node:https'
import { isRecord } from './kube-object.ts'
import type { Serving } from './webhook-certificates.ts'

export type AdmissionRequest = {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE'
  readonly kind: string
  readonly name: string
  readonly user: string
  readonly object: unknown
  readonly oldObject: unknown
}

export type AdmissionAnswer = {
  readonly allowed: boolean
  /** Why not. */
  readonly message?: string | undefined
  /** Shown to whoever asked, also when it is allowed. */
  readonly warnings: readonly string[]
}

export type AdmissionServer = {
  /** Also while it runs: connections from then on get the new one. */
  readonly serve: (serving: Serving) => void
  /** Resolves with the port once it listens; it does so when it has a certificate. */
  readonly listening: Promise<number>
  readonly close: () => Promise<void>
}

/** Objects have 1.5 MiB at most, and a review may carry two. */
const MOST_BODY = 8 * 1024 * 1024
const MOST_WARNINGS = 10
const MOST_WARNING = 250
const TIME_LIMIT_MS = 10_000

export function newAdmissionServer(
  { host, port }: { readonly host: string; readonly port: number },
  answer: (request: AdmissionRequest) => AdmissionAnswer,
): AdmissionServer {
  const listening = Promise.withResolvers<number>()
  let server: Server | undefined
  const begin = ({ certificate, key }: Serving) => {
    const limits = { requestTimeout: TIME_LIMIT_MS, headersTimeout: TIME_LIMIT_MS }
    const made = https.createServer(
      { cert: certificate, key, minVersion: 'TLSv1.2', ...limits },
      (request, response) => {
        respond(request, response, answer).catch(() => response.destroy())
      },
    )
    server = made
    made.once('error', listening.reject)
    made.listen(port, host, () => {
      const address = made.address()
      listening.resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  }
  return {
    serve: (serving) => {
      if (server === undefined) begin(serving)
      else server.setSecureContext({ cert: serving.certificate, key: serving.key, minVersion: 'TLSv1.2' })
    },
    listening: listening.promise,
    close: async () => {
      const open = server
      if (open === undefined) return
      open.closeIdleConnections()
      setTimeout(() => open.closeAllConnections(), 1000).unref()
      await new Promise<void>((resolve) => open.close(() => resolve()))
    },
  }
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  answer: (request: AdmissionRequest) => AdmissionAnswer,
): Promise<void> {
  if (request.method === 'GET' && request.url === '/healthz') return send(response, 200, { status: 'alive' })
  if (request.method !== 'POST') return send(response, 405, { message: 'POST an AdmissionReview' })
  const body = await bodyOf(request)
  const review = body === undefined ? undefined : reviewIn(body)
  if (review === undefined)
    return send(response, 400, { message: 'the body is no AdmissionReview of admission.k8s.io/v1' })
  const { allowed, message, warnings } = answer(review.request)
  send(response, 200, {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    response: {
      uid: review.uid,
      allowed,
      ...(message !== undefined && { status: { code: 422, reason: 'Invalid', message } }),
      ...(warnings.length > 0 && {
        warnings: warnings.slice(0, MOST_WARNINGS).map((text) => text.slice(0, MOST_WARNING)),
      }),
    },
  })
}

function reviewIn(body: string): { readonly uid: string; readonly request: AdmissionRequest } | undefined {
  const value = parsed(body)
  const request = isRecord(value) && isRecord(value.request) ? value.request : {}
  const { uid, operation, kind, name, userInfo, object, oldObject } = request
  if (typeof uid !== 'string' || !isRecord(kind) || typeof kind.kind !== 'string') return undefined
  if (operation !== 'CREATE' && operation !== 'UPDATE' && operation !== 'DELETE') return undefined
  const user = isRecord(userInfo) && typeof userInfo.username === 'string' ? userInfo.username : ''
  return { uid, request: { operation, kind: kind.kind, name: String(name ?? ''), user, object, oldObject } }
}

async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const pieces: Buffer[] = []
  let size = 0
  for await (const bytes of request) {
    size += bytes.length
    if (size > MOST_BODY) return undefined
    pieces.push(bytes)
  }
  return Buffer.concat(pieces).toString('utf8')
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function send(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body)
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
  response.end(text)
}
