// Answers that are written without a route: a request refused before its body is read, or one that a shortcut took.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { forget } from './admission.ts'
import { type HttpProblem, problemBody } from './problem.ts'

export const JSON_TYPE = 'application/json; charset=utf-8'

/** Writes the answer if anybody is still there to read it, and returns whether it did. */
export function writeJson(
  response: ServerResponse,
  status: number,
  json: string,
  headers: Readonly<Record<string, string>> = {},
): boolean {
  if (response.destroyed || response.headersSent) return false
  const own = { 'content-type': JSON_TYPE, 'content-length': Buffer.byteLength(json) }
  response.writeHead(status, { ...headers, ...own, 'x-content-type-options': 'nosniff' }).end(json)
  return true
}

/** The problem as the answer; returns whether it was written. */
export function refuse(request: IncomingMessage, response: ServerResponse, problem: HttpProblem): boolean {
  const written = writeJson(response, problem.status, JSON.stringify(problemBody(problem)), {
    ...problem.headers,
    'cache-control': 'no-store',
  })
  if (!request.complete) forget(request)
  return written
}
