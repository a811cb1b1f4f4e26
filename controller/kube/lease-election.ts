// Leadership by a Lease of the Kubernetes API: the driver of election-machine.ts.
import {
  ELECTION_TIMES,
  type ElectionInput,
  type ElectionTimes,
  electionStep,
  FOLLOWING,
  isHeld,
  type LeaseRecord,
  untilFree,
} from './election-machine.ts'
import type { KubeClient } from './kube-client.ts'
import { KubeError } from './kube-error.ts'
import { isRecord, type KubeObject, type Resource } from './kube-object.ts'

export const LEASES: Resource = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  namespaced: true,
}

export type LeaseOptions = {
  readonly client: Pick<KubeClient, 'get' | 'create' | 'replace'>
  readonly name: string
  readonly namespace: string
  /** Of this replica alone. */
  readonly identity: string
  readonly times?: ElectionTimes
  /** Whether this replica could do what leading is for; while it could not it takes no lease and keeps none. Default: always. */
  readonly isFit?: () => boolean
  readonly onError?: (error: unknown) => void
  readonly draw?: () => number
}

/** A `Leadership` (runtime/leadership.ts). */
export type LeaseElection = {
  readonly identity: string
  /** Also false when the lease could not be renewed for a while, before anybody tells. */
  readonly isLeader: () => boolean
  /** Called whenever it changes. Returns how to end that. */
  readonly subscribe: (listener: (leads: boolean) => void) => () => void
  /** Who holds the lease, as last seen. */
  readonly holder: () => string | undefined
  /** Gives the lease up, so that another one need not wait for its end. */
  readonly close: () => Promise<void>
}

/** A replica that is not fit looks for that alone, and asks for nothing. */
const UNFIT_MS = 200

export function startLeaseElection(options: LeaseOptions): LeaseElection {
  const { client, name, namespace, identity, times = ELECTION_TIMES } = options
  const { onError = () => {}, draw = Math.random, isFit = () => true } = options
  const at = { name, namespace }
  const standing = newStanding(identity, times)
  let timer: NodeJS.Timeout | undefined
  let turn: Promise<void> = Promise.resolve()

  const giveUp = async (input: ElectionInput) => {
    const record = standing.isLeader() ? standing.state().seen?.record : undefined
    standing.feed(input)
    if (record !== undefined) await release(client, at, record).catch(onError)
  }
  const attempt = async () => {
    if (!isFit()) return giveUp({ type: 'Yield' })
    const begun = performance.now()
    try {
      const record = await readLease(client, at)
      if (standing.feed({ type: 'Read', record, now: begun }) === 'Wait') return
      const written = await writeLease(client, at, takenBy(identity, record, times))
      standing.feed({ type: 'Written', record: written, begun })
    } catch (error) {
      if (!(error instanceof KubeError) || error.type !== 'Conflict') onError(error)
      standing.feed({ type: 'Failed', now: performance.now() })
    }
  }
  const pause = () => {
    if (!isFit()) return UNFIT_MS
    if (standing.isLeader()) return times.retryMs
    // Followers that lose their leader do not all come at the same moment; but the first comes as soon as it may.
    const usual = times.retryMs * (1 + 0.2 * draw())
    return Math.min(usual, untilFree(standing.state(), performance.now()) ?? usual)
  }
  const go = () => {
    if (standing.state().role === 'Stopped') return
    turn = attempt().then(() => {
      timer = setTimeout(go, pause())
    })
  }
  go()
  return {
    identity,
    isLeader: standing.isLeader,
    subscribe: standing.subscribe,
    holder: () => standing.state().seen?.record?.holder,
    close: async () => {
      clearTimeout(timer)
      await turn
      clearTimeout(timer)
      standing.silence()
      await giveUp({ type: 'Stop' })
    },
  }
}

/** The state of the machine, and whoever wants to hear when it leads and when not any more, also by the clock alone. */
function newStanding(identity: string, times: ElectionTimes) {
  const listeners = new Set<(leads: boolean) => void>()
  let state = FOLLOWING
  let told = false
  let expiry: NodeJS.Timeout | undefined
  const isLeader = () => isHeld(state, performance.now(), times)
  const tell = () => {
    const leads = isLeader()
    clearTimeout(expiry)
    if (leads) expiry = setTimeout(tell, Math.max(1, state.renewedAt + times.renewMs - performance.now() + 1))
    if (leads === told) return
    told = leads
    for (const listener of listeners) listener(leads)
  }
  const feed = (input: ElectionInput) => {
    const step = electionStep(state, input, identity, times)
    state = step.state
    tell()
    return step.move
  }
  return {
    state: () => state,
    isLeader,
    feed,
    subscribe: (listener: (leads: boolean) => void) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    silence: () => listeners.clear(),
  }
}

async function release(client: LeaseOptions['client'], at: LeaseAt, record: LeaseRecord): Promise<void> {
  await writeLease(client, at, { ...record, holder: '', durationMs: 1000, renewed: microTime() })
}

type LeaseAt = { readonly name: string; readonly namespace: string }

function takenBy(identity: string, record: LeaseRecord | undefined, times: ElectionTimes): LeaseRecord {
  const renewed = microTime()
  const mine = record?.holder === identity
  return {
    holder: identity,
    durationMs: times.leaseMs,
    acquired: mine ? record.acquired : renewed,
    renewed,
    transitions: record === undefined ? 0 : record.transitions + (mine ? 0 : 1),
    version: record?.version ?? '',
  }
}

async function readLease(client: LeaseOptions['client'], at: LeaseAt): Promise<LeaseRecord | undefined> {
  try {
    return recordOf(await client.get(LEASES, at))
  } catch (error) {
    if (error instanceof KubeError && error.type === 'NotFound') return undefined
    throw error
  }
}

async function writeLease(client: LeaseOptions['client'], at: LeaseAt, record: LeaseRecord): Promise<LeaseRecord> {
  const { holder, durationMs, acquired, renewed, transitions, version } = record
  const body = {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { ...at, ...(version !== '' && { resourceVersion: version }) },
    spec: {
      holderIdentity: holder,
      leaseDurationSeconds: Math.max(1, Math.ceil(durationMs / 1000)),
      acquireTime: acquired,
      renewTime: renewed,
      leaseTransitions: transitions,
    },
  }
  return recordOf(version === '' ? await client.create(LEASES, at, body) : await client.replace(LEASES, at, body))
}

/** What another program wrote into it reads as a lease that nobody holds. */
function recordOf({ meta, raw }: KubeObject): LeaseRecord {
  const spec = isRecord(raw.spec) ? raw.spec : {}
  const text = (value: unknown) => (typeof value === 'string' ? value : '')
  const number = (value: unknown) => (typeof value === 'number' && value >= 0 ? value : 0)
  return {
    holder: text(spec.holderIdentity),
    durationMs: number(spec.leaseDurationSeconds) * 1000,
    acquired: text(spec.acquireTime),
    renewed: text(spec.renewTime),
    transitions: number(spec.leaseTransitions),
    version: meta.resourceVersion,
  }
}

/** RFC 3339 with six places, as leases have it. */
function microTime(): string {
  return Temporal.Now.instant().toString({ fractionalSecondDigits: 6 })
}
