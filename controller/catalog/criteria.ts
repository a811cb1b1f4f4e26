// Selecting updates by criteria (semantics.md §3), as AND of planes over the catalog's index; and saying why one update
// is or is not selected.
import {
  type BitPlane,
  clearBit,
  clonePlane,
  countBits,
  eachBit,
  hasBit,
  intersect,
  subtract,
} from '../model/bit-plane.ts'
import { type Comparison, type Criteria, parseComparison } from '../model/criteria.ts'
import { type EpochMs, toRfc3339 } from '../model/instant.ts'
import type { Update, UpdateId } from '../model/update.ts'
import { type Catalog, stateOfRow } from './catalog.ts'
import { type CatalogIndex, indexOf, rowsInRange, rowsWithTerms } from './criteria-index.ts'
import { supersededRows } from './supersedence.ts'
import { articleNumber, meetsAll, type Term } from './terms.ts'
import { parseTerms, spelledValues, type TextProperty, textProperties, textValues } from './text-properties.ts'

/** What criteria ask about besides the catalog. */
export type CriteriaContext = {
  readonly now: EpochMs
  /** On how many devices the update is required. */
  readonly requiredCount: (id: UpdateId) => number
  /** Whether the update is in any deployment. */
  readonly isDeployed: (id: UpdateId) => boolean
}

export type CompiledCriteria = {
  readonly criteria: Criteria
  readonly texts: readonly { property: TextProperty; terms: readonly Term[]; key: string }[]
  readonly required: Comparison | undefined
  readonly sizeBytes: Comparison | undefined
}

const compiled = new WeakMap<Criteria, CompiledCriteria>()

/** Reads the terms once; kept for as long as the criteria object lives. */
export function compileCriteria(criteria: Criteria): CompiledCriteria {
  const known = compiled.get(criteria)
  if (known) return known
  const texts = textProperties.flatMap((property) => {
    const list = criteria[property]
    return list === undefined
      ? []
      : [{ property, terms: parseTerms(property, list), key: JSON.stringify([property, ...list]) }]
  })
  const fresh: CompiledCriteria = {
    criteria,
    texts,
    required: criteria.required === undefined ? undefined : parseComparison(criteria.required),
    sizeBytes: criteria.sizeBytes === undefined ? undefined : parseComparison(criteria.sizeBytes),
  }
  compiled.set(criteria, fresh)
  return fresh
}

/** Rows of the updates that match. Expired, declined and metadata-only updates never do. */
export function selectUpdates(catalog: Catalog, criteria: Criteria, context: CriteriaContext): BitPlane {
  const index = indexOf(catalog)
  const superseded = criteria.superseded ?? false
  return match(catalog, index, compileCriteria(criteria), context, clonePlane(index.selectable), superseded)
}

/** Rows that match whatever their state; without `superseded` in the criteria, superseded ones too. How declines are meant. */
export function matchRows(
  catalog: Catalog,
  criteria: Criteria,
  context: CriteriaContext,
  superseded: BitPlane = supersededRows(catalog),
): BitPlane {
  const index = indexOf(catalog)
  const wanted = criteria.superseded ?? 'Any'
  return match(catalog, index, compileCriteria(criteria), context, clonePlane(index.all), wanted, superseded)
}

/** For each criterion the number of updates that it alone lets pass: what to narrow, when too many match, is the first. */
export function countByCriterion(
  catalog: Catalog,
  criteria: Criteria,
  context: CriteriaContext,
): { property: string; count: number }[] {
  const { superseded, ...rest } = criteria
  const counts = Object.keys(rest)
    .sort()
    .flatMap((property) => {
      const only = Object.fromEntries(
        Object.entries(rest).filter(([name, value]) => name === property && value !== undefined),
      )
      if (Object.keys(only).length === 0) return []
      const alone: Criteria = superseded === undefined ? only : { ...only, superseded }
      return [{ property, count: countBits(selectUpdates(catalog, alone, context)) }]
    })
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
    ...compileCriteria(criteria).texts.map(({ property, terms }) => ({
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

// Cheapest first: planes, then what has to be asked update by update.
function match(
  catalog: Catalog,
  index: CatalogIndex,
  { criteria, texts, required, sizeBytes }: CompiledCriteria,
  context: CriteriaContext,
  rows: BitPlane,
  superseded: boolean | 'Any',
  supersededPlane: BitPlane = supersededRows(catalog),
): BitPlane {
  if (superseded === true) intersect(rows, supersededPlane)
  if (superseded === false) subtract(rows, supersededPlane)
  for (const { property, terms, key } of texts) intersect(rows, rowsWithTerms(index, property, terms, key))
  for (const property of ['released', 'revised'] as const) {
    const age = criteria[property]
    if (age === undefined) continue
    const { from, until } = ageBounds(age, context.now)
    intersect(rows, rowsInRange(index, property, from, until))
  }
  if (sizeBytes) intersect(rows, rowsInRange(index, 'sizeBytes', sizeBytes.min, sizeBytes.max))
  keepFlag(rows, index.knownIssue, criteria.knownIssue)
  keepFlag(rows, index.exploited, criteria.exploited)
  const { deployed } = criteria
  if (deployed !== undefined) keepWhere(catalog, rows, (id) => context.isDeployed(id) === deployed)
  if (required) keepWhere(catalog, rows, (id) => isWithin(required, context.requiredCount(id)))
  return rows
}

/** `within` includes its first instant and now, `olderThan` ends just before the instant it names: together they leave no gap. */
function ageBounds(age: NonNullable<Criteria['released']>, now: EpochMs): { from: EpochMs; until: EpochMs } {
  const from = age.within === undefined ? Number.NEGATIVE_INFINITY : before(now, age.within)
  const until = age.olderThan === undefined ? now : before(now, age.olderThan) - 1
  return { from, until }
}

// A span that reaches back beyond the calendar reaches back for ever.
function before(now: EpochMs, duration: string): EpochMs {
  try {
    const utc = Temporal.Instant.fromEpochMilliseconds(now).toZonedDateTimeISO('UTC')
    return utc.subtract(Temporal.Duration.from(duration)).epochMilliseconds
  } catch {
    return Number.NEGATIVE_INFINITY
  }
}

function keepFlag(rows: BitPlane, plane: BitPlane, wanted: boolean | undefined): void {
  if (wanted === true) intersect(rows, plane)
  if (wanted === false) subtract(rows, plane)
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
  const ages = (['released', 'revised'] as const).flatMap((property) => {
    const age = criteria[property]
    if (age === undefined) return []
    const actual = update[property] ?? update.released
    const { from, until } = ageBounds(age, context.now)
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
  const { required, sizeBytes } = compileCriteria(criteria)
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
