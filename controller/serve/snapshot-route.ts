// GET /v1/snapshot: the whole state, without secrets, for `ringmaster snapshot`, `diff` and `preview`. It names every device
// and what is not patched there, so only the admin token opens it, also from this machine. How it is made while everything
// else goes on: docs/decisions/0098.
import { randomUUID } from 'node:crypto'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { createZstdCompress } from 'node:zlib'
import { reasonOf } from '../model/reason.ts'
import type { Controller } from '../runtime/controller.ts'
import { ringmasterVersion } from '../runtime/version.ts'
import { captureExport } from '../state/exported-state.ts'
import type { AdminContext } from './admin-routes.ts'
import type { App } from './app.ts'
import { authenticateAdmin } from './auth.ts'
import { HttpProblem } from './problem.ts'
import { TIME_LIMITS } from './time-limits.ts'

export const SNAPSHOT_PATH = '/v1/snapshot'
export const SNAPSHOT_TYPE = 'application/vnd.ringmaster.state+zstd'

const CHUNK_BYTES = 1 << 20

/** `limitMs`: from the request until the whole answer has been taken in; then the connection is cut. */
export function registerSnapshotRoute(
  app: App,
  { controller, adminTokenHash }: AdminContext,
  limitMs = TIME_LIMITS.snapshot,
): void {
  // Each takes room on the disk: one at a time.
  let busy = false
  app.get(SNAPSHOT_PATH, async (request, reply) => {
    authenticateAdmin(adminTokenHash, request.headers.authorization)
    if (busy)
      throw new HttpProblem(503, 'Busy', 'another snapshot is being made; ask again', {
        headers: { 'retry-after': '5' },
      })
    busy = true
    const gone = new AbortController()
    const cut = setTimeout(() => request.raw.socket.destroy(), limitMs)
    reply.raw.once('close', () => {
      busy = false
      clearTimeout(cut)
      gone.abort()
    })
    const packed = await packState(controller, gone.signal).catch((error: unknown) => {
      if (!gone.signal.aborted) throw error
    })
    if (packed === undefined) return reply.hijack()
    return reply
      .type(SNAPSHOT_TYPE)
      .headers({ 'cache-control': 'no-store', 'content-length': packed.size })
      .send(packed.file.createReadStream({ start: 0, highWaterMark: CHUNK_BYTES }))
  })
}

type Packed = { readonly file: FileHandle; readonly size: number }

/** The state in a file that has no name any more, so that nothing stays of it, whatever becomes of the process. */
async function packState(controller: Controller, signal: AbortSignal): Promise<Packed> {
  const file = await openUnnamed()
  try {
    await controller.snapshots.encoding(async (state, seq) => {
      signal.throwIfAborted()
      const about = { takenAt: controller.clock.nowMs(), version: ringmasterVersion(), seq }
      const capture = captureExport(state, about)
      try {
        const zstd = createZstdCompress({ chunkSize: CHUNK_BYTES })
        const write = async (packed: AsyncIterable<Buffer>) => {
          for await (const part of packed) await file.writeFile(part)
        }
        await pipeline(capture.parts(nextTurn), zstd, write, { signal })
      } finally {
        capture.release()
      }
    })
    const { size } = await file.stat()
    signal.throwIfAborted()
    return { file, size }
  } catch (error) {
    await file.close()
    throw noRoom(error)
  }
}

async function openUnnamed(): Promise<FileHandle> {
  const path = join(tmpdir(), `ringmaster-state-${randomUUID()}`)
  try {
    const file = await open(path, 'wx+', 0o600)
    await rm(path)
    return file
  } catch (error) {
    throw noRoom(error)
  }
}

/** What the system refused, as something that a person can mend; anything else as it is. */
function noRoom(error: unknown): unknown {
  if (!(error instanceof Error && 'syscall' in error)) return error
  const message = `the snapshot cannot be put into the folder for temporary files (${reasonOf(error)}): make room there, or name another in $TMPDIR`
  return new HttpProblem(503, 'NoRoom', message)
}
