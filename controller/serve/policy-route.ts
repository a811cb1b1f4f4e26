// GET /v1/policy: nothing new (304), or all of it (200). A shortcut answers the polls that are as they should be before any
// route is looked for; what it leaves, and every mistake, is for the route.
import type { ServerResponse } from 'node:http'
import { performance } from 'node:perf_hooks'
import type { App, OnAnswered, Shortcut } from './app.ts'
import { authenticateDevice } from './auth.ts'
import type { ServeContext } from './context.ts'
import { withCurrent } from './current.ts'
import type { PolicyAnswers, PolicyBody } from './policy-answers.ts'

const PATH = '/v1/policy'

// Kept by the device, and asked about again each time: what is unapproved is gone with the next poll.
const HEADERS = { 'cache-control': 'private, max-age=0, must-revalidate', vary: 'authorization' }
const JSON_TYPE = 'application/json; charset=utf-8'

type Answer = { readonly etag: string; readonly body: PolicyBody | undefined }

export function registerPolicyRoute(app: App, context: ServeContext, policies: PolicyAnswers): void {
  app.get(PATH, async (request, reply) => {
    const { etag, body } = await withCurrent(context.controller, () => answerTo(context, policies, request.headers))
    reply.headers({ ...HEADERS, etag })
    return body === undefined ? reply.code(304).send() : reply.type(JSON_TYPE).send(body.text)
  })
}

/** The same answer in half the time; a library's way to a route and back is the longer part of a poll. */
export function policyShortcut(context: ServeContext, policies: PolicyAnswers, onAnswered: OnAnswered): Shortcut {
  return (request, response) => {
    if (request.url !== PATH || request.method !== 'GET') return false
    const begun = performance.now()
    let answer: Answer
    try {
      answer = answerTo(context, policies, request.headers)
    } catch {
      // The route meets the same error, and knows how to say it.
      return false
    }
    write(response, answer)
    onAnswered('GET', PATH, response.statusCode, (performance.now() - begun) / 1000)
    return true
  }
}

function write(response: ServerResponse, { etag, body }: Answer): void {
  // As a list, which Node.js writes as it is.
  if (body === undefined) {
    response.writeHead(304, [...COMMON_HEADERS, etag]).end()
    return
  }
  const { text, bytes } = body
  response.writeHead(200, [...COMMON_HEADERS, etag, 'content-type', JSON_TYPE, 'content-length', String(bytes)])
  // ASCII is the same in both, but to UTF-8 it is counted and encoded anew each time.
  response.end(text, bytes === text.length ? 'latin1' : 'utf8')
}

const COMMON_HEADERS: readonly string[] = [
  ...Object.entries({ ...HEADERS, 'x-content-type-options': 'nosniff' }).flat(),
  'etag',
]

type Asked = { readonly authorization?: string | undefined; readonly 'if-none-match'?: string | undefined }

/** Without a text when the device has it. Throws 401. */
function answerTo({ controller: { state, clock } }: ServeContext, policies: PolicyAnswers, asked: Asked): Answer {
  const row = authenticateDevice(state, asked.authorization)
  const now = clock.nowMs()
  const etag = policies.tagOf(state, row, now)
  return { etag, body: isMatch(asked['if-none-match'], etag) ? undefined : policies.bodyOf(state, row, now) }
}

function isMatch(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false
  if (header === etag || header.trim() === '*') return true
  return header.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag)
}
