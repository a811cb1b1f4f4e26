// The middle of an explanation: the rollouts that contain the update, which phase the device is in and why, and whether
// the update is approved there.
import { membersOf } from '../fleet/collections.ts'
import { explainMembership } from '../fleet/explain-membership.ts'
import { hasBit } from '../model/bit-plane.ts'
import { toRfc3339 } from '../model/instant.ts'
import { plural } from '../model/plural.ts'
import type { ResolvedPhase } from '../model/resolved-plan.ts'
import type { StatusReason } from '../model/status-reasons.ts'
import { describeProvenance } from '../rollout/approve.ts'
import { isStarted, isUnfinished, type RolloutRecord } from '../rollout/control.ts'
import { phaseCandidates, phaseIndexOf } from '../rollout/targets.ts'
import { notesOn, worstOf } from './conditions.ts'
import type { Case, Step } from './explanation.ts'
import { recordsNewestFirst } from './view-rollouts.ts'

/** How the device stands in one rollout that contains the update. */
export type Stand = {
  readonly rollout: RolloutRecord
  /** The phase that it is in, or will be in. */
  readonly phase: ResolvedPhase | undefined
  readonly outcome: 'Approved' | 'NotApproved' | 'LaterPhase' | 'NotTargeted'
  readonly reason: StatusReason
  readonly message: string
  readonly until?: number | undefined
}

/** Rollouts that one explanation goes through; more are counted. */
const MAX_ROLLOUTS = 20

/** Newest first. */
export function explainRollouts(one: Case): { readonly steps: Step[]; readonly stands: readonly Stand[] } {
  const containing = recordsNewestFirst(one.state).filter(({ updates }) => updates.includes(one.id))
  const steps: Step[] = []
  const stands: Stand[] = []
  for (const rollout of containing.slice(0, MAX_ROLLOUTS)) {
    const stand = standIn(one, rollout)
    stands.push(stand)
    steps.push(rolloutStep(one, rollout), ...phaseSteps(one, rollout, stand), approvalStep(rollout, stand))
  }
  if (containing.length > MAX_ROLLOUTS)
    steps.push({
      step: 'Rollout',
      outcome: 'Info',
      reason: 'UnderWay',
      message: `${plural(containing.length - MAX_ROLLOUTS, 'older rollout')} not shown`,
    })
  return { steps, stands }
}

function rolloutStep({ notes }: Case, rollout: RolloutRecord): Step {
  const { name, status, updates } = rollout
  const common = { step: 'Rollout', object: { kind: 'Rollout', name } } as const
  const about = `rollout ${name}, ${plural(updates.length, 'update')}, planned at ${toRfc3339(rollout.plannedAt)}`
  if (rollout.ended !== undefined) {
    const { at, reason, message } = rollout.ended
    const outcome = status === 'Succeeded' ? 'Yes' : 'No'
    return {
      ...common,
      outcome,
      reason,
      message: `${about}: ${ENDED[status] ?? status} at ${toRfc3339(at)}: ${message}`,
    }
  }
  const note = worstOf(notesOn(notes, 'Rollout', name))
  return { ...common, outcome: 'Info', reason: note.reason, message: `${about}: ${note.message}` }
}

const ENDED: Readonly<Partial<Record<RolloutRecord['status'], string>>> = {
  RolledBack: 'rolled back',
  Superseded: 'superseded',
  Succeeded: 'succeeded',
}

function standIn(one: Case, rollout: RolloutRecord): Stand {
  const index = phaseIndexOf(rollout, one.row)
  return index >= 0 ? standInStarted(one, rollout, index) : standOutside(one, rollout)
}

function standInStarted(one: Case, rollout: RolloutRecord, index: number): Stand {
  const { state, row } = one
  const phase = rollout.plan.phases[index]
  const record = rollout.phases[index]
  const common = { rollout, phase }
  const approved = record !== undefined && isStarted(record) && record.approved
  if (!approved) return { ...common, outcome: 'NotApproved', ...whyNotApproved(one, rollout) }
  if (rollout.passedWithout.includes(one.id)) {
    const message = `a phase of rollout ${rollout.name} passed its gate while the update was held; the next evaluation of the rule takes it up`
    return { ...common, outcome: 'NotApproved', reason: 'PassedWithout', message }
  }
  const members = phase && membersOf(state.fleet, state.collections, phase.collection)
  if (members === undefined || !hasBit(members, row)) {
    const message = `the device has left collection ${phase?.collection} and is offered nothing more by rollout ${rollout.name}`
    return { ...common, outcome: 'NotApproved', reason: 'LeftCollection', message }
  }
  const message = `approved by rollout ${rollout.name}, phase ${phase?.name}: ${describeProvenance(rollout.provenance)}`
  return { ...common, outcome: 'Approved', reason: 'Approved', message }
}

// The first phase that would take the device in, were it to start now.
function standOutside(one: Case, rollout: RolloutRecord): Stand {
  const { state, row } = one
  const index = rollout.plan.phases.findIndex((_, i) => {
    const candidates = phaseCandidates(state, rollout, i)
    return candidates !== undefined && hasBit(candidates, row)
  })
  const phase = rollout.plan.phases[index]
  const record = rollout.phases[index]
  if (phase === undefined || record?.status === 'Skipped')
    return {
      rollout,
      phase: undefined,
      outcome: 'NotTargeted',
      reason: 'NotTargeted',
      message: `the device is in no phase of rollout ${rollout.name}`,
    }
  const waiting = whyNotApproved(one, rollout)
  if (record !== undefined && isStarted(record)) {
    const why =
      rollout.plan.newDevices === 'Last'
        ? `joined collection ${phase.collection} after phase ${phase.name} had started, and waits for the last phase (newDevices: Last)`
        : `joined collection ${phase.collection} after phase ${phase.name} had started`
    return { rollout, phase, outcome: 'LaterPhase', reason: 'JoinedLate', message: `the device ${why}` }
  }
  if (!isUnfinished(rollout)) return { rollout, phase, outcome: 'NotApproved', ...waiting }
  return {
    rollout,
    phase,
    outcome: 'LaterPhase',
    reason: waiting.reason,
    message: waiting.message,
    until: waiting.until,
  }
}

/** What a rollout waits for, or how it ended. */
function whyNotApproved({ notes }: Case, rollout: RolloutRecord): Pick<Stand, 'reason' | 'message' | 'until'> {
  const { name, status, ended } = rollout
  if (ended !== undefined)
    return { reason: ended.reason, message: `rollout ${name} was ${ENDED[status] ?? status}: ${ended.message}` }
  const note = worstOf(notesOn(notes, 'Rollout', name))
  return { reason: note.reason, message: `rollout ${name} waits: ${note.message}`, until: note.until }
}

/** Each phase up to the one that the device is in, and why it is in it or not. */
function phaseSteps(one: Case, rollout: RolloutRecord, stand: Stand): Step[] {
  const steps: Step[] = []
  for (const [index, planned] of rollout.plan.phases.entries()) {
    const mine = planned.name === stand.phase?.name
    steps.push(phaseStep(one, rollout, planned, index, mine))
    if (mine) break
  }
  return steps
}

function phaseStep(one: Case, rollout: RolloutRecord, planned: ResolvedPhase, index: number, mine: boolean): Step {
  const { state, row } = one
  const record = rollout.phases[index]
  const status = record?.status ?? 'Waiting'
  const common = { step: 'Phase', object: { kind: 'Rollout', name: rollout.name } } as const
  const head = `phase ${planned.name} (${status})`
  if (mine) {
    const reason = record !== undefined && isStarted(record) ? 'InPhase' : 'LaterPhase'
    return { ...common, outcome: 'Yes', reason, message: `${head}: ${membership(one, planned)}` }
  }
  const members = membersOf(state.fleet, state.collections, planned.collection)
  const inside = members !== undefined && hasBit(members, row)
  if (inside && (state.fleet.ring[row] ?? 0) < planned.percent * 100) {
    const message = `${head}: the device is in an earlier phase, or was not in the collection when the phase started`
    return { ...common, outcome: 'No', reason: 'NotInPhase', message }
  }
  return { ...common, outcome: 'No', reason: 'NotInPhase', message: `${head}: ${membership(one, planned)}` }
}

/** The rules of the collection, and the ring. */
function membership({ state, row }: Case, { collection, percent }: ResolvedPhase): string {
  const found = explainMembership(state.fleet, state.collections, collection, row)
  if (found === undefined) return `there is no collection ${collection}`
  const rules = found.trace.map(({ detail }) => detail).join('; ')
  const inside = `${found.member ? 'in' : 'not in'} collection ${collection}${rules === '' ? '' : ` (${rules})`}`
  if (percent === 100 || !found.member) return inside
  const ring = (state.fleet.ring[row] ?? 0) / 100
  const within = ring < percent
  return `${inside}; its ring position ${ring.toFixed(2)} is ${within ? 'below' : 'not below'} the ${percent} % of the phase`
}

function approvalStep({ name }: RolloutRecord, { outcome, reason, message }: Stand): Step {
  const approved = outcome === 'Approved'
  return {
    step: 'Approval',
    object: { kind: 'Rollout', name },
    outcome: approved ? 'Yes' : 'No',
    reason,
    message: approved ? message : `not approved: ${message}`,
  }
}
