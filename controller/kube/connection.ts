// The one importer of @kubernetes/client-node: where the API server is and how to be known to it (kubeconfig, the service
// account of a pod, client certificates, tokens, exec plugins). Requests are made here, with limits on time and size.
import { readFileSync } from 'node:fs'
import http, { type IncomingMessage } from 'node:http'
import https, { type RequestOptions } from 'node:https'
import { KubeConfig } from '@kubernetes/client-node'
import { KubeError } from './kube-error.ts'

export type ConnectOptions = {
  /** Default: $KUBECONFIG, ~/.kube/config, or the service account of the pod. */
  readonly kubeconfig?: string | undefined
  readonly context?: string | undefined
}

export type Sent = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** With its query. */
  readonly path: string
  readonly contentType?: string
  readonly body?: string
  readonly signal?: AbortSignal | undefined
  /** Without a byte for so long it counts as failed. */
  readonly idleMs: number
}

export type Connection = {
  /** `https://host:port`. */
  readonly server: string
  readonly context: string
  /** The namespace of the context, or of the pod. */
  readonly namespace: string | undefined
  /** Resolves when the head of the answer is there. Rejects with a KubeError. */
  readonly open: (sent: Sent) => Promise<IncomingMessage>
  readonly close: () => void
}

/** Throws an Error with what to do when there is nothing to connect to. */
export function connect(options: ConnectOptions): Connection {
  const config = loadConfig(options)
  const cluster = config.getCurrentCluster()
  if (cluster === null) throw new Error(`context ${config.getCurrentContext() || '(none)'} names no cluster`)
  const server = new URL(cluster.server)
  const plain = server.protocol === 'http:'
  const own = plain
    ? new http.Agent({ keepAlive: true, maxSockets: MAX_SOCKETS })
    : new https.Agent({ keepAlive: true, maxSockets: MAX_SOCKETS })
  const optionsFor = async (sent: Sent): Promise<RequestOptions> => {
    const prepared: RequestOptions & { headers: Record<string, string> } = { headers: { accept: 'application/json' } }
    // Its own agents refuse plain HTTP unless TLS is switched off; there is nothing to apply to it.
    if (!plain) await config.applyToHTTPSOptions(prepared)
    if (sent.contentType !== undefined) prepared.headers['content-type'] = sent.contentType
    prepared.headers['user-agent'] = 'ringmaster'
    // Only a proxy needs the agent that came with the configuration.
    if (cluster.proxyUrl === undefined) prepared.agent = own
    const path = `${server.pathname.replace(/\/$/, '')}${sent.path}`
    const { hostname, port } = server
    return { ...prepared, method: sent.method, host: hostname.replace(/^\[|\]$/g, ''), port, path }
  }
  return {
    server: cluster.server,
    context: config.getCurrentContext(),
    namespace: namespaceOf(config),
    open: async (sent) => send(plain ? http : https, await optionsFor(sent).catch(asUnavailable), sent),
    close: () => own.destroy(),
  }
}

const MAX_SOCKETS = 64
const SERVICE_ACCOUNT_NAMESPACE = '/var/run/secrets/kubernetes.io/serviceaccount/namespace'

function loadConfig({ kubeconfig, context }: ConnectOptions): KubeConfig {
  const config = new KubeConfig()
  if (kubeconfig === undefined) config.loadFromDefault()
  else config.loadFromFile(kubeconfig)
  if (context !== undefined) {
    if (config.getContextObject(context) === null) {
      const known = config.getContexts().map(({ name }) => name)
      throw new Error(`there is no context ${context} in the kubeconfig; there are ${known.slice(0, 10).join(', ')}`)
    }
    config.setCurrentContext(context)
  }
  return config
}

function namespaceOf(config: KubeConfig): string | undefined {
  const named = config.getContextObject(config.getCurrentContext())?.namespace
  if (named !== undefined && named !== '') return named
  try {
    return readFileSync(SERVICE_ACCOUNT_NAMESPACE, 'utf8').trim() || undefined
  } catch {
    return undefined
  }
}

function asUnavailable(error: unknown): never {
  const message = error instanceof Error ? error.message : String(error)
  throw new KubeError('Unavailable', `no credentials for the API server: ${message}`)
}

function send(library: typeof http | typeof https, options: RequestOptions, sent: Sent): Promise<IncomingMessage> {
  const what = `${sent.method} ${sent.path.split('?')[0]}`
  return new Promise((resolve, reject) => {
    const request = library.request({ ...options, ...(sent.signal && { signal: sent.signal }) })
    const fail = (message: string) => reject(new KubeError('Unavailable', `${what}: ${message}`))
    request.setTimeout(sent.idleMs, () => {
      request.destroy(new Error(`no answer within ${Math.round(sent.idleMs / 1000)} s`))
    })
    request.once('error', (error) => fail(error.message))
    request.once('response', resolve)
    request.end(sent.body)
  })
}
