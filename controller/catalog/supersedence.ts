// Which updates others replace (semantics.md §1): transitive, through declined and unlisted links alike, in time linear
// in the number of edges and without recursion, whatever the feed claims.
import { type BitPlane, clonePlane, hasBit, newPlane, planeRows, setBit, subtract, unite } from '../model/bit-plane.ts'
import { grown } from '../model/typed-arrays.ts'
import type { Update, UpdateId } from '../model/update.ts'
import type { Catalog } from './catalog.ts'
import { logRows, newRowLog, type RowLog, rowsChangedSince, rowsSince } from './changes.ts'

/** Cycles that are listed, and members listed of each; what is beyond is counted. */
const MAX_CYCLES_LISTED = 100
const MAX_MEMBERS_LISTED = 20

/** A cycle in what feeds say. `size` is the number of updates in it; 1 is an update that supersedes itself. */
export type SupersedenceCycle = { readonly ids: readonly UpdateId[]; readonly size: number }

export type Supersedence = {
  /** Superseded by another update that is not declined, or by what the feed says. */
  readonly superseded: BitPlane
  /** Row → row of the earliest released superseder that is not declined, direct or not; −1 where there is none. May be longer than the catalog. */
  readonly supersededBy: Int32Array
  readonly cycles: readonly SupersedenceCycle[]
  readonly cycleCount: number
}

/** Superseder row → superseded rows: those from `start[row]` up to `start[row + 1]` in `targets`; −1 is a cut edge. */
type Graph = {
  start: Int32Array
  targets: Int32Array
  /** Row → its release, side by side: compared two to three times as fast as the fields of records all over memory. */
  released: Float64Array
  /** Updates that some edge names and the catalog does not know. */
  readonly unknown: Set<UpdateId>
}
type Cover = { readonly superseded: BitPlane; supersededBy: Int32Array }
type Derived = {
  version: number
  readonly graph: Graph
  readonly supersedence: Supersedence & Cover
  /** Row → the record that was read. */
  readonly seen: Update[]
  readonly declined: BitPlane
  /** Rows that have become superseded, or are no longer. */
  readonly flips: RowLog
}

const derived = new WeakMap<Catalog, Derived>()

/** What follows from the catalog as it stands; computed once for each version. It is shared, and good until the catalog changes. */
export function supersedenceOf(catalog: Catalog): Supersedence {
  return derive(catalog).supersedence
}

/** The same if other updates were declined than are. */
export function supersedenceIfDeclined(catalog: Catalog, declined: BitPlane): Pick<Supersedence, 'superseded'> {
  return cover(catalog, derive(catalog).graph, declined)
}

/** Rows that another update supersedes, or of which the feed says so. The plane is shared: do not change it. */
export function supersededRows(catalog: Catalog): BitPlane {
  return derive(catalog).supersedence.superseded
}

/** Rows that have become superseded since a version, or are no longer; undefined when that is not known any more. */
export function supersededSince(catalog: Catalog, version: number): readonly number[] | undefined {
  return rowsSince(derive(catalog).flips, version)
}

/** Rows that are declined by a mark or by their feed. */
export function declinedRows(catalog: Catalog): BitPlane {
  const declined = clonePlane(catalog.declined)
  for (const [row, update] of catalog.updates.entries()) if (update.state === 'Declined') setBit(declined, row)
  return declined
}

function derive(catalog: Catalog): Derived {
  const known = derived.get(catalog)
  if (known?.version === catalog.version || (known && takeOn(catalog, known))) return known
  const fresh = anew(catalog, known)
  derived.set(catalog, fresh)
  return fresh
}

function anew(catalog: Catalog, known: Derived | undefined): Derived {
  const { version } = catalog
  const graph = readGraph(catalog)
  const broken = breakCycles(catalog, graph)
  const declined = declinedRows(catalog)
  const covered = cover(catalog, graph, declined)
  const flips = known?.flips ?? newRowLog(version)
  if (known) logRows(flips, version, planeRows(differing(known.supersedence.superseded, covered.superseded)))
  const seen = catalog.updates.slice()
  return { version, graph, supersedence: { ...covered, ...broken }, seen, declined, flips }
}

/**
 * Goes on from an earlier version, when all that has come since are records that supersede, are released and stand as before, and
 * new ones that nothing known supersedes and that do not supersede each other; else changes nothing and returns false. These can
 * close no cycle.
 */
function takeOn(catalog: Catalog, known: Derived): boolean {
  const changed = rowsChangedSince(catalog, known.version)
  if (changed === undefined) return false
  const { seen, declined, graph, supersedence, flips } = known
  const first = seen.length
  for (const row of changed) if (row < first && !isAlike(catalog, row, known)) return false
  for (let row = first; row < catalog.ids.length; row++) if (!isOnTop(catalog, row, first, known)) return false
  for (const row of changed) {
    const update = catalog.updates[row]
    if (update === undefined) continue
    seen[row] = update
    if (update.state === 'Declined' || hasBit(catalog.declined, row)) setBit(declined, row)
  }
  extend(catalog, graph, first)
  logRows(flips, catalog.version, coverFrom(catalog, graph, declined, supersedence, first))
  known.version = catalog.version
  return true
}

function isAlike(catalog: Catalog, row: number, { seen, declined }: Derived): boolean {
  const before = seen[row]
  const update = catalog.updates[row]
  return (
    before !== undefined &&
    update !== undefined &&
    before.released === update.released &&
    (before.state === 'Superseded') === (update.state === 'Superseded') &&
    hasBit(declined, row) === (update.state === 'Declined' || hasBit(catalog.declined, row)) &&
    before.supersedes.length === update.supersedes.length &&
    before.supersedes.every((id, i) => id === update.supersedes[i])
  )
}

function isOnTop(catalog: Catalog, row: number, first: number, { graph }: Derived): boolean {
  const update = catalog.updates[row]
  if (update === undefined || graph.unknown.has(update.id)) return false
  return update.supersedes.every((id) => (catalog.rowOf.get(id) ?? -1) < first)
}

function readGraph(catalog: Catalog): Graph {
  const graph: Graph = {
    start: new Int32Array(catalog.ids.length + 1),
    targets: new Int32Array(0),
    released: new Float64Array(catalog.ids.length),
    unknown: new Set(),
  }
  extend(catalog, graph, 0)
  return graph
}

/** Adds the edges of the rows from `first` on. */
function extend(catalog: Catalog, graph: Graph, first: number): void {
  const rows = catalog.ids.length
  const ints = (length: number) => new Int32Array(length)
  graph.start = grown(graph.start, rows + 1, ints)
  graph.released = grown(graph.released, rows, (length) => new Float64Array(length))
  let end = at(graph.start, first)
  for (let row = first; row < rows; row++) {
    graph.released[row] = catalog.updates[row]?.released ?? 0
    for (const id of catalog.updates[row]?.supersedes ?? []) {
      const target = catalog.rowOf.get(id)
      if (target === undefined) {
        graph.unknown.add(id)
        continue
      }
      graph.targets = grown(graph.targets, end + 1, ints)
      graph.targets[end++] = target
    }
    graph.start[row + 1] = end
  }
}

// Superseders from the earliest on: the first to reach an update is the earliest of all that supersede it, and what an
// update reached before has superseded was reached then too. So each edge is followed once.
function cover(catalog: Catalog, graph: Graph, declined: BitPlane): Cover {
  const superseded = newPlane(catalog.ids.length)
  const supersededBy = new Int32Array(catalog.ids.length).fill(-1)
  for (const [row, update] of catalog.updates.entries()) if (update.state === 'Superseded') setBit(superseded, row)
  for (const superseder of superseders(catalog, graph, declined, 0))
    reach(graph, superseder, superseded, supersededBy, [], (known) => known >= 0)
  return { superseded, supersededBy }
}

/**
 * Goes on with the rows from `first` on. A new superseder replaces those that are later than it. Where it meets an earlier one it goes
 * no further: that one has been wherever it could come. Returns the rows that have become superseded.
 */
function coverFrom(catalog: Catalog, graph: Graph, declined: BitPlane, covered: Cover, first: number): number[] {
  const rows = catalog.ids.length
  const { superseded } = covered
  const flipped: number[] = []
  covered.supersededBy = grown(covered.supersededBy, rows, (length) => new Int32Array(length))
  covered.supersededBy.fill(-1, first, rows)
  for (let row = first; row < rows; row++)
    if (catalog.updates[row]?.state === 'Superseded' && setBit(superseded, row)) flipped.push(row)
  for (const superseder of superseders(catalog, graph, declined, first))
    reach(
      graph,
      superseder,
      superseded,
      covered.supersededBy,
      flipped,
      (known) => known === superseder || (known >= 0 && isNewer(catalog, superseder, known)),
    )
  return flipped
}

/** Rows from `first` on that supersede something, the earliest first. */
function superseders(catalog: Catalog, { start, released }: Graph, declined: BitPlane, first: number): number[] {
  const rows: number[] = []
  for (let row = first; row < catalog.ids.length; row++)
    if (at(start, row) < at(start, row + 1) && !hasBit(declined, row)) rows.push(row)
  return rows.sort((a, b) => (released[a] ?? 0) - (released[b] ?? 0) || (isNewer(catalog, a, b) ? 1 : -1))
}

/** Follows the edges from a superseder on, as far as `isSettled` of the superseder known so far is not true. Adds to `flipped`. */
function reach(
  { start, targets }: Graph,
  superseder: number,
  superseded: BitPlane,
  supersededBy: Int32Array,
  flipped: number[],
  isSettled: (known: number) => boolean,
): void {
  const open = [superseder]
  for (let row = open.pop(); row !== undefined; row = open.pop()) {
    for (let edge = at(start, row); edge < at(start, row + 1); edge++) {
      const target = at(targets, edge)
      if (target < 0 || isSettled(at(supersededBy, target))) continue
      supersededBy[target] = superseder
      if (setBit(superseded, target)) flipped.push(target)
      open.push(target)
    }
  }
}

function differing(a: BitPlane, b: BitPlane): BitPlane {
  return unite(subtract(clonePlane(a), b), subtract(clonePlane(b), a))
}

// Among the updates of a cycle only edges from a newer to an older one count, so nothing supersedes itself any more and
// the newest of them stays.
function breakCycles(catalog: Catalog, graph: Graph): Pick<Supersedence, 'cycles' | 'cycleCount'> {
  const { start, targets } = graph
  const component = strongComponents(graph, catalog.ids.length)
  const cyclic = new Map<number, number[]>()
  for (let row = 0; row < catalog.ids.length; row++) {
    for (let edge = at(start, row); edge < at(start, row + 1); edge++) {
      const target = at(targets, edge)
      const shared = at(component, row)
      if (shared !== at(component, target)) continue
      cyclic.set(shared, [])
      if (row === target || !isNewer(catalog, row, target)) targets[edge] = -1
    }
  }
  for (let row = 0; row < catalog.ids.length && cyclic.size > 0; row++) cyclic.get(at(component, row))?.push(row)
  const cycles = [...cyclic.values()].map((rows) => describeCycle(catalog, rows))
  cycles.sort((a, b) => (String(a.ids[0]) < String(b.ids[0]) ? -1 : 1))
  return { cycles: cycles.slice(0, MAX_CYCLES_LISTED), cycleCount: cycles.length }
}

function describeCycle(catalog: Catalog, rows: readonly number[]): SupersedenceCycle {
  const ids = rows.flatMap((row) => catalog.ids[row] ?? []).sort()
  return { ids: ids.slice(0, MAX_MEMBERS_LISTED), size: ids.length }
}

function isNewer(catalog: Catalog, a: number, b: number): boolean {
  const first = catalog.updates[a]
  const second = catalog.updates[b]
  if (first === undefined || second === undefined) return false
  return first.released === second.released ? first.id > second.id : first.released > second.released
}

// Tarjan's algorithm with its own stack: row → number of its component.
function strongComponents({ start, targets }: Graph, rows: number): Int32Array {
  const component = new Int32Array(rows).fill(-1)
  const entered = new Int32Array(rows).fill(-1)
  const lowest = new Int32Array(rows)
  const nextEdge = start.slice(0, rows)
  const members: number[] = []
  const path: number[] = []
  let clock = 0
  let components = 0
  const enter = (row: number) => {
    entered[row] = lowest[row] = clock++
    members.push(row)
    path.push(row)
  }
  const leave = (row: number) => {
    path.pop()
    const parent = path.at(-1)
    if (parent !== undefined) lowest[parent] = Math.min(at(lowest, parent), at(lowest, row))
    if (at(lowest, row) !== at(entered, row)) return
    for (let member = members.pop(); member !== undefined; member = members.pop()) {
      component[member] = components
      if (member === row) break
    }
    components++
  }
  for (let root = 0; root < rows; root++) {
    if (at(entered, root) >= 0) continue
    enter(root)
    for (let row = path.at(-1); row !== undefined; row = path.at(-1)) {
      const edge = at(nextEdge, row)
      if (edge >= at(start, row + 1)) {
        leave(row)
        continue
      }
      nextEdge[row] = edge + 1
      const target = at(targets, edge)
      if (at(entered, target) < 0) enter(target)
      else if (at(component, target) < 0) lowest[row] = Math.min(at(lowest, row), at(entered, target))
    }
  }
  return component
}

function at(column: Int32Array, index: number): number {
  return column[index] ?? -1
}
