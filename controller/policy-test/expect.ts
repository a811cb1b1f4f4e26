// What a step of a policy test expects. Every part may be left out, and what is left out is not looked at.
import { z } from 'zod'
import { CollectionName } from '../model/collection.ts'
import { parseComparison } from '../model/criterion.ts'
import { isDecisionType } from '../model/facts.ts'
import { ObjectName } from '../model/plan.ts'
import { REASONS } from '../model/reasons.ts'
import { STATUS_REASONS } from '../model/status-reasons.ts'
import { parseMoment } from '../model/times.ts'

const MAX_ENTRIES = 1000
const many = <T extends z.ZodType>(item: T) => z.array(item).max(MAX_ENTRIES)
const updates = many(z.string().min(1).max(256)).meta({ examples: [['KB5066835']] })
const message = z.string().min(1).max(1024).describe('A part of the message.')

const Count = z
  .union([
    z.int().min(0),
    z
      .string()
      .max(64)
      .refine((text) => parseComparison(text) !== undefined, {
        error: 'must be a number or a comparison such as ">=1", "<40" or "10..20"',
      }),
  ])
  .describe('A number, or a comparison such as ">=1", "<40" or "10..20".')
  .meta({ examples: [10, '>=1', '10..20'] })
export type Count = z.infer<typeof Count>

export const Time = z
  .string({ error: () => 'write an instant in quotes, such as "2026-01-13T18:00:00Z"' })
  .refine((text) => isTime(text), {
    error: (issue) =>
      `"${String(issue.input).slice(0, 80)}" is no time: write an instant or wall-clock time, two of them parted by "/", or Never`,
  })
  .describe(
    'An instant (2026-01-13T18:00:00Z), a wall-clock time (2026-01-13T19:00; of a device: on its own clock), two of them parted by "/" for anything between, both included, or Never.',
  )
  .meta({ examples: ['2026-01-13T18:00:00Z', '2026-01-13T19:00', '2026-01-13T19:00/2026-01-13T21:00', 'Never'] })
export type Time = z.infer<typeof Time>

const reasons = [...new Set([...Object.keys(REASONS), ...Object.keys(STATUS_REASONS)])].sort()
const Reason = z
  .string()
  .refine((text) => reasons.includes(text), { error: 'is no reason: docs/reference/reasons.md lists them' })
  .describe('One of docs/reference/reasons.md.')
  .meta({ examples: ['GateOpen', 'Soaking', 'FailureThreshold'] })

const Rejected = z.strictObject({
  update: z.string().min(1).max(256),
  because: z
    .string()
    .min(1)
    .max(64)
    .optional()
    .describe('A criterion that it does not meet: a property such as products or released, state, superseded, or held.')
    .meta({ examples: ['released', 'products', 'superseded', 'held'] }),
})

const ExpectRule = z
  .strictObject({
    rule: ObjectName,
    selects: updates.optional().describe('Updates that it would select now.'),
    rejects: many(z.union([z.string().min(1).max(256), Rejected]))
      .optional()
      .describe('Updates that it would not select now, and why not.'),
    count: Count.optional().describe('How many it would select now.'),
    state: z.enum(['Ready', 'Waiting', 'Stalled']).optional(),
    reason: Reason.optional(),
    message: message.optional(),
    next: Time.optional().describe('When it is evaluated next.'),
  })
  .describe('A rule, and its criteria against the catalog as it is now.')
export type ExpectRule = z.infer<typeof ExpectRule>

const ExpectPhase = z.strictObject({
  name: ObjectName,
  state: z.enum(['Waiting', 'AwaitingApproval', 'Skipped', 'Active', 'Halted', 'Succeeded']).optional(),
  devices: Count.optional(),
  compliant: Count.optional(),
  failed: Count.optional(),
  unknown: Count.optional(),
  approved: z.boolean().optional().describe('Whether its devices are offered the updates.'),
  available: Time.optional(),
  deadline: Time.optional(),
  soakUntil: Time.optional(),
})
export type ExpectPhase = z.infer<typeof ExpectPhase>

const ExpectRollout = z
  .strictObject({
    rollout: ObjectName.optional()
      .describe('By name.')
      .meta({ examples: ['monthly-20260113'] }),
    rule: ObjectName.optional().describe('The newest rollout of this rule, in place of a name.'),
    exists: z.boolean().optional().describe('false: there is no such rollout.'),
    state: z.enum(['Planned', 'Progressing', 'Halted', 'Succeeded', 'RolledBack', 'Superseded', 'Declared']).optional(),
    paused: z.boolean().optional(),
    updates: updates.optional().describe('What its group contains.'),
    reason: Reason.optional().describe('What it waits for, or how it ended.'),
    message: message.optional(),
    until: Time.optional().describe('Until when it waits.'),
    phases: many(ExpectPhase).optional(),
  })
  .check(({ value, issues }) => {
    if ((value.rollout === undefined) === (value.rule === undefined))
      issues.push({ code: 'custom', input: value, path: [], message: 'give exactly one of rollout and rule' })
  })
export type ExpectRollout = z.infer<typeof ExpectRollout>

const UPDATE_FIELDS = ['offered', 'action', 'available', 'deadline', 'start', 'status', 'reason', 'message'] as const

const ExpectDevice = z
  .strictObject({
    device: z
      .string()
      .min(1)
      .max(128)
      .describe('A device id; with `*`, each device that fits.')
      .meta({ examples: ['pc-1', 'pc-*'] }),
    offers: updates.optional().describe('Updates that are approved for it and not installed yet.'),
    withholds: updates.optional().describe('Updates that it is not offered.'),
    installed: updates.optional().describe('Updates that it has reported as installed.'),
    collections: many(CollectionName).optional().describe('Collections that it is in.'),
    update: z.string().min(1).max(256).optional().describe('One update, for the fields that follow.'),
    offered: z.boolean().optional().describe('Whether it is offered.'),
    action: z.enum(['Install', 'Uninstall']).optional(),
    available: Time.optional(),
    deadline: Time.optional().describe("With the device's share of the spread."),
    start: Time.optional().describe('The earliest instant from now on at which it may start.'),
    status: z.enum(['unknown', 'not required', 'required', 'installed']).optional().describe('As last reported.'),
    reason: Reason.optional().describe('The verdict of `ringmaster explain`.'),
    message: message.optional(),
  })
  .check(({ value, issues }) => {
    const [field] = UPDATE_FIELDS.filter((name) => value[name] !== undefined)
    if (field !== undefined && value.update === undefined)
      issues.push({ code: 'custom', input: value, path: [], message: `${field} is about one update: add update` })
  })
export type ExpectDevice = z.infer<typeof ExpectDevice>

const ExpectDecision = z.strictObject({
  type: z
    .string()
    .refine(isDecisionType, { error: 'is no type of decision: docs/guides/simulate.md lists them' })
    .meta({ examples: ['RuleEvaluated', 'PhaseStarted', 'PhaseHalted', 'RolloutRolledBack'] }),
  rule: ObjectName.optional(),
  rollout: ObjectName.optional(),
  phase: ObjectName.optional(),
  hold: ObjectName.optional(),
  reason: Reason.optional(),
  message: message.optional(),
  updates: Count.optional(),
  devices: Count.optional(),
  at: Time.optional(),
})
export type ExpectDecision = z.infer<typeof ExpectDecision>

const ExpectCompliance = z.strictObject({
  update: z.string().min(1).max(256),
  collection: CollectionName.optional().describe('Among these devices. Default: all.'),
  installed: Count.optional(),
  required: Count.optional(),
  notRequired: Count.optional(),
  unknown: Count.optional(),
  failed: Count.optional(),
})
export type ExpectCompliance = z.infer<typeof ExpectCompliance>

const ExpectCollection = z.strictObject({
  collection: CollectionName,
  count: Count.optional(),
  has: many(z.string().min(1).max(128)).optional(),
  lacks: many(z.string().min(1).max(128)).optional(),
})
export type ExpectCollection = z.infer<typeof ExpectCollection>

export const Expect = z.strictObject({
  exact: z
    .boolean()
    .optional()
    .describe('Lists are complete: nothing else is selected, offered, decided, or going out. Default false.'),
  nothing: z.literal(true).optional().describe('Nothing was decided since the step before.'),
  decisions: many(ExpectDecision)
    .optional()
    .describe('What was decided since the step before, in this order; others may stand between.'),
  rules: many(ExpectRule).optional(),
  rollouts: many(ExpectRollout).optional(),
  devices: many(ExpectDevice).optional(),
  compliance: many(ExpectCompliance).optional(),
  collections: many(ExpectCollection).optional(),
})
export type Expect = z.infer<typeof Expect>

export const NEVER = 'Never'

function isTime(text: string): boolean {
  if (text === NEVER) return true
  const parts = text.split('/')
  return parts.length <= 2 && parts.every((part) => parseMoment(part) !== undefined)
}
