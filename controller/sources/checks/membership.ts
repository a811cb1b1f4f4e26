// What can be said of the members of collections without a fleet (semantics.md §2): that there can be none, how many at
// most, and that those of one are among those of another. "False" and "Infinity" always mean "not known".
import type { Declared } from '../../model/declared.ts'
import { ALL_DEVICES } from '../../model/membership.ts'
import { isContradictory, isNarrower } from './queries.ts'
import type { Site } from './site.ts'

export type Membership = {
  /** Whether no device can be in the collection. */
  readonly isEmpty: (name: string) => boolean
  /** Whether each member of `inner` is a member of `outer`. */
  readonly isWithin: (inner: string, outer: string) => boolean
  /** How many devices the collection can have. */
  readonly most: (name: string) => number
}

/** References are followed so many levels deep; beyond that nothing is known. */
const MAX_LEVELS = 64
/** Queries of two collections that are compared; with more nothing is known. */
const MAX_QUERY_PAIRS = 400

type Spec = Declared<'Collection'>['spec']
type Walk = {
  readonly collections: Site['collections']
  /** Answers given; one that is being worked out counts as not known, which only circles meet. */
  readonly empty: Map<string, boolean>
  readonly within: Map<string, boolean>
  readonly most: Map<string, number>
}

export function membershipOf({ collections }: Pick<Site, 'collections'>): Membership {
  const walk: Walk = { collections, empty: new Map(), within: new Map(), most: new Map() }
  return {
    isEmpty: (name) => isEmpty(walk, name, 0),
    isWithin: (inner, outer) => isWithin(walk, inner, outer, 0),
    most: (name) => most(walk, name, 0),
  }
}

function remembered<T>(answers: Map<string, T>, key: string, notKnown: T, answer: () => T): T {
  const known = answers.get(key)
  if (known !== undefined) return known
  answers.set(key, notKnown)
  const found = answer()
  answers.set(key, found)
  return found
}

/** Undefined for `all`, for what is not declared, and too many levels deep. */
function specOf(walk: Walk, name: string, level: number): Spec | undefined {
  if (level > MAX_LEVELS) return undefined
  return walk.collections.get(name)?.spec
}

function isEmpty(walk: Walk, name: string, level: number): boolean {
  return remembered(walk.empty, name, false, () => findEmpty(walk, name, level))
}

function findEmpty(walk: Walk, name: string, level: number): boolean {
  const spec = specOf(walk, name, level)
  if (spec === undefined) return false
  const { limitedTo, exclude = [] } = spec
  if (limitedTo !== undefined && isEmpty(walk, limitedTo, level + 1)) return true
  if (exclude.some((excluded) => isWithinBefore(walk, name, spec, excluded, level + 1))) return true
  const { devices = [], queries = [], include = [] } = spec
  return (
    devices.length === 0 &&
    include.every((included) => isEmpty(walk, included, level + 1)) &&
    queries.every((query) => isOutside(walk, query, limitedTo, level))
  )
}

/** Whether no device of the limiting collection meets the query. */
function isOutside(
  walk: Walk,
  query: NonNullable<Spec['queries']>[number],
  limitedTo: string | undefined,
  level: number,
): boolean {
  if (isContradictory(query)) return true
  const limit = limitedTo === undefined ? undefined : specOf(walk, limitedTo, level + 1)
  if (limit === undefined) return false
  const { devices = [], include = [], queries = [] } = limit
  if (queries.length > MAX_QUERY_PAIRS / 10) return false
  // A device that is listed, or comes from elsewhere, may have any attributes.
  if (devices.length === 0 && include.length === 0 && queries.every((other) => isContradictory(query, other)))
    return true
  return isOutside(walk, query, limit.limitedTo, level + 1)
}

function isWithin(walk: Walk, inner: string, outer: string, level: number): boolean {
  if (inner === outer || outer === ALL_DEVICES) return true
  return remembered(walk.within, `${inner} ${outer}`, false, () => {
    const spec = specOf(walk, inner, level)
    return spec !== undefined && isWithinBefore(walk, inner, spec, outer, level + 1)
  })
}

/** The same before exclusions, which only take away. */
function isWithinBefore(walk: Walk, inner: string, spec: Spec, outer: string, level: number): boolean {
  if (outer === ALL_DEVICES) return true
  if (level > MAX_LEVELS) return false
  if (spec.limitedTo !== undefined && isWithin(walk, spec.limitedTo, outer, level + 1)) return true
  const { devices = [], queries = [], include = [] } = spec
  if (devices.length === 0 && queries.length === 0 && include.every((one) => isWithin(walk, one, outer, level + 1)))
    return include.length > 0
  const target = specOf(walk, outer, level)
  if (target === undefined || !isOpenTo(walk, inner, spec, target, level)) return false
  // The outer one takes in the whole collection, or each of its rules.
  if (target.include?.includes(inner)) return true
  const { queries: wideQueries = [] } = target
  if (queries.length * wideQueries.length > MAX_QUERY_PAIRS) return false
  const listed = new Set(devices.length > 0 ? target.devices : [])
  return (
    devices.every((device) => listed.has(device)) &&
    queries.every((query) => wideQueries.some((wide) => isNarrower(query, wide))) &&
    include.every((one) => target.include?.includes(one))
  )
}

/** Whether the limit of `target` holds the members of `inner`, and nothing that it excludes can be among them. */
function isOpenTo(walk: Walk, inner: string, spec: Spec, target: Spec, level: number): boolean {
  const { limitedTo, exclude = [] } = target
  if (limitedTo !== undefined && spec.limitedTo !== limitedTo && !isWithin(walk, inner, limitedTo, level + 1))
    return false
  return exclude.every((excluded) => spec.exclude?.includes(excluded) || isEmpty(walk, excluded, level + 1))
}

function most(walk: Walk, name: string, level: number): number {
  return remembered(walk.most, name, Number.POSITIVE_INFINITY, () => findMost(walk, name, level))
}

function findMost(walk: Walk, name: string, level: number): number {
  const spec = specOf(walk, name, level)
  if (spec === undefined) return Number.POSITIVE_INFINITY
  const limit = spec.limitedTo === undefined ? Number.POSITIVE_INFINITY : most(walk, spec.limitedTo, level + 1)
  const queried = (spec.queries ?? []).some((query) => !isContradictory(query))
  const own = queried ? Number.POSITIVE_INFINITY : new Set(spec.devices).size
  return Math.min(
    limit,
    (spec.include ?? []).reduce((sum, included) => sum + most(walk, included, level + 1), own),
  )
}
