// For each value of a text property the rules that it suits: a row is judged by a few words for what it says, whatever the number
// of rules and of their terms.
import { grown } from '../model/typed-arrays.ts'
import type { Update } from '../model/update.ts'
import { type Columns, sharedProperties, type TextColumn, textColumn } from './columns.ts'
import type { CompiledCriteria } from './compiled-criteria.ts'
import { MAX_NEEDLE_CHARACTERS, type Needles, needlesIn, newNeedles } from './needles.ts'
import { type Block, isLeft, maskWithout, narrow, setRule, type Words, wordsOf } from './rule-masks.ts'
import { meets, type Term } from './terms.ts'
import { normalizerOf, spelled, type TextProperty } from './text-properties.ts'
import { mayBeWhole, newWholeTerms, type WholeTerms } from './whole-terms.ts'

export type TextTable = {
  readonly property: TextProperty
  /** Absent where rows have values of their own: then the number of what a row says is the row. */
  readonly column: TextColumn | undefined
  readonly words: Words
  readonly whole: WholeTerms
  /** Texts that are looked for anywhere in a value, and what is left: patterns, and texts beyond the limit. */
  readonly needles: Needles
  readonly needleTerms: readonly number[]
  readonly patterns: readonly Asked[]
  /** Mask after mask, by number of the term: the rules that want it, and those that do not. */
  readonly wanted: Uint32Array
  readonly unwanted: Uint32Array
  /** Number of what a row says → which mask is for that, 0 where nobody asks for it; or the complement of the one to make it in, 0 for a new one. */
  maskOf: Int32Array
  masks: number
  /** Mask after mask. */
  suits: Uint32Array
}

/** A term that rules ask for: `r` for a rule that wants it, `~r` for one that does not. */
type Asked = { readonly term: Term; readonly number: number; readonly asks: number[] }

/** Undefined when no rule asks for the property. */
export function newTextTable(
  columns: Columns,
  rules: readonly CompiledCriteria[],
  words: number,
  property: TextProperty,
): TextTable | undefined {
  const terms = new Map<string, Asked>()
  const asking: number[] = []
  const wanting: number[] = []
  for (const [rule, { texts }] of rules.entries()) {
    const own = texts.get(property) ?? []
    if (own.length > 0) asking.push(rule)
    if (own.some(({ negative }) => !negative)) wanting.push(rule)
    for (const term of own) {
      const known = terms.get(term.wanted) ?? { term, number: terms.size, asks: [] }
      terms.set(term.wanted, known)
      known.asks.push(term.negative ? ~rule : rule)
    }
  }
  if (asking.length === 0) return undefined
  const own = wordsOf(asking, words)
  const shared = sharedProperties.find((one) => one === property)
  return {
    property,
    column: shared && textColumn(columns, shared),
    words: own,
    ...sortOut([...terms.values()]),
    wanted: masksOf(terms.values(), own, (ask) => ask),
    unwanted: masksOf(terms.values(), own, (ask) => ~ask),
    maskOf: new Int32Array(0),
    masks: 1,
    suits: maskWithout(wanting, own),
  }
}

function sortOut(terms: readonly Asked[]): Pick<TextTable, 'whole' | 'needles' | 'needleTerms' | 'patterns'> {
  const whole = new Map<string, number>()
  const sought: Asked[] = []
  const patterns: Asked[] = []
  let characters = 0
  for (const asked of terms) {
    const { glob, whole: isWhole, wanted } = asked.term
    if (!glob && !isWhole) characters += wanted.length
    if (!glob && isWhole) whole.set(wanted, asked.number)
    else if (glob || characters > MAX_NEEDLE_CHARACTERS) patterns.push(asked)
    else sought.push(asked)
  }
  const needles = newNeedles(sought.map(({ term }) => term.wanted))
  return { whole: newWholeTerms(whole), needles, needleTerms: sought.map(({ number }) => number), patterns }
}

/** For each term the rules among those that ask for it; `ruleOf` is negative for the others. */
function masksOf(terms: Iterable<Asked>, words: Words, ruleOf: (ask: number) => number): Uint32Array {
  const all = [...terms]
  const length = words.numbers.length
  const masks = new Uint32Array(all.length * length)
  for (const { number, asks } of all)
    for (const ask of asks) if (ruleOf(ask) >= 0) setRule(masks, number * length, ruleOf(ask), words)
  return masks
}

/** Rows, or all of them, say something else than they did; only where they have values of their own does that make another value of the same number. */
export function forgetValues({ column, maskOf }: TextTable, rows: readonly number[] | undefined): void {
  if (column !== undefined) return
  const count = rows?.length ?? maskOf.length
  for (let i = 0; i < count; i++) {
    const row = rows ? (rows[i] ?? 0) : i
    const mask = maskOf[row] ?? -1
    if (mask >= 0) maskOf[row] = ~mask
  }
}

/** Takes out of the verdicts the rules that the rows' values do not suit. */
export function judgeTexts(table: TextTable, updates: readonly Update[], block: Block): void {
  const { column, words } = table
  const { rows, count, masks } = block
  const length = words.numbers.length
  const numbers = column === undefined ? updates.length : column.values.length
  table.maskOf = grown(table.maskOf, numbers, (length) => new Int32Array(length).fill(~0))
  const { maskOf } = table
  for (let i = 0; i < count; i++) {
    const row = rows[i] ?? 0
    const number = column === undefined ? row : (column.codes[row] ?? 0)
    let mask = maskOf[number] ?? 0
    if (mask < 0) mask = isLeft(block, i, words) ? makeMask(table, updates, number, ~mask) : 0
    masks[i] = mask * length
  }
  narrow(block, table.suits, words)
}

// Most values are asked for by nobody, and share the first mask.
function makeMask(table: TextTable, updates: readonly Update[], number: number, place: number): number {
  const terms = termsIn(table, updates, number)
  const mask = terms.length > 0 && place === 0 ? table.masks++ : place
  table.maskOf[number] = mask
  if (mask === 0) return 0
  const length = table.words.numbers.length
  table.suits = grown(table.suits, table.masks * length, (length) => new Uint32Array(length))
  for (let word = 0; word < length; word++) table.suits[mask * length + word] = suitedBy(table, terms, word, length)
  return mask
}

/** A word of the rules that suit a value which meets these terms. */
function suitedBy(
  { suits, wanted, unwanted }: TextTable,
  terms: readonly number[],
  word: number,
  length: number,
): number {
  let suited = suits[word] ?? 0
  let refused = 0
  for (const term of terms) {
    suited |= wanted[term * length + word] ?? 0
    refused |= unwanted[term * length + word] ?? 0
  }
  return suited & ~refused
}

/** Which of the terms are met by what has this number, some more than once. */
function termsIn(table: TextTable, updates: readonly Update[], number: number): readonly number[] {
  const update = updates[number]
  const value = table.column?.values[number] ?? (update && spelled[table.property](update))
  if (value === undefined) return NOTHING
  const met: number[] = []
  if (typeof value === 'string') addTerms(table, value, met)
  else for (const text of value) addTerms(table, text, met)
  return met
}

function addTerms({ property, whole, needles, needleTerms, patterns }: TextTable, text: string, met: number[]): void {
  const own = mayBeWhole(whole, text) ? whole.numbers.get(normalizerOf(property)(text)) : undefined
  if (own !== undefined) met.push(own)
  if (needleTerms.length > 0) for (const needle of needlesIn(needles, text)) met.push(needleTerms[needle] ?? 0)
  if (patterns.length === 0) return
  const value = normalizerOf(property)(text)
  for (const { term, number } of patterns) if (meets(term, value)) met.push(number)
}

const NOTHING: readonly number[] = []
