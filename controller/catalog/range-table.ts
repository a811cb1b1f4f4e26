// For each part of the number line between the bounds of rules' ranges the rules that a number there suits.
import { type Columns, type NumberColumn, type NumberProperty, numberColumn } from './columns.ts'
import { andMask, type Block, orMask, setRule } from './rule-masks.ts'

/** Both ends included. */
export type Range = { readonly from: number; readonly until: number }

/** Ranges that may move: `rangeOf` says where each is. */
export type RangeTable<Asked> = {
  readonly column: NumberColumn
  readonly words: number
  /** Rules that ask for no range. */
  readonly free: Uint32Array
  /** What is asked, each once, and by which rules. */
  readonly asked: readonly { readonly what: Asked; readonly rules: Uint32Array }[]
  ranges: readonly Range[]
  /** Ascending; `masks` has one more part than there are bounds, for what lies before the first. */
  bounds: readonly number[]
  masks: Uint32Array
}

/** `asks` has what each rule asks. Undefined when none asks anything. */
export function newRangeTable<Asked>(
  columns: Columns,
  property: NumberProperty,
  asks: readonly (Asked | undefined)[],
  words: number,
): RangeTable<Asked> | undefined {
  const free = new Uint32Array(words)
  const asked = new Map<string, { what: Asked; rules: Uint32Array }>()
  for (const [rule, what] of asks.entries()) {
    if (what === undefined) {
      setRule(free, 0, rule)
      continue
    }
    const key = JSON.stringify(what)
    const known = asked.get(key) ?? { what, rules: new Uint32Array(words) }
    asked.set(key, known)
    setRule(known.rules, 0, rule)
  }
  if (asked.size === 0) return undefined
  const column = numberColumn(columns, property)
  return { column, words, free, asked: [...asked.values()], ranges: [], bounds: [], masks: new Uint32Array(0) }
}

/** Lays the ranges where they now are. Returns what the ends have passed on the way, each stretch without its own end. */
export function moveRanges<Asked>(
  table: RangeTable<Asked>,
  rangeOf: (what: Asked) => Range,
): (readonly [number, number])[] {
  const { words, free, asked } = table
  const before = table.ranges
  const ranges = asked.map(({ what }) => rangeOf(what))
  // Numbers are integers: what follows the last of a range is one more.
  const bounds = [...new Set(ranges.flatMap(({ from, until }) => [from, until + 1]))].sort((a, b) => a - b)
  const masks = new Uint32Array((bounds.length + 1) * words)
  masks.set(free)
  for (const [i, least] of bounds.entries()) {
    const part = (i + 1) * words
    masks.set(free, part)
    for (const [j, { from, until }] of ranges.entries()) {
      const rules = asked[j]?.rules
      if (rules && from <= least && least <= until) orMask(masks, part, rules, 0, words)
    }
  }
  table.ranges = ranges
  table.bounds = bounds
  table.masks = masks
  const passed = (a: number, b: number) => [Math.min(a, b), Math.max(a, b)] as const
  return before.flatMap(({ from, until }, i) => {
    const after = ranges[i]
    return after === undefined ? [] : [passed(from, after.from), passed(until + 1, after.until + 1)]
  })
}

/** Takes out of the verdicts the rules that the rows' numbers do not suit. */
export function judgeNumbers<Asked>(table: RangeTable<Asked>, { rows, verdicts, isOpen, count }: Block): void {
  const { column, words, bounds, masks } = table
  const { values } = column
  for (let i = 0; i < count; i++) {
    if (isOpen[i] === 0) continue
    const value = values[rows[i] ?? 0] ?? 0
    let low = 0
    let high = bounds.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((bounds[middle] ?? 0) <= value) low = middle + 1
      else high = middle
    }
    if (!andMask(verdicts, i * words, masks, low * words, words)) isOpen[i] = 0
  }
}
