import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { until } from '../support/until.ts'
import { skipWithoutCluster } from './binaries.ts'
import { startControlPlane } from './control-plane.ts'
import {
  apply,
  fieldOf,
  folder,
  manifest,
  READY,
  REASON,
  startFleet,
  startOn,
  storyClock,
  untilValue,
  writeFeed,
} from './on-cluster.ts'

const skip = await skipWithoutCluster()
const RATE = 3600

const collection = manifest('Collection', 'test-machines', { queries: [{ matchLabels: { ring: 'test' } }] })
const rule = (name: string, more: object = {}) =>
  manifest('AutomaticDeploymentRule', name, {
    criteria: { titles: [`${name}-*`] },
    evaluate: { afterSync: true },
    deployment: { deadlineAfter: 'PT0S', spread: 'PT0S', outsideWindow: { install: true, restart: true } },
    phases: [
      { name: 'pilot', collection: 'test-machines', soak: 'PT2H' },
      { name: 'broad', collection: 'all', soak: 'PT2H' },
    ],
    ...more,
  })

test('rules are applied, devices check in, and kubectl shows phases advance, a bad update rolled back, and deletion unapprove', {
  skip,
}, async (t) => {
  await using plane = await startControlPlane()
  await plane.installCrds()
  const feed = writeFeed(t, ['good-1', 'bad-1'])
  const clock = storyClock(RATE)
  const controller = await startOn(t, plane, { clock })
  startFleet(t, controller, { catalog: readFileSync(feed, 'utf8'), clock, rate: RATE, failing: 'bad-1' })
  await untilDevices(controller.started.url, 20)
  const source = manifest('UpdateSource', 'example', { format: 'Ringmaster', path: feed, interval: 'PT1H' })
  const all = [collection, rule('good'), rule('bad', { onHalt: 'Rollback' }), source]
  await apply(plane, ...all)

  await plane.kubectl(['wait', '--for=condition=Ready', '--timeout=60s', 'us/example', 'coll/test-machines'])
  await untilValue(plane, 'ro', '{.items[*].metadata.name}', /bad-\d+.*good-\d+/)
  const names = (await fieldOf(plane, 'ro', '{.items[*].metadata.name}')).split(' ')
  const [good = '', bad = ''] = ['good', 'bad'].map((prefix) => names.find((name) => name.startsWith(prefix)))

  await untilValue(plane, `ro/${good}`, '{.status.phases[0].state}', 'Active')
  t.equal(await fieldOf(plane, `ro/${good}`, '{.metadata.ownerReferences[0].name}'), 'good')
  await untilValue(plane, `ro/${bad}`, '{.status.state}', 'RolledBack')
  await untilValue(plane, `ud/${bad}-pilot`, '{.status.approved}', 'false')
  t.equal(await fieldOf(plane, `ro/${bad}`, '{.status.phases[1].state}'), 'Waiting', 'nobody else was offered it')

  await untilValue(plane, `ro/${good}`, '{.status.phases[1].state}', /Active|Succeeded/)
  await plane.kubectl(['wait', '--for=condition=Ready', '--timeout=120s', `ro/${good}`])
  t.equal(await fieldOf(plane, `ro/${good}`, '{.status.phases[1].gate.compliant}'), '16')
  const events = (await plane.kubectl(['events', '-n', 'default', '--for', `rollout/${bad}`])).stdout
  t.match(events, /Warning.*RolledBack|Warning.*FailureThreshold/)

  // The same again changes nothing.
  const before = await fieldOf(plane, 'adr,coll,us', '{.items[*].metadata.generation}')
  t.notMatch(await apply(plane, ...all), /configured|created/)
  t.equal(await fieldOf(plane, 'adr,coll,us', '{.items[*].metadata.generation}'), before)

  await plane.kubectl(['delete', 'adr/good', '--timeout=60s'])
  const { rollouts } = controller.started.controller.state.control
  t.equal(rollouts.get(good)?.status, 'RolledBack', 'it was gone from the cluster when it was unapproved')
  await untilValue(plane, `ro/${good}`, '{.metadata.name}', '')
  await untilValue(plane, 'ud,sug', '{.items[*].metadata.name}', /^(?!.*good)/)
  t.notMatch(controller.log.join('\n'), /^error/m)
})

test('what Ringmaster wrote is put back when somebody edits or deletes it; what others add stays', {
  skip,
}, async (t) => {
  await using plane = await startControlPlane()
  await plane.installCrds()
  const feed = writeFeed(t, ['good-1'])
  await startOn(t, plane)
  const source = manifest('UpdateSource', 'example', { format: 'Ringmaster', path: feed })
  const lasting = {
    phases: [{ name: 'pilot', collection: 'test-machines', soak: 'P30D', whenEmpty: 'Skip' }],
    enabled: false,
  }
  await apply(plane, collection, rule('good', lasting), source)
  await untilValue(plane, 'ro', '{.items[*].metadata.name}', /^good-\d+$/)
  const rollout = `ro/${await fieldOf(plane, 'ro', '{.items[*].metadata.name}')}`
  await untilValue(plane, rollout, REASON, 'ReviewGate')

  await plane.kubectl(['patch', rollout, '--type=merge', '-p', '{"spec":{"newDevices":"Last","description":"ours"}}'])
  await untilValue(plane, rollout, '{.spec.newDevices}', 'Join')
  t.equal(await fieldOf(plane, rollout, '{.spec.description}'), 'ours', 'a field of which Ringmaster says nothing')
  await plane.kubectl(['label', rollout, 'team=desk'])
  await plane.kubectl([
    'patch',
    rollout,
    '--subresource=status',
    '--type=merge',
    '-p',
    '{"status":{"state":"Succeeded"}}',
  ])
  await untilValue(plane, rollout, '{.status.state}', 'Planned')
  t.equal(await fieldOf(plane, rollout, '{.metadata.labels.team}'), 'desk')

  const uid = await fieldOf(plane, rollout, '{.metadata.uid}')
  await plane.kubectl(['delete', rollout, '--timeout=30s'])
  await untilValue(plane, rollout, '{.metadata.uid}', new RegExp(`^(?!${uid}).+$`))
  await untilValue(plane, rollout, REASON, 'ReviewGate')

  const apart = await plane.tryKubectl(['apply', '--server-side', '-f', '-'], {
    input: JSON.stringify({
      apiVersion: 'ringmaster.dev/v1alpha1',
      kind: 'Rollout',
      metadata: { name: rollout.slice(3) },
      spec: { newDevices: 'Last' },
    }),
  })
  t.match(apart.stderr, /conflict with "ringmaster"/, 'server-side apply by others meets its manager')
})

test('what a rule with prune: Orphan made stays when the rule goes, and nobody owns it', { skip }, async (t) => {
  await using plane = await startControlPlane()
  await plane.installCrds()
  const feed = writeFeed(t, ['good-1'])
  const { started } = await startOn(t, plane)
  const source = manifest('UpdateSource', 'example', { format: 'Ringmaster', path: feed })
  await apply(plane, collection, rule('good', { prune: 'Orphan', enabled: false }), source)
  await untilValue(plane, 'ro', '{.items[*].metadata.name}', /^good-\d+$/)
  const rollout = `ro/${await fieldOf(plane, 'ro', '{.items[*].metadata.name}')}`
  await untilValue(plane, rollout, REASON, 'ReviewGate')
  await plane.kubectl(['delete', 'adr/good', '--timeout=30s'])
  t.notOk(started.controller.state.objects.AutomaticDeploymentRule.has('good'))
  t.equal(await fieldOf(plane, rollout, '{.metadata.ownerReferences}'), '', 'or it would go with its owner')
  t.equal(await fieldOf(plane, 'sug', '{.items[*].metadata.ownerReferences}'), '')
  await untilValue(plane, rollout, '{.status.paused}', 'true')
})

test('one broken object is told and keeps nobody else from coming into force', { skip }, async (t) => {
  await using plane = await startControlPlane()
  await plane.installCrds()
  const { started } = await startOn(t, plane)
  await apply(plane, rule('good'))
  await untilValue(plane, 'adr/good', REASON, 'Refused')
  t.match(
    await fieldOf(plane, 'adr/good', '{.status.conditions[?(@.type=="Stalled")].message}'),
    /RM1302 spec.phases\[0\].collection/,
  )
  await apply(plane, collection)
  await untilValue(plane, 'adr/good', READY, 'True')

  const selfish = manifest('Collection', 'test-machines', {
    queries: [{ matchLabels: { ring: 'test' } }],
    include: ['nobody'],
  })
  await apply(plane, selfish)
  await untilValue(plane, 'coll/test-machines', REASON, 'Refused')
  t.same(started.controller.state.objects.Collection.get('test-machines')?.spec, {
    queries: [{ matchLabels: { ring: 'test' } }],
  })
  t.equal(await fieldOf(plane, 'coll/test-machines', '{.status.observedGeneration}'), '2')
  await apply(plane, collection)
  await untilValue(plane, 'coll/test-machines', READY, 'True')
})

test('annotations ask once, over a restart too', { skip }, async (t) => {
  await using plane = await startControlPlane()
  await plane.installCrds()
  const feed = writeFeed(t, ['good-1'])
  const data = folder(t)
  const first = await startOn(t, plane, { data })
  const source = manifest('UpdateSource', 'example', { format: 'Ringmaster', path: feed })
  const spec = {
    evaluate: { schedule: { rrule: 'FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=1', at: '03:00' } },
    enabled: false,
  }
  await apply(plane, collection, source, rule('good', spec))
  await untilValue(plane, 'us/example', READY, 'True')
  await untilValue(plane, 'adr/good', READY, 'True')
  await plane.kubectl(['annotate', 'adr/good', 'ringmaster.dev/requestedAt=one'])
  await untilValue(plane, 'adr/good', '{.status.lastEvaluation.reason}', 'Matched')
  const at = await fieldOf(plane, 'adr/good', '{.status.lastEvaluation.at}')
  await first.close()
  await startOn(t, plane, { data })
  await plane.kubectl(['label', 'adr/good', 'again=1'])
  await plane.kubectl(['annotate', 'us/example', 'ringmaster.dev/suspend=true'])
  await untilValue(plane, 'us/example', REASON, 'Suspended')
  t.equal(await fieldOf(plane, 'adr/good', '{.status.lastEvaluation.at}'), at, 'not evaluated again')
  await plane.kubectl(['annotate', '--overwrite', 'adr/good', 'ringmaster.dev/requestedAt=two'])
  await untilValue(plane, 'adr/good', '{.status.lastEvaluation.reason}', 'Unchanged')

  const rollout = `ro/${await fieldOf(plane, 'ro', '{.items[0].metadata.name}')}`
  const planned = await fieldOf(plane, rollout, '{.status.planned}')
  await plane.kubectl(['annotate', rollout, 'ringmaster.dev/rollback=2020-01-01T00:00:00Z'])
  await plane.kubectl(['annotate', rollout, 'ringmaster.dev/suspend=true'])
  await untilValue(plane, rollout, '{.status.paused}', 'true')
  t.not(await fieldOf(plane, rollout, '{.status.state}'), 'RolledBack', 'another plan was named')
  await plane.kubectl(['annotate', rollout, 'ringmaster.dev/suspend-'])
  await untilValue(plane, rollout, '{.status.paused}', 'false')
  await plane.kubectl(['annotate', '--overwrite', rollout, `ringmaster.dev/rollback=${planned}`])
  await untilValue(plane, rollout, '{.status.state}', 'RolledBack')
})

async function untilDevices(url: string, count: number): Promise<void> {
  await until(30_000, async () =>
    (await (await fetch(`${url}/metrics`)).text()).includes(`ringmaster_devices ${count}`),
  )
}
