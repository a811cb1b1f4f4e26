// The part of a controller that is on a Kubernetes cluster: connection, Lease, watches and projections. start-controller.ts starts it.
import { randomUUID } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { connect } from '../kube/connection.ts'
import { type KubeClient, type KubeRequest, newKubeClient } from '../kube/kube-client.ts'
import { startLeaseElection } from '../kube/lease-election.ts'
import { reasonOf } from '../model/reason.ts'
import { type Operator, startOperator } from '../operator/operator.ts'
import type { KubernetesMetrics } from '../project/kubernetes-metrics.ts'
import type { Metrics } from '../project/metrics.ts'
import type { Controller } from '../runtime/controller.ts'
import type { Leadership } from '../runtime/leadership.ts'
import type { Log } from '../runtime/log.ts'
import type { Check } from '../serve/context.ts'
import type { JournalPlace } from './open-controller.ts'
import { StartError } from './start-error.ts'
import { startWebhook, type WebhookOptions } from './start-webhook.ts'

export type KubernetesOptions = {
  readonly kubeconfig?: string | undefined
  readonly context?: string | undefined
  /** Of the Lease, and of the webhook's Secret. Default: that of the context, or of the pod, else `default`. */
  readonly namespace?: string | undefined
  readonly webhook?: WebhookOptions | undefined
}

export const LEASE_NAME = 'ringmaster'

/** The API server, and who leads: there before the controller is, so that its journal may go by the same leader. */
export type Cluster = {
  readonly client: KubeClient
  /** Of the Lease, and of the webhook's Secret. */
  readonly namespace: string
  readonly leadership: Leadership
  readonly metrics: KubernetesMetrics
  /** What the metrics are asked about; until then there is nothing to tell. */
  readonly observe: (operator: Operator) => void
  readonly close: () => Promise<void>
}

export type StartedKubernetes = {
  readonly operator: Operator
  /** Where the admission webhook listens, where there is one. */
  readonly webhookPort: Promise<number> | undefined
  readonly close: () => Promise<void>
}

/**
 * Throws a StartError when there is no cluster to connect to. Whether it answers is not waited for. The Lease is taken and kept
 * only while `isFit`.
 */
export function openCluster(
  options: KubernetesOptions,
  identity: string,
  isFit: () => boolean,
  metrics: Metrics,
  log: Log,
): Cluster {
  let operator: Operator | undefined
  let leadership: Leadership | undefined
  const told = metrics.onKubernetes(() => ({
    ...(operator?.figures() ?? NOTHING),
    synced: operator?.isSynced() === true,
    leader: leadership?.isLeader() === true,
    troubles: operator?.troubles().length ?? 0,
  }))
  const client = openClient(options, ({ verb, resource, subresource, status, seconds }) =>
    told.asked(
      verb,
      subresource === undefined ? resource.plural : `${resource.plural}/${subresource}`,
      status,
      seconds,
    ),
  )
  const namespace = options.namespace ?? client.namespace ?? 'default'
  const lease = leaseLeadership(client, namespace, identity, isFit, log)
  leadership = lease
  return {
    client,
    namespace,
    leadership: lease,
    metrics: told,
    observe: (started) => {
      operator = started
    },
    close: async () => {
      await lease.close()
      client.close()
    },
  }
}

/** `isRunning`: whether a source of that name is read here; true also where that is not known yet. */
export function startKubernetes(
  cluster: Cluster,
  controller: Controller,
  log: Log,
  isRunning: (source: string) => boolean,
  webhookOptions: WebhookOptions | undefined,
): StartedKubernetes {
  const { client, namespace, metrics } = cluster
  log.info(`watching the cluster at ${client.server}`)
  const leadership = whoWrites(cluster.leadership, controller)
  const operator = startOperator({ client, controller, leadership, log, onWrite: metrics.wrote, isRunning })
  cluster.observe(operator)
  const webhook = webhookOptions && startWebhook(client, namespace, webhookOptions, controller, log)
  return {
    operator,
    webhookPort: webhook?.port,
    close: async () => {
      await webhook?.close()
      await operator.close()
    },
  }
}

// On a shared journal the Lease alone is not enough: what is written must come from all that was decided before. Nor is the
// term: a process that slept is told late that its Lease has run out.
function whoWrites(lease: Leadership, controller: Controller): Leadership {
  const { follower } = controller
  if (follower === undefined) return lease
  const isLeader = () => controller.leading && lease.isLeader()
  return { ...lease, isLeader, subscribe: (listener) => follower.subscribe(listener) }
}

/** For /readyz: whether every kind was listed. Later trouble with the API server leaves devices served, and is only told. */
export function syncedCheck(operator: Operator | undefined): Check {
  const troubles = operator?.troubles() ?? []
  const first = troubles[0]
  const message =
    first === undefined
      ? 'every kind is watched'
      : `${first.message}${troubles.length > 1 ? ` (and ${troubles.length - 1} more kinds)` : ''}`
  return { name: 'kubernetes', ok: operator?.isSynced() === true, message }
}

function openClient(options: KubernetesOptions, onRequest: (request: KubeRequest) => void): KubeClient {
  try {
    return newKubeClient(connect(options), { onRequest })
  } catch (error) {
    throw new StartError(`no Kubernetes cluster to connect to: ${reasonOf(error)}`, error)
  }
}

function leaseLeadership(
  client: KubeClient,
  where: string,
  identity: string,
  isFit: () => boolean,
  log: Log,
): Leadership {
  let told = ''
  const onError = (error: unknown) => {
    const message = reasonOf(error)
    if (message === told) return
    told = message
    log.warn(`the Lease ${LEASE_NAME} in namespace ${where}: ${message}; it is tried again`)
  }
  const lease = startLeaseElection({ client, name: LEASE_NAME, namespace: where, identity, isFit, onError })
  lease.subscribe((leads) => {
    told = ''
    if (leads) log.info(`this replica leads (Lease ${LEASE_NAME} in namespace ${where})`, { identity })
    else log.warn('this replica does not lead any more', { identity, leader: lease.holder() })
  })
  return lease
}

/**
 * The same each time on the same data folder: the journal lets one process at a time have it, so that whoever held the Lease
 * under this name is gone, and a controller that was killed need not wait for its own Lease to run out. Replicas of one
 * database have names of their own.
 */
export function identityIn(data: string, place: JournalPlace): string {
  if (place.type === 'Postgres') return place.replica
  const file = join(data, IDENTITY_FILE)
  const known = existsSync(file) ? readFileSync(file, 'utf8').trim() : ''
  if (/^[\w.-]{1,200}$/.test(known)) return known
  const identity = `${hostname()}_${randomUUID()}`
  writeFileSync(file, `${identity}\n`)
  return identity
}

const IDENTITY_FILE = 'lease.identity'

const NOTHING = { depth: 0, failing: 0, eventsDropped: 0 }
