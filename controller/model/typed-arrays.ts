// Columns that grow: typed arrays replaced by longer ones.

/** The array itself if it is as long as `length`, or else a copy of at least twice its length; what is new is 0. */
export function grown<T extends { readonly length: number; set(from: T): void }>(
  array: T,
  length: number,
  make: (length: number) => T,
): T {
  if (array.length >= length) return array
  const copy = make(Math.max(length, array.length * 2))
  copy.set(array)
  return copy
}
