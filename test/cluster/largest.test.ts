// Rules of CEL have a budget: the largest objects that fit into a file (1 MiB) must not run out of it.
import { test } from 'tap'
import type { Kind } from '../../controller/model/kinds.ts'
import { ApiClient } from './api-client.ts'
import { skipWithoutCluster } from './binaries.ts'
import { startControlPlane } from './control-plane.ts'
import { apiServerVerdict, objectOf, validateVerdict } from './verdicts.ts'

const skip = await skipWithoutCluster()

const many = (count: number, length: number) => Array.from({ length: count }, (_, i) => `a${i}`.padEnd(length, 'x'))
const labels = Object.fromEntries(many(64, 63).map((key) => [key, 'v'.repeat(60)]))
const expression = { key: 'k'.repeat(30), operator: 'In', values: many(5, 10) }
const terms = many(1000, 40)
const schedule = {
  rrule: `FREQ=YEARLY;BYDAY=${Array.from({ length: 180 }, (_, i) => `${(i % 5) + 1}MO`).join()};BYMONTH=1;UNTIL=20301231T220000Z`,
  at: '22:00',
  startsOn: '2026-01-01',
  timeZone: 'America/Argentina/ComodRivadavia',
}
const phases = many(12, 63).map((name) => ({
  name,
  collection: name,
  gradual: { over: 'P30D' },
  soak: 'P1W1DT1H1M1S',
  timeout: 'P90D',
  deployment: { availableAfter: 'P1D', deadlineAfter: 'P7D', spread: 'PT2H' },
}))
const criteria = { titles: terms, descriptions: terms, products: terms, articleIds: terms, released: { within: 'P1M' } }

const LARGEST: readonly (readonly [Kind, object])[] = [
  ['Collection', { devices: many(10_000, 60), include: many(1000, 63), exclude: many(1000, 63) }],
  ['Collection', { queries: Array.from({ length: 100 }, () => ({ matchLabels: labels })) }],
  ['Collection', { queries: many(100, 1).map(() => ({ matchExpressions: many(64, 1).map(() => expression) })) }],
  ['MaintenanceWindow', { collections: many(1000, 63), schedule, duration: 'PT24H' }],
  ['Freeze', { collections: many(1000, 63), schedule, duration: 'P92D', reason: 'r'.repeat(1024) }],
  ['AutomaticDeploymentRule', { criteria, evaluate: { schedule }, phases }],
  ['DeploymentTemplate', { evaluate: { schedule }, phases }],
  ['UpdateSource', { format: 'Ringmaster', path: 'p', decline: many(100, 1).map(() => ({ titles: many(100, 40) })) }],
  ['UpdateSource', { format: 'Ringmaster', url: `https://example.com/${'p'.repeat(4000)}` }],
  ['UpdateHold', { updates: many(1000, 256), articleIds: many(1000, 64), collections: many(1000, 63), reason: 'r' }],
  ['SoftwareUpdateGroup', { updates: many(1000, 256) }],
  ['Rollout', { group: 'g', phases }],
]

test('the largest objects are within the budget of an API server', { skip }, async (t) => {
  await using plane = await startControlPlane()
  await plane.installCrds()
  using client = await ApiClient.of(plane)
  for (const [kind, spec] of LARGEST) {
    const object = objectOf(kind, 'largest', spec)
    t.strictSame(validateVerdict(object), [], `validate takes the largest ${kind}`)
    t.strictSame(await apiServerVerdict(client, kind, object), [], `the API server takes the largest ${kind}`)
  }
  const tooMany = objectOf('SoftwareUpdateGroup', 'too-many', { updates: many(1001, 36) })
  t.match(await apiServerVerdict(client, 'SoftwareUpdateGroup', tooMany), [/must have at most 1000 items/])
})
