import { test } from 'tap'
import { orderReferences } from '../../controller/fleet/reference-order.ts'
import type { CollectionSpec } from '../../controller/model/collection.ts'

const order = (specs: Record<string, CollectionSpec>) => orderReferences(new Map(Object.entries(specs)))

test('collections come after all that they refer to, and the order does not depend on how they were declared', (t) => {
  const specs: Record<string, CollectionSpec> = {
    a: { include: ['c', 'all'] },
    b: { devices: ['x'], exclude: ['a'] },
    c: { devices: ['x'], limitedTo: 'd' },
    d: { devices: ['x'] },
  }
  t.same(order(specs), { sound: ['d', 'c', 'a', 'b'], broken: [], errors: [] })
  t.same(order(Object.fromEntries(Object.entries(specs).reverse())), order(specs))
  t.end()
})

test('a cycle is named in order, at each reference that is part of it', (t) => {
  const { sound, broken, errors } = order({
    c: { devices: ['x'], limitedTo: 'a' },
    a: { include: ['ok', 'b'] },
    b: { devices: ['x'], exclude: ['c'] },
    user: { include: ['a'] },
    'user-of-user': { include: ['ok', 'user'] },
    ok: { devices: ['x'] },
  })
  t.same(sound, ['ok'])
  t.same(broken, ['a', 'b', 'c', 'user', 'user-of-user'])
  t.same(
    errors.map(({ collection, code, path }) => [collection, code, path]),
    [
      ['a', 'ReferenceCycle', 'spec.include[1]'],
      ['b', 'ReferenceCycle', 'spec.exclude[0]'],
      ['c', 'ReferenceCycle', 'spec.limitedTo'],
      ['user', 'BrokenReference', 'spec.include[0]'],
      ['user-of-user', 'BrokenReference', 'spec.include[1]'],
    ],
  )
  for (const { message } of errors.slice(0, 3)) t.match(message, 'a → b → c → a')
  t.end()
})

test('a collection that refers to itself is a cycle', (t) => {
  const { errors, broken } = order({ a: { include: ['a'] } })
  t.same(broken, ['a'])
  t.match(errors[0]?.message, 'a → a')
  t.end()
})

test('an unknown name is an error of those who use it, and a reserved one of who declares it', (t) => {
  const { sound, broken, errors } = order({
    a: { include: ['b', 'nope'] },
    b: { devices: ['x'] },
    all: { devices: ['x'] },
  })
  t.same([sound, broken], [['b'], ['a']])
  t.same(
    errors.map(({ collection, code, path }) => [collection, code, path]),
    [
      ['a', 'UnknownReference', 'spec.include[1]'],
      ['all', 'ReservedName', 'metadata.name'],
    ],
  )
  t.match(errors[0]?.message, 'there is no collection "nope"')
  t.end()
})

test('a chain of many thousand collections is ordered without running out of stack', (t) => {
  const length = 20_000
  const specs = new Map<string, CollectionSpec>()
  for (let i = 0; i < length; i++) specs.set(`c${i}`, i + 1 < length ? { include: [`c${i + 1}`] } : { devices: ['x'] })
  t.equal(orderReferences(specs).sound[0], `c${length - 1}`)
  specs.set(`c${length - 1}`, { include: ['c0'] })
  const { broken, errors } = orderReferences(specs)
  t.equal(broken.length, length)
  t.ok((errors[0]?.message.length ?? 0) < 1000, 'and a cycle of that length is told in short')
  t.match(errors[0]?.message, /c0 → c1 → .* → \(19982 more\) → c0:/)
  t.end()
})
