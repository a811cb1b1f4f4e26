// What the admission webhook says of one object, from what is in force: circles and names taken are refused, references to nothing
// are told (objects come in any order), and so is who uses what is about to be deleted. The controller is correct without it.
import type { AdmissionAnswer, AdmissionRequest } from '../kube/admission-server.ts'
import { readKubeObject } from '../kube/kube-object.ts'
import type { Declared } from '../model/declared.ts'
import { KIND_NAMES, KINDS, type Kind } from '../model/kinds.ts'
import { plural } from '../model/plural.ts'
import { isUnfinished } from '../rollout/control.ts'
import type { World } from '../rollout/world.ts'
import { crossChecks, type Finding } from '../sources/cross-checks.ts'
import { pathText } from '../sources/problems.ts'
import { type Fault, isOwned, readDeclared } from './read-declared.ts'

/** What becomes of references to objects that are not there. */
export type ReferencePolicy = 'Warn' | 'Deny'

export function review(request: AdmissionRequest, world: World, references: ReferencePolicy): AdmissionAnswer {
  const kind = KIND_NAMES.find((known) => known === request.kind)
  if (kind === undefined || !KINDS[kind].writable) return { allowed: true, warnings: [] }
  return request.operation === 'DELETE'
    ? reviewDeletion(kind, request, world)
    : reviewVersion(kind, request, world, references)
}

const MISSING: readonly string[] = ['RM1302', 'RM1303', 'RM1304']

function reviewVersion(
  kind: Kind,
  { object, user }: AdmissionRequest,
  world: World,
  references: ReferencePolicy,
): AdmissionAnswer {
  const shown = readKubeObject(object)
  // What Ringmaster writes itself was judged when it was decided; what is about to go is judged no more.
  if (shown === undefined || isOwned(shown) || shown.meta.deleting) return { allowed: true, warnings: [] }
  const read = readDeclared(kind, shown)
  if (read.type === 'Faulty') return refused(read.faults)
  const { declared } = read
  const findings = crossChecks([declared], othersThan(world, declared))
  const faults = findings.map(({ code, path, message }): Fault => ({ code, path: pathText(path), message }))
  const missing = faults.filter(({ code }) => MISSING.includes(code) && references === 'Warn')
  const wrong = faults.filter((fault) => !missing.includes(fault))
  if (wrong.length > 0) return refused(wrong)
  const warnings = missing.map((fault) => `${told(fault)}; until it is there, this version does not come into force`)
  if (declared.kind === 'PhaseApproval' && declared.spec.approvedBy !== user)
    warnings.push(`approvedBy is "${declared.spec.approvedBy}", and this is written by ${user}`)
  return { allowed: true, warnings }
}

function reviewDeletion(kind: Kind, { name }: AdmissionRequest, world: World): AdmissionAnswer {
  const object = world.objects[kind].get(name)
  if (object === undefined) return { allowed: true, warnings: [] }
  const lost = ({ missing }: Finding) => missing?.kind === kind && missing.name === name
  const users = new Set(
    crossChecks(othersThan(world, object), [], lost).map((finding) => `${finding.object.kind} ${finding.object.name}`),
  )
  const warnings: string[] = []
  if (users.size > 0) {
    const more = users.size > 5 ? ` and ${users.size - 5} more` : ''
    warnings.push(`${kind} ${name} is used by ${[...users].slice(0, 5).join(', ')}${more}, and they go on without it`)
  }
  const ends = rolledBackWith(object, world)
  if (ends > 0) warnings.push(`${plural(ends, 'rollout')} of it will be rolled back (prune: Unapprove)`)
  return { allowed: true, warnings }
}

function rolledBackWith(object: Declared, { control }: World): number {
  if (object.kind !== 'AutomaticDeploymentRule' && object.kind !== 'Rollout') return 0
  if (object.spec.prune === 'Orphan') return 0
  const isRule = object.kind === 'AutomaticDeploymentRule'
  return [...control.rollouts.values()].filter(
    (rollout) =>
      (isRule ? rollout.rule === object.name : rollout.rule === undefined && rollout.name === object.name) &&
      (isUnfinished(rollout) || rollout.status === 'Succeeded'),
  ).length
}

function othersThan({ objects }: World, { kind, name }: Declared): Declared[] {
  return KIND_NAMES.flatMap((one) =>
    [...objects[one].values()].filter((object) => object.kind !== kind || object.name !== name),
  )
}

function refused(faults: readonly Fault[]): AdmissionAnswer {
  return { allowed: false, message: faults.slice(0, 5).map(told).join('; '), warnings: [] }
}

function told({ code, path, message }: Fault): string {
  return `${code} ${path === '' ? '' : `${path}: `}${message}`
}
