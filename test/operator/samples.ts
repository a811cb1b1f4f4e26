// Declared objects and candidates for tests of this folder.
import type { Declared } from '../../controller/model/declared.ts'
import type { Kind } from '../../controller/model/kinds.ts'
import { type Candidate, judge } from '../../controller/operator/judge.ts'
import { type ObjectKey, objectKey } from '../../controller/operator/names.ts'
import { readDeclared } from '../../controller/operator/read-declared.ts'
import { kubeObject, type Written } from '../kube/objects.ts'

export function candidate(kind: Kind, written: Written): Candidate {
  return { key: objectKey(kind, written.name), read: readDeclared(kind, kubeObject(written)) }
}

export function collection(name: string, spec: object = { devices: [`d-${name}`] }): Candidate {
  return candidate('Collection', { name, spec })
}

export function including(name: string, ...include: string[]): Candidate {
  return candidate('Collection', { name, spec: { include } })
}

export function rule(name: string, target: string, more: object = {}): Candidate {
  const phases = [{ name: 'pilot', collection: target }]
  return candidate('AutomaticDeploymentRule', {
    name,
    spec: { criteria: { classifications: ['Security Updates'] }, phases, ...more },
  })
}

export function inForce(candidates: readonly Candidate[]): Map<ObjectKey, Declared> {
  return new Map(judge({ candidates, inForce: new Map(), others: [], isRunning: () => true }).wanted)
}
