// Objects of the Kubernetes API as they come over the wire: the frame is checked, the rest stays unknown until its reader
// looks at it.

/** Where objects of a kind are served. `group` is empty for the core group. */
export type Resource = {
  readonly group: string
  readonly version: string
  readonly plural: string
  readonly kind: string
  readonly namespaced: boolean
}

export type OwnerReference = {
  readonly apiVersion: string
  readonly kind: string
  readonly name: string
  readonly uid: string
}

export type KubeMeta = {
  readonly name: string
  readonly namespace: string | undefined
  readonly uid: string
  readonly resourceVersion: string
  /** 0 where the kind has none. */
  readonly generation: number
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly finalizers: readonly string[]
  readonly ownerReferences: readonly OwnerReference[]
  /** Whether its deletion has begun. */
  readonly deleting: boolean
  /** RFC 3339. */
  readonly created: string
}

export type KubeObject = {
  readonly meta: KubeMeta
  /** The whole object as it came. */
  readonly raw: Readonly<Record<string, unknown>>
}

export type ObjectAt = { readonly name: string; readonly namespace?: string | undefined }

/** `namespace/name`, or the name alone where there is no namespace. */
export function keyOf({ name, namespace }: ObjectAt): string {
  return namespace === undefined ? name : `${namespace}/${name}`
}

/** Undefined for what is no object: without a name, or with a frame of another shape. */
export function readKubeObject(value: unknown): KubeObject | undefined {
  if (!isRecord(value) || !isRecord(value.metadata)) return undefined
  const { name, namespace, uid, resourceVersion, generation, creationTimestamp, deletionTimestamp } = value.metadata
  if (typeof name !== 'string' || name === '') return undefined
  const { labels, annotations, finalizers, ownerReferences } = value.metadata
  return {
    meta: {
      name,
      namespace: typeof namespace === 'string' && namespace !== '' ? namespace : undefined,
      uid: textOf(uid),
      resourceVersion: textOf(resourceVersion),
      generation: typeof generation === 'number' ? generation : 0,
      labels: textsOf(labels),
      annotations: textsOf(annotations),
      finalizers: Array.isArray(finalizers) ? finalizers.filter((item) => typeof item === 'string') : [],
      ownerReferences: Array.isArray(ownerReferences) ? ownerReferences.flatMap(readOwner) : [],
      deleting: typeof deletionTimestamp === 'string',
      created: textOf(creationTimestamp),
    },
    raw: value,
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function readOwner(value: unknown): OwnerReference[] {
  if (!isRecord(value)) return []
  const { apiVersion, kind, name, uid } = value
  return [{ apiVersion: textOf(apiVersion), kind: textOf(kind), name: textOf(name), uid: textOf(uid) }]
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function textsOf(value: unknown): Readonly<Record<string, string>> {
  if (!isRecord(value)) return {}
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, text]) => (typeof text === 'string' ? [[key, text]] : [])),
  )
}
