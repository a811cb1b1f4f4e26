// Files of the plain kind, without any problem, read fast. Everything else is left to manifest.ts.
import type { Declared } from '../model/declared.ts'
import { MAX_FILE_BYTES } from './limits.ts'
import type { ManifestFile, ManifestOrigin } from './manifest-file.ts'
import { readObject } from './manifest-object.ts'
import { isStranger, listItems } from './strangers.ts'
import { readFast } from './yaml-fast.ts'

/** What parseWhole of manifest.ts gives for the same text; undefined when this reader is not the one to say. */
export function parseFast(
  file: string,
  bytes: Uint8Array | string,
  origin: ManifestOrigin,
  explicit: boolean,
): ManifestFile | undefined {
  const text = decode(bytes)
  const documents = text === undefined ? undefined : readFast(text)
  if (documents === undefined) return undefined
  const objects: Declared[] = []
  let ignored = 0
  for (const { value, line } of documents) {
    if (listItems(value) !== undefined) return undefined
    if (isStranger(value, explicit)) {
      ignored++
      continue
    }
    const read = readObject(value, { ...origin, file, line }, nothingWritten)
    if (read.type !== 'Object') return undefined
    objects.push(read.object)
  }
  return { objects, problems: [], ignored, refused: [] }
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

function decode(bytes: Uint8Array | string): string | undefined {
  if (bytes.length > MAX_FILE_BYTES) return undefined
  if (typeof bytes === 'string') return bytes
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}

/** How a scalar was written matters only to messages, and what has any is read again. */
function nothingWritten(): undefined {
  return undefined
}
