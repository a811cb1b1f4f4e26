// Texts that values have to be as a whole. Nearly all values are none of them, and that is told without putting them into lower case.

export type WholeTerms = {
  /** Normalized text → the number of the term. */
  readonly numbers: ReadonlyMap<string, number>
  /** A power of two of bits, that of the hash of each term's end set. */
  readonly ends: Uint32Array
}

/** So many characters at the end are looked at. */
const END = 6

/** So many may a text lose when it is normalized (`KB` of an article). */
const LOST = 2

/** Bits for each term: of values that are no term, one in so many is looked up in vain. */
const BITS = 16

export function newWholeTerms(numbers: ReadonlyMap<string, number>): WholeTerms {
  let bits = 32
  while (bits < numbers.size * BITS) bits *= 2
  const ends = new Uint32Array(bits >>> 5)
  for (const text of numbers.keys()) {
    const hash = hashOfEnd(text)
    const at = (hash >>> 5) & (ends.length - 1)
    ends[at] = (ends[at] ?? 0) | (1 << (hash & 31))
  }
  return { numbers, ends }
}

/** Whether a text, as it is spelled, may be one of the terms when it is normalized. */
export function mayBeWhole({ numbers, ends }: WholeTerms, text: string): boolean {
  if (numbers.size === 0) return false
  if (text.length < END + LOST) return true
  const hash = hashOfEnd(text)
  return hash < 0 || (((ends[(hash >>> 5) & (ends.length - 1)] ?? 0) >>> (hash & 31)) & 1) === 1
}

// The same in upper case; negative with letters beyond ASCII, which have rules of their own.
function hashOfEnd(text: string): number {
  let hash = 0
  let all = 0
  for (let i = Math.max(0, text.length - END); i < text.length; i++) {
    const character = text.charCodeAt(i)
    all |= character
    hash = Math.imul(hash ^ (character | 32), 0x01000193)
  }
  return all < 128 ? (hash ^ (hash >>> 15)) & 0x7fffffff : -1
}
