// The effect for programs: as effect.ts has it, with instants in RFC 3339. The same effect gives the same bytes.
import { toRfc3339 } from '../model/instant.ts'
import type { Effect } from './effect.ts'

/** Fields that hold an instant wherever they stand. */
const INSTANTS: ReadonlySet<string> = new Set([
  'at',
  'until',
  'available',
  'deadline',
  'starts',
  'planned',
  'ended',
  'started',
  'succeeded',
  'halted',
])

export function effectJson(effect: Effect): string {
  return `${JSON.stringify({ apiVersion: 'ringmaster.dev/v1alpha1', kind: 'Effect', ...written(effect) }, null, 2)}\n`
}

function written(value: object): Record<string, unknown> {
  const isSpan = 'from' in value && typeof value.from === 'number'
  const isChange = 'isInstant' in value && value.isInstant === true
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      const instant =
        INSTANTS.has(key) || (isSpan && key === 'from') || (isChange && (key === 'base' || key === 'head'))
      return [key, writtenValue(inner, instant || key === 'nextEvaluation')]
    }),
  )
}

function writtenValue(value: unknown, instant: boolean): unknown {
  if (typeof value === 'number') return instant ? toRfc3339(value) : value
  if (Array.isArray(value)) return value.map((one) => writtenValue(one, false))
  if (typeof value !== 'object' || value === null) return value
  if (!instant) return written(value)
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, writtenValue(inner, true)]))
}
