// For each value of a text property the rules that it suits: a row is judged by a few words for each of its values, whatever
// the number of rules and of their terms.
import { grown } from '../model/typed-arrays.ts'
import { type Columns, type TextColumn, textColumn } from './columns.ts'
import type { CompiledCriteria } from './compiled-criteria.ts'
import { MAX_NEEDLE_CHARACTERS, type Needles, needlesIn, newNeedles } from './needles.ts'
import { andMask, andNotMask, type Block, orMask, setRule } from './rule-masks.ts'
import { meets, type Term } from './terms.ts'
import type { TextProperty } from './text-properties.ts'

export type TextTable = {
  readonly column: TextColumn
  readonly words: number
  /** Whole values and who asks: rule `r` wants it, or, as `~r`, does not want it. */
  readonly whole: ReadonlyMap<string, readonly number[]>
  /** Texts that are looked for anywhere in a value, with who asks, and what is left: patterns, and texts beyond the limit. */
  readonly needles: Needles
  readonly needleAsks: readonly (readonly number[])[]
  readonly patterns: readonly Pattern[]
  /** Number → which mask is its value's, 0 where nobody asks for it; or the complement of the one to make it in, 0 for a new one. */
  maskOf: Int32Array
  masks: number
  /** Mask after mask: rules that want the value, or none in particular. */
  wanted: Uint32Array
  /** Rules that do not want it; absent when there are none for any. */
  excluded: Uint32Array | undefined
}

type Pattern = { readonly term: Term; readonly asks: number[] }

/** Undefined when no rule asks for the property. */
export function newTextTable(
  columns: Columns,
  rules: readonly CompiledCriteria[],
  words: number,
  property: TextProperty,
): TextTable | undefined {
  const whole = new Map<string, number[]>()
  const parts = new Map<string, Pattern>()
  const free = new Uint32Array(words)
  let excludes = false
  for (const [rule, { texts }] of rules.entries()) {
    const terms = texts.get(property) ?? []
    if (terms.every(({ negative }) => negative)) setRule(free, 0, rule)
    for (const term of terms) {
      excludes ||= term.negative
      const ask = term.negative ? ~rule : rule
      const asks = whole.get(term.wanted) ?? parts.get(term.wanted)?.asks
      if (asks) asks.push(ask)
      else if (term.whole && !term.glob) whole.set(term.wanted, [ask])
      else parts.set(term.wanted, { term, asks: [ask] })
    }
  }
  if (whole.size + parts.size === 0) return undefined
  const { sought, patterns } = sortOut([...parts.values()])
  return {
    column: textColumn(columns, property),
    words,
    whole,
    needles: newNeedles(sought.map(({ term }) => term.wanted)),
    needleAsks: sought.map(({ asks }) => asks),
    patterns,
    maskOf: new Int32Array(0),
    masks: 1,
    wanted: free,
    excluded: excludes ? new Uint32Array(words) : undefined,
  }
}

function sortOut(parts: readonly Pattern[]): { sought: Pattern[]; patterns: Pattern[] } {
  const sought: Pattern[] = []
  const patterns: Pattern[] = []
  let characters = 0
  for (const part of parts) {
    const { glob, whole, wanted } = part.term
    if (!glob && !whole) characters += wanted.length
    if (glob || whole || characters > MAX_NEEDLE_CHARACTERS) patterns.push(part)
    else sought.push(part)
  }
  return { sought, patterns }
}

/** Rows have other values than they had; only where each has one of its own does that make another value of the same number. */
export function forgetValues({ column, maskOf }: TextTable, rows: Iterable<number>): void {
  if (column.numberOf !== undefined) return
  for (const row of rows) {
    const mask = maskOf[row] ?? -1
    if (mask >= 0) maskOf[row] = ~mask
  }
}

/** Takes out of the verdicts the rules that the rows' values do not suit. */
export function judgeTexts(table: TextTable, { rows, verdicts, isOpen, count }: Block): void {
  const { column, words } = table
  const { codes, lists } = column
  table.maskOf = grown(table.maskOf, column.values.length, (length) => new Int32Array(length).fill(~0))
  const any = new Uint32Array(words)
  for (let i = 0; i < count; i++) {
    if (isOpen[i] === 0) continue
    const code = codes[rows[i] ?? 0] ?? 0
    if (code >= 0) {
      const mask = maskAt(table, code)
      if (!andMask(verdicts, i * words, table.wanted, mask, words)) isOpen[i] = 0
      if (table.excluded && mask > 0) andNotMask(verdicts, i * words, table.excluded, mask, words)
      continue
    }
    for (let w = 0; w < words; w++) any[w] = table.wanted[w] ?? 0
    const end = ~code + (lists[~code] ?? 0)
    for (let place = ~code + 1; place <= end; place++) {
      const mask = maskAt(table, lists[place] ?? 0)
      if (mask === 0) continue
      orMask(any, 0, table.wanted, mask, words)
      if (table.excluded) andNotMask(verdicts, i * words, table.excluded, mask, words)
    }
    if (!andMask(verdicts, i * words, any, 0, words)) isOpen[i] = 0
  }
}

/** Where the mask of a value begins. */
function maskAt(table: TextTable, number: number): number {
  const mask = table.maskOf[number] ?? 0
  return (mask < 0 ? makeMask(table, number, ~mask) : mask) * table.words
}

// Most values are asked for by nobody, and share the first mask.
function makeMask(table: TextTable, number: number, place: number): number {
  const { words } = table
  const asks = asksFor(table, table.column.values[number] ?? '')
  const mask = asks.length > 0 && place === 0 ? table.masks++ : place
  const make = (length: number) => new Uint32Array(length)
  table.wanted = grown(table.wanted, table.masks * words, make)
  if (table.excluded) table.excluded = grown(table.excluded, table.masks * words, make)
  const { wanted, excluded } = table
  if (mask > 0) {
    wanted.copyWithin(mask * words, 0, words)
    excluded?.fill(0, mask * words, (mask + 1) * words)
  }
  for (const ask of asks) {
    if (ask >= 0) setRule(wanted, mask * words, ask)
    else if (excluded) setRule(excluded, mask * words, ~ask)
  }
  table.maskOf[number] = mask
  return mask
}

function asksFor({ whole, needles, needleAsks, patterns }: TextTable, value: string): readonly number[] {
  const asks: number[] = []
  if (whole.size > 0) asks.push(...(whole.get(value) ?? []))
  if (needleAsks.length > 0) for (const needle of needlesIn(needles, value)) asks.push(...(needleAsks[needle] ?? []))
  for (const pattern of patterns) if (meets(pattern.term, value)) asks.push(...pattern.asks)
  return asks
}
