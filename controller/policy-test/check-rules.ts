// Checks of rules: which updates their criteria select now and why not the others, and what the rule says of itself.
import { explainCriteria, selectUpdates } from '../catalog/criteria.ts'
import { toRfc3339 } from '../model/instant.ts'
import type { UpdateId } from '../model/update.ts'
import { notesOn, worstOf } from '../project/conditions.ts'
import { describeDifferences } from '../project/explain-selection.ts'
import { heldEverywhere } from '../rollout/evidence.ts'
import { criteriaContext } from '../rollout/plan-evaluations.ts'
import { nextEvaluation, type Rule, resolveRule, ruleNamed } from '../rollout/rule-plan.ts'
import { nearest } from '../sources/suggest.ts'
import type { Path } from '../sources/yaml-values.ts'
import type { ExpectRule } from './expect.ts'
import { updateMeant } from './names.ts'
import type { Check } from './results.ts'
import {
  check,
  checkCount,
  checkMessage,
  checkTime,
  checkUpdates,
  checkValue,
  rowsOf,
  type StepSight,
} from './sight.ts'

export function checkRule(sight: StepSight, expected: ExpectRule, path: Path): Check[] {
  const { state, notes, now, zone } = sight
  const rule = ruleNamed(state.objects, expected.rule)
  if (rule === undefined) return [check([...path, 'rule'], false, expected.rule, missing(sight, expected.rule))]
  const selected = selectedBy(sight, rule)
  const note = worstOf(notesOn(notes, rule.kind, rule.name))
  const said = () => `rule ${rule.name} (${note.reason}): ${note.message}`
  const resolved = resolveRule(state.objects, rule.spec)
  const next = resolved === undefined || rule.spec.suspend ? undefined : nextEvaluation(resolved, now)
  return [
    ...checkUpdates(sight, [...path, 'selects'], expected.selects, selected, (id) => whyNot(sight, rule, id).text),
    ...(expected.rejects ?? []).map((one, i) => checkRejected(sight, rule, selected, one, [...path, 'rejects', i])),
    ...checkCount([...path, 'count'], expected.count, selected.size, said),
    ...checkValue([...path, 'state'], expected.state, note.state, said),
    ...checkValue([...path, 'reason'], expected.reason, note.reason, said),
    ...checkMessage([...path, 'message'], expected.message, note.message),
    ...checkTime([...path, 'next'], expected.next, next, zone, said),
  ]
}

/** What an evaluation at this instant would select, before what is carried over from older rollouts. */
function selectedBy({ state, now }: StepSight, rule: Rule): Set<UpdateId> {
  const held = heldEverywhere(state.control)
  const context = criteriaContext({ world: state, control: state.control, now })
  const rows = rowsOf(selectUpdates(state.catalog, rule.spec.criteria, context))
  return new Set(rows.flatMap((row) => state.catalog.ids[row] ?? []).filter((id) => !held.has(id)))
}

function checkRejected(
  sight: StepSight,
  rule: Rule,
  selected: ReadonlySet<UpdateId>,
  expected: NonNullable<ExpectRule['rejects']>[number],
  path: Path,
): Check {
  const { update, because } = typeof expected === 'string' ? { update: expected, because: undefined } : expected
  const meant = updateMeant(update, sight.updates)
  if ('problem' in meant) return check(path, false, update, meant.problem)
  const { text, properties } = whyNot(sight, rule, meant.id)
  if (selected.has(meant.id)) return check(path, false, `no ${meant.id}`, meant.id, () => 'it meets all criteria')
  if (because === undefined) return check(path, true, '', '')
  return check(
    typeof expected === 'string' ? path : [...path, 'because'],
    properties.includes(because),
    because,
    properties.join(', '),
    () => text,
  )
}

function whyNot({ state, now }: StepSight, rule: Rule, id: UpdateId): { text: string; properties: string[] } {
  const context = criteriaContext({ world: state, control: state.control, now })
  const { trace } = explainCriteria(state.catalog, rule.spec.criteria, id, context)
  const properties = trace.filter(({ matched }) => !matched).map(({ property }) => property)
  const differences = describeDifferences(trace)
  if (!heldEverywhere(state.control).has(id)) return { text: differences, properties }
  const holds = [...state.control.holds].filter(([, { updates }]) => updates.includes(id))
  const why = holds.map(
    ([name, { reason, until }]) => `hold ${name}${until === undefined ? '' : ` until ${toRfc3339(until)}`}: ${reason}`,
  )
  return { text: [differences, ...why].filter((one) => one !== '').join('; '), properties: [...properties, 'held'] }
}

function missing({ state }: StepSight, name: string): string {
  const known = [...state.objects.AutomaticDeploymentRule.keys()].sort()
  const meant = nearest(name, known)
  return `there is no rule ${name}; ${meant === undefined ? `there are ${known.join(', ') || 'none'}` : `did you mean ${meant}?`}`
}
