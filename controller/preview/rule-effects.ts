// What becomes of each rule: updates that it selects now, how near they are to the limit of a group, and the devices that
// the phases of its next rollout would have.
import { updateOf } from '../catalog/catalog.ts'
import { type CriteriaContext, explainCriteria, orderUpdates, selectUpdates } from '../catalog/criteria.ts'
import { membersOf } from '../fleet/collections.ts'
import { keepPercent } from '../fleet/fleet.ts'
import { type BitPlane, clonePlane, countBits, hasBit, newPlane, subtract, unite } from '../model/bit-plane.ts'
import type { EpochMs } from '../model/instant.ts'
import { MAX_UPDATES_PER_GROUP } from '../model/limits.ts'
import type { ResolvedPlan } from '../model/resolved-plan.ts'
import type { UpdateId } from '../model/update.ts'
import { describeDifferences } from '../project/explain-selection.ts'
import { heldEverywhere } from '../rollout/evidence.ts'
import { criteriaContext } from '../rollout/plan-evaluations.ts'
import { nextEvaluation, type ResolvedRule, type Rule, resolveRule, ruleNamed } from '../rollout/rule-plan.ts'
import type { State } from '../state/state.ts'
import { saysTheSame } from './changed-objects.ts'
import { counted, difference, whyEntering, whyIn, without } from './device-lists.ts'
import { type Cap, MAX_SHOWN, type PhaseEffect, type RuleEffect, type UpdateLine, type UpdateList } from './effect.ts'

/** A rule as it stands in one world. */
export type RuleSide = {
  readonly rule: Rule
  readonly resolved: ResolvedRule | undefined
  readonly selected: readonly UpdateId[]
  /** By phase of the plan. */
  readonly devices: readonly BitPlane[]
}

/** Undefined when there is no such rule. */
export function ruleSide(state: State, name: string, now: EpochMs): RuleSide | undefined {
  const known = sides.get(state)
  const sameState = known?.version === state.version && known.now === now
  const memo = sameState ? known : { version: state.version, now, byName: new Map<string, RuleSide | undefined>() }
  if (!sameState) sides.set(state, memo)
  if (!memo.byName.has(name)) memo.byName.set(name, newRuleSide(state, name, now))
  return memo.byName.get(name)
}

// Asked for by every part of a comparison. The memo changes no answer: a state that changes has another version.
const sides = new WeakMap<
  State,
  { readonly version: number; readonly now: EpochMs; readonly byName: Map<string, RuleSide | undefined> }
>()

function newRuleSide(state: State, name: string, now: EpochMs): RuleSide | undefined {
  const rule = ruleNamed(state.objects, name)
  if (rule === undefined) return undefined
  const resolved = resolveRule(state.objects, rule.spec)
  const devices = resolved === undefined ? [] : phaseDevices(state, resolved.plan)
  return { rule, resolved, selected: selectedNow(state, rule, now), devices }
}

/** What an evaluation at `now` would select, in the order of a group. */
export function selectedNow(state: State, { spec }: Rule, now: EpochMs): UpdateId[] {
  const held = heldEverywhere(state.control)
  const rows = selectUpdates(state.catalog, spec.criteria, contextOf(state, now))
  return orderUpdates(state.catalog, rows).filter((id) => !held.has(id))
}

export function contextOf(state: State, now: EpochMs): CriteriaContext {
  return criteriaContext({ world: state, control: state.control, now })
}

/** The devices that each phase of a rollout would have that starts now. */
export function phaseDevices(state: State, plan: ResolvedPlan): BitPlane[] {
  const ahead = newPlane()
  return plan.phases.map(({ collection, percent }) => {
    const devices = clonePlane(membersOf(state.fleet, state.collections, collection) ?? newPlane())
    subtract(devices, ahead)
    if (percent < 100) keepPercent(state.fleet, devices, percent)
    unite(ahead, devices)
    return devices
  })
}

/** Rules of either side on which anything differs, by name. */
export function ruleEffects(base: State, head: State, now: EpochMs): RuleEffect[] {
  const names = new Set([
    ...base.objects.AutomaticDeploymentRule.keys(),
    ...head.objects.AutomaticDeploymentRule.keys(),
  ])
  return [...names].sort().flatMap((name) => {
    const before = ruleSide(base, name, now)
    const after = ruleSide(head, name, now)
    const effect = ruleEffect(name, before, after, { base, head, now })
    return isAnything(effect, before, after) ? [effect] : []
  })
}

/** Devices that would be in another phase of the next rollout of some rule, or in none. */
export function devicesInOtherPhases(base: State, head: State, now: EpochMs): number {
  const moved = newPlane()
  for (const name of new Set([
    ...base.objects.AutomaticDeploymentRule.keys(),
    ...head.objects.AutomaticDeploymentRule.keys(),
  ])) {
    const [before, after] = [ruleSide(base, name, now), ruleSide(head, name, now)]
    const phases = (side: RuleSide | undefined) => side?.resolved?.plan.phases ?? []
    for (const phase of new Set([...phases(before), ...phases(after)].map((one) => one.name))) {
      const devices = (side: RuleSide | undefined) => side?.devices[phases(side).findIndex((one) => one.name === phase)]
      unite(moved, difference(devices(before), devices(after)))
    }
  }
  return countBits(moved)
}

type Sides = { readonly base: State; readonly head: State; readonly now: EpochMs }

function ruleEffect(
  name: string,
  before: RuleSide | undefined,
  after: RuleSide | undefined,
  { base, head, now }: Sides,
): RuleEffect {
  const [old, fresh] = [new Set(before?.selected), new Set(after?.selected)]
  const entering = (after?.selected ?? []).filter((id) => !old.has(id))
  const leaving = (before?.selected ?? []).filter((id) => !fresh.has(id))
  const next = (side: RuleSide | undefined) =>
    side?.resolved && !side.rule.spec.suspend ? nextEvaluation(side.resolved, now) : undefined
  return {
    rule: name,
    change: changeOf(before, after),
    matched: {
      ...(before && { base: before.selected.length }),
      ...(after && { head: after.selected.length }),
    },
    entering: listed(head, entering, (id) => (before ? whyNot(base, before, id, now) : 'the rule is new')),
    leaving: listed(base, leaving, (id) => (after ? whyNot(head, after, id, now) : 'the rule is removed')),
    cap: capOf(after ?? before),
    nextEvaluation: { ...at('base', next(before)), ...at('head', next(after)) },
    phases: phaseEffects(before, after, base, head),
  }
}

function changeOf(before: RuleSide | undefined, after: RuleSide | undefined): RuleEffect['change'] {
  if (before === undefined) return 'Added'
  if (after === undefined) return 'Removed'
  return saysTheSame(before.rule, after.rule) ? 'Affected' : 'Changed'
}

function isAnything(effect: RuleEffect, before: RuleSide | undefined, after: RuleSide | undefined): boolean {
  if (effect.change !== 'Affected') return true
  return (
    effect.entering.total + effect.leaving.total > 0 ||
    effect.phases.length > 0 ||
    JSON.stringify(before?.resolved) !== JSON.stringify(after?.resolved)
  )
}

function listed(state: State, ids: readonly UpdateId[], why: (id: UpdateId) => string): UpdateList {
  const shown = ids
    .slice(0, MAX_SHOWN)
    .map((id): UpdateLine => ({ id, title: updateOf(state.catalog, id)?.title ?? '', why: why(id) }))
  return { total: ids.length, shown }
}

function whyNot(state: State, { rule }: RuleSide, id: UpdateId, now: EpochMs): string {
  const holds = [...state.control.holds].filter(([, { updates, collections }]) => !collections && updates.includes(id))
  if (holds.length > 0) return `held by ${holds.map(([name]) => name).join(', ')}`
  const { trace } = explainCriteria(state.catalog, rule.spec.criteria, id, contextOf(state, now))
  return describeDifferences(trace)
}

export function capOf(side: RuleSide | undefined): Cap {
  const matched = side?.selected.length ?? 0
  const overflow = side?.resolved?.overflow ?? 'Fail'
  const limit = MAX_UPDATES_PER_GROUP
  return { limit, overflow, level: matched > limit ? 'Over' : matched * 10 >= limit * 9 ? 'Near' : 'Fine' }
}

function phaseEffects(
  before: RuleSide | undefined,
  after: RuleSide | undefined,
  base: State,
  head: State,
): PhaseEffect[] {
  const [old, fresh] = [before?.resolved?.plan.phases ?? [], after?.resolved?.plan.phases ?? []]
  const names = [...new Set([...fresh, ...old].map(({ name }) => name))]
  return names.flatMap((phase) => {
    const [i, j] = [old.findIndex(({ name }) => name === phase), fresh.findIndex(({ name }) => name === phase)]
    const [was, is] = [before?.devices[i], after?.devices[j]]
    const entering = without(head, is, was, (row) => whereFrom(base, before, row, fresh[j]?.collection, head))
    const leaving = without(base, was, is, (row) => whereTo(head, after, row, old[i]?.collection))
    if (was !== undefined && is !== undefined && entering.total + leaving.total === 0) return []
    return [{ phase, devices: { ...counted('base', was), ...counted('head', is) }, entering, leaving }]
  })
}

function whereFrom(
  base: State,
  before: RuleSide | undefined,
  row: number,
  collection: string | undefined,
  head: State,
): string {
  const from = phaseOf(before, row)
  if (from !== undefined) return `was in phase ${from}`
  if (before === undefined) return 'the rule is new'
  const wasMember = collection !== undefined && isMember(base, collection, row)
  return collection === undefined || wasMember ? 'was in no phase' : whyEntering(base, head, collection, row)
}

function whereTo(head: State, after: RuleSide | undefined, row: number, collection: string | undefined): string {
  const to = phaseOf(after, row)
  if (to !== undefined) return `goes to phase ${to}`
  if (after === undefined) return 'the rule is removed'
  if (collection === undefined || isMember(head, collection, row)) return 'is in no phase'
  return whyIn(head, collection, row)
}

function isMember(state: State, collection: string, row: number): boolean {
  const members = membersOf(state.fleet, state.collections, collection)
  return members !== undefined && hasBit(members, row)
}

function phaseOf(side: RuleSide | undefined, row: number): string | undefined {
  const index = side?.devices.findIndex((devices) => hasBit(devices, row)) ?? -1
  return side?.resolved?.plan.phases[index]?.name
}

function at<K extends 'base' | 'head'>(side: K, instant: EpochMs | undefined): { [P in K]?: EpochMs } {
  const result: { [P in K]?: EpochMs } = {}
  if (instant !== undefined) result[side] = instant
  return result
}
