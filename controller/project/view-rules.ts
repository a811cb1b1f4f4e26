// How rules and deployment templates stand (semantics.md §3).
import { selectUpdates } from '../catalog/criteria.ts'
import { countBits } from '../model/bit-plane.ts'
import { plural } from '../model/plural.ts'
import { BUILT_IN_TEMPLATES } from '../model/templates.ts'
import { criteriaContext } from '../rollout/plan-evaluations.ts'
import { nextEvaluation, resolveRule } from '../rollout/rule-plan.ts'
import { notesOn, type StatusNote } from './conditions.ts'
import {
  compareText,
  declaredMetadata,
  declaredNames,
  declaredOf,
  instantText,
  plainMetadata,
  type Seen,
  type Shown,
  viewOf,
} from './seen.ts'
import type { RuleStatus, ViewOf } from './views.ts'

const NEWEST_ROLLOUTS = 5

export const rules: Shown<ViewOf['AutomaticDeploymentRule']> = {
  names: (seen) => declaredNames(seen, 'AutomaticDeploymentRule'),
  view(seen, name) {
    const object = declaredOf(seen, 'AutomaticDeploymentRule', name)
    if (object === undefined) return undefined
    const { state, now } = seen
    const record = state.control.rules.get(name)
    const resolved = resolveRule(state.objects, object.spec)
    const context = criteriaContext({ world: state, control: state.control, now })
    const status: RuleStatus = {
      lastEvaluation: lastEvaluation(seen, name),
      selected: record?.selected?.length,
      matchingNow: countBits(selectUpdates(state.catalog, object.spec.criteria, context)),
      nextEvaluation:
        resolved === undefined || object.spec.suspend ? undefined : instantText(nextEvaluation(resolved, now)),
      rollouts: [...state.control.rollouts.values()]
        .filter(({ rule }) => rule === name)
        .sort((a, b) => b.plannedAt - a.plannedAt || compareText(a.name, b.name))
        .slice(0, NEWEST_ROLLOUTS)
        .map((rollout) => ({ name: rollout.name, state: rollout.status, updates: rollout.updates.length })),
    }
    const notes = notesOn(seen.notes, 'AutomaticDeploymentRule', name)
    return viewOf(object.kind, declaredMetadata(object), object.spec, status, notes)
  },
}

function lastEvaluation({ state }: Seen, name: string): RuleStatus['lastEvaluation'] {
  const record = state.control.rules.get(name)
  if (record?.evaluatedAt === undefined || record.outcome === undefined) return undefined
  return { at: instantText(record.evaluatedAt) ?? '', scheduled: instantText(record.scheduled), ...record.outcome }
}

/** Declared templates and the built-in ones. */
export const templates: Shown<ViewOf['DeploymentTemplate']> = {
  names: (seen) =>
    [...new Set([...Object.keys(BUILT_IN_TEMPLATES), ...declaredNames(seen, 'DeploymentTemplate')])].sort(),
  view(seen, name) {
    const object = declaredOf(seen, 'DeploymentTemplate', name)
    const builtIn = Object.hasOwn(BUILT_IN_TEMPLATES, name) ? BUILT_IN_TEMPLATES[name] : undefined
    const spec = object?.spec ?? builtIn
    if (spec === undefined) return undefined
    const users = declaredNames(seen, 'AutomaticDeploymentRule').filter(
      (rule) => declaredOf(seen, 'AutomaticDeploymentRule', rule)?.spec.template === name,
    )
    const message = `used by ${plural(users.length, 'rule')}`
    const note: StatusNote = { state: 'Ready', reason: object === undefined ? 'BuiltIn' : 'InUse', message }
    const metadata = object === undefined ? plainMetadata(name) : declaredMetadata(object)
    return viewOf('DeploymentTemplate', metadata, spec, { rules: users }, [note])
  },
}
