import fc from 'fast-check'
import { test } from 'tap'
import { enrolDevice, newFleet } from '../../controller/fleet/fleet.ts'
import { bindTerm, matcherOf, type TermPool, termHolds, termPlane, termsOf } from '../../controller/fleet/term.ts'
import { hasBit } from '../../controller/model/bit-plane.ts'
import type { Expression } from '../../controller/model/collection.ts'
import { expression, glob, value } from './arbitrary.ts'
import { holds } from './oracle.ts'

const key = 'build'
const matches = (expression: Expression, value: string | undefined) => matcherOf(expression)(value)
const version = (operator: 'VersionGte' | 'VersionLt', value: string): Expression => ({ key, operator, value })

test('a device without the attribute meets NotIn and DoesNotExist, as in Kubernetes, and nothing else', (t) => {
  t.equal(matches({ key, operator: 'NotIn', values: ['x'] }, undefined), true)
  t.equal(matches({ key, operator: 'DoesNotExist' }, undefined), true)
  t.equal(matches({ key, operator: 'In', values: [''] }, undefined), false)
  t.equal(matches({ key, operator: 'Exists' }, undefined), false)
  t.equal(matches({ key, operator: 'Gt', value: -1 }, undefined), false)
  t.equal(matches({ key, operator: 'Lt', value: 1 }, undefined), false)
  t.equal(matches({ key, operator: 'Glob', value: '*' }, undefined), false)
  t.equal(matches(version('VersionGte', '0'), undefined), false)
  t.equal(matches(version('VersionLt', '99'), undefined), false)
  t.end()
})

test('versions compare segment by segment as numbers', (t) => {
  for (const [value, bound, later] of [
    ['10.0.26100.6899', '10.0.26100.6899', true],
    ['10.0.26100.10000', '10.0.26100.6899', true],
    ['10.0.9', '10.0.26100', false],
    ['10', '10.0.0', true],
    ['10.0', '10.0.1', false],
    ['010.01', '10.1', true],
    ['9007199254740993', '9007199254740992', true],
    ['9007199254740992', '9007199254740993', false],
  ] as const) {
    t.equal(matches(version('VersionGte', bound), value), later, `${value} ≥ ${bound}`)
    t.equal(matches(version('VersionLt', bound), value), !later, `${value} < ${bound}`)
  }
  for (const value of ['', '10.', '.1', '10.x', 'v10', '10.0-beta', '-1', '1..2'])
    t.notOk(
      matches(version('VersionGte', '0'), value) || matches(version('VersionLt', '99'), value),
      `"${value}" is no version`,
    )
  t.end()
})

test('Gt and Lt want a decimal number', (t) => {
  const beyond = (value: string) => [
    matches({ key, operator: 'Gt', value: 9.5 }, value),
    matches({ key, operator: 'Lt', value: 9.5 }, value),
  ]
  t.same(['10', '9.5', '-3', '+9.', '.5'].map(beyond), [
    [true, false],
    [false, false],
    [false, true],
    [false, true],
    [false, true],
  ])
  for (const value of ['', ' ', '0x10', '1e3', 'Infinity', 'NaN', '1,5', '10 GB', '.', '9'.repeat(0)])
    t.same(beyond(value), [false, false], `"${value}" is no decimal number`)
  t.end()
})

test('Glob covers the whole value, and a hostile pattern ends soon', (t) => {
  const fits = (pattern: string, value: string) => matches({ key, operator: 'Glob', value: pattern }, value)
  t.same(
    [fits('win*', 'windows'), fits('win', 'windows'), fits('*s', 'windows'), fits('w?n*s', 'windows'), fits('?', '')],
    [true, false, true, true, false],
  )
  t.same([fits('a.c', 'abc'), fits('[a]', 'a'), fits('W*', 'windows')], [false, false, false], 'no other wildcards')
  t.equal(fits('?', '💻'), true, 'a character is one, however it is encoded')
  t.equal(fits(`${'*a'.repeat(127)}b`, 'a'.repeat(256)), false)
  t.end()
})

test('every operator agrees with the plain rule on every value', (t) => {
  const plain = fc.oneof(value, fc.string({ maxLength: 6 }), glob)
  const globs = fc.record({ key: fc.constant(key), operator: fc.constant('Glob' as const), value: glob })
  const property = fc.property(
    fc.oneof(expression, globs),
    fc.option(plain, { nil: undefined }),
    (expression, value) => {
      return matches(expression, value) === holds(expression, value)
    },
  )
  fc.assert(property, { seed: 42, numRuns: 5000 })
  t.pass('holds')
  t.end()
})

test('scanning a column gives what looking at each row gives, in columns of every width', (t) => {
  for (const [devices, different] of [
    [100, 3],
    [1000, 300],
    [70_001, 70_001],
  ] as const) {
    const fleet = newFleet()
    for (let i = 0; i < devices; i++) enrolDevice(fleet, `d${i}`, i % 7 === 0 ? {} : { build: `${i % different}` }, 1)
    for (let i = 0; i < 40; i++) enrolDevice(fleet, `bare${i}`, {}, 1)
    const pool: TermPool = new Map()
    const terms = termsOf(
      {
        matchExpressions: [
          { key, operator: 'Glob', value: '1*' },
          { key, operator: 'NotIn', values: ['1', '2'] },
          { key: 'nobody-has-it', operator: 'DoesNotExist' },
          { key: 'nobody-has-it', operator: 'Exists' },
        ],
      },
      pool,
    )
    for (const term of terms) {
      bindTerm(term, fleet)
      const plane = termPlane(term, fleet.ids.length)
      let wrong = 0
      let held = 0
      for (let row = 0; row < fleet.ids.length; row++) {
        if (termHolds(term, row)) held++
        if (hasBit(plane, row) !== termHolds(term, row)) wrong++
      }
      t.equal(wrong, 0, `${term.expression.operator} over ${different} values: ${held} match`)
    }
  }
  t.end()
})

test('equal conditions are one term, however they are written', (t) => {
  const pool: TermPool = new Map()
  const [label] = termsOf({ matchLabels: { os: 'win' } }, pool)
  const [listed] = termsOf({ matchExpressions: [{ key: 'os', operator: 'In', values: ['win', 'win'] }] }, pool)
  t.equal(label, listed)
  termsOf({ matchExpressions: [{ key: 'os', operator: 'In', values: ['b', 'a'] }] }, pool)
  termsOf({ matchExpressions: [{ key: 'os', operator: 'In', values: ['a', 'b'] }] }, pool)
  t.equal(pool.size, 2)
  termsOf({ matchExpressions: [{ key: 'os', operator: 'NotIn', values: ['a', 'b'] }] }, pool)
  t.equal(pool.size, 3)
  t.end()
})
