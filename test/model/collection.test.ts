import { test } from 'tap'
import { z } from 'zod'
import { CollectionSpec, DeviceAttributes } from '../../controller/model/collection.ts'

const messages = (spec: unknown) => CollectionSpec.safeParse(spec).error?.issues.map(({ message }) => message) ?? []
const accepts = (spec: unknown) => CollectionSpec.safeParse(spec).success
const expression = (fields: object) => ({ queries: [{ matchExpressions: [{ key: 'os', ...fields }] }] })

test('a collection says in some way which devices', (t) => {
  t.ok(accepts({ devices: ['a'] }))
  t.ok(accepts({ include: ['all'], exclude: ['servers'], limitedTo: 'all', description: 'x' }))
  t.ok(accepts({ queries: [{ matchLabels: { os: 'windows' } }] }))
  for (const spec of [{}, { limitedTo: 'all' }, { exclude: ['x'] }, { devices: [], queries: [], include: [] }])
    t.same(messages(spec), ['says no devices: add queries, devices or include'], JSON.stringify(spec))
  t.match(messages({ queries: [{}] })[0], 'asks nothing')
  t.match(messages({ queries: [{ matchLabels: {}, matchExpressions: [] }] })[0], 'asks nothing')
  t.notOk(accepts({ devices: ['a'], divices: ['b'] }), 'unknown fields are errors')
  t.end()
})

test('each operator wants its own fields', (t) => {
  for (const fields of [
    { operator: 'In', values: ['a'] },
    { operator: 'NotIn', values: ['a', ''] },
    { operator: 'Exists' },
    { operator: 'DoesNotExist' },
    { operator: 'Gt', value: 1.5 },
    { operator: 'Lt', value: -3 },
    { operator: 'Glob', value: 'srv-*' },
    { operator: 'VersionGte', value: '10.0.26100' },
    { operator: 'VersionLt', value: '11' },
  ])
    t.ok(accepts(expression(fields)), JSON.stringify(fields))
  for (const fields of [
    { operator: 'in', values: ['a'] },
    { operator: 'In', values: [] },
    { operator: 'In', value: 'a' },
    { operator: 'Exists', values: ['a'] },
    { operator: 'Gt', value: '1' },
    { operator: 'Gt', value: Number.POSITIVE_INFINITY },
    { operator: 'Glob', value: '' },
    { operator: 'VersionGte', value: '10.x' },
    { operator: 'VersionLt', value: 10 },
    { values: ['a'] },
  ])
    t.notOk(accepts(expression(fields)), JSON.stringify(fields))
  t.end()
})

test('the lists of a collection are bounded', (t) => {
  const many = (n: number) => Array.from({ length: n }, (_, i) => `v${i}`)
  t.same([accepts({ devices: many(10_000) }), accepts({ devices: many(10_001) })], [true, false])
  t.same([accepts({ include: many(1000) }), accepts({ include: many(1001) })], [true, false])
  const listed = (n: number) => accepts(expression({ operator: 'In', values: many(n) }))
  t.same([listed(1000), listed(1001)], [true, false])
  t.end()
})

test('attributes become strings at the edge, within limits', (t) => {
  t.same(DeviceAttributes.parse({ os: 'windows', ram: 16, ratio: 0.5, laptop: true }), {
    os: 'windows',
    ram: '16',
    ratio: '0.5',
    laptop: 'true',
  })
  const keys = (n: number) => Object.fromEntries(Array.from({ length: n }, (_, i) => [`k${i}`, 'x']))
  const fits = (attributes: unknown) => DeviceAttributes.safeParse(attributes).success
  t.same([fits(keys(64)), fits(keys(65))], [true, false])
  t.same([fits({ ['k'.repeat(63)]: '' }), fits({ ['k'.repeat(64)]: '' }), fits({ '': 'x' })], [true, false, false])
  t.same([fits({ k: 'v'.repeat(256) }), fits({ k: 'v'.repeat(257) })], [true, false])
  for (const bad of [null, [], { k: null }, { k: {} }, { k: ['x'] }, { 'a b': 'x' }, { '-a': 'x' }]) t.notOk(fits(bad))
  t.end()
})

test('a key that means something to JavaScript is an attribute like any other, or none', (t) => {
  const parsed = DeviceAttributes.safeParse(JSON.parse('{"constructor": "x", "toString": "y"}'))
  t.same(Object.entries(parsed.data ?? {}), [
    ['constructor', 'x'],
    ['toString', 'y'],
  ])
  const poisoned = DeviceAttributes.safeParse(JSON.parse('{"__proto__": "x"}'))
  t.notOk(poisoned.success && Object.keys(poisoned.data).length > 0)
  t.end()
})

test('the reference text says how NotIn treats a missing attribute', (t) => {
  const text = JSON.stringify(z.toJSONSchema(CollectionSpec))
  t.match(text, /As in a Kubernetes label selector, a device that lacks the attribute matches too/)
  t.end()
})
