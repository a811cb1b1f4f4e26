import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { RBAC_RULES } from '../../controller/operator/rbac.ts'
import { until } from '../support/until.ts'
import { skipWithoutCluster } from './binaries.ts'
import { startControlPlane } from './control-plane.ts'
import {
  apply,
  fieldOf,
  manifest,
  READY,
  startFleet,
  startOn,
  storyClock,
  untilValue,
  writeFeed,
} from './on-cluster.ts'
import { audited, grant, rightsIn } from './rights.ts'

const skip = await skipWithoutCluster()
const RATE = 3600

test('the controller runs with just the rights of rbac.ts, and uses every one of them', { skip }, async (t) => {
  await using plane = await startControlPlane({ audit: true })
  await plane.installCrds()
  const kubeconfig = await grant(plane, RBAC_RULES)
  const feed = writeFeed(t, ['good-1'])
  const clock = storyClock(RATE)
  const controller = await startOn(t, plane, { clock, kubeconfig, namespace: 'ringmaster' })
  startFleet(t, controller, { catalog: readFileSync(feed, 'utf8'), clock, rate: RATE })
  const collections = { collections: ['test-machines'] }
  const once = { from: '2020-01-01T00:00', until: '2020-01-02T00:00', reason: 'long ago' }
  const phases = [{ name: 'pilot', collection: 'test-machines', soak: 'PT1H' }]
  await apply(
    plane,
    manifest('Collection', 'test-machines', { queries: [{ matchLabels: { ring: 'test' } }] }),
    manifest('Freeze', 'old', { ...once, ...collections }),
    manifest('MaintenanceWindow', 'nights', {
      schedule: { rrule: 'FREQ=DAILY', at: '22:00' },
      duration: 'PT4H',
      ...collections,
    }),
    manifest('UpdateHold', 'printing', { updates: ['other-1'], reason: 'it jams' }),
    manifest('DeploymentTemplate', 'fast', { deployment: { deadlineAfter: 'PT0S', spread: 'PT0S' } }),
    manifest('SoftwareUpdateGroup', 'by-hand', { updates: ['good-1'] }),
    manifest('Rollout', 'by-hand', { group: 'by-hand', phases, template: 'fast' }),
    manifest('PhaseApproval', 'early', { rollout: 'by-hand', phase: 'pilot', approvedBy: 'ann' }),
    manifest('GitSource', 'later', { url: 'https://git.example/rules.git', branch: 'main', suspend: true }),
    manifest('UpdateSource', 'example', { format: 'Ringmaster', path: feed, interval: 'PT1H' }),
    manifest('AutomaticDeploymentRule', 'good', {
      template: 'fast',
      criteria: { titles: ['good-*'] },
      evaluate: { afterSync: true },
      phases,
    }),
  )
  await untilValue(plane, 'adr/good', READY, 'True')
  await untilValue(plane, 'ro', '{.items[*].metadata.name}', /good-\d+/)
  await untilValue(plane, 'ud', '{.items[*].status.approved}', /true/)
  // The same mistake twice: its event is counted.
  for (const include of [['nobody'], ['all'], ['nobody'], ['all'], ['nobody']]) {
    await apply(plane, manifest('Collection', 'odd', { include }))
    await untilValue(plane, 'coll/odd', READY, include[0] === 'all' ? 'True' : 'False')
  }
  await plane.kubectl(['delete', 'adr/good', 'ro/by-hand', '--timeout=60s'])
  await untilValue(plane, 'ro', '{.items[*].metadata.name}', '')
  await untilValue(plane, 'sug', '{.items[*].metadata.name}', 'by-hand')
  await until(20_000, async () => rightsIn(RBAC_RULES).every((right) => audited(plane).used.includes(right))).catch(
    () =>
      t.same(
        rightsIn(RBAC_RULES).filter((right) => !audited(plane).used.includes(right)),
        [],
        'granted, and not used',
      ),
  )
  const { used, denied } = audited(plane)
  t.same(denied, [], 'nothing more was asked for')
  t.same(
    used.filter((right) => !rightsIn(RBAC_RULES).includes(right)),
    [],
  )
  t.equal(await fieldOf(plane, 'lease/ringmaster', '{.metadata.name}'), '', 'the Lease is in its own namespace')
})

test('a right that is missing is told, with what to do, and everything goes on when it is granted', {
  skip,
}, async (t) => {
  await using plane = await startControlPlane()
  await plane.installCrds()
  const isLeft = (verb: string) => verb !== 'watch' && verb !== 'patch'
  const without = RBAC_RULES.map((rule) => ({ ...rule, verbs: rule.verbs.filter(isLeft) })).filter(
    ({ verbs }) => verbs.length > 0,
  )
  const kubeconfig = await grant(plane, without)
  const { log, started } = await startOn(t, plane, { kubeconfig, namespace: 'ringmaster' })
  await apply(plane, manifest('Collection', 'test-machines', { queries: [{ matchLabels: { ring: 'test' } }] }))
  await until(20_000, async () => log.some((line) => /^error .*cannot watch.*grant it to the controller/.test(line)))
  t.equal((await fetch(`${started.url}/healthz`)).status, 200, 'devices are served all the same')
  await grant(plane, RBAC_RULES)
  await untilValue(plane, 'coll/test-machines', READY, 'True')
})
