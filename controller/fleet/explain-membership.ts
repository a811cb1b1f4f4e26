// Why a device is in a collection or not: every rule in order of evaluation (semantics.md §2), and what it said.
import { hasBit } from '../model/bit-plane.ts'
import type { Query } from '../model/collection.ts'
import { type Collections, membersOf } from './collections.ts'
import { attributeOf, type Fleet } from './fleet.ts'
import { describeExpression, expressionsOf, matcherOf } from './term.ts'

/** `removed`: not enrolled, so in none. `lastGood`: the collection has an error and keeps the members it had. */
export type MembershipRule = 'removed' | 'lastGood' | 'query' | 'direct' | 'include' | 'limiting' | 'exclude'

export type MembershipTrace = {
  readonly rule: MembershipRule
  readonly detail: string
  /** Whether the rule holds for the device: for `exclude` and `removed` that keeps it out, for the others it lets it in. */
  readonly matched: boolean
}

/** Undefined when there is no such collection. Members must be up to date. */
export function explainMembership(
  fleet: Fleet,
  collections: Collections,
  name: string,
  row: number,
): { member: boolean; trace: MembershipTrace[] } | undefined {
  const members = membersOf(fleet, collections, name)
  if (members === undefined) return undefined
  const member = hasBit(members, row)
  const spec = collections.specs.get(name)
  const device = fleet.ids[row] ?? `row ${row}`
  if (!hasBit(fleet.present, row)) {
    return { member, trace: [{ rule: 'removed', detail: `${device} is not enrolled`, matched: true }] }
  }
  if (collections.broken.includes(name)) {
    const detail = collections.errors.find((error) => error.collection === name)?.message ?? ''
    return { member, trace: [{ rule: 'lastGood', detail, matched: member }] }
  }
  const inside = (rule: MembershipRule, other: string): MembershipTrace => {
    const plane = membersOf(fleet, collections, other)
    const matched = plane !== undefined && hasBit(plane, row)
    return { rule, detail: `${device} is ${matched ? '' : 'not '}in ${other}`, matched }
  }
  const trace = (spec?.queries ?? []).map((query, i) => explainQuery(fleet, row, query, i + 1))
  if (spec?.devices !== undefined) {
    const matched = spec.devices.includes(device)
    trace.push({ rule: 'direct', detail: `${device} is ${matched ? '' : 'not '}named in devices`, matched })
  }
  for (const other of spec?.include ?? []) trace.push(inside('include', other))
  if (spec?.limitedTo !== undefined) trace.push(inside('limiting', spec.limitedTo))
  for (const other of spec?.exclude ?? []) trace.push(inside('exclude', other))
  return { member, trace }
}

/** Names each condition that fails, or, when none does, all that hold. */
function explainQuery(fleet: Fleet, row: number, query: Query, position: number): MembershipTrace {
  const conditions = expressionsOf(query).map((expression) => {
    const value = attributeOf(fleet, row, expression.key)
    const shown = value === undefined ? `${expression.key} is missing` : `${expression.key} is ${JSON.stringify(value)}`
    return { holds: matcherOf(expression)(value), text: `${describeExpression(expression)}: ${shown}` }
  })
  const failing = conditions.filter(({ holds }) => !holds)
  const matched = failing.length === 0
  const told = (matched ? conditions : failing).map(({ text }) => text).join('; ')
  return { rule: 'query', detail: `query ${position} ${matched ? 'holds' : 'fails'}: ${told}`, matched }
}
