// What is really so on the simulated devices, whoever knows of it: which updates each one needs and has, and how its
// downloads, installations and restarts go.
import { globMatches } from '../catalog/terms.ts'
import { type BitPlane, clearBit, hasBit, newPlane, setBit, unite } from '../model/bit-plane.ts'
import { type EpochMs, MINUTE } from '../model/instant.ts'
import type { ComplianceState } from '../model/report.ts'
import type { Update, UpdateId } from '../model/update.ts'
import type { AgentOffer } from './agent-policy.ts'
import type { Attempt, Machine } from './agent-state.ts'
import { extendKey, happensOf, wholeOf } from './draws.ts'
import { chosen, matching, onFrom, type Population } from './population.ts'
import type { Roster } from './roster.ts'
import { type Failure, minutesOf, type ScenarioSpec } from './scenario.ts'

export type Truth = {
  readonly population: Population
  readonly spec: ScenarioSpec
  readonly patchedUntil: EpochMs
  /** Every update that any feed has, released or not. */
  readonly updates: ReadonlyMap<UpdateId, UpdateTruth>
  readonly download: Minutes
  readonly lasts: Minutes | undefined
  readonly restart: Minutes
  /** By device: what came to be missing on it; some of it is not any more. */
  readonly lists: UpdateTruth[][]
  readonly roster: Roster | undefined
  /** Devices that have each product entry's products. */
  readonly owners: readonly { readonly products: readonly string[]; readonly devices: BitPlane }[]
}

type Minutes = { readonly min: number; readonly max: number }

type UpdateTruth = {
  readonly update: Update
  /** Devices on which it has a place; undefined for all. */
  applicable: BitPlane | undefined
  readonly installed: BitPlane
  /** Devices on which a scan finds it missing, and those that have it in their lists. */
  readonly missing: BitPlane
  readonly listed: BitPlane
  /** Uninstalled after the start. */
  readonly removed: BitPlane
  /** Known updates that replace it. */
  readonly replacedBy: UpdateTruth[]
  readonly failures: FailureTruth[]
}

type FailureTruth = { readonly failure: Failure; readonly devices: BitPlane }

export function newTruth(
  population: Population,
  spec: ScenarioSpec,
  updates: Iterable<Update>,
  roster?: Roster,
): Truth {
  const owners = spec.products.map(({ match, products }) => ({ products, devices: matching(population.fleet, match) }))
  const failures = spec.failures.map((failure, i) => ({
    failure,
    devices: chosen(population, failure, `failure/${i}`),
  }))
  const known = new Map<UpdateId, UpdateTruth>()
  for (const update of updates)
    known.set(update.id, {
      update,
      ...(roster === undefined
        ? { applicable: applicableTo(update, owners), installed: newPlane() }
        : foundBy(roster, update)),
      missing: newPlane(),
      listed: newPlane(),
      removed: newPlane(),
      replacedBy: [],
      failures: failures.filter(({ failure }) => concerns(failure, update)),
    })
  for (const truth of known.values())
    for (const id of truth.update.supersedes) if (id !== truth.update.id) known.get(id)?.replacedBy.push(truth)
  const patchedUntil = roster === undefined ? (spec.patchedUntil ?? population.start) : -Infinity
  const lists = population.ids.map((): UpdateTruth[] => [])
  const { download, lasts, restart } = spec.install
  return {
    population,
    spec,
    patchedUntil,
    updates: known,
    lists,
    roster,
    owners,
    download: inMinutes(download),
    lasts: lasts && inMinutes(lasts),
    restart: inMinutes(restart),
  }
}

function inMinutes({ min, max }: { readonly min: string; readonly max: string }): Minutes {
  return { min: minutesOf(min), max: minutesOf(max) }
}

/** The device as its agent sees it. */
export function machineOf(truth: Truth, row: number): Machine {
  const { machine, moveTo } = movingMachine(truth)
  moveTo(row)
  return machine
}

/** One machine that stands for any device, the one that it was moved to last: a fleet needs no machine for each. */
export type MovingMachine = { readonly machine: Machine; readonly moveTo: (row: number) => void }

export function movingMachine(truth: Truth): MovingMachine {
  let row = 0
  /** With which its draws begin. */
  let own = 0
  let ownTime: number | undefined
  const { population, spec, download, lasts, restart } = truth
  const { install } = spec
  const retryAfterMs = minutesOf(install.retryAfter) * MINUTE
  const personRestarts: Minutes = { min: 1, max: Math.max(1, minutesOf(install.personRestarts)) }
  const drawn = ({ min, max }: Minutes, what: string, which: string | number) =>
    wholeOf(min, max, extendKey(extendKey(own, what), which)) * MINUTE
  const attempted = ({ min, max }: Minutes, what: string, update: UpdateId, attempt: number) =>
    wholeOf(min, max, extendKey(extendKey(extendKey(own, what), update), attempt)) * MINUTE
  const machine: Machine = {
    status: (update) => statusOf(truth, update, row),
    download: (update, attempt, now) =>
      ending(attempted(download, 'download', update, attempt), failing(truth, update, row, attempt, now, 'Download')),
    install: ({ id: update, action, maxRunTimeMinutes }, attempt, now) =>
      ending(
        ownTime ?? attempted(lasts ?? usualTime(maxRunTimeMinutes), 'install', update, attempt),
        action === 'Install' ? failing(truth, update, row, attempt, now, 'Install') : undefined,
      ),
    needsRestart: ({ restart, id: update }) =>
      restart.behaviour === 'Requires' ||
      (restart.behaviour !== 'Never' &&
        happensOf(install.mayRequireRestartPercent, extendKey(extendKey(own, 'restarts'), update))),
    restart: (now) => drawn(restart, 'restart', now),
    personRestarts: (now) => now + drawn(personRestarts, 'person', now),
    commit: (offer, now) => commit(truth, offer, row, now),
    onFrom: (now) => onFrom(population, row, now),
    retryAfterMs,
    maxAttempts: install.attempts,
  }
  const moveTo = (to: number) => {
    row = to
    own = population.drawKeys[to] ?? 0
    const minutes = truth.roster?.devices[to]?.installMinutes
    ownTime = minutes === undefined ? undefined : minutes * MINUTE
  }
  return { machine, moveTo }
}

/** A released update comes to the device's notice. Returns whether it is missing there. */
export function findNeeded(truth: Truth, id: UpdateId, row: number, now: EpochMs): boolean {
  const known = truth.updates.get(id)
  const needed = known !== undefined && isApplicable(known, row) && !isThere(truth, known, row)
  if (!needed || isReplaced(truth, known, row, now, 0)) return false
  setBit(known.missing, row)
  if (setBit(known.listed, row)) truth.lists[row]?.push(known)
  return true
}

/** What a scan of the device finds missing, in no order. */
export function missingOn({ lists }: Truth, row: number): readonly UpdateId[] {
  const list = lists[row]
  if (list === undefined || list.length === 0) return NOTHING
  const missing: UpdateId[] = []
  let kept = 0
  for (const known of list)
    if (hasBit(known.missing, row)) {
      list[kept++] = known
      missing.push(known.update.id)
    } else clearBit(known.listed, row)
  list.length = kept
  return missing
}

export function isMissingOn(truth: Truth, id: UpdateId, row: number): boolean {
  const known = truth.updates.get(id)
  return known !== undefined && hasBit(known.missing, row)
}

const NOTHING: readonly UpdateId[] = []

// What nobody has told the device of counts as not required.
function statusOf(truth: Truth, id: UpdateId, row: number): ComplianceState {
  const known = truth.updates.get(id)
  if (known === undefined) return 1
  if (hasBit(known.missing, row)) return 2
  return isApplicable(known, row) && isThere(truth, known, row) ? 3 : 1
}

function isApplicable({ applicable }: UpdateTruth, row: number): boolean {
  return applicable === undefined || hasBit(applicable, row)
}

function isThere({ patchedUntil }: Truth, { update, installed, removed }: UpdateTruth, row: number): boolean {
  return hasBit(installed, row) || (update.released < patchedUntil && !hasBit(removed, row))
}

const MAX_CHAIN = 1000

/** Whether a newer update that is there, at whatever distance, makes this one superfluous. */
function isReplaced(truth: Truth, known: UpdateTruth, row: number, now: EpochMs, depth: number): boolean {
  if (depth > MAX_CHAIN) return false
  return known.replacedBy.some(
    (newer) =>
      newer.update.released <= now &&
      isApplicable(newer, row) &&
      (isThere(truth, newer, row) || isReplaced(truth, newer, row, now, depth + 1)),
  )
}

function commit(truth: Truth, { id, action }: AgentOffer, row: number, now: EpochMs): UpdateId[] {
  const known = truth.updates.get(id)
  if (known === undefined) return []
  if (action === 'Install') {
    setBit(known.installed, row)
    if (known.update.supersedes.length === 0) {
      clearBit(known.missing, row)
      return [id]
    }
    const replaced = missingBelow(truth, known, row)
    for (const { missing } of [known, ...replaced]) clearBit(missing, row)
    return [id, ...replaced.map(({ update }) => update.id)]
  }
  clearBit(known.installed, row)
  setBit(known.removed, row)
  return [id, ...known.update.supersedes].filter((one) => findNeeded(truth, one, row, now))
}

/** What the update replaces, directly or not, and was missing. */
function missingBelow(truth: Truth, known: UpdateTruth, row: number): UpdateTruth[] {
  const found = new Set<UpdateTruth>()
  const look = [known]
  for (let one = look.pop(); one !== undefined; one = look.pop())
    for (const id of one.update.supersedes) {
      const older = truth.updates.get(id)
      if (older === undefined || found.has(older) || !hasBit(older.missing, row) || older === known) continue
      found.add(older)
      look.push(older)
    }
  return [...found]
}

/** Where the update has a place, and where it is installed already. */
function foundBy(roster: Roster, update: Update): Pick<UpdateTruth, 'applicable' | 'installed'> {
  const applicable = newPlane()
  const installed = newPlane()
  roster.devices.forEach((_, index) => {
    const found = roster.finds(index, update)
    if (found !== 'NotRequired') setBit(applicable, index)
    if (found === 'Installed') setBit(installed, index)
  })
  return { applicable, installed }
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
): Failure | undefined {
  for (const { failure, devices } of truth.updates.get(id)?.failures ?? []) {
    if (failure.during !== during || !hasBit(devices, row)) continue
    if (failure.attempts !== undefined && attempt > failure.attempts) continue
    if (now < (failure.from ?? -Infinity) || now >= (failure.until ?? Infinity)) continue
    return failure
  }
  return undefined
}

function ending(lasts: number, failure: Failure | undefined): Attempt {
  if (failure === undefined) return succeeding(lasts)
  const { code, message } = failure
  return message === undefined ? { lasts, code } : { lasts, code, message }
}

// Many take the same number of minutes.
const successes = new Map<number, Attempt>()
const MAX_SUCCESSES = 10_000

function succeeding(lasts: number): Attempt {
  const known = successes.get(lasts)
  if (known !== undefined) return known
  if (successes.size >= MAX_SUCCESSES) successes.clear()
  const attempt = { lasts }
  successes.set(lasts, attempt)
  return attempt
}

function usualTime(maxRunTimeMinutes: number): Minutes {
  const min = Math.max(1, Math.floor(maxRunTimeMinutes / 10))
  return { min, max: Math.max(min, Math.floor(maxRunTimeMinutes / 2)) }
}
