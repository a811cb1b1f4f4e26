// Chance, from a seed. Every draw is keyed by what it is for (device, purpose, number): a device more or a draw more
// changes no other draw.
import { stableHash } from '../model/hash.ts'

/** 0 (included) to 1 (not included), evenly. */
export function fraction(seed: number, ...key: readonly (string | number)[]): number {
  return stableHash(`${seed}/${key.join('/')}`) / 0x1_0000_0000
}

/** A whole number from `min` to `max`, both included. */
export function whole(min: number, max: number, seed: number, ...key: readonly (string | number)[]): number {
  return min + Math.floor(fraction(seed, ...key) * (max - min + 1))
}

/** Whether a thing of `percent` % happens. */
export function happens(percent: number, seed: number, ...key: readonly (string | number)[]): boolean {
  return Math.floor(fraction(seed, ...key) * 10_000) < Math.round(percent * 100)
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
