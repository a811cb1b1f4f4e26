// Names that Ringmaster has in the Kubernetes API: its kinds, and the labels, annotations and finalizers that it reads or writes.
import type { Resource } from '../kube/kube-object.ts'
import { API_GROUP, API_VERSION, KIND_NAMES, KINDS, type Kind } from '../model/kinds.ts'

/** The one field manager under which everything is written. */
export const FIELD_MANAGER = 'ringmaster'

/** Name of the declaration source in origins. */
export const KUBERNETES_SOURCE = 'kubernetes'

/** On objects that Ringmaster writes: the rule or rollout that they belong to. Such an object is no declaration. */
export const OWNED_BY_LABEL = 'ringmaster.dev/owned-by'
/** A digest of what was applied, so that a field that is applied no more is noticed. */
export const APPLIED_ANNOTATION = 'ringmaster.dev/applied'
/** On rules and declared rollouts: deleting them waits until what they approved is unapproved. */
export const UNAPPROVE_FINALIZER = 'ringmaster.dev/unapprove'

/** On a rule: evaluates it, once for each value. On anything else: looks at it at once. */
export const REQUESTED_AT_ANNOTATION = 'ringmaster.dev/requestedAt'
/** "true": as `suspend: true` in the spec; on a rollout that a rule made: pauses it. */
export const SUSPEND_ANNOTATION = 'ringmaster.dev/suspend'
/** On a rollout: takes back what was planned at the instant that is the value (`status.planned`). */
export const ROLLBACK_ANNOTATION = 'ringmaster.dev/rollback'
/** On a rollout: goes on after the halt at the instant that is the value (`status.phases[].halt.at`). */
export const RESUME_ANNOTATION = 'ringmaster.dev/resume'
/** Who asked for what the annotations above ask for. */
export const ASKED_BY_ANNOTATION = 'ringmaster.dev/asked-by'

/** `Kind/name`. */
export type ObjectKey = `${Kind}/${string}`

export function objectKey(kind: Kind, name: string): ObjectKey {
  return `${kind}/${name}`
}

/** Undefined for a text that is no key. */
export function kindAndName(key: string): { readonly kind: Kind; readonly name: string } | undefined {
  const slash = key.indexOf('/')
  const kind = KIND_NAMES.find((known) => known === key.slice(0, slash))
  return kind === undefined ? undefined : { kind, name: key.slice(slash + 1) }
}

/** Where objects of a kind of ours are served. */
export function resourceOf(kind: Kind): Resource {
  const version = API_VERSION.slice(API_GROUP.length + 1)
  return { group: API_GROUP, version, plural: KINDS[kind].plural, kind, namespaced: false }
}
