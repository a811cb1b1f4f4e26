// How rollouts, their deployments and the go-aheads for their phases stand (semantics.md §6, §7).
import type { GateFigures } from '../model/facts.ts'
import { durationMs, toRfc3339 } from '../model/instant.ts'
import type { ResolvedPhase, Threshold } from '../model/resolved-plan.ts'
import { isStarted, isUnfinished, type PhaseRecord, type RolloutRecord, type StartedPhase } from '../rollout/control.ts'
import { effectiveUpdates, gateFigures } from '../rollout/evidence.ts'
import { devicesNeeded } from '../rollout/gate.ts'
import { describeMisfits, type Misfits } from '../rollout/never-fits.ts'
import type { World } from '../rollout/world.ts'
import { notesOn, type StatusNote, worstOf } from './conditions.ts'
import { misfitsByPhase } from './rollout-misfits.ts'
import { rolloutSpecOf } from './rollout-spec.ts'
import {
  compareText,
  declaredMetadata,
  declaredNames,
  declaredOf,
  instantText,
  madeMetadata,
  type Seen,
  type Shown,
  viewOf,
} from './seen.ts'
import type { PhaseView, RolloutViewStatus, ViewOf } from './views.ts'

/** Declared rollouts and those of rules: the newest first, and before them the declared ones that are not planned yet. */
export const rollouts: Shown<ViewOf['Rollout']> = {
  names: (seen) => {
    const planned = recordsNewestFirst(seen.state).map(({ name }) => name)
    const known = new Set(planned)
    return [...declaredNames(seen, 'Rollout').filter((name) => !known.has(name)), ...planned]
  },
  view(seen, name) {
    const object = declaredOf(seen, 'Rollout', name)
    const record = seen.state.control.rollouts.get(name)
    if (record === undefined) {
      if (object === undefined) return undefined
      const notes = notesOn(seen.notes, 'Rollout', name)
      return viewOf(object.kind, declaredMetadata(object), object.spec, unplanned(notes), notes)
    }
    const notes = rolloutNotes(seen, record)
    const metadata = object === undefined ? madeMetadata(name, record.provenance) : declaredMetadata(object)
    return viewOf('Rollout', metadata, object?.spec ?? rolloutSpecOf(record), rolloutStatus(seen, record, notes), notes)
  },
}

export function recordsNewestFirst({ control }: World): RolloutRecord[] {
  return [...control.rollouts.values()].sort((a, b) => b.plannedAt - a.plannedAt || compareText(a.name, b.name))
}

/** What is to be said of a rollout, with since when, where its record knows that. */
export function rolloutNotes({ notes }: Pick<Seen, 'notes'>, record: RolloutRecord): StatusNote[] {
  const halted = record.phases.find((phase) => phase.status === 'Halted')
  const haltedAt = halted !== undefined && isStarted(halted) ? halted.halt?.at : undefined
  return notesOn(notes, 'Rollout', record.name).map((note) => ({
    ...note,
    since: note.state === 'Ready' ? record.ended?.at : note.state === 'Stalled' ? haltedAt : undefined,
  }))
}

/**
 * What the gate of a started phase counts; for an ended rollout, whose evidence is not kept, what it counted when the
 * phase last changed. Undefined when that is not known.
 */
export function phaseFigures(world: World, record: RolloutRecord, index: number): GateFigures | undefined {
  const phase = record.phases[index]
  if (phase === undefined || !isStarted(phase)) return undefined
  return isUnfinished(record) && world.evidence.has(record.name) ? gateFigures(world, record, index) : phase.figures
}

function unplanned(notes: readonly StatusNote[]): RolloutViewStatus {
  return {
    state: 'Declared',
    paused: false,
    updates: 0,
    devices: 0,
    phases: [],
    waitsFor: waitOf(notes),
    uninstall: [],
  }
}

function rolloutStatus({ state, now }: Seen, record: RolloutRecord, notes: readonly StatusNote[]): RolloutViewStatus {
  const misfits = misfitsByPhase(state, record, now)
  const phases = record.plan.phases.map((planned, index) => ({
    ...phaseView(state, record, planned, index),
    neverFits: neverFitsView(misfits[index]),
  }))
  const { evaluation, ...provenance } = record.provenance
  return {
    state: record.status,
    paused: record.paused || record.pauseAsked !== undefined,
    planned: toRfc3339(record.plannedAt),
    updates: record.updates.length,
    devices: phases.reduce((total, { devices }) => total + devices, 0),
    phases,
    waitsFor: waitOf(notes),
    provenance: { ...provenance, evaluation: instantText(evaluation) },
    ended: record.ended && { ...record.ended, at: toRfc3339(record.ended.at) },
    uninstall: record.uninstall,
  }
}

function waitOf(notes: readonly StatusNote[]): RolloutViewStatus['waitsFor'] {
  const note = worstOf(notes)
  if (note.state === 'Ready') return undefined
  return { reason: note.reason, message: note.message, phase: note.phase, until: instantText(note.until) }
}

function neverFitsView(misfits: Misfits | undefined): PhaseView['neverFits'] {
  return misfits && { ...misfits, message: describeMisfits(misfits) }
}

function phaseView(world: World, record: RolloutRecord, planned: ResolvedPhase, index: number): PhaseView {
  const phase: PhaseRecord = record.phases[index] ?? { status: 'Waiting', approvalAwaited: false }
  const { name, collection } = planned
  if (!isStarted(phase)) {
    const awaited = phase.status === 'Waiting' && phase.approvalAwaited && isUnfinished(record)
    return { name, collection, state: awaited ? 'AwaitingApproval' : phase.status, devices: 0, approved: false }
  }
  const figures = phaseFigures(world, record, index)
  const { thresholdMetAt, halt } = phase
  const soaks = phase.status === 'Active' && thresholdMetAt !== undefined && isUnfinished(record)
  return {
    name,
    collection,
    state: phase.status,
    devices: phase.devices,
    approved: phase.approved,
    started: toRfc3339(phase.startedAt),
    available: toRfc3339(phase.available),
    deadline: toRfc3339(phase.deadline),
    gate: figures && { ...figures, ...limits(planned, figures) },
    thresholdMet: instantText(thresholdMetAt),
    soakUntil: soaks ? toRfc3339(thresholdMetAt + durationMs(Temporal.Duration.from(planned.soak))) : undefined,
    succeeded: instantText(phase.succeededAt),
    halt: halt && { ...halt, at: toRfc3339(halt.at) },
  }
}

/** How many devices have to be compliant, and how many may fail before the phase halts. */
function limits({ success, failure }: ResolvedPhase, { targets }: GateFigures): { needed: number; mayFail: number } {
  const allowed = ({ type, value }: Threshold) => (type === 'Percent' ? Math.floor((value * targets) / 100) : value)
  return { needed: devicesNeeded(success, targets), mayFail: Math.min(...failure.map(allowed)) }
}

/** One for each phase that has started, under the name of rollout and phase. */
export const deployments: Shown<ViewOf['UpdateDeployment']> = {
  names: ({ state }) =>
    recordsNewestFirst(state).flatMap((record) =>
      startedPhases(record).map(({ planned }) => deploymentName(record, planned)),
    ),
  view(seen, name) {
    for (const record of seen.state.control.rollouts.values()) {
      if (!name.startsWith(`${record.name}-`)) continue
      const found = startedPhases(record).find(({ planned }) => deploymentName(record, planned) === name)
      if (found !== undefined) return deploymentView(seen, name, record, found)
    }
    return undefined
  },
}

type Started = { readonly index: number; readonly planned: ResolvedPhase; readonly phase: StartedPhase }

function startedPhases(record: RolloutRecord): Started[] {
  return record.plan.phases.flatMap((planned, index) => {
    const phase = record.phases[index]
    return phase !== undefined && isStarted(phase) && phase.devices > 0 ? [{ index, planned, phase }] : []
  })
}

function deploymentName({ name }: RolloutRecord, planned: ResolvedPhase): string {
  return deploymentNamed(name, planned.name)
}

/** The UpdateDeployment of a phase. */
export function deploymentNamed(rollout: string, phase: string): string {
  return `${rollout}-${phase}`
}

function deploymentView(seen: Seen, name: string, record: RolloutRecord, { index, planned, phase }: Started) {
  const figures = phaseFigures(seen.state, record, index) ?? {
    targets: phase.devices,
    compliant: 0,
    failed: 0,
    unknown: phase.devices,
  }
  const spec = {
    rollout: record.name,
    phase: planned.name,
    group: record.group,
    collection: planned.collection,
    available: toRfc3339(phase.available),
    deadline: toRfc3339(phase.deadline),
  }
  const updates = effectiveUpdates(seen.state, record).length
  const status = { ...figures, devices: phase.devices, approved: phase.approved, updates }
  const notes: StatusNote[] = phase.approved
    ? [{ state: 'Ready', reason: 'PhaseApproved', message: `${updates} updates on ${phase.devices} devices` }]
    : record.ended !== undefined
      ? [{ state: 'Ready', reason: record.ended.reason, message: `not approved any more: ${record.ended.message}` }]
      : rolloutNotes(seen, record)
  return viewOf('UpdateDeployment', madeMetadata(name, record.provenance), spec, status, notes)
}

export const approvals: Shown<ViewOf['PhaseApproval']> = {
  names: (seen) => declaredNames(seen, 'PhaseApproval'),
  view(seen, name) {
    const object = declaredOf(seen, 'PhaseApproval', name)
    if (object === undefined) return undefined
    const { rollout, phase } = object.spec
    const record = seen.state.control.rollouts.get(rollout)
    const index = record?.plan.phases.findIndex((planned) => planned.name === phase) ?? -1
    const stand = record?.phases[index]
    const note: StatusNote =
      record === undefined
        ? { state: 'Waiting', reason: 'RolloutNotFound', message: `there is no rollout ${rollout} yet` }
        : index < 0
          ? { state: 'Stalled', reason: 'PhaseNotFound', message: phaseNotFound(record, phase) }
          : stand === undefined || stand.status === 'Waiting'
            ? { state: 'Waiting', reason: 'NotNeededYet', message: `phase ${phase} has not come to it yet` }
            : { state: 'Ready', reason: 'PhaseApproved', message: `phase ${phase} has gone ahead` }
    const state = note.state === 'Ready' ? 'Used' : note.state === 'Stalled' ? 'Unmatched' : 'Early'
    return viewOf(object.kind, declaredMetadata(object), object.spec, { state } as const, [note])
  },
}

export function phaseNotFound({ name, plan }: RolloutRecord, phase: string): string {
  return `rollout ${name} has no phase ${phase}; its phases are ${plan.phases.map((planned) => planned.name).join(', ')}`
}
