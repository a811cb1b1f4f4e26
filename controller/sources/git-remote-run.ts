// Runs git where it talks to a remote: in a process group of its own, which can be ended as a whole. simple-git ends git alone,
// and the helpers that git has started would go on fetching.
import { spawn } from 'node:child_process'

export type RemoteRun = {
  readonly folder: string
  readonly env: Readonly<Record<string, string>>
  readonly input: string | undefined
  readonly signal: AbortSignal
  /** Hears of each piece of standard output. */
  readonly onOutput: (chunk: Uint8Array) => void
}

/** Of what git says to people. */
const MAX_STDERR_BYTES = 64 * 1024

/** Resolves with standard output; rejects with what git said. Whatever the end, no process of it is left. */
export function runRemote(args: readonly string[], run: RemoteRun): Promise<string> {
  const { folder, env, input, signal, onOutput } = run
  return new Promise((resolve, reject) => {
    const child = spawn('git', args, { cwd: folder, env, detached: true, stdio: ['pipe', 'pipe', 'pipe'] })
    const stdout: Uint8Array[] = []
    const stderr: Uint8Array[] = []
    let said = 0
    const kill = () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
      } catch {
        // It has ended by itself.
      }
    }
    if (signal.aborted) kill()
    signal.addEventListener('abort', kill)
    child.stdout.on('data', (chunk: Uint8Array) => {
      stdout.push(chunk)
      onOutput(chunk)
    })
    child.stderr.on('data', (chunk: Uint8Array) => {
      said += chunk.length
      if (said <= MAX_STDERR_BYTES) stderr.push(chunk)
    })
    // It may end before it has read everything.
    child.stdin.on('error', () => {})
    child.stdin.end(input ?? '')
    child.on('error', (error) => {
      signal.removeEventListener('abort', kill)
      reject(error)
    })
    child.on('close', (code) => {
      signal.removeEventListener('abort', kill)
      if (code === 0) resolve(Buffer.concat(stdout).toString('utf8'))
      else reject(new Error(Buffer.concat(stderr).toString('utf8') || `git ended with ${code}`))
    })
  })
}
