// Every object as it stands now, shaped as in Kubernetes: what was declared, what rules and rollouts made of it, and, to be
// read alone, devices and updates. Pure projections of the state and of the notes of the last decision.
import { stateOf } from '../catalog/catalog.ts'
import { membersOf } from '../fleet/collections.ts'
import { attributeOf } from '../fleet/fleet.ts'
import { hasBit } from '../model/bit-plane.ts'
import type { EpochMs } from '../model/instant.ts'
import { KIND_NAMES, type Kind, kindNamed } from '../model/kinds.ts'
import type { UpdateState } from '../model/update.ts'
import type { Note } from '../rollout/draft.ts'
import type { State } from '../state/state.ts'
import type { Seen, Shown } from './seen.ts'
import { groups, holds, knownUpdate, sources, updates } from './view-catalog.ts'
import { collections, devices } from './view-fleet.ts'
import { gitSources } from './view-git.ts'
import { approvals, deployments, rollouts } from './view-rollouts.ts'
import { rules, templates } from './view-rules.ts'
import { freezes, windows } from './view-times.ts'
import type { ViewKind, ViewOf } from './views.ts'

/** Names and short names of what is shown beside the declared kinds. */
const PSEUDO_KINDS = {
  Device: ['device', 'devices', 'dev'],
  Update: ['update', 'updates', 'upd'],
} as const satisfies Partial<Record<ViewKind, readonly string[]>>

export const VIEW_KINDS: readonly ViewKind[] = [...KIND_NAMES, 'Device', 'Update']

/** A kind by its name, plural or short name, in any case; undefined when it is none. */
export function viewKindNamed(text: string): ViewKind | undefined {
  const wanted = text.toLowerCase()
  const pseudo = (['Device', 'Update'] as const).find((kind) => PSEUDO_KINDS[kind].some((name) => name === wanted))
  return pseudo ?? kindNamed(text)
}

/** All objects of a kind: by name; rollouts and deployments newest first. */
export function listObjects<K extends Kind>(
  state: State,
  notes: readonly Note[],
  kind: K,
  now: EpochMs,
): readonly ViewOf[K][] {
  const seen = { state, notes, now }
  const shown = shownOf(kind)
  return shown.names(seen).flatMap((name) => shown.view(seen, name) ?? [])
}

/** One object; undefined when there is none of that name. */
export function objectNamed<K extends ViewKind>(
  state: State,
  notes: readonly Note[],
  kind: K,
  name: string,
  now: EpochMs,
): ViewOf[K] | undefined {
  return shownOf(kind).view({ state, notes, now }, name)
}

/** What narrows a listing. Filters that a kind does not know change nothing. */
export type ListQuery = {
  /** Devices: members of this collection only. */
  readonly collection?: string | undefined
  /** Devices: silent ones only, or reporting ones only. */
  readonly stale?: boolean | undefined
  /** Devices: with exactly this value of an attribute. */
  readonly attribute?: { readonly key: string; readonly value: string } | undefined
  /** Updates: in this state only. */
  readonly state?: UpdateState | undefined
  /** A part of the name; of an update also of its title or article, in any case. */
  readonly search?: string | undefined
  /** How many to leave out, and how many to show. */
  readonly offset: number
  readonly limit: number
}

export type Page = {
  readonly items: readonly ViewOf[ViewKind][]
  /** How many there are in all that the query lets pass. */
  readonly total: number
}

/** A part of the objects of a kind. Only what is shown is worked out, so that it costs little in a large fleet. */
export function pageObjects(
  state: State,
  notes: readonly Note[],
  kind: ViewKind,
  now: EpochMs,
  query: ListQuery,
): Page {
  const seen = { state, notes, now }
  const names = shownOf(kind)
    .names(seen)
    .filter((name) => isWanted(seen, kind, name, query))
  const items = names
    .slice(query.offset, query.offset + query.limit)
    .flatMap((name): ViewOf[ViewKind][] => [shownOf(kind).view(seen, name) ?? []].flat())
  return { items, total: names.length }
}

const SHOWN: { readonly [K in ViewKind]: Shown<ViewOf[K]> } = {
  Collection: collections,
  MaintenanceWindow: windows,
  Freeze: freezes,
  AutomaticDeploymentRule: rules,
  DeploymentTemplate: templates,
  UpdateSource: sources,
  GitSource: gitSources,
  UpdateHold: holds,
  PhaseApproval: approvals,
  SoftwareUpdateGroup: groups,
  Rollout: rollouts,
  UpdateDeployment: deployments,
  Device: devices,
  Update: updates,
}

function shownOf<K extends ViewKind>(kind: K): Shown<ViewOf[K]> {
  return SHOWN[kind]
}

function isWanted(seen: Seen, kind: ViewKind, name: string, query: ListQuery): boolean {
  const search = query.search?.toLowerCase()
  if (kind === 'Device') return isWantedDevice(seen, name, query) && includes(search, name)
  if (kind !== 'Update') return includes(search, name)
  const { catalog } = seen.state
  const id = knownUpdate(catalog.rowOf, name)
  const row = id === undefined ? undefined : catalog.rowOf.get(id)
  const update = row === undefined ? undefined : catalog.updates[row]
  if (id === undefined || update === undefined) return false
  if (query.state !== undefined && stateOf(catalog, id) !== query.state) return false
  return includes(search, name, update.title, ...update.articleIds)
}

function isWantedDevice({ state }: Seen, name: string, { collection, stale, attribute }: ListQuery): boolean {
  const { fleet } = state
  const row = fleet.rowOf.get(name) ?? -1
  if (stale !== undefined && hasBit(fleet.stale, row) !== stale) return false
  if (attribute !== undefined && attributeOf(fleet, row, attribute.key) !== attribute.value) return false
  if (collection === undefined) return true
  const members = membersOf(fleet, state.collections, collection)
  return members !== undefined && hasBit(members, row)
}

function includes(search: string | undefined, ...texts: readonly string[]): boolean {
  return search === undefined || texts.some((text) => text.toLowerCase().includes(search))
}
