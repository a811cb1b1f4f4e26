// Selecting updates by criteria (semantics.md §3): what selections.ts makes of the catalog, and what only its context knows;
// and saying why one update is or is not selected.
import { type BitPlane, clearBit, clonePlane, countBits, eachBit, hasBit, newPlane } from '../model/bit-plane.ts'
import type { Criteria } from '../model/criteria.ts'
import type { Comparison } from '../model/criterion.ts'
import { type EpochMs, toRfc3339 } from '../model/instant.ts'
import type { Update, UpdateId } from '../model/update.ts'
import { type Catalog, stateOfRow } from './catalog.ts'
import { ageBounds, compileCriteria } from './compiled-criteria.ts'
import { keptRows, selectRows } from './selections.ts'
import { supersededRows } from './supersedence.ts'
import { articleNumber, meetsAll } from './terms.ts'
import { spelledValues, textValues } from './text-properties.ts'

/** What criteria ask about besides the catalog. */
export type CriteriaContext = {
  readonly now: EpochMs
  /** On how many devices the update is required. */
  readonly requiredCount: (id: UpdateId) => number
  /** Whether the update is in any deployment. */
  readonly isDeployed: (id: UpdateId) => boolean
}

/**
 * Rows of the updates that match. Expired, declined and metadata-only updates never do. What `keepSelections` keeps is only brought
 * up to date. The plane is shared, and good until the next call: do not change it.
 */
export function selectUpdates(catalog: Catalog, criteria: Criteria, context: CriteriaContext): BitPlane {
  const rows = keptRows(catalog, criteria, context.now) ?? selectRows(catalog, [criteria], context.now)[0]
  return asked(catalog, criteria, context, rows ?? newPlane())
}

/** Rows that match whatever their state; without `superseded` in the criteria, superseded ones too. How declines are meant. */
export function matchRows(
  catalog: Catalog,
  criteria: Criteria,
  context: CriteriaContext,
  superseded: BitPlane = supersededRows(catalog),
): BitPlane {
  const [rows] = selectRows(catalog, [criteria], context.now, { type: 'Any', superseded })
  return asked(catalog, criteria, context, rows ?? newPlane())
}

/** For each criterion the number of updates that it alone lets pass: what to narrow, when too many match, is the first. */
export function countByCriterion(
  catalog: Catalog,
  criteria: Criteria,
  context: CriteriaContext,
): { property: string; count: number }[] {
  const { superseded, ...rest } = criteria
  const alone = Object.keys(rest)
    .sort()
    .flatMap((property) => {
      const only: Criteria = Object.fromEntries(
        Object.entries(rest).filter(([name, value]) => name === property && value !== undefined),
      )
      if (Object.keys(only).length === 0) return []
      return [{ property, only: superseded === undefined ? only : { ...only, superseded } }]
    })
  const planes = selectRows(
    catalog,
    alone.map(({ only }) => only),
    context.now,
  )
  const counts = alone.map(({ property, only }, i) => ({
    property,
    count: countBits(asked(catalog, only, context, planes[i] ?? newPlane())),
  }))
  return counts.sort((a, b) => b.count - a.count)
}

export type CriterionTrace = {
  readonly property: string
  readonly expected: string
  readonly actual: string
  readonly matched: boolean
}

/** Every criterion against one update, in a fixed order. */
export function explainCriteria(
  catalog: Catalog,
  criteria: Criteria,
  id: UpdateId,
  context: CriteriaContext,
): { matched: boolean; trace: CriterionTrace[] } {
  const row = catalog.rowOf.get(id)
  const update = row === undefined ? undefined : catalog.updates[row]
  if (row === undefined || update === undefined)
    return {
      matched: false,
      trace: [{ property: 'id', expected: 'in the catalog', actual: 'unknown', matched: false }],
    }
  const trace = [
    explainState(catalog, row),
    explainSuperseded(catalog, criteria, row),
    ...[...compileCriteria(criteria).texts].map(([property, terms]) => ({
      property,
      expected: (criteria[property] ?? []).join(' | '),
      actual: spelledValues(update, property).join(', ') || 'none',
      matched: meetsAll(terms, textValues(update, property)),
    })),
    ...explainNumbers(criteria, update, context),
    ...explainFlags(criteria, update, context),
  ]
  return { matched: trace.every((line) => line.matched), trace }
}

/** The ids of these rows in the stable order of semantics.md §3: released, article, id. */
export function orderUpdates(catalog: Catalog, rows: BitPlane): UpdateId[] {
  const updates: Update[] = []
  eachBit(rows, (row) => {
    const update = catalog.updates[row]
    if (update) updates.push(update)
  })
  return updates.sort(compareUpdates).map((update) => update.id)
}

export function compareUpdates(a: Update, b: Update): number {
  return a.released - b.released || compareText(firstArticle(a), firstArticle(b)) || compareText(a.id, b.id)
}

// What no column has is asked about the updates that meet everything else.
function asked(catalog: Catalog, criteria: Criteria, context: CriteriaContext, rows: BitPlane): BitPlane {
  const { deployed } = criteria
  if (deployed === undefined && criteria.required === undefined) return rows
  const { required } = compileCriteria(criteria)
  const met = clonePlane(rows)
  if (deployed !== undefined) keepWhere(catalog, met, (id) => context.isDeployed(id) === deployed)
  if (required) keepWhere(catalog, met, (id) => isWithin(required, context.requiredCount(id)))
  return met
}

function keepWhere(catalog: Catalog, rows: BitPlane, wanted: (id: UpdateId) => boolean): void {
  eachBit(rows, (row) => {
    const id = catalog.ids[row]
    if (id === undefined || !wanted(id)) clearBit(rows, row)
  })
}

function isWithin(range: Comparison, value: number): boolean {
  return range.min <= value && value <= range.max
}

function explainState(catalog: Catalog, row: number): CriterionTrace {
  const actual = stateOfRow(catalog, row)
  return {
    property: 'state',
    expected: 'not Expired, Declined or MetadataOnly',
    actual,
    matched: actual === 'Normal' || actual === 'Superseded',
  }
}

function explainSuperseded(catalog: Catalog, criteria: Criteria, row: number): CriterionTrace {
  const wanted = criteria.superseded ?? false
  const actual = hasBit(supersededRows(catalog), row)
  return {
    property: 'superseded',
    expected: String(wanted),
    actual: String(actual),
    matched: wanted === 'Any' || wanted === actual,
  }
}

function explainNumbers(criteria: Criteria, update: Update, context: CriteriaContext): CriterionTrace[] {
  const compiled = compileCriteria(criteria)
  const ages = (['released', 'revised'] as const).flatMap((property) => {
    const [age, asked] = [criteria[property], compiled[property]]
    if (age === undefined || asked === undefined) return []
    const actual = update[property] ?? update.released
    const { from, until } = ageBounds(asked, context.now)
    const expected = [age.within && `within ${age.within}`, age.olderThan && `older than ${age.olderThan}`]
    return [
      {
        property,
        expected: expected.filter(Boolean).join(', '),
        actual: toRfc3339(actual),
        matched: from <= actual && actual <= until,
      },
    ]
  })
  const { required, sizeBytes } = compiled
  return [
    ...ages,
    ...explainCount('required', criteria.required, required, () => context.requiredCount(update.id)),
    ...explainCount('sizeBytes', criteria.sizeBytes, sizeBytes, () => update.sizeBytes),
  ]
}

function explainCount(
  property: string,
  expected: string | undefined,
  range: Comparison | undefined,
  count: () => number,
): CriterionTrace[] {
  if (expected === undefined || range === undefined) return []
  const actual = count()
  return [{ property, expected, actual: String(actual), matched: isWithin(range, actual) }]
}

function explainFlags(criteria: Criteria, update: Update, context: CriteriaContext): CriterionTrace[] {
  const flag = (property: string, wanted: boolean | undefined, actual: () => boolean): CriterionTrace[] =>
    wanted === undefined
      ? []
      : [{ property, expected: String(wanted), actual: String(actual()), matched: wanted === actual() }]
  return [
    ...flag('deployed', criteria.deployed, () => context.isDeployed(update.id)),
    ...flag('knownIssue', criteria.knownIssue, () => update.knownIssue),
    ...flag('exploited', criteria.exploited, () => update.exploited.length > 0),
  ]
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function firstArticle(update: Update): string {
  return articleNumber(update.articleIds[0] ?? '')
}
