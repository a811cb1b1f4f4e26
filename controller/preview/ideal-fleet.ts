// Devices as a preview takes them to be: each goes on reporting, and installs what it needs at the first start that its
// deadline, windows and freezes allow; nothing fails. What many devices say at the same time is put into the state at once,
// plane by plane: a hundred thousand of them cost as much as their time zones and windows.
import { updateOf } from '../catalog/catalog.ts'
import { setInstalled } from '../fleet/compliance.ts'
import { type BitPlane, clonePlane, intersect, isEmptyPlane, newPlane, subtract, unite } from '../model/bit-plane.ts'
import { type EpochMs, HOUR, MINUTE } from '../model/instant.ts'
import type { ResolvedPhase } from '../model/resolved-plan.ts'
import type { UpdateId } from '../model/update.ts'
import { isStarted, isUnfinished, type RolloutRecord, type StartedPhase } from '../rollout/control.ts'
import { recountEvidence } from '../rollout/evidence.ts'
import { deviceTimes, gradualGroups, lengthOf } from '../rollout/targets.ts'
import type { State } from '../state/state.ts'
import { approvedDevices, heldPlanes } from './approvals.ts'
import { firstStart, type Place, placesAmong, placesOf } from './places.ts'

/** Something that many devices report at an instant. */
export type Report = {
  readonly at: EpochMs
  readonly rollout: string
  readonly rows: BitPlane
  /** Installed by then where they were missing; none: the devices say how they stand. */
  readonly installed: readonly UpdateId[]
}

/** A device tells of what it did, or of what it does not need, within so long. */
const REPORTS_WITHIN = HOUR

/** What the devices of a phase will report, as things stand at `now`. In order of time. */
export function reportsOf(state: State, rollout: RolloutRecord, index: number, now: EpochMs): Report[] {
  const phase = rollout.phases[index]
  const planned = rollout.plan.phases[index]
  if (phase === undefined || planned === undefined || !isStarted(phase)) return []
  const listening = subtract(approvedDevices(state, rollout, index), state.fleet.stale)
  const reports: Report[] = []
  for (const place of placesAmong(placesOf(state), listening))
    for (const group of gradualGroups(state.fleet, planned, place.rows))
      reports.push(...groupReports(state, rollout, planned, phase, { ...place, rows: group.rows }, group.wait, now))
  return reports.sort((a, b) => a.at - b.at)
}

function groupReports(
  state: State,
  rollout: RolloutRecord,
  planned: ResolvedPhase,
  phase: StartedPhase,
  place: Place,
  wait: number,
  now: EpochMs,
): Report[] {
  const { gradualOver: _, ...rest } = planned
  const plain: ResolvedPhase = { ...rest, deployment: { ...planned.deployment, spread: 'PT0S' } }
  const times = deviceTimes(rollout, plain, phase, '', place.zone)
  const available = Math.max(times.available + wait, now)
  // The last of those over which the deadline is spread.
  const due = Math.max(times.deadline + wait + lengthOf(planned.deployment.spread), available)
  const common = { rollout: rollout.name, rows: place.rows }
  const reports: Report[] = [{ ...common, at: onTheHour(available + REPORTS_WITHIN), installed: [] }]
  for (const [minutes, installed] of byRunTime(state, rollout.updates)) {
    const start = firstStart(place, planned.deployment, due, minutes)
    if (start === undefined) continue
    reports.push({ ...common, at: onTheHour(start + minutes * MINUTE + REPORTS_WITHIN), installed })
  }
  return reports
}

// Few instants, so that little is decided more often than it must be.
function onTheHour(at: EpochMs): EpochMs {
  return Math.ceil(at / HOUR) * HOUR
}

function byRunTime(state: State, ids: readonly UpdateId[]): Map<number, UpdateId[]> {
  const groups = new Map<number, UpdateId[]>()
  for (const id of ids) {
    const minutes = updateOf(state.catalog, id)?.maxRunTimeMinutes
    if (minutes !== undefined) groups.set(minutes, [...(groups.get(minutes) ?? []), id])
  }
  return groups
}

/** Puts a report into the state: what was missing or unknown is installed, and counts as seen since it was available. */
export function applyReport(state: State, { rollout, rows, installed }: Report): void {
  const record = state.control.rollouts.get(rollout)
  if (record === undefined || !isUnfinished(record)) return
  const approved = newPlane()
  for (const [index] of record.phases.entries()) unite(approved, approvedDevices(state, record, index))
  const devices = intersect(clonePlane(rows), approved)
  if (isEmptyPlane(devices)) return
  const holds = heldPlanes(state)
  for (const id of installed) {
    const kept = holds.get(id)
    setInstalled(state.compliance, id, kept === undefined ? devices : subtract(clonePlane(devices), kept))
  }
  const evidence = state.evidence.get(rollout)
  for (const seen of evidence?.seen.values() ?? []) unite(seen, devices)
  // Other rollouts may have brought the same update to these devices.
  for (const [name, { seen }] of state.evidence)
    if (name === rollout || installed.some((id) => seen.has(id))) recountEvidence(state, name)
  state.version++
}
