import { copyTokenHash, type TokenHashes } from '../../controller/fleet/token-hashes.ts'

/** In hex; undefined for none. */
export function tokenHashOf(hashes: TokenHashes, row: number): string | undefined {
  const words = new Uint32Array(8)
  return copyTokenHash(hashes, row, words) ? new Uint8Array(words.buffer).toHex() : undefined
}
