// A server process that cannot outlive the process that started it, whatever ends that one.
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'

// The shell keeps the program on a leash: a reader of the pipe that the starter holds. When the pipe closes, because the
// starter closes it or dies, the program is killed.
const LEASH = `
exec 3<&0
"$@" </dev/null 3<&- &
child=$!
{ read -r nothing <&3; kill -KILL "$child"; } 2>/dev/null &
leash=$!
trap 'kill -TERM "$child" 2>/dev/null' TERM
wait "$child"
code=$?
while kill -0 "$child" 2>/dev/null; do wait "$child"; code=$?; done
kill "$leash" 2>/dev/null
exit "$code"
`

export class LeashedProcess implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #log: string
  readonly #exited: Promise<void>
  #running = true

  /** Starts a program; what it prints is appended to the file `log`. */
  constructor(program: string, args: readonly string[], log: string, env: NodeJS.ProcessEnv = process.env) {
    const output = openSync(log, 'a')
    // In a process group of its own: Ctrl-C in a terminal is for the starter, which ends its servers one after the other.
    this.#child = spawn('/bin/sh', ['-c', LEASH, 'leash', program, ...args], {
      stdio: ['pipe', output, output],
      env,
      detached: true,
    })
    closeSync(output)
    this.#log = log
    this.#child.stdin?.on('error', () => {})
    this.#exited = new Promise((resolve) => {
      const over = () => {
        this.#running = false
        resolve()
      }
      this.#child.on('exit', over)
      this.#child.on('error', over)
    })
  }

  get running(): boolean {
    return this.#running
  }

  /** The last lines of its log, for messages. */
  tail(lines = 20): string {
    return readFileSync(this.#log, 'utf8').split('\n').slice(-lines).join('\n')
  }

  /** Asks it to end, and kills it when it has not done so within `graceMs`. */
  async stop(graceMs = 10_000): Promise<void> {
    if (!this.#running) return
    this.#child.kill('SIGTERM')
    const timer = setTimeout(() => this.#child.stdin?.end(), graceMs)
    await this.#exited
    clearTimeout(timer)
  }

  /** Ends it at once, as a crash would. */
  async kill(): Promise<void> {
    this.#child.stdin?.end()
    await this.#exited
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }
}
