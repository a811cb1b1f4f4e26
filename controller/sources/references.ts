// Which objects an object refers to by name.
import type { Declared } from '../model/declared.ts'
import type { Path } from './yaml-values.ts'

export type Reference = {
  readonly kind: 'Collection' | 'DeploymentTemplate' | 'SoftwareUpdateGroup'
  readonly name: string
  readonly path: Path
}

/** Every reference of an object, with its place within the spec. */
export function references(object: Declared): Reference[] {
  switch (object.kind) {
    case 'Collection':
      return collectionReferences(object)
    case 'MaintenanceWindow':
    case 'Freeze':
    case 'UpdateHold':
      return list(object.spec.collections, ['collections'])
    case 'DeploymentTemplate':
      return phaseReferences(object.spec.phases)
    case 'AutomaticDeploymentRule':
      return [...one('DeploymentTemplate', object.spec.template, 'template'), ...phaseReferences(object.spec.phases)]
    case 'Rollout':
      return [
        ...one('DeploymentTemplate', object.spec.template, 'template'),
        ...one('SoftwareUpdateGroup', object.spec.group, 'group'),
        ...phaseReferences(object.spec.phases),
      ]
    default:
      return []
  }
}

export function collectionReferences({ spec }: Declared<'Collection'>): Reference[] {
  return [
    ...one('Collection', spec.limitedTo, 'limitedTo'),
    ...list(spec.include, ['include']),
    ...list(spec.exclude, ['exclude']),
  ]
}

function phaseReferences(phases: readonly { readonly collection: string }[] = []): Reference[] {
  return phases.map(({ collection }, i) => ({
    kind: 'Collection',
    name: collection,
    path: ['phases', i, 'collection'],
  }))
}

function list(names: readonly string[] = [], path: Path): Reference[] {
  return names.map((name, i) => ({ kind: 'Collection', name, path: [...path, i] }))
}

function one(kind: Reference['kind'], name: string | undefined, field: string): Reference[] {
  return name === undefined ? [] : [{ kind, name, path: [field] }]
}
