// Where the values of plain YAML stand: the same as yaml-values.ts says of what the whole parser reads.
import { isRecord } from './records.ts'
import { type FastDocument, readFast } from './yaml-fast.ts'
import type { Path } from './yaml-values.ts'

/** A document with the offset of the value at a path, or of its key; of the nearest thing around it when there is none. */
export type PlacedDocument = FastDocument & { readonly offsetOf: (path: Path, what: 'Key' | 'Value') => number }

/** Undefined when the text is not of the plain kind. */
export function readPlaced(text: string): readonly PlacedDocument[] | undefined {
  const starts: number[] = []
  const documents = readFast(text, starts)
  const walk = { starts, next: 0 }
  return documents?.map((document) => {
    const root = placed(walk, document.value)
    return { ...document, offsetOf: (path, what) => offsetIn(root, path, what) }
  })
}

type Place = { readonly at: number; readonly key?: number; readonly inner: ReadonlyMap<PropertyKey, Place> }
type Walk = { readonly starts: readonly number[]; next: number }

/** Fields and items were read in the order in which the values have them. */
function placed(walk: Walk, value: unknown, key?: number): Place {
  const at = walk.starts[walk.next++] ?? 0
  const inner = new Map<PropertyKey, Place>()
  if (Array.isArray(value)) for (const [i, item] of value.entries()) inner.set(i, placed(walk, item))
  else if (isRecord(value))
    for (const name of Object.keys(value)) inner.set(name, placed(walk, value[name], walk.starts[walk.next++]))
  return { at, inner, ...(key !== undefined && { key }) }
}

function offsetIn(root: Place, path: Path, what: 'Key' | 'Value'): number {
  let place = root
  let offset = root.at
  for (const [i, segment] of path.entries()) {
    const inner = place.inner.get(segment)
    if (inner === undefined) break
    place = inner
    offset = what === 'Key' && i === path.length - 1 ? (inner.key ?? inner.at) : inner.at
  }
  return offset
}
