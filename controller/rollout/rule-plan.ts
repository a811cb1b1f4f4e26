// A rule with its template and the defaults filled in, and when it is to be evaluated next (semantics.md §3).
import type { Declared, ObjectRef } from '../model/declared.ts'
import type { Trigger } from '../model/facts.ts'
import type { EpochMs } from '../model/instant.ts'
import type { Recurrence } from '../model/recurrence.ts'
import { type ResolvedPlan, resolvePlan } from '../model/resolved-plan.ts'
import type { AutomaticDeploymentRuleSpec, DeploymentTemplateSpec } from '../model/specs.ts'
import { BUILT_IN_TEMPLATES } from '../model/templates.ts'
import { latestOccurrence, nextOccurrence } from '../schedule/recurrence.ts'
import type { RuleRecord } from './control.ts'
import type { Objects } from './world.ts'

export type Rule = Extract<Declared, { readonly kind: 'AutomaticDeploymentRule' }>

export type ResolvedRule = {
  readonly schedule: Recurrence | undefined
  readonly afterSync: boolean
  readonly mode: 'New' | 'Replace'
  readonly overflow: 'Fail' | 'Split'
  readonly plan: ResolvedPlan
}

export function ruleNamed(objects: Objects, name: string): Rule | undefined {
  const rule = objects.AutomaticDeploymentRule.get(name)
  return rule?.kind === 'AutomaticDeploymentRule' ? rule : undefined
}

/** A declared template before a built-in one of the same name. */
export function templateNamed(objects: Objects, name: string): DeploymentTemplateSpec | undefined {
  const declared = objects.DeploymentTemplate.get(name)
  if (declared?.kind === 'DeploymentTemplate') return declared.spec
  return Object.hasOwn(BUILT_IN_TEMPLATES, name) ? BUILT_IN_TEMPLATES[name] : undefined
}

/** Undefined when the template that the rule names does not exist. */
export function resolveRule(objects: Objects, spec: AutomaticDeploymentRuleSpec): ResolvedRule | undefined {
  const template = spec.template === undefined ? {} : templateNamed(objects, spec.template)
  if (template === undefined) return undefined
  const { schedule, afterSync = false } = spec.evaluate ?? template.evaluate ?? {}
  return {
    schedule,
    afterSync,
    mode: spec.group?.mode ?? template.group?.mode ?? 'New',
    overflow: spec.group?.overflow ?? template.group?.overflow ?? 'Fail',
    plan: resolvePlan(spec, template, schedule?.timeZone ?? 'UTC'),
  }
}

/** The evaluation that is due at `now`, if one is. Of several missed ones only the newest is made up for. */
export function dueEvaluation(
  rule: ResolvedRule,
  record: RuleRecord,
  now: EpochMs,
): { readonly scheduled: EpochMs; readonly trigger: Trigger } | undefined {
  if (record.requestedBy !== undefined) return { scheduled: now, trigger: 'Command' }
  if (rule.schedule !== undefined) {
    const scheduled = latestOccurrence(rule.schedule, now, rule.schedule.timeZone)
    if (scheduled !== undefined && scheduled > Math.max(record.since, record.scheduled ?? 0))
      return { scheduled, trigger: 'Schedule' }
  }
  if (rule.afterSync && record.catalogChanged) return { scheduled: now, trigger: 'Sync' }
  if (record.outcome?.failed && record.declarationChanged)
    return { scheduled: record.scheduled ?? now, trigger: 'Edit' }
  return undefined
}

/** When the rule is next evaluated by its schedule. */
export function nextEvaluation(rule: ResolvedRule, now: EpochMs): EpochMs | undefined {
  return rule.schedule && nextOccurrence(rule.schedule, now, rule.schedule.timeZone)
}

export function refOf(rule: Rule): ObjectRef {
  return { kind: rule.kind, name: rule.name }
}
