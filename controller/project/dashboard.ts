// What an administrator sees at a glance: the state in short, as plain data with bounded lists. The status page renders it.
import { countBits, countShared } from '../model/bit-plane.ts'
import { byName } from '../model/by-name.ts'
import type { Problem, SourceCommit } from '../model/declared.ts'
import { type Decision, type Fact, isDecision } from '../model/facts.ts'
import type { EpochMs } from '../model/instant.ts'
import { KIND_NAMES } from '../model/kinds.ts'
import type { Note } from '../rollout/draft.ts'
import type { FeedRecord, SourceRecord, World } from '../rollout/world.ts'
import {
  type CollectionCompliance,
  collectionFigures,
  type DeployedFigures,
  fleetCompliance,
} from './dashboard-compliance.ts'
import { type FailureGroup, failureGroups } from './dashboard-failures.ts'
import { type RolloutSummary, rolloutSummaries } from './dashboard-rollouts.ts'
import { nextOccasions, type Occasion } from './dashboard-schedule.ts'

/** The first few of something, and how many there are in all. */
export type Listed<T> = { readonly shown: readonly T[]; readonly total: number }

export type Dashboard = {
  readonly now: EpochMs
  readonly fleet: DeployedFigures & {
    readonly devices: number
    readonly stale: number
    readonly staleAfterMs: number
    readonly leftOut: number
  }
  readonly catalog: { readonly updates: number; readonly feeds: Listed<FeedSummary> }
  readonly sources: Listed<SourceSummary>
  /** Declared objects of every kind. */
  readonly objects: number
  readonly rules: Listed<RuleSummary>
  readonly rollouts: Listed<RolloutSummary> & { readonly unfinished: number; readonly stalled: number }
  readonly collections: Listed<CollectionCompliance>
  readonly occasions: Listed<Occasion>
  readonly holds: Listed<HoldSummary>
  readonly failures: Listed<FailureGroup> & { readonly devices: number }
  readonly decisions: readonly DecisionSummary[]
}

export type FeedSummary = {
  readonly name: string
  readonly syncedAt: EpochMs | undefined
  /** Why the last try failed, when it did. */
  readonly failure: string | undefined
  /** Records that were set aside. */
  readonly setAside: number
}

export type SourceSummary = {
  readonly name: string
  readonly revision: string | undefined
  readonly at: EpochMs
  readonly commit: SourceCommit | undefined
  /** Why the source could not be read the last time. */
  readonly failure: { readonly code: string; readonly message: string; readonly since: EpochMs } | undefined
  readonly rejected:
    | { readonly revision: string; readonly since: EpochMs; readonly problems: Listed<Problem> }
    | undefined
}

export type RuleSummary = Pick<Note, 'name' | 'state' | 'reason' | 'message' | 'until'>

export type HoldSummary = {
  readonly name: string
  readonly updates: number
  readonly reason: string
  readonly until: EpochMs | undefined
  readonly collections: Listed<string> | undefined
}

/** A decision without the sets of devices and updates that it carries. */
export type DecisionSummary = {
  readonly seq: number
  readonly at: EpochMs
  readonly type: Decision['type']
  /** The rollout, rule or hold that it is about; empty for the fleet or the catalog. */
  readonly subject: string
  readonly phase: string | undefined
  readonly updates: number | undefined
  readonly devices: number | undefined
  readonly reason: Decision['reason']
  readonly message: string
}

/** As they stand in the journal, the newest first. What is no decision is left out. */
export type DecisionEntries = readonly { readonly seq: number; readonly at: EpochMs; readonly fact: Fact }[]

export const LIMITS = {
  rollouts: 30,
  collections: 50,
  occasions: 20,
  failures: 12,
  decisions: 30,
  rules: 20,
  holds: 20,
  sources: 10,
  feeds: 10,
  problems: 10,
  holdCollections: 5,
} as const

/** Pure. `notes` are those of the last `decide`. Its cost grows with the fleet and the deployed updates, and is bounded in every list. */
export function dashboard(world: World, notes: readonly Note[], decisions: DecisionEntries, now: EpochMs): Dashboard {
  const { fleet, control, catalog } = world
  const deployed = fleetCompliance(world)
  const rollouts = rolloutSummaries(world, notes, now, LIMITS.rollouts)
  const usedBy = new Set(rollouts.shown.flatMap(({ phases }) => phases.map(({ collection }) => collection)))
  return {
    now,
    fleet: {
      devices: countBits(fleet.present),
      stale: countShared(fleet.stale, fleet.present),
      staleAfterMs: world.settings.staleAfterMs,
      leftOut: deployed.leftOut,
      ...deployed.figures,
    },
    catalog: { updates: catalog.ids.length, feeds: listed(entriesByName(world.feeds), LIMITS.feeds, feedSummary) },
    sources: listed(entriesByName(world.sources), LIMITS.sources, sourceSummary),
    objects: KIND_NAMES.reduce((sum, kind) => sum + world.objects[kind].size, 0),
    rules: ruleSummaries(world, notes),
    rollouts,
    collections: collectionFigures(world, deployed, usedBy, LIMITS.collections),
    occasions: nextOccasions(world.objects, now, LIMITS.occasions),
    holds: listed(entriesByName(control.holds), LIMITS.holds, ([name, hold]) => ({
      name,
      updates: hold.updates.length,
      reason: hold.reason,
      until: hold.until,
      collections: hold.collections && listed(hold.collections, LIMITS.holdCollections, (collection) => collection),
    })),
    failures: failureGroups(world, LIMITS.failures),
    decisions: decisions.slice(0, LIMITS.decisions).flatMap(({ seq, at, fact }) => {
      return isDecision(fact) ? [decisionSummary(seq, at, fact)] : []
    }),
  }
}

function listed<T, U>(all: readonly T[], limit: number, summary: (one: T) => U): Listed<U> {
  return { shown: all.slice(0, limit).map(summary), total: all.length }
}

function entriesByName<T>(map: ReadonlyMap<string, T>): [string, T][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1))
}

function feedSummary([name, feed]: [string, FeedRecord]): FeedSummary {
  return { name, syncedAt: feed.syncedAt, failure: feed.failure, setAside: feed.setAsideTotal }
}

function sourceSummary([name, source]: [string, SourceRecord]): SourceSummary {
  const { revision, at, rejected, commit, failure } = source
  return {
    name,
    revision,
    at,
    commit,
    failure,
    rejected: rejected && {
      revision: rejected.revision,
      since: rejected.since,
      problems: { shown: rejected.problems.slice(0, LIMITS.problems), total: rejected.total },
    },
  }
}

// Those that need a person first, then those that are due soonest.
function ruleSummaries(world: World, notes: readonly Note[]): Listed<RuleSummary> {
  const rules = notes
    .filter(({ kind, name }) => kind === 'AutomaticDeploymentRule' && world.objects[kind].has(name))
    .sort(
      (a, b) =>
        Number(b.state === 'Stalled') - Number(a.state === 'Stalled') ||
        (a.until ?? Number.MAX_VALUE) - (b.until ?? Number.MAX_VALUE) ||
        byName(a, b),
    )
  return listed(rules, LIMITS.rules, ({ name, state, reason, message, until }) => {
    return { name, state, reason, message, ...(until !== undefined && { until }) }
  })
}

function decisionSummary(seq: number, at: EpochMs, decision: Decision): DecisionSummary {
  return {
    seq,
    at,
    type: decision.type,
    subject: subjectOf(decision),
    phase: 'phase' in decision ? decision.phase : undefined,
    updates: 'updates' in decision ? countOf(decision.updates) : undefined,
    devices: 'devices' in decision ? decision.devices : undefined,
    reason: decision.reason,
    message: decision.message,
  }
}

function subjectOf(decision: Decision): string {
  if ('rollout' in decision) return decision.rollout
  if ('rule' in decision && decision.rule !== undefined) return decision.rule
  return 'hold' in decision ? decision.hold : ''
}

function countOf(updates: number | readonly unknown[]): number {
  return typeof updates === 'number' ? updates : updates.length
}
