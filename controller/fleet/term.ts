// One condition on one attribute (semantics.md §2), as a lookup table over that attribute's dictionary: a device is
// decided by its code alone, and each different value is looked at once, however many devices have it.
import { type BitPlane, newPlane } from '../model/bit-plane.ts'
import type { Expression, Query } from '../model/collection.ts'
import { DOTTED_VERSION } from '../model/membership.ts'
import type { Column } from './column.ts'
import type { Fleet } from './fleet.ts'

/** All but `expression` is derived from one column at one generation; `bindTerm` starts it anew when that is another. */
export type Term = {
  readonly expression: Expression
  column: Column | undefined
  generation: number
  /** 1 where the value of that code matches; filled for codes below `known`. */
  table: Uint8Array
  known: number
  /** Whether the answer for the device at hand is another than before it changed; false otherwise. */
  flipped: boolean
}

/** Terms of one set of collections: equal conditions become one term. */
export type TermPool = Map<string, Term>

/** A label is an In with one value. */
export function expressionsOf(query: Query): Expression[] {
  const labels = Object.entries(query.matchLabels ?? {}).map(([key, value]): Expression => {
    return { key, operator: 'In', values: [value] }
  })
  return [...labels, ...(query.matchExpressions ?? [])]
}

/** A query's conditions, equal ones shared with the queries compiled before. */
export function termsOf(query: Query, pool: TermPool): Term[] {
  const terms = new Set<Term>()
  for (const expression of expressionsOf(query)) {
    const id = canonicalKey(expression)
    terms.add(pool.getOrInsertComputed(id, () => newTerm(expression)))
  }
  return [...terms]
}

export function bindTerm(term: Term, fleet: Fleet): void {
  const column = fleet.columns.get(term.expression.key)
  const generation = column?.generation ?? 0
  if (column === term.column && generation === term.generation) return
  term.column = column
  term.generation = generation
  term.known = 0
}

export function termHolds(term: Term, row: number): boolean {
  const code = term.column?.codes[row] ?? 0
  if (code >= term.known) extend(term, code)
  return term.table[code] === 1
}

/** 1 where the value of that code matches, for every code of the column. Shared: not to be changed. */
export function termTable(term: Term): Uint8Array {
  extend(term, (term.column?.values.length ?? 1) - 1)
  return term.table
}

/** The rows below `rows` for which the term holds, removed devices included. */
export function termPlane(term: Term, rows: number): BitPlane {
  const plane = newPlane(rows)
  const codes = term.column?.codes ?? new Uint8Array(0)
  termTable(term)
  const whole = Math.min(plane.words.length, codes.length >>> 5)
  if (codes instanceof Uint8Array) scanBytes(codes, term.table, plane.words, whole)
  else scanWide(codes, term.table, plane.words, whole)
  for (let row = whole << 5; row < rows; row++) {
    if (term.table[codes[row] ?? 0] === 1) plane.words[row >>> 5] = (plane.words[row >>> 5] ?? 0) | (1 << (row & 31))
  }
  return plane
}

/** Whether a value, or (undefined) its absence, meets the condition. */
export function matcherOf(expression: Expression): (value: string | undefined) => boolean {
  switch (expression.operator) {
    case 'In':
    case 'NotIn': {
      const wanted = new Set(expression.values)
      // The Kubernetes rule: what is missing is not in the list, so NotIn holds.
      const whenListed = expression.operator === 'In'
      return (value) => (value !== undefined && wanted.has(value)) === whenListed
    }
    case 'Exists':
      return (value) => value !== undefined
    case 'DoesNotExist':
      return (value) => value === undefined
    case 'Gt':
      return (value) => value !== undefined && isDecimal(value) && Number(value) > expression.value
    case 'Lt':
      return (value) => value !== undefined && isDecimal(value) && Number(value) < expression.value
    case 'Glob':
      return (value) => value !== undefined && fitsGlob(value, expression.value)
    case 'VersionGte':
      return (value) =>
        value !== undefined && DOTTED_VERSION.test(value) && compareVersions(value, expression.value) >= 0
    case 'VersionLt':
      return (value) =>
        value !== undefined && DOTTED_VERSION.test(value) && compareVersions(value, expression.value) < 0
  }
}

/** `os In (linux, windows)`, for traces. */
export function describeExpression(expression: Expression): string {
  if ('values' in expression) {
    const shown = expression.values.slice(0, 5).join(', ')
    const more = expression.values.length > 5 ? `, and ${expression.values.length - 5} more` : ''
    return `${expression.key} ${expression.operator} (${shown}${more})`
  }
  return `${expression.key} ${expression.operator}${'value' in expression ? ` ${expression.value}` : ''}`
}

function newTerm(expression: Expression): Term {
  return { expression, column: undefined, generation: 0, table: new Uint8Array(64), known: 0, flipped: false }
}

function canonicalKey(expression: Expression): string {
  const { key, operator } = expression
  if ('values' in expression) return JSON.stringify([key, operator, ...[...new Set(expression.values)].sort()])
  return JSON.stringify('value' in expression ? [key, operator, expression.value] : [key, operator])
}

function extend(term: Term, code: number): void {
  if (code < term.known) return
  const values = term.column?.values ?? ['']
  if (values.length > term.table.length) {
    const longer = new Uint8Array(Math.max(values.length, term.table.length * 2))
    longer.set(term.table)
    term.table = longer
  }
  const matches = matcherOf(term.expression)
  for (let i = term.known; i < values.length; i++) term.table[i] = matches(i === 0 ? undefined : values[i]) ? 1 : 0
  term.known = values.length
}

// Two copies of one loop: each sees one kind of array most of the time, which the JIT needs to make it fast.
function scanBytes(codes: Uint8Array, table: Uint8Array, words: Uint32Array, whole: number): void {
  for (let i = 0, row = 0; i < whole; i++) {
    let word = 0
    for (let bit = 0; bit < 32; bit++, row++) word |= (table[codes[row] ?? 0] ?? 0) << bit
    words[i] = word
  }
}

function scanWide(codes: Uint16Array | Uint32Array, table: Uint8Array, words: Uint32Array, whole: number): void {
  for (let i = 0, row = 0; i < whole; i++) {
    let word = 0
    for (let bit = 0; bit < 32; bit++, row++) word |= (table[codes[row] ?? 0] ?? 0) << bit
    words[i] = word
  }
}

function isDecimal(value: string): boolean {
  return /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)$/.test(value)
}

/** Steps back only to the last `*`, so a hostile pattern costs at most the product of both lengths. */
function fitsGlob(value: string, pattern: string): boolean {
  const text = [...value]
  const wanted = [...pattern]
  let at = 0
  let next = 0
  let star = -1
  let starAt = 0
  while (at < text.length) {
    if (wanted[next] === '*') {
      star = next++
      starAt = at
    } else if (wanted[next] === '?' || wanted[next] === text[at]) {
      next++
      at++
    } else if (star >= 0) {
      next = star + 1
      at = ++starAt
    } else return false
  }
  while (wanted[next] === '*') next++
  return next === wanted.length
}

/** Segments as numbers of any length, so compared as digits: 9007199254740993 stays exact. */
function compareVersions(a: string, b: string): number {
  const left = a.split('.')
  const right = b.split('.')
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const x = (left[i] ?? '').replace(/^0+/, '')
    const y = (right[i] ?? '').replace(/^0+/, '')
    if (x.length !== y.length) return x.length - y.length
    if (x !== y) return x < y ? -1 : 1
  }
  return 0
}
