// Values of documents, which may be anything.
import type { Path } from './yaml-values.ts'

export function valueAt(value: unknown, path: Path): unknown {
  let at = value
  for (const segment of path) {
    if (Array.isArray(at)) at = at[Number(segment)]
    else at = isRecord(at) && Object.hasOwn(at, segment) ? at[String(segment)] : undefined
  }
  return at
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
