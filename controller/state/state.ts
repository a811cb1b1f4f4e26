// The state: the fold of every fact (architecture.md, "State"). How it begins, and how it stands in a snapshot.
import { type Catalog, newCatalog } from '../catalog/catalog.ts'
import { compileCollections, evaluateAll, type newMembership } from '../fleet/collections.ts'
import { type Column, codesOf } from '../fleet/column.ts'
import { newCompliance } from '../fleet/compliance.ts'
import { type Fleet, newFleet } from '../fleet/fleet.ts'
import { newTokenHashes, tokenHashesFrom } from '../fleet/token-hashes.ts'
import { type Capture, captureSnapshot, decodeSnapshot, encodeSnapshot } from '../journal/snapshot-codec.ts'
import type { CollectionSpec } from '../model/collection.ts'
import { DAY, type EpochMs } from '../model/instant.ts'
import { RowIndex } from '../model/row-index.ts'
import { type Control, newControl } from '../rollout/control.ts'
import { countTargets } from '../rollout/evidence.ts'
import type { Access, Objects, World } from '../rollout/world.ts'
import { rolloutsFrom, type StoredRollout } from './stored-rollouts.ts'

/** The world, and a number that goes up with every fact that can change what `decide` says. */
export type State = World & { version: number }

export const DEFAULT_STALE_AFTER_MS = 7 * DAY

export function newState(): State {
  return {
    version: 0,
    clock: 0,
    settings: { staleAfterMs: DEFAULT_STALE_AFTER_MS },
    objects: newObjects(),
    sources: new Map(),
    feeds: new Map(),
    catalog: newCatalog(),
    catalogChangedAt: 0,
    fleet: newFleet(),
    compliance: newCompliance(),
    collections: compileCollections(new Map()),
    membershipVersion: 0,
    access: { tokens: newTokenHashes(), keys: new Map(), spent: new Map() },
    control: newControl(),
    evidence: new Map(),
  }
}

/** Compiles the declared collections anew over the members known so far, and evaluates them. */
export function recompileCollections(state: State): void {
  const specs = new Map<string, CollectionSpec>()
  for (const object of state.objects.Collection.values())
    if (object.kind === 'Collection') specs.set(object.name, object.spec)
  state.collections = compileCollections(specs, state.collections.membership)
  evaluateAll(state.fleet, state.collections)
  state.membershipVersion++
}

/**
 * The state without what is made anew from it. Snapshots of before have the rows by id and the codes by value as well, tokens as
 * texts, and those who joined in batches.
 */
export type StoredState = Omit<State, 'collections' | 'fleet' | 'catalog' | 'access' | 'control'> & {
  readonly control: Omit<Control, 'rollouts'> & { readonly rollouts: ReadonlyMap<string, StoredRollout> }
  readonly access: Omit<Access, 'tokens'> & { readonly tokens: Access['tokens'] | ReadonlyMap<number, string> }
  readonly membership: ReturnType<typeof newMembership>
  readonly fleet: Omit<Fleet, 'rowOf' | 'columns'> & { readonly columns: ReadonlyMap<string, StoredColumn> }
  readonly catalog: Omit<Catalog, 'rowOf'> & Partial<Pick<Catalog, 'rowOf'>>
}

type StoredColumn = Omit<Column, 'codeOf'>

/** The same state always gives the same bytes. */
export function encodeState(state: State): Uint8Array<ArrayBuffer> {
  return encodeSnapshot(encodableState(state), settledIn(state))
}

/**
 * The same bytes, to be made piece by piece, so that others get their turn. They are those of the state at the call; facts may
 * be folded as soon as that returns. To be released in the end.
 */
export function captureState(state: State, partBytes?: number): Capture {
  return captureSnapshot(encodableState(state), settledIn(state), partBytes)
}

/**
 * Takes the bytes over. `Checked`: they come from the journal, which has summed them up. Throws a SnapshotError on bytes that
 * are damaged or of another format.
 */
export function decodeState(bytes: Uint8Array, how?: 'Checked'): State {
  // The codec gives back exactly the tree that `encodeState` wrote, and a checksum vouches for it.
  return restoreState(decodeSnapshot(bytes, how) as StoredState)
}

export function encodableState({ collections, fleet, catalog, ...rest }: State): StoredState {
  const { rowOf: _, ...devices } = fleet
  const { rowOf: __, ...updates } = catalog
  const columns = new Map([...fleet.columns].map(([name, column]) => [name, withoutCodes(column)]))
  return { ...rest, fleet: { ...devices, columns }, catalog: updates, membership: collections.membership }
}

/** The tree becomes part of the state. */
export function restoreState({ membership, ...rest }: StoredState): State {
  // Snapshots from before there was a kind have no objects of it; from before there were replicas, no spent keys.
  const objects = { ...newObjects(), ...rest.objects }
  const { tokens: stored, spent = new Map<string, EpochMs>() } = rest.access
  const tokens = 'words' in stored ? stored : tokenHashesFrom(stored)
  const access = { ...rest.access, tokens, spent }
  const columns = new Map(
    [...rest.fleet.columns].map(([name, column]) => [name, { ...column, codeOf: codesOf(column.values) }]),
  )
  const fleet = { ...rest.fleet, columns, rowOf: new RowIndex(rest.fleet.ids) }
  const catalog = { ...rest.catalog, rowOf: new RowIndex(rest.catalog.ids) }
  const collections = compileCollections(new Map(), membership)
  const control = { ...rest.control, rollouts: rolloutsFrom(rest.control.rollouts) }
  const state: State = { ...rest, objects, access, fleet, catalog, control, collections }
  const { membershipVersion } = state
  recompileCollections(state)
  state.membershipVersion = membershipVersion
  // Snapshots from before these were counted have none, and those that such a version wrote later have old ones.
  for (const name of state.evidence.keys()) countTargets(state, name)
  return state
}

function withoutCodes({ codeOf: _, ...column }: Column): StoredColumn {
  return column
}

/** What is large and holds only what is replaced, never changed. */
export function settledIn({
  objects,
  sources,
  feeds,
  catalog,
  fleet,
  compliance,
  access,
  control,
}: State): Set<unknown> {
  const { details, updateIds, numberOf } = compliance.enforcement
  return new Set<unknown>([
    ...Object.values(objects),
    ...Object.values(control),
    ...[...fleet.columns.values()].map(({ values }) => values),
    ...[access.keys, access.spent, catalog.ids, catalog.updates, catalog.sources],
    ...[fleet.ids, details, updateIds, numberOf, sources, feeds],
  ])
}

function newObjects(): Objects {
  return {
    Collection: new Map(),
    MaintenanceWindow: new Map(),
    Freeze: new Map(),
    AutomaticDeploymentRule: new Map(),
    DeploymentTemplate: new Map(),
    UpdateSource: new Map(),
    GitSource: new Map(),
    UpdateHold: new Map(),
    PhaseApproval: new Map(),
    SoftwareUpdateGroup: new Map(),
    Rollout: new Map(),
    UpdateDeployment: new Map(),
  }
}
