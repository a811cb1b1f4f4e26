// Chance, from a seed. Every draw is keyed by what it is for (device, purpose, number): a device more or a draw more
// changes no other draw.
import { endHash, HASH_START, hashOn, stableHash } from '../model/hash.ts'

/** 0 (included) to 1 (not included), evenly. */
export function fraction(seed: number, ...key: readonly (string | number)[]): number {
  return drawKey(seed, ...key) / 0x1_0000_0000
}

/** A key that is drawn with often: its hash, for `numberedFraction`. */
export function drawKey(seed: number, ...key: readonly (string | number)[]): number {
  return stableHash(`${seed}/${key.join('/')}`)
}

/** As `fraction`, for the `number`-th draw with a key. */
export function numberedFraction(key: number, number: number): number {
  let hash = Math.imul(key ^ Math.imul(number + 1, 0x9e3779b1), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  hash = Math.imul(hash ^ (hash >>> 16), 0x27d4eb2f)
  return ((hash ^ (hash >>> 15)) >>> 0) / 0x1_0000_0000
}

/**
 * The beginning of a key that is drawn with often. What `extendKey` makes of it gives with `wholeOf` and `happensOf` what `whole`
 * and `happens` give for the whole key.
 */
export function beginKey(seed: number, first: string): number {
  return hashOn(HASH_START, `${seed}/${first}`)
}

export function extendKey(begun: number, part: string | number): number {
  return hashOn(hashOn(begun, '/'), typeof part === 'string' ? part : String(part))
}

export function wholeOf(min: number, max: number, key: number): number {
  return wholeAt(endHash(key) / 0x1_0000_0000, min, max)
}

export function happensOf(percent: number, key: number): boolean {
  return happensAt(endHash(key) / 0x1_0000_0000, percent)
}

/** A whole number from `min` to `max`, both included. */
export function whole(min: number, max: number, seed: number, ...key: readonly (string | number)[]): number {
  return wholeAt(fraction(seed, ...key), min, max)
}

/** Whether a thing of `percent` % happens. */
export function happens(percent: number, seed: number, ...key: readonly (string | number)[]): boolean {
  return happensAt(fraction(seed, ...key), percent)
}

/** One of the values, by their weights. */
export function pick<T extends { readonly weight: number }>(
  values: readonly T[],
  seed: number,
  ...key: readonly (string | number)[]
): T | undefined {
  const total = values.reduce((sum, { weight }) => sum + weight, 0)
  let left = Math.floor(fraction(seed, ...key) * total)
  return values.find(({ weight }) => {
    left -= weight
    return left < 0
  })
}

function wholeAt(drawn: number, min: number, max: number): number {
  return min + Math.floor(drawn * (max - min + 1))
}

function happensAt(drawn: number, percent: number): boolean {
  return Math.floor(drawn * 10_000) < Math.round(percent * 100)
}
