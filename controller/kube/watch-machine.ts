// The life of one list-and-watch as an explicit machine: a union of states and one pure step. It lists in pages, watches from
// where the list stood, goes on from the last version after anything that may pass, lists anew when that version is too old,
// and never gives up. What it wants done comes out as an action; what became of it goes in as an input.
import { type BackoffLimits, backoffMs } from './backoff.ts'
import type { KubeError } from './kube-error.ts'
import type { KubeObject } from './kube-object.ts'

export type WatchState =
  | { readonly type: 'Idle' }
  /** `objects`: of the pages read so far. */
  | { readonly type: 'Listing'; readonly objects: readonly KubeObject[]; readonly failures: number }
  /** `fresh`: nothing has come from this watch yet. */
  | { readonly type: 'Watching'; readonly version: string; readonly fresh: boolean; readonly failures: number }
  /** Without a version it lists when the time has passed. */
  | { readonly type: 'Waiting'; readonly version: string | undefined; readonly failures: number }
  | { readonly type: 'Stopped' }

export type WatchInput =
  | { readonly type: 'Start' }
  | {
      readonly type: 'Page'
      readonly objects: readonly KubeObject[]
      readonly version: string
      /** Where the list goes on. */
      readonly next: string | undefined
    }
  | { readonly type: 'Changed' | 'Deleted'; readonly object: KubeObject }
  | { readonly type: 'Bookmark'; readonly version: string }
  /** The API server ended the watch, as it does when its time is over. */
  | { readonly type: 'Ended'; readonly lastedMs: number }
  | { readonly type: 'Failed'; readonly error: KubeError }
  /** The wait is over. */
  | { readonly type: 'Elapsed' }
  /** What is shown may be older than it has to be: the list is read anew, whatever is under way. */
  | { readonly type: 'Relist' }
  | { readonly type: 'Stop' }

export type WatchAction =
  | { readonly type: 'List'; readonly next: string | undefined }
  | { readonly type: 'Watch'; readonly version: string; readonly timeoutSeconds: number }
  | { readonly type: 'Wait'; readonly ms: number }
  /** The whole list as it stands now: what is not in it is gone. */
  | { readonly type: 'Replace'; readonly objects: readonly KubeObject[] }
  | { readonly type: 'Put' | 'Drop'; readonly object: KubeObject }
  /** Ends what is under way. */
  | { readonly type: 'Cancel' }

export type WatchStep = { readonly state: WatchState; readonly actions: readonly WatchAction[] }

export const WATCH_BACKOFF: BackoffLimits = { firstMs: 500, mostMs: 30_000 }
/** The server ends a watch after this long, drawn anew for each, so that watches do not all end together. */
export const WATCH_SECONDS = { least: 300, most: 600 } as const
/** A watch that ends sooner, with nothing in it, counts as a failure: something in between does not let it live. */
export const SHORTEST_WATCH_MS = 5000
/** What cannot be read comes again from the same version; after so many times in a row the list is read instead. */
const MALFORMED_BEFORE_RELIST = 3

/** `draw`: a random number from 0 up to 1. An input that does not belong to the state changes nothing. */
export function watchStep(state: WatchState, input: WatchInput, draw: number): WatchStep {
  if (state.type === 'Stopped') return stay(state)
  if (input.type === 'Stop') return { state: { type: 'Stopped' }, actions: [{ type: 'Cancel' }] }
  if (input.type === 'Relist' && state.type !== 'Idle') {
    const { state: next, actions } = listing(state.failures)
    return { state: next, actions: [{ type: 'Cancel' }, ...actions] }
  }
  switch (state.type) {
    case 'Idle':
      return input.type === 'Start' ? listing(0) : stay(state)
    case 'Listing':
      return whileListing(state, input, draw)
    case 'Watching':
      return whileWatching(state, input, draw)
    case 'Waiting':
      if (input.type !== 'Elapsed') return stay(state)
      return state.version === undefined ? listing(state.failures) : watching(state.version, state.failures, draw)
  }
}

type In<T extends WatchState['type']> = Extract<WatchState, { readonly type: T }>

function whileListing(state: In<'Listing'>, input: WatchInput, draw: number): WatchStep {
  if (input.type === 'Failed') return waiting(undefined, state.failures + 1, input.error.retryAfterMs, draw)
  if (input.type !== 'Page') return stay(state)
  const objects = [...state.objects, ...input.objects]
  if (input.next !== undefined) return { state: { ...state, objects }, actions: [{ type: 'List', next: input.next }] }
  const next = watching(input.version, state.failures, draw)
  return { state: next.state, actions: [{ type: 'Replace', objects }, ...next.actions] }
}

function whileWatching(state: In<'Watching'>, input: WatchInput, draw: number): WatchStep {
  switch (input.type) {
    case 'Changed':
      return heard(input.object.meta.resourceVersion, [{ type: 'Put', object: input.object }])
    case 'Deleted':
      return heard(input.object.meta.resourceVersion, [{ type: 'Drop', object: input.object }])
    case 'Bookmark':
      return heard(input.version, [])
    case 'Ended':
      return state.fresh && input.lastedMs < SHORTEST_WATCH_MS
        ? waiting(state.version, state.failures + 1, undefined, draw)
        : watching(state.version, 0, draw)
    case 'Failed':
      return afterFailure(state, input.error, draw)
    default:
      return stay(state)
  }
}

function afterFailure({ version, failures }: In<'Watching'>, error: KubeError, draw: number): WatchStep {
  // The first time at once. Again without anything heard in between, it waits as after any failure.
  if (error.type === 'Gone')
    return failures === 0 ? listing(1) : waiting(undefined, failures + 1, error.retryAfterMs, draw)
  const unreadable = error.type === 'Malformed' && failures + 1 >= MALFORMED_BEFORE_RELIST
  return waiting(unreadable ? undefined : version, failures + 1, error.retryAfterMs, draw)
}

function heard(version: string, actions: readonly WatchAction[]): WatchStep {
  return { state: { type: 'Watching', version, fresh: false, failures: 0 }, actions }
}

function listing(failures: number): WatchStep {
  return { state: { type: 'Listing', objects: [], failures }, actions: [{ type: 'List', next: undefined }] }
}

function watching(version: string, failures: number, draw: number): WatchStep {
  const { least, most } = WATCH_SECONDS
  const timeoutSeconds = least + Math.floor((most - least) * draw)
  return {
    state: { type: 'Watching', version, fresh: true, failures },
    actions: [{ type: 'Watch', version, timeoutSeconds }],
  }
}

function waiting(
  version: string | undefined,
  failures: number,
  retryAfterMs: number | undefined,
  draw: number,
): WatchStep {
  const ms = Math.max(backoffMs(failures, draw, WATCH_BACKOFF), retryAfterMs ?? 0)
  return { state: { type: 'Waiting', version, failures }, actions: [{ type: 'Wait', ms }] }
}

function stay(state: WatchState): WatchStep {
  return { state, actions: [] }
}
