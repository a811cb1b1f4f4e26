// What tests and benchmarks make or install once, and keep in a cache folder outside the repository.
import { createHash, randomUUID } from 'node:crypto'
import { existsSync, promises as fs } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { withLock } from '../cluster/lock.ts'

/**
 * The path of an entry of a cache: named by what is in it, by the platform, and by the files that pin it. The cache is `override`, or
 * else the folder `ringmaster/AREA` where the machine keeps caches; it is made if it is not there.
 */
export async function cacheEntry(
  area: string,
  override: string | undefined,
  key: string,
  pins: readonly string[],
): Promise<string> {
  const cache = override || join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'ringmaster', area)
  const hash = createHash('sha256')
  for (const path of pins) hash.update(await fs.readFile(path))
  await fs.mkdir(cache, { recursive: true })
  return join(cache, `${key}-${process.platform}-${process.arch}-${hash.digest('hex').slice(0, 12)}`)
}

/** A folder is there whole or not at all: it is filled under another name, and renamed. */
export async function madeOnce(folder: string, fill: (into: string) => Promise<void>): Promise<string> {
  if (existsSync(folder)) return folder
  await withLock(`${folder}.lock`, async () => {
    if (existsSync(folder)) return
    const temporary = `${folder}.${randomUUID()}`
    await fs.mkdir(temporary, { recursive: true })
    try {
      await fill(temporary)
      await fs.rename(temporary, folder)
    } finally {
      await fs.rm(temporary, { recursive: true, force: true })
    }
  })
  return folder
}
