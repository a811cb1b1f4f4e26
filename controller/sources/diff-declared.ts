// What a new load of a source changes: the content of the fact ObjectsDeclared.
import { isDeepStrictEqual } from 'node:util'
import type { Declared, ObjectRef } from '../model/declared.ts'

export type DeclaredDiff = { readonly put: readonly Declared[]; readonly removed: readonly ObjectRef[] }

/**
 * `put`: objects that are new, or whose content or file is another; `removed`: those that are gone. Both by kind and name.
 * An object that merely moved within its file, or that another revision carries unchanged, is not put again: approvals
 * go on naming the commit in which it last changed.
 */
export function diffDeclared(before: Iterable<Declared>, after: Iterable<Declared>): DeclaredDiff {
  const old = byKey(before)
  const now = byKey(after)
  const put = [...now].filter(([key, object]) => !same(old.get(key), object)).map(([, object]) => object)
  const removed = [...old].filter(([key]) => !now.has(key)).map(([, { kind, name }]) => ({ kind, name }))
  return { put, removed }
}

function byKey(objects: Iterable<Declared>): Map<string, Declared> {
  const entries = [...objects].map((object) => [`${object.kind}/${object.name}`, object] as const)
  return new Map(entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
}

function same(before: Declared | undefined, after: Declared): boolean {
  return (
    before !== undefined &&
    before.origin.source === after.origin.source &&
    before.origin.file === after.origin.file &&
    isDeepStrictEqual(before.spec, after.spec) &&
    isDeepStrictEqual(before.labels, after.labels) &&
    isDeepStrictEqual(before.annotations, after.annotations)
  )
}
