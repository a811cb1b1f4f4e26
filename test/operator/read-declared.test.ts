import { test } from 'tap'
import { isOwned, readDeclared, revisionOf } from '../../controller/operator/read-declared.ts'
import { kubeObject, type Written } from '../kube/objects.ts'

const spec = { criteria: { classifications: ['Security Updates'] }, phases: [{ name: 'pilot', collection: 'pilot' }] }
const read = (written: Partial<Written>) => {
  const result = readDeclared('AutomaticDeploymentRule', kubeObject({ name: 'office', spec, ...written }))
  return result.type === 'Declared' ? result.declared : t0(result)
}
const t0 = (result: object): never => {
  throw new Error(JSON.stringify(result))
}

test('an object names itself, its version, and who wrote it', async (t) => {
  const managedFields = [
    { manager: 'kubectl', time: '2026-01-01T00:00:00Z', fieldsV1: { 'f:spec': {} } },
    { manager: 'kustomize-controller', time: '2026-02-01T00:00:00Z', fieldsV1: { 'f:spec': {} } },
    { manager: 'kubectl-annotate', time: '2026-03-01T00:00:00Z', fieldsV1: { 'f:metadata': {} } },
    { manager: 'ringmaster', time: '2026-04-01T00:00:00Z', fieldsV1: { 'f:spec': {} } },
    { manager: 'other', time: '2026-05-01T00:00:00Z', subresource: 'status', fieldsV1: { 'f:spec': {} } },
  ]
  const { origin } = read({ uid: '0f0e0d0c-1111', generation: 4, managedFields })
  t.same(origin, {
    source: 'kubernetes',
    revision: 'kubernetes@0f0e0d0c.4',
    file: 'AutomaticDeploymentRule/office',
    line: 1,
    author: 'kustomize-controller',
  })
  t.equal(revisionOf({ uid: 'abcdefghij', generation: 2 }), 'kubernetes@abcdefgh.2')
})

test('the commit that an annotation names goes into approvals', async (t) => {
  t.equal(read({ annotations: { 'ringmaster.dev/commit': '4f2a' } }).origin.commit, '4f2a')
})

test('annotations that ask for something once are no part of what is declared', async (t) => {
  const annotations = {
    'kubectl.kubernetes.io/last-applied-configuration': '{}',
    'ringmaster.dev/rollback': 'x',
    'ringmaster.dev/resume': 'x',
    'ringmaster.dev/suspend': 'false',
    'ringmaster.dev/requestedAt': '1',
    'example.org/team': 'desk',
  }
  t.same(read({ annotations }).annotations, { 'ringmaster.dev/requestedAt': '1', 'example.org/team': 'desk' })
})

test('the annotation suspend is as suspend in the spec, where there is one', async (t) => {
  const annotations = { 'ringmaster.dev/suspend': 'true' }
  t.match(read({ annotations }).spec, { suspend: true })
  t.notMatch(read({ annotations: { 'ringmaster.dev/suspend': 'no' } }).spec, { suspend: true })
  const freeze = readDeclared(
    'Freeze',
    kubeObject({ name: 'f', annotations, spec: { from: '2026-01-01T00:00', until: '2026-01-02T00:00', reason: 'r' } }),
  )
  t.equal(freeze.type, 'Declared', 'a freeze has no such field, and is what it is')
})

test('mistakes are found by the same reader as for files', async (t) => {
  const result = readDeclared('AutomaticDeploymentRule', kubeObject({ name: 'office', spec: { ...spec, phaces: [] } }))
  t.match(result, { type: 'Faulty', faults: [{ code: 'RM1201', path: 'spec.phaces', message: /did you mean/ }] })
  t.match(readDeclared('Rollout', kubeObject({ name: 'office' })), { type: 'Faulty', faults: [{ code: 'RM1202' }] })
  t.match(readDeclared('Collection', kubeObject({ name: 'all', spec: {} })), {
    type: 'Faulty',
    faults: [{ code: 'RM1106' }],
  })
})

test('a relative path leads nowhere in a cluster', async (t) => {
  const source = (path: string) =>
    readDeclared('UpdateSource', kubeObject({ name: 's', spec: { format: 'Ringmaster', path } }))
  t.match(source('catalog.ndjson'), { type: 'Faulty', faults: [{ code: 'RM1701', path: 'spec.path' }] })
  t.equal(source('/var/lib/catalog.ndjson').type, 'Declared')
})

test('what Ringmaster wrote itself is no declaration', async (t) => {
  t.ok(isOwned(kubeObject({ name: 'r', labels: { 'ringmaster.dev/owned-by': 'office' } })))
  t.notOk(isOwned(kubeObject({ name: 'r' })))
})
