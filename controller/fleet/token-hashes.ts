// The SHA-256 of each device's token as a column: 32 bytes a device, and nothing to be parsed when a snapshot is read.
import { writeUnsigned } from '../model/still.ts'
import { grown } from '../model/typed-arrays.ts'

/** Plain data: eight words a row, all of them zero for none. */
export type TokenHashes = { words: Uint32Array }

const WORDS = 8
const HASH = /^[0-9a-f]{64}$/

export function newTokenHashes(): TokenHashes {
  return { words: new Uint32Array() }
}

/** `hash` in hex; anything else is the hash of nothing, and kept as none. */
export function putTokenHash(hashes: TokenHashes, row: number, hash: string): void {
  if (!HASH.test(hash)) {
    dropTokenHash(hashes, row)
    return
  }
  const first = row * WORDS
  hashes.words = grown(hashes.words, first + WORDS, (length) => new Uint32Array(length))
  const words = new Uint32Array(Uint8Array.fromHex(hash).buffer)
  for (let i = 0; i < WORDS; i++) writeUnsigned(hashes.words, first + i, words[i] ?? 0)
}

export function dropTokenHash({ words }: TokenHashes, row: number): void {
  const first = row * WORDS
  if (first < words.length) for (let i = 0; i < WORDS; i++) writeUnsigned(words, first + i, 0)
}

/** Copies the eight words of the hash; returns whether there is one. */
export function copyTokenHash(hashes: TokenHashes, row: number, into: Uint32Array): boolean {
  for (let i = 0; i < WORDS; i++) into[i] = hashes.words[row * WORDS + i] ?? 0
  return tokenMark(hashes, row) !== 0
}

/** A number that tells one token from the next that the device is given; 0 for none. */
export function tokenMark({ words }: TokenHashes, row: number): number {
  const first = row * WORDS
  return ((words[first] ?? 0) >>> 11) * 2 ** 32 + (words[first + 1] ?? 0)
}

/** Of snapshots that hold texts by row. */
export function tokenHashesFrom(texts: ReadonlyMap<number, string>): TokenHashes {
  const hashes = newTokenHashes()
  for (const [row, hash] of texts) putTokenHash(hashes, row, hash)
  return hashes
}
