// One attribute of all devices as a dictionary-encoded column: a small code per row, each different value stored once.
import { writeUnsigned } from '../model/still.ts'
import { longer } from '../model/typed-arrays.ts'

/** `codes[row]` indexes `values`; code 0 is a missing attribute, and so is a row beyond the end. Codes widen from 8 to 16 to 32 bits when the dictionary outgrows them. */
export type Column = {
  codes: Uint8Array | Uint16Array | Uint32Array
  values: string[]
  codeOf: Map<string, number>
  /** How many rows have a value. */
  used: number
  /** Goes up when codes are renumbered. */
  generation: number
}

/** Dictionaries up to this size keep values that no row has any longer. */
const SMALL_DICTIONARY = 1024

export function newColumn(): Column {
  return { codes: new Uint8Array(64), values: [''], codeOf: new Map(), used: 0, generation: 0 }
}

export function valueAt(column: Column, row: number): string | undefined {
  const code = column.codes[row] ?? 0
  return code === 0 ? undefined : column.values[code]
}

/** Gives a row a value, or none. Says what happened: codes keep their meaning unless `renumbered`. */
export function setValue(column: Column, row: number, value: string | undefined): 'same' | 'changed' | 'renumbered' {
  const old = column.codes[row] ?? 0
  // Most attributes of a report are what they were; texts that are the same are known as such without being looked up.
  if (old !== 0 && column.values[old] === value) return 'same'
  const known = value === undefined ? 0 : column.codeOf.get(value)
  if (known === old) return 'same'
  if (value === undefined) {
    writeUnsigned(column.codes, row, 0)
    column.used--
    return 'changed'
  }
  let outcome: 'changed' | 'renumbered' = 'changed'
  let code = known
  if (code === undefined) {
    if (isWasteful(column)) {
      compact(column)
      outcome = 'renumbered'
    }
    code = column.values.length
    column.values.push(value)
    column.codeOf.set(value, code)
    widen(column, code)
  }
  if (row >= column.codes.length) resize(column, row + 1)
  writeUnsigned(column.codes, row, code)
  if (old === 0) column.used++
  return outcome
}

/** An attribute that is new in every report (an uptime, a free-space figure) must not fill memory with dead values. */
function isWasteful(column: Column): boolean {
  return column.values.length > SMALL_DICTIONARY && column.values.length > 2 * column.used + 1
}

/** The code of each value of a dictionary, by its value. */
export function codesOf(values: readonly string[]): Map<string, number> {
  const codeOf = new Map<string, number>()
  for (let code = 1; code < values.length; code++) codeOf.set(values[code] ?? '', code)
  return codeOf
}

function compact(column: Column): void {
  const { codes, values } = column
  const renumbered = new Uint32Array(values.length)
  const kept = ['']
  for (const code of codes) {
    if (code === 0 || renumbered[code] !== 0) continue
    renumbered[code] = kept.length
    kept.push(values[code] ?? '')
  }
  column.codes = codesFor(kept.length, codes.length)
  for (let row = 0; row < codes.length; row++) column.codes[row] = renumbered[codes[row] ?? 0] ?? 0
  column.values = kept
  column.generation++
  column.codeOf = codesOf(kept)
}

function widen(column: Column, code: number): void {
  if (code < 2 ** (8 * column.codes.BYTES_PER_ELEMENT)) return
  column.codes = longer(column.codes, codesFor(code, column.codes.length))
}

function resize(column: Column, rows: number): void {
  const greatest = 2 ** (8 * column.codes.BYTES_PER_ELEMENT) - 1
  column.codes = longer(column.codes, codesFor(greatest, Math.max(rows, column.codes.length * 2)))
}

function codesFor(greatest: number, rows: number): Uint8Array | Uint16Array | Uint32Array {
  if (greatest < 2 ** 8) return new Uint8Array(rows)
  if (greatest < 2 ** 16) return new Uint16Array(rows)
  return new Uint32Array(rows)
}
