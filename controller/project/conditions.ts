// The one place where conditions are made (architecture.md, law 9): from notes, and never by hand. Ready is always there,
// Reconciling and Stalled never both, and each says why.
import { type EpochMs, toRfc3339 } from '../model/instant.ts'
import type { Kind } from '../model/kinds.ts'
import { meaningOf, type StatusReason } from '../model/status-reasons.ts'
import type { Note } from '../rollout/draft.ts'

/** As in Kubernetes. `lastTransitionTime` stands only where it is known. */
export type Condition = {
  readonly type: 'Ready' | 'Reconciling' | 'Stalled'
  readonly status: 'True' | 'False'
  readonly reason: StatusReason
  readonly message: string
  /** RFC 3339: when the wait ends by itself. */
  readonly until?: string | undefined
  readonly lastTransitionTime?: string | undefined
}

/** A note of `decide`, or what a projection notes of a kind that `decide` says nothing about. */
export type StatusNote = Pick<Note, 'state' | 'message' | 'until' | 'phase'> & {
  readonly reason: StatusReason
  /** Since when it has been so. */
  readonly since?: EpochMs | undefined
}

/** The worst note speaks: Stalled before Waiting before Ready, the first of equals. Without notes the object is waiting. */
export function conditionsOf(notes: readonly StatusNote[]): readonly Condition[] {
  const note = worstOf(notes)
  const common = {
    reason: note.reason,
    message: note.message === '' ? meaningOf(note.reason) : note.message,
    ...(note.until !== undefined && { until: toRfc3339(note.until) }),
    ...(note.since !== undefined && { lastTransitionTime: toRfc3339(note.since) }),
  }
  if (note.state === 'Ready') return [{ type: 'Ready', status: 'True', ...common }]
  const type = note.state === 'Stalled' ? 'Stalled' : 'Reconciling'
  return [
    { type: 'Ready', status: 'False', ...common },
    { type, status: 'True', ...common },
  ]
}

/** The note that speaks for all. */
export function worstOf(notes: readonly StatusNote[]): StatusNote {
  for (const state of ['Stalled', 'Waiting', 'Ready'] as const) {
    const found = notes.find((note) => note.state === state)
    if (found !== undefined) return found
  }
  return { state: 'Waiting', reason: 'NotDecidedYet', message: '' }
}

/** The notes about one object. */
export function notesOn(notes: readonly Note[], kind: Kind, name: string): readonly Note[] {
  const known = byObject.get(notes)
  if (known !== undefined) return known.get(`${kind}/${name}`) ?? []
  const index = new Map<string, Note[]>()
  for (const note of notes) {
    const key = `${note.kind}/${note.name}`
    index.set(key, [...(index.get(key) ?? []), note])
  }
  byObject.set(notes, index)
  return index.get(`${kind}/${name}`) ?? []
}

// The notes of one decision are one array, which is never changed.
const byObject = new WeakMap<readonly Note[], ReadonlyMap<string, readonly Note[]>>()
