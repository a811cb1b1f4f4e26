// What the HTTP interface says when it cannot do what was asked: {code, message, path?}, and never a stack.
import { JournalError } from '../journal/journal.ts'

/** An answer other than the one asked for. Handlers throw it; the server writes it. */
export class HttpProblem extends Error {
  readonly status: number
  readonly code: string
  /** In the body, e.g. `reports[0].at`. */
  readonly path: string | undefined
  readonly headers: Readonly<Record<string, string>>

  constructor(
    status: number,
    code: string,
    message: string,
    more: { readonly path?: string; readonly headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(message)
    this.name = 'HttpProblem'
    this.status = status
    this.code = code
    this.path = more.path
    this.headers = more.headers ?? {}
  }
}

/** What is answered when nobody foresaw it. */
export const UNFORESEEN = new HttpProblem(
  500,
  'Internal',
  'something went wrong here; the log of the controller says what',
)

export type ProblemBody = { readonly code: string; readonly message: string; readonly path?: string }

export function problemBody({ code, message, path }: HttpProblem): ProblemBody {
  return { code, message, ...(path !== undefined && path !== '' && { path }) }
}

/** Any error as an answer; undefined for one that nobody foresaw. */
export function asProblem(error: unknown): HttpProblem | undefined {
  if (error instanceof HttpProblem) return error
  if (error instanceof JournalError) return journalProblem(error)
  return fastifyProblem(error)
}

type Issue = { readonly path: readonly PropertyKey[]; readonly message: string }

/** A body that a schema refused: its first fault, and how many there are. */
export function invalidBody(issues: readonly Issue[]): HttpProblem {
  const [first] = issues
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : ''
  const path = pathText(first?.path ?? [])
  const message = (first?.message ?? 'the body is not as it should be').slice(0, MAX_MESSAGE)
  return new HttpProblem(400, 'Invalid', `${message}${more}`, { path })
}

/** Messages name what was sent, such as keys that are not known. */
const MAX_MESSAGE = 500

function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((part, i) => (typeof part === 'number' ? `[${part}]` : `${i > 0 ? '.' : ''}${String(part)}`))
    .join('')
    .slice(0, 256)
}

const BUSY_RETRY_SECONDS = 1
const TROUBLE_RETRY_SECONDS = 30

function journalProblem({ code }: JournalError): HttpProblem | undefined {
  const later = (seconds: number) => ({ headers: { 'retry-after': String(seconds) } })
  switch (code) {
    case 'Busy':
      return new HttpProblem(503, 'Busy', 'too much waits to be written; send this again', later(BUSY_RETRY_SECONDS))
    case 'Closed':
      return new HttpProblem(503, 'Stopping', 'the controller is stopping; send this again', later(BUSY_RETRY_SECONDS))
    case 'DiskFull':
    case 'Unavailable':
    case 'Broken': {
      const why = WHY[code]
      const message = `the controller cannot write its journal: ${why}; nothing of this was kept for certain, send it again`
      return new HttpProblem(503, code, message, later(TROUBLE_RETRY_SECONDS))
    }
    case 'TooLarge':
      return new HttpProblem(413, 'TooLarge', 'this is more than the journal takes at once; send it in smaller parts')
    default:
      return undefined
  }
}

const WHY = {
  DiskFull: 'its disk is full',
  Unavailable: 'its database cannot be reached',
  Broken: 'its storage failed',
} as const

const FASTIFY_PROBLEMS: Readonly<Record<string, readonly [number, string, string]>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [415, 'UnsupportedMediaType', 'send JSON, with Content-Type: application/json'],
  FST_ERR_CTP_BODY_TOO_LARGE: [
    413,
    'TooLarge',
    'the body is larger than 1 MiB; send it in smaller parts, or with gzip',
  ],
  FST_ERR_CTP_EMPTY_JSON_BODY: [400, 'Invalid', 'the body is empty; send a JSON object'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: [400, 'Invalid', 'Content-Length is not the length of the body'],
  // Nobody is there any more to read it; it only must not pass for a fault of ours.
  ECONNRESET: [400, 'Invalid', 'the connection was cut before the request was whole'],
  FST_ERR_MAX_PARAM_LENGTH: [414, 'Invalid', 'a part of the path is too long'],
  FST_ERR_BAD_URL: [400, 'Invalid', 'the path is not valid'],
}

function fastifyProblem(error: unknown): HttpProblem | undefined {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const known = Object.hasOwn(FASTIFY_PROBLEMS, code) ? FASTIFY_PROBLEMS[code] : undefined
  return known && new HttpProblem(...known)
}
