// Sets of rules as bits of a few words: bit `r & 31` of word `r >>> 5` is for rule `r`. Rows are judged a block at a time, and a
// word of a verdict at a time.

/** Rows that are judged together: their verdicts, 40 bytes each with 300 rules, stay in the cache of a core. */
export const BLOCK = 1024

/** Verdicts in the making: the rules that are left of each row. */
export type Block = {
  readonly rows: Uint32Array
  /** How many of the rows are in use. */
  count: number
  /** Word after word: word `w` of the `i`-th row is at `w * BLOCK + i`. */
  readonly verdicts: Uint32Array
  /** Of the table at hand: where the mask of the `i`-th row begins. */
  readonly masks: Uint32Array
}

export function newBlock(words: number): Block {
  return {
    rows: new Uint32Array(BLOCK),
    count: 0,
    verdicts: new Uint32Array(BLOCK * words),
    masks: new Uint32Array(BLOCK),
  }
}

/** The words of a verdict that a table can change, because they have a rule that asks for its property. A mask has these only. */
export type Words = {
  readonly numbers: readonly number[]
  /** Word → its place in a mask; −1 for the others. */
  readonly places: Int32Array
}

export function wordsOf(rules: Iterable<number>, words: number): Words {
  const places = new Int32Array(words).fill(-1)
  for (const rule of rules) places[rule >>> 5] = 0
  const numbers: number[] = []
  for (const [word, place] of places.entries()) if (place === 0) places[word] = numbers.push(word) - 1
  return { numbers, places }
}

/** A mask of all rules but these. */
export function maskWithout(rules: Iterable<number>, words: Words): Uint32Array {
  const mask = new Uint32Array(words.numbers.length).fill(2 ** 32 - 1)
  for (const rule of rules) {
    const at = words.places[rule >>> 5] ?? 0
    mask[at] = (mask[at] ?? 0) & ~(1 << (rule & 31))
  }
  return mask
}

export function setRule(masks: Uint32Array, mask: number, rule: number, { places }: Words): void {
  const at = mask + (places[rule >>> 5] ?? 0)
  masks[at] = (masks[at] ?? 0) | (1 << (rule & 31))
}

/** Takes out of the verdicts the rules that are not in the masks of their rows. */
export function narrow({ verdicts, masks, count }: Block, suits: Uint32Array, { numbers }: Words): void {
  for (const [place, word] of numbers.entries()) {
    const verdict = word * BLOCK
    for (let i = 0; i < count; i++)
      verdicts[verdict + i] = (verdicts[verdict + i] ?? 0) & (suits[(masks[i] ?? 0) + place] ?? 0)
  }
}

/** Whether any of these words is left of the `i`-th row. */
export function isLeft({ verdicts }: Block, i: number, { numbers }: Words): boolean {
  for (const word of numbers) if (verdicts[word * BLOCK + i] !== 0) return true
  return false
}
