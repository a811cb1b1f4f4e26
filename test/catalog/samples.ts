// Updates and contexts for the catalog's tests.
import fc from 'fast-check'
import type { CriteriaContext } from '../../controller/catalog/criteria.ts'
import type { FeedResult } from '../../controller/catalog/feeds/feed-result.ts'
import type { Criteria } from '../../controller/model/criteria.ts'
import { DAY } from '../../controller/model/instant.ts'
import {
  Classification,
  RestartBehaviour,
  Severity,
  Update,
  UpdateId,
  UpdateState,
} from '../../controller/model/update.ts'

export const NOW = Date.parse('2025-11-01T00:00:00Z')

/** An update in its inner form; instants are epoch milliseconds. */
export function sample(
  id: string,
  over: Partial<Omit<Update, 'id' | 'supersedes'>> & { supersedes?: string[] } = {},
): Update {
  const { supersedes = [], ...rest } = over
  const plain = Update.parse({
    id,
    title: `Update ${id}`,
    vendor: 'Contoso',
    products: ['Product A'],
    classification: 'Security Updates',
    released: '2025-10-14T00:00:00Z',
  })
  return { ...plain, ...rest, supersedes: supersedes.map((target) => UpdateId.parse(target)) }
}

export function idOf(text: string): UpdateId {
  return UpdateId.parse(text)
}

export function feedOf(updates: readonly Update[]): FeedResult {
  const records = updates.map((update, i) => ({ position: `feed:${String(i + 1).padStart(6, '0')}`, update }))
  return { records, setAside: [], setAsideTotal: 0, skipped: 0, total: records.length }
}

export const CONTEXT: CriteriaContext = { now: NOW, requiredCount: () => 0, isDeployed: () => false }

const words = fc.constantFrom('alpha', 'Beta', 'beta', 'ALPHA two', 'x*y', '-dash', 'KB500', '500', '', 'gamma.b')
const nonEmpty = words.filter((word) => word !== '')
const few = (values: fc.Arbitrary<string>) => fc.uniqueArray(values, { maxLength: 3 })
const instants = fc.integer({ min: -400, max: 0 }).map((days) => NOW + days * DAY)

/** Updates out of a small world of ids, so that they collide, supersede each other and go in circles. */
export const anyUpdate: fc.Arbitrary<Update> = fc
  .record({
    id: fc.integer({ min: 0, max: 25 }),
    revision: fc.integer({ min: 1, max: 3 }),
    title: nonEmpty,
    description: words,
    vendor: nonEmpty,
    products: fc.uniqueArray(nonEmpty, { minLength: 1, maxLength: 3 }),
    classification: fc.constantFrom(...Classification.options),
    severity: fc.constantFrom(...Severity.options),
    articleIds: few(nonEmpty),
    bulletinIds: few(nonEmpty),
    cves: few(nonEmpty),
    exploited: few(nonEmpty),
    languages: few(nonEmpty),
    architecture: fc.constantFrom('X64', 'ARM64', 'Any'),
    released: instants,
    sizeBytes: fc.integer({ min: 0, max: 20 }),
    knownIssue: fc.boolean(),
    restart: fc.constantFrom(...RestartBehaviour.options),
    supersedes: fc.uniqueArray(fc.integer({ min: 0, max: 30 }), { maxLength: 3 }),
    state: fc.constantFrom(...UpdateState.options, 'Normal' as const, 'Normal' as const, 'Normal' as const),
    extra: fc.record({ revised: instants, customSeverity: fc.constantFrom(...Severity.options) }, { requiredKeys: [] }),
  })
  .map(({ id, supersedes, extra, ...rest }) =>
    sample(`u${id}`, { ...rest, ...extra, supersedes: supersedes.map((target) => `u${target}`) }),
  )

const term = fc
  .tuple(fc.boolean(), fc.constantFrom('alpha', 'BETA', 'a*', '*b*', '*', 'x*y', '500', 'kb500', 'KB5*', 'et', 'dash'))
  .map(([negative, text]) => (negative ? `-${text}` : text))
const terms = fc.array(term, { minLength: 1, maxLength: 3 })
const age = fc.oneof(
  fc.record({ within: fc.constantFrom('P1M', 'P30D', 'P1Y', 'PT0S') }),
  fc.record({ olderThan: fc.constantFrom('P1M', 'P7D', 'P6M') }),
  fc.record({ within: fc.constantFrom('P6M', 'P400D'), olderThan: fc.constantFrom('P10D', 'P2M') }),
)
const comparison = fc.constantFrom('>=1', '<= 10', '0', '3..12', '>5', '<2')
const severities = fc.array(fc.constantFrom(...Severity.options, '-None' as const, '-Critical' as const), {
  minLength: 1,
  maxLength: 3,
})

const fullCriteria = fc.record({
  products: terms,
  classifications: fc.array(fc.constantFrom(...Classification.options, '-Drivers' as const), {
    minLength: 1,
    maxLength: 4,
  }),
  severities,
  customSeverities: severities,
  titles: terms,
  descriptions: terms,
  articleIds: terms,
  bulletinIds: terms,
  cves: terms,
  vendors: terms,
  languages: terms,
  architectures: fc.array(fc.constantFrom('x64', '-ARM64', 'a*', 'Any'), { minLength: 1, maxLength: 2 }),
  restart: fc.array(fc.constantFrom(...RestartBehaviour.options), { minLength: 1, maxLength: 2 }),
  released: age,
  revised: age,
  required: comparison,
  sizeBytes: comparison,
  superseded: fc.constantFrom(true, false, 'Any' as const),
  deployed: fc.boolean(),
  knownIssue: fc.boolean(),
  exploited: fc.boolean(),
})

/** One to three criteria at a time: more together match next to nothing. */
export const anyCriteria: fc.Arbitrary<Criteria> = fullCriteria.chain((full) =>
  fc.subarray(Object.entries(full), { minLength: 1, maxLength: 3 }).map((some): Criteria => Object.fromEntries(some)),
)
