// Rules to groups (semantics.md §3): evaluates what is due, and plans a rollout of what it selected.
import { stateOf } from '../catalog/catalog.ts'
import { type CriteriaContext, countByCriterion, orderUpdates, selectUpdates } from '../catalog/criteria.ts'
import { keepSelections } from '../catalog/selections.ts'
import { counts } from '../fleet/compliance.ts'
import type { Criteria } from '../model/criteria.ts'
import { hasCriterion } from '../model/criterion.ts'
import type { Decision, PlannedRollout, Provenance, Trigger } from '../model/facts.ts'
import { type EpochMs, toRfc3339 } from '../model/instant.ts'
import { MAX_UPDATES_PER_GROUP } from '../model/limits.ts'
import { plural } from '../model/plural.ts'
import type { Reason } from '../model/reasons.ts'
import type { UpdateId } from '../model/update.ts'
import { isUnfinished, type RolloutRecord, type RuleRecord } from './control.ts'
import { type Draft, emit, wakeAt } from './draft.ts'
import { heldEverywhere } from './evidence.ts'
import {
  dueEvaluation,
  nextEvaluation,
  type ResolvedRule,
  type Rule,
  refOf,
  resolveRule,
  ruleNamed,
} from './rule-plan.ts'
import type { World } from './world.ts'

export function planEvaluations(draft: Draft): void {
  keepSelections(draft.world.catalog, declaredCriteria(draft.world))
  for (const name of [...draft.control.rules.keys()].sort()) {
    const rule = ruleNamed(draft.world.objects, name)
    if (rule !== undefined) planRule(draft, rule)
  }
}

/** What criteria ask about besides the catalog, as the state has it now. */
export function criteriaContext(draft: Pick<Draft, 'world' | 'control' | 'now'>): CriteriaContext {
  return {
    now: draft.now,
    requiredCount: (id) => counts(draft.world.compliance, id).required,
    isDeployed: (id) => deployedUpdates(draft).has(id),
  }
}

// The map is replaced with every change, so that the list stays the same for as long as the rules do.
const listed = new WeakMap<World['objects']['AutomaticDeploymentRule'], readonly Criteria[]>()

function declaredCriteria({ objects }: World): readonly Criteria[] {
  const rules = objects.AutomaticDeploymentRule
  const known = listed.get(rules)
  if (known) return known
  const criteria = [...rules.keys()].sort().flatMap((name) => ruleNamed(objects, name)?.spec.criteria ?? [])
  listed.set(rules, criteria)
  return criteria
}

type Due = { readonly scheduled: EpochMs; readonly trigger: Trigger }

function planRule(draft: Draft, rule: Rule): void {
  const record = draft.control.rules.get(rule.name)
  if (record === undefined) return
  if (rule.spec.suspend) {
    draft.notes.push({
      ...refOf(rule),
      state: 'Waiting',
      reason: 'Suspended',
      message: 'suspend is true: the rule is not evaluated',
    })
    return
  }
  const resolved = resolveRule(draft.world.objects, rule.spec)
  if (resolved === undefined) {
    const message = `there is no DeploymentTemplate ${rule.spec.template}`
    draft.notes.push({ ...refOf(rule), state: 'Stalled', reason: 'TemplateNotFound', message })
    return
  }
  // A moment later, or when the synchronisation has failed, it is due still.
  const due = isArriving(draft.world) ? undefined : dueEvaluation(resolved, record, draft.now)
  if (due !== undefined) emit(draft, evaluation(draft, rule, resolved, record, due))
  noteRule(draft, rule, resolved)
}

/** Whether half of a catalog is there, and the other half is about to follow. */
function isArriving({ feeds, objects }: World): boolean {
  for (const [name, { partial, failure }] of feeds) {
    const source = objects.UpdateSource.get(name)
    if (partial && failure === undefined && source?.kind === 'UpdateSource' && !source.spec.suspend) return true
  }
  return false
}

function evaluation(draft: Draft, rule: Rule, resolved: ResolvedRule, record: RuleRecord, due: Due): Decision {
  const fail = (matched: number, reason: Reason, message: string): Decision => ({
    type: 'EvaluationFailed',
    rule: rule.name,
    ...due,
    matched,
    reason,
    message,
  })
  if (!hasCriterion(rule.spec.criteria))
    return fail(0, 'NoCriteria', 'the rule names no criterion: add one under spec.criteria')
  if (resolved.plan.phases.length === 0)
    return fail(0, 'NoPhases', 'the rule names no phase: add one under spec.phases')
  const selected = select(draft, rule)
  const replaced = resolved.mode === 'New' ? replacedBy(draft, rule.name, resolved) : []
  const carried = carriedOver(draft, selected, replaced)
  const updates = order(draft, new Set([...selected, ...carried]))
  const count = updates.length
  if (count > MAX_UPDATES_PER_GROUP && resolved.overflow === 'Fail')
    return fail(count, 'TooManyUpdates', tooMany(draft, rule, count, selected, replaced))
  const done = (rollouts: readonly PlannedRollout[], reason: Reason, message: string): Decision => ({
    type: 'RuleEvaluated',
    rule: rule.name,
    ...due,
    matched: count,
    rollouts,
    carried: rollouts.length === 0 ? [] : carried,
    plan: resolved.plan,
    provenance: provenanceOf(rule, due.scheduled),
    reason,
    message,
  })
  if (selected.length === 0) return done([], 'NothingMatched', 'no update in the catalog meets all criteria')
  if (record.selected?.join() === selected.toSorted().join())
    return done([], 'Unchanged', `the same ${plural(selected.length, 'update')} as before: nothing is changed`)
  const goingOut = new Set(
    replaced.flatMap(({ updates, passedWithout }) => updates.filter((id) => !passedWithout.includes(id))),
  )
  if (selected.every((id) => goingOut.has(id))) {
    const names = replaced.map(({ name }) => name).sort()
    return done([], 'Unchanged', `all ${plural(selected.length, 'update')} go out already, with ${names.join(', ')}`)
  }
  const rollouts = groupsOf(draft, rule.name, resolved, due.scheduled, updates)
  const named = rollouts.map((rollout) => rollout.name).join(', ')
  const more =
    carried.length === 0 ? '' : `, ${carried.length} of them carried over from the rollout that this one replaces`
  return done(rollouts, 'Matched', `${plural(count, 'update')} selected${more}: ${named}`)
}

function select(draft: Draft, rule: Rule): UpdateId[] {
  const held = heldEverywhere(draft.control)
  const rows = selectUpdates(draft.world.catalog, rule.spec.criteria, criteriaContext(draft))
  return orderUpdates(draft.world.catalog, rows).filter((id) => !held.has(id) && !draft.expiring.has(id))
}

// `onNewer: Replace` stops the older rollout where it is; what it was still to bring goes on in the newer one.
function replacedBy(draft: Draft, rule: string, resolved: ResolvedRule): RolloutRecord[] {
  if (resolved.plan.onNewer !== 'Replace') return []
  return [...draft.control.rollouts.values()].filter(
    (rollout) => rollout.rule === rule && isUnfinished(rollout) && rollout.rollbackAsked === undefined,
  )
}

/** Sorted, without those that were selected anyway. */
function carriedOver(draft: Draft, selected: readonly UpdateId[], replaced: readonly RolloutRecord[]): UpdateId[] {
  const held = heldEverywhere(draft.control)
  const carried = new Set(replaced.flatMap((rollout) => rollout.updates))
  for (const id of selected) carried.delete(id)
  return [...carried]
    .filter((id) => stateOf(draft.world.catalog, id) === 'Normal' && !held.has(id) && !draft.expiring.has(id))
    .sort()
}

function order(draft: Draft, ids: ReadonlySet<UpdateId>): UpdateId[] {
  const { catalog } = draft.world
  const rows = { words: new Uint32Array((catalog.ids.length + 31) >>> 5) }
  for (const id of ids) {
    const row = catalog.rowOf.get(id)
    if (row !== undefined) rows.words[row >>> 5] = (rows.words[row >>> 5] ?? 0) | (1 << (row & 31))
  }
  return orderUpdates(catalog, rows)
}

function tooMany(
  draft: Draft,
  rule: Rule,
  count: number,
  selected: readonly UpdateId[],
  replaced: readonly RolloutRecord[],
): string {
  if (selected.length <= MAX_UPDATES_PER_GROUP) {
    const names = replaced.map(({ name }) => name).sort()
    return `${selected.length} updates match and ${count - selected.length} are carried over from ${names.join(', ')}, and a group holds at most ${MAX_UPDATES_PER_GROUP}: set \`group.overflow: Split\`, or evaluate again when that has ended`
  }
  const broadest = countByCriterion(draft.world.catalog, rule.spec.criteria, criteriaContext(draft))[0]
  const narrow =
    rule.spec.criteria.released?.within === undefined
      ? 'add `released: {within: P1M}`'
      : `narrow \`${broadest?.property}\`, which alone lets ${broadest?.count} pass`
  return `${count} updates match, and a group holds at most ${MAX_UPDATES_PER_GROUP}: ${narrow}, or set \`group.overflow: Split\``
}

function groupsOf(
  draft: Draft,
  rule: string,
  resolved: ResolvedRule,
  scheduled: EpochMs,
  updates: readonly UpdateId[],
): PlannedRollout[] {
  const zone = resolved.plan.zone
  const base = freeName(draft, rule, Temporal.Instant.fromEpochMilliseconds(scheduled).toZonedDateTimeISO(zone))
  const parts = Math.ceil(updates.length / MAX_UPDATES_PER_GROUP)
  return Array.from({ length: parts }, (_, i) => {
    const part = parts === 1 ? '' : `-part${i + 1}`
    return {
      name: base + part,
      group: (resolved.mode === 'Replace' ? rule : base) + part,
      updates: updates.slice(i * MAX_UPDATES_PER_GROUP, (i + 1) * MAX_UPDATES_PER_GROUP),
    }
  })
}

// Named for the day of the evaluation, in the zone of its schedule; the second one of a day gets a number.
function freeName(draft: Draft, rule: string, scheduled: Temporal.ZonedDateTime): string {
  const day = `${rule}-${scheduled.toPlainDate().toString().replaceAll('-', '')}`
  const taken = (name: string) => draft.control.rollouts.has(name) || draft.control.rollouts.has(`${name}-part1`)
  let name = day
  for (let i = 2; taken(name); i++) name = `${day}-${i}`
  return name
}

function provenanceOf(rule: Rule, evaluation: EpochMs): Provenance {
  const { line: _, ...provenance } = rule.origin
  return { rule: rule.name, evaluation, ...provenance }
}

function noteRule(draft: Draft, rule: Rule, resolved: ResolvedRule): void {
  const next = nextEvaluation(resolved, draft.now)
  wakeAt(draft, next)
  const outcome = draft.control.rules.get(rule.name)?.outcome
  const until = next === undefined ? {} : { until: next }
  if (outcome?.failed) {
    draft.notes.push({ ...refOf(rule), state: 'Stalled', reason: outcome.reason, message: outcome.message, ...until })
    return
  }
  const when =
    next !== undefined
      ? `next evaluation at ${toRfc3339(next)}`
      : resolved.afterSync
        ? 'evaluated after each synchronisation that changes the catalog'
        : 'evaluated on command'
  const reason: Reason =
    outcome?.reason ?? (next !== undefined ? 'Scheduled' : resolved.afterSync ? 'WaitingForSync' : 'NotScheduled')
  const message = outcome === undefined ? when : `${outcome.message}; ${when}`
  draft.notes.push({ ...refOf(rule), state: 'Ready', reason, message, ...until })
}

function deployedUpdates(draft: Pick<Draft, 'control'>): ReadonlySet<UpdateId> {
  const known = deployed.get(draft.control)
  if (known !== undefined) return known
  const ids = new Set<UpdateId>()
  for (const rollout of draft.control.rollouts.values())
    if (rollout.status !== 'Planned' && rollout.status !== 'RolledBack' && rollout.status !== 'Superseded')
      for (const id of rollout.updates) ids.add(id)
  deployed.set(draft.control, ids)
  return ids
}

// Control is immutable, so what is derived from it holds for as long as it lives.
const deployed = new WeakMap<Draft['control'], ReadonlySet<UpdateId>>()
