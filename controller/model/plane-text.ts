// How a set of devices stands in a fact: its words, little-endian in base64, in stretches without long gaps, each behind the number
// of its first word (`31250:AQAAAA==,31262:…`; no number means 0). The same set always gives the same text.
import type { BitPlane } from './bit-plane.ts'

export function encodePlane({ words }: BitPlane): string {
  const some: Words = { at: [], words: [] }
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? 0
    if (word !== 0) addWord(some, i, word)
  }
  return encodeWords(some)
}

/** The text of the same set as a plane. `rows` are ascending. Takes no longer in a larger fleet. */
export function encodeRows(rows: ArrayLike<number>): string {
  const some: Words = { at: [], words: [] }
  let at = -1
  let word = 0
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] ?? 0
    if (row >>> 5 !== at) {
      if (word !== 0) addWord(some, at, word)
      at = row >>> 5
      word = 0
    }
    word |= 1 << (row & 31)
  }
  if (word !== 0) addWord(some, at, word)
  return encodeWords(some)
}

/** Throws a SyntaxError on a text that is no such set, or of rows beyond 67,108,863. */
export function decodePlane(text: string): BitPlane {
  const { bytes, stretches } = stretchesOf(text)
  const words = new Uint32Array(Math.max(...stretches.map(({ from, length }) => from + (length >>> 2))))
  const view = new DataView(bytes.buffer)
  for (const { from, first, length } of stretches)
    for (let i = 0; i < length >>> 2; i++) words[from + i] = view.getUint32(first + i * 4, true)
  return { words }
}

/** The rows of the same set, ascending. Throws as `decodePlane` does. */
export function decodeRows(text: string): number[] {
  const rows: number[] = []
  const { bytes, stretches } = stretchesOf(text)
  for (const { from, first, length } of stretches)
    for (let i = 0; i < length; i++)
      for (let byte = bytes[first + i] ?? 0; byte !== 0; byte &= byte - 1)
        rows.push(from * 32 + i * 8 + 31 - Math.clz32(byte & -byte))
  return rows
}

/** Words in which there are rows, and where each stands; ascending. */
type Words = { readonly at: number[]; readonly words: number[] }

/** Where in the set it begins, and where its bytes are among those of all stretches. */
type Stretch = { readonly from: number; readonly first: number; readonly length: number }

/** So many words without a row are longer than the number of another stretch. */
const GAP = 4
const MAX_WORDS = 2 ** 21

function addWord({ at, words }: Words, place: number, word: number): void {
  at.push(place)
  words.push(word)
}

function encodeWords({ at, words }: Words): string {
  const stretches: string[] = []
  const bytes = new Uint8Array(at.length * GAP * 4)
  const view = new DataView(bytes.buffer)
  for (let first = 0, next = 0; first < at.length; first = next) {
    for (next = first + 1; next < at.length; next++) if ((at[next] ?? 0) - (at[next - 1] ?? 0) > GAP) break
    const from = at[first] ?? 0
    const stretch = bytes.subarray(first * GAP * 4, (first * GAP + (at[next - 1] ?? 0) + 1 - from) * 4)
    for (let i = first; i < next; i++) view.setUint32((first * GAP + (at[i] ?? 0) - from) * 4, words[i] ?? 0, true)
    stretches.push(`${from === 0 ? '' : `${from}:`}${stretch.toBase64()}`)
  }
  return stretches.join()
}

// An array for all of them together: one for each takes longer than all else that is done for a device.
function stretchesOf(text: string): { readonly bytes: Uint8Array; readonly stretches: readonly Stretch[] } {
  const bytes = new Uint8Array(text.length)
  let end = 0
  const stretches = text.split(',').map((stretch) => {
    const colon = stretch.indexOf(':')
    const first = end
    const { written } = bytes.subarray(first).setFromBase64(stretch.slice(colon + 1))
    end += written
    return { from: colon < 0 ? 0 : firstWord(stretch.slice(0, colon)), first, length: written }
  })
  return { bytes, stretches }
}

function firstWord(text: string): number {
  if (/^[1-9]\d{0,6}$/.test(text) && Number(text) < MAX_WORDS) return Number(text)
  throw new SyntaxError(`a stretch of a set cannot begin at word ${text}`)
}
