// What is said of criteria besides their schema (criteria.ts).
import type { Criteria } from './criteria.ts'

/** Whether there is anything to select by. A rule without it is an error (0x87D20416); `superseded` alone is no criterion. */
export function hasCriterion(criteria: Criteria): boolean {
  return Object.entries(criteria).some(([property, value]) => property !== 'superseded' && value !== undefined)
}

/** A closed range of integers. */
export type Comparison = { readonly min: number; readonly max: number }

/** Reads ">=1", "> 0", "<= 40", "<41", "0", "=0" or "10..100"; undefined for anything else and for what no count can meet. */
export function parseComparison(text: string): Comparison | undefined {
  const range = /^\s*(\d+)\s*\.\.\s*(\d+)\s*$/.exec(text)
  if (range) return closed(Number(range[1]), Number(range[2]))
  const single = /^\s*(<=|>=|<|>|=)?\s*(\d+)\s*$/.exec(text)
  if (!single) return undefined
  const value = Number(single[2])
  switch (single[1]) {
    case '<=':
      return closed(0, value)
    case '<':
      return closed(0, value - 1)
    case '>=':
      return closed(value, Number.MAX_SAFE_INTEGER)
    case '>':
      return closed(value + 1, Number.MAX_SAFE_INTEGER)
    default:
      return closed(value, value)
  }
}

function closed(min: number, max: number): Comparison | undefined {
  return Number.isSafeInteger(min) && Number.isSafeInteger(max) && min <= max ? { min, max } : undefined
}

export type AgeFields = { readonly within?: unknown; readonly olderThan?: unknown }

export function isAge({ within, olderThan }: AgeFields): boolean {
  return within !== undefined || olderThan !== undefined
}
