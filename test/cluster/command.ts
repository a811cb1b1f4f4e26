// Runs a program to its end and gives back what it printed.
import { spawn } from 'node:child_process'

export type Ran = { readonly exit: number; readonly stdout: string; readonly stderr: string }

export type RunOptions = {
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly cwd?: string
  /** Written to its standard input, which is then closed. */
  readonly input?: string
  /** After so long it is killed, and the call rejects. Default 60 s. */
  readonly timeoutMs?: number
}

const MAX_OUTPUT_CHARACTERS = 64 * 1024 * 1024

/** Rejects, with what the program printed, when it ends with another exit code than 0. */
export async function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const ran = await attempt(program, args, options)
  if (ran.exit !== 0)
    throw new Error(`${program} ${args.join(' ')}: exit code ${ran.exit}\n${ran.stdout}${ran.stderr}`.trimEnd())
  return ran
}

/** Resolves whatever the exit code. Rejects when the program cannot be run, or does not end in time. */
export function attempt(program: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const { env, cwd, input = '', timeoutMs = 60_000 } = options
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args], { ...(cwd !== undefined && { cwd }), ...(env !== undefined && { env }) })
    const output = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'] as const)
      child[name].setEncoding('utf8').on('data', (text: string) => {
        output[name] += text
        if (output[name].length > MAX_OUTPUT_CHARACTERS) child.kill('SIGKILL')
      })
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
    child.stdin.on('error', () => {})
    child.stdin.end(input)
    child.on('error', (error) => {
      clearTimeout(timer)
      reject(new Error(`${program} cannot be run: ${error.message}`))
    })
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      if (code !== null) resolve({ exit: code, ...output })
      else
        reject(
          new Error(
            `${program} ${args.join(' ')} was ended by ${signal} after at most ${timeoutMs} ms\n${output.stderr}`,
          ),
        )
    })
  })
}
