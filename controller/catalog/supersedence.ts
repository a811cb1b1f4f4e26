// Which updates others replace (semantics.md §1): transitive, through declined and unlisted links alike, without recursion and in time
// linear in the edges below what changed, whatever the feed claims.
import {
  type BitPlane,
  clearBit,
  clonePlane,
  hasBit,
  newPlane,
  planeRows,
  setBit,
  subtract,
  unite,
} from '../model/bit-plane.ts'
import { grown, haveRead } from '../model/typed-arrays.ts'
import type { UpdateId } from '../model/update.ts'
import type { Catalog } from './catalog.ts'
import { logRows, newRowLog, type RowLog, rowsChangedSince, rowsSince } from './changes.ts'
import { compareAge, type Graph, holds, newGraph, readRows, rowsBelow } from './supersedence-graph.ts'

/** Cycles that are listed, and members listed of each; what is beyond is counted. */
const MAX_CYCLES_LISTED = 100
const MAX_MEMBERS_LISTED = 20

/** Rows for which is read ahead. */
const AHEAD = 64

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

type Cover = { readonly superseded: BitPlane; supersededBy: Int32Array }
type Derived = {
  version: number
  readonly graph: Graph
  readonly supersedence: Cover & { cycles: readonly SupersedenceCycle[]; cycleCount: number }
  /** Rows that have become superseded, or are no longer. */
  readonly flips: RowLog
}

const derived = new WeakMap<Catalog, Derived>()

/** What follows from the catalog as it stands; brought up to date with each version. It is shared, and good until the catalog changes. */
export function supersedenceOf(catalog: Catalog): Supersedence {
  return derive(catalog).supersedence
}

/** The same if other updates were declined than are. */
export function supersedenceIfDeclined(catalog: Catalog, declined: BitPlane): Pick<Supersedence, 'superseded'> {
  const { graph, supersedence } = derive(catalog)
  const covered = {
    superseded: clonePlane(supersedence.superseded),
    supersededBy: supersedence.supersededBy.slice(),
  }
  const below = planeRows(differing(graph.declined, declined)).flatMap((row) => graph.targets[row] ?? [])
  cover(catalog, graph, declined, covered, rowsBelow(catalog, graph, below))
  return covered
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
  return clonePlane(derive(catalog).graph.declined)
}

function derive(catalog: Catalog): Derived {
  const known = derived.get(catalog)
  if (known?.version === catalog.version) return known
  const changed = known && rowsChangedSince(catalog, known.version)
  if (known && changed) {
    logRows(known.flips, catalog.version, bringUp(catalog, known, changed))
    return known
  }
  const fresh: Derived = {
    version: 0,
    graph: newGraph(),
    supersedence: { superseded: newPlane(), supersededBy: new Int32Array(0), cycles: [], cycleCount: 0 },
    flips: known?.flips ?? newRowLog(catalog.version),
  }
  bringUp(catalog, fresh, [...catalog.ids.keys()])
  const { superseded } = fresh.supersedence
  if (known) logRows(fresh.flips, catalog.version, planeRows(differing(known.supersedence.superseded, superseded)))
  derived.set(catalog, fresh)
  return fresh
}

/** Reads the rows that changed, and works out anew whatever is below them. Returns the rows that have become superseded, or are no longer. */
function bringUp(catalog: Catalog, known: Derived, changed: readonly number[]): number[] {
  const { graph, supersedence } = known
  const rows = catalog.ids.length
  known.version = catalog.version
  supersedence.supersededBy = grown(supersedence.supersededBy, rows, (length) => new Int32Array(length).fill(-1))
  const below = rowsBelow(catalog, graph, readRows(catalog, graph, changed))
  if (supersedence.cycleCount > 0 || graph.cycleOf.size > 0) Object.assign(supersedence, describeCycles(catalog, graph))
  return cover(catalog, graph, graph.declined, supersedence, below)
}

/** Puts right what supersedes each of these rows, in their order. Returns those that have become superseded, or are no longer. */
function cover(
  catalog: Catalog,
  graph: Graph,
  declined: BitPlane,
  { superseded, supersededBy }: Cover,
  rows: readonly number[],
): number[] {
  const flipped: number[] = []
  for (const [i, row] of rows.entries()) {
    if (i % AHEAD === 0) haveRead(readSources(graph, supersededBy, rows.slice(i, i + AHEAD)))
    const by = earliestOver(catalog, graph, declined, supersededBy, row)
    supersededBy[row] = by
    const flips = by >= 0 || hasBit(graph.said, row) ? setBit(superseded, row) : clearBit(superseded, row)
    if (flips) flipped.push(row)
  }
  return flipped
}

// These reads do not depend on each other, so that the processor waits for many at once.
function readSources({ sources, released }: Graph, supersededBy: Int32Array, rows: readonly number[]): number {
  let sum = 0
  for (const row of rows) {
    const source = sources[row]?.[0] ?? row
    sum += (supersededBy[row] ?? 0) + (supersededBy[source] ?? 0) + (released[source] ?? 0)
  }
  return sum
}

// Whoever is above a row is one of those that name it, or above one of these.
function earliestOver(
  catalog: Catalog,
  graph: Graph,
  declined: BitPlane,
  supersededBy: Int32Array,
  row: number,
): number {
  let earliest = -1
  for (const source of graph.sources[row] ?? []) {
    if (!holds(catalog, graph, source, row)) continue
    const above = supersededBy[source] ?? -1
    if (above >= 0 && (earliest < 0 || compareAge(catalog, graph, above, earliest) < 0)) earliest = above
    if (hasBit(declined, source)) continue
    if (earliest < 0 || compareAge(catalog, graph, source, earliest) < 0) earliest = source
  }
  return earliest
}

function describeCycles(catalog: Catalog, { cycleOf }: Graph): Pick<Supersedence, 'cycles' | 'cycleCount'> {
  const cycles = [...new Set(cycleOf.values())].map((rows) => {
    const ids = rows.flatMap((row) => catalog.ids[row] ?? []).sort()
    return { ids: ids.slice(0, MAX_MEMBERS_LISTED), size: ids.length }
  })
  cycles.sort((a, b) => (String(a.ids[0]) < String(b.ids[0]) ? -1 : 1))
  return { cycles: cycles.slice(0, MAX_CYCLES_LISTED), cycleCount: cycles.length }
}

function differing(a: BitPlane, b: BitPlane): BitPlane {
  return unite(subtract(clonePlane(a), b), subtract(clonePlane(b), a))
}
