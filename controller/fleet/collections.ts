// Who is in which collection (semantics.md §2): all collections over whole columns, or after one device changed only
// those that depend on what changed, at once and in order of their references.
import {
  type BitPlane,
  clearBit,
  clonePlane,
  hasBit,
  intersect,
  newPlane,
  samePlane,
  setBit,
  subtract,
  unite,
} from '../model/bit-plane.ts'
import type { CollectionSpec } from '../model/collection.ts'
import { ALL_DEVICES } from '../model/membership.ts'
import { haveRead } from '../model/typed-arrays.ts'
import type { AttributeChange, Fleet } from './fleet.ts'
import type { Program, Source } from './program.ts'
import { bindReaders, markAnswers, markDirty, type Readers, readersOf } from './readers.ts'
import { type CollectionError, orderReferences } from './reference-order.ts'
import { bindTerm, type Term, type TermPool, termHolds, termPlane, termsOf } from './term.ts'
import { evaluateWhole } from './whole-fleet.ts'

/** State, plain data: the last good members of each declared collection. The planes stay the same objects while a collection lives. */
export type Membership = {
  readonly members: Map<string, BitPlane>
  /** Changes whenever the members do, and never returns to an earlier value; 0 until there are any. */
  readonly versions: Map<string, number>
  /** How many times members changed, in all collections together: the last version given. */
  changes: number
}

/** Derived from the specs, but for `membership`: compiled anew when a spec changes or a snapshot is loaded. */
export type Collections = {
  readonly specs: ReadonlyMap<string, CollectionSpec>
  readonly errors: readonly CollectionError[]
  /** Names that keep their last good members because of an error, sorted. */
  readonly broken: readonly string[]
  readonly membership: Membership
  /** The same map as in `membership`. */
  readonly members: ReadonlyMap<string, BitPlane>
  /** Those without errors, each after all that it refers to. */
  readonly programs: readonly Program[]
  readonly terms: readonly Term[]
  /** By attribute key: the conditions on it, and the queries that have them. */
  readonly readers: ReadonlyMap<string, Readers>
  /** Programs still to be looked at for the device at hand, one bit each; empty between calls. */
  readonly dirty: Uint32Array
  readonly everyDevice: Source
  /** Rows that joined or left any collection, or the fleet, in order; and how many there were before those, forgotten since. */
  readonly moves: { rows: number[]; forgotten: number }
  /** What the terms' lookup tables were filled from. */
  bound: { readonly fleet: Fleet; readonly shape: number } | undefined
}

/** Fleets that are smaller are evaluated the plain way: laying out the kernel's memory takes as long as the whole. */
const KERNEL_FROM_ROWS = 1024

/** Moves that are remembered: more of them are looked at no faster than the whole fleet. */
const MAX_MOVES = 65_536

const NO_NAMES: readonly string[] = []

export function newMembership(): Membership {
  return { members: new Map(), versions: new Map(), changes: 0 }
}

/** Takes over the members known so far; call `evaluateAll` next. Errors do not stop the sound collections. */
export function compileCollections(
  specs: ReadonlyMap<string, CollectionSpec>,
  membership: Membership = newMembership(),
): Collections {
  const { sound, broken, errors } = orderReferences(specs)
  for (const name of [...sound, ...broken]) {
    if (membership.members.has(name)) continue
    membership.members.set(name, newPlane())
    membership.versions.set(name, 0)
  }
  const everyDevice: Source = { plane: newPlane() }
  const sources = new Map<string, Source>([[ALL_DEVICES, everyDevice]])
  const pool: TermPool = new Map()
  const programs: Program[] = []
  const numbers = new Map<string, number>()
  for (const name of sound) {
    const program = compile(name, specs.get(name) ?? {}, membership, sources, pool)
    const number = programs.push(program) - 1
    numbers.set(name, number)
    sources.set(name, program)
    for (const to of new Set(referencedNames(specs.get(name)))) programs[numbers.get(to) ?? -1]?.dependants.push(number)
  }
  const terms = [...pool.values()]
  const dirty = new Uint32Array((programs.length + 31) >>> 5)
  const { members } = membership
  return {
    specs,
    errors,
    broken,
    membership,
    members,
    programs,
    terms,
    readers: readersOf(programs),
    dirty,
    everyDevice,
    moves: { rows: [], forgotten: 0 },
    bound: undefined,
  }
}

/**
 * Evaluates every collection over the whole fleet, and forgets those no longer declared. Returns the names whose members
 * changed, sorted. `Plainly` without the kernel, whatever the size of the fleet; the result is the same.
 */
export function evaluateAll(fleet: Fleet, collections: Collections, how?: 'Plainly' | 'ByKernel'): string[] {
  const { membership, programs } = collections
  bind(fleet, collections)
  const changed: string[] = []
  for (const [name, plane] of membership.members) {
    if (collections.specs.has(name)) continue
    if (plane.words.some((word) => word !== 0)) changed.push(name)
    membership.members.delete(name)
    membership.versions.delete(name)
  }
  const replace = (name: string, plane: BitPlane, next: BitPlane): void => {
    if (samePlane(plane, next)) return
    plane.words = next.words
    noteChange(membership, name, changed)
  }
  const byKernel = how === undefined ? fleet.ids.length >= KERNEL_FROM_ROWS : how === 'ByKernel'
  const whole = byKernel ? evaluateWhole(fleet, programs) : undefined
  const planes = new Map<Term, BitPlane>()
  for (const [i, program] of programs.entries()) {
    if (whole === undefined) replace(program.name, program.plane, evaluate(fleet, program, planes))
    else if (whole[i]) noteChange(membership, program.name, changed)
  }
  for (const name of collections.broken) {
    const plane = membership.members.get(name)
    if (plane !== undefined) replace(name, plane, intersect(clonePlane(plane), fleet.present))
  }
  forgetMoves(collections)
  return changed.sort()
}

/**
 * Brings every collection up to date with one device right after its attributes `changed`, or, with 'All', after it was
 * enrolled or removed. Returns the names it joined or left, in order of their references. Only collections are looked at of which a query has another
 * answer than before, and those that refer to a collection that the device joined or left.
 */
export function reevaluateDevice(
  fleet: Fleet,
  collections: Collections,
  row: number,
  changed: readonly AttributeChange[] | 'All',
): readonly string[] {
  if (collections.bound?.fleet !== fleet || collections.bound.shape !== fleet.shape) bind(fleet, collections)
  const { dirty, membership, programs } = collections
  if (changed === 'All') for (let i = 0; i < programs.length; i++) markDirty(dirty, i)
  else markAnswers(dirty, collections.readers, row, changed)
  readMembers(collections, row)
  let names: string[] | undefined
  for (let at = 0; at < dirty.length; at++) {
    for (let word = dirty[at] ?? 0; word !== 0; word = dirty[at] ?? 0) {
      const low = word & -word
      dirty[at] = word ^ low
      const program = programs[(at << 5) + 31 - Math.clz32(low)]
      if (program === undefined || !update(fleet, program, row)) continue
      names ??= []
      noteChange(membership, program.name, names)
      for (const dependant of program.dependants) markDirty(dirty, dependant)
    }
  }
  if (changed === 'All' && !hasBit(fleet.present, row)) {
    names ??= []
    for (const name of collections.broken) {
      const plane = membership.members.get(name)
      if (plane !== undefined && clearBit(plane, row)) noteChange(membership, name, names)
    }
  }
  if (names !== undefined || changed === 'All') noteMove(collections, row)
  return names ?? NO_NAMES
}

/** How many moves there have been; to be given to `movedSince` later. */
export function movesOf({ moves }: Collections): number {
  return moves.forgotten + moves.rows.length
}

/** The rows that joined or left any collection, or the fleet, after so many moves. Undefined when these are not all remembered. */
export function movedSince({ moves }: Collections, before: number): readonly number[] | undefined {
  return before < moves.forgotten ? undefined : moves.rows.slice(before - moves.forgotten)
}

/** The members of a collection, the built-in one included; undefined when it is not declared. Not to be changed by the caller. */
export function membersOf(fleet: Fleet, collections: Collections, name: string): BitPlane | undefined {
  return name === ALL_DEVICES ? fleet.present : collections.members.get(name)
}

/** Every collection that the device is in, the built-in one included; names sorted. */
export function collectionsOf(fleet: Fleet, collections: Collections, row: number): string[] {
  const names = hasBit(fleet.present, row) ? [ALL_DEVICES] : []
  for (const [name, plane] of collections.members) {
    if (name !== ALL_DEVICES && hasBit(plane, row)) names.push(name)
  }
  return names.sort()
}

function compile(
  name: string,
  spec: CollectionSpec,
  membership: Membership,
  sources: ReadonlyMap<string, Source>,
  pool: TermPool,
): Program {
  const found = (names: readonly string[] | undefined): Source[] =>
    [...new Set(names)].flatMap((reference) => sources.get(reference) ?? [])
  return {
    name,
    plane: membership.members.get(name) ?? newPlane(),
    queries: (spec.queries ?? []).map((query) => termsOf(query, pool)),
    direct: new Set(spec.devices),
    include: found(spec.include),
    limit: spec.limitedTo === undefined ? undefined : sources.get(spec.limitedTo),
    exclude: found(spec.exclude),
    dependants: [],
  }
}

function referencedNames(spec: CollectionSpec | undefined): string[] {
  const limit = spec?.limitedTo === undefined ? [] : [spec.limitedTo]
  return [...limit, ...(spec?.include ?? []), ...(spec?.exclude ?? [])]
}

function bind(fleet: Fleet, collections: Collections): void {
  for (const term of collections.terms) bindTerm(term, fleet)
  bindReaders(collections.readers)
  collections.everyDevice.plane = fleet.present
  collections.bound = { fleet, shape: fleet.shape }
}

function noteMove(collections: Collections, row: number): void {
  if (collections.moves.rows.length >= MAX_MOVES) forgetMoves(collections)
  collections.moves.rows.push(row)
}

// One more than there were: who stands at the last of them has not seen what an evaluation of everything changed.
function forgetMoves({ moves }: Collections): void {
  moves.forgotten += moves.rows.length + 1
  moves.rows = []
}

function noteChange(membership: Membership, name: string, changed: string[]): void {
  membership.changes++
  membership.versions.set(name, membership.changes)
  changed.push(name)
}

function evaluate(fleet: Fleet, program: Program, planes: Map<Term, BitPlane>): BitPlane {
  const rows = fleet.ids.length
  const members = newPlane(rows)
  for (const query of program.queries) {
    const [first, ...others] = query.map((term) => {
      const plane = planes.get(term) ?? termPlane(term, rows)
      planes.set(term, plane)
      return plane
    })
    if (first === undefined) continue
    const matching = others.length === 0 ? first : clonePlane(first)
    for (const other of others) intersect(matching, other)
    unite(members, matching)
  }
  for (const id of program.direct) {
    const row = fleet.rowOf.get(id)
    if (row !== undefined) setBit(members, row)
  }
  for (const source of program.include) unite(members, source.plane)
  // A limiting collection holds present devices only, as every evaluated one does.
  intersect(members, program.limit?.plane ?? fleet.present)
  for (const source of program.exclude) subtract(members, source.plane)
  return members
}

// Members of another collection are another place in memory, and seldom in a cache: those of all that are to be looked at are
// waited for together.
function readMembers({ dirty, programs }: Collections, row: number): void {
  let sum = 0
  for (let at = 0; at < dirty.length; at++)
    for (let word = dirty[at] ?? 0; word !== 0; word &= word - 1)
      sum += programs[(at << 5) + 31 - Math.clz32(word & -word)]?.plane.words[row >>> 5] ?? 0
  haveRead(sum)
}

/** Puts one device in or out of one collection. Returns whether that was a change. */
function update(fleet: Fleet, program: Program, row: number): boolean {
  return belongs(fleet, program, row) ? setBit(program.plane, row) : clearBit(program.plane, row)
}

/** The same rules as `evaluate`. Planes of other collections come last: each is another place in memory, and seldom in a cache. */
function belongs(fleet: Fleet, program: Program, row: number): boolean {
  if (!hasBit(fleet.present, row) || !isChosen(fleet, program, row)) return false
  if (program.limit !== undefined && !hasBit(program.limit.plane, row)) return false
  for (const source of program.exclude) if (hasBit(source.plane, row)) return false
  return true
}

function isChosen(fleet: Fleet, { queries, direct, include }: Program, row: number): boolean {
  for (const query of queries) if (allHold(query, row)) return true
  if (direct.size > 0 && direct.has(fleet.ids[row] ?? '')) return true
  for (const source of include) if (hasBit(source.plane, row)) return true
  return false
}

function allHold(terms: readonly Term[], row: number): boolean {
  for (const term of terms) if (!termHolds(term, row)) return false
  return terms.length > 0
}
