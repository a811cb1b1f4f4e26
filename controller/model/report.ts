// What a device says (semantics.md §8): the wire form of its reports, and the numbers of Configuration Manager's topics.
import { z } from 'zod'
import { DeviceAttributes } from './collection.ts'
import { MAX_MESSAGES_PER_REPORT, MAX_REPORTS_PER_REQUEST, MAX_UPDATES_PER_SCAN } from './limits.ts'
import { UpdateId } from './update.ts'

/** Topic 500, per device and update. */
export const COMPLIANCE_STATES = ['unknown', 'not required', 'required', 'installed'] as const
/** 0 unknown, 1 not required, 2 required, 3 installed. */
export type ComplianceState = 0 | 1 | 2 | 3

/** Topic 301, by number; index 0 stands for nothing reported. */
export const ENFORCEMENT_STATES = [
  'nothing reported',
  'installing',
  'waiting for restart',
  'waiting for another installation',
  'installed',
  'pending restart',
  'failed',
  'downloading',
  'downloaded',
  'failed to download',
  'waiting for maintenance window',
  'waiting for orchestration',
  'waiting for superseding update',
] as const
export type EnforcementState = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12

/** Whether topic 301 says that the update could not be put on the device. */
export function isFailure(state: EnforcementState): boolean {
  return state === 6 || state === 9
}

const updateIds = z.array(UpdateId).max(MAX_UPDATES_PER_SCAN).default([])

export const StateMessage = z.discriminatedUnion('topic', [
  z.strictObject({ topic: z.literal(500), update: UpdateId, state: z.literal([0, 1, 2, 3]) }),
  z.strictObject({
    topic: z.literal(301),
    update: UpdateId,
    state: z.literal([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
    code: z.string().max(32).optional().describe('The error, e.g. 0x80070643.'),
    message: z.string().max(512).optional(),
  }),
])
export type StateMessage = z.infer<typeof StateMessage>

/** A scan result in short: topic 500 for many updates at once. What it does not name stays as it was last reported. */
export const Scan = z.strictObject({ required: updateIds, installed: updateIds, notRequired: updateIds })
export type Scan = z.infer<typeof Scan>

export const DeviceReport = z.strictObject({
  sequence: z
    .int()
    .min(1)
    .describe("The device's own number: higher for each report. What is not newer than the last changes nothing."),
  at: z.iso
    .datetime({ offset: true })
    .transform((text) => Date.parse(text))
    .describe("By the device's clock: when what it says was so. Never taken to be later than its arrival."),
  attributes: DeviceAttributes.optional(),
  scan: Scan.optional(),
  messages: z.array(StateMessage).max(MAX_MESSAGES_PER_REPORT).optional(),
})
export type DeviceReport = z.infer<typeof DeviceReport>

/** The body of POST /v1/reports: what the device has to say, oldest first. */
export const ReportRequest = z.strictObject({ reports: z.array(DeviceReport).min(1).max(MAX_REPORTS_PER_REQUEST) })

/** The body of POST /v1/enrol. */
export const EnrolRequest = z.strictObject({
  device: z
    .string()
    .max(128)
    .regex(/^[A-Za-z0-9]([-A-Za-z0-9._]*[A-Za-z0-9])?$/, 'letters, digits, ".", "_" and "-", e.g. srv-042.example.com'),
  key: z.string().min(1).max(256).describe('A site key or a one-time key.'),
  attributes: DeviceAttributes,
})
