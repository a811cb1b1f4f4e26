// Which documents are ours to judge, and what they say that they are.
import type { ObjectRef } from '../model/declared.ts'
import { API_GROUP, KIND_NAMES, kindNamed } from '../model/kinds.ts'
import { isRecord } from './records.ts'
import { editDistance, nearest } from './suggest.ts'

/** Kinds of our group that are no declarations: what simulations play with, and the settings in ringmaster.yaml. */
const OTHER_KINDS: readonly string[] = ['Scenario', 'PolicyTest', 'Project']

/**
 * Whether a document is no business of ours: of another API group, a scenario, or without apiVersion and kind.
 * `explicit`: the file was named by a person, so that what might have been meant for us is a mistake, not a stranger.
 */
export function isStranger(value: unknown, explicit: boolean): boolean {
  if (value === null) return true
  if (Array.isArray(value))
    return !explicit && !value.some((item) => isRecord(item) && groupOf(item.apiVersion) === API_GROUP)
  if (!isRecord(value)) return !explicit
  const { apiVersion, kind } = value
  const group = groupOf(apiVersion)
  if (group === API_GROUP) return typeof kind === 'string' && OTHER_KINDS.includes(kind)
  // Objects of others always have an apiVersion.
  if (group === undefined) return !(explicit && apiVersion === undefined) && !isNearlyOurs(kind)
  return !group.startsWith('ringmaster.') && editDistance(group, API_GROUP, 4) === 4
}

/** The objects in a `kind: List`, as kubectl and helm write it; undefined for any other document. */
export function listItems(value: unknown): readonly unknown[] | undefined {
  if (!isRecord(value) || value.kind !== 'List' || !Array.isArray(value.items)) return undefined
  return value.apiVersion === undefined || value.apiVersion === 'v1' ? value.items : undefined
}

export function refOf(value: unknown): ObjectRef | undefined {
  if (!isRecord(value) || typeof value.kind !== 'string' || !isRecord(value.metadata)) return undefined
  const { name } = value.metadata
  const kind = KIND_NAMES.find((known) => known === value.kind)
  return kind === undefined || typeof name !== 'string' ? undefined : { kind, name }
}

function isNearlyOurs(kind: unknown): boolean {
  return typeof kind === 'string' && (kindNamed(kind) !== undefined || nearest(kind, KIND_NAMES) !== undefined)
}

function groupOf(apiVersion: unknown): string | undefined {
  return typeof apiVersion === 'string' ? apiVersion.split('/')[0] : undefined
}
