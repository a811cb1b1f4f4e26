// What a simulation plays through: which devices there are, how they behave, and what people do meanwhile. One YAML
// document of kind Scenario; this is its one definition, and how a file of it is read.
import { z } from 'zod'
import { CollectionName, DeviceAttributes, Query } from '../model/collection.ts'
import type { Problem } from '../model/declared.ts'
import { API_VERSION } from '../model/kinds.ts'
import { ObjectName } from '../model/plan.ts'
import { Duration, FreezeTimes, TimeZone } from '../model/recurrence.ts'
import { readSingle } from '../sources/read-single.ts'

/** Devices of one scenario, over all groups. */
export const MAX_SIMULATED_DEVICES = 1_000_000

const MAX_ENTRIES = 1000

const Instant = z.iso
  .datetime({ offset: true })
  .transform((text) => Date.parse(text))
  .describe('RFC 3339, such as 2026-01-31T18:00:00Z.')

const Percent = z
  .number()
  .min(0)
  .max(100)
  .refine((value) => Math.abs(value * 100 - Math.round(value * 100)) < 1e-6, {
    error: 'at most two digits after the point, such as 0.25',
  })
  .describe('0 to 100, with at most two digits after the point.')

/** What is left out means every device. */
const Who = {
  match: Query.optional().describe('Only devices whose attributes match, as in the query of a Collection.'),
  devices: z.array(z.string().min(1).max(256)).min(1).max(10_000).optional().describe('Only these, by id.'),
  percent: Percent.default(100).describe('Only this part of them, drawn by the seed.'),
}

const Weighted = z.strictObject({ value: z.string().max(256), weight: z.int().min(1).max(10_000).default(1) })
const WeightedZone = z.strictObject({ zone: TimeZone, weight: z.int().min(1).max(10_000).default(1) })

export const DeviceGroup = z.strictObject({
  prefix: z
    .string()
    .max(100)
    .regex(/^[A-Za-z0-9][-A-Za-z0-9._]*$/, 'letters, digits, ".", "_" and "-", e.g. pc-')
    .describe('Devices are named by it and a number: pc-0001.'),
  count: z.int().min(1).max(MAX_SIMULATED_DEVICES),
  attributes: DeviceAttributes.default({}).describe('The same on each device of the group.'),
  vary: z
    .record(z.string(), z.array(Weighted).min(1).max(100))
    .default({})
    .describe('Attributes that differ from device to device: values with weights.'),
  timeZones: z
    .array(WeightedZone)
    .min(1)
    .max(100)
    .default([{ zone: 'UTC', weight: 1 }])
    .describe('Attribute timeZone, by weights. Default UTC.'),
  joins: Instant.optional().describe('When the devices enrol. Default: at the start.'),
})
export type DeviceGroup = z.infer<typeof DeviceGroup>

const Lasts = z
  .strictObject({ min: Duration, max: Duration })
  .check((context) => {
    const { min, max } = context.value
    if (minutesOf(max) < minutesOf(min))
      context.issues.push({
        code: 'custom',
        input: max,
        path: ['max'],
        message: `must not be shorter than min (${min})`,
      })
  })
  .describe('Drawn evenly between the two, in whole minutes.')

const Globs = z.array(z.string().min(1).max(1024)).min(1).max(MAX_ENTRIES)

const Failure = z
  .strictObject({
    updates: Globs.optional().describe('By update id; `*` stands for any text.'),
    articleIds: Globs.optional().describe('By article, e.g. KB5066835.'),
    ...Who,
    code: z
      .string()
      .regex(/^0x[0-9A-Fa-f]{8}$/, 'eight hexadecimal digits after 0x, e.g. 0x80070643')
      .default('0x80070643')
      .describe('The error that the device reports. Default 0x80070643, the installer failed.'),
    message: z.string().max(512).optional(),
    during: z.enum(['Install', 'Download']).default('Install'),
    attempts: z
      .int()
      .min(1)
      .max(1000)
      .optional()
      .describe('So many attempts fail, the next one succeeds. Default: every attempt fails.'),
    from: Instant.optional().describe('Attempts before this instant do not fail.'),
    until: Instant.optional().describe('Attempts from this instant on do not fail.'),
  })
  .check((context) => {
    if (context.value.updates === undefined && context.value.articleIds === undefined)
      context.issues.push({ code: 'custom', input: context.value, path: [], message: 'give updates or articleIds' })
  })
export type Failure = z.infer<typeof Failure>

const Offline = z
  .strictObject({
    ...Who,
    times: FreezeTimes.describe('from and until, or schedule and duration, as in a Freeze. DeviceLocal is allowed.'),
    power: z
      .enum(['Off', 'On'])
      .default('Off')
      .describe('Off: the device does nothing. On: it is only cut off, and goes on with the policy that it has.'),
  })
  .describe('Devices that cannot be reached for a while.')

const Target = z.strictObject({ rollout: ObjectName, phase: ObjectName })
const COMMANDS = ['approve', 'signal', 'pause', 'resume', 'rollback', 'evaluate'] as const

const CommandAt = z
  .strictObject({
    at: Instant,
    by: z.string().min(1).max(256).default('scenario'),
    reason: z.string().min(1).max(1024).optional().describe('With pause and rollback.'),
    approve: Target.optional(),
    signal: Target.optional(),
    pause: ObjectName.optional().describe('A rollout.'),
    resume: ObjectName.optional().describe('A rollout.'),
    rollback: ObjectName.optional().describe('A rollout.'),
    evaluate: ObjectName.optional().describe('A rule.'),
  })
  .check((context) => {
    if (COMMANDS.filter((name) => context.value[name] !== undefined).length !== 1)
      context.issues.push({
        code: 'custom',
        input: context.value,
        path: [],
        message: `give exactly one of ${COMMANDS.join(', ')}`,
      })
  })
export type CommandAt = z.infer<typeof CommandAt>

const ChangeAt = z
  .strictObject({
    at: Instant,
    ...Who,
    attributes: DeviceAttributes.optional().describe('Take these values, and keep their other attributes.'),
    remove: z.literal(true).optional().describe('Leave the fleet.'),
  })
  .check((context) => {
    if ((context.value.attributes === undefined) === (context.value.remove === undefined))
      context.issues.push({ code: 'custom', input: context.value, path: [], message: 'give attributes or remove' })
  })
export type ChangeAt = z.infer<typeof ChangeAt>

const many = <T extends z.ZodType>(item: T) => z.array(item).max(MAX_ENTRIES).default([])

export const ScenarioSpec = z.strictObject({
  description: z.string().max(4096).optional().describe('For people; changes nothing.'),
  seed: z.int().min(0).max(4_294_967_295).default(1).describe('What chance does. --seed overrides it.'),
  devices: z
    .array(DeviceGroup)
    .min(1)
    .max(MAX_ENTRIES)
    .refine((groups) => groups.reduce((sum, { count }) => sum + count, 0) <= MAX_SIMULATED_DEVICES, {
      error: `at most ${MAX_SIMULATED_DEVICES} devices in all groups together`,
    })
    .refine((groups) => new Set(groups.map(({ prefix }) => prefix)).size === groups.length, {
      error: 'two groups have the same prefix: their devices would have the same names',
    }),
  reporting: z
    .strictObject({
      every: Duration.default('PT4H').describe('How often a device fetches its policy. At least PT1M, at most P1D.'),
      jitter: Duration.default('PT0S').describe('Each time so much later at most. Less than `every`.'),
      messagesEvery: Duration.default('PT15M').describe('How long state messages are gathered before they are sent.'),
    })
    .prefault({})
    .check((context) => {
      const { every, jitter } = context.value
      const wrong = (path: string, message: string) =>
        context.issues.push({ code: 'custom', input: context.value, path: [path], message })
      if (minutesOf(every) < 1 || minutesOf(every) > 1440) wrong('every', 'must be from PT1M to P1D')
      else if (minutesOf(jitter) >= minutesOf(every)) wrong('jitter', `must be shorter than every (${every})`)
    }),
  patchedUntil: Instant.optional().describe(
    'Devices have every update released before this instant already. Default: the start.',
  ),
  products: many(
    z.strictObject({
      match: Query.optional(),
      products: Globs.describe('Names of products; `*` stands for any text.'),
    }),
  ).describe(
    'Which products devices have: an update is required where one of its products is there. All entries that match are united. Without any entry every device has every product.',
  ),
  install: z
    .strictObject({
      download: Lasts.prefault({ min: 'PT1M', max: 'PT20M' }),
      lasts: Lasts.optional().describe('Default: a tenth to a half of the max run time of the update.'),
      restart: Lasts.prefault({ min: 'PT2M', max: 'PT5M' }),
      mayRequireRestartPercent: Percent.default(50).describe('How often MayRequire and Unknown become a restart.'),
      retryAfter: Duration.default('PT4H').describe('From a failed attempt to the next.'),
      attempts: z.int().min(1).max(1000).default(3).describe('After so many failed ones a device gives up.'),
      personRestarts: Duration.default('P7D').describe(
        'Where a deployment suppresses restarts, people restart the device by themselves within this time.',
      ),
    })
    .prefault({}),
  failures: many(Failure).describe('Updates that fail. The first entry that applies counts.'),
  offline: many(Offline),
  changes: many(ChangeAt).describe('Devices that get other attributes, or leave.'),
  commands: many(CommandAt).describe('What people do.'),
  declarations: many(
    z.strictObject({ at: Instant, path: z.string().min(1).max(4096).describe('A directory, relative to this file.') }),
  ).describe('Edits of the declarations: from an instant on, those of another directory are in force.'),
})
export type ScenarioSpec = z.infer<typeof ScenarioSpec>

export const Scenario = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal('Scenario'),
  metadata: z.strictObject({ name: CollectionName }).optional(),
  spec: ScenarioSpec,
})
export type Scenario = z.infer<typeof Scenario>

/** JSON Schema of a scenario file, for editors. */
// A scenario is no kind: nobody declares it to a controller.
export function scenarioSchema() {
  const { $schema, ...schema } = z.toJSONSchema(Scenario, { target: 'draft-2020-12', io: 'input' })
  return {
    $schema,
    title: 'Scenario',
    description: 'What `ringmaster simulate` plays declarations against.',
    ...schema,
  }
}

export type ScenarioRead =
  | { readonly type: 'Scenario'; readonly scenario: Scenario }
  | { readonly type: 'Problems'; readonly problems: readonly Problem[] }

/** Reads the text of one file, which has one document. All problems at once, with their places. */
export function readScenario(file: string, text: Uint8Array | string): ScenarioRead {
  const read = readSingle(Scenario, 'Scenario', file, text)
  return read.type === 'Read' ? { type: 'Scenario', scenario: read.value } : read
}

/** Whole minutes of a duration, rounded down. */
export function minutesOf(duration: string): number {
  return Math.floor(Temporal.Duration.from(duration).total({ unit: 'minutes' }))
}
