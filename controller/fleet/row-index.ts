// Rows by id. A Map does the same, and takes four times as long to be made again for a million devices when a snapshot is read
// (docs/performance.md, "Restart"), and six times the memory.
import { stableHash } from '../model/hash.ts'

/** Slots are looked at one after the other, so many at the most: ids chosen to have the same hash slow nobody down. */
const REACH = 32

export class RowIndex {
  readonly #ids: readonly string[]
  /** Row + 1 where an id's hash leads to, or at one of the next slots; 0 for none. A power of two of them, more than twice the ids. */
  #slots = new Int32Array(128)
  /** Those that found no slot near enough. */
  readonly #others = new Map<string, number>()

  /** Over a list of different ids that only grows; `add` has to be called for each that comes. */
  constructor(ids: readonly string[]) {
    this.#ids = ids
    this.#build()
  }

  get(id: string): number | undefined {
    const slots = this.#slots
    const mask = slots.length - 1
    let slot = stableHash(id)
    for (let step = 0; step < REACH; step++, slot++) {
      const row = (slots[slot & mask] ?? 0) - 1
      if (row < 0) return undefined
      if (this.#ids[row] === id) return row
    }
    return this.#others.get(id)
  }

  has(id: string): boolean {
    return this.get(id) !== undefined
  }

  /** Takes in the id at the end of the list, which is new. */
  add(row: number): void {
    if (this.#ids.length * 2 >= this.#slots.length) this.#build()
    else this.#place(row)
  }

  #build(): void {
    let length = this.#slots.length
    while (length <= this.#ids.length * 2) length *= 2
    this.#slots = new Int32Array(length)
    this.#others.clear()
    for (let row = 0; row < this.#ids.length; row++) this.#place(row)
  }

  #place(row: number): void {
    const slots = this.#slots
    const mask = slots.length - 1
    const id = this.#ids[row] ?? ''
    let slot = stableHash(id)
    for (let step = 0; step < REACH; step++, slot++) {
      if (slots[slot & mask] !== 0) continue
      slots[slot & mask] = row + 1
      return
    }
    this.#others.set(id, row)
  }
}
