// A world in which other declarations come into force: a copy of the state, so that the world itself is never changed.
// What follows from it is what the controller would decide, by the same fold and the same `decide`.
import type { Declared } from '../model/declared.ts'
import type { Decision } from '../model/facts.ts'
import type { EpochMs } from '../model/instant.ts'
import { DIRECTORY_SOURCE } from '../model/source-names.ts'
import type { Note } from '../rollout/draft.ts'
import { diffDeclared } from '../sources/diff-declared.ts'
import { apply } from '../state/apply.ts'
import { decide } from '../state/decide.ts'
import { decodeState, encodeState, type State } from '../state/state.ts'
import { byKey, keyOf, saysTheSame } from './changed-objects.ts'

export type Fork = {
  readonly state: State
  /** In the order in which they were made, all at the instant of the fork. */
  readonly decisions: readonly Decision[]
  readonly notes: readonly Note[]
  /** When something would be decided next by itself; Infinity for never. */
  readonly next: EpochMs
}

/** Declares the objects in a copy of the world, in place of what `source` has in force there, and decides what is due at `now`. */
export function forkWorld(
  world: State,
  objects: readonly Declared[],
  revision: string,
  now: EpochMs,
  source = comparedSource(world, objects),
): Fork {
  const state = decodeState(encodeState(world))
  const aligned = alignedWith(world, objects, revision, source)
  const { put, removed } = diffDeclared(declaredBy(state, source, aligned), aligned)
  if (put.length + removed.length > 0) apply(state, now, { type: 'ObjectsDeclared', source, revision, put, removed })
  return settleFork(state, now)
}

/** The source of declarations that these objects stand for: the one that has the most of them in force, or a new one. What others declare stays. */
export function comparedSource(world: State, objects: readonly Declared[]): string {
  const counts = new Map<string, number>()
  for (const { kind, name } of objects) {
    const source = world.objects[kind].get(name)?.origin.source
    if (source !== undefined) counts.set(source, (counts.get(source) ?? 0) + 1)
  }
  const [most] = [...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
  return most?.[0] ?? DIRECTORY_SOURCE
}

/** What a source has in force, and whatever else has the name of one of these objects. */
export function declaredBy(state: State, source: string, objects: readonly Declared[]): Declared[] {
  const named = byKey(objects)
  return inForce(state).filter((object) => object.origin.source === source || named.has(keyOf(object)))
}

/** Decides and applies what is due at `now`. The state is changed. */
export function settleFork(state: State, now: EpochMs): Fork {
  const { decisions, notes, next } = decide(state, Temporal.Instant.fromEpochMilliseconds(now))
  for (const decision of decisions) apply(state, now, decision)
  return { state, decisions, notes, next: next?.epochMilliseconds ?? Infinity }
}

export function inForce(state: State): Declared[] {
  return Object.values(state.objects).flatMap((objects) => [...objects.values()])
}

/** Objects that say what one in force says are taken to be that one: which file or revision they stand in is no change. */
export function alignedWith(world: State, objects: readonly Declared[], revision: string, source: string): Declared[] {
  const known = byKey(inForce(world))
  return objects.map((object) => {
    const before = known.get(keyOf(object))
    const placed = before === undefined ? object : withPathOf(object, before)
    if (before !== undefined && saysTheSame(before, placed)) return before
    return { ...placed, origin: { ...placed.origin, source, revision } }
  })
}

// The controller has the declarations in another folder, so that only the last name of a feed's path is the same; or a copy of
// what is in a commit, under the hash of its content (sources/git-feeds.ts).
function withPathOf(object: Declared, before: Declared): Declared {
  if (object.kind !== 'UpdateSource' || before.kind !== 'UpdateSource') return object
  const [path, known] = [object.spec.path, before.spec.path]
  if (path === undefined || known === undefined) return object
  const isCopy = /\/feeds\/[0-9a-f]{64}\//.test(known)
  if (!isCopy && lastName(path) !== lastName(known)) return object
  return { ...object, spec: { ...object.spec, path: known } }
}

function lastName(path: string): string | undefined {
  return path.replace(/\/+$/, '').split('/').at(-1)
}
