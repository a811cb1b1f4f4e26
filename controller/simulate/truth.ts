// What is really so on the simulated devices, whoever knows of it: which updates each one needs and has, and how its
// downloads, installations and restarts go.
import { globMatches } from '../catalog/terms.ts'
import { type BitPlane, clearBit, hasBit, newPlane, setBit, unite } from '../model/bit-plane.ts'
import { type EpochMs, MINUTE } from '../model/instant.ts'
import type { ComplianceState } from '../model/report.ts'
import type { Update, UpdateId } from '../model/update.ts'
import type { Attempt, Machine } from './agent.ts'
import type { AgentOffer } from './agent-policy.ts'
import { happens, whole } from './draws.ts'
import { chosen, matching, onFrom, type Population } from './population.ts'
import { type Failure, minutesOf, type ScenarioSpec } from './scenario.ts'

export type Truth = {
  readonly population: Population
  readonly spec: ScenarioSpec
  readonly patchedUntil: EpochMs
  /** Every update that any feed has, released or not. */
  readonly updates: ReadonlyMap<UpdateId, UpdateTruth>
  readonly failures: readonly FailureTruth[]
  /** Devices that have each product entry's products. */
  readonly owners: readonly { readonly products: readonly string[]; readonly devices: BitPlane }[]
}

type UpdateTruth = {
  readonly update: Update
  /** Devices on which it has a place; undefined for all. */
  applicable: BitPlane | undefined
  readonly installed: BitPlane
  /** Known updates that replace it. */
  readonly replacedBy: UpdateTruth[]
  readonly failures: FailureTruth[]
}

type FailureTruth = { readonly failure: Failure; readonly devices: BitPlane }

export function newTruth(population: Population, spec: ScenarioSpec, updates: Iterable<Update>): Truth {
  const owners = spec.products.map(({ match, products }) => ({ products, devices: matching(population.fleet, match) }))
  const failures = spec.failures.map((failure, i) => ({
    failure,
    devices: chosen(population, failure, `failure/${i}`),
  }))
  const known = new Map<UpdateId, UpdateTruth>()
  for (const update of updates)
    known.set(update.id, {
      update,
      applicable: applicableTo(update, owners),
      installed: newPlane(),
      replacedBy: [],
      failures: failures.filter(({ failure }) => concerns(failure, update)),
    })
  for (const truth of known.values())
    for (const id of truth.update.supersedes) if (id !== truth.update.id) known.get(id)?.replacedBy.push(truth)
  const patchedUntil = spec.patchedUntil ?? population.start
  return { population, spec, patchedUntil, updates: known, failures, owners }
}

/** The device as its agent sees it. */
export function machineOf(truth: Truth, row: number): Machine {
  const { population, spec } = truth
  const { seed } = population
  const id = population.ids[row] ?? ''
  const { install } = spec
  const drawn = ({ min, max }: { min: string; max: string }, ...key: (string | number)[]) =>
    whole(minutesOf(min), minutesOf(max), seed, id, ...key) * MINUTE
  return {
    status: (update) => statusOf(truth, update, row),
    download: (update, attempt, now) => ({
      lasts: drawn(install.download, 'download', update, attempt),
      ...failing(truth, update, row, attempt, now, 'Download'),
    }),
    install: (offer, attempt, now) => ({
      lasts:
        install.lasts === undefined
          ? usualTime(offer, seed, id, attempt)
          : drawn(install.lasts, 'install', offer.id, attempt),
      ...(offer.action === 'Install' && failing(truth, offer.id, row, attempt, now, 'Install')),
    }),
    needsRestart: ({ restart, id: update }) =>
      restart.behaviour === 'Requires' ||
      (restart.behaviour !== 'Never' && happens(install.mayRequireRestartPercent, seed, id, 'restarts', update)),
    restart: (now) => drawn(install.restart, 'restart', now),
    personRestarts: (now) =>
      now + whole(1, Math.max(1, minutesOf(install.personRestarts)), seed, id, 'person', now) * MINUTE,
    commit: (offer) => commit(truth, offer, row),
    onFrom: (now) => onFrom(population, row, now),
    retryAfterMs: minutesOf(install.retryAfter) * MINUTE,
    maxAttempts: install.attempts,
  }
}

/** What a scan of the device finds. Only a newer update that is there makes an older one superfluous. */
export function statusOf(truth: Truth, id: UpdateId, row: number): ComplianceState {
  const known = truth.updates.get(id)
  if (known === undefined) return 1
  if (known.applicable !== undefined && !hasBit(known.applicable, row)) return 1
  if (hasBit(known.installed, row) || known.update.released < truth.patchedUntil) return 3
  return isReplaced(truth, known, row, 0) ? 1 : 2
}

const MAX_CHAIN = 1000

function isReplaced(truth: Truth, known: UpdateTruth, row: number, depth: number): boolean {
  if (depth > MAX_CHAIN) return false
  return known.replacedBy.some(
    (newer) =>
      (newer.applicable === undefined || hasBit(newer.applicable, row)) &&
      (hasBit(newer.installed, row) ||
        newer.update.released < truth.patchedUntil ||
        isReplaced(truth, newer, row, depth + 1)),
  )
}

function commit(truth: Truth, offer: AgentOffer, row: number): UpdateId[] {
  const known = truth.updates.get(offer.id)
  if (known === undefined) return []
  if (offer.action === 'Install') setBit(known.installed, row)
  else clearBit(known.installed, row)
  const older = known.update.supersedes.filter((id) => id !== offer.id && truth.updates.has(id))
  return [offer.id, ...older]
}

function applicableTo(update: Update, owners: Truth['owners']): BitPlane | undefined {
  if (owners.length === 0) return undefined
  const devices = newPlane()
  const products = update.products.map((product) => product.toLowerCase())
  for (const owner of owners)
    if (owner.products.some((glob) => products.some((product) => globMatches(glob.toLowerCase(), product))))
      unite(devices, owner.devices)
  return devices
}

function concerns({ updates, articleIds }: Failure, update: Update): boolean {
  if (updates?.some((glob) => globMatches(glob, update.id))) return true
  const bare = (article: string) => article.toLowerCase().replace(/^kb/, '')
  return (
    articleIds?.some((glob) => update.articleIds.some((article) => globMatches(bare(glob), bare(article)))) ?? false
  )
}

function failing(
  truth: Truth,
  id: UpdateId,
  row: number,
  attempt: number,
  now: EpochMs,
  during: Failure['during'],
): Partial<Attempt> {
  for (const { failure, devices } of truth.updates.get(id)?.failures ?? []) {
    if (failure.during !== during || !hasBit(devices, row)) continue
    if (failure.attempts !== undefined && attempt > failure.attempts) continue
    if (now < (failure.from ?? -Infinity) || now >= (failure.until ?? Infinity)) continue
    return { code: failure.code, ...(failure.message !== undefined && { message: failure.message }) }
  }
  return {}
}

function usualTime(offer: AgentOffer, seed: number, id: string, attempt: number): number {
  const { maxRunTimeMinutes } = offer
  const least = Math.max(1, Math.floor(maxRunTimeMinutes / 10))
  return (
    whole(least, Math.max(least, Math.floor(maxRunTimeMinutes / 2)), seed, id, 'install', offer.id, attempt) * MINUTE
  )
}
