// A lock between processes of one machine. It saves double work and is no more than that: what is done under it must be
// right when done twice, because the lock of a process that died is taken over.
import { promises as fs } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

const POLL_MS = 500
const PATIENCE_MS = 40 * 60_000

/** Waits until no living process holds the lock file, holds it meanwhile, and removes it. Rejects after 40 minutes. */
export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  for (let waited = 0; !(await taken(path)); waited += POLL_MS) {
    if (waited > PATIENCE_MS) throw new Error(`${path} is held by another process: end that, or remove the file`)
    await sleep(POLL_MS)
  }
  try {
    return await work()
  } finally {
    await fs.rm(path, { force: true })
  }
}

async function taken(path: string): Promise<boolean> {
  try {
    await fs.writeFile(path, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
  const holder = Number(await fs.readFile(path, 'utf8').catch(() => ''))
  if (holder > 0 && !isAlive(holder)) await fs.rm(path, { force: true })
  return false
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
