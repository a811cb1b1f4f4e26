// Objects of the Kubernetes API for tests.
import { type KubeObject, readKubeObject } from '../../controller/kube/kube-object.ts'

export type Written = {
  readonly name: string
  readonly uid?: string
  readonly version?: string
  readonly generation?: number
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  readonly finalizers?: readonly string[]
  readonly ownerReferences?: readonly object[]
  readonly managedFields?: readonly object[]
  readonly deleting?: boolean
  readonly created?: string
  readonly spec?: unknown
  readonly status?: unknown
}

export function kubeObject(written: Written): KubeObject {
  const { name, uid = `uid-${name}`, version = '1', generation = 1, deleting, created, spec, status, ...rest } = written
  const object = readKubeObject({
    metadata: {
      name,
      uid,
      resourceVersion: version,
      generation,
      creationTimestamp: created ?? '2026-01-01T00:00:00Z',
      ...(deleting && { deletionTimestamp: '2026-01-02T00:00:00Z' }),
      ...rest,
    },
    ...(spec !== undefined && { spec }),
    ...(status !== undefined && { status }),
  })
  if (object === undefined) throw new Error(`${name} is no object`)
  return object
}
