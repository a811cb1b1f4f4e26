// The real `ringmaster` as a process of its own, for tests that stop, kill and restart it.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'

export const MAIN = join(import.meta.dirname, '../../controller/cli/main.ts')
export const SCRIPT = join(import.meta.dirname, '../../bin/ringmaster')

export type Running = {
  readonly child: ChildProcess
  readonly url: string
  readonly key: string
  /** What it has written so far. */
  readonly output: () => string
  /** Resolves with exit code and signal. */
  readonly ended: Promise<readonly [number | null, NodeJS.Signals | null]>
}

/** Runs to its end. */
export async function ringmaster(
  args: readonly string[],
  script = MAIN,
): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let out = ''
  let err = ''
  child.stdout.on('data', (part) => {
    out += part
  })
  child.stderr.on('data', (part) => {
    err += part
  })
  const [code] = await once(child, 'close')
  return { code, out, err }
}

/**
 * Starts `ringmaster run` on a directory, or with these arguments, on a free port, and resolves once it says where it listens.
 * `env` goes over the environment of this process.
 */
export async function startProcess(
  t: Pick<Test, 'teardown'>,
  source: string | readonly string[],
  data: string,
  script = MAIN,
  env: Readonly<Record<string, string>> = {},
): Promise<Running> {
  const args = ['run', ...[source].flat(), '--data', data, '--listen', '127.0.0.1:0']
  const child = spawn(process.execPath, [script, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })
  let output = ''
  const ended = once(child, 'close').then(([code, signal]) => [code, signal] as const)
  t.teardown(() => child.kill('SIGKILL'))
  const url = await new Promise<string>((resolve, reject) => {
    const read = (part: unknown) => {
      output += String(part)
      const found = /"url":"(http:[^"]+)"/.exec(output)?.[1]
      if (found !== undefined) resolve(found)
    }
    child.stdout.on('data', read)
    child.stderr.on('data', read)
    ended.then(() => reject(new Error(`it ended before it listened: ${output}`)))
  })
  const key = env.RINGMASTER_ENROLMENT_KEY ?? readFileSync(join(data, 'enrolment.key'), 'utf8').trim()
  return { child, url, key, output: () => output, ended }
}
