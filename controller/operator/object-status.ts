// The status of an object in the cluster, from its view (project/objects.ts): the same fields, with conditions as Kubernetes has
// them and the generation that it is of. Counts, not lists: what could grow with the fleet or the catalog is cut.
import { isRecord } from '../kube/kube-object.ts'
import { type EpochMs, toRfc3339 } from '../model/instant.ts'
import { type Condition, conditionsOf } from '../project/conditions.ts'
import type { ObjectView } from '../project/views.ts'
import type { Fault } from './read-declared.ts'
import { plainJson } from './same-content.ts'

/** Of every list in a status but conditions and phases, so many are shown. */
export const MOST_LISTED = 20
const MOST_MESSAGE = 4096

export type StatusInput = {
  /** Undefined for an object of which nothing is in force. */
  readonly view: ObjectView | undefined
  /** Why the version of `generation` is not in force. */
  readonly faults: readonly Fault[]
  /** Whether an older version of it is. */
  readonly hasGood: boolean
  readonly generation: number
  /** As the watch shows it. */
  readonly shown: unknown
  readonly now: EpochMs
}

/** Plain JSON. On the same input the same; when nothing but the time has changed, what is shown already. */
export function objectStatus(input: StatusInput): Readonly<Record<string, unknown>> {
  const { view, faults, generation, shown, now } = input
  const { conditions: own, ...fields } = view?.status ?? { conditions: conditionsOf([]) }
  const conditions = faults.length === 0 ? own : refusedConditions(input)
  const status = plainJson({
    observedGeneration: generation,
    conditions: conditions.map((condition) => asKubernetes(condition, generation, shown, now)),
    ...bounded(fields),
  })
  return isRecord(status) ? status : {}
}

/** The condition Stalled, when it holds. */
export function stalledIn(status: unknown): { readonly reason: string; readonly message: string } | undefined {
  const found = conditionsIn(status).find(({ type, status }) => type === 'Stalled' && status === 'True')
  return found && { reason: String(found.reason), message: String(found.message) }
}

function refusedConditions({ faults, hasGood }: StatusInput): readonly Condition[] {
  const told = faults
    .slice(0, 5)
    .map(({ code, path, message }) => `${code} ${path === '' ? '' : `${path}: `}${message}`)
  const more = faults.length > told.length ? [`${faults.length - told.length} more`] : []
  const stays = hasGood ? 'what was in force before stays so' : 'nothing of it is in force'
  const message = `${stays}; ${[...told, ...more].join('; ')}`
  return conditionsOf([{ state: 'Stalled', reason: 'Refused', message }])
}

function asKubernetes(
  { type, status, reason, message, lastTransitionTime }: Condition,
  observedGeneration: number,
  shown: unknown,
  now: EpochMs,
): object {
  const before = conditionsIn(shown).find((condition) => condition.type === type)
  const unchanged = before?.status === status && typeof before.lastTransitionTime === 'string'
  return {
    type,
    status,
    observedGeneration,
    lastTransitionTime: unchanged ? before.lastTransitionTime : seconds(lastTransitionTime ?? toRfc3339(now)),
    reason,
    message: message.length > MOST_MESSAGE ? `${message.slice(0, MOST_MESSAGE)}…` : message,
  }
}

function conditionsIn(status: unknown): Record<string, unknown>[] {
  return isRecord(status) && Array.isArray(status.conditions) ? status.conditions.filter(isRecord) : []
}

function seconds(instant: string): string {
  return instant.replace(/\.\d+Z$/, 'Z')
}

function bounded(fields: object): object {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [
      key,
      Array.isArray(value) && key !== 'phases' ? value.slice(0, MOST_LISTED) : value,
    ]),
  )
}
