// What the projections of single kinds share: the state at one instant with its notes, and how an object's frame is built.
import type { Declared } from '../model/declared.ts'
import type { Provenance } from '../model/facts.ts'
import { type EpochMs, toRfc3339 } from '../model/instant.ts'
import { API_VERSION, type Kind } from '../model/kinds.ts'
import type { Note } from '../rollout/draft.ts'
import type { State } from '../state/state.ts'
import { conditionsOf, type StatusNote } from './conditions.ts'
import {
  AUTHOR_ANNOTATION,
  COMMIT_ANNOTATION,
  type Metadata,
  ORIGIN_ANNOTATION,
  REVISION_ANNOTATION,
  SIGNED_BY_ANNOTATION,
  type View,
  type ViewKind,
} from './views.ts'

export type Seen = { readonly state: State; readonly notes: readonly Note[]; readonly now: EpochMs }

/** How the objects of one kind are found and shown. Names in the order of a listing. */
export type Shown<V> = {
  readonly names: (seen: Seen) => string[]
  readonly view: (seen: Seen, name: string) => V | undefined
}

type DeclaredOf<K extends Kind> = Extract<Declared, { readonly kind: K }>

export function declaredOf<K extends Kind>({ state }: Seen, kind: K, name: string): DeclaredOf<K> | undefined {
  const object = state.objects[kind].get(name)
  return object !== undefined && isOf(object, kind) ? object : undefined
}

export function declaredNames({ state }: Seen, kind: Kind): string[] {
  return [...state.objects[kind].keys()].sort()
}

/** An object's view from its parts. The status's conditions are made here and nowhere else. */
export function viewOf<K extends ViewKind, Spec, Status>(
  kind: K,
  metadata: Metadata,
  spec: Spec,
  status: Status,
  notes: readonly StatusNote[],
): View<K, Spec, Status> {
  return { apiVersion: API_VERSION, kind, metadata, spec, status: { conditions: conditionsOf(notes), ...status } }
}

export function declaredMetadata({ name, labels, annotations, origin }: Declared): Metadata {
  return {
    name,
    labels,
    annotations: {
      ...annotations,
      ...originAnnotations({ ...origin, file: `${origin.file}:${origin.line}` }),
    },
  }
}

/** Of what a rule or a rollout made: it points to the declaration that it came from. */
export function madeMetadata(name: string, from: Provenance): Metadata {
  return { name, labels: {}, annotations: originAnnotations(from) }
}

export function plainMetadata(name: string): Metadata {
  return { name, labels: {}, annotations: {} }
}

export function instantText(at: EpochMs | undefined): string | undefined {
  return at === undefined ? undefined : toRfc3339(at)
}

/** Plain `<` on texts, for sorting. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

type From = Pick<Provenance, 'file' | 'revision' | 'commit' | 'author' | 'signedBy'>

function originAnnotations({ file, revision, commit, author, signedBy }: From): Record<string, string> {
  return {
    [ORIGIN_ANNOTATION]: file,
    [REVISION_ANNOTATION]: revision,
    ...(commit !== undefined && { [COMMIT_ANNOTATION]: commit }),
    ...(author !== undefined && { [AUTHOR_ANNOTATION]: author }),
    ...(signedBy !== undefined && { [SIGNED_BY_ANNOTATION]: signedBy }),
  }
}

function isOf<K extends Kind>(object: Declared, kind: K): object is DeclaredOf<K> {
  return object.kind === kind
}
