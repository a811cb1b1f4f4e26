// Why one device gets one update, or does not: the whole way from the catalog to the device
// as an ordered trace, and first the answer in one sentence. Pure; it asks the very functions that decide.
import { updateOf } from '../catalog/catalog.ts'
import { hasBit } from '../model/bit-plane.ts'
import { type EpochMs, toRfc3339 } from '../model/instant.ts'
import type { StatusReason } from '../model/status-reasons.ts'
import { UpdateId } from '../model/update.ts'
import type { Note } from '../rollout/draft.ts'
import type { State } from '../state/state.ts'
import { explainDevice, explainReported } from './explain-device.ts'
import { explainRollouts } from './explain-rollouts.ts'
import { explainCatalog, explainGroups, explainHolds, explainRules } from './explain-selection.ts'
import { explainStart } from './explain-start.ts'
import { verdictOf } from './explain-verdict.ts'
import type { Case, Explanation, StepName } from './explanation.ts'

/** `update` is an id, or an article that stands for one update, such as KB5066835. */
export function explain(
  state: State,
  notes: readonly Note[],
  device: string,
  update: string,
  now: EpochMs,
): Explanation {
  const common = { device, update, at: toRfc3339(now) }
  const row = state.fleet.rowOf.get(device)
  if (row === undefined || !hasBit(state.fleet.present, row)) {
    const known = row === undefined ? 'was never enrolled' : 'was removed'
    return dead(common, 'Device', 'NotEnrolled', `device ${device} ${known}: it is offered nothing`)
  }
  const ids = idsMeant(state, update)
  const [id] = ids
  if (id === undefined) return dead(common, 'Catalog', 'NotInCatalog', `there is no update ${update} in the catalog`)
  if (ids.length > 1) {
    const some = ids.slice(0, IDS_LISTED).join(', ')
    const more = ids.length > IDS_LISTED ? `, and ${ids.length - IDS_LISTED} more` : ''
    return dead(common, 'Catalog', 'SeveralUpdates', `${update} is ${ids.length} updates, name one: ${some}${more}`)
  }
  const one: Case = { state, notes, now, row, device, id }
  const rollouts = explainRollouts(one)
  const start = explainStart(one)
  const steps = [
    ...explainDevice(one),
    ...explainCatalog(one),
    ...explainRules(one),
    ...explainGroups(one),
    ...rollouts.steps,
    ...explainHolds(one),
    ...start.steps,
    ...explainReported(one),
  ]
  const verdict = verdictOf(one, rollouts.stands, start)
  return { ...common, update: id, title: updateOf(state.catalog, id)?.title, verdict, steps }
}

const IDS_LISTED = 10

function dead(
  common: Pick<Explanation, 'device' | 'update' | 'at'>,
  step: StepName,
  reason: StatusReason,
  message: string,
): Explanation {
  return { ...common, verdict: { reason, message }, steps: [{ step, outcome: 'No', reason, message }] }
}

/** The update of that id, or else all updates of that article. */
function idsMeant({ catalog }: State, text: string): UpdateId[] {
  const id = UpdateId.safeParse(text)
  if (id.success && catalog.rowOf.has(id.data)) return [id.data]
  const article = articleOf(text)
  return catalog.updates
    .filter(({ articleIds }) => articleIds.some((candidate) => articleOf(candidate) === article))
    .map((update) => update.id)
    .sort()
}

function articleOf(text: string): string {
  return text.trim().toLowerCase().replace(/^kb/, '')
}
