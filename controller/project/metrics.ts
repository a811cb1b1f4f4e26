// What a Prometheus server asks for (docs/guides/metrics.md): gauges read from the state when they are asked for, and counts and
// durations of what this process did. The one importer of prom-client.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { stateOf } from '../catalog/catalog.ts'
import { countBits } from '../model/bit-plane.ts'
import type { Decision } from '../model/facts.ts'
import type { EpochMs } from '../model/instant.ts'
import { UpdateState } from '../model/update.ts'
import { isStarted, isUnfinished, type RolloutStatus } from '../rollout/control.ts'
import { effectiveUpdates, gateFigures } from '../rollout/evidence.ts'
import type { World } from '../rollout/world.ts'
import { AnswerTimes } from './answer-times.ts'
import { type KubernetesFigures, type KubernetesMetrics, newKubernetesMetrics } from './kubernetes-metrics.ts'

/** What the gauges read. */
export type Observed = {
  readonly state: World
  readonly journal: { readonly lastSeq: number; readonly compactedThrough: number }
  readonly clock: { readonly nowMs: () => EpochMs }
  /** Its part among several replicas: the term in which it leads, and how many facts it has still to fold. */
  readonly replica?: { readonly term: number | undefined; readonly lag: number }
  /** By declaration source: what this process did to read it. */
  readonly polls?: ReadonlyMap<string, Polls>
}

export type Polls = {
  readonly lastPoll?: EpochMs | undefined
  readonly lastSuccess?: EpochMs | undefined
  readonly polls: number
  readonly failures: number
}

export type Metrics = {
  readonly contentType: string
  /** The text of GET /metrics. */
  readonly render: () => Promise<string>
  readonly answered: (method: string, route: string, status: number, seconds: number) => void
  readonly decided: (decisions: readonly Decision[]) => void
  readonly turned: (turn: { readonly facts: number; readonly foldMs: number; readonly decideMs: number }) => void
  /** Adds those of a controller on a Kubernetes cluster; once. */
  readonly onKubernetes: (figures: () => KubernetesFigures) => KubernetesMetrics
}

/** `observed` is asked at each rendering; before there is anything to observe, gauges are left out. */
export function newMetrics(observed: () => Observed | undefined): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const gauges = newGauges(registry)
  const registers = [registry]
  const decisions = new Counter({
    name: 'ringmaster_decisions_total',
    help: 'Decisions made by this process, by type.',
    labelNames: ['type'],
    registers,
  })
  const facts = new Counter({
    name: 'ringmaster_facts_folded_total',
    help: 'Facts made durable and folded by this process.',
    registers,
  })
  const http = new AnswerTimes()
  const turns = { buckets: [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5], registers }
  const fold = new Histogram({
    name: 'ringmaster_fold_duration_seconds',
    help: 'How long folding the facts of one turn took.',
    ...turns,
  })
  const decide = new Histogram({
    name: 'ringmaster_decide_duration_seconds',
    help: 'How long deciding took at the end of one turn, its own facts being made durable included.',
    ...turns,
  })
  return {
    contentType: registry.contentType,
    render: async () => {
      const now = observed()
      if (now !== undefined) readGauges(gauges, now)
      return `${await registry.metrics()}\n${http.text()}`
    },
    answered: (method, route, status, seconds) => http.count(method, route, status, seconds),
    decided: (made) => {
      for (const { type } of made) decisions.inc({ type })
    },
    turned: (turn) => {
      if (turn.facts > 0) {
        facts.inc(turn.facts)
        fold.observe(turn.foldMs / 1000)
      }
      decide.observe(turn.decideMs / 1000)
    },
    onKubernetes: (figures) => newKubernetesMetrics(registry, figures),
  }
}

type Gauges = { readonly [K in keyof typeof GAUGES]: Gauge<string> }

/** Name without prefix → help and labels. */
const GAUGES = {
  devices: ['Devices enrolled.', []],
  devices_stale: ['Enrolled devices that have been silent for longer than staleAfter; these count as unknown.', []],
  catalog_updates: ['Updates in the catalog, by state.', ['state']],
  rollouts: ['Rollouts, by status.', ['status']],
  rollouts_paused: ['Unfinished rollouts that are paused.', []],
  phase_targets: ['Devices of a started phase of an unfinished rollout.', ['rollout', 'phase']],
  phase_devices: [
    'The same by what its gate counts them as: compliant, failed, unknown.',
    ['rollout', 'phase', 'result'],
  ],
  approved_updates: ['Updates approved for the devices of a phase.', ['rollout', 'phase']],
  holds: ['Update holds in force.', []],
  rule_evaluation_failed: ['1 when the last evaluation of the rule failed, else 0.', ['rule']],
  source_info: ['The revision of each declaration source that is in force; always 1.', ['source', 'revision']],
  source_rejected_problems: ['Problems of the newest edit of a source, which is not in force; else 0.', ['source']],
  source_failing: ['1 when the last try to read a declaration source failed, else 0.', ['source']],
  source_commit_info: [
    'The commit of a Git source that is in force, its author, and whether its signature was verified; always 1.',
    ['source', 'commit', 'author', 'signature', 'signed_by'],
  ],
  source_polls: ['How often this process has asked the remote of a Git source.', ['source']],
  source_poll_failures: ['How many of these failed.', ['source']],
  source_last_success_timestamp_seconds: ['When the remote of a Git source last answered, Unix time.', ['source']],
  source_revision_timestamp_seconds: ['When the revision that is in force came into force, Unix time.', ['source']],
  feed_age_seconds: ['Time since the last synchronisation of an update source that went through.', ['source']],
  feed_failing: ['1 when the last synchronisation of an update source failed, else 0.', ['source']],
  feed_set_aside: ['Bad records that the last synchronisation set aside.', ['source']],
  journal_seq: ['Number of the newest durable fact.', []],
  journal_compacted_seq: ['Facts up to this number have been compacted.', []],
  leader: ['1 when this replica decides (as the only one always does), else 0.', []],
  leader_term: ['The term in which this replica leads, where there are several; else it is left out or 0.', []],
  replica_lag_facts: ['Facts of the shared journal that this replica has still to fold.', []],
} as const satisfies Record<string, readonly [string, readonly string[]]>

function newGauges(registry: Registry): Gauges {
  const gauge = (name: keyof typeof GAUGES) => {
    const [help, labelNames] = GAUGES[name]
    return new Gauge<string>({ name: `ringmaster_${name}`, help, labelNames, registers: [registry] })
  }
  return {
    devices: gauge('devices'),
    devices_stale: gauge('devices_stale'),
    catalog_updates: gauge('catalog_updates'),
    rollouts: gauge('rollouts'),
    rollouts_paused: gauge('rollouts_paused'),
    phase_targets: gauge('phase_targets'),
    phase_devices: gauge('phase_devices'),
    approved_updates: gauge('approved_updates'),
    holds: gauge('holds'),
    rule_evaluation_failed: gauge('rule_evaluation_failed'),
    source_info: gauge('source_info'),
    source_rejected_problems: gauge('source_rejected_problems'),
    source_failing: gauge('source_failing'),
    source_commit_info: gauge('source_commit_info'),
    source_polls: gauge('source_polls'),
    source_poll_failures: gauge('source_poll_failures'),
    source_last_success_timestamp_seconds: gauge('source_last_success_timestamp_seconds'),
    source_revision_timestamp_seconds: gauge('source_revision_timestamp_seconds'),
    feed_age_seconds: gauge('feed_age_seconds'),
    feed_failing: gauge('feed_failing'),
    feed_set_aside: gauge('feed_set_aside'),
    journal_seq: gauge('journal_seq'),
    journal_compacted_seq: gauge('journal_compacted_seq'),
    leader: gauge('leader'),
    leader_term: gauge('leader_term'),
    replica_lag_facts: gauge('replica_lag_facts'),
  }
}

function readGauges(gauges: Gauges, { state, journal, clock, polls, replica }: Observed): void {
  for (const gauge of Object.values(gauges)) gauge.reset()
  gauges.devices.set(countBits(state.fleet.present))
  gauges.devices_stale.set(countBits(state.fleet.stale))
  for (const name of UpdateState.options) gauges.catalog_updates.set({ state: name }, 0)
  for (const id of state.catalog.ids) gauges.catalog_updates.inc({ state: stateOf(state.catalog, id) ?? 'Normal' })
  readRollouts(gauges, state)
  gauges.holds.set(state.control.holds.size)
  for (const [rule, { outcome }] of state.control.rules)
    gauges.rule_evaluation_failed.set({ rule }, outcome?.failed ? 1 : 0)
  readSources(gauges, state, polls)
  readFeeds(gauges, state, clock.nowMs())
  gauges.journal_seq.set(journal.lastSeq)
  gauges.journal_compacted_seq.set(journal.compactedThrough)
  gauges.leader.set(replica === undefined || replica.term !== undefined ? 1 : 0)
  if (replica?.term !== undefined) gauges.leader_term.set(replica.term)
  gauges.replica_lag_facts.set(replica?.lag ?? 0)
}

function readSources(gauges: Gauges, state: World, polls: Observed['polls'] = new Map()): void {
  for (const [source, { revision, at, rejected, commit, failure }] of state.sources) {
    gauges.source_rejected_problems.set({ source }, rejected?.total ?? 0)
    gauges.source_failing.set({ source }, failure === undefined ? 0 : 1)
    if (revision === undefined) continue
    gauges.source_info.set({ source, revision }, 1)
    gauges.source_revision_timestamp_seconds.set({ source }, at / 1000)
    if (commit === undefined) continue
    const { commit: hash, author, signature, signedBy = '' } = commit
    gauges.source_commit_info.set({ source, commit: hash, author, signature, signed_by: signedBy }, 1)
  }
  for (const [source, { lastSuccess, polls: count, failures }] of polls) {
    gauges.source_polls.set({ source }, count)
    gauges.source_poll_failures.set({ source }, failures)
    if (lastSuccess !== undefined) gauges.source_last_success_timestamp_seconds.set({ source }, lastSuccess / 1000)
  }
}

const STATUSES = {
  Planned: true,
  Progressing: true,
  Halted: true,
  RolledBack: true,
  Superseded: true,
  Succeeded: true,
} as const satisfies Record<RolloutStatus, true>

// Phases of finished rollouts are left out, or their number would grow for ever.
function readRollouts(gauges: Gauges, state: World): void {
  for (const status of Object.keys(STATUSES)) gauges.rollouts.set({ status }, 0)
  let paused = 0
  for (const rollout of state.control.rollouts.values()) {
    gauges.rollouts.inc({ status: rollout.status })
    if (!isUnfinished(rollout)) continue
    if (rollout.paused) paused++
    rollout.phases.forEach((phase, i) => {
      if (!isStarted(phase)) return
      const labels = { rollout: rollout.name, phase: rollout.plan.phases[i]?.name ?? String(i) }
      const { targets, compliant, failed, unknown } = gateFigures(state, rollout, i)
      gauges.phase_targets.set(labels, targets)
      gauges.phase_devices.set({ ...labels, result: 'compliant' }, compliant)
      gauges.phase_devices.set({ ...labels, result: 'failed' }, failed)
      gauges.phase_devices.set({ ...labels, result: 'unknown' }, unknown)
      gauges.approved_updates.set(labels, phase.approved ? effectiveUpdates(state, rollout).length : 0)
    })
  }
  gauges.rollouts_paused.set(paused)
}

function readFeeds(gauges: Gauges, state: World, now: EpochMs): void {
  for (const [source, feed] of state.feeds) {
    if (feed.syncedAt !== undefined) gauges.feed_age_seconds.set({ source }, Math.max(0, (now - feed.syncedAt) / 1000))
    gauges.feed_failing.set({ source }, feed.failure === undefined ? 0 : 1)
    gauges.feed_set_aside.set({ source }, feed.setAsideTotal)
  }
}
