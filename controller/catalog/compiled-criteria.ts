// Criteria read once: their terms, comparisons, and what their ages come to at an instant.
import type { Criteria } from '../model/criteria.ts'
import { type Comparison, parseComparison } from '../model/criterion.ts'
import { DAY, type EpochMs, HOUR, MINUTE } from '../model/instant.ts'
import type { Term } from './terms.ts'
import { parseTerms, type TextProperty, textProperties } from './text-properties.ts'

export type CompiledCriteria = {
  readonly criteria: Criteria
  readonly texts: ReadonlyMap<TextProperty, readonly Term[]>
  readonly required: Comparison | undefined
  readonly sizeBytes: Comparison | undefined
  readonly released: Age | undefined
  readonly revised: Age | undefined
}

export type Age = { readonly within: Span | undefined; readonly olderThan: Span | undefined }

/** A calendar duration in UTC, where a day is always as long: whole months, and what is left. */
type Span = { readonly months: number; readonly ms: number }

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
    released: criteria.released && ageOf(criteria.released),
    revised: criteria.revised && ageOf(criteria.revised),
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

function ageOf({ within, olderThan }: NonNullable<Criteria['released']>): Age {
  return { within: spanOf(within), olderThan: spanOf(olderThan) }
}

function spanOf(text: string | undefined): Span | undefined {
  if (text === undefined) return undefined
  try {
    const { years, months, weeks, days, hours, minutes, seconds } = Temporal.Duration.from(text)
    return {
      months: years * 12 + months,
      ms: (weeks * 7 + days) * DAY + hours * HOUR + minutes * MINUTE + seconds * 1000,
    }
  } catch {
    return BEYOND
  }
}

const BEYOND: Span = { months: 0, ms: Number.POSITIVE_INFINITY }
const FIRST_INSTANT = -8.64e15

// As Temporal has it, which would take the larger part of what moving all ages takes. A span that reaches back beyond the calendar
// reaches back for ever.
function before(now: EpochMs, { months, ms }: Span): EpochMs {
  const at = new Date(now)
  const day = at.getUTCDate()
  if (months > 0) at.setUTCMonth(at.getUTCMonth() - months)
  // No such day in that month: its last one.
  if (at.getUTCDate() !== day) at.setUTCDate(0)
  const instant = at.getTime() - ms
  return instant >= FIRST_INSTANT ? instant : Number.NEGATIVE_INFINITY
}
