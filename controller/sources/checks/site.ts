// The objects of one source, by kind and name, as the checks look at them.
import type { Declared } from '../../model/declared.ts'
import type { EpochMs } from '../../model/instant.ts'
import type { Recurrence } from '../../model/recurrence.ts'
import { type ResolvedPlan, resolvePlan } from '../../model/resolved-plan.ts'
import type { DeploymentTemplateSpec } from '../../model/specs.ts'
import { BUILT_IN_TEMPLATES } from '../../model/templates.ts'
import { lengthOf } from '../../schedule/occasions.ts'

export type Site = {
  /** In the order of files and lines. */
  readonly objects: readonly Declared[]
  readonly collections: ReadonlyMap<string, Declared<'Collection'>>
  readonly templates: ReadonlyMap<string, Declared<'DeploymentTemplate'>>
  readonly rules: readonly Declared<'AutomaticDeploymentRule'>[]
  readonly rollouts: ReadonlyMap<string, Declared<'Rollout'>>
  readonly windows: readonly Declared<'MaintenanceWindow'>[]
  readonly freezes: readonly Declared<'Freeze'>[]
  readonly approvals: readonly Declared<'PhaseApproval'>[]
  /** Every rule and declared rollout that has a plan. */
  readonly planned: readonly Planned[]
  /** The instant for which it is judged what is over and what is to come. */
  readonly at: EpochMs
}

export function siteOf(objects: readonly Declared[], at: EpochMs): Site {
  const sorted = objects.toSorted(byPlace)
  const named = <T extends Declared>(found: readonly T[]) => new Map(found.map((object) => [object.name, object]))
  const templates = named(sorted.filter((object) => object.kind === 'DeploymentTemplate'))
  const rules = sorted.filter((object) => object.kind === 'AutomaticDeploymentRule')
  const rollouts = named(sorted.filter((object) => object.kind === 'Rollout'))
  return {
    objects: sorted,
    collections: named(sorted.filter((object) => object.kind === 'Collection')),
    templates,
    rules,
    rollouts,
    windows: sorted.filter((object) => object.kind === 'MaintenanceWindow'),
    freezes: sorted.filter((object) => object.kind === 'Freeze'),
    approvals: sorted.filter((object) => object.kind === 'PhaseApproval'),
    planned: [...rules, ...rollouts.values()]
      .map((object) => plannedOf({ templates }, object))
      .filter((planned) => planned !== undefined),
    at,
  }
}

/** A rule or rollout with its template and the defaults filled in, and where its phases are declared. */
export type Planned = {
  readonly object: Declared<'AutomaticDeploymentRule'> | Declared<'Rollout'>
  readonly plan: ResolvedPlan
  /** The object that has the phases; undefined when that is a template that is built in. */
  readonly phasesOf: Declared | undefined
  readonly schedule: Recurrence | undefined
  readonly mode: 'New' | 'Replace'
}

/** Undefined when the template is not declared, which is an error of its own (RM1303). */
export function plannedOf(
  { templates }: Pick<Site, 'templates'>,
  object: Declared<'AutomaticDeploymentRule'> | Declared<'Rollout'>,
): Planned | undefined {
  const name = object.spec.template
  const declared = name === undefined ? undefined : templates.get(name)
  const template = name === undefined ? {} : (declared?.spec ?? builtIn(name))
  if (template === undefined) return undefined
  const rule = object.kind === 'AutomaticDeploymentRule' ? object.spec : undefined
  const schedule = rule === undefined ? undefined : (rule.evaluate ?? template.evaluate)?.schedule
  return {
    object,
    plan: resolvePlan(object.spec, template, schedule?.timeZone ?? 'UTC'),
    phasesOf: object.spec.phases === undefined ? declared : object,
    schedule,
    mode: rule?.group?.mode ?? template.group?.mode ?? 'New',
  }
}

/** Milliseconds of a duration that the schema has let pass. */
export function lengthMs(duration: string): number {
  return lengthOf(duration) ?? 0
}

/** Remembers what was found for a schedule: hundreds of rules are evaluated at the same times. */
export function bySchedule<T>(find: (schedule: Recurrence) => T): (schedule: Recurrence) => T {
  const known = new Map<string, T>()
  return ({ rrule, at, startsOn, offset, timeZone }) => {
    const key = [rrule, at, startsOn, offset, timeZone].join(' ')
    const before = known.get(key)
    if (before !== undefined) return before
    const found = find({ rrule, at, startsOn, offset, timeZone })
    known.set(key, found)
    return found
  }
}

function builtIn(name: string): DeploymentTemplateSpec | undefined {
  return Object.hasOwn(BUILT_IN_TEMPLATES, name) ? BUILT_IN_TEMPLATES[name] : undefined
}

function byPlace(a: Declared, b: Declared): number {
  if (a.origin.file !== b.origin.file) return a.origin.file < b.origin.file ? -1 : 1
  return a.origin.line - b.origin.line
}
