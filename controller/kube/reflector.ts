// Keeps a store in step with the objects of one kind, by the machine of watch-machine.ts.
import type { KubeClient } from './kube-client.ts'
import { asKubeError, type KubeError } from './kube-error.ts'
import type { KubeObject, Resource } from './kube-object.ts'
import { dropObject, newStore, type ObjectStore, putObject, replaceObjects, type StoreChange } from './object-store.ts'
import { type WatchAction, type WatchInput, type WatchState, watchStep } from './watch-machine.ts'

export type ReflectorOptions = {
  readonly client: Pick<KubeClient, 'list' | 'watch'>
  readonly resource: Resource
  readonly onChanges: (changes: readonly StoreChange[]) => void
  /** Something failed; it goes on by itself. */
  readonly onError?: (error: KubeError) => void
  /** From 0 up to 1. */
  readonly draw?: () => number
  readonly pageSize?: number
}

export type Reflector = {
  readonly resource: Resource
  /** By key, as the watch shows them. */
  readonly objects: ReadonlyMap<string, KubeObject>
  /** Whether the whole list was there once. */
  readonly isSynced: () => boolean
  /** Whether it was there since it was last asked for: what is shown is no older than that. */
  readonly isCurrent: () => boolean
  /** Asks for the whole list anew; what was shown stays until it is there. */
  readonly refresh: () => void
  readonly state: () => WatchState['type']
  /** Why it waits; undefined when the last thing that it asked for went through. */
  readonly trouble: () => KubeError | undefined
  /** Nothing is asked for, and nothing told, after this. */
  readonly stop: () => void
}

const PAGE = 500

export function startReflector(options: ReflectorOptions): Reflector {
  const { resource, onError = () => {}, draw = Math.random } = options
  const store = newStore()
  const requests = newRequests(options, (input) => feed(input))
  let state: WatchState = { type: 'Idle' }
  let synced = false
  let current = false
  let trouble: KubeError | undefined

  const feed = (input: WatchInput) => {
    if (input.type === 'Failed') {
      trouble = input.error
      // That a version is too old is in the nature of a watch.
      if (state.type !== 'Stopped' && input.error.type !== 'Gone') onError(input.error)
    } else if (input.type !== 'Elapsed' && input.type !== 'Relist' && input.type !== 'Stop') trouble = undefined
    const step = watchStep(state, input, draw())
    state = step.state
    for (const action of step.actions) {
      if (action.type === 'Replace') {
        synced = true
        current = true
      }
      if (!changeStore(store, action, options.onChanges)) requests.begin(action)
    }
  }
  feed({ type: 'Start' })
  return {
    resource,
    objects: store.objects,
    isSynced: () => synced,
    isCurrent: () => current,
    refresh: () => {
      current = false
      feed({ type: 'Relist' })
    },
    state: () => state.type,
    trouble: () => trouble,
    stop: () => feed({ type: 'Stop' }),
  }
}

/** Whether the action is about the store. */
function changeStore(store: ObjectStore, action: WatchAction, onChanges: ReflectorOptions['onChanges']): boolean {
  if (action.type === 'Replace') {
    // Told also when nothing has changed: the list is whole.
    onChanges(replaceObjects(store, action.objects))
    return true
  }
  if (action.type !== 'Put' && action.type !== 'Drop') return false
  const changes = action.type === 'Put' ? putObject(store, action.object) : dropObject(store, action.object)
  if (changes.length > 0) onChanges(changes)
  return true
}

/** What is asked of the API server, one thing at a time. What ends a request that was cancelled is not fed: the machine has moved on. */
function newRequests({ client, resource, pageSize = PAGE }: ReflectorOptions, feed: (input: WatchInput) => void) {
  let cancel = () => {}
  const request = (work: (signal: AbortSignal) => Promise<WatchInput>) => {
    const controller = new AbortController()
    const { signal } = controller
    cancel = () => controller.abort()
    work(signal)
      .catch((error: unknown): WatchInput => ({ type: 'Failed', error: asKubeError(resource.plural, error) }))
      .then((input) => {
        if (!signal.aborted) feed(input)
      })
  }
  const list = async (next: string | undefined, signal: AbortSignal): Promise<WatchInput> => {
    const page = await client.list(resource, { limit: pageSize, next }, signal)
    return { type: 'Page', ...page }
  }
  const watch = async (version: string, timeoutSeconds: number, signal: AbortSignal): Promise<WatchInput> => {
    const begun = performance.now()
    const onEvent = (event: WatchInput) => {
      if (!signal.aborted) feed(event)
    }
    await client.watch(resource, { version, timeoutSeconds }, onEvent, signal)
    return { type: 'Ended', lastedMs: performance.now() - begun }
  }
  return {
    begin: (action: WatchAction) => {
      if (action.type === 'Cancel') cancel()
      if (action.type === 'List') request((signal) => list(action.next, signal))
      if (action.type === 'Watch') request((signal) => watch(action.version, action.timeoutSeconds, signal))
      if (action.type !== 'Wait') return
      const timer = setTimeout(() => feed({ type: 'Elapsed' }), action.ms)
      cancel = () => clearTimeout(timer)
    },
  }
}
