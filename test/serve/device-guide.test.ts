// docs/guides/devices.md and metrics.md say what is so.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { EnrolRequest, ReportRequest } from '../../controller/model/report.ts'
import { newMetrics } from '../../controller/project/metrics.ts'
import { enrol, get, post, report, SITE_KEY, serve } from './harness.ts'

const GUIDES = join(import.meta.dirname, '../../docs/guides')
const DEVICES = readFileSync(join(GUIDES, 'devices.md'), 'utf8')
const METRICS = readFileSync(join(GUIDES, 'metrics.md'), 'utf8')

test('the bodies of the guide are valid, and its answers have the fields of real ones', async (t) => {
  const [enrolment, enrolled, reports, answered, policy] = examplesIn(DEVICES)
  t.ok(EnrolRequest.safeParse(enrolment).success)
  t.ok(ReportRequest.safeParse(reports).success)
  const { url } = await serve(t)
  const real = await post(url, '/v1/enrol', { ...enrolment, key: SITE_KEY })
  t.same(keysOf(real.body), keysOf(enrolled))
  const headers = await enrol(url, 'd')
  t.same(keysOf((await post(url, '/v1/reports', { reports: [report(1)] }, headers)).body), keysOf(answered))
  t.same(keysOf((await get(url, '/v1/policy', headers)).body), keysOf(policy))
  t.same(keysOf((await get(url, '/readyz')).body), keysOf(examplesIn(METRICS)[0]))
})

test('every metric of ours is in the guide, and the guide has no other', async (t) => {
  const { url } = await serve(t)
  const { body } = await get(url, '/metrics')
  const onCluster = newMetrics(() => undefined)
  onCluster.onKubernetes(() => ({
    ...{ depth: 0, failing: 0, eventsDropped: 0 },
    ...{ synced: true, leader: true, troubles: 0 },
  }))
  const only = (await onCluster.render()).split('\n').filter((line) => line.includes(' ringmaster_kubernetes_'))
  const real = [...`${body}\n${only.join('\n')}`.matchAll(/^# TYPE (ringmaster_\w+) (\w+)$/gm)].map(
    ([, name, type]) => `${name} ${type}`,
  )
  const told = [...METRICS.matchAll(/^\| `(ringmaster_\w+)` \| (\w+) \|/gm)].map(([, name, type]) => `${name} ${type}`)
  t.same(real.sort(), told.sort())
})

function examplesIn(text: string): Record<string, unknown>[] {
  return [...text.matchAll(/```json\n(.*?)```/gs)].map(([, json = '']) => JSON.parse(json))
}

function keysOf(value: unknown): string[] {
  return typeof value === 'object' && value !== null ? Object.keys(value).sort() : []
}
