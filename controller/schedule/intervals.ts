// Stretches of time and what can be done with sets of them. A set is a list in normal form: ascending, none empty, and
// none touching the next.
import type { EpochMs } from '../model/instant.ts'

/** From `from` until before `until`. */
export type Interval = { readonly from: EpochMs; readonly until: EpochMs }

/** The normal form of any intervals: those that overlap or touch become one, empty ones go. */
export function united(intervals: readonly Interval[]): Interval[] {
  const sorted = intervals.filter(({ from, until }) => from < until).sort((a, b) => a.from - b.from)
  const merged: Interval[] = []
  for (const interval of sorted) {
    const last = merged.at(-1)
    if (last === undefined || interval.from > last.until) merged.push(interval)
    else if (interval.until > last.until) merged[merged.length - 1] = { from: last.from, until: interval.until }
  }
  return merged
}

/** What is in both sets; both in normal form, as is the result. */
export function intersected(a: readonly Interval[], b: readonly Interval[]): Interval[] {
  const shared: Interval[] = []
  for (let i = 0, j = 0; ; ) {
    const [left, right] = [a[i], b[j]]
    if (left === undefined || right === undefined) return shared
    const from = Math.max(left.from, right.from)
    const until = Math.min(left.until, right.until)
    if (from < until) shared.push({ from, until })
    if (left.until < right.until) i++
    else j++
  }
}

/** What is in `intervals` and not in `holes`; both in normal form, as is the result. */
export function subtracted(intervals: readonly Interval[], holes: readonly Interval[]): Interval[] {
  const rest: Interval[] = []
  let first = 0
  for (const { from, until } of intervals) {
    while ((holes[first]?.until ?? Number.POSITIVE_INFINITY) <= from) first++
    let open = from
    for (let i = first; open < until; i++) {
      const hole = holes[i]
      const close = Math.min(hole?.from ?? until, until)
      if (open < close) rest.push({ from: open, until: close })
      if (hole === undefined || close === until) break
      open = hole.until
    }
  }
  return rest
}

/** The part of a set in normal form that lies within bounds. */
export function clipped(intervals: readonly Interval[], from: EpochMs, until: EpochMs): Interval[] {
  return intersected(intervals, from < until ? [{ from, until }] : [])
}

/** Whether an instant lies in a set in normal form. */
export function contains(intervals: readonly Interval[], at: EpochMs): boolean {
  let low = 0
  let high = intervals.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((intervals[middle]?.until ?? 0) <= at) low = middle + 1
    else high = middle
  }
  const candidate = intervals[low]
  return candidate !== undefined && candidate.from <= at
}
