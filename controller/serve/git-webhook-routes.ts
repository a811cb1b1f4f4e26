// Webhooks of Git forges: a signed request has the source polled at once. What it says is not looked at; the remote is asked.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { App, Request } from './app.ts'
import type { ServeContext } from './context.ts'
import { HttpProblem } from './problem.ts'

/** What forges send with a push to a large repository is far below. */
const MAX_PAYLOAD_BYTES = 1024 * 1024

export function registerGitWebhooks(app: App, { gitWebhooks, log }: ServeContext): void {
  void app.register(async (inner) => {
    // Of any type, and as it came: the signature is over the bytes.
    inner.removeAllContentTypeParsers()
    inner.addContentTypeParser(
      '*',
      { parseAs: 'buffer', bodyLimit: MAX_PAYLOAD_BYTES },
      async (_: Request, body: Buffer) => body,
    )
    inner.post<{ Params: { source: string } }>(
      '/v1/webhooks/git/:source',
      { bodyLimit: MAX_PAYLOAD_BYTES },
      async (request, reply) => {
        const { source } = request.params
        const secret = await gitWebhooks?.secretOf(source).catch((error: unknown) => {
          log.error(`the webhook of Git source ${source}: ${String(error)}`)
          throw new HttpProblem(503, 'SecretMissing', 'the secret of this webhook cannot be read; the log says why')
        })
        if (secret === undefined)
          throw new HttpProblem(404, 'NotFound', 'there is no Git source of that name with a webhook secret')
        const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
        if (!isGenuine(request, body, secret))
          throw new HttpProblem(
            401,
            'Unauthorized',
            'the signature is missing or not made with the secret of this webhook',
          )
        gitWebhooks?.wake(source)
        reply.code(202).header('cache-control', 'no-store')
        return { status: 'accepted' }
      },
    )
  })
}

/** HMAC-SHA256 of the body, as GitHub, Gitea and anybody else writes it. */
const SIGNATURE_HEADERS = ['x-hub-signature-256', 'x-gitea-signature', 'x-ringmaster-signature']
/** GitLab sends the secret itself. */
const TOKEN_HEADER = 'x-gitlab-token'

// Every signature that is there has to be good.
function isGenuine({ headers }: Request, body: Buffer, secret: string): boolean {
  const expected = createHmac('sha256', secret).update(body).digest('hex')
  const signatures = SIGNATURE_HEADERS.flatMap((name) => headers[name] ?? []).map((text) =>
    text.replace(/^sha256=/, ''),
  )
  const token = headers[TOKEN_HEADER]
  const verdicts = signatures.map((signature) => isSame(signature.toLowerCase(), expected))
  if (token !== undefined) verdicts.push(isSame(String(token), secret))
  return verdicts.length > 0 && verdicts.every((good) => good)
}

// In constant time, whatever the lengths.
function isSame(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}
