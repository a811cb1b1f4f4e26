// What one device is offered (semantics.md §7): every update of every approved deployment that covers it, once, with what
// stands against it. Policy, explanation and simulation all ask here.
import { stateOf, updateOf } from '../catalog/catalog.ts'
import { membersOf } from '../fleet/collections.ts'
import { complianceOf } from '../fleet/compliance.ts'
import { hasBit } from '../model/bit-plane.ts'
import { byName } from '../model/by-name.ts'
import type { Declared } from '../model/declared.ts'
import type { EpochMs } from '../model/instant.ts'
import type { ComplianceState } from '../model/report.ts'
import type { Update, UpdateId } from '../model/update.ts'
import type { FreezeInput, WindowInput } from '../schedule/windows.ts'
import { type HoldRecord, isStarted, type RolloutRecord } from './control.ts'
import { deviceTimes, deviceZone, phaseIndexOf } from './targets.ts'
import type { World } from './world.ts'

/** One deployment's word on one update for one device. */
export type Approval = {
  readonly rollout: string
  readonly phase: string
  readonly available: EpochMs
  readonly deadline: EpochMs
  readonly urgent: boolean
  readonly restart: 'Allow' | 'Suppress'
  readonly outsideWindow: { readonly install: boolean; readonly restart: boolean }
  readonly useAllDeploymentsWindows: boolean
}

export type Offer = {
  readonly update: Update
  readonly status: ComplianceState
  readonly action: 'Install' | 'Uninstall'
  /** The earliest of all approvals (semantics.md §7). */
  readonly available: EpochMs
  readonly deadline: EpochMs
  /** All that approve it, in order of their names; for Uninstall, empty. */
  readonly approvals: readonly Approval[]
  /** For Uninstall: the rollbacks and holds that ask for it. */
  readonly because: readonly string[]
}

export type DeviceOffers = {
  readonly offers: readonly Offer[]
  /** Updates that were approved and are no longer: the device goes on reporting whether it needs them. */
  readonly withdrawn: readonly UpdateId[]
}

/**
 * Offers in order of the update ids. A removed device is offered nothing. With `only`, of Install just what is said of
 * these updates; who asks about few is answered faster.
 */
export function offersFor(world: World, row: number, only?: ReadonlySet<UpdateId>): DeviceOffers {
  const rollouts = only === undefined ? rolloutsByName(world) : rolloutsNaming(world, only)
  const { holds } = world.control
  if (!hasBit(world.fleet.present, row) || (rollouts.length === 0 && holds.size === 0)) return NO_OFFERS
  const approvals = new Map<UpdateId, readonly Approval[]>()
  const withdrawn = new Set<UpdateId>()
  const uninstall = new Map<UpdateId, string[]>()
  for (const rollout of rollouts) {
    const index = phaseIndexOf(rollout, row)
    if (index < 0) continue
    const approval = approvalFor(world, rollout, index, row)
    // Most updates have one approval, and all those of a rollout the same.
    const alone = approval && [approval]
    for (const id of rollout.updates) {
      if (only !== undefined && !only.has(id)) continue
      if (alone === undefined || rollout.passedWithout.includes(id) || !mayInstall(world, id, row)) withdrawn.add(id)
      else approvals.set(id, approvals.get(id)?.concat(alone) ?? alone)
    }
    for (const id of rollout.uninstall) put(uninstall, id, `rollback of ${rollout.name}`)
  }
  for (const [name, hold] of holds)
    if (hold.uninstall && covers(world, hold, row)) for (const id of hold.updates) put(uninstall, id, `hold ${name}`)
  const offers: Offer[] = []
  for (const [id, from] of approvals) {
    const update = updateOf(world.catalog, id)
    if (update !== undefined) offers.push(installOffer(world, update, row, from))
  }
  for (const [id, because] of uninstall) if (!approvals.has(id)) offers.push(...uninstallOffer(world, id, row, because))
  for (const id of approvals.keys()) withdrawn.delete(id)
  return {
    offers: offers.sort((a, b) => (a.update.id < b.update.id ? -1 : 1)),
    withdrawn: [...withdrawn].sort(),
  }
}

/** All that a device is offered, where one approval says it: updates to install. */
export type SoleOffer = { readonly approval: Approval; readonly updates: readonly Update[] }

/**
 * What `offersFor` says of these updates, less those that the device is known to have or not to need, in short: 'Nothing', or
 * what one approval offers. Undefined where it is not as simple as that.
 */
export function soleOffer(world: World, row: number, only: readonly UpdateId[]): SoleOffer | 'Nothing' | undefined {
  const { byUpdate, uninstalling } = namings.get(world.control.rollouts) ?? namingOf(world)
  if (!hasBit(world.fleet.present, row) || world.control.holds.size + uninstalling.length > 0) return undefined
  let rollout: RolloutRecord | undefined
  for (const id of only) {
    const list = byUpdate.get(id)
    if (list === undefined) continue
    if (list.length > 1 || (rollout !== undefined && list[0] !== rollout)) return undefined
    rollout = list[0]
  }
  if (rollout === undefined) return 'Nothing'
  const index = phaseIndexOf(rollout, row)
  const approval = index < 0 ? undefined : approvalFor(world, rollout, index, row)
  if (approval === undefined) return 'Nothing'
  const updates: Update[] = []
  for (const id of only) {
    if (!byUpdate.has(id) || rollout.passedWithout.includes(id) || !mayInstall(world, id, row)) continue
    const update = updateOf(world.catalog, id)
    if (update !== undefined && (complianceOf(world.compliance, id, row) & 1) === 0) updates.push(update)
  }
  return updates.length === 0 ? 'Nothing' : { approval, updates }
}

/** The holds that keep an update from a device, by name, sorted. */
export function holdsOn(world: World, id: UpdateId, row: number): string[] {
  return [...world.control.holds]
    .filter(([, hold]) => hold.updates.includes(id) && covers(world, hold, row))
    .map(([name]) => name)
    .sort()
}

/** The maintenance windows of all collections that a device is in, by name. */
export function windowsOf(world: World, row: number): WindowInput[] {
  const windows: WindowInput[] = []
  for (const { collections, input } of declaredWindows(world.objects.MaintenanceWindow))
    if (isInAny(world, collections, row)) windows.push(input)
  return windows
}

/** The freezes that cover a device, by name. One without collections covers every device. */
export function freezesOf(world: World, row: number): FreezeInput[] {
  const freezes: FreezeInput[] = []
  for (const { collections, input } of declaredFreezes(world.objects.Freeze))
    if (collections === undefined || isInAny(world, collections, row)) freezes.push(input)
  return freezes
}

const NOTHING: readonly string[] = []
const NO_OFFERS: DeviceOffers = { offers: [], withdrawn: [] }

type DeclaredObjects = World['objects']['Freeze']
type For<T, C> = { readonly collections: C; readonly input: T }

// The maps of declared objects are replaced with every change, never changed themselves.
const windowLists = new WeakMap<DeclaredObjects, For<WindowInput, readonly string[]>[]>()
const freezeLists = new WeakMap<DeclaredObjects, For<FreezeInput, readonly string[] | undefined>[]>()

function declaredWindows(objects: DeclaredObjects): For<WindowInput, readonly string[]>[] {
  const known = windowLists.get(objects)
  if (known !== undefined) return known
  const list: For<WindowInput, readonly string[]>[] = []
  for (const { kind, name, spec } of inOrder(objects))
    if (kind === 'MaintenanceWindow')
      list.push({ collections: spec.collections, input: { name, appliesTo: spec.appliesTo, times: spec } })
  windowLists.set(objects, list)
  return list
}

function declaredFreezes(objects: DeclaredObjects): For<FreezeInput, readonly string[] | undefined>[] {
  const known = freezeLists.get(objects)
  if (known !== undefined) return known
  const list: For<FreezeInput, readonly string[] | undefined>[] = []
  for (const { kind, name, spec } of inOrder(objects))
    if (kind === 'Freeze') list.push({ collections: spec.collections, input: { name, times: spec } })
  freezeLists.set(objects, list)
  return list
}

function inOrder(objects: DeclaredObjects): Declared[] {
  return [...objects.values()].sort(byName)
}

function isInAny(world: World, collections: readonly string[], row: number): boolean {
  return collections.some((name) => {
    const members = membersOf(world.fleet, world.collections, name)
    return members !== undefined && hasBit(members, row)
  })
}

function rolloutsByName(world: World): RolloutRecord[] {
  const known = sorted.get(world.control.rollouts)
  if (known !== undefined) return known
  const rollouts = [...world.control.rollouts.values()].sort(byName)
  sorted.set(world.control.rollouts, rollouts)
  return rollouts
}

type Naming = {
  /** Updates that the same rollouts name have the same list. */
  readonly byUpdate: ReadonlyMap<UpdateId, readonly RolloutRecord[]>
  readonly uninstalling: readonly RolloutRecord[]
}

const namings = new WeakMap<World['control']['rollouts'], Naming>()

/** The rollouts that say something of these updates, or uninstall, by name. */
function rolloutsNaming(world: World, only: ReadonlySet<UpdateId>): readonly RolloutRecord[] {
  const naming = namings.get(world.control.rollouts) ?? namingOf(world)
  let found = naming.uninstalling
  for (const id of only) {
    const list = naming.byUpdate.get(id)
    if (list === undefined || list === found) continue
    if (found.length > 0) return namingAny(naming, only)
    found = list
  }
  return found
}

function namingAny({ byUpdate, uninstalling }: Naming, only: ReadonlySet<UpdateId>): readonly RolloutRecord[] {
  const found = new Set(uninstalling)
  for (const id of only) for (const rollout of byUpdate.get(id) ?? NO_ROLLOUTS) found.add(rollout)
  return [...found].sort(byName)
}

function namingOf(world: World): Naming {
  const byUpdate = new Map<UpdateId, readonly RolloutRecord[]>()
  const rollouts = rolloutsByName(world)
  for (const rollout of rollouts) {
    const longer = new Map<readonly RolloutRecord[], readonly RolloutRecord[]>()
    for (const id of rollout.updates) {
      const before = byUpdate.get(id) ?? NO_ROLLOUTS
      if (before.at(-1) === rollout) continue
      const list = longer.get(before) ?? [...before, rollout]
      longer.set(before, list)
      byUpdate.set(id, list)
    }
  }
  const naming = { byUpdate, uninstalling: rollouts.filter(({ uninstall }) => uninstall.length > 0) }
  namings.set(world.control.rollouts, naming)
  return naming
}

const NO_ROLLOUTS: readonly RolloutRecord[] = []

// The map of rollouts is replaced with every change, never changed itself.
const sorted = new WeakMap<World['control']['rollouts'], RolloutRecord[]>()

// Approved, and the device is still in the collection of its phase: one that has left it is offered nothing more.
function approvalFor(world: World, rollout: RolloutRecord, index: number, row: number): Approval | undefined {
  const phase = rollout.phases[index]
  const planned = rollout.plan.phases[index]
  if (planned === undefined || phase === undefined || !isStarted(phase) || !phase.approved) return undefined
  const members = membersOf(world.fleet, world.collections, planned.collection)
  if (members === undefined || !hasBit(members, row)) return undefined
  const { available, deadline } = deviceTimes(
    rollout,
    planned,
    phase,
    world.fleet.ids[row] ?? '',
    deviceZone(world.fleet, row),
  )
  const { urgent, restart, outsideWindow, useAllDeploymentsWindows } = planned.deployment
  return {
    rollout: rollout.name,
    phase: planned.name,
    available,
    deadline,
    urgent,
    restart,
    outsideWindow,
    useAllDeploymentsWindows,
  }
}

// Declined beats all, and a hold beats every Install that it covers (semantics.md §7); expired ones drop out (§1).
function mayInstall(world: World, id: UpdateId, row: number): boolean {
  const state = stateOf(world.catalog, id)
  return (state === 'Normal' || state === 'Superseded') && !isHeld(world, id, row)
}

function isHeld(world: World, id: UpdateId, row: number): boolean {
  for (const hold of world.control.holds.values())
    if (hold.updates.includes(id) && covers(world, hold, row)) return true
  return false
}

function covers(world: World, hold: HoldRecord, row: number): boolean {
  return hold.collections === undefined || isInAny(world, hold.collections, row)
}

function installOffer(world: World, update: Update, row: number, approvals: readonly Approval[]): Offer {
  const earliest = (when: 'available' | 'deadline') =>
    approvals.reduce((least, approval) => Math.min(least, approval[when]), Infinity)
  return {
    update,
    status: complianceOf(world.compliance, update.id, row),
    action: 'Install',
    available: earliest('available'),
    deadline: earliest('deadline'),
    approvals,
    because: NOTHING,
  }
}

// An Install that stands from another deployment keeps the update; so does one that cannot be uninstalled.
function uninstallOffer(world: World, id: UpdateId, row: number, because: readonly string[]): Offer[] {
  const update = updateOf(world.catalog, id)
  const status = complianceOf(world.compliance, id, row)
  if (update === undefined || !update.uninstallable || status !== 3) return []
  return [
    { update, status, action: 'Uninstall', available: 0, deadline: 0, approvals: [], because: because.toSorted() },
  ]
}

function put<T>(map: Map<UpdateId, T[]>, id: UpdateId, value: T): void {
  const values = map.get(id)
  if (values === undefined) map.set(id, [value])
  else values.push(value)
}
