// For maintainers: takes a picture of a page, e.g. of the status page for the README.
//
//   node test/tools/screenshot.ts URL OUT.png [--width 1400] [--height 1000] [--dark]
//
// Drives Chromium: the path in CHROMIUM, or `chromium`.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { width: { type: 'string' }, height: { type: 'string' }, dark: { type: 'boolean' } },
})
const [url, out] = positionals
const { width = '1400', height = '1000', dark = false } = values
if (url === undefined || out === undefined || !/^\d+$/.test(width) || !/^\d+$/.test(height)) {
  console.error('usage: node test/tools/screenshot.ts URL OUT.png [--width 1400] [--height 1000] [--dark]')
  process.exit(2)
}

const profile = mkdtempSync(join(tmpdir(), 'ringmaster-screenshot-'))
try {
  const { status, error, stderr } = spawnSync(
    process.env.CHROMIUM ?? 'chromium',
    [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--hide-scrollbars',
      `--user-data-dir=${profile}`,
      `--window-size=${width},${height}`,
      `--blink-settings=preferredColorScheme=${dark ? 0 : 1}`,
      `--screenshot=${resolve(out)}`,
      url,
    ],
    { encoding: 'utf8', timeout: 120_000 },
  )
  if (error !== undefined)
    console.error(`Chromium could not be started (${error.message}): install it, or name it in CHROMIUM`)
  else if (status !== 0) console.error(stderr.slice(-2000))
  process.exitCode = status === 0 ? 0 : 3
} finally {
  rmSync(profile, { recursive: true, force: true })
}
