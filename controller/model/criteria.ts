// Which updates a rule selects (semantics.md §3): AND across properties, OR inside one, a leading `-` negates a term.
import { z } from 'zod'
import { alsoInCluster, type ClusterPart, celMatches, onlyInCluster, re2 } from './cluster-rules.ts'
import { type AgeFields, isAge, parseComparison } from './criterion.ts'
import { CalendarDuration } from './recurrence.ts'
import { Classification, RestartBehaviour, Severity } from './update.ts'

/** Terms in one list. */
export const MAX_TERMS = 1000

const COMPARISON = 'must be a comparison such as ">=1", "<= 40", "0" or "10..100"'

const CountText = z
  .string()
  .max(64)
  .check(
    alsoInCluster(
      z.superRefine<string>((value, context) => {
        if (parseComparison(value) === undefined) context.addIssue({ code: 'custom', message: COMPARISON })
      }),
      comparisonInCluster(),
      'isComparison',
    ),
  )

const Term = z.string().max(256).regex(/[^-]/, 'must name something besides "-"')
const terms = z.array(Term).min(1).max(MAX_TERMS)
const WHOLE = 'Whole values, any case; `*` stands for any text, a leading `-` excludes.'
const PART = 'Text found anywhere inside, any case; `*` stands for any text, a leading `-` excludes.'

const Age = z
  .strictObject({
    within: CalendarDuration.optional().describe(
      'Not longer ago than this, e.g. P1M. Months are calendar months, in UTC.',
    ),
    olderThan: CalendarDuration.optional().describe('Longer ago than this, e.g. P7D.'),
  })
  .check(
    alsoInCluster(
      z.refine<AgeFields>(isAge, 'must have `within` or `olderThan`'),
      { rules: [{ rule: 'has(self.within) || has(self.olderThan)', message: 'must have within or olderThan' }] },
      'isAge',
    ),
  )

export const Criteria = z.strictObject({
  products: terms.optional().describe(`Names of products. ${WHOLE}`),
  classifications: z
    .array(withNegations(Classification.options))
    .min(1)
    .max(MAX_TERMS)
    .optional()
    .describe('Any of these; a leading `-` excludes.'),
  severities: z
    .array(withNegations(Severity.options))
    .min(1)
    .max(MAX_TERMS)
    .optional()
    .describe('Any of these severities, as the vendor rates the update; a leading `-` excludes.'),
  customSeverities: z
    .array(withNegations(Severity.options))
    .min(1)
    .max(MAX_TERMS)
    .optional()
    .describe('Any of these severities, as your own organization rates the update; a leading `-` excludes.'),
  titles: terms.optional().describe(`The title. ${PART}`),
  descriptions: terms.optional().describe(`The description. ${PART}`),
  articleIds: terms.optional().describe(`Article numbers, with or without "KB". ${WHOLE}`),
  bulletinIds: terms.optional().describe(`Bulletin numbers. ${WHOLE}`),
  cves: terms.optional().describe(`Vulnerabilities that the update mends. ${WHOLE}`),
  vendors: terms.optional().describe(`Who made the update. ${WHOLE}`),
  languages: terms.optional().describe(`Languages of the update. ${WHOLE}`),
  architectures: terms.optional().describe(`X64, X86, ARM64, Itanium or Any. ${WHOLE}`),
  restart: z
    .array(RestartBehaviour)
    .min(1)
    .max(MAX_TERMS)
    .optional()
    .describe('What the update does about a restart: any of these.'),
  released: Age.optional().describe('How long ago the update was released.'),
  revised: Age.optional().describe('How long ago the update was last revised (never revised: released).'),
  required: CountText.optional().describe('How many devices require the update, such as ">=1".'),
  sizeBytes: CountText.optional().describe('Size of the content in bytes, such as "<=1000000000".'),
  superseded: z
    .union([z.boolean(), z.literal('Any')])
    .check(onlyInCluster({ keywords: { enum: [true, false, 'Any'] } }))
    .optional()
    .describe('false: only updates that no other supersedes; true: only superseded ones; Any: both. Default false.'),
  deployed: z.boolean().optional().describe('Whether the update is in any deployment.'),
  knownIssue: z.boolean().optional().describe('Whether the vendor lists a known issue.'),
  exploited: z.boolean().optional().describe('Whether one of its vulnerabilities is known to be exploited.'),
})
export type Criteria = z.infer<typeof Criteria>

/** A rule has to have a criterion: said of other sources by `hasCriterion` in sources/cross-checks.ts. */
export const HAS_CRITERION_IN_CLUSTER: ClusterPart = {
  rules: [
    {
      rule: Object.keys(Criteria.shape)
        .filter((property) => property !== 'superseded')
        .map((property) => `has(self.${property})`)
        .join(' || '),
      message:
        'names no criterion, and would select the whole catalog (0x87D20416): add for example classifications: [Security Updates]',
    },
  ],
}

// What `parseComparison` reads. A number that int() cannot hold is an error, and so refused as well.
function comparisonInCluster(): ClusterPart {
  const number = (n: number) => `int(self.findAll('[0-9]+')[${n}])`
  const single = celMatches(re2(/^[\s]*(<=|>=|<|>|=)?[\s]*[0-9]+[\s]*$/))
  const range = celMatches(re2(/^[\s]*[0-9]+[\s]*[.][.][\s]*[0-9]+[\s]*$/))
  const most = Number.MAX_SAFE_INTEGER
  return {
    rules: [
      { rule: `${single} || ${range}`, message: COMPARISON },
      {
        rule: `!${range} || (${number(1)} <= ${most} && ${number(0)} <= ${number(1)})`,
        message: 'the first number of a range must not be greater than the second',
      },
      {
        rule: `!${single} || (${number(0)} <= ${most} && !(self.contains('<') && !self.contains('=') && ${number(0)} == 0) && !(self.contains('>') && !self.contains('=') && ${number(0)} == ${most}))`,
        message: 'no count is like this: write a comparison that one can meet, such as ">=1"',
      },
    ],
  }
}

function withNegations<const T extends string>(values: readonly T[]) {
  return z.enum([...values, ...values.map((value): `-${T}` => `-${value}`)])
}
