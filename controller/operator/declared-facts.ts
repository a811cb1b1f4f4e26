// What a judgement changes, as facts of bounded size: first what is new or changed, what limits before what acts, then what is gone.
import type { Declared, ObjectRef } from '../model/declared.ts'
import type { Input } from '../model/facts.ts'
import type { Kind } from '../model/kinds.ts'
import { diffDeclared } from '../sources/diff-declared.ts'
import { KUBERNETES_SOURCE, type ObjectKey, REQUESTED_AT_ANNOTATION } from './names.ts'

/** A window or a freeze is in force before the rule that it is to hold back. */
const ORDER: readonly Kind[] = [
  'Collection',
  'MaintenanceWindow',
  'Freeze',
  'UpdateHold',
  'DeploymentTemplate',
  'SoftwareUpdateGroup',
  'PhaseApproval',
  'UpdateSource',
  'GitSource',
  'AutomaticDeploymentRule',
  'Rollout',
]

/** So that each append stays far below what a journal takes at once. */
const MOST_CHARACTERS = 1_000_000
const MOST_OBJECTS = 500

/** To be submitted one batch after the other. Empty when nothing changes. */
export function declaredFacts(
  inForce: ReadonlyMap<ObjectKey, Declared>,
  wanted: ReadonlyMap<ObjectKey, Declared>,
  revision: string,
): Input[][] {
  const { put, removed } = diffDeclared(inForce.values(), wanted.values())
  const sorted = put.toSorted((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind))
  const batches = inBatches(sorted).map((batch) => [
    declared(revision, batch, []),
    ...batch.flatMap((object) => evaluationAsked(inForce, object)),
  ])
  for (let i = 0; i < removed.length; i += MOST_OBJECTS)
    batches.push([declared(revision, [], removed.slice(i, i + MOST_OBJECTS))])
  return batches
}

/** That the source was read, for when it held nothing new. */
export function sourceRead(revision: string): Input {
  return declared(revision, [], [])
}

function declared(revision: string, put: readonly Declared[], removed: readonly ObjectRef[]): Input {
  return { type: 'ObjectsDeclared', source: KUBERNETES_SOURCE, revision, put, removed }
}

function inBatches(objects: readonly Declared[]): Declared[][] {
  const batches: Declared[][] = []
  let room = 0
  for (const object of objects) {
    const size = JSON.stringify(object).length
    const batch = batches.at(-1)
    if (batch === undefined || size > room || batch.length >= MOST_OBJECTS) {
      batches.push([object])
      room = MOST_CHARACTERS - size
    } else {
      batch.push(object)
      room -= size
    }
  }
  return batches
}

// In the same append as the declaration that remembers the value: once for each value, whatever happens in between. A rule that
// is new is not asked for anything: its first value may be years old.
function evaluationAsked(inForce: ReadonlyMap<ObjectKey, Declared>, object: Declared): Input[] {
  if (object.kind !== 'AutomaticDeploymentRule') return []
  const before = inForce.get(`${object.kind}/${object.name}`)
  const asked = object.annotations[REQUESTED_AT_ANNOTATION]
  if (before === undefined || asked === undefined || before.annotations[REQUESTED_AT_ANNOTATION] === asked) return []
  const by = `${REQUESTED_AT_ANNOTATION} on ${object.origin.file} (${asked.slice(0, 100)})`
  return [{ type: 'CommandGiven', command: { type: 'Evaluate', rule: object.name }, by }]
}
