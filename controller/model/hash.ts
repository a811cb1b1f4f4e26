// The stable hash behind rings, spreads and gradual availability. It must never change: a device would change its ring.

/** 32-bit FNV-1a over UTF-16 code units, finished with murmur3's mixer so that near-equal names spread evenly. */
export function stableHash(text: string): number {
  return endHash(hashOn(HASH_START, text))
}

/** A hash in parts: `endHash(hashOn(hashOn(HASH_START, a), b))` is `stableHash(a + b)`. */
export const HASH_START = 0x811c9dc5 | 0

export function hashOn(begun: number, text: string): number {
  let hash = begun
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash
}

export function endHash(begun: number): number {
  let hash = Math.imul(begun ^ (begun >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** Where a device stands in every percentage: 0 to 9999, so that 10 % is everything below 1000. */
export function ringPosition(device: string): number {
  return stableHash(device) % 10_000
}
