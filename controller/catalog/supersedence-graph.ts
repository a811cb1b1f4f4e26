// Which updates name which others as superseded, both ways, and in which order to go through what is below some of them.
import { type BitPlane, clearBit, hasBit, newPlane, setBit } from '../model/bit-plane.ts'
import { grown } from '../model/typed-arrays.ts'
import type { Update, UpdateId } from '../model/update.ts'
import type { Catalog } from './catalog.ts'

/** Everything by row, as the catalog had it when the row was last read. */
export type Graph = {
  /** The row of the only update that the record names, NONE where it names none, SEVERAL where it names others or one that is not known. */
  only: Int32Array
  /** What the record names, known or not; nothing where `only` says it. */
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
    only: new Int32Array(0),
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
  graph.only = grown(graph.only, total, (length) => new Int32Array(length))
  graph.entered = grown(graph.entered, total, (length) => new Int32Array(length))
  graph.lowest = grown(graph.lowest, total, (length) => new Int32Array(length))
  for (let row = first; row < total; row++) addRow(catalog, graph, row)
  const different = differentRows(catalog, graph, rows, first)
  const before: number[] = []
  for (const row of different) for (const target of graph.targets[row] ?? NOTHING) before.push(target)
  for (let i = 0; i < different.length; i += AT_ONCE) putRows(catalog, graph, different.slice(i, i + AT_ONCE))
  for (const row of before) different.push(row)
  return different
}

/**
 * The given rows and all below them, what supersedes before what is superseded; those of a cycle side by side, the newest first. What was
 * known of their cycles is found anew. (Tarjan's algorithm with its own stack.)
 */
export function rowsBelow(catalog: Catalog, graph: Graph, from: readonly number[]): number[] {
  const { entered, lowest } = graph
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
      const target = targetAt(graph, row, edge)
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

/** The rows that a row names, one after the other. That of an only one is told without its list, which is elsewhere in memory. */
function targetAt({ only, targets }: Graph, row: number, edge: number): number | undefined {
  const first = only[row] ?? NONE
  if (first === SEVERAL) return targets[row]?.[edge]
  return first >= 0 && edge === 0 ? first : undefined
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

/** Rows of which the names are looked up together. */
const AT_ONCE = 512
/** In `only`. */
const NONE = -1
const SEVERAL = -2
/** In `entered`: the component of the row is known. */
const CLOSED = 2 ** 31 - 1
const NOTHING: readonly never[] = []

/** Those of the rows that say something else than when they were last read; all from `first` on. */
function differentRows(catalog: Catalog, graph: Graph, rows: readonly number[], first: number): number[] {
  const { released, said, only, named } = graph
  const different: number[] = []
  const [naming, namingSeveral]: [number[], number[]] = [[], []]
  for (const row of rows) {
    const update = catalog.updates[row]
    if (update === undefined) continue
    const count = update.supersedes.length
    const before = only[row] ?? NONE
    if (
      row >= first ||
      released[row] !== update.released ||
      hasBit(graph.declined, row) !== isDeclined(catalog, update, row) ||
      hasBit(said, row) !== (update.state === 'Superseded')
    )
      different.push(row)
    else if (before === SEVERAL && count === named[row]?.length) namingSeveral.push(row)
    else if (before >= 0 && count === 1) naming.push(row)
    else if (before !== NONE || count > 0) different.push(row)
  }
  addOtherName(catalog, graph, naming, different)
  for (const row of namingSeveral)
    if (!sameTexts(named[row] ?? NOTHING, catalog.updates[row]?.supersedes ?? NOTHING)) different.push(row)
  return different
}

// In a loop of its own, so that the processor waits for the texts of several rows at once.
function addOtherName({ ids, updates }: Catalog, { only }: Graph, rows: readonly number[], different: number[]): void {
  for (const row of rows) if (updates[row]?.supersedes[0] !== ids[only[row] ?? NONE]) different.push(row)
}

// What all of them name is looked up at once.
function putRows(catalog: Catalog, graph: Graph, rows: readonly number[]): void {
  const names: UpdateId[] = []
  for (const row of rows) for (const id of catalog.updates[row]?.supersedes ?? NOTHING) names.push(id)
  const found = catalog.rowOf.rowsOf(names)
  let next = 0
  for (const row of rows) {
    const update = catalog.updates[row]
    if (update === undefined) continue
    const count = update.supersedes.length
    putRow(catalog, graph, row, update)
    putEdges(graph, row, update.supersedes, found.slice(next, next + count))
    next += count
  }
}

function putRow(catalog: Catalog, graph: Graph, row: number, update: Update): void {
  graph.released[row] = update.released
  putBit(graph.declined, row, isDeclined(catalog, update, row))
  putBit(graph.said, row, update.state === 'Superseded')
}

function isDeclined({ declined }: Catalog, { state }: Update, row: number): boolean {
  return state === 'Declined' || hasBit(declined, row)
}

function addRow({ ids }: Catalog, { only, named, targets, sources, waiting }: Graph, row: number): void {
  only[row] = NONE
  named.push(NOTHING)
  targets.push(NOTHING)
  sources.push(undefined)
  const id = ids[row]
  const naming = id === undefined || waiting.size === 0 ? undefined : waiting.get(id)
  if (id === undefined || naming === undefined) return
  for (const source of naming) {
    targets[source] = [...(targets[source] ?? NOTHING), row]
    addSource(sources, row, source)
  }
  waiting.delete(id)
}

/** `found` has the row of each name, −1 where it is not known. */
function putEdges(graph: Graph, row: number, names: readonly UpdateId[], found: readonly number[]): void {
  const { only, named, targets, sources, waiting } = graph
  for (const target of targets[row] ?? NOTHING) {
    const own = sources[target]
    own?.splice(own.indexOf(row), 1)
  }
  for (const id of named[row] ?? NOTHING) {
    const naming = waiting.get(id)
    if (naming?.delete(row) && naming.size === 0) waiting.delete(id)
  }
  if (names.length === 0) {
    only[row] = NONE
    named[row] = NOTHING
    targets[row] = NOTHING
    return
  }
  const known: number[] = []
  for (const [i, id] of names.entries()) {
    const target = found[i] ?? -1
    if (target < 0) {
      const naming = waiting.get(id) ?? new Set()
      waiting.set(id, naming.add(row))
      continue
    }
    known.push(target)
    addSource(sources, target, row)
  }
  const target = known[0]
  const isOnly = target !== undefined && names.length === 1
  only[row] = isOnly ? target : SEVERAL
  named[row] = isOnly ? NOTHING : names
  targets[row] = known
}

function addSource(sources: (number[] | undefined)[], row: number, source: number): void {
  const known = sources[row]
  if (known) known.push(source)
  else sources[row] = [source]
}

function closeComponent(catalog: Catalog, graph: Graph, members: number[], root: number, order: number[]): void {
  const { cycleOf, entered } = graph
  const first = order.length
  for (let row = members.pop(); row !== undefined; row = row === root ? undefined : members.pop()) {
    entered[row] = CLOSED
    if (cycleOf.size > 0) cycleOf.delete(row)
    order.push(row)
  }
  if (order.length - first === 1 && !namesItself(graph, root)) return
  const cycle = order.splice(first).sort((a, b) => compareAge(catalog, graph, a, b))
  for (const row of cycle) {
    cycleOf.set(row, cycle)
    order.push(row)
  }
}

function namesItself({ only, targets }: Graph, row: number): boolean {
  const first = only[row] ?? NONE
  return first === SEVERAL ? targets[row]?.includes(row) === true : first === row
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
