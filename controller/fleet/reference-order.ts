// In which order collections can be evaluated, and which cannot be because their references are wrong (semantics.md §2).
import type { CollectionSpec } from '../model/collection.ts'
import { ALL_DEVICES } from '../model/membership.ts'

export type CollectionErrorCode = 'ReservedName' | 'UnknownReference' | 'ReferenceCycle' | 'BrokenReference'

export type CollectionError = {
  readonly collection: string
  readonly code: CollectionErrorCode
  /** Where in the object, such as `spec.include[2]`. */
  readonly path: string
  readonly message: string
}

export type ReferenceOrder = {
  /** Collections that can be evaluated, each after all that it refers to. */
  readonly sound: readonly string[]
  /** Those with an error, sorted: they keep their last good members. */
  readonly broken: readonly string[]
  /** By collection, then path. */
  readonly errors: readonly CollectionError[]
}

/** The same specs give the same order, however the map was filled. */
export function orderReferences(specs: ReadonlyMap<string, CollectionSpec>): ReferenceOrder {
  const declared = [...specs.keys()].filter((name) => name !== ALL_DEVICES).sort()
  const references = new Map(declared.map((name) => [name, referencesOf(specs.get(name))]))
  const broken = new Set<string>()
  const errors: CollectionError[] = []
  if (specs.has(ALL_DEVICES)) errors.push(reservedName())
  const sound: string[] = []
  for (const group of components(declared, references)) {
    const cycle = shortestCycle(group, references)
    const failing: string[] = []
    for (const name of group) {
      const wrong = referenceErrors(name, references, broken)
      if (cycle !== undefined) wrong.unshift(cycleError(name, cycle, references))
      errors.push(...wrong)
      if (wrong.length === 0) sound.push(name)
      else failing.push(name)
    }
    for (const name of failing) broken.add(name)
  }
  errors.sort((a, b) => compareText(a.collection, b.collection) || compareText(a.path, b.path))
  return { sound, broken: [...broken].sort(), errors }
}

type Reference = { readonly path: string; readonly to: string }
type References = ReadonlyMap<string, readonly Reference[]>

function referencesOf(spec: CollectionSpec | undefined): Reference[] {
  const limit = spec?.limitedTo === undefined ? [] : [{ path: 'spec.limitedTo', to: spec.limitedTo }]
  const include = (spec?.include ?? []).map((to, i) => ({ path: `spec.include[${i}]`, to }))
  const exclude = (spec?.exclude ?? []).map((to, i) => ({ path: `spec.exclude[${i}]`, to }))
  return [...limit, ...include, ...exclude].filter(({ to }) => to !== ALL_DEVICES)
}

function referenceErrors(name: string, references: References, broken: ReadonlySet<string>): CollectionError[] {
  const errors: CollectionError[] = []
  for (const { path, to } of references.get(name) ?? []) {
    if (!references.has(to)) {
      const message = `there is no collection "${to}": declare it, or correct the name; until then "${name}" keeps its last good members`
      errors.push({ collection: name, code: 'UnknownReference', path, message })
    } else if (broken.has(to)) {
      const message = `"${to}" cannot be evaluated: mend it first; until then "${name}" keeps its last good members`
      errors.push({ collection: name, code: 'BrokenReference', path, message })
    }
  }
  return errors
}

type Cycle = { readonly next: ReadonlyMap<string, string>; readonly told: string }

function cycleError(name: string, cycle: Cycle, references: References): CollectionError {
  const next = cycle.next.get(name)
  const path = references.get(name)?.find(({ to }) => to === next)?.path ?? 'spec'
  const message = `refers to itself through ${cycle.told}: remove one of these include, exclude or limitedTo references; until then "${name}" keeps its last good members`
  return { collection: name, code: 'ReferenceCycle', path, message }
}

function reservedName(): CollectionError {
  const message = `"${ALL_DEVICES}" is built in and holds every device: give this collection another name`
  return { collection: ALL_DEVICES, code: 'ReservedName', path: 'metadata.name', message }
}

/** Strongly connected components, each after those it refers to (Tarjan's algorithm, without recursion: chains may be long). */
function components(names: readonly string[], references: References): string[][] {
  const found = new Map<string, { index: number; low: number; open: boolean }>()
  const open: string[] = []
  const groups: string[][] = []
  for (const root of names) {
    const path: { name: string; next: number }[] = []
    let entering: string | undefined = found.has(root) ? undefined : root
    while (entering !== undefined || path.length > 0) {
      if (entering !== undefined) {
        found.set(entering, { index: found.size, low: found.size, open: true })
        open.push(entering)
        path.push({ name: entering, next: 0 })
        entering = undefined
      }
      const step = path.at(-1)
      const here = step && found.get(step.name)
      if (step === undefined || here === undefined) break
      const reference = references.get(step.name)?.[step.next++]
      if (reference !== undefined) {
        const there = found.get(reference.to)
        if (there === undefined) entering = references.has(reference.to) ? reference.to : undefined
        else if (there.open) here.low = Math.min(here.low, there.index)
        continue
      }
      path.pop()
      const parent = found.get(path.at(-1)?.name ?? '')
      if (parent !== undefined) parent.low = Math.min(parent.low, here.low)
      if (here.low !== here.index) continue
      const group = open.splice(open.lastIndexOf(step.name))
      for (const name of group) found.set(name, { ...here, open: false })
      groups.push(group.sort())
    }
  }
  return groups
}

/** A shortest cycle through the first name of a component; undefined when there is none. */
function shortestCycle(group: readonly string[], references: References): Cycle | undefined {
  const start = group[0] ?? ''
  const inside = new Set(group)
  const cameFrom = new Map<string, string>()
  const queue = [start]
  for (const name of queue) {
    for (const to of (references.get(name) ?? []).map((reference) => reference.to).sort()) {
      if (to === start) return cycleBack(start, name, cameFrom)
      if (!inside.has(to) || cameFrom.has(to)) continue
      cameFrom.set(to, name)
      queue.push(to)
    }
  }
  return undefined
}

/** At most this many names of a cycle are told: every collection in it tells them. */
const MAX_NAMES_TOLD = 20

function cycleBack(start: string, last: string, cameFrom: ReadonlyMap<string, string>): Cycle {
  const names = [start]
  for (let at = last; at !== start; at = cameFrom.get(at) ?? start) names.push(at)
  names.push(start)
  names.reverse()
  const next = new Map(names.slice(0, -1).map((name, i) => [name, names[i + 1] ?? start]))
  const hidden = names.length - MAX_NAMES_TOLD
  if (hidden > 1) names.splice(MAX_NAMES_TOLD - 2, hidden + 1, `(${hidden + 1} more)`)
  return { next, told: names.join(' → ') }
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
