// A slow, independent reading of what devices said, to hold the counters of gates against: it keeps every report and looks
// through all of them each time it is asked.
import { stateOf } from '../../controller/catalog/catalog.ts'
import { hasBit } from '../../controller/model/bit-plane.ts'
import type { Fact, GateFigures } from '../../controller/model/facts.ts'
import type { EpochMs } from '../../controller/model/instant.ts'
import type { UpdateId } from '../../controller/model/update.ts'
import { isStarted, type RolloutRecord } from '../../controller/rollout/control.ts'
import { evidenceFrom } from '../../controller/rollout/targets.ts'
import type { State } from '../../controller/state/state.ts'

type Heard = {
  readonly madeAt: EpochMs
  /** The phases that the device was in when this was heard. */
  readonly phases: ReadonlySet<string>
  readonly states: ReadonlyMap<UpdateId, number>
  readonly enforcement: ReadonlyMap<UpdateId, number>
}

/** By device: what it has said since it enrolled, oldest first, and its last number. */
export type Witness = Map<string, { sequence: number; readonly heard: Heard[] }>

/** Call before the fact is applied; `at` is never earlier than for the fact before. */
export function witness(seen: Witness, state: State, at: EpochMs, fact: Fact): void {
  if (fact.type === 'DeviceEnrolled') seen.set(fact.device, { sequence: 0, heard: [] })
  if (fact.type === 'DeviceRemoved') seen.delete(fact.device)
  if (fact.type !== 'DeviceReported') return
  const device = seen.get(fact.device)
  const { report } = fact
  if (device === undefined || report.sequence <= device.sequence) return
  device.sequence = report.sequence
  const known = (id: UpdateId) => state.catalog.rowOf.has(id)
  const states = new Map<UpdateId, number>()
  for (const id of report.scan?.notRequired ?? []) if (known(id)) states.set(id, 1)
  for (const id of report.scan?.required ?? []) if (known(id)) states.set(id, 2)
  for (const id of report.scan?.installed ?? []) if (known(id)) states.set(id, 3)
  const enforcement = new Map<UpdateId, number>()
  for (const said of report.messages ?? []) {
    if (!known(said.update)) continue
    if (said.topic === 301) enforcement.set(said.update, said.state)
    else states.set(said.update, said.state)
  }
  device.heard.push({ madeAt: Math.min(report.at, at), phases: phasesOf(state, fact.device), states, enforcement })
}

function phasesOf({ control, fleet }: State, device: string): Set<string> {
  const row = fleet.rowOf.get(device) ?? -1
  const keys = [...control.rollouts.values()].flatMap((rollout) =>
    rollout.phases.map((phase, i) => (isStarted(phase) && hasBit(phase.targets, row) ? `${rollout.name}/${i}` : '')),
  )
  return new Set(keys)
}

/** The gate's figures by what was heard. */
export function witnessedFigures(seen: Witness, state: State, rollout: RolloutRecord, index: number): GateFigures {
  const figures = { targets: 0, compliant: 0, failed: 0, unknown: 0 }
  const phase = rollout.phases[index]
  if (phase === undefined || !isStarted(phase)) return figures
  const held = [...state.control.holds.values()].filter((hold) => hold.collections === undefined)
  const wanted = rollout.updates.filter(
    (id) =>
      ['Normal', 'Superseded'].includes(stateOf(state.catalog, id) ?? '') &&
      !held.some((hold) => hold.updates.includes(id)),
  )
  for (const [row, name] of state.fleet.ids.entries()) {
    const device = seen.get(name)
    if (device === undefined || !hasBit(phase.targets, row)) continue
    const verdict = judge(device.heard, wanted, evidenceFrom(state, rollout, index, row), `${rollout.name}/${index}`)
    const silent = hasBit(state.fleet.stale, row)
    figures.targets++
    if (verdict.failed) figures.failed++
    if (silent || !verdict.reported) figures.unknown++
    else if (verdict.compliant && wanted.length > 0) figures.compliant++
  }
  return figures
}

function judge(heard: readonly Heard[], wanted: readonly UpdateId[], from: EpochMs, phase: string) {
  let reported = true
  let compliant = true
  let failed = false
  for (const id of wanted) {
    let state = 0
    let seenSince = false
    let failure: EpochMs | undefined
    for (const { madeAt, phases, states, enforcement } of heard) {
      const enforced = enforcement.get(id)
      if (enforced !== undefined) failure = enforced === 6 || enforced === 9 ? madeAt : undefined
      const now = states.get(id)
      if (now === undefined) continue
      if (isCompliant(now) && !isCompliant(state)) failure = undefined
      state = now
      if (madeAt >= from && phases.has(phase)) seenSince = true
    }
    if (!seenSince) reported = false
    if (!isCompliant(state)) compliant = false
    if (failure !== undefined && failure > from && !(isCompliant(state) && seenSince)) failed = true
  }
  return { reported, compliant: reported && compliant, failed }
}

function isCompliant(state: number): boolean {
  return state === 1 || state === 3
}
