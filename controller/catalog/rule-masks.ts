// Sets of rules as a few words side by side in one array: bit `r & 31` of word `r >>> 5` is for rule `r`.

export function setRule(masks: Uint32Array, mask: number, rule: number): void {
  const at = mask + (rule >>> 5)
  masks[at] = (masks[at] ?? 0) | (1 << (rule & 31))
}

export function andMask(target: Uint32Array, to: number, masks: Uint32Array, from: number, words: number): void {
  for (let w = 0; w < words; w++) target[to + w] = (target[to + w] ?? 0) & (masks[from + w] ?? 0)
}

export function andNotMask(target: Uint32Array, to: number, masks: Uint32Array, from: number, words: number): void {
  for (let w = 0; w < words; w++) target[to + w] = (target[to + w] ?? 0) & ~(masks[from + w] ?? 0)
}

export function orMask(target: Uint32Array, to: number, masks: Uint32Array, from: number, words: number): void {
  for (let w = 0; w < words; w++) target[to + w] = (target[to + w] ?? 0) | (masks[from + w] ?? 0)
}
