// A Kubernetes control plane for tests: etcd, kube-apiserver, and kubectl and helm that speak to it. There are no
// controllers and no nodes: no pod runs, nothing collects garbage by ownerReferences, and no namespace goes away.
import { promises as fs } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ApiServer, type ApiServerOptions } from './api-server.ts'
import { clusterBinaries } from './binaries.ts'
import { attempt, type Ran, type RunOptions, run } from './command.ts'
import { Etcd } from './etcd.ts'
import { kubeconfig } from './kubeconfig.ts'

export const CRDS = join(import.meta.dirname, '../../crds')

export type ControlPlane = AsyncDisposable & {
  /** Where data, logs and kubeconfigs are; removed at the end. */
  readonly folder: string
  readonly etcd: Etcd
  readonly apiServer: ApiServer
  /** Path of the kubeconfig of an administrator. */
  readonly kubeconfig: string
  /** Environment for programs that speak to this control plane as the administrator, and leave nothing behind elsewhere. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Runs kubectl as the administrator; rejects, with what it printed, when it fails. */
  kubectl(args: readonly string[], options?: RunOptions): Promise<Ran>
  /** The same, but resolves whatever the exit code. */
  tryKubectl(args: readonly string[], options?: RunOptions): Promise<Ran>
  helm(args: readonly string[], options?: RunOptions): Promise<Ran>
  tryHelm(args: readonly string[], options?: RunOptions): Promise<Ran>
  /** Installs crds/ and waits until their kinds are served. */
  installCrds(): Promise<void>
  /**
   * Path of a kubeconfig for a service account that exists, with a token of one hour; or for the administrator, when none
   * is named. `server` goes in place of the API server's own URL: one of a proxy, for instance.
   */
  kubeconfigOf(
    account: { readonly namespace: string; readonly name: string } | 'admin',
    server?: string,
  ): Promise<string>
}

/** Starts a control plane: seconds, and about 300 MB. Dispose of it (`await using`) to end its processes. */
export async function startControlPlane(options: ApiServerOptions = {}): Promise<ControlPlane> {
  const found = await clusterBinaries()
  if (found.type === 'Missing') throw new Error(found.reason)
  const { binaries } = found
  const folder = await fs.mkdtemp(join(tmpdir(), 'ringmaster-cluster-'))
  const started = new AsyncDisposableStack()
  started.defer(() => fs.rm(folder, { recursive: true, force: true }))
  try {
    const etcd = started.use(await Etcd.start(binaries.etcd, folder))
    const apiServer = started.use(await ApiServer.start(binaries.apiServer, folder, etcd.url, options))
    return await assembled({ folder, etcd, apiServer, kubectl: binaries.kubectl, helm: binaries.helm }, started)
  } catch (error) {
    await started.disposeAsync()
    throw error
  }
}

type Parts = {
  readonly folder: string
  readonly etcd: Etcd
  readonly apiServer: ApiServer
  readonly kubectl: string
  readonly helm: string
}

async function assembled(parts: Parts, started: AsyncDisposableStack): Promise<ControlPlane> {
  const { folder, etcd, apiServer } = parts
  const write = async (name: string, token: string, server = apiServer.url) => {
    const path = join(folder, `${name}.kubeconfig`)
    const text = kubeconfig({ server, token, certificates: await fs.readFile(apiServer.certificate) })
    await fs.writeFile(path, text, { mode: 0o600 })
    return path
  }
  const admin = await write('admin', apiServer.adminToken)
  const env = environment(folder, admin)
  const kubectl = (args: readonly string[], options: RunOptions = {}) => run(parts.kubectl, args, { env, ...options })
  let written = 0
  return {
    folder,
    etcd,
    apiServer,
    kubeconfig: admin,
    env,
    kubectl,
    tryKubectl: (args, options) => attempt(parts.kubectl, args, { env, ...options }),
    helm: (args, options) => run(parts.helm, args, { env, ...options }),
    tryHelm: (args, options) => attempt(parts.helm, args, { env, ...options }),
    async installCrds() {
      await kubectl(['apply', '--server-side', '-f', CRDS])
      await kubectl(['wait', '--for=condition=Established', '--timeout=60s', '-f', CRDS])
    },
    async kubeconfigOf(account, server) {
      written += 1
      if (account === 'admin') return write(`admin-${written}`, apiServer.adminToken, server)
      const { namespace, name } = account
      const { stdout } = await kubectl(['create', 'token', name, '--namespace', namespace, '--duration', '1h'])
      return write(`${namespace}-${name}-${written}`, stdout.trim(), server)
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  }
}

function environment(folder: string, kubeconfigPath: string): Readonly<Record<string, string | undefined>> {
  return {
    ...process.env,
    KUBECONFIG: kubeconfigPath,
    KUBECACHEDIR: join(folder, 'kubectl'),
    HELM_CACHE_HOME: join(folder, 'helm', 'cache'),
    HELM_CONFIG_HOME: join(folder, 'helm', 'config'),
    HELM_DATA_HOME: join(folder, 'helm', 'data'),
  }
}
