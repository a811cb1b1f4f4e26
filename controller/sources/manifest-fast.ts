// Files of the plain kind, without any problem, read fast. Everything else is left to manifest.ts.
import type { Declared } from '../model/declared.ts'
import { MAX_FILE_BYTES } from './limits.ts'
import type { ManifestFile, ManifestOrigin, PlaceOf } from './manifest-file.ts'
import { readPlainObject } from './plain-object.ts'
import { isStranger, listItems } from './strangers.ts'
import { positions } from './text-positions.ts'
import { readFast } from './yaml-fast.ts'
import { readPlaced } from './yaml-fast-places.ts'

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
    const object = readPlainObject(value, { ...origin, file, line })
    if (object !== undefined) objects.push(object)
    else if (listItems(value) === undefined && isStranger(value, explicit)) ignored++
    else return undefined
  }
  return { objects, problems: [], ignored, refused: [] }
}

/** What placesIn of manifest-whole.ts gives, for a text that parseFast reads. */
export function placesInFast(text: Uint8Array | string): PlaceOf {
  const decoded = decode(text) ?? ''
  const documents = readPlaced(decoded) ?? []
  const positionOf = positions(decoded)
  return ({ origin }, path, what = 'Value') => {
    const document = documents.find(({ line }) => line === origin.line)
    return document === undefined ? { line: 1, column: 1 } : positionOf(document.offsetOf(path, what))
  }
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
