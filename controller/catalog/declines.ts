// Declining by policy (semantics.md §1): which updates of a source its decline criteria hide, and which they no longer do.
import { clearBit, hasBit, intersect, newPlane, setBit, unite } from '../model/bit-plane.ts'
import type { Criteria } from '../model/criteria.ts'
import type { UpdateId } from '../model/update.ts'
import type { Catalog } from './catalog.ts'
import { type CriteriaContext, matchRows } from './criteria.ts'
import { declinedRows, supersedenceIfDeclined } from './supersedence.ts'

/**
 * Which updates of the source to decline and which to reinstate, so that those declined by policy are those that match.
 * Criteria that ask for `superseded` come after the others, and see what the others decline: that an update is declined
 * as superseded then never depends on itself, and planning again changes nothing.
 */
export function planDeclines(
  catalog: Catalog,
  source: string,
  declines: readonly Criteria[],
  context: CriteriaContext,
): { declined: UpdateId[]; reinstated: UpdateId[] } {
  const ours = newPlane(catalog.ids.length)
  for (const [row, name] of catalog.sources.entries()) if (name === source) setBit(ours, row)
  const wanted = newPlane(catalog.ids.length)
  for (const criteria of declines) if (!asksSuperseded(criteria)) unite(wanted, matchRows(catalog, criteria, context))
  intersect(wanted, ours)
  const elsewhere = declinedRows(catalog)
  for (const [row, update] of catalog.updates.entries())
    if (hasBit(ours, row) && update.state !== 'Declined') clearBit(elsewhere, row)
  const { superseded } = supersedenceIfDeclined(catalog, unite(elsewhere, wanted))
  for (const criteria of declines)
    if (asksSuperseded(criteria)) unite(wanted, matchRows(catalog, criteria, context, superseded))
  const declined: UpdateId[] = []
  const reinstated: UpdateId[] = []
  for (const [row, id] of catalog.ids.entries()) {
    if (!hasBit(ours, row) || hasBit(wanted, row) === hasBit(catalog.declined, row)) continue
    if (hasBit(wanted, row)) declined.push(id)
    else reinstated.push(id)
  }
  return { declined: declined.sort(), reinstated: reinstated.sort() }
}

function asksSuperseded(criteria: Criteria): boolean {
  return typeof criteria.superseded === 'boolean'
}
