import { test } from 'tap'
import { changedObjects } from '../../controller/preview/changed-objects.ts'
import { declared, ORIGIN } from '../support/declare.ts'

const CRITERIA = { products: ['A', 'B'], released: { within: 'P14D' } }
const PHASES = [
  { name: 'pilot', collection: 'a' },
  { name: 'broad', collection: 'all', percent: 20 },
]

test('fields are told apart by name, values by what comes and goes', async (t) => {
  const before = declared('AutomaticDeploymentRule', 'r', { criteria: CRITERIA, phases: PHASES })
  const after = declared('AutomaticDeploymentRule', 'r', {
    criteria: { products: ['B', 'C'], released: { within: 'P7D' } },
    phases: [
      { name: 'pilot', collection: 'a' },
      { name: 'broad', collection: 'all', percent: 40, soak: 'P2D' },
    ],
    suspend: true,
  })
  const [change] = changedObjects([before], [after])
  t.same(change?.fields, [
    { path: 'criteria.products[]', from: 'A' },
    { path: 'criteria.products[]', to: 'C' },
    { path: 'criteria.released.within', from: 'P14D', to: 'P7D' },
    { path: 'phases[broad].percent', from: '20', to: '40' },
    { path: 'phases[broad].soak', to: 'P2D' },
    { path: 'suspend', to: 'true' },
  ])
})

test('the order of phases is a change', async (t) => {
  const before = declared('AutomaticDeploymentRule', 'r', { criteria: CRITERIA, phases: PHASES })
  const after = declared('AutomaticDeploymentRule', 'r', { criteria: CRITERIA, phases: PHASES.toReversed() })
  t.same(changedObjects([before], [after])[0]?.fields, [{ path: 'phases', from: 'pilot, broad', to: 'broad, pilot' }])
})

test('where an object stands is no change', async (t) => {
  const before = declared('Collection', 'a', { include: ['all'] })
  const after = declared(
    'Collection',
    'a',
    { include: ['all'] },
    { ...ORIGIN, file: 'other.yaml', line: 9, revision: 'r9' },
  )
  t.same(changedObjects([before], [after]), [])
})

test('descriptions, labels and annotations are for people', async (t) => {
  const before = declared('Collection', 'a', { include: ['all'] })
  const words = { ...declared('Collection', 'a', { include: ['all'], description: 'all' }), labels: { team: 'x' } }
  t.equal(changedObjects([before], [words])[0]?.cosmetic, true)
  const more = declared('Collection', 'a', { include: ['all'], exclude: ['b'], description: 'all' })
  t.equal(changedObjects([before], [more])[0]?.cosmetic, false)
})

test('long values are cut short, and long lists counted', async (t) => {
  const updates = Array.from({ length: 300 }, (_, i) => `update-${i}`)
  const before = declared('SoftwareUpdateGroup', 'g', { updates: ['x'] })
  const [change] = changedObjects([before], [declared('SoftwareUpdateGroup', 'g', { updates })])
  t.equal(change?.fieldsTotal, 301)
  t.equal(change?.fields.length, 20)
  const long = declared('Collection', 'c', { queries: [{ matchLabels: { k: 'v'.repeat(250) } }] })
  const [other] = changedObjects([declared('Collection', 'c', { include: ['all'] })], [long])
  t.ok(other?.fields.every(({ to = '' }) => to.length <= 160))
})
