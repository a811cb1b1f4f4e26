// The catalog's rules once more, the slow and obvious way: the oracle of the property tests.
import type { CriteriaContext } from '../../controller/catalog/criteria.ts'
import type { Criteria } from '../../controller/model/criteria.ts'
import type { Update } from '../../controller/model/update.ts'

/**
 * The updates that another one, not declined, supersedes, by id, with the earliest of those, or that their feed says so of. Cycles
 * are cut as semantics.md §1 has it decided.
 */
export function naiveSuperseders(
  updates: ReadonlyMap<string, Update>,
  declined: ReadonlySet<string>,
): Map<string, string | undefined> {
  const edges = new Map<string, Set<string>>()
  for (const update of updates.values())
    edges.set(update.id, new Set(update.supersedes.filter((target) => updates.has(target))))
  const reach = (from: string, over: ReadonlyMap<string, ReadonlySet<string>>): Set<string> => {
    const seen = new Set<string>()
    const visit = (id: string) => {
      for (const target of over.get(id) ?? []) {
        if (seen.has(target)) continue
        seen.add(target)
        visit(target)
      }
    }
    visit(from)
    return seen
  }
  const uncut = new Map([...updates.keys()].map((id) => [id, reach(id, edges)]))
  const cut = new Map<string, Set<string>>()
  for (const [id, targets] of edges)
    cut.set(id, new Set([...targets].filter((target) => !uncut.get(target)?.has(id) || newer(updates, id, target))))
  const superseders = new Map<string, string | undefined>()
  for (const { id, state } of updates.values()) if (state === 'Superseded') superseders.set(id, undefined)
  for (const update of updates.values())
    if (update.state !== 'Declined' && !declined.has(update.id))
      for (const id of reach(update.id, cut)) {
        const known = superseders.get(id)
        if (known === undefined || newer(updates, known, update.id)) superseders.set(id, update.id)
      }
  return superseders
}

export function naiveSuperseded(updates: ReadonlyMap<string, Update>, declined: ReadonlySet<string>): Set<string> {
  return new Set(naiveSuperseders(updates, declined).keys())
}

export function naiveMatch(update: Update, criteria: Criteria, superseded: boolean, context: CriteriaContext): boolean {
  const wanted = criteria.superseded ?? false
  const kb = (value: string) => value.replace(/^kb(?=[\d*])/i, '')
  return (
    (wanted === 'Any' || wanted === superseded) &&
    whole(criteria.products, update.products) &&
    whole(criteria.classifications, [update.classification]) &&
    whole(criteria.severities, [update.severity]) &&
    whole(criteria.customSeverities, update.customSeverity ? [update.customSeverity] : []) &&
    part(criteria.titles, update.title) &&
    part(criteria.descriptions, update.description) &&
    whole(
      criteria.articleIds?.map((term) => (term.startsWith('-') ? `-${kb(term.slice(1))}` : kb(term))),
      update.articleIds.map(kb),
    ) &&
    whole(criteria.bulletinIds, update.bulletinIds) &&
    whole(criteria.cves, update.cves) &&
    whole(criteria.vendors, [update.vendor]) &&
    whole(criteria.languages, update.languages) &&
    whole(criteria.architectures, [update.architecture]) &&
    whole(criteria.restart, [update.restart]) &&
    aged(criteria.released, update.released, context.now) &&
    aged(criteria.revised, update.revised ?? update.released, context.now) &&
    compared(criteria.required, context.requiredCount(update.id)) &&
    compared(criteria.sizeBytes, update.sizeBytes) &&
    [undefined, context.isDeployed(update.id)].includes(criteria.deployed) &&
    [undefined, update.knownIssue].includes(criteria.knownIssue) &&
    [undefined, update.exploited.length > 0].includes(criteria.exploited)
  )
}

function newer(updates: ReadonlyMap<string, Update>, a: string, b: string): boolean {
  const first = updates.get(a)?.released ?? 0
  const second = updates.get(b)?.released ?? 0
  return first === second ? a > b : first > second
}

function whole(terms: readonly string[] | undefined, values: readonly string[]): boolean {
  return listed(terms, (term) => values.some((value) => pattern(term, '^', '$').test(value)))
}

function part(terms: readonly string[] | undefined, value: string): boolean {
  return listed(terms, (term) => pattern(term, '', '').test(value))
}

function listed(terms: readonly string[] | undefined, met: (term: string) => boolean): boolean {
  if (terms === undefined) return true
  const positive = terms.filter((term) => !term.startsWith('-'))
  const negative = terms.filter((term) => term.startsWith('-')).map((term) => term.slice(1))
  return (positive.length === 0 || positive.some(met)) && !negative.some(met)
}

function pattern(term: string, start: string, end: string): RegExp {
  const literal = term.split('*').map((text) => RegExp.escape(text))
  return new RegExp(start + literal.join('[^]*') + end, 'i')
}

function aged(age: Criteria['released'], at: number, now: number): boolean {
  const ago = (span: string) =>
    Temporal.Instant.fromEpochMilliseconds(now).toZonedDateTimeISO('UTC').subtract(span).epochMilliseconds
  if (age?.within !== undefined && at < ago(age.within)) return false
  if (age?.olderThan !== undefined && at >= ago(age.olderThan)) return false
  return age === undefined || at <= now
}

function compared(text: string | undefined, value: number): boolean {
  switch (text) {
    case undefined:
      return true
    case '>=1':
      return value >= 1
    case '<= 10':
      return value <= 10
    case '0':
      return value === 0
    case '3..12':
      return value >= 3 && value <= 12
    case '>5':
      return value > 5
    case '<2':
      return value < 2
    default:
      throw new Error(`the oracle does not know ${text}`)
  }
}
