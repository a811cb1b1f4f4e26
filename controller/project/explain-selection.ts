// The first half of an explanation: the catalog, the rules that select from it, the groups they made, and holds.
import { stateOf, updateOf } from '../catalog/catalog.ts'
import { type CriterionTrace, explainCriteria } from '../catalog/criteria.ts'
import { supersedenceOf } from '../catalog/supersedence.ts'
import { hasBit } from '../model/bit-plane.ts'
import type { Criteria } from '../model/criteria.ts'
import { toRfc3339 } from '../model/instant.ts'
import type { StatusReason } from '../model/status-reasons.ts'
import { holdsOn } from '../rollout/offers.ts'
import { criteriaContext } from '../rollout/plan-evaluations.ts'
import { nextEvaluation, type Rule, resolveRule, ruleNamed } from '../rollout/rule-plan.ts'
import type { Case, Step } from './explanation.ts'
import { declaredOf, type Seen } from './seen.ts'
import { groups } from './view-catalog.ts'

/** Rules and groups that one explanation names, each; more are counted. */
const MAX_LISTED = 50

export function explainCatalog({ state, now, id }: Case): Step[] {
  const { catalog } = state
  const row = catalog.rowOf.get(id) ?? -1
  const update = updateOf(catalog, id)
  if (update === undefined) return []
  const source = catalog.sources[row] ?? ''
  const step = (outcome: Step['outcome'], reason: StatusReason, message: string): Step[] => [
    { step: 'Catalog', object: { kind: 'UpdateSource', name: source }, outcome, reason, message },
  ]
  const vanished = hasBit(catalog.vanished, row) ? `; source ${source} does not list it any more` : ''
  const named = `"${update.title}", revision ${update.revision}, released ${toRfc3339(update.released)}, from source ${source}${vanished}`
  switch (stateOf(catalog, id)) {
    case 'Declined':
      return step(
        'No',
        'Declined',
        `declined by ${decliner({ state, notes: [], now }, source, id)}: it is never offered`,
      )
    case 'Expired': {
      const by =
        update.state === 'Expired'
          ? 'its source says so'
          : `the supersedence policy of source ${source} lets it expire${supersededBy(state, row)}`
      return step('No', 'Expired', `expired: ${by}`)
    }
    case 'MetadataOnly':
      return step('No', 'MetadataOnly', `${named}: it has no content and cannot be deployed`)
    case 'Superseded':
      return step('Yes', 'Superseded', `${named}; superseded${supersededBy(state, row)}, and still deployable`)
    default:
      return step('Yes', 'InCatalog', named)
  }
}

export function explainRules(one: Case): Step[] {
  const { state } = one
  const names = [...state.control.rules.keys()].sort()
  const steps = names
    .slice(0, MAX_LISTED)
    .flatMap((name) => ruleNamed(state.objects, name) ?? [])
    .map((rule) => explainRule(one, rule))
  if (names.length <= MAX_LISTED) return steps
  const message = `${names.length - MAX_LISTED} more rules are not shown`
  return [...steps, { step: 'Rule', outcome: 'Info', reason: 'NotSelected', message }]
}

/** Whether the update meets the criteria of a rule now, whatever the rule did before. */
export function meetsCriteria({ state, now, id }: Case, rule: Rule): { matched: boolean; trace: CriterionTrace[] } {
  return explainCriteria(
    state.catalog,
    rule.spec.criteria,
    id,
    criteriaContext({ world: state, control: state.control, now }),
  )
}

/** "size: wanted >=1, is 0; …" for the criteria that are not met. */
export function describeDifferences(trace: readonly CriterionTrace[]): string {
  return trace
    .filter(({ matched }) => !matched)
    .map(({ property, expected, actual }) => `${property}: wants ${shortened(expected)}, is ${shortened(actual)}`)
    .join('; ')
}

function explainRule(one: Case, rule: Rule): Step {
  const { matched, trace } = meetsCriteria(one, rule)
  const object = { kind: rule.kind, name: rule.name }
  const when = describeEvaluations(one, rule)
  const common = { step: 'Rule', object } as const
  if (rule.spec.suspend)
    return { ...common, outcome: 'No', reason: 'Suspended', message: `rule ${rule.name} has suspend: true; ${when}` }
  return matched
    ? {
        ...common,
        outcome: 'Yes',
        reason: 'CriteriaMatch',
        message: `rule ${rule.name}: all criteria are met; ${when}`,
      }
    : {
        ...common,
        outcome: 'No',
        reason: 'CriteriaDiffer',
        message: `rule ${rule.name}: ${describeDifferences(trace)}; ${when}`,
      }
}

function describeEvaluations({ state, now, id }: Case, rule: Rule): string {
  const record = state.control.rules.get(rule.name)
  const resolved = resolveRule(state.objects, rule.spec)
  const next = resolved === undefined || rule.spec.suspend ? undefined : nextEvaluation(resolved, now)
  const later = next === undefined ? '' : `, next at ${toRfc3339(next)}`
  if (record?.evaluatedAt === undefined) return `not evaluated yet${later}`
  const result = record.outcome?.failed
    ? `failed: ${record.outcome.message}`
    : record.selected?.includes(id)
      ? 'its selection contains the update'
      : 'its selection does not contain the update'
  return `last evaluated at ${toRfc3339(record.evaluatedAt)}, ${result}${later}`
}

export function explainGroups({ state, notes, now, id }: Case): Step[] {
  const seen = { state, notes, now }
  const containing = groups.names(seen).filter((name) => groups.view(seen, name)?.spec.updates.includes(id))
  if (containing.length === 0)
    return [{ step: 'Group', outcome: 'No', reason: 'NoGroup', message: 'no group contains the update' }]
  return containing.slice(0, MAX_LISTED).map((name) => {
    const rule = groups.view(seen, name)?.status.rule
    const origin = rule === undefined ? 'declared' : `made by rule ${rule}`
    const message = `group ${name}, ${origin}, contains the update`
    return { step: 'Group', object: { kind: 'SoftwareUpdateGroup', name }, outcome: 'Yes', reason: 'InGroup', message }
  })
}

export function explainHolds(one: Case): Step[] {
  const holds = holdsOn(one.state, one.id, one.row)
  if (holds.length === 0)
    return [{ step: 'Hold', outcome: 'Yes', reason: 'NotHeld', message: 'no hold covers the update on the device' }]
  return holds.map((name) => ({
    step: 'Hold',
    object: { kind: 'UpdateHold', name },
    outcome: 'No',
    reason: 'Held',
    message: describeHold(one, name),
  }))
}

/** "hold X until … because …" */
export function describeHold({ state }: Case, name: string): string {
  const hold = state.control.holds.get(name)
  const until = hold?.until === undefined ? 'until it is removed' : `until ${toRfc3339(hold.until)}`
  return `hold ${name} ${until} because: ${hold?.reason ?? ''}`
}

function supersededBy({ catalog }: Case['state'], row: number): string {
  const by = catalog.updates[supersedenceOf(catalog).supersededBy[row] ?? -1]
  return by === undefined ? '' : ` by ${by.id} ("${by.title}", released ${toRfc3339(by.released)})`
}

// Declines ask neither for the state nor, unless they say so, whether the update is superseded.
function decliner(seen: Seen, source: string, id: Case['id']): string {
  const { catalog } = seen.state
  if (updateOf(catalog, id)?.state === 'Declined') return `source ${source}, in the record of the update`
  const context = criteriaContext({ world: seen.state, control: seen.state.control, now: seen.now })
  const declines = (criteria: Criteria) =>
    explainCriteria(catalog, criteria, id, context).trace.every(
      ({ property, matched }) =>
        matched || property === 'state' || (property === 'superseded' && criteria.superseded === undefined),
    )
  const index = declaredOf(seen, 'UpdateSource', source)?.spec.decline?.findIndex(declines) ?? -1
  return index < 0 ? `source ${source}` : `spec.decline[${index}] of source ${source}`
}

function shortened(text: string): string {
  return text.length > 120 ? `${text.slice(0, 117)}...` : text
}
