// node test/fuzz/run.ts SEED COUNT: gives `ringmaster validate` so many inputs, and a line to the parent after each. Ends with
// 1 and the input when the command throws, or exits with anything but 0 and 1.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { main } from '../../controller/cli/main.ts'
import { type Input, inputsOf } from './inputs.ts'

const FORMATS = ['text', 'json', 'github', 'gitlab', 'sarif', 'junit']
/** What is printed may be long, but not without end. */
const MAX_OUTPUT = 64 * 1024 * 1024

const [seed = 1, count = 100] = process.argv.slice(2).map(Number)
for (const [i, input] of inputsOf(seed, count).entries()) {
  const fault = await faultOf(input, FORMATS[i % FORMATS.length] ?? 'text')
  if (fault !== undefined) {
    const files = Object.entries(input).map(([name, bytes]) => `${name}: ${Buffer.from(bytes).toString('base64')}`)
    process.stdout.write(`seed ${seed}, input ${i}: ${fault}\n${files.join('\n')}\n`)
    process.exit(1)
  }
  process.stdout.write(`${i}\n`)
}

async function faultOf(input: Input, format: string): Promise<string | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'ringmaster-fuzz-'))
  try {
    mkdirSync(join(folder, '.git'))
    for (const [name, bytes] of Object.entries(input)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true })
      writeFileSync(join(folder, name), bytes)
    }
    let out = ''
    let err = ''
    const exit = await main(['validate', '--format', format, '--at', '2026-01-15T00:00:00Z', folder], {
      stdout: (text) => {
        out += text
      },
      stderr: (text) => {
        err += text
      },
    })
    if (exit !== 0 && exit !== 1) return `exit code ${exit}: ${err}`
    if (err !== '') return `something on standard error: ${err}`
    if (/^\s+at .*\.[jt]s:\d+/m.test(out) && !format.includes('sarif')) return 'a stack was printed'
    return out.length > MAX_OUTPUT ? `${out.length} characters were printed` : undefined
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
