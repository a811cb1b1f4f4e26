// Which updates name which others as superseded, both ways, and in which order to go through what is below some of them.
import { type BitPlane, clearBit, hasBit, newPlane, setBit } from '../model/bit-plane.ts'
import { grown } from '../model/typed-arrays.ts'
import type { UpdateId } from '../model/update.ts'
import type { Catalog } from './catalog.ts'

/** Everything by row, as the catalog had it when the row was last read. */
export type Graph = {
  /** What the record names, known or not. */
  readonly named: (readonly UpdateId[])[]
  /** The rows of those that are known, and the other way round the rows that name this one, where there are any. */
  readonly targets: (readonly number[])[]
  readonly sources: (number[] | undefined)[]
  /** Names that the catalog does not know → rows that name them. */
  readonly waiting: Map<UpdateId, Set<number>>
  /** Releases side by side: compared two to three times as fast as the fields of records all over memory. */
  released: Float64Array
  /** Superseded by what the feed says. */
  readonly said: BitPlane
  readonly declined: BitPlane
  /** Row → the cycle that it is part of. */
  readonly cycleOf: Map<number, readonly number[]>
  /** Of the walk: row → when it was entered, 0 while it was not, and the earliest on the path that it leads back to. */
  entered: Int32Array
  lowest: Int32Array
}

export function newGraph(): Graph {
  return {
    named: [],
    targets: [],
    sources: [],
    waiting: new Map(),
    released: new Float64Array(0),
    said: newPlane(),
    declined: newPlane(),
    cycleOf: new Map(),
    entered: new Int32Array(0),
    lowest: new Int32Array(0),
  }
}

/** Reads rows of the catalog. Returns those below which something may be different: that are new ones, or no longer say the same, and what these named before. */
export function readRows(catalog: Catalog, graph: Graph, rows: readonly number[]): number[] {
  const first = graph.named.length
  const total = catalog.ids.length
  graph.released = grown(graph.released, total, (length) => new Float64Array(length))
  graph.entered = grown(graph.entered, total, (length) => new Int32Array(length))
  graph.lowest = grown(graph.lowest, total, (length) => new Int32Array(length))
  for (let row = first; row < total; row++) addRow(catalog, graph, row)
  const different: number[] = []
  for (const row of rows) {
    const update = catalog.updates[row]
    if (update === undefined) continue
    const declined = update.state === 'Declined' || hasBit(catalog.declined, row)
    const said = update.state === 'Superseded'
    const isAlike =
      row < first &&
      graph.released[row] === update.released &&
      hasBit(graph.declined, row) === declined &&
      hasBit(graph.said, row) === said &&
      sameTexts(graph.named[row] ?? NOTHING, update.supersedes)
    if (isAlike) continue
    different.push(row)
    for (const target of graph.targets[row] ?? NOTHING) different.push(target)
    graph.released[row] = update.released
    putBit(graph.declined, row, declined)
    putBit(graph.said, row, said)
    putEdges(catalog, graph, row, update.supersedes)
  }
  return different
}

/**
 * The given rows and all below them, what supersedes before what is superseded; those of a cycle side by side, the newest first. What was
 * known of their cycles is found anew. (Tarjan's algorithm with its own stack.)
 */
export function rowsBelow(catalog: Catalog, graph: Graph, from: readonly number[]): number[] {
  const { targets, entered, lowest } = graph
  const order: number[] = []
  const members: number[] = []
  const path: number[] = []
  const nextEdge: number[] = []
  let clock = 0
  const enter = (row: number) => {
    entered[row] = lowest[row] = ++clock
    members.push(row)
    path.push(row)
    nextEdge.push(0)
  }
  const leave = (row: number) => {
    path.pop()
    nextEdge.pop()
    const parent = path.at(-1)
    if (parent !== undefined) lowest[parent] = Math.min(at(lowest, parent), at(lowest, row))
    if (at(lowest, row) === at(entered, row)) closeComponent(catalog, graph, members, row, order)
  }
  for (const root of from) {
    if (at(entered, root) !== 0) continue
    enter(root)
    for (let row = path.at(-1); row !== undefined; row = path.at(-1)) {
      const edge = nextEdge[nextEdge.length - 1] ?? 0
      const target = targets[row]?.[edge]
      if (target === undefined) {
        leave(row)
        continue
      }
      nextEdge[nextEdge.length - 1] = edge + 1
      if (at(entered, target) === 0) enter(target)
      else if (at(entered, target) !== CLOSED) lowest[row] = Math.min(at(lowest, row), at(entered, target))
    }
  }
  for (const row of order) entered[row] = 0
  return order.reverse()
}

/** Whether an edge counts: among the updates of a cycle only from a newer to an older one, so that nothing supersedes itself and the newest stays. */
export function holds(catalog: Catalog, graph: Graph, source: number, target: number): boolean {
  if (graph.cycleOf.size === 0) return true
  const cycle = graph.cycleOf.get(source)
  return cycle === undefined || cycle !== graph.cycleOf.get(target) || compareAge(catalog, graph, source, target) > 0
}

/** Less than 0 where the first was released before the second; by id where both were at one instant. */
export function compareAge({ ids }: Catalog, { released }: Graph, a: number, b: number): number {
  return (released[a] ?? 0) - (released[b] ?? 0) || (a === b ? 0 : String(ids[a]) < String(ids[b]) ? -1 : 1)
}

/** In `entered`: the component of the row is known. */
const CLOSED = 2 ** 31 - 1
const NOTHING: readonly never[] = []

function addRow({ ids }: Catalog, { named, targets, sources, waiting }: Graph, row: number): void {
  named.push(NOTHING)
  targets.push(NOTHING)
  sources.push(undefined)
  const id = ids[row]
  const naming = id === undefined ? undefined : waiting.get(id)
  if (id === undefined || naming === undefined) return
  for (const source of naming) {
    targets[source] = [...(targets[source] ?? NOTHING), row]
    addSource(sources, row, source)
  }
  waiting.delete(id)
}

function putEdges(catalog: Catalog, graph: Graph, row: number, names: readonly UpdateId[]): void {
  const { named, targets, sources, waiting } = graph
  for (const target of targets[row] ?? NOTHING) {
    const own = sources[target]
    own?.splice(own.indexOf(row), 1)
  }
  for (const id of named[row] ?? NOTHING) {
    const naming = waiting.get(id)
    if (naming?.delete(row) && naming.size === 0) waiting.delete(id)
  }
  if (names.length === 0) {
    named[row] = NOTHING
    targets[row] = NOTHING
    return
  }
  const known: number[] = []
  for (const id of names) {
    const target = catalog.rowOf.get(id)
    if (target === undefined) {
      const naming = waiting.get(id) ?? new Set()
      waiting.set(id, naming.add(row))
      continue
    }
    known.push(target)
    addSource(sources, target, row)
  }
  named[row] = names
  targets[row] = known
}

function addSource(sources: (number[] | undefined)[], row: number, source: number): void {
  const known = sources[row]
  if (known) known.push(source)
  else sources[row] = [source]
}

function closeComponent(catalog: Catalog, graph: Graph, members: number[], root: number, order: number[]): void {
  const { cycleOf, entered, targets } = graph
  const first = order.length
  for (let row = members.pop(); row !== undefined; row = row === root ? undefined : members.pop()) {
    entered[row] = CLOSED
    cycleOf.delete(row)
    order.push(row)
  }
  if (order.length - first === 1 && !targets[root]?.includes(root)) return
  const cycle = order.splice(first).sort((a, b) => compareAge(catalog, graph, a, b))
  for (const row of cycle) {
    cycleOf.set(row, cycle)
    order.push(row)
  }
}

function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  if (a === b) return true
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

function putBit(plane: BitPlane, row: number, wanted: boolean): void {
  if (wanted) setBit(plane, row)
  else clearBit(plane, row)
}

function at(column: Int32Array, index: number): number {
  return column[index] ?? 0
}
