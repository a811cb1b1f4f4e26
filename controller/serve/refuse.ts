// Answers that are written without a route: a request refused before its body is read, or one that a shortcut took.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { forget } from './admission.ts'
import { type HttpProblem, problemBody } from './problem.ts'

export const JSON_TYPE = 'application/json; charset=utf-8'

/** Writes the answer, if anybody is still there to read it. */
export function writeJson(
  response: ServerResponse,
  status: number,
  json: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (response.destroyed || response.headersSent) return
  const own = { 'content-type': JSON_TYPE, 'content-length': Buffer.byteLength(json) }
  response.writeHead(status, { ...headers, ...own, 'x-content-type-options': 'nosniff' }).end(json)
}

/** The problem as the answer. */
export function refuse(request: IncomingMessage, response: ServerResponse, problem: HttpProblem): void {
  writeJson(response, problem.status, JSON.stringify(problemBody(problem)), {
    ...problem.headers,
    'cache-control': 'no-store',
  })
  if (!request.complete) forget(request)
}
