// Devices, updates and a rollout made up for the benchmarks: the same for the same numbers.
import type { Declared } from '../../controller/model/declared.ts'
import type { Fact, Input } from '../../controller/model/facts.ts'
import { stableHash } from '../../controller/model/hash.ts'
import type { EpochMs } from '../../controller/model/instant.ts'
import type { ComplianceState, DeviceReport } from '../../controller/model/report.ts'
import type { UpdateId } from '../../controller/model/update.ts'
import { apply } from '../../controller/state/apply.ts'
import { decide } from '../../controller/state/decide.ts'
import { type Ahead, readAhead } from '../../controller/state/read-ahead.ts'
import type { State } from '../../controller/state/state.ts'
import { declare, declared, enrolled, id, synced, update } from '../support/declare.ts'

const SITES = 200

export function deviceName(i: number): string {
  return `device-${String(i).padStart(7, '0')}.example.com`
}

/** Six attributes, with some 300 different values in all. */
export function deviceAttributes(i: number): Record<string, string> {
  const hash = stableHash(`device-${i}`)
  return {
    os: hash % 3 === 0 ? 'server' : 'client',
    build: `10.0.${26100 + ((hash >>> 3) % 40)}.${(hash >>> 5) % 20}`,
    site: `site-${(hash >>> 7) % SITES}`,
    ring: String((hash >>> 9) % 100),
    model: `model-${(hash >>> 11) % 50}`,
    ram: String(2 ** (1 + ((hash >>> 13) % 8))),
  }
}

export function deviceEnrolled(i: number): Input {
  return enrolled(deviceName(i), deviceAttributes(i))
}

/** `update-000` and so on. */
export function updateIds(count: number): UpdateId[] {
  return Array.from({ length: count }, (_, i) => id(`update-${String(i).padStart(3, '0')}`))
}

/** The catalog of these updates. */
export function catalogOf(ids: readonly UpdateId[]): Input {
  return synced(
    ...ids.map((name, i) =>
      update(name, { title: `Cumulative Update ${i} for Product (KB50${i})`, restart: 'Requires' }),
    ),
  )
}

/** A group of these updates and its rollout over every device in one phase, which goes on until all are compliant. */
export function rolloutOf(ids: readonly UpdateId[]): Input {
  return declare(
    declared('SoftwareUpdateGroup', 'group', { updates: [...ids] }),
    declared('Rollout', 'rollout', {
      group: 'group',
      phases: [{ name: 'broad', collection: 'all', successPercent: 100, failurePercent: 0 }],
    }),
  )
}

/** One collection in five ways, as many as wanted. */
export function collections(count: number): Declared[] {
  return Array.from({ length: count }, (_, i) => {
    const query = [
      { matchLabels: { os: i % 2 === 0 ? 'server' : 'client' } },
      { matchLabels: { site: `site-${i % SITES}` } },
      { matchExpressions: [{ key: 'build', operator: 'VersionGte' as const, value: `10.0.${26100 + (i % 40)}` }] },
      { matchExpressions: [{ key: 'ring', operator: 'Lt' as const, value: i % 100 }] },
      { matchExpressions: [{ key: 'ram', operator: 'Gt' as const, value: 8 }] },
    ][i % 5]
    return declared('Collection', `collection-${i}`, {
      queries: query === undefined ? [] : [query],
      ...(i >= 5 && i % 3 === 0 && { limitedTo: `collection-${i - 5}` }),
      ...(i >= 5 && i % 7 === 0 && { exclude: [`collection-${i - 4}`] }),
    })
  })
}

/** Two nightly windows, so that a policy has something to say of them. */
export function windows(): Declared[] {
  return ['all', 'collection-0'].map((collection, i) =>
    declared('MaintenanceWindow', `window-${i}`, {
      collections: [collection],
      schedule: { rrule: 'FREQ=DAILY', at: `0${1 + i}:00`, timeZone: 'Europe/Berlin' },
      duration: 'PT4H',
    }),
  )
}

/** `count` messages about the updates from number `from` on, of which every third is installed. */
export function reportOf(
  ids: readonly UpdateId[],
  from: number,
  count: number,
  sequence: number,
  at: EpochMs,
): DeviceReport {
  const messages = Array.from({ length: count }, (_, k) => {
    const state: ComplianceState = (from + k + sequence) % 3 === 0 ? 3 : 2
    return { topic: 500 as const, update: ids[(from + k) % ids.length] ?? id('update-000'), state }
  })
  return { sequence, at, messages }
}

/** Folds facts as the controller does those of one turn. */
export function foldAll(state: State, at: EpochMs, facts: readonly Fact[]): void {
  const ahead: Ahead = { rows: [] }
  for (const [i, fact] of facts.entries()) apply(state, at, fact, readAhead(state, facts, i, ahead))
}

/** Folds facts and what is decided upon them. */
export function foldAndDecide(state: State, at: EpochMs, facts: Iterable<Fact>): void {
  for (const fact of facts) apply(state, at, fact)
  for (const decision of decide(state, Temporal.Instant.fromEpochMilliseconds(at)).decisions) apply(state, at, decision)
}
