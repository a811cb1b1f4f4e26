// Requests over a few connections that are kept. The one importer of undici.
import { Pool } from 'undici'
import { reasonOf } from '../model/reason.ts'

export type Ask = {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly token?: string | undefined
  readonly etag?: string | undefined
  readonly body?: string
}

export type Told =
  | {
      readonly type: 'Answer'
      readonly status: number
      readonly etag: string | undefined
      /** Seconds; undefined without a Retry-After that is a number. */
      readonly retryAfter: number | undefined
      readonly text: string
    }
  /** No answer: the code of the error, e.g. ECONNREFUSED. */
  | { readonly type: 'Failed'; readonly code: string; readonly message: string }

export type Exchange = {
  /** Never rejects. */
  readonly ask: (ask: Ask) => Promise<Told>
  /** Cuts what is under way. */
  readonly close: () => Promise<void>
}

/** Answers longer than that are cut: no answer to a device is. */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024

/** `url` may have a path, which goes before those that are asked for. */
export function openExchange(url: string, connections: number, timeoutMs: number): Exchange {
  const { origin, pathname } = new URL(url)
  const base = pathname.replace(/\/+$/, '')
  const pool = new Pool(origin, {
    connections,
    pipelining: 1,
    connect: { timeout: timeoutMs },
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    maxResponseSize: MAX_ANSWER_BYTES,
  })
  return {
    ask: async ({ method, path, token, etag, body }) => {
      const headers: Record<string, string> = {}
      if (token !== undefined) headers.authorization = `Bearer ${token}`
      if (etag !== undefined) headers['if-none-match'] = etag
      if (body !== undefined) headers['content-type'] = 'application/json'
      try {
        const answer = await pool.request({ method, path: base + path, headers, ...(body !== undefined && { body }) })
        const text = await answer.body.text()
        const { etag: given, 'retry-after': later } = answer.headers
        return {
          type: 'Answer',
          status: answer.statusCode,
          etag: typeof given === 'string' ? given : undefined,
          retryAfter: typeof later === 'string' && /^\d{1,6}$/.test(later) ? Number(later) : undefined,
          text,
        }
      } catch (error) {
        return { type: 'Failed', code: codeOf(error), message: reasonOf(error) }
      }
    },
    close: () => pool.destroy(),
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'Error'
}
