// Who leads, by a Lease (coordination.k8s.io/v1): the machine, without clock or requests. Instants are of the local monotonic
// clock alone: what the other replicas' clocks say is never compared with ours. A record that has not changed for as long as
// it says it lasts, counted from when it was first seen here, is free.

export type LeaseRecord = {
  readonly holder: string
  readonly durationMs: number
  /** RFC 3339, as its holder's clock had it: shown, and compared for equality only. */
  readonly acquired: string
  readonly renewed: string
  readonly transitions: number
  /** For writing it only if nobody else has. */
  readonly version: string
}

export type ElectionTimes = {
  /** A lease not renewed for so long is free for the others. */
  readonly leaseMs: number
  /** A leader that could not renew for so long has lost; shorter than `leaseMs`, so that there are never two. */
  readonly renewMs: number
  readonly retryMs: number
}

export const ELECTION_TIMES: ElectionTimes = { leaseMs: 15_000, renewMs: 10_000, retryMs: 2000 }

export type ElectionState = {
  readonly role: 'Following' | 'Leading' | 'Stopped'
  /** When the request began that last renewed it. */
  readonly renewedAt: number
  /** The record as it was last seen, and since when it has been so. */
  readonly seen: { readonly record: LeaseRecord | undefined; readonly since: number } | undefined
}

export type ElectionInput =
  /** The lease was read; undefined when there is none. */
  | { readonly type: 'Read'; readonly record: LeaseRecord | undefined; readonly now: number }
  /** It was written with us as its holder, by a request that began at `begun`. */
  | { readonly type: 'Written'; readonly record: LeaseRecord; readonly begun: number }
  /** It could not be read or written, or somebody else wrote first. */
  | { readonly type: 'Failed'; readonly now: number }
  /** This replica is not fit to lead: what it holds it gives up. */
  | { readonly type: 'Yield' }
  | { readonly type: 'Stop' }

/** What to do with what was read. */
export type ElectionMove = 'Write' | 'Wait'

export const FOLLOWING: ElectionState = { role: 'Following', renewedAt: 0, seen: undefined }

export function electionStep(
  state: ElectionState,
  input: ElectionInput,
  identity: string,
  times: ElectionTimes,
): { readonly state: ElectionState; readonly move: ElectionMove } {
  if (state.role === 'Stopped') return { state, move: 'Wait' }
  switch (input.type) {
    case 'Stop':
      return { state: { ...state, role: 'Stopped' }, move: 'Wait' }
    case 'Written': {
      const { record, begun } = input
      return { state: { role: 'Leading', renewedAt: begun, seen: { record, since: begun } }, move: 'Wait' }
    }
    case 'Yield':
      return { state: lost(state), move: 'Wait' }
    case 'Failed':
      return { state: isHeld(state, input.now, times) ? state : lost(state), move: 'Wait' }
    case 'Read':
      return afterRead(state, input.record, input.now, identity, times)
  }
}

/** How long until another one's lease as last seen is free; undefined when it is, or nothing was seen. */
export function untilFree({ role, seen }: ElectionState, now: number): number | undefined {
  if (role !== 'Following' || seen?.record === undefined) return undefined
  const ms = seen.since + seen.record.durationMs - now
  return ms > 0 ? ms : undefined
}

/** Whether we lead at `now`, also when nobody could tell us otherwise for a while. */
export function isHeld({ role, renewedAt }: ElectionState, now: number, { renewMs }: ElectionTimes): boolean {
  return role === 'Leading' && now - renewedAt < renewMs
}

function afterRead(
  state: ElectionState,
  record: LeaseRecord | undefined,
  now: number,
  identity: string,
  times: ElectionTimes,
): { readonly state: ElectionState; readonly move: ElectionMove } {
  const seen = isSame(state.seen?.record, record) && state.seen !== undefined ? state.seen : { record, since: now }
  const mine = record?.holder === identity
  const role = state.role === 'Leading' && mine && isHeld(state, now, times) ? 'Leading' : 'Following'
  const free = record === undefined || record.holder === '' || mine || now - seen.since >= record.durationMs
  return { state: { ...state, role, seen }, move: free ? 'Write' : 'Wait' }
}

function isSame(a: LeaseRecord | undefined, b: LeaseRecord | undefined): boolean {
  return (
    a?.holder === b?.holder && a?.renewed === b?.renewed && a?.acquired === b?.acquired && a?.version === b?.version
  )
}

function lost(state: ElectionState): ElectionState {
  return { ...state, role: 'Following' }
}
