// Ringmaster on a Kubernetes cluster, put together: every kind is watched; what admins wrote goes into the journal (intake.ts); what
// the state says comes back as statuses, owned objects and events (projector.ts). Only the leader submits and writes; the others
// watch, so that any of them can take over at once.
import { newEventRecorder } from '../kube/event-recorder.ts'
import type { KubeClient } from '../kube/kube-client.ts'
import type { KubeError } from '../kube/kube-error.ts'
import type { KubeObject } from '../kube/kube-object.ts'
import type { StoreChange } from '../kube/object-store.ts'
import { type Reflector, startReflector } from '../kube/reflector.ts'
import type { Decision } from '../model/facts.ts'
import { API_VERSION, KIND_NAMES, KINDS, type Kind } from '../model/kinds.ts'
import type { Controller } from '../runtime/controller.ts'
import type { Leadership } from '../runtime/leadership.ts'
import type { Log } from '../runtime/log.ts'
import { type DecisionEvent, eventOf } from './decision-events.ts'
import { startIntake } from './intake.ts'
import { type ObjectKey, objectKey, resourceOf } from './names.ts'
import { startProjector } from './projector.ts'

export type OperatorOptions = {
  readonly client: KubeClient
  readonly controller: Controller
  readonly leadership: Leadership
  readonly log: Log
  /** Whether another source of declarations runs, so that what it declared is its own. */
  readonly isRunning: (source: string) => boolean
  /** Requests at once. */
  readonly concurrency?: number
  readonly pageSize?: number
  readonly onWrite?: (what: 'Apply' | 'Status' | 'Finalizer' | 'Remove') => void
}

type EventText = Omit<DecisionEvent, 'kind' | 'name'>

export type Operator = {
  /** Whether every kind was listed. */
  readonly isSynced: () => boolean
  /** Kinds that have not been listed yet or are not watched at the moment, and why. */
  readonly troubles: () => readonly { readonly kind: Kind; readonly message: string }[]
  /** Objects that wait for work, those whose work fails, and events that were not written. */
  readonly figures: () => { readonly depth: number; readonly failing: number; readonly eventsDropped: number }
  /** What the watches show. */
  readonly objectsOf: (kind: Kind) => ReadonlyMap<string, KubeObject>
  /** To be called for decisions that are durable and in force. */
  readonly decided: (decisions: readonly Decision[]) => void
  /** Other sources have changed: what the cluster declares is judged again. */
  readonly lookAgain: () => void
  /** Ends the watches, and what was begun with them. */
  readonly close: () => Promise<void>
}

export function startOperator(options: OperatorOptions): Operator {
  const { client, controller, leadership, log, isRunning, onWrite = () => {} } = options
  const reflectors = new Map<Kind, Reflector>()
  const objectsOf = (kind: Kind) => reflectors.get(kind)?.objects ?? NOTHING
  const isSynced = () => KIND_NAMES.every((kind) => reflectors.get(kind)?.isSynced() === true)
  const isCurrent = () => KIND_NAMES.every((kind) => reflectors.get(kind)?.isCurrent() === true)
  const mayRun = () => isCurrent() && leadership.isLeader()
  const events = newEvents(options)
  const onJudged = (keys: readonly ObjectKey[]) => {
    projector.look(keys)
    projector.lookAtAll()
  }
  const intake = startIntake({ controller, objectsOf, log, mayRun, isRunning, onJudged })
  const projector = startProjector({
    client,
    controller,
    objectsOf,
    log,
    onWrite,
    verdictOf: intake.verdictOf,
    // What is in force has to be known before anything is said of it, or removed.
    mayRun: () => mayRun() && intake.hasRun(),
    onStalled: (kind, object, reason, note) =>
      events.record(kind, object, { type: 'Warning', action: 'Stalled', reason, note }),
    ...(options.concurrency !== undefined && { concurrency: options.concurrency }),
  })
  const tellSynced = onceSynced(isSynced, log, reflectors)
  const becameCurrent = onceEachTime(isCurrent)
  const onChanges = (kind: Kind, changes: readonly StoreChange[]) => {
    tellSynced()
    // Whichever kind is listed last: until then nothing was judged.
    if (becameCurrent() || KINDS[kind].writable) intake.wake()
    projector.look(changes.map(({ key }) => objectKey(kind, key)))
  }
  for (const kind of KIND_NAMES)
    reflectors.set(kind, startReflector(reflectorOptions(options, kind, (changes) => onChanges(kind, changes))))
  const unsubscribe = leadership.subscribe((leader) => {
    if (!leader) return
    // The leader before may have seen and declared what the watch here has yet to show: that is not to be taken for removed.
    if (controller.follower !== undefined) for (const reflector of reflectors.values()) reflector.refresh()
    intake.wake()
    projector.lookAtAll()
  })
  return {
    isSynced,
    objectsOf,
    troubles: () => troublesOf(reflectors),
    figures: () => ({ depth: projector.depth(), failing: projector.failing(), eventsDropped: events.dropped() }),
    lookAgain: intake.wake,
    decided: (decisions) => events.decided(decisions, objectsOf),
    close: async () => {
      unsubscribe()
      for (const reflector of reflectors.values()) reflector.stop()
      await intake.close()
      await projector.close()
      await events.close()
    },
  }
}

const NOTHING: ReadonlyMap<string, KubeObject> = new Map()

function newEvents({ client, leadership, log }: OperatorOptions) {
  const recorder = newEventRecorder({
    client,
    controller: 'ringmaster.dev/controller',
    instance: leadership.identity,
    onError: (error) => log.debug(`an event could not be written: ${String(error)}`),
  })
  const record = (kind: Kind, object: KubeObject | undefined, event: EventText) => {
    if (object === undefined || !leadership.isLeader()) return
    const { name, uid } = object.meta
    const { type, action, reason, note } = event
    recorder.record({ type, action, reason, note, regarding: { apiVersion: API_VERSION, kind, name, uid } })
  }
  const decided = (decisions: readonly Decision[], objectsOf: Operator['objectsOf']) => {
    for (const decision of decisions) {
      const event = eventOf(decision)
      if (event !== undefined) laterWhenShown(() => record(event.kind, objectsOf(event.kind).get(event.name), event))
    }
  }
  return { record, decided, dropped: recorder.dropped, close: recorder.close }
}

/** A rollout that has just been planned is in the cluster a moment later, and an event has to name its uid. */
const EVENT_DELAY_MS = 3000

function laterWhenShown(record: () => void): void {
  setTimeout(record, EVENT_DELAY_MS).unref()
}

function reflectorOptions(
  { client, log, pageSize }: OperatorOptions,
  kind: Kind,
  onChanges: (changes: readonly StoreChange[]) => void,
): Parameters<typeof startReflector>[0] {
  let told = ''
  const onError = (error: KubeError) => {
    if (error.message === told) return
    told = error.message
    if (error.type === 'Denied')
      log.error(`${error.message}; grant it to the controller: docs/guides/kubernetes.md lists its rights`)
    else if (error.type === 'NotFound')
      log.error(`${error.message}: the CRDs are not installed: apply crds/ of this version; it is tried again`)
    else log.warn(`${error.message}; it goes on where it was`)
  }
  return {
    client,
    resource: resourceOf(kind),
    onError,
    onChanges: (changes) => {
      told = ''
      onChanges(changes)
    },
    ...(pageSize !== undefined && { pageSize }),
  }
}

/** Whether it holds now and did not when this was last asked. */
function onceEachTime(holds: () => boolean): () => boolean {
  let held = false
  return () => {
    const before = held
    held = holds()
    return held && !before
  }
}

function onceSynced(isSynced: () => boolean, log: Log, reflectors: ReadonlyMap<Kind, Reflector>): () => void {
  let told = false
  return () => {
    if (told || !isSynced()) return
    told = true
    const count = [...reflectors.values()].reduce((sum, { objects }) => sum + objects.size, 0)
    log.info(`the cluster was listed: ${count} objects`)
  }
}

function troublesOf(reflectors: ReadonlyMap<Kind, Reflector>): { kind: Kind; message: string }[] {
  return [...reflectors].flatMap(([kind, reflector]) => {
    const trouble = reflector.trouble()
    if (trouble !== undefined) return [{ kind, message: trouble.message }]
    return reflector.isSynced() ? [] : [{ kind, message: `${reflector.resource.plural} have not been listed yet` }]
  })
}
