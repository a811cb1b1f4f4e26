// GET /v1/policy: nothing new (304), or all of it (200). A shortcut answers the polls that are as they should be before any
// route is looked for; what it leaves, and every mistake, is for the route.
import type { ServerResponse } from 'node:http'
import type { App, OnAnswered, Shortcut } from './app.ts'
import { authenticateDevice } from './auth.ts'
import type { ServeContext } from './context.ts'
import { withCurrent } from './current.ts'
import type { PolicyAnswers } from './policy-answers.ts'

const PATH = '/v1/policy'

// Kept by the device, and asked about again each time: what is unapproved is gone with the next poll.
const HEADERS = { 'cache-control': 'private, max-age=0, must-revalidate', vary: 'authorization' }
const JSON_TYPE = 'application/json; charset=utf-8'

type Answer = { readonly etag: string; readonly text: string | undefined }

export function registerPolicyRoute(app: App, context: ServeContext, policies: PolicyAnswers): void {
  app.get(PATH, async (request, reply) => {
    const { etag, text } = await withCurrent(context.controller, () => answerTo(context, policies, request.headers))
    reply.headers({ ...HEADERS, etag })
    return text === undefined ? reply.code(304).send() : reply.type(JSON_TYPE).send(text)
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

function write(response: ServerResponse, { etag, text }: Answer): void {
  // As a list, which Node.js writes as it is.
  const headers = [...COMMON_HEADERS, etag]
  if (text === undefined) response.writeHead(304, headers).end()
  else {
    headers.push('content-type', JSON_TYPE, 'content-length', String(Buffer.byteLength(text)))
    response.writeHead(200, headers).end(text)
  }
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
  return { etag, text: isMatch(asked['if-none-match'], etag) ? undefined : policies.textOf(state, row, now) }
}

function isMatch(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false
  if (header === etag || header.trim() === '*') return true
  return header.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag)
}
