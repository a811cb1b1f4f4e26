// A test of declarations: a catalog slice, some devices, a clock that is moved, and what is expected at each instant. This is
// the one definition of the kind PolicyTest: type, validator, JSON Schema and reference page come from it.
import { z } from 'zod'
import { AttributeKey, CollectionName, DeviceAttributes } from '../model/collection.ts'
import { API_VERSION } from '../model/kinds.ts'
import { ObjectName } from '../model/plan.ts'
import { Duration, TimeZone } from '../model/recurrence.ts'
import { parseMoment } from '../model/times.ts'
import { Update } from '../model/update.ts'
import { DRAFT, plainSchema, type Schema } from '../sources/schema.ts'
import { Expect } from './expect.ts'

/** What one test may hold. */
export const MAX_TEST_DEVICES = 10_000
export const MAX_TESTS = 500
export const MAX_STEPS = 500
/** From `start` to the last step. */
export const MAX_TEST_DAYS = 3660

const MAX_ENTRIES = 1000
const texts = z.array(z.string().min(1).max(256)).min(1).max(MAX_ENTRIES)
const path = z.string().min(1).max(4096)

export const Moment = z
  .string({
    error: () => 'write an instant such as 2026-01-13T18:00:00Z, or a wall-clock time such as "2026-01-13T19:00"',
  })
  .refine((text) => parseMoment(text) !== undefined, {
    error: (issue) =>
      `"${String(issue.input).slice(0, 60)}" is no instant: write 2026-01-13T18:00:00Z, or a wall-clock time such as 2026-01-13T19:00`,
  })
  .describe('RFC 3339 (2026-01-13T18:00:00Z), or a wall-clock time (2026-01-13T19:00) in the `timeZone` of the spec.')
  .meta({ examples: ['2026-01-13T18:00:00Z', '2026-01-13T19:00'] })
export type Moment = z.infer<typeof Moment>

/** As in a feed; only `id` is needed. */
export const TestUpdate = z.strictObject({
  ...Update.shape,
  id: Update.shape.id.describe('Name of the update; one like KB5066835 is its article too.'),
  title: Update.shape.title.optional().describe('Default: the id.'),
  vendor: Update.shape.vendor.default('Test'),
  products: Update.shape.products.default(['Test']).describe('Default: one product, Test.'),
  classification: Update.shape.classification.default('Security Updates'),
  articleIds: Update.shape.articleIds.unwrap().optional().describe('Default: the id, where it is KB and digits.'),
  released: Moment.optional().describe('Before it, nobody knows of the update. Default: the start of the test.'),
  revised: Moment.optional(),
})
export type TestUpdate = z.infer<typeof TestUpdate>

const Failing = z.strictObject({
  updates: texts.describe('Ids or articles; `*` stands for any text.'),
  code: z
    .string()
    .regex(/^0x[0-9A-Fa-f]{8}$/, 'eight hexadecimal digits after 0x, e.g. 0x80070643')
    .default('0x80070643')
    .describe('The error that the device reports.'),
  message: z.string().max(512).optional(),
  during: z.enum(['Install', 'Download']).default('Install'),
  attempts: z.int().min(1).max(1000).optional().describe('So many attempts fail. Default: every one.'),
})

const Outage = z
  .strictObject({
    from: Moment,
    until: Moment,
    power: z
      .enum(['Off', 'On'])
      .default('Off')
      .describe('Off: the device does nothing. On: it is cut off, and goes on with the policy that it has.'),
  })
  .check(({ value, issues }) => {
    const [from, until] = [parseMoment(value.from), parseMoment(value.until)]
    if (from !== undefined && from.type === until?.type && until.at <= from.at)
      issues.push({ code: 'custom', input: value, path: ['until'], message: `must be after from (${value.from})` })
  })

export const TestDevice = z
  .strictObject({
    id: z
      .string()
      .min(1)
      .max(128)
      .optional()
      .describe('One device of this name.')
      .meta({ examples: ['pc-1'] }),
    prefix: z.string().min(1).max(100).optional().describe('Several devices, named by it and a number from 1: pc-1.'),
    count: z.int().min(1).max(MAX_TEST_DEVICES).optional().describe('How many, with `prefix`.'),
    attributes: DeviceAttributes.optional()
      .describe('What the device says of itself; `timeZone` is its time zone.')
      .meta({ examples: [{ ring: 'pilot', timeZone: 'Europe/Berlin' }] }),
    products: texts
      .optional()
      .describe('It needs updates of these products only; `*` stands for any text. Default: every update.'),
    installed: texts.optional().describe('Updates that are there at the start: ids or articles, `*` for any text.'),
    notRequired: texts.optional().describe('Updates that it has no use for.'),
    minutes: z.int().min(1).max(9999).optional().describe('How long an installation takes. Default 10.'),
    joins: Moment.optional().describe('When it enrols. Default: at the start.'),
    fails: z
      .array(z.union([z.string().min(1).max(256), Failing]))
      .min(1)
      .max(100)
      .optional()
      .describe('Updates that fail on it: an id or article, or with how they fail.')
      .meta({ examples: [['KB5066835'], [{ updates: ['KB5066835'], attempts: 1 }]] }),
    offline: z.array(Outage).min(1).max(100).optional().describe('When it cannot be reached.'),
  })
  .check(({ value, issues }) => {
    const wrong = (at: string[], message: string) => issues.push({ code: 'custom', input: value, path: at, message })
    if ((value.id === undefined) === (value.prefix === undefined)) wrong([], 'give exactly one of id and prefix')
    if (value.id !== undefined && value.count !== undefined) wrong(['count'], 'goes with prefix, not with id')
  })
export type TestDevice = z.infer<typeof TestDevice>

const Target = z.strictObject({ rollout: ObjectName, phase: ObjectName })
const Ref = z.strictObject({ kind: z.string().min(1).max(64), name: ObjectName })
const who = z.array(z.string().min(1).max(256)).min(1).max(MAX_ENTRIES).describe('Device ids; `*` for any text.')

export const ACTIONS = [
  'approve',
  'signal',
  'pause',
  'resume',
  'rollback',
  'evaluate',
  'declare',
  'objects',
  'remove',
  'change',
  'leave',
] as const

export const Action = z
  .strictObject({
    approve: Target.optional().describe('The go-ahead for a phase, as `ringmaster approve`.'),
    signal: Target.optional().describe('A signal for a phase that waits for one.'),
    pause: ObjectName.optional().describe('A rollout.'),
    resume: ObjectName.optional().describe('A rollout.'),
    rollback: ObjectName.optional().describe('A rollout.'),
    evaluate: ObjectName.optional().describe('A rule.'),
    declare: z
      .array(path)
      .min(1)
      .max(100)
      .optional()
      .describe('Files or folders, relative to this file: their objects come in, in place of those of the same name.'),
    objects: z
      .array(z.unknown())
      .min(1)
      .max(100)
      .optional()
      .describe('Objects as in a declaration: they come in, in place of those of the same name.'),
    remove: z.array(Ref).min(1).max(MAX_ENTRIES).optional().describe('Objects that go, as when a commit is reverted.'),
    change: z
      .strictObject({ devices: who, attributes: z.record(AttributeKey, z.string().max(256)) })
      .optional()
      .describe('Devices that say something else of themselves from now on.'),
    leave: who.optional().describe('Devices that are removed from the fleet.'),
    by: z.string().min(1).max(256).default('test').describe('Who gives the command.'),
    reason: z.string().min(1).max(1024).optional().describe('With pause and rollback.'),
  })
  .check(({ value, issues }) => {
    if (ACTIONS.filter((name) => value[name] !== undefined).length !== 1)
      issues.push({ code: 'custom', input: value, path: [], message: `give exactly one of ${ACTIONS.join(', ')}` })
  })
export type Action = z.infer<typeof Action>

export const Step = z
  .strictObject({
    name: z.string().min(1).max(256).optional().describe('For people.'),
    at: Moment.optional().describe('The clock is moved to this instant.'),
    after: Duration.optional()
      .describe('The clock is moved on by so much.')
      .meta({ examples: ['PT1H', 'P1D'] }),
    do: z
      .array(Action)
      .min(1)
      .max(100)
      .optional()
      .describe('What happens then: declarations first, then commands, then changes of devices.'),
    expect: Expect.optional().describe('What is so after that. What is left out is not looked at.'),
  })
  .check(({ value, issues }) => {
    if (value.at !== undefined && value.after !== undefined)
      issues.push({ code: 'custom', input: value, path: [], message: 'give at or after, not both' })
  })
export type Step = z.infer<typeof Step>

export const TestCase = z.strictObject({
  name: z.string().min(1).max(256).describe('What is so, in a sentence.'),
  start: Moment.describe('When the controller begins: declarations, catalog and devices are there from then on.'),
  updates: z.array(TestUpdate).min(1).max(MAX_ENTRIES).optional().describe('Added to those of the catalog.'),
  devices: z
    .array(TestDevice)
    .min(1)
    .max(MAX_ENTRIES)
    .optional()
    .describe('Added to those of the spec; one of the same id or prefix changes that one, field by field.'),
  steps: z.array(Step).min(1).max(MAX_STEPS).describe('In order of time.'),
})
export type TestCase = z.infer<typeof TestCase>

export const PolicyTestSpec = z.strictObject({
  description: z.string().max(4096).optional().describe('For people; changes nothing.'),
  declarations: z
    .array(path)
    .min(1)
    .max(100)
    .default(['.'])
    .describe('Files or folders of declarations, relative to this file. Default: the folder of this file.')
    .meta({ examples: [['.'], ['../rules', '../windows.yaml']] }),
  timeZone: TimeZone.default('UTC').describe('Of wall-clock times in this test.'),
  catalog: z
    .strictObject({
      source: ObjectName.optional().describe(
        'The declared UpdateSource that these updates come from. Needed where there are several.',
      ),
      feed: path.optional().describe('A feed file, relative to this file, in the format of the source.'),
      updates: z.array(TestUpdate).max(MAX_ENTRIES).default([]).describe('Updates, written out.'),
    })
    .prefault({})
    .describe('The updates there are. Feeds of declared sources are not read.'),
  devices: z.array(TestDevice).max(MAX_ENTRIES).default([]).describe('The devices of every test.'),
  every: Duration.default('PT15M').describe('How often devices fetch their policy and report, PT1M to P1D.'),
  tests: z.array(TestCase).min(1).max(MAX_TESTS),
})
export type PolicyTestSpec = z.infer<typeof PolicyTestSpec>

export const PolicyTest = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal('PolicyTest'),
  metadata: z.strictObject({ name: CollectionName }),
  spec: PolicyTestSpec,
})
export type PolicyTest = z.infer<typeof PolicyTest>

/** JSON Schema of a test file's documents, for editors. */
// A test is no declaration: nobody gives it to a controller.
export function policyTestSchema(): Schema {
  const schema = plainSchema(PolicyTest)
  return {
    $schema: DRAFT,
    title: 'PolicyTest',
    description: 'What `ringmaster test` checks: what declarations do, at each instant.',
    ...schema,
  }
}
