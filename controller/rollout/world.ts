// Everything that decisions are made from: the state, as the planners of this folder see it.
import type { Catalog } from '../catalog/catalog.ts'
import type { Collections } from '../fleet/collections.ts'
import type { Compliance } from '../fleet/compliance.ts'
import type { Fleet } from '../fleet/fleet.ts'
import type { TokenHashes } from '../fleet/token-hashes.ts'
import type { BitPlane } from '../model/bit-plane.ts'
import type { Declared, Problem, SourceCommit } from '../model/declared.ts'
import type { CatalogSynced, Settings } from '../model/facts.ts'
import type { EpochMs } from '../model/instant.ts'
import type { Kind } from '../model/kinds.ts'
import type { UpdateId } from '../model/update.ts'
import type { Control } from './control.ts'

export type World = {
  /** The latest instant of any fact: where a clock steps back, time stands still until it has caught up. */
  clock: EpochMs
  settings: Settings
  objects: Objects
  /** Declaration sources: what they last gave, and what is wrong with what they gave since. */
  sources: Map<string, SourceRecord>
  /** Update sources, by name: how the last synchronisation went. */
  feeds: Map<string, FeedRecord>
  catalog: Catalog
  /** When a synchronisation last changed the catalog; 0 for never. */
  catalogChangedAt: EpochMs
  fleet: Fleet
  compliance: Compliance
  collections: Collections
  /** Goes up whenever a device joins or leaves any collection, or the fleet. */
  membershipVersion: number
  /** Devices' tokens and enrolment keys; hashes only. */
  access: Access
  control: Control
  /** By rollout: what its devices have reported since its updates were available to them. */
  evidence: Map<string, Evidence>
}

/** By kind, then name. A map is replaced with every change and never changed itself, so that what follows from it can be kept by it. */
export type Objects = { readonly [K in Kind]: ReadonlyMap<string, Declared> }

export type SourceRecord = {
  readonly revision?: string
  readonly at: EpochMs
  /** Of a source that is under version control. */
  readonly commit?: SourceCommit
  /** What is odd about the revision. */
  readonly note?: string
  /** Why the source could not be read the last time. */
  readonly failure?: { readonly code: string; readonly message: string; readonly since: EpochMs }
  /** What the source gave after `revision`, and why it is not in force. */
  readonly rejected?: {
    readonly revision: string
    readonly problems: readonly Problem[]
    readonly total: number
    readonly since: EpochMs
    readonly commit?: SourceCommit
  }
}

export type FeedRecord = {
  /** The last synchronisation that went through. */
  readonly syncedAt?: EpochMs
  readonly triedAt: EpochMs
  readonly failure?: string
  readonly setAside: CatalogSynced['setAside']
  readonly setAsideTotal: number
  readonly notes: readonly string[]
  readonly nextRelease?: EpochMs
  /** A part of its last synchronisation is in the catalog, and the rest has not come yet. */
  readonly partial?: true
}

/** What gates count in one rollout; evidence.ts keeps it. */
export type Evidence = {
  /** Those of the group that are still wanted: not expired, declined or held everywhere. */
  effective: readonly UpdateId[]
  /** By update of the group: who has reported on it since it was available there. */
  seen: Map<UpdateId, BitPlane>
  /** Devices of any phase: all effective updates are installed or not required; one has failed; all have been reported on. */
  compliant: BitPlane
  failed: BitPlane
  reported: BitPlane
  /** By phase. */
  counts: GateCounts[]
}

/** Devices of a phase. Silent ones are in none but `targets` and `failed`. */
export type GateCounts = {
  compliant: number
  failed: number
  reported: number
  /** Still enrolled. */
  targets: number
}

export type Access = {
  /** By device row. */
  tokens: TokenHashes
  /** SHA-256 of an enrolment key → what it is good for. One-time keys go when they are used. */
  keys: Map<string, { readonly once: boolean; readonly expires?: EpochMs }>
  /** Keys that were good for once, by the instant at which they were used: nobody else gets in with one. */
  readonly spent: Map<string, EpochMs>
}
