// Rules that select the same updates for the same devices, and approvals that lead nowhere (semantics.md §3, §6, §7).
import type { Criteria } from '../../model/criteria.ts'
import type { Declared } from '../../model/declared.ts'
import { durationMs } from '../../model/instant.ts'
import type { ResolvedPlan } from '../../model/resolved-plan.ts'
import { parseDuration } from '../../model/times.ts'
import type { Finding } from '../cross-checks.ts'
import { didYouMean } from '../suggest.ts'
import type { Membership } from './membership.ts'
import { plannedOf, type Site } from './site.ts'

/** Pairs of rules that are compared; beyond that the rest are taken to differ. */
const MAX_PAIRS = 20_000

type Rule = { readonly object: Declared<'AutomaticDeploymentRule'>; readonly collections: readonly string[] }

/** RM1507, RM1508: only where all that one rule selects is certain to be selected by the other, for devices in common. */
export function* checkOverlaps(site: Site, membership: Membership): Iterable<Finding> {
  const rules = site.rules.flatMap((object): Rule[] => {
    const plan = plannedOf(site, object)?.plan
    const active = object.spec.enabled !== false && object.spec.suspend !== true
    return plan !== undefined && active
      ? [{ object, collections: plan.phases.map(({ collection }) => collection) }]
      : []
  })
  const wider = widerRules(rules)
  let pairs = 0
  for (const rule of rules) {
    for (const other of wider(rule)) {
      if (other === rule) continue
      if (++pairs > MAX_PAIRS) return
      if (!isSubsumed(rule.object.spec.criteria, other.object.spec.criteria)) continue
      const shared = sharedCollection(rule, other, membership)
      if (shared !== undefined) yield* overlap(rule, other, shared)
    }
  }
}

function* overlap(rule: Rule, other: Rule, shared: string): Iterable<Finding> {
  const { object } = rule
  const where = `${other.object.origin.file}:${other.object.origin.line}`
  const same = isSubsumed(other.object.spec.criteria, object.spec.criteria)
  // Of two that are alike, the later one is told of.
  if (same && isBefore(object, other.object)) return
  yield {
    object,
    path: ['spec', 'criteria'],
    code: same ? 'RM1507' : 'RM1508',
    message: same
      ? `selects the same updates as rule ${other.object.name} (${where}), also for the devices of ${shared}: remove one of the two, or narrow one`
      : `everything that it selects is selected by rule ${other.object.name} (${where}) too, also for the devices of ${shared}: the earlier of both counts`,
  }
}

function isBefore(a: Declared, b: Declared): boolean {
  if (a.origin.file !== b.origin.file) return a.origin.file < b.origin.file
  return a.origin.line < b.origin.line
}

const LISTS = [
  'products',
  'titles',
  'articleIds',
  'cves',
  'bulletinIds',
  'vendors',
  'classifications',
  'severities',
] as const

/**
 * The rules that could select all that a rule selects: found by one of their terms, so that thousands of rules about
 * different products are not compared with each other.
 */
function widerRules(rules: readonly Rule[]): (rule: Rule) => Iterable<Rule> {
  const byTerm = new Map<string, Rule[]>()
  const withoutTerms: Rule[] = []
  for (const rule of rules) {
    const { criteria } = rule.object.spec
    const property = LISTS.find((name) => criteria[name] !== undefined)
    if (property === undefined) withoutTerms.push(rule)
    for (const term of new Set(property === undefined ? [] : criteria[property])) {
      const key = `${property} ${term}`
      const found = byTerm.get(key)
      if (found === undefined) byTerm.set(key, [rule])
      else found.push(rule)
    }
  }
  return (rule) => {
    const { criteria } = rule.object.spec
    // All terms of the narrower rule are among those of the wider one, so any of them will do.
    const found = LISTS.flatMap((name) => byTerm.get(`${name} ${criteria[name]?.[0]}`) ?? [])
    return [...found, ...withoutTerms]
  }
}

/** A collection of phases of both of which all devices are in both rules; undefined is "not known". */
function sharedCollection(a: Rule, b: Rule, { isWithin, isEmpty }: Membership): string | undefined {
  return a.collections.find(
    (mine) => !isEmpty(mine) && b.collections.some((theirs) => isWithin(mine, theirs) || isWithin(theirs, mine)),
  )
}

/** Whether each update that meets `narrow` meets `wide`. False is "not known". */
function isSubsumed(narrow: Criteria, wide: Criteria): boolean {
  if ((narrow.superseded ?? false) !== (wide.superseded ?? false)) return false
  return Object.entries(wide).every(([property, wanted]) => {
    if (property === 'superseded' || wanted === undefined) return true
    const found = Object.entries(narrow).find(([name]) => name === property)?.[1]
    if (found === undefined) return false
    return JSON.stringify(found) === JSON.stringify(wanted) || isTighter(property, found, wanted)
  })
}

function isTighter(property: string, narrow: unknown, wide: unknown): boolean {
  if (property === 'released' || property === 'revised') return isTighterAge(narrow, wide)
  if (!isTerms(narrow) || !isTerms(wide)) return false
  // Any of fewer terms; what is excluded from the wider one is excluded from the narrower one too.
  const [wanted, excluded] = [wide.filter((term) => !term.startsWith('-')), wide.filter((term) => term.startsWith('-'))]
  const positive = narrow.filter((term) => !term.startsWith('-'))
  return (
    excluded.every((term) => narrow.includes(term)) &&
    (wanted.length === 0 || (positive.length > 0 && positive.every((term) => wanted.includes(term))))
  )
}

function isTighterAge(narrow: unknown, wide: unknown): boolean {
  const [a, b] = [withinOf(narrow), withinOf(wide)]
  return a !== undefined && b !== undefined && a <= b
}

/** Milliseconds of an age that says `within` alone, in units of fixed length. */
function withinOf(age: unknown): number | undefined {
  if (typeof age !== 'object' || age === null || !('within' in age) || typeof age.within !== 'string') return undefined
  if ('olderThan' in age && age.olderThan !== undefined) return undefined
  try {
    const duration = parseDuration(age.within)
    return duration.years === 0 && duration.months === 0 ? durationMs(duration) : undefined
  } catch {
    return undefined
  }
}

function isTerms(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((term) => typeof term === 'string')
}

/** Rollouts of a rule are named for it and the day of the evaluation. */
const OF_RULE = /^(.+)-\d{8}(?:-\d+)?(?:-part\d+)?$/

/** RM1514. */
export function* checkApprovals(site: Site): Iterable<Finding> {
  const rules = new Map(site.rules.map((rule) => [rule.name, rule]))
  for (const object of site.approvals) {
    const { rollout, phase } = object.spec
    const maker = site.rollouts.get(rollout) ?? rules.get(OF_RULE.exec(rollout)?.[1] ?? '')
    if (maker === undefined) {
      const hint = didYouMean(rollout, site.rollouts.keys()) || ': write its full name, such as office-20260113'
      const message = `no rule here makes a rollout "${rollout}", and none is declared${hint}`
      yield { object, path: ['spec', 'rollout'], code: 'RM1514', message }
      continue
    }
    const plan: ResolvedPlan | undefined = plannedOf(site, maker)?.plan
    const names = plan?.phases.map(({ name }) => name) ?? []
    if (names.length === 0 || names.includes(phase)) continue
    const message = `${maker.kind} ${maker.name} has no phase "${phase}"${didYouMean(phase, names) || `: write one of ${names.join(', ')}`}`
    yield { object, path: ['spec', 'phase'], code: 'RM1514', message }
  }
}
