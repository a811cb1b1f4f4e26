// What can go wrong with a request to the API server, as far as the one who asked can do something about it.
import { isRecord } from './kube-object.ts'

export type KubeErrorType =
  /** The resource version is too old, or the list's continuation has expired: list anew. */
  | 'Gone'
  /** Somebody else wrote first, or the object is another one by now. */
  | 'Conflict'
  | 'NotFound'
  /** The API server does not know who asks, or does not allow it. */
  | 'Denied'
  /** Too many requests; `retryAfterMs` says how long to wait. */
  | 'Throttled'
  /** What was sent is not accepted, and will not be. */
  | 'Invalid'
  /** What came back makes no sense. */
  | 'Malformed'
  /** Anything else, which may pass: no connection, a time limit, HTTP 5xx. */
  | 'Unavailable'

export class KubeError extends Error {
  readonly type: KubeErrorType
  /** The HTTP status; 0 when there was no answer. */
  readonly status: number
  readonly retryAfterMs: number | undefined
  override readonly name = 'KubeError'

  constructor(type: KubeErrorType, message: string, status = 0, retryAfterMs?: number) {
    super(message)
    this.type = type
    this.status = status
    this.retryAfterMs = retryAfterMs
  }
}

/** The error of an answer with this status; `body` is its text, most often a Status object. `what` names what was asked for. */
export function errorOfAnswer(what: string, status: number, body: string, retryAfter?: string): KubeError {
  const said = statusMessage(body)
  const message = `${what}: ${said === '' ? `HTTP ${status}` : said}`
  return new KubeError(typeOfStatus(status), message, status, retryAfterOf(retryAfter))
}

/** The error of an ERROR event of a watch, whose object is a Status. */
export function errorOfStatus(what: string, object: unknown): KubeError {
  const code = isRecord(object) && typeof object.code === 'number' ? object.code : 0
  const message = isRecord(object) && typeof object.message === 'string' ? object.message : 'the watch failed'
  return new KubeError(code === 0 ? 'Unavailable' : typeOfStatus(code), `${what}: ${message.slice(0, 500)}`, code)
}

/** Any error as one of these. */
export function asKubeError(what: string, error: unknown): KubeError {
  if (error instanceof KubeError) return error
  return new KubeError('Unavailable', `${what}: ${error instanceof Error ? error.message : String(error)}`)
}

function typeOfStatus(status: number): KubeErrorType {
  switch (status) {
    case 401:
    case 403:
      return 'Denied'
    case 404:
      return 'NotFound'
    case 409:
      return 'Conflict'
    case 410:
      return 'Gone'
    case 429:
      return 'Throttled'
    case 400:
    case 405:
    case 413:
    case 415:
    case 422:
      return 'Invalid'
    default:
      return 'Unavailable'
  }
}

const MOST_RETRY_AFTER_S = 300

/** Seconds, as the API server gives them; dates are not looked at. */
function retryAfterOf(header: string | undefined): number | undefined {
  if (header === undefined || !/^\d{1,6}$/.test(header)) return undefined
  return Math.min(Number(header), MOST_RETRY_AFTER_S) * 1000
}

function statusMessage(body: string): string {
  try {
    const parsed: unknown = JSON.parse(body)
    if (isRecord(parsed) && typeof parsed.message === 'string') return parsed.message.slice(0, 1000)
  } catch {
    // A proxy in between answers with a page of its own.
  }
  return body.trim().slice(0, 200)
}
