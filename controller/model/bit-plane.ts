// A set of row numbers as a bitmap: a collection's members, a phase's targets, the devices that have an update.
// Planes of different length mix freely: what is beyond a plane's end is not in the set.
import { beforeRewrite, beforeWrite } from './still.ts'

/** `words[i >>> 5]` holds row `i` in bit `i & 31`. The box stays, the words are replaced when the plane grows. */
export type BitPlane = { words: Uint32Array }

export function newPlane(rows = 0): BitPlane {
  return { words: new Uint32Array((rows + 31) >>> 5) }
}

export function planeOf(rows: Iterable<number>): BitPlane {
  const plane = newPlane()
  for (const row of rows) setBit(plane, row)
  return plane
}

export function hasBit(plane: BitPlane, row: number): boolean {
  const word = plane.words[row >>> 5]
  return word !== undefined && ((word >>> (row & 31)) & 1) === 1
}

/** Adds a row, growing the plane by doubling. Returns whether it was absent. */
export function setBit(plane: BitPlane, row: number): boolean {
  const at = row >>> 5
  if (at >= plane.words.length) grow(plane, at + 1)
  const word = plane.words[at] ?? 0
  const bit = 1 << (row & 31)
  if ((word & bit) !== 0) return false
  beforeWrite(plane.words, at)
  plane.words[at] = word | bit
  return true
}

/** Removes a row. Returns whether it was present. */
export function clearBit(plane: BitPlane, row: number): boolean {
  const at = row >>> 5
  const word = plane.words[at]
  const bit = 1 << (row & 31)
  if (word === undefined || (word & bit) === 0) return false
  beforeWrite(plane.words, at)
  plane.words[at] = word & ~bit
  return true
}

export function clonePlane(plane: BitPlane): BitPlane {
  return { words: plane.words.slice() }
}

/** `target ∩= other`, in place. */
export function intersect(target: BitPlane, other: BitPlane): BitPlane {
  const a = target.words
  const b = other.words
  beforeRewrite(a)
  const shared = Math.min(a.length, b.length)
  for (let i = 0; i < shared; i++) a[i] = (a[i] ?? 0) & (b[i] ?? 0)
  a.fill(0, shared)
  return target
}

/** `target ∪= other`, in place. */
export function unite(target: BitPlane, other: BitPlane): BitPlane {
  if (other.words.length > target.words.length) grow(target, other.words.length)
  const a = target.words
  const b = other.words
  beforeRewrite(a)
  for (let i = 0; i < b.length; i++) a[i] = (a[i] ?? 0) | (b[i] ?? 0)
  return target
}

/** `target ∖= other`, in place. */
export function subtract(target: BitPlane, other: BitPlane): BitPlane {
  const a = target.words
  const b = other.words
  beforeRewrite(a)
  const shared = Math.min(a.length, b.length)
  for (let i = 0; i < shared; i++) a[i] = (a[i] ?? 0) & ~(b[i] ?? 0)
  return target
}

/** How many bits of a 32-bit word are set, whatever its sign. */
export function popCount(word: number): number {
  let v = word - ((word >>> 1) & 0x55555555)
  v = (v & 0x33333333) + ((v >>> 2) & 0x33333333)
  return Math.imul((v + (v >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}

/** How many rows are in the set. */
export function countBits(plane: BitPlane): number {
  let total = 0
  for (let i = 0; i < plane.words.length; i++) total += popCount(plane.words[i] ?? 0)
  return total
}

/** How many rows are in both sets, without making a third. */
export function countShared(a: BitPlane, b: BitPlane): number {
  const shared = Math.min(a.words.length, b.words.length)
  let total = 0
  for (let i = 0; i < shared; i++) total += popCount((a.words[i] ?? 0) & (b.words[i] ?? 0))
  return total
}

export function isEmptyPlane(plane: BitPlane): boolean {
  for (let i = 0; i < plane.words.length; i++) if (plane.words[i] !== 0) return false
  return true
}

export function samePlane(a: BitPlane, b: BitPlane): boolean {
  const [long, short] = a.words.length >= b.words.length ? [a.words, b.words] : [b.words, a.words]
  for (let i = 0; i < long.length; i++) if (long[i] !== (short[i] ?? 0)) return false
  return true
}

/** Calls `visit` with each row, ascending. */
export function eachBit(plane: BitPlane, visit: (row: number) => void): void {
  for (let i = 0; i < plane.words.length; i++) {
    let word = plane.words[i] ?? 0
    while (word !== 0) {
      const low = word & -word
      visit((i << 5) + (31 - Math.clz32(low)))
      word ^= low
    }
  }
}

export function planeRows(plane: BitPlane): number[] {
  const rows: number[] = []
  eachBit(plane, (row) => rows.push(row))
  return rows
}

/**
 * How a set of devices stands in a fact: its words, little-endian in base64, in stretches without long gaps, each behind the number
 * of its first word (`31250:AQAAAA==,31262:…`; no number means 0). The same set always gives the same text.
 */
export function encodePlane({ words }: BitPlane): string {
  const stretches: string[] = []
  for (let from = 0; from < words.length; from++) {
    if (words[from] === 0) continue
    let end = from + 1
    for (let i = end; i < words.length && i - end < GAP; i++) if (words[i] !== 0) end = i + 1
    stretches.push(`${from === 0 ? '' : `${from}:`}${toBase64(words.subarray(from, end))}`)
    from = end
  }
  return stretches.join()
}

/** Throws a SyntaxError on a text that is no such set, or of rows beyond 67,108,863. */
export function decodePlane(text: string): BitPlane {
  const stretches = text.split(',').map((stretch) => {
    const colon = stretch.indexOf(':')
    const bytes = Uint8Array.fromBase64(stretch.slice(colon + 1))
    return { from: colon < 0 ? 0 : firstWord(stretch.slice(0, colon)), bytes }
  })
  const plane: BitPlane = {
    words: new Uint32Array(Math.max(...stretches.map(({ from, bytes }) => from + (bytes.length >>> 2)))),
  }
  for (const { from, bytes } of stretches) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    for (let i = 0; i < bytes.length >>> 2; i++) plane.words[from + i] = view.getUint32(i * 4, true)
  }
  return plane
}

/** So many words without a row are longer than the number of another stretch. */
const GAP = 4
const MAX_WORDS = 2 ** 21

function toBase64(words: Uint32Array): string {
  const bytes = new Uint8Array(words.length * 4)
  const view = new DataView(bytes.buffer)
  for (let i = 0; i < words.length; i++) view.setUint32(i * 4, words[i] ?? 0, true)
  return bytes.toBase64()
}

function firstWord(text: string): number {
  if (/^[1-9]\d{0,6}$/.test(text) && Number(text) < MAX_WORDS) return Number(text)
  throw new SyntaxError(`a stretch of a set cannot begin at word ${text}`)
}

function grow(plane: BitPlane, words: number): void {
  const grown = new Uint32Array(Math.max(words, plane.words.length * 2))
  grown.set(plane.words)
  plane.words = grown
}
