// Columns that grow: typed arrays replaced by longer ones. And what is read ahead of its use.

/** The array itself if it is as long as `length`, or else a copy of at least twice its length; what is new is 0. */
export function grown<T extends { readonly length: number; set(from: T): void }>(
  array: T,
  length: number,
  make: (length: number) => T,
): T {
  if (array.length >= length) return array
  return longer(array, make(Math.max(length, array.length * 2)))
}

/** `to`, which is new, with what `from` holds at its beginning. */
export function longer<T extends { set(from: T): void }>(from: T, to: T): T {
  to.set(from)
  return to
}

const kept = { sum: 0 }

/**
 * Takes a sum of what was read for no other purpose than to have it in a cache. Were it not put anywhere, the compiler would leave
 * the reading out.
 */
export function haveRead(sum: number): void {
  kept.sum = sum
}
