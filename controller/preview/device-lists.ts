// Which devices enter and leave a set, and why.
import { explainMembership } from '../fleet/explain-membership.ts'
import { type BitPlane, clonePlane, countBits, eachBit, newPlane, subtract, unite } from '../model/bit-plane.ts'
import type { State } from '../state/state.ts'
import { type CollectionEffect, type DeviceLine, type DeviceList, MAX_SHOWN } from './effect.ts'

const NOTHING: BitPlane = { words: new Uint32Array() }

/** The devices of `a` that are not in `b`, the first of them by id with why. */
export function without(
  state: State,
  a: BitPlane | undefined,
  b: BitPlane | undefined,
  why: (row: number) => string,
): DeviceList {
  const plane = subtract(clonePlane(a ?? NOTHING), b ?? NOTHING)
  const total = countBits(plane)
  if (total === 0) return { total, shown: [] }
  const rows: number[] = []
  eachBit(plane, (row) => rows.push(row))
  const ids = state.fleet.ids
  rows.sort((x, y) => ((ids[x] ?? '') < (ids[y] ?? '') ? -1 : 1))
  const shown = rows.slice(0, MAX_SHOWN).map((row): DeviceLine => ({ id: ids[row] ?? '', why: why(row) }))
  return { total, shown }
}

/** Collections whose devices differ, and those that come or go, by name. */
export function collectionEffects(base: State, head: State): CollectionEffect[] {
  const names = new Set([...base.objects.Collection.keys(), ...head.objects.Collection.keys()])
  return [...names].sort().flatMap((collection) => {
    const before = planeOf(base, collection)
    const after = planeOf(head, collection)
    const entering = without(head, after, before, (row) => whyEntering(base, head, collection, row))
    const leaving = without(base, before, after, (row) =>
      after === undefined ? 'the collection is removed' : whyIn(head, collection, row),
    )
    if (before !== undefined && after !== undefined && entering.total + leaving.total === 0) return []
    return [{ collection, devices: { ...counted('base', before), ...counted('head', after) }, entering, leaving }]
  })
}

/** Devices that are in some collection of one side and not in the same one of the other. */
export function devicesInOtherCollections(base: State, head: State): number {
  const moved = newPlane()
  for (const name of new Set([...base.objects.Collection.keys(), ...head.objects.Collection.keys()]))
    unite(moved, difference(planeOf(base, name), planeOf(head, name)))
  return countBits(moved)
}

/** Rows that are in just one of the two. */
export function difference(a: BitPlane = NOTHING, b: BitPlane = NOTHING): BitPlane {
  return unite(subtract(clonePlane(a), b), subtract(clonePlane(b), a))
}

/** Why a device is in a collection of the head that it was not in before. */
export function whyEntering(base: State, head: State, collection: string, row: number): string {
  const { trace = [] } = explainMembership(base.fleet, base.collections, collection, row) ?? {}
  const barred = trace.find(({ rule, matched }) => rule === 'exclude' && matched)
  return barred === undefined
    ? whyIn(head, collection, row)
    : `no longer excluded: ${barred.detail.replace(' is in ', ' was in ')}`
}

/** Why a device is in a collection or not: the rule that decides. */
export function whyIn(state: State, collection: string, row: number): string {
  const found = explainMembership(state.fleet, state.collections, collection, row)
  if (found === undefined) return `there is no collection ${collection}`
  const { member, trace } = found
  const barred = trace.find(({ rule, matched }) => (rule === 'exclude' && matched) || (rule === 'limiting' && !matched))
  if (!member && barred !== undefined) return barred.detail
  const telling = trace.filter(({ rule, matched }) => rule !== 'exclude' && rule !== 'limiting' && matched === member)
  return (telling[0] ?? trace[0])?.detail ?? (member ? 'in it' : 'no rule lets it in')
}

export function counted<K extends 'base' | 'head'>(side: K, plane: BitPlane | undefined): { [P in K]?: number } {
  const result: { [P in K]?: number } = {}
  if (plane !== undefined) result[side] = countBits(plane)
  return result
}

function planeOf(state: State, collection: string): BitPlane | undefined {
  return state.objects.Collection.has(collection) ? state.collections.members.get(collection) : undefined
}
