// Keeps the cluster in step with the state: works on an object when the watch tells of it, and on all of them, with rests in
// between, when something has been decided, and now and then because of the time that passes.
import { KubeError } from '../kube/kube-error.ts'
import type { KubeObject } from '../kube/kube-object.ts'
import { startWorkers } from '../kube/workers.ts'
import { KIND_NAMES, type Kind } from '../model/kinds.ts'
import { reasonOf } from '../model/reason.ts'
import type { Log } from '../runtime/log.ts'
import { type MadeObject, madeObjects } from './made-objects.ts'
import { type ObjectKey, objectKey } from './names.ts'
import { type WorkContext, workOn } from './object-work.ts'

export type ProjectorOptions = Omit<WorkContext, 'made' | 'written'> & {
  /** Whether this replica is the one that writes, and what it writes about is known. */
  readonly mayRun: () => boolean
  readonly log: Log
  readonly concurrency?: number
}

export type Projector = {
  /** Something about these objects has changed. */
  readonly look: (keys: readonly ObjectKey[]) => void
  /** Anything may have changed. */
  readonly lookAtAll: () => void
  readonly depth: () => number
  readonly failing: () => number
  /** Resolves when what was begun has been written. */
  readonly close: () => Promise<void>
}

const CONCURRENCY = 16
/** Between two passes over everything; and a pass is no more than a quarter of the time. */
const PASS_MS = 1000
const REST_FACTOR = 3
/** Without anything else: what is shown depends on the time too. */
const TIME_PASS_MS = 30_000

export function startProjector(options: ProjectorOptions): Projector {
  const { controller, mayRun, log, objectsOf, concurrency = CONCURRENCY } = options
  const made = cachedMade(options)
  const context: WorkContext = { ...options, made, written: new Map() }
  const told = new Map<string, string>()
  let passing = 0
  let wanted = false
  let timer: NodeJS.Timeout | undefined
  let restedUntil = 0

  const workers = startWorkers({
    concurrency,
    work: async (key) => {
      if (!mayRun()) return { type: 'Done' }
      const begun = performance.now()
      const result = workOn(context, key)
      passing += performance.now() - begun
      const outcome = await result
      told.delete(key)
      return outcome
    },
    onError: (key, error) => tell(log, told, key, error),
  })
  const pass = () => {
    timer = undefined
    // One object that fails, or waits, is no reason to leave the others as they are.
    if (mayRun() && workers.isBusy()) return plan(PASS_MS / 4)
    wanted = false
    if (!mayRun()) return
    restedUntil = performance.now() + Math.max(PASS_MS, REST_FACTOR * passing)
    passing = 0
    for (const key of allKeys(objectsOf, made())) workers.addUnlessFailed(key)
  }
  const plan = (ms: number) => {
    timer ??= setTimeout(pass, ms)
  }
  const lookAtAll = () => {
    if (wanted) return
    wanted = true
    plan(Math.max(0, restedUntil - performance.now()))
  }
  const unsubscribe = controller.subscribe(changed(options, lookAtAll))
  const byTime = setInterval(lookAtAll, TIME_PASS_MS)
  return {
    look: (keys) => {
      for (const key of keys) workers.add(key)
    },
    lookAtAll,
    depth: workers.depth,
    failing: workers.failing,
    close: async () => {
      unsubscribe()
      clearInterval(byTime)
      clearTimeout(timer)
      await workers.stop()
    },
  }
}

function changed({ controller }: ProjectorOptions, lookAtAll: () => void): () => void {
  let version = controller.state.version
  return () => {
    if (controller.state.version === version) return
    version = controller.state.version
    lookAtAll()
  }
}

/** Worked out again when the state has changed, and not for each object. */
function cachedMade({ controller }: ProjectorOptions): () => ReadonlyMap<ObjectKey, MadeObject> {
  let version = -1
  let made: ReadonlyMap<ObjectKey, MadeObject> = new Map()
  return () => {
    const { state } = controller
    if (state.version !== version) made = madeObjects(state)
    version = state.version
    return made
  }
}

function allKeys(
  objectsOf: (kind: Kind) => ReadonlyMap<string, KubeObject>,
  made: ReadonlyMap<ObjectKey, MadeObject>,
): Set<ObjectKey> {
  const keys = new Set(made.keys())
  for (const kind of KIND_NAMES) for (const name of objectsOf(kind).keys()) keys.add(objectKey(kind, name))
  return keys
}

const MOST_TOLD = 10_000

// Once for each object and kind of failure, until it goes through.
function tell(log: Log, told: Map<string, string>, key: string, error: unknown): void {
  const type = error instanceof KubeError ? error.type : 'Unavailable'
  if (told.get(key) === type || type === 'Conflict') return
  if (told.size < MOST_TOLD) told.set(key, type)
  const message = reasonOf(error)
  if (type === 'Denied') log.error(`${message}; grant it to the controller: docs/guides/kubernetes.md lists its rights`)
  else log.warn(`${key}: ${message}; it is tried again`)
}
