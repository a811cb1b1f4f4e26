// Rollouts that an admin wrote by hand over a group (architecture.md, "Each level is an entry point").
import { byName } from '../model/by-name.ts'
import type { Declared } from '../model/declared.ts'
import type { Provenance } from '../model/facts.ts'
import type { Reason } from '../model/reasons.ts'
import { type ResolvedPlan, resolvePlan } from '../model/resolved-plan.ts'
import type { UpdateId } from '../model/update.ts'
import type { RolloutRecord } from './control.ts'
import { type Draft, emit } from './draft.ts'
import { templateNamed } from './rule-plan.ts'
import { rollBack, unapproveAll } from './unapprove.ts'

type DeclaredRollout = Extract<Declared, { readonly kind: 'Rollout' }>

export function planDeclaredRollouts(draft: Draft): void {
  const declared = draft.world.objects.Rollout
  for (const name of [...declared.keys()].sort()) {
    const object = declared.get(name)
    if (object?.kind === 'Rollout') planRollout(draft, object)
  }
}

function planRollout(draft: Draft, object: DeclaredRollout): void {
  const stall = (reason: Reason, message: string) =>
    draft.notes.push({ kind: 'Rollout', name: object.name, state: 'Stalled', reason, message })
  const record = draft.control.rollouts.get(object.name)
  if (record?.rule !== undefined) {
    stall('Declared', `the name is taken by a rollout of rule ${record.rule}: give this one another name`)
    return
  }
  const updates = updatesOf(draft, object.spec.group)
  if (updates === undefined) {
    if (record === undefined) stall('GroupNotFound', `there is no SoftwareUpdateGroup ${object.spec.group}`)
    return
  }
  const { template } = object.spec
  const base = template === undefined ? {} : templateNamed(draft.world.objects, template)
  if (base === undefined) {
    if (record === undefined) stall('TemplateNotFound', `there is no DeploymentTemplate ${template}`)
    return
  }
  const plan = resolvePlan(object.spec, base)
  if (plan.phases.length === 0) {
    if (record === undefined) stall('NoPhases', 'the rollout names no phase: add one under spec.phases')
    return
  }
  planIfChanged(draft, object, record, updates, plan)
}

function planIfChanged(
  draft: Draft,
  object: DeclaredRollout,
  record: RolloutRecord | undefined,
  updates: readonly UpdateId[],
  plan: ResolvedPlan,
): void {
  if (record?.rollbackAsked !== undefined && record.status !== 'RolledBack') {
    rollBack(draft, record, record.rollbackAsked.reason, record.rollbackAsked.message)
    planIfChanged(draft, object, draft.control.rollouts.get(object.name), updates, plan)
    return
  }
  const sameUpdates = record !== undefined && record.updates.join() === updates.join()
  if (sameUpdates && staysAsItIs(record, object, plan)) return
  if (record !== undefined && !sameUpdates)
    unapproveAll(draft, record, 'GroupChanged', `group ${object.spec.group} has other updates now`)
  emit(draft, {
    type: 'RolloutPlanned',
    rollout: object.name,
    group: object.spec.group,
    updates,
    plan,
    provenance: provenanceOf(object),
    reason: record === undefined ? 'Declared' : 'GroupChanged',
    message: `${updates.length} updates of group ${object.spec.group}, declared in ${object.origin.file}`,
  })
}

// What was rolled back stays so until its content changes; removing it and declaring it again asks for it anew.
function staysAsItIs(record: RolloutRecord, { spec }: DeclaredRollout, plan: ResolvedPlan): boolean {
  if (record.status === 'RolledBack') return record.ended?.reason !== 'RolloutRemoved'
  return record.group === spec.group && JSON.stringify(record.plan) === JSON.stringify(plan)
}

/** A group's content, sorted: a declared group before one that a rule made. */
function updatesOf(draft: Draft, group: string): UpdateId[] | undefined {
  const declared = draft.world.objects.SoftwareUpdateGroup.get(group)
  if (declared?.kind === 'SoftwareUpdateGroup') return [...new Set(declared.spec.updates)].sort()
  const made = [...draft.control.rollouts.values()].filter(
    (rollout) => rollout.rule !== undefined && rollout.group === group,
  )
  const newest = made.sort((a, b) => b.plannedAt - a.plannedAt || byName(a, b))[0]
  return newest?.updates.toSorted()
}

function provenanceOf({ origin }: DeclaredRollout): Provenance {
  const { line: _, ...provenance } = origin
  return provenance
}
