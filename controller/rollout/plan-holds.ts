// Holds (semantics.md §7): which updates each one covers now, and that it begins, changes and ends.
import { articleNumber } from '../catalog/terms.ts'
import type { Declared } from '../model/declared.ts'
import type { HoldTerms } from '../model/facts.ts'
import { toRfc3339 } from '../model/instant.ts'
import type { UpdateId } from '../model/update.ts'
import { approveAgain } from './approve.ts'
import type { HoldRecord } from './control.ts'
import { type Draft, emit, wakeAt } from './draft.ts'
import { heldEverywhere } from './evidence.ts'
import { unapproveSome } from './unapprove.ts'

type Hold = Extract<Declared, { readonly kind: 'UpdateHold' }>

export function planHolds(draft: Draft): void {
  const heldBefore = heldEverywhere(draft.control)
  const declared = draft.world.objects.UpdateHold
  for (const name of [...draft.control.holds.keys()].sort()) {
    const hold = declared.get(name)
    if (hold?.kind === 'UpdateHold' && !isOver(draft, hold)) continue
    emit(draft, {
      type: 'HoldEnded',
      hold: name,
      reason: 'HoldEnded',
      message: hold === undefined ? `hold ${name} was removed` : `hold ${name} has run out`,
    })
  }
  for (const name of [...declared.keys()].sort()) {
    const hold = declared.get(name)
    if (hold?.kind === 'UpdateHold') planHold(draft, hold)
  }
  const freed = heldBefore.difference(heldEverywhere(draft.control))
  if (freed.size > 0) approveAgain(draft, freed, 'HoldEnded')
}

function planHold(draft: Draft, hold: Hold): void {
  if (isOver(draft, hold)) return
  const terms = termsOf(hold)
  wakeAt(draft, terms.until)
  draft.notes.push({
    kind: 'UpdateHold',
    name: hold.name,
    state: 'Ready',
    reason: 'Held',
    message: hold.spec.reason,
    ...(terms.until !== undefined && { until: terms.until }),
  })
  const held = coveredBy(draft, hold)
  const before = draft.control.holds.get(hold.name)
  if (sameHold(before, terms, held, hold.spec.reason)) return
  const heldBefore = new Set(before?.collections === undefined ? before?.updates : [])
  emit(draft, {
    type: 'UpdatesHeld',
    hold: hold.name,
    held,
    updates: held.length,
    terms,
    reason: 'Held',
    message: hold.spec.reason,
  })
  const until = terms.until === undefined ? 'until it is removed' : `until ${toRfc3339(terms.until)}`
  const fresh = held.filter((id) => !heldBefore.has(id))
  if (!terms.collections) unapproveSome(draft, fresh, 'Held', `hold ${hold.name}, ${until}: ${hold.spec.reason}`)
}

function isOver(draft: Draft, hold: Hold): boolean {
  return hold.spec.until !== undefined && Date.parse(hold.spec.until) <= draft.now
}

function termsOf({ spec }: Hold): HoldTerms {
  return {
    uninstall: spec.uninstall ?? false,
    ...(spec.collections && { collections: spec.collections }),
    ...(spec.until !== undefined && { until: Date.parse(spec.until) }),
  }
}

// An update id that the catalog does not know yet is held all the same, so that it is held when it arrives.
function coveredBy(draft: Draft, { spec }: Hold): UpdateId[] {
  const held = new Set<UpdateId>(spec.updates)
  const articles = new Set(spec.articleIds?.map(articleNumber))
  if (articles.size > 0)
    for (const update of draft.world.catalog.updates)
      if (update.articleIds.some((article) => articles.has(articleNumber(article)))) held.add(update.id)
  return [...held].sort()
}

function sameHold(
  record: HoldRecord | undefined,
  terms: HoldTerms,
  held: readonly UpdateId[],
  reason: string,
): boolean {
  return (
    record !== undefined &&
    record.until === terms.until &&
    record.uninstall === terms.uninstall &&
    record.reason === reason &&
    record.collections?.join() === terms.collections?.join() &&
    record.updates.join() === held.join()
  )
}
