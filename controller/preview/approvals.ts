// Approvals of a world as planes: for each update the devices on which it may be installed, and those from which it is to be
// removed (semantics.md §7). The same answer as `offersFor` gives device by device, for all of them at once.
import { stateOf, updateOf } from '../catalog/catalog.ts'
import { membersOf } from '../fleet/collections.ts'
import { type BitPlane, clonePlane, countBits, intersect, newPlane, subtract, unite } from '../model/bit-plane.ts'
import { byName } from '../model/by-name.ts'
import type { UpdateId } from '../model/update.ts'
import { type HoldRecord, isStarted, type RolloutRecord } from '../rollout/control.ts'
import type { State } from '../state/state.ts'
import type { PhaseApprovals } from './effect.ts'

export type Approvals = {
  readonly install: ReadonlyMap<UpdateId, BitPlane>
  readonly uninstall: ReadonlyMap<UpdateId, BitPlane>
}

export function approvalsOf(state: State): Approvals {
  const install = new Map<UpdateId, BitPlane>()
  const uninstall = new Map<UpdateId, BitPlane>()
  const holds = heldPlanes(state)
  for (const rollout of rolloutsByName(state)) {
    const targets = newPlane()
    for (const [index] of rollout.phases.entries()) unite(targets, approvedDevices(state, rollout, index))
    for (const id of installable(state, rollout)) addTo(install, id, subtract(clonePlane(targets), held(holds, id)))
    for (const id of rollout.uninstall) addTo(uninstall, id, startedDevices(state, rollout))
  }
  for (const hold of state.control.holds.values())
    if (hold.uninstall) for (const id of hold.updates) addTo(uninstall, id, coveredBy(state, hold))
  for (const [id, devices] of uninstall) {
    const planes = state.compliance.updates.get(id)
    if (planes === undefined || updateOf(state.catalog, id)?.uninstallable !== true) uninstall.delete(id)
    else subtract(intersect(intersect(devices, planes.lo), planes.hi), install.get(id) ?? newPlane())
  }
  return { install, uninstall }
}

/** Pairs of an update and a device that are in `after` and not in `before`. */
export function countNew(before: ReadonlyMap<UpdateId, BitPlane>, after: ReadonlyMap<UpdateId, BitPlane>): number {
  let total = 0
  for (const [id, devices] of after) {
    const known = before.get(id)
    total += known === undefined ? countBits(devices) : countBits(subtract(clonePlane(devices), known))
  }
  return total
}

/** What each phase approves otherwise than before; by rollout, in the order of the phases. */
export function approvalsByPhase(base: State, head: State): PhaseApprovals[] {
  const names = new Set([...base.control.rollouts.keys(), ...head.control.rollouts.keys()])
  return [...names].sort().flatMap((name) => {
    const [before, after] = [byPhase(base, name), byPhase(head, name)]
    return [...new Set([...before.keys(), ...after.keys()])].flatMap((phase) => {
      const was = before.get(phase) ?? NONE
      const is = after.get(phase) ?? NONE
      const added = countNew(was, is)
      const withdrawn = countNew(is, was)
      if (added + withdrawn === 0) return []
      return [{ rollout: name, phase, added, withdrawn, ...touched(was, is) }]
    })
  })
}

const NONE: ReadonlyMap<UpdateId, BitPlane> = new Map()

function byPhase(state: State, name: string): Map<string, Map<UpdateId, BitPlane>> {
  const rollout = state.control.rollouts.get(name)
  const found = new Map<string, Map<UpdateId, BitPlane>>()
  if (rollout === undefined) return found
  const holds = heldPlanes(state)
  const ids = installable(state, rollout)
  for (const [index, planned] of rollout.plan.phases.entries()) {
    const devices = approvedDevices(state, rollout, index)
    found.set(planned.name, new Map(ids.map((id) => [id, subtract(clonePlane(devices), held(holds, id))])))
  }
  return found
}

function touched(
  was: ReadonlyMap<UpdateId, BitPlane>,
  is: ReadonlyMap<UpdateId, BitPlane>,
): { devices: number; updates: number } {
  const devices = newPlane()
  let updates = 0
  for (const id of new Set([...was.keys(), ...is.keys()])) {
    const [a, b] = [was.get(id) ?? newPlane(), is.get(id) ?? newPlane()]
    const changed = unite(subtract(clonePlane(a), b), subtract(clonePlane(b), a))
    if (countBits(changed) > 0) updates++
    unite(devices, changed)
  }
  return { devices: countBits(devices), updates }
}

/** Devices of a phase that are offered its updates: approved, enrolled, and still in its collection. */
export function approvedDevices(state: State, rollout: RolloutRecord, index: number): BitPlane {
  const phase = rollout.phases[index]
  const planned = rollout.plan.phases[index]
  if (phase === undefined || planned === undefined || !isStarted(phase) || !phase.approved) return newPlane()
  const members = membersOf(state.fleet, state.collections, planned.collection)
  return members === undefined
    ? newPlane()
    : intersect(intersect(clonePlane(phase.targets), members), state.fleet.present)
}

function startedDevices(state: State, rollout: RolloutRecord): BitPlane {
  const devices = newPlane()
  for (const phase of rollout.phases) if (isStarted(phase)) unite(devices, phase.targets)
  return intersect(devices, state.fleet.present)
}

function installable(state: State, rollout: RolloutRecord): UpdateId[] {
  return rollout.updates.filter((id) => {
    const is = stateOf(state.catalog, id)
    return (is === 'Normal' || is === 'Superseded') && !rollout.passedWithout.includes(id)
  })
}

/** For each held update the devices that it is kept from. */
export function heldPlanes(state: State): ReadonlyMap<UpdateId, BitPlane> {
  const planes = new Map<UpdateId, BitPlane>()
  for (const hold of state.control.holds.values()) {
    const devices = coveredBy(state, hold)
    for (const id of hold.updates) addTo(planes, id, devices)
  }
  return planes
}

function held(planes: ReadonlyMap<UpdateId, BitPlane>, id: UpdateId): BitPlane {
  return planes.get(id) ?? { words: new Uint32Array() }
}

function coveredBy(state: State, hold: HoldRecord): BitPlane {
  if (hold.collections === undefined) return clonePlane(state.fleet.present)
  const devices = newPlane()
  for (const name of hold.collections) unite(devices, membersOf(state.fleet, state.collections, name) ?? newPlane())
  return intersect(devices, state.fleet.present)
}

function addTo(planes: Map<UpdateId, BitPlane>, id: UpdateId, devices: BitPlane): void {
  const known = planes.get(id)
  if (known === undefined) planes.set(id, clonePlane(devices))
  else unite(known, devices)
}

function rolloutsByName(state: State): RolloutRecord[] {
  return [...state.control.rollouts.values()].sort(byName)
}
