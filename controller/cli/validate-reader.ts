// Which reader of declarations a validation needs: the whole one takes longer to load than most validations take.
import { type FileSet, ORIGIN } from '../sources/check-set.ts'
import { parseFast, placesInFast } from '../sources/manifest-fast.ts'
import type { ManifestFile, ManifestReader } from '../sources/manifest-file.ts'

/** One for exactly these files. The whole reader is loaded when one of them is not plain. */
export async function readerFor(sets: readonly FileSet[]): Promise<ManifestReader> {
  const plain = new Map<Uint8Array, ManifestFile>()
  let others = 0
  for (const { files, explicit } of sets)
    for (const { name, bytes } of files) {
      const read = parseFast(name, bytes, ORIGIN, explicit.has(name))
      if (read === undefined) others++
      else plain.set(bytes, read)
    }
  if (others === 0) return plainReader(plain)
  const { WHOLE_READER } = await import('../sources/manifest.ts')
  return {
    ...WHOLE_READER,
    parse: (file, text, origin, explicit) => plain.get(text) ?? WHOLE_READER.parse(file, text, origin, explicit),
  }
}

function plainReader(plain: ReadonlyMap<Uint8Array, ManifestFile>): ManifestReader {
  return {
    parse: (file, text) => {
      const read = plain.get(text)
      if (read === undefined) throw new Error(`${file} was not read before`)
      return read
    },
    placesIn: placesInFast,
  }
}
