import { test } from 'tap'
import { connect } from '../../controller/kube/connection.ts'
import { newKubeClient } from '../../controller/kube/kube-client.ts'
import { startLeaseElection } from '../../controller/kube/lease-election.ts'
import { API_VERSION } from '../../controller/model/kinds.ts'
import { resourceOf } from '../../controller/operator/names.ts'
import { SlowProxy } from '../support/slow-proxy.ts'
import { until } from '../support/until.ts'
import { skipWithoutCluster } from './binaries.ts'
import { type ControlPlane, startControlPlane } from './control-plane.ts'
import { apply, fieldOf, manifest, READY, startOn, untilValue } from './on-cluster.ts'

const skip = await skipWithoutCluster()
const members = (name: string, ring = name) => manifest('Collection', name, { queries: [{ matchLabels: { ring } }] })
const rule = manifest('AutomaticDeploymentRule', 'good', {
  criteria: { titles: ['good-*'] },
  phases: [{ name: 'pilot', collection: 'a' }],
})

async function behindProxy(plane: ControlPlane) {
  const proxy = await SlowProxy.start(Number(new URL(plane.apiServer.url).port))
  return { proxy, kubeconfig: await plane.kubeconfigOf('admin', `https://127.0.0.1:${proxy.port}`) }
}

test('an API server that is gone removes nothing; what happened meanwhile is seen though the versions were compacted', {
  skip,
}, async (t) => {
  await using plane = await startControlPlane()
  await plane.installCrds()
  const { proxy, kubeconfig } = await behindProxy(plane)
  await using _ = proxy
  const { started, log } = await startOn(t, plane, { kubeconfig })
  const { state } = started.controller
  await apply(plane, members('a'), members('b'), rule)
  await untilValue(plane, 'adr/good', READY, 'True')
  await untilValue(plane, 'coll/b', READY, 'True')

  proxy.refusing = true
  proxy.cut()
  await until(10_000, async () => log.some((line) => /^warn (watch|list)/.test(line)))
  t.same([...state.objects.Collection.keys()].sort(), ['a', 'b'])
  t.ok(state.objects.AutomaticDeploymentRule.has('good'))
  await plane.kubectl(['delete', 'coll/b'])
  await apply(plane, members('c'))
  await plane.etcd.compact()
  await plane.apiServer.kill()
  await plane.apiServer.start()
  proxy.refusing = false

  await untilValue(plane, 'coll/c', READY, 'True', 40_000)
  await until(10_000, async () => !state.objects.Collection.has('b'))
  t.ok(state.objects.AutomaticDeploymentRule.has('good'))
  await apply(plane, members('a', 'other'))
  await untilValue(plane, 'coll/a', '{.status.observedGeneration}', '2')
  t.match(state.objects.Collection.get('a')?.spec, { queries: [{ matchLabels: { ring: 'other' } }] })
})

test('with every answer a third of a second late, statuses come all the same, and nothing is written for ever', {
  skip,
}, async (t) => {
  await using plane = await startControlPlane({ audit: true })
  await plane.installCrds()
  const { proxy, kubeconfig } = await behindProxy(plane)
  await using _ = proxy
  proxy.delayMs = 330
  const { started } = await startOn(t, plane, { kubeconfig })
  await apply(plane, ...['a', 'b', 'c', 'd'].map((name) => members(name)), rule)
  await untilValue(plane, 'coll', '{.items[*].status.conditions[0].status}', 'True True True True', 30_000)
  await untilValue(plane, 'adr/good', READY, 'True', 30_000)
  // Others write into the status at the same time: what is ours comes back, and that is all.
  const patch = (i: number) => `{"status":{"devices":${1000 + i}}}`
  await Promise.all(
    Array.from({ length: 8 }, (_, i) =>
      plane.kubectl(['patch', 'coll/a', '--subresource=status', '--type=merge', '-p', patch(i)]),
    ),
  )
  await untilValue(plane, 'coll/a', '{.status.devices}', '0', 30_000)
  await until(20_000, async () => /ringmaster_kubernetes_queue_depth 0\n/.test(await metrics(started.url)))
  const before = await fieldOf(plane, 'coll,adr', '{.items[*].metadata.resourceVersion}')
  await new Promise((resolve) => setTimeout(resolve, 3000))
  t.equal(
    await fieldOf(plane, 'coll,adr', '{.items[*].metadata.resourceVersion}'),
    before,
    'at rest nothing is written',
  )
})

test('five thousand objects applied at once come into force, and are told so with at most three writes each', {
  skip,
}, async (t) => {
  const COUNT = 5000
  await using plane = await startControlPlane()
  await plane.installCrds()
  const { started } = await startOn(t, plane)
  const client = newKubeClient(connect({ kubeconfig: plane.kubeconfig }))
  t.teardown(() => client.close())
  let next = 0
  const create = async () => {
    while (next < COUNT) {
      const name = `c${next++}`
      const spec = { queries: [{ matchLabels: { ring: name } }] }
      await client.create(
        resourceOf('Collection'),
        {},
        { apiVersion: API_VERSION, kind: 'Collection', metadata: { name }, spec },
      )
    }
  }
  await Promise.all(Array.from({ length: 16 }, create))
  await until(120_000, async () => written(await metrics(started.url), 'Status') >= COUNT)
  t.equal(started.controller.state.objects.Collection.size, COUNT)
  await until(60_000, async () => /ringmaster_kubernetes_queue_depth 0\n/.test(await metrics(started.url)))
  const page = await client.list(resourceOf('Collection'), { limit: COUNT })
  t.ok(page.objects.every(({ raw }) => JSON.stringify(raw.status).includes('"status":"True"')))
  t.ok(written(await metrics(started.url), 'Status') <= 3 * COUNT)
})

test('a lease that is given up is taken at once, and one whose holder has died when its time is over', {
  skip,
}, async (t) => {
  await using plane = await startControlPlane()
  const times = { leaseMs: 3000, renewMs: 2000, retryMs: 300 }
  const replica = (identity: string) => {
    const connection = connect({ kubeconfig: plane.kubeconfig })
    const client = newKubeClient(connection, { idleMs: 1000 })
    const election = startLeaseElection({ client, name: 'test', namespace: 'default', identity, times })
    t.teardown(() => election.close().then(client.close))
    return { election, client }
  }
  const first = replica('first')
  await until(5000, async () => first.election.isLeader())
  const second = replica('second')
  const third = replica('third')
  await until(3000, async () => second.election.holder() === 'first' && third.election.holder() === 'first')
  t.notOk(second.election.isLeader() || third.election.isLeader())
  await first.election.close()
  await until(3000, async () => second.election.isLeader() || third.election.isLeader())
  t.notOk(second.election.isLeader() && third.election.isLeader())

  // Nobody can renew: the leader knows it before another one may take over.
  await plane.apiServer.kill()
  await until(6000, async () => !second.election.isLeader() && !third.election.isLeader())
  await plane.apiServer.start()
  await until(20_000, async () => second.election.isLeader() !== third.election.isLeader())
})

async function metrics(url: string): Promise<string> {
  return (await fetch(`${url}/metrics`)).text()
}

function written(text: string, what: string): number {
  return Number(new RegExp(`ringmaster_kubernetes_writes_total\\{what="${what}"\\} (\\d+)`).exec(text)?.[1] ?? 0)
}
