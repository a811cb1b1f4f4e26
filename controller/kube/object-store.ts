// What a watch shows: the objects of one kind by key. A whole list is compared with what was there, so that a deletion that
// nobody told of is seen all the same.
import { type KubeObject, keyOf } from './kube-object.ts'

export type StoreChange =
  | { readonly type: 'Put'; readonly key: string; readonly object: KubeObject; readonly before: KubeObject | undefined }
  | { readonly type: 'Gone'; readonly key: string; readonly before: KubeObject }

export type ObjectStore = { readonly objects: Map<string, KubeObject> }

export function newStore(): ObjectStore {
  return { objects: new Map() }
}

/** Nothing when it is the version that is there already. */
export function putObject(store: ObjectStore, object: KubeObject): StoreChange[] {
  const key = keyOf(object.meta)
  const before = store.objects.get(key)
  if (before?.meta.uid === object.meta.uid && before.meta.resourceVersion === object.meta.resourceVersion) return []
  store.objects.set(key, object)
  return [{ type: 'Put', key, object, before }]
}

export function dropObject(store: ObjectStore, object: KubeObject): StoreChange[] {
  const key = keyOf(object.meta)
  const before = store.objects.get(key)
  if (before === undefined) return []
  store.objects.delete(key)
  return [{ type: 'Gone', key, before }]
}

/** The whole list. What is gone comes first. */
export function replaceObjects(store: ObjectStore, objects: readonly KubeObject[]): StoreChange[] {
  const listed = new Set(objects.map(({ meta }) => keyOf(meta)))
  const gone = [...store.objects.values()].filter(({ meta }) => !listed.has(keyOf(meta)))
  return [
    ...gone.flatMap((object) => dropObject(store, object)),
    ...objects.flatMap((object) => putObject(store, object)),
  ]
}
