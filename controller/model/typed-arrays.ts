// Columns that grow: typed arrays replaced by longer ones.

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
