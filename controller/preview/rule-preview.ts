// What a rule would do if it were evaluated now: the updates that it selects, those that it misses by one criterion alone,
// and the devices of each phase. `ringmaster preview` tells it.
import { updateOf } from '../catalog/catalog.ts'
import { type CriterionTrace, explainCriteria, selectUpdates } from '../catalog/criteria.ts'
import { clonePlane, countBits, eachBit, hasBit, newPlane, planeRows, subtract } from '../model/bit-plane.ts'
import type { Criteria } from '../model/criteria.ts'
import type { EpochMs } from '../model/instant.ts'
import type { UpdateId } from '../model/update.ts'
import { heldEverywhere } from '../rollout/evidence.ts'
import { describeMisfits, misfitsOf } from '../rollout/never-fits.ts'
import { nextEvaluation } from '../rollout/rule-plan.ts'
import { apply } from '../state/apply.ts'
import { decide } from '../state/decide.ts'
import { decodeState, encodeState, type State } from '../state/state.ts'
import type { Cap } from './effect.ts'
import { capOf, contextOf, type RuleSide, ruleSide } from './rule-effects.ts'

export type RulePreview = {
  readonly rule: string
  readonly at: EpochMs
  readonly cap: Cap
  readonly selected: { readonly total: number; readonly shown: readonly PreviewUpdate[] }
  /** By criterion, those that most updates fail first. */
  readonly nearMisses: readonly NearMisses[]
  /** Held by an UpdateHold without collections, though they meet the criteria. */
  readonly held: { readonly total: number; readonly shown: readonly PreviewUpdate[] }
  readonly nextEvaluation?: EpochMs
  readonly suspended: boolean
  /** Name of the DeploymentTemplate that the rule names and that does not exist. */
  readonly templateMissing?: string
  /** Groups, and so rollouts, that the selection makes; 0 when it makes none. */
  readonly groups: number
  readonly phases: readonly PreviewPhase[]
  /** What the evaluation would say, by the controller's own code; absent when there would be none. */
  readonly evaluation?: { readonly reason: string; readonly message: string; readonly rollouts: readonly string[] }
}

export type PreviewUpdate = {
  readonly id: string
  readonly title: string
  readonly released: EpochMs
  /** Devices that say they need it. */
  readonly required: number
  /** Of a near miss: what the criterion wants, and what is so. */
  readonly wants?: string
  readonly is?: string
}

export type NearMisses = {
  readonly criterion: string
  readonly total: number
  readonly shown: readonly PreviewUpdate[]
}

export type PreviewPhase = {
  readonly phase: string
  readonly collection: string
  readonly percent: number
  readonly devices: number
  /** Ids of the first of them. */
  readonly shown: readonly string[]
  readonly neverFits?: string
}

/** `limit`: updates shown, selected and of each criterion. Undefined when there is no such rule. */
export function previewRule(state: State, name: string, now: EpochMs, limit: number): RulePreview | undefined {
  const side = ruleSide(state, name, now)
  if (side === undefined) return undefined
  const { rule, resolved, selected } = side
  const held = heldMatches(state, rule.spec.criteria, now)
  const cap = capOf(side)
  const next = resolved && !rule.spec.suspend ? nextEvaluation(resolved, now) : undefined
  const fails = selected.length > cap.limit && cap.overflow === 'Fail'
  const show = (ids: readonly UpdateId[]) => ({
    total: ids.length,
    shown: ids.slice(0, limit).flatMap((id) => updateLine(state, id)),
  })
  return {
    rule: name,
    at: now,
    cap,
    selected: show(selected),
    nearMisses: nearMisses(state, rule.spec.criteria, now, limit),
    held: show(held),
    ...(next !== undefined && { nextEvaluation: next }),
    suspended: rule.spec.suspend ?? false,
    ...(resolved === undefined && { templateMissing: rule.spec.template ?? '' }),
    groups: fails ? 0 : Math.ceil(selected.length / cap.limit),
    phases: previewPhases(state, side, now, limit),
    ...evaluationOf(state, name, now),
  }
}

// In a copy: as if somebody had said `ringmaster evaluate`.
function evaluationOf(state: State, rule: string, now: EpochMs): Pick<RulePreview, 'evaluation'> {
  const copy = decodeState(encodeState(state))
  apply(copy, now, { type: 'CommandGiven', command: { type: 'Evaluate', rule }, by: 'preview' })
  for (const decision of decide(copy, Temporal.Instant.fromEpochMilliseconds(now)).decisions) {
    if (decision.type === 'RuleEvaluated' && decision.rule === rule) {
      const { reason, message } = decision
      return { evaluation: { reason, message, rollouts: decision.rollouts.map((planned) => planned.name) } }
    }
    if (decision.type === 'EvaluationFailed' && decision.rule === rule)
      return { evaluation: { reason: decision.reason, message: decision.message, rollouts: [] } }
  }
  return {}
}

function previewPhases(
  state: State,
  { resolved, devices, selected }: RuleSide,
  now: EpochMs,
  limit: number,
): PreviewPhase[] {
  return (resolved?.plan.phases ?? []).map((planned, i) => {
    const targets = devices[i] ?? newPlane()
    const misfits = misfitsOf(state, planned.deployment, targets, selected, now)
    const { name: phase, collection, percent } = planned
    const neverFits = misfits && describeMisfits(misfits)
    const ids = planeRows(targets).map((row) => state.fleet.ids[row] ?? '')
    const shown = ids.sort().slice(0, limit)
    return { phase, collection, percent, devices: ids.length, shown, ...(neverFits !== undefined && { neverFits }) }
  })
}

function updateLine(state: State, id: UpdateId, trace?: CriterionTrace): PreviewUpdate[] {
  const update = updateOf(state.catalog, id)
  if (update === undefined) return []
  const required = state.compliance.updates.get(id)?.required ?? 0
  const { title, released } = update
  return [{ id, title, released, required, ...(trace && { wants: trace.expected, is: trace.actual }) }]
}

function heldMatches(state: State, criteria: Criteria, now: EpochMs): UpdateId[] {
  const rows = selectUpdates(state.catalog, criteria, contextOf(state, now))
  const held = heldEverywhere(state.control)
  return [...held].filter((id) => hasBit(rows, state.catalog.rowOf.get(id) ?? -1)).sort()
}

// What passes once a criterion is left out, and not with it, fails that one alone.
function nearMisses(state: State, criteria: Criteria, now: EpochMs, limit: number): NearMisses[] {
  const { catalog } = state
  const context = contextOf(state, now)
  const selected = selectUpdates(catalog, criteria, context)
  const found = Object.keys(criteria)
    .concat('superseded' in criteria ? [] : ['superseded'])
    .flatMap((criterion): NearMisses[] => {
      const without = selectUpdates(catalog, relaxed(criteria, criterion), context)
      const missed = subtract(clonePlane(without), selected)
      const total = countBits(missed)
      if (total === 0) return []
      const ids: UpdateId[] = []
      eachBit(missed, (row) => {
        const id = catalog.ids[row]
        if (id !== undefined) ids.push(id)
      })
      const released = (id: UpdateId) => updateOf(catalog, id)?.released ?? 0
      ids.sort((a, b) => released(b) - released(a) || (a < b ? -1 : 1))
      const shown = ids.slice(0, limit).flatMap((id) => {
        const { trace } = explainCriteria(catalog, criteria, id, context)
        return updateLine(
          state,
          id,
          trace.find(({ property }) => property === criterion),
        )
      })
      return [{ criterion, total, shown }]
    })
  return found.sort((a, b) => b.total - a.total || (a.criterion < b.criterion ? -1 : 1))
}

function relaxed(criteria: Criteria, criterion: string): Criteria {
  if (criterion === 'superseded') return { ...criteria, superseded: 'Any' }
  return Object.fromEntries(Object.entries(criteria).filter(([name]) => name !== criterion))
}
