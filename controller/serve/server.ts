// The controller over HTTP: devices, admins, health, metrics, and the status page.
import type { AddressInfo } from 'node:net'
import type { Metrics } from '../project/metrics.ts'
import { registerAdminRoutes } from './admin-routes.ts'
import { ADMISSION_LIMITS, type AdmissionLimits, Pool, watchLoop } from './admission.ts'
import { closeApp, newApp, type Shortcut } from './app.ts'
import type { ServeContext } from './context.ts'
import { registerDeviceRoutes } from './device-routes.ts'
import { registerGitWebhooks } from './git-webhook-routes.ts'
import { registerHealth } from './health.ts'
import { newPolicyAnswers } from './policy-answers.ts'
import { policyShortcut, registerPolicyRoute } from './policy-route.ts'
import { reportShortcut } from './report-shortcut.ts'
import { registerSnapshotRoute } from './snapshot-route.ts'
import { registerStatusPage } from './status-page.ts'
import type { TimeLimits } from './time-limits.ts'

export type ServerOptions = ServeContext & {
  readonly metrics: Metrics
  readonly limits?: TimeLimits
  readonly admission?: AdmissionLimits
}

export type HttpServer = {
  /** Resolves with the address once it listens; port 0 takes a free one. Rejects with the system's error (EADDRINUSE, EACCES, …). */
  readonly listen: (host: string, port: number) => Promise<string>
  /** Lets running requests finish, for a while. */
  readonly close: () => Promise<void>
}

export function createServer(options: ServerOptions): HttpServer {
  const { controller, log, adminTokenHash, declarations, gitWebhooks, metrics, limits, checks } = options
  const context: ServeContext = { controller, log, adminTokenHash, declarations, gitWebhooks, checks }
  const { devices, others } = options.admission ?? ADMISSION_LIMITS
  const policies = newPolicyAnswers()
  const loop = watchLoop()
  const onPolicy = policyShortcut(context, policies, metrics.answered)
  const onReports = reportShortcut(context, new Pool(devices, loop.delayMs), metrics.answered)
  const shortcut: Shortcut = (...request) => onPolicy(...request) || onReports(...request)
  const pool = new Pool(others, loop.delayMs)
  const app = newApp({ log, onAnswered: metrics.answered, shortcut, pool, ...(limits && { limits }) })
  registerDeviceRoutes(app, context)
  registerPolicyRoute(app, context, policies)
  registerAdminRoutes(app, context)
  registerGitWebhooks(app, context)
  registerSnapshotRoute(app, context, limits?.snapshot)
  registerHealth(app, context)
  registerStatusPage(app, context)
  app.get('/metrics', async (_request, reply) => {
    reply.type(metrics.contentType).header('cache-control', 'no-store')
    return metrics.render()
  })
  return {
    listen: async (host, port) => {
      await app.listen({ host, port })
      return urlOf(app.server.address(), host)
    },
    close: () => closeApp(app, limits).finally(loop.close),
  }
}

function urlOf(address: AddressInfo | string | null, host: string): string {
  if (address === null || typeof address === 'string') return `http://${host}`
  const name = address.family === 'IPv6' ? `[${address.address}]` : address.address
  return `http://${name}:${address.port}`
}
