// What can be said of queries without a fleet: that no device can meet one, and that one asks for no less than another.
import { expressionsOf, matcherOf } from '../../fleet/term.ts'
import type { Expression, Query } from '../../model/collection.ts'
import { DOTTED_VERSION } from '../../model/membership.ts'

/** Whether the conditions of the queries together rule each other out, for whatever device. False is "not known". */
export function isContradictory(...queries: readonly Query[]): boolean {
  const conditions = queries.flatMap(expressionsOf)
  // Conditions on different attributes never rule each other out, and one alone can always be met.
  if (new Set(conditions.map(({ key }) => key)).size === conditions.length) return false
  const byKey = Map.groupBy(conditions, ({ key }) => key)
  return [...byKey.values()].some(isImpossible)
}

/** Conditions of two queries that are compared; with more nothing is known. */
const MAX_CONDITION_PAIRS = 256

/** Whether each device that meets `narrow` meets `wide`: it has all its conditions. False is "not known". */
export function isNarrower(narrow: Query, wide: Query): boolean {
  const conditions = expressionsOf(narrow)
  const wantedConditions = expressionsOf(wide)
  if (conditions.length * wantedConditions.length > MAX_CONDITION_PAIRS) return false
  return wantedConditions.every((wanted) => conditions.some((condition) => implies(condition, wanted)))
}

function isImpossible(conditions: readonly Expression[]): boolean {
  const matchers = conditions.map(matcherOf)
  if (matchers.every((matches) => matches(undefined))) return false
  // The attribute is there, then; with an In, its values are all that it can have.
  if (conditions.some(({ operator }) => operator === 'DoesNotExist')) return true
  const listed = conditions.find((condition) => condition.operator === 'In')
  if (listed !== undefined) return !listed.values.some((value) => matchers.every((matches) => matches(value)))
  return isEmptyRange(conditions)
}

function isEmptyRange(conditions: readonly Expression[]): boolean {
  const above = conditions.flatMap((one) => (one.operator === 'Gt' ? [one.value] : []))
  const below = conditions.flatMap((one) => (one.operator === 'Lt' ? [one.value] : []))
  if (Math.max(...above) >= Math.min(...below)) return true
  const lowest = conditions.flatMap((one) => (one.operator === 'VersionGte' ? [one.value] : []))
  // The least version that a VersionGte allows is its own.
  return conditions.some((one) => one.operator === 'VersionLt' && lowest.some((from) => !matcherOf(one)(from)))
}

function implies(condition: Expression, wanted: Expression): boolean {
  if (condition.key !== wanted.key) return false
  if (condition.operator === 'In') return condition.values.every(matcherOf(wanted))
  if (wanted.operator === 'Exists') return condition.operator !== 'NotIn' && condition.operator !== 'DoesNotExist'
  if (condition.operator !== wanted.operator) return false
  switch (condition.operator) {
    case 'NotIn':
      return wanted.operator === 'NotIn' && wanted.values.every((value) => condition.values.includes(value))
    case 'Gt':
      return wanted.operator === 'Gt' && condition.value >= wanted.value
    case 'Lt':
      return wanted.operator === 'Lt' && condition.value <= wanted.value
    case 'VersionGte':
      return DOTTED_VERSION.test(condition.value) && matcherOf(wanted)(condition.value)
    case 'Glob':
    case 'VersionLt':
      return 'value' in wanted && condition.value === wanted.value
    default:
      return true
  }
}
