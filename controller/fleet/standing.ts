// How devices stand with several updates together, from the planes: what a gate counts anew, and what the status page adds up.
// A block of devices at a time, so that what is in the making stays in a core's first-level cache.
import type { BitPlane } from '../model/bit-plane.ts'
import type { UpdateId } from '../model/update.ts'
import type { Compliance } from './compliance.ts'

/** A bit for each device of a block, in words; beyond the block's length they mean nothing. */
export type Standing = {
  /** Nothing is known of one of the updates. */
  readonly unknown: Uint32Array
  /** One is known to be missing. */
  readonly missing: Uint32Array
  /** One failed, and is not known to be there since. */
  readonly failing: Uint32Array
}

/**
 * Visits the blocks of the first `words` words of every plane. Known is what a device said of an update at any time; with
 * `seen`, only if the device is in the update's plane there. The same arrays are used for every block.
 */
export function eachStanding(
  { updates, failed }: Pick<Compliance, 'updates' | 'failed'>,
  ids: readonly UpdateId[],
  seen: ReadonlyMap<UpdateId, BitPlane> | undefined,
  words: number,
  visit: (from: number, length: number, standing: Standing) => void,
): void {
  const said = ids.map((id) => ({ planes: updates.get(id), seen: seen?.get(id), failed: failed.get(id)?.devices }))
  const standing = { unknown: newBlock(), missing: newBlock(), failing: newBlock() }
  for (let from = 0; from < words; from += BLOCK) {
    const length = Math.min(BLOCK, words - from)
    for (const plane of Object.values(standing)) plane.fill(0)
    for (const { planes, seen: own, failed: failures } of said) {
      const there = blockOf(planes?.lo, from, length)
      const known = seen === undefined ? either(there, blockOf(planes?.hi, from, length)) : blockOf(own, from, length)
      addSaid(standing, known, there)
      if (failures !== undefined) addFailures(standing.failing, known, there, blockOf(failures, from, length))
    }
    visit(from, length, standing)
  }
}

/** So many words of a plane; a copy where the plane ends before them, else the plane's own. */
export function blockOf(plane: BitPlane | undefined, from: number, length: number): Uint32Array {
  const words = plane?.words.subarray(from, from + length) ?? NOTHING
  if (words.length === length) return words
  const padded = new Uint32Array(length)
  padded.set(words)
  return padded
}

/** Words of a block: 65,536 devices, 8 kB. */
const BLOCK = 2048
const NOTHING = new Uint32Array()

function newBlock(): Uint32Array {
  return new Uint32Array(BLOCK)
}

function addSaid({ unknown, missing }: Standing, known: Uint32Array, there: Uint32Array): void {
  for (let i = 0; i < known.length; i++) {
    const word = known[i] ?? 0
    unknown[i] = (unknown[i] ?? 0) | ~word
    missing[i] = (missing[i] ?? 0) | (word & ~(there[i] ?? 0))
  }
}

function addFailures(failing: Uint32Array, known: Uint32Array, there: Uint32Array, failures: Uint32Array): void {
  for (let i = 0; i < known.length; i++) {
    const word = failures[i] ?? 0
    if (word !== 0) failing[i] = (failing[i] ?? 0) | (word & ~((known[i] ?? 0) & (there[i] ?? 0)))
  }
}

function either(a: Uint32Array, b: Uint32Array): Uint32Array {
  const both = new Uint32Array(a.length)
  for (let i = 0; i < a.length; i++) both[i] = (a[i] ?? 0) | (b[i] ?? 0)
  return both
}
