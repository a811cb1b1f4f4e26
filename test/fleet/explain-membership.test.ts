import { test } from 'tap'
import { compileCollections, evaluateAll } from '../../controller/fleet/collections.ts'
import { explainMembership } from '../../controller/fleet/explain-membership.ts'
import { enrolDevice, newFleet, removeDevice } from '../../controller/fleet/fleet.ts'
import type { CollectionSpec } from '../../controller/model/collection.ts'

const specs: Record<string, CollectionSpec> = {
  windows: { queries: [{ matchLabels: { os: 'windows' } }] },
  lab: { devices: ['pc-2'] },
  pilot: {
    queries: [
      { matchExpressions: [{ key: 'build', operator: 'VersionGte', value: '10.0.26100' }] },
      { matchLabels: { os: 'windows', site: 'hq' } },
    ],
    devices: ['pc-9'],
    include: ['lab'],
    limitedTo: 'windows',
    exclude: ['lab'],
  },
  loop: { include: ['loop'] },
}

function setUp() {
  const fleet = newFleet()
  enrolDevice(fleet, 'pc-1', { os: 'windows', build: '10.0.19045' }, 1)
  enrolDevice(fleet, 'pc-2', { os: 'windows', build: '10.0.26200', site: 'hq' }, 1)
  const collections = compileCollections(new Map(Object.entries(specs)))
  evaluateAll(fleet, collections)
  return { fleet, collections }
}

test('every rule is told in order of evaluation, with what the device has', (t) => {
  const { fleet, collections } = setUp()
  t.same(explainMembership(fleet, collections, 'pilot', 0), {
    member: false,
    trace: [
      {
        rule: 'query',
        detail: 'query 1 fails: build VersionGte 10.0.26100: build is "10.0.19045"',
        matched: false,
      },
      { rule: 'query', detail: 'query 2 fails: site In (hq): site is missing', matched: false },
      { rule: 'direct', detail: 'pc-1 is not named in devices', matched: false },
      { rule: 'include', detail: 'pc-1 is not in lab', matched: false },
      { rule: 'limiting', detail: 'pc-1 is in windows', matched: true },
      { rule: 'exclude', detail: 'pc-1 is not in lab', matched: false },
    ],
  })
  const other = explainMembership(fleet, collections, 'pilot', 1)
  t.equal(other?.member, false)
  t.same(
    other?.trace.map(({ rule, matched }) => [rule, matched]),
    [
      ['query', true],
      ['query', true],
      ['direct', false],
      ['include', true],
      ['limiting', true],
      ['exclude', true],
    ],
  )
  t.equal(other?.trace[1]?.detail, 'query 2 holds: os In (windows): os is "windows"; site In (hq): site is "hq"')
  t.end()
})

test('a removed device, a broken collection and an unknown one are explained too', (t) => {
  const { fleet, collections } = setUp()
  const loop = explainMembership(fleet, collections, 'loop', 0)
  t.match(loop, { member: false, trace: [{ rule: 'lastGood', matched: false }] })
  t.match(loop?.trace[0]?.detail, 'loop → loop')
  t.match(explainMembership(fleet, collections, 'all', 0), { member: true, trace: [] })
  t.equal(explainMembership(fleet, collections, 'no-such', 0), undefined)
  removeDevice(fleet, 0)
  evaluateAll(fleet, collections)
  t.same(explainMembership(fleet, collections, 'windows', 0), {
    member: false,
    trace: [{ rule: 'removed', detail: 'pc-1 is not enrolled', matched: true }],
  })
  t.end()
})
