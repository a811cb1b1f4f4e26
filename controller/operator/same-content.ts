// Comparing what is to be written with what the watch shows.
import { createHash } from 'node:crypto'
import { isRecord } from '../kube/kube-object.ts'

/** Whether every field that is wanted is there with the value that is wanted. Others may be there besides. */
export function contains(shown: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted))
    return Array.isArray(shown) && shown.length === wanted.length && wanted.every((item, i) => contains(shown[i], item))
  if (!isRecord(wanted)) return shown === wanted
  return isRecord(shown) && Object.entries(wanted).every(([key, value]) => contains(shown[key], value))
}

/** A short digest of plain JSON. The order of fields counts. */
export function digestOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16)
}

/** Plain JSON, without fields that are undefined. */
export function plainJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value))
}
