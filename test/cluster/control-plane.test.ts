import { promises as fs } from 'node:fs'
import { test } from 'tap'
import { skipWithoutCluster } from './binaries.ts'
import { startControlPlane } from './control-plane.ts'

const skip = await skipWithoutCluster()

test('a real API server takes the CRDs and an object', { skip }, async (t) => {
  await using plane = await startControlPlane()
  await plane.installCrds()
  const freeze = {
    apiVersion: 'ringmaster.dev/v1alpha1',
    kind: 'Freeze',
    metadata: { name: 'quarter-end' },
    spec: { from: '2026-12-24T18:00', until: '2027-01-02T06:00', timeZone: 'Europe/Berlin', reason: 'Quarter end' },
  }
  await plane.kubectl(['apply', '-f', '-'], { input: JSON.stringify(freeze) })
  const { stdout } = await plane.kubectl(['get', 'ringmaster', '-A', '-o', 'name'])
  t.equal(stdout.trim(), 'freeze.ringmaster.dev/quarter-end')
  const version = await plane.kubectl(['version', '-o', 'json'])
  const { clientVersion, serverVersion } = JSON.parse(version.stdout)
  t.equal(serverVersion.gitVersion, 'v1.36.3')
  t.match(clientVersion.gitVersion, /^v1\.36\./)
})

test('what was written outlives API server and etcd, and a revision that was compacted is gone', {
  skip,
}, async (t) => {
  await using plane = await startControlPlane()
  const before = await plane.kubectl(['get', '--raw', '/api/v1/namespaces/default/configmaps'])
  const { resourceVersion } = JSON.parse(before.stdout).metadata
  await plane.kubectl(['create', 'configmap', 'kept', '--namespace', 'default', '--from-literal=a=1'])
  await plane.etcd.compact()
  await plane.apiServer.kill()
  await plane.etcd.kill()
  t.not((await plane.tryKubectl(['get', 'configmaps'])).exit, 0, 'nobody answers')
  await plane.etcd.start()
  await plane.apiServer.start()
  t.match((await plane.kubectl(['get', 'configmaps', '-n', 'default', '-o', 'name'])).stdout, 'configmap/kept')
  const watch = `/api/v1/configmaps?watch=true&resourceVersion=${resourceVersion}&timeoutSeconds=1`
  t.match((await plane.kubectl(['get', '--raw', watch])).stdout, '"code":410')
})

test('a service account may do what it was granted, and no more', { skip }, async (t) => {
  await using plane = await startControlPlane()
  await plane.kubectl(['create', 'serviceaccount', 'reader', '-n', 'default'])
  await plane.kubectl(['create', 'clusterrole', 'reader', '--verb=get,list', '--resource=configmaps'])
  await plane.kubectl([
    'create',
    'clusterrolebinding',
    'reader',
    '--clusterrole=reader',
    '--serviceaccount=default:reader',
  ])
  const KUBECONFIG = await plane.kubeconfigOf({ namespace: 'default', name: 'reader' })
  const env = { ...plane.env, KUBECONFIG }
  await plane.kubectl(['get', 'configmaps', '-n', 'default'], { env })
  const refused = await plane.tryKubectl(['get', 'secrets', '-n', 'default'], { env })
  t.match(refused.stderr, 'User "system:serviceaccount:default:reader" cannot list resource "secrets"')
})

test('its processes end and its folder goes', { skip }, async (t) => {
  const plane = await startControlPlane()
  await plane[Symbol.asyncDispose]()
  await t.rejects(fs.stat(plane.folder))
  await t.rejects(fetch(`${plane.etcd.url}/health`), 'etcd is gone')
})
