// An etcd of one member on loopback, with its data in a folder. It keeps its port and its data over restarts.
import { join } from 'node:path'
import { until } from '../support/until.ts'
import { freePort } from './free-port.ts'
import { LeashedProcess } from './leashed-process.ts'

const READY_MS = 30_000

export class Etcd implements AsyncDisposable {
  readonly url: string
  readonly #program: string
  readonly #args: readonly string[]
  readonly #log: string
  #process: LeashedProcess | undefined

  private constructor(program: string, folder: string, port: number, peerPort: number) {
    this.url = `http://127.0.0.1:${port}`
    const peer = `http://127.0.0.1:${peerPort}`
    this.#program = program
    this.#log = join(folder, 'etcd.log')
    // Without fsync: what a test writes need not outlive the machine, only the process.
    this.#args = [
      '--name=default',
      `--data-dir=${join(folder, 'etcd')}`,
      `--listen-client-urls=${this.url}`,
      `--advertise-client-urls=${this.url}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=default=${peer}`,
      '--unsafe-no-fsync',
      '--log-level=warn',
    ]
  }

  static async start(program: string, folder: string): Promise<Etcd> {
    const etcd = new Etcd(program, folder, await freePort(), await freePort())
    await etcd.start()
    return etcd
  }

  /** Starts it again after `stop` or `kill`; resolves when it answers. */
  async start(): Promise<void> {
    if (this.#process?.running) return
    const started = new LeashedProcess(this.#program, this.#args, this.#log)
    this.#process = started
    await until(READY_MS, async () => {
      if (!started.running) throw new Error(`etcd ended while starting:\n${started.tail()}`)
      const health = await fetch(`${this.url}/health`).catch(() => undefined)
      return health?.ok === true
    })
  }

  async stop(): Promise<void> {
    await this.#process?.stop()
  }

  /** Ends it at once, as a crash would. */
  async kill(): Promise<void> {
    await this.#process?.kill()
  }

  /** Forgets every revision but the current one: who watches from an older one has to list again (410 Gone). */
  async compact(): Promise<void> {
    const current = await this.#call('kv/range', { key: btoa('/') })
    await this.#call('kv/compaction', { revision: current.header.revision, physical: true })
  }

  async #call(path: string, body: unknown): Promise<{ readonly header: { readonly revision: string } }> {
    const response = await fetch(`${this.url}/v3/${path}`, { method: 'POST', body: JSON.stringify(body) })
    const text = await response.text()
    if (!response.ok) throw new Error(`etcd answered ${response.status} to ${path}: ${text}`)
    return JSON.parse(text)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }
}
