// GET /v1/snapshot: the whole state, without secrets, for `ringmaster snapshot`, `diff` and `preview`. It names every device
// and what is not patched there, so only the admin token opens it, also from this machine.
import { promisify } from 'node:util'
import { zstdCompress } from 'node:zlib'
import { ringmasterVersion } from '../runtime/version.ts'
import { encodeExport } from '../state/exported-state.ts'
import type { AdminContext } from './admin-routes.ts'
import type { App } from './app.ts'
import { authenticateAdmin } from './auth.ts'
import { HttpProblem } from './problem.ts'

export const SNAPSHOT_PATH = '/v1/snapshot'
export const SNAPSHOT_TYPE = 'application/vnd.ringmaster.state+zstd'

const compress = promisify(zstdCompress)

export function registerSnapshotRoute(app: App, { controller, adminTokenHash }: AdminContext): void {
  // Each takes as much memory as the state has: one at a time.
  let busy = false
  app.get(SNAPSHOT_PATH, async (request, reply) => {
    authenticateAdmin(adminTokenHash, request.headers.authorization)
    if (busy)
      throw new HttpProblem(503, 'Busy', 'another snapshot is being made; ask again', {
        headers: { 'retry-after': '5' },
      })
    busy = true
    try {
      const takenAt = controller.clock.nowMs()
      const { lastSeq: seq } = controller.journal
      const bytes = encodeExport(controller.state, { takenAt, version: ringmasterVersion(), seq })
      return reply
        .type(SNAPSHOT_TYPE)
        .header('cache-control', 'no-store')
        .send(await compress(bytes))
    } finally {
      busy = false
    }
  })
}
