// Which devices: the `Collection` kind's spec, and the attributes of a device that its queries ask about (semantics.md §2).
import { z } from 'zod'
import { alsoInCluster, celMatches, onlyInCluster } from './cluster-rules.ts'
import { EXPRESSION_IN_CLUSTER } from './collection-cluster.ts'
import { inNames } from './distinct.ts'
import {
  ALL_DEVICES,
  asksSomething,
  DOTTED_VERSION,
  isFewAttributes,
  MAX_ATTRIBUTES,
  type MemberRules,
  type QueryRules,
  saysDevices,
} from './membership.ts'

const MAX_ATTRIBUTE_KEY = 63
const MAX_ATTRIBUTE_VALUE = 256

const ATTRIBUTE_KEY = /^[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?$/

export const AttributeKey = z.string().min(1).max(MAX_ATTRIBUTE_KEY).regex(ATTRIBUTE_KEY, {
  error: 'an attribute key starts and ends with a letter or digit, with letters, digits, ".", "_", "/" and "-" between',
})
const attributeText = z.string().max(MAX_ATTRIBUTE_VALUE)

/** A device's inventory. Numbers and booleans of the JSON become strings here, at the edge; inside, values are strings. */
export const DeviceAttributes = z
  .record(AttributeKey, z.union([z.string(), z.number(), z.boolean()]).transform(String).pipe(attributeText))
  .refine(isFewAttributes, { error: `a device has at most ${MAX_ATTRIBUTES} attributes` })
export type DeviceAttributes = z.infer<typeof DeviceAttributes>

const key = AttributeKey.describe('The device attribute asked about.')
const values = z.array(attributeText).min(1).max(1000)
const number = z
  .number()
  .describe(
    'Of Gt and Lt: a number. The attribute is compared as a decimal number; one that is no number never matches.',
  )
const version = z
  .string()
  .max(MAX_ATTRIBUTE_VALUE)
  .regex(DOTTED_VERSION, { error: 'a version is digits in segments parted by dots, such as 10.0.26100' })
  .describe(
    'Of VersionGte and VersionLt: a dotted version, such as 10.0.26100. Segments compare as numbers and a missing one counts as 0; an attribute that is no dotted version never matches.',
  )

export const Expression = z
  .discriminatedUnion('operator', [
    z.strictObject({
      key,
      operator: z.literal('In').describe('The attribute is one of the values.'),
      values: values.describe('Of In and NotIn: 1 to 1000 values, compared exactly and with case.'),
    }),
    z.strictObject({
      key,
      operator: z
        .literal('NotIn')
        .describe(
          'The attribute is none of the values. As in a Kubernetes label selector, a device that lacks the attribute matches too; add Exists to leave it out.',
        ),
      values: values.describe('Of In and NotIn: 1 to 1000 values, compared exactly and with case.'),
    }),
    z.strictObject({ key, operator: z.literal('Exists').describe('The device has the attribute.') }),
    z.strictObject({ key, operator: z.literal('DoesNotExist').describe('The device lacks the attribute.') }),
    z.strictObject({
      key,
      operator: z.literal('Gt').describe('The attribute is greater than the value.'),
      value: number,
    }),
    z.strictObject({ key, operator: z.literal('Lt').describe('The attribute is less than the value.'), value: number }),
    z.strictObject({
      key,
      operator: z.literal('Glob').describe('The whole attribute fits the pattern.'),
      value: attributeText
        .min(1)
        .describe('Of Glob: a pattern. `*` stands for any text, `?` for one character; case counts.'),
    }),
    z.strictObject({
      key,
      operator: z.literal('VersionGte').describe('The attribute is this version or a later one.'),
      value: version,
    }),
    z.strictObject({
      key,
      operator: z.literal('VersionLt').describe('The attribute is an earlier version.'),
      value: version,
    }),
  ])
  .check(onlyInCluster(EXPRESSION_IN_CLUSTER))
export type Expression = z.infer<typeof Expression>

const ASKS_NOTHING = `asks nothing: add matchLabels or matchExpressions (for every device, include ${ALL_DEVICES})`

export const Query = z
  .strictObject({
    matchLabels: z
      .record(AttributeKey, attributeText)
      .check(
        alsoInCluster(
          z.refine<Record<string, string>>(isFewAttributes, { error: `at most ${MAX_ATTRIBUTES} labels in a query` }),
          {
            keywords: { maxProperties: MAX_ATTRIBUTES },
            rules: [
              {
                rule: `self.all(key, size(key) <= ${MAX_ATTRIBUTE_KEY} && ${celMatches(ATTRIBUTE_KEY.source, 'key')})`,
                message: `an attribute key has 1 to ${MAX_ATTRIBUTE_KEY} characters; it starts and ends with a letter or digit, with letters, digits, ".", "_", "/" and "-" between`,
              },
            ],
          },
          'isFewAttributes',
        ),
      )
      .optional()
      .describe('Attributes that have exactly these values.'),
    matchExpressions: z.array(Expression).max(MAX_ATTRIBUTES).optional().describe('Conditions that all hold.'),
  })
  .check(
    alsoInCluster(
      z.refine<QueryRules>(asksSomething, { error: ASKS_NOTHING }),
      {
        rules: [
          {
            rule: '(has(self.matchLabels) && size(self.matchLabels) > 0) || (has(self.matchExpressions) && size(self.matchExpressions) > 0)',
            message: ASKS_NOTHING,
          },
        ],
      },
      'asksSomething',
    ),
  )
export type Query = z.infer<typeof Query>

export const CollectionName = z
  .string()
  .max(63)
  .regex(/^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/, { error: 'must be lower-case letters, digits and "-", e.g. all-servers' })
const names = z.array(CollectionName).max(1000).check(inNames())

export const CollectionSpec = z
  .strictObject({
    description: z.string().max(1024).optional().describe('What the collection is for, for people.'),
    limitedTo: CollectionName.optional().describe(
      'The limiting collection: nothing outside it is a member. Absent means all devices.',
    ),
    devices: z
      .array(z.string().min(1).max(256))
      .max(10_000)
      .optional()
      .describe('Direct rules: the ids of at most 10,000 devices. One that is not enrolled yet joins when it enrols.'),
    queries: z
      .array(Query)
      .max(100)
      .optional()
      .describe('A device that matches any of these queries is a member; the conditions within a query must all hold.'),
    include: names.optional().describe('Collections whose members are members too.'),
    exclude: names
      .optional()
      .describe('Collections whose members are never members, whatever other rules say. Looked at last.'),
  })
  .check(
    alsoInCluster(
      z.refine<MemberRules>(saysDevices, { error: 'says no devices: add queries, devices or include' }),
      {
        rules: [
          {
            rule: ['devices', 'queries', 'include']
              .map((rules) => `(has(self.${rules}) && size(self.${rules}) > 0)`)
              .join(' || '),
            message: 'says no devices: add queries, devices or include',
          },
        ],
      },
      'saysDevices',
    ),
  )
  .describe('Which devices: direct, query and include rules, inside a limiting collection, without the excluded ones.')
export type CollectionSpec = z.infer<typeof CollectionSpec>
