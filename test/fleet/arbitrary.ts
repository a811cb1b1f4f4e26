// Random fleets and collections, small worlds on purpose: few keys and values, so that rules meet and references cross.
import fc from 'fast-check'
import type { CollectionSpec, Expression, Query } from '../../controller/model/collection.ts'

const KEYS = ['os', 'build', 'ram', 'site']
const VALUES = ['', 'win', 'linux', '10.0', '10.0.0', '9', '16', '-1.5', '1e3', '10.0.26100', 'a*b', '𝒳y']
export const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
export const DEVICES = Array.from({ length: 70 }, (_, i) => `device-${i}`)

const key = fc.constantFrom(...KEYS)
export const value = fc.constantFrom(...VALUES)
export const attributes = fc.dictionary(key, value, { maxKeys: 4, noNullPrototype: true })

const listed = (operator: 'In' | 'NotIn') =>
  fc.record({ key, operator: fc.constant(operator), values: fc.array(value, { minLength: 1, maxLength: 3 }) })
const bare = (operator: 'Exists' | 'DoesNotExist') => fc.record({ key, operator: fc.constant(operator) })
const compared = (operator: 'Gt' | 'Lt') =>
  fc.record({ key, operator: fc.constant(operator), value: fc.constantFrom(-2, 0, 9, 9.5, 16) })
const versioned = (operator: 'VersionGte' | 'VersionLt') =>
  fc.record({ key, operator: fc.constant(operator), value: fc.constantFrom('10', '10.0.0.1', '9', '010.00') })

export const glob = fc
  .array(fc.constantFrom('*', '?', '1', '0', '.', 'win', 'a', 'y'), { minLength: 1, maxLength: 5 })
  .map((parts) => parts.join(''))

export const expression: fc.Arbitrary<Expression> = fc.oneof(
  listed('In'),
  listed('NotIn'),
  bare('Exists'),
  bare('DoesNotExist'),
  compared('Gt'),
  compared('Lt'),
  versioned('VersionGte'),
  versioned('VersionLt'),
  fc.record({ key, operator: fc.constant('Glob' as const), value: glob }),
)

const query: fc.Arbitrary<Query> = fc.oneof(
  fc.dictionary(key, value, { minKeys: 1, maxKeys: 2, noNullPrototype: true }).map((matchLabels) => ({ matchLabels })),
  fc.array(expression, { minLength: 1, maxLength: 3 }).map((matchExpressions) => ({ matchExpressions })),
  fc.record({ matchLabels: fc.constant({ os: 'win' }), matchExpressions: fc.array(expression, { maxLength: 2 }) }),
)

/** A spec that refers to any of `names`; with all eight names cycles are common. */
function spec(names: readonly string[]): fc.Arbitrary<CollectionSpec> {
  const references = fc.array(fc.constantFrom('all', ...names), { minLength: 1, maxLength: 2 })
  const direct = fc.array(fc.constantFrom(...DEVICES), { minLength: 1, maxLength: 5 })
  const queries = fc.array(query, { minLength: 1, maxLength: 3 })
  const limits = fc.record({ limitedTo: fc.constantFrom('all', ...names), exclude: references }, { requiredKeys: [] })
  const rules = fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({ queries, devices: direct, include: references }, { requiredKeys: ['queries'] }),
    },
    fc.record({ devices: direct, include: references }, { requiredKeys: ['devices'] }),
    fc.record({ include: references }),
  )
  return fc.tuple(rules, limits).map(([rule, limit]) => ({ ...rule, ...limit }))
}

/** Each collection refers to later names only, so that there is never a cycle. */
export const soundSpecs: fc.Arbitrary<Map<string, CollectionSpec>> = fc
  .tuple(...NAMES.map((_, i) => spec(NAMES.slice(i + 1))))
  .map((specs) => new Map(specs.map((spec, i) => [NAMES[i] ?? '', spec])))

/** Any collection refers to any; some are missing: cycles and unknown names are common. */
export const anySpecs: fc.Arbitrary<Map<string, CollectionSpec>> = fc
  .array(fc.tuple(fc.constantFrom(...NAMES), spec(NAMES)), { maxLength: 10 })
  .map((entries) => new Map(entries))
