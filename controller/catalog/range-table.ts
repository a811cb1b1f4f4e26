// For each part of the number line between the bounds of rules' ranges the rules that a number there suits.
import { type Columns, type NumberColumn, type NumberProperty, numberColumn } from './columns.ts'
import { type Block, maskWithout, narrow, setRule, type Words, wordsOf } from './rule-masks.ts'

/** Both ends included. */
export type Range = { readonly from: number; readonly until: number }

/** Ranges that may move: `rangeOf` says where each is. */
export type RangeTable<Asked> = {
  readonly column: NumberColumn
  readonly words: Words
  /** Rules that ask for no range. */
  readonly free: Uint32Array
  /** What is asked, each once, and by which rules. */
  readonly asked: readonly { readonly what: Asked; readonly rules: readonly number[] }[]
  ranges: readonly Range[]
  /** Ascending; `masks` has one more part than there are bounds, for what lies before the first. */
  bounds: Float64Array
  masks: Uint32Array
}

/** `asks` has what each rule asks. Undefined when none asks anything. */
export function newRangeTable<Asked>(
  columns: Columns,
  property: NumberProperty,
  asks: readonly (Asked | undefined)[],
  words: number,
): RangeTable<Asked> | undefined {
  const asked = new Map<string, { what: Asked; rules: number[] }>()
  for (const [rule, what] of asks.entries()) {
    if (what === undefined) continue
    const key = JSON.stringify(what)
    const known = asked.get(key) ?? { what, rules: [] }
    asked.set(key, known)
    known.rules.push(rule)
  }
  if (asked.size === 0) return undefined
  const asking = [...asked.values()].flatMap(({ rules }) => rules)
  const own = wordsOf(asking, words)
  return {
    column: numberColumn(columns, property),
    words: own,
    free: maskWithout(asking, own),
    asked: [...asked.values()],
    ranges: [],
    bounds: new Float64Array(0),
    masks: new Uint32Array(0),
  }
}

/** Lays the ranges where they now are. Returns what the ends have passed on the way, each stretch once and without its own end. */
export function moveRanges<Asked>(
  table: RangeTable<Asked>,
  rangeOf: (what: Asked) => Range,
): (readonly [number, number])[] {
  const { words, free, asked } = table
  const before = table.ranges
  const ranges = asked.map(({ what }) => rangeOf(what))
  // Numbers are integers: what follows the last of a range is one more.
  const bounds = Float64Array.from(new Set(ranges.flatMap(({ from, until }) => [from, until + 1]))).sort()
  const masks = new Uint32Array((bounds.length + 1) * free.length)
  masks.set(free)
  for (const [i, least] of bounds.entries()) {
    const part = (i + 1) * free.length
    masks.set(free, part)
    for (const [j, { from, until }] of ranges.entries())
      if (from <= least && least <= until) for (const rule of asked[j]?.rules ?? []) setRule(masks, part, rule, words)
  }
  table.ranges = ranges
  table.bounds = bounds
  table.masks = masks
  return stretches(before, ranges)
}

// Many rules have an end in common, be it only now.
function stretches(before: readonly Range[], after: readonly Range[]): (readonly [number, number])[] {
  const stretches: (readonly [number, number])[] = []
  const moved = new Map<number, number>()
  const move = (from: number, to: number) => {
    if (from === to || moved.get(from) === to) return
    moved.set(from, to)
    stretches.push([Math.min(from, to), Math.max(from, to)])
  }
  for (const [i, { from, until }] of before.entries()) {
    const next = after[i]
    if (next === undefined) continue
    move(from, next.from)
    move(until + 1, next.until + 1)
  }
  return stretches
}

/** Takes out of the verdicts the rules that the rows' numbers do not suit. */
export function judgeNumbers<Asked>({ column, words, bounds, free, masks }: RangeTable<Asked>, block: Block): void {
  const { values } = column
  const { rows, count } = block
  for (let i = 0; i < count; i++) {
    const value = values[rows[i] ?? 0] ?? 0
    let low = 0
    let high = bounds.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((bounds[middle] ?? 0) <= value) low = middle + 1
      else high = middle
    }
    block.masks[i] = low * free.length
  }
  narrow(block, masks, words)
}
