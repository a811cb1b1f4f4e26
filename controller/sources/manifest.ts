// The text of one file to declared objects, and everything that is wrong with it at once: fast where it is plain.
import { parseFast } from './manifest-fast.ts'
import type { ManifestFile, ManifestOrigin, ManifestReader } from './manifest-file.ts'
import { parseWhole, placesIn } from './manifest-whole.ts'

/**
 * Reads a file of manifests (YAML or JSON, several documents). Never throws.
 * `explicit`: the file was named by a person, so that a document without apiVersion and kind is a mistake, not a stranger.
 */
export function parseManifests(
  file: string,
  text: Uint8Array | string,
  origin: ManifestOrigin,
  explicit = false,
): ManifestFile {
  return parseFast(file, text, origin, explicit) ?? parseWhole(file, text, origin, explicit)
}

/** For any text. */
export const WHOLE_READER: ManifestReader = { parse: parseManifests, placesIn }
