// Rows by id. A Map does the same, and takes four times as long to be made again for a million devices when a snapshot is read
// (docs/performance.md, "Restart"), and six times the memory.
import { stableHash } from './hash.ts'
import { haveRead } from './typed-arrays.ts'

/** Slots are looked at one after the other, so many at the most: ids chosen to have the same hash slow nobody down. */
const REACH = 32
/** The part of a slot that is row + 1, which is at most MAX_DEVICES (fleet.ts). */
const ROW = 0xffffff

export class RowIndex {
  #ids: readonly string[]
  /**
   * Row + 1 where an id's hash leads to, or at one of the next slots, above it the upper 8 bits of the hash; 0 for none. A power of
   * two of them, more than twice the ids.
   */
  #slots = new Uint32Array(128)
  /** Those that found no slot near enough. */
  readonly #others = new Map<string, number>()

  /** Over a list of different ids that only grows; `add` has to be called for each that comes. */
  constructor(ids: readonly string[]) {
    this.#ids = ids
    this.#build()
  }

  get(id: string): number | undefined {
    return this.#find(id, stableHash(id))
  }

  /**
   * The row of each, −1 for those that are not known. Slots and ids are read in one go before they are looked at, so that the misses of
   * the cache are waited for together.
   */
  rowsOf(ids: readonly string[]): number[] {
    const hashes = hashesOf(ids)
    haveRead(this.#read(this.#likely(hashes)))
    return this.#findAll(ids, hashes)
  }

  has(id: string): boolean {
    return this.get(id) !== undefined
  }

  /** An index over another list of the same ids, which it then follows. */
  copyFor(ids: readonly string[]): RowIndex {
    const copy = new RowIndex([])
    copy.#ids = ids
    copy.#slots = this.#slots.slice()
    for (const [id, row] of this.#others) copy.#others.set(id, row)
    return copy
  }

  /** Takes in the id at the end of the list, which is new. */
  add(row: number): void {
    if (this.#ids.length * 2 >= this.#slots.length) this.#build()
    else this.#place(row)
  }

  /** The row that `#find` is going to look at first, plus 1; 0 for none. */
  #likely(hashes: readonly number[]): number[] {
    const slots = this.#slots
    const mask = slots.length - 1
    const likely: number[] = []
    for (const hash of hashes) likely.push((slots[hash & mask] ?? 0) & ROW)
    return likely
  }

  #read(likely: readonly number[]): number {
    let sum = 0
    for (const row of likely) if (row !== 0) sum += this.#ids[row - 1]?.length ?? 0
    return sum
  }

  #findAll(ids: readonly string[], hashes: readonly number[]): number[] {
    const rows: number[] = []
    for (let i = 0; i < hashes.length; i++) rows.push(this.#find(ids[i] ?? '', hashes[i] ?? 0) ?? -1)
    return rows
  }

  #find(id: string, hash: number): number | undefined {
    const slots = this.#slots
    const mask = slots.length - 1
    for (let step = 0, at = hash; step < REACH; step++, at++) {
      const slot = slots[at & mask] ?? 0
      if (slot === 0) return undefined
      if ((slot ^ hash) >>> 24 !== 0) continue
      const row = (slot & ROW) - 1
      if (this.#ids[row] === id) return row
    }
    return this.#others.get(id)
  }

  #build(): void {
    let length = this.#slots.length
    while (length <= this.#ids.length * 2) length *= 2
    this.#slots = new Uint32Array(length)
    this.#others.clear()
    for (let row = 0; row < this.#ids.length; row++) this.#place(row)
  }

  #place(row: number): void {
    const slots = this.#slots
    const mask = slots.length - 1
    const id = this.#ids[row] ?? ''
    const hash = stableHash(id)
    for (let step = 0, at = hash; step < REACH; step++, at++) {
      if (slots[at & mask] !== 0) continue
      slots[at & mask] = (hash & ~ROW) | (row + 1)
      return
    }
    this.#others.set(id, row)
  }
}

// Loops of their own, here as above: one that goes through the ids of a whole catalog is compiled for that, and good for a few as well.
function hashesOf(ids: readonly string[]): number[] {
  const hashes: number[] = []
  for (const id of ids) hashes.push(stableHash(id) | 0)
  return hashes
}
