// A kube-apiserver on loopback over an etcd: the real one, with the real authorizer (RBAC) and the admission plugins that
// are on by default. It keeps its port, certificate and keys over restarts.
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { promises as fs } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import { until } from '../support/until.ts'
import { freePort } from './free-port.ts'
import { LeashedProcess } from './leashed-process.ts'

const READY_MS = 120_000

export type ApiServerOptions = {
  /** Further flags, such as `--etcd-compaction-interval=5s`. */
  readonly flags?: readonly string[]
  /** Every request is written as a line of JSON to `auditLog` (audit.k8s.io/v1, level Metadata). Default false. */
  readonly audit?: boolean
}

export class ApiServer implements AsyncDisposable {
  readonly url: string
  /** Bearer token of a member of system:masters. */
  readonly adminToken: string
  /** File in which the requests are written, with the option `audit`. */
  readonly auditLog: string
  readonly #folder: string
  readonly #program: string
  readonly #args: readonly string[]
  #process: LeashedProcess | undefined

  private constructor(program: string, folder: string, port: number, etcdUrl: string, options: ApiServerOptions) {
    this.url = `https://127.0.0.1:${port}`
    this.adminToken = randomBytes(16).toString('hex')
    this.auditLog = join(folder, 'audit.log')
    this.#folder = folder
    this.#program = program
    this.#args = [
      `--etcd-servers=${etcdUrl}`,
      '--bind-address=127.0.0.1',
      `--secure-port=${port}`,
      `--cert-dir=${join(folder, 'certificates')}`,
      '--service-cluster-ip-range=10.0.0.0/24',
      '--endpoint-reconciler-type=none',
      '--authorization-mode=RBAC',
      `--token-auth-file=${join(folder, 'tokens.csv')}`,
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-signing-key-file=${join(folder, 'service-accounts.key')}`,
      `--service-account-key-file=${join(folder, 'service-accounts.key')}`,
      '--profiling=false',
      ...(options.audit
        ? [`--audit-log-path=${this.auditLog}`, `--audit-policy-file=${join(folder, 'audit.yaml')}`]
        : []),
      ...(options.flags ?? []),
    ]
  }

  static async start(
    program: string,
    folder: string,
    etcdUrl: string,
    options: ApiServerOptions = {},
  ): Promise<ApiServer> {
    const server = new ApiServer(program, folder, await freePort(), etcdUrl, options)
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const key = privateKey.export({ type: 'sec1', format: 'pem' })
    await fs.writeFile(join(folder, 'service-accounts.key'), key, { mode: 0o600 })
    const admin = `${server.adminToken},admin,admin,"system:masters"\n`
    await fs.writeFile(join(folder, 'tokens.csv'), admin, { mode: 0o600 })
    await fs.writeFile(
      join(folder, 'audit.yaml'),
      'apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules: [{level: Metadata}]\n',
    )
    await server.start()
    return server
  }

  /** File with the certificates by which clients know the server. It makes them itself at its first start. */
  get certificate(): string {
    return join(this.#folder, 'certificates', 'apiserver.crt')
  }

  /** Starts it again after `stop` or `kill`; resolves when it is ready to serve. */
  async start(): Promise<void> {
    if (this.#process?.running) return
    const started = new LeashedProcess(this.#program, this.#args, join(this.#folder, 'kube-apiserver.log'))
    this.#process = started
    await until(READY_MS, async () => {
      if (!started.running) throw new Error(`kube-apiserver ended while starting:\n${started.tail()}`)
      return (await this.#status('/readyz')) === 200
    })
  }

  async stop(): Promise<void> {
    await this.#process?.stop()
  }

  /** Ends it at once, as a crash would. */
  async kill(): Promise<void> {
    await this.#process?.kill()
  }

  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }

  /** Undefined when there is no answer, as long as it has made no certificate among others. */
  async #status(path: string): Promise<number | undefined> {
    const ca = await fs.readFile(this.certificate).catch(() => undefined)
    if (ca === undefined) return undefined
    const headers = { authorization: `Bearer ${this.adminToken}` }
    return new Promise((resolve) => {
      const asked = request(`${this.url}${path}`, { ca, headers, agent: false, timeout: 5000 })
      asked.on('response', (response) => {
        response.resume()
        resolve(response.statusCode)
      })
      asked.on('timeout', () => asked.destroy())
      asked.on('error', () => resolve(undefined))
      asked.end()
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }
}
