// Criteria read once: their terms, comparisons, and what their ages come to at an instant.
import type { Criteria } from '../model/criteria.ts'
import { type Comparison, parseComparison } from '../model/criterion.ts'
import type { EpochMs } from '../model/instant.ts'
import type { Term } from './terms.ts'
import { parseTerms, type TextProperty, textProperties } from './text-properties.ts'

export type CompiledCriteria = {
  readonly criteria: Criteria
  readonly texts: ReadonlyMap<TextProperty, readonly Term[]>
  readonly required: Comparison | undefined
  readonly sizeBytes: Comparison | undefined
}

export type Age = NonNullable<Criteria['released']>

const compiled = new WeakMap<Criteria, CompiledCriteria>()

/** Reads the terms once; kept for as long as the criteria object lives. */
export function compileCriteria(criteria: Criteria): CompiledCriteria {
  const known = compiled.get(criteria)
  if (known) return known
  const texts = textProperties.flatMap((property) => {
    const list = criteria[property]
    return list === undefined ? [] : [[property, parseTerms(property, list)] as const]
  })
  const fresh: CompiledCriteria = {
    criteria,
    texts: new Map(texts),
    required: criteria.required === undefined ? undefined : parseComparison(criteria.required),
    sizeBytes: criteria.sizeBytes === undefined ? undefined : parseComparison(criteria.sizeBytes),
  }
  compiled.set(criteria, fresh)
  return fresh
}

/** `within` includes its first instant and now, `olderThan` ends just before the instant it names: together they leave no gap. */
export function ageBounds(age: Age, now: EpochMs): { from: EpochMs; until: EpochMs } {
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
