// How far the fleet and its collections are with what is deployed to them (semantics.md §8), counted by planes.
import { membersOf } from '../fleet/collections.ts'
import { eachStanding } from '../fleet/standing.ts'
import { type BitPlane, countBits, countShared, intersect, isEmptyPlane, newPlane, unite } from '../model/bit-plane.ts'
import { byName } from '../model/by-name.ts'
import { ALL_DEVICES } from '../model/membership.ts'
import { longer } from '../model/typed-arrays.ts'
import type { UpdateId } from '../model/update.ts'
import { isStarted, type RolloutRecord } from '../rollout/control.ts'
import { effectiveUpdates } from '../rollout/evidence.ts'
import type { World } from '../rollout/world.ts'

/**
 * Devices for which updates are approved, each counted once: failed when an update failed, else required when one is
 * missing, else unknown when one has not been reported on or the device has fallen silent, else compliant.
 */
export type DeployedFigures = {
  readonly covered: number
  readonly compliant: number
  readonly required: number
  readonly failed: number
  readonly unknown: number
}

export type CollectionCompliance = DeployedFigures & {
  readonly name: string
  readonly members: number
  readonly broken: boolean
}

export type Deployed = {
  readonly figures: DeployedFigures
  /** Updates of older rollouts that were not looked at, to bound the work. */
  readonly leftOut: number
  readonly covered: BitPlane
  readonly failed: BitPlane
  readonly required: BitPlane
  readonly unknown: BitPlane
}

/** Words of planes looked at, those of the newest rollouts first: 250 updates on a million devices, all there are on most fleets. */
const MAX_WORDS = 8_000_000

export function fleetCompliance(world: World): Deployed {
  const planes = { covered: newPlane(), failed: newPlane(), required: newPlane(), unknown: newPlane() }
  let left = Math.floor(MAX_WORDS / Math.max(1, world.fleet.present.words.length))
  let leftOut = 0
  for (const rollout of newestFirst(world)) {
    const targets = approvedTargets(world, rollout)
    const wanted = targets === undefined || left === 0 ? [] : effectiveUpdates(world, rollout)
    const updates = wanted.slice(0, left)
    leftOut += left === 0 ? rollout.updates.length : wanted.length - updates.length
    if (targets === undefined || updates.length === 0) continue
    left -= updates.length
    unite(planes.covered, targets)
    addStanding(planes, world, targets, updates)
  }
  const { covered, failed, required, unknown } = planes
  for (let i = 0; i < covered.words.length; i++) {
    const silent = (covered.words[i] ?? 0) & (world.fleet.stale.words[i] ?? 0)
    failed.words[i] = (failed.words[i] ?? 0) & ~silent
    required.words[i] = (required.words[i] ?? 0) & ~silent & ~(failed.words[i] ?? 0)
    unknown.words[i] = ((unknown.words[i] ?? 0) & ~(failed.words[i] ?? 0) & ~(required.words[i] ?? 0)) | silent
  }
  return { ...planes, figures: figuresWithin(planes, undefined), leftOut }
}

/** Collections that the shown rollouts use come first, then by name. */
export function collectionFigures(
  world: World,
  deployed: Deployed,
  used: ReadonlySet<string>,
  limit: number,
): { shown: CollectionCompliance[]; total: number } {
  const names = [...world.collections.members.keys()].filter((name) => name !== ALL_DEVICES)
  const rank = (name: string) => (used.has(name) ? 0 : 1)
  names.sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
  const broken = new Set(world.collections.broken)
  const shown = names.slice(0, limit).map((name): CollectionCompliance => {
    const members = membersOf(world.fleet, world.collections, name) ?? newPlane()
    return { name, members: countBits(members), broken: broken.has(name), ...figuresWithin(deployed, members) }
  })
  return { shown, total: names.length }
}

function newestFirst(world: World): RolloutRecord[] {
  return [...world.control.rollouts.values()]
    .filter(({ phases }) => phases.some((phase) => isStarted(phase) && phase.approved))
    .sort((a, b) => b.plannedAt - a.plannedAt || byName(a, b))
}

function approvedTargets({ fleet }: World, { phases }: RolloutRecord): BitPlane | undefined {
  const targets = newPlane()
  for (const phase of phases) if (isStarted(phase) && phase.approved) unite(targets, phase.targets)
  intersect(targets, fleet.present)
  return isEmptyPlane(targets) ? undefined : targets
}

type Planes = Omit<Deployed, 'figures' | 'leftOut'>

function addStanding(
  { covered, failed, required, unknown }: Planes,
  { compliance }: World,
  targets: BitPlane,
  updates: readonly UpdateId[],
): void {
  for (const plane of [failed, required, unknown])
    if (plane.words.length < covered.words.length)
      plane.words = longer(plane.words, new Uint32Array(covered.words.length))
  eachStanding(compliance, updates, undefined, targets.words.length, (from, length, standing) => {
    for (let i = 0; i < length; i++) {
      const at = from + i
      const here = targets.words[at] ?? 0
      if (here === 0) continue
      failed.words[at] = (failed.words[at] ?? 0) | (here & (standing.failing[i] ?? 0))
      required.words[at] = (required.words[at] ?? 0) | (here & (standing.missing[i] ?? 0))
      unknown.words[at] = (unknown.words[at] ?? 0) | (here & (standing.unknown[i] ?? 0))
    }
  })
}

function figuresWithin(planes: Planes, members: BitPlane | undefined): DeployedFigures {
  const count = (plane: BitPlane) => (members === undefined ? countBits(plane) : countShared(plane, members))
  const [covered, failed, required, unknown] = [planes.covered, planes.failed, planes.required, planes.unknown].map(
    count,
  )
  const figures = { covered: covered ?? 0, failed: failed ?? 0, required: required ?? 0, unknown: unknown ?? 0 }
  return { ...figures, compliant: figures.covered - figures.failed - figures.required - figures.unknown }
}
