// Sets of rules as a few words side by side in one array: bit `r & 31` of word `r >>> 5` is for rule `r`.

export function setRule(masks: Uint32Array, mask: number, rule: number): void {
  const at = mask + (rule >>> 5)
  masks[at] = (masks[at] ?? 0) | (1 << (rule & 31))
}

/** Returns whether any rule is in it. */
export function copyMask(target: Uint32Array, to: number, masks: Uint32Array, from: number, words: number): boolean {
  let any = 0
  for (let w = 0; w < words; w++) {
    const word = masks[from + w] ?? 0
    target[to + w] = word
    any |= word
  }
  return any !== 0
}

/** Returns whether any rule is left. */
export function andMask(target: Uint32Array, to: number, masks: Uint32Array, from: number, words: number): boolean {
  let left = 0
  for (let w = 0; w < words; w++) {
    const word = (target[to + w] ?? 0) & (masks[from + w] ?? 0)
    target[to + w] = word
    left |= word
  }
  return left !== 0
}

export function andNotMask(target: Uint32Array, to: number, masks: Uint32Array, from: number, words: number): void {
  for (let w = 0; w < words; w++) target[to + w] = (target[to + w] ?? 0) & ~(masks[from + w] ?? 0)
}

export function orMask(target: Uint32Array, to: number, masks: Uint32Array, from: number, words: number): void {
  for (let w = 0; w < words; w++) target[to + w] = (target[to + w] ?? 0) | (masks[from + w] ?? 0)
}

/** Verdicts in the making, one row after the other: the rules that are left of each. */
export type Block = {
  readonly words: number
  readonly rows: Uint32Array
  readonly verdicts: Uint32Array
  /** How many of the rows are in use, and which of them are rules left of. */
  count: number
  readonly isOpen: Uint8Array
}

export function newBlock(rows: number, words: number): Block {
  return {
    words,
    rows: new Uint32Array(rows),
    verdicts: new Uint32Array(rows * words),
    count: 0,
    isOpen: new Uint8Array(rows),
  }
}
