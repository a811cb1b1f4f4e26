// Which Ringmaster this is.
import { readFileSync } from 'node:fs'

/** The version in package.json. */
export function ringmasterVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  const found =
    typeof manifest === 'object' && manifest !== null && 'version' in manifest ? manifest.version : 'unknown'
  return String(found)
}
