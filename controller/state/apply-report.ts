// What a device's report does to the state (semantics.md §2, §8): attributes, compliance, enforcement, evidence.
import { reevaluateDevice } from '../fleet/collections.ts'
import { setEnforcement, setStatus } from '../fleet/compliance.ts'
import { type AttributeChange, advanceSequence, setAttributes, touchDevice } from '../fleet/fleet.ts'
import type { EpochMs } from '../model/instant.ts'
import type { ComplianceState, DeviceReport } from '../model/report.ts'
import type { UpdateId } from '../model/update.ts'
import { noteReport, refreshRow } from '../rollout/evidence.ts'
import { TIME_ZONE_ATTRIBUTE } from '../rollout/targets.ts'
import type { State } from './state.ts'

/**
 * `at` is when the report arrived. What it says was so at the earlier of that and the device's own clock: a clock that is
 * ahead makes no evidence younger than it is. Returns whether anything changed that `decide` looks at.
 */
export function applyReport(state: State, at: EpochMs, row: number, report: DeviceReport): boolean {
  const wasStale = touchDevice(state.fleet, row, at)
  if (!advanceSequence(state.fleet, row, report.sequence)) {
    if (wasStale) refreshRow(state, row)
    return wasStale
  }
  const attributes = report.attributes === undefined ? [] : setAttributes(state.fleet, row, report.attributes)
  const moved = attributes.length > 0 && putAttributes(state, row, attributes)
  const madeAt = Math.min(report.at, at)
  const observed: UpdateId[] = []
  const changed: UpdateId[] = []
  putEnforcement(state, row, report, madeAt, changed)
  putCompliance(state, row, report, observed, changed)
  const anew = wasStale || attributes.some(({ key }) => key === TIME_ZONE_ATTRIBUTE)
  const counted = noteReport(state, row, { observed, changed, anew }, madeAt)
  return moved || counted || wasStale
}

function putAttributes(state: State, row: number, changed: readonly AttributeChange[]): boolean {
  if (reevaluateDevice(state.fleet, state.collections, row, changed).length === 0) return false
  state.membershipVersion++
  return true
}

// Updates that the catalog does not know change nothing; the answer to the device names them.
function putCompliance(
  state: State,
  row: number,
  { scan, messages }: DeviceReport,
  observed: UpdateId[],
  changed: UpdateId[],
): void {
  if (scan !== undefined) {
    for (const id of scan.notRequired) putStatus(state, row, id, 1, observed, changed)
    for (const id of scan.required) putStatus(state, row, id, 2, observed, changed)
    for (const id of scan.installed) putStatus(state, row, id, 3, observed, changed)
  }
  if (messages === undefined) return
  for (const said of messages) if (said.topic === 500) putStatus(state, row, said.update, said.state, observed, changed)
}

function putStatus(
  { catalog, compliance }: State,
  row: number,
  id: UpdateId,
  status: ComplianceState,
  observed: UpdateId[],
  changed: UpdateId[],
): void {
  if (!catalog.rowOf.has(id)) return
  if (setStatus(compliance, id, row, status) !== status) changed.push(id)
  observed.push(id)
}

function putEnforcement(
  state: State,
  row: number,
  { messages }: DeviceReport,
  madeAt: EpochMs,
  changed: UpdateId[],
): void {
  if (messages === undefined) return
  for (const said of messages) {
    if (said.topic !== 301 || !state.catalog.rowOf.has(said.update)) continue
    const { code = '', message = '' } = said
    setEnforcement(state.compliance, said.update, row, { state: said.state, at: madeAt, code, message })
    changed.push(said.update)
  }
}
