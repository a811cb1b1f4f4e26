// How a group goes out: deployment settings, phases and gates (semantics.md §3, §5, §6). Rules, templates and rollouts
// share these fields; a template's value stands in where a rule has none, then the defaults of `resolvePlan`.
import { z } from 'zod'
import { alsoInCluster, onlyInCluster } from './cluster-rules.ts'
import { MAX_PHASES } from './limits.ts'
import { Duration } from './recurrence.ts'
import { type Thresholds, thresholdErrors } from './resolved-plan.ts'

export const ObjectName = z
  .string()
  .max(63)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'must be lower-case letters, digits and "-", e.g. patch-tuesday')

const percent = z.int().min(0).max(100)

const OutsideWindow = z
  .strictObject({
    install: z.boolean().optional().describe('Install at the deadline without a window. Default false.'),
    restart: z.boolean().optional().describe('Restart at the deadline without a window. Default false.'),
  })
  .describe('What the deployment may do at its deadline outside every maintenance window.')

/** Deployment settings as written; what is absent comes from the template, then from the default named here. */
export const DeploymentSettings = z.strictObject({
  availableAfter: Duration.optional().describe(
    'From the scheduled instant of the evaluation (in later phases: from the start of the phase) until the updates are available. Default PT0S.',
  ),
  deadlineAfter: Duration.optional().describe('From available until the deadline. Default P7D.'),
  timeBasis: z
    .enum(['UTC', 'DeviceLocal'])
    .optional()
    .describe('UTC: one instant everywhere. DeviceLocal: the same wall-clock on each device. Default UTC.'),
  spread: Duration.optional().describe(
    'Deadlines are spread over this long by a stable hash of the device, at most PT2H. PT0S: none. Default PT2H.',
  ),
  restart: z
    .enum(['Allow', 'Suppress'])
    .optional()
    .describe('Suppress: the device never restarts by itself for these updates. Default Allow.'),
  outsideWindow: OutsideWindow.optional(),
  useAllDeploymentsWindows: z
    .boolean()
    .optional()
    .describe('Use windows for AllDeployments too where a device has windows for SoftwareUpdates. Default false.'),
  urgent: z.boolean().optional().describe('Pass freezes. Only for what cannot wait. Default false.'),
})
export type DeploymentSettings = z.infer<typeof DeploymentSettings>

export const Phase = z
  .strictObject({
    name: ObjectName.describe('Unique in the rollout.'),
    collection: ObjectName.describe('The collection whose devices this phase updates, less those of earlier phases.'),
    percent: percent
      .min(1)
      .optional()
      .describe('Only this part of the collection, by a stable hash of the device: a device never leaves its ring.'),
    gradual: z
      .strictObject({ over: Duration.describe('In equal daily parts, P1D to P30D.') })
      .optional()
      .describe(
        'Make the updates available in equal daily parts; each device keeps its time from available to deadline.',
      ),
    successPercent: percent
      .min(1)
      .optional()
      .describe('Compliant devices of all targets, unknown ones included. Default 95.'),
    successCount: z.int().min(1).optional().describe('Compliant devices, as a number, in place of successPercent.'),
    soak: Duration.optional().describe(
      'How long the success threshold must have been met without a break. Default P1D.',
    ),
    failurePercent: percent
      .optional()
      .describe('Halt when strictly more targets than this have failed. Default: what successPercent leaves over.'),
    failureCount: z.int().min(0).optional().describe('Halt when strictly more devices than this have failed.'),
    onHalt: z
      .enum(['Pause', 'Rollback'])
      .optional()
      .describe('What the failure gate does here. Default: the onHalt of the whole rollout.'),
    promotion: z
      .enum(['Automatic', 'Manual', 'Signal'])
      .optional()
      .describe(
        'What starts the next phase after success and soak. Manual: a PhaseApproval or `ringmaster approve`. Default Automatic.',
      ),
    whenEmpty: z.enum(['Halt', 'Skip']).optional().describe('What a phase without devices does. Default Halt.'),
    timeout: Duration.optional().describe('Halt when the threshold has not been met this long after the start.'),
    deployment: DeploymentSettings.optional().describe(
      'Settings that differ in this phase; the others are those of the whole plan.',
    ),
  })
  .check(
    alsoInCluster(
      z.check<Thresholds>((context) => {
        for (const { path, message } of thresholdErrors(context.value))
          context.issues.push({ code: 'custom', input: context.value, path: [path], message })
      }),
      {
        rules: [
          {
            rule: '!has(self.successPercent) || !has(self.successCount)',
            message: 'give successPercent or successCount, not both',
            fieldPath: '.successCount',
          },
          {
            rule: '!has(self.successPercent) || !has(self.failurePercent) || self.failurePercent <= 100 - self.successPercent',
            message: 'at most 100 less successPercent: more failures than that can never succeed',
            fieldPath: '.failurePercent',
          },
        ],
      },
      'isPhase',
    ),
  )
export type Phase = z.infer<typeof Phase>

export const planFields = {
  deployment: DeploymentSettings.optional().describe(
    'When the updates are available and due, and what devices may do then.',
  ),
  phases: z
    .array(Phase)
    .min(1)
    .max(MAX_PHASES)
    .check(onlyInCluster({ keywords: { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] } }))
    .optional()
    .describe('In order: each starts when the one before has passed its gate. At most 12.'),
  onHalt: z
    .enum(['Pause', 'Rollback'])
    .optional()
    .describe(
      'What the failure gate does: stop offering, or roll the whole rollout back. An empty phase or a timeout only stops. Default Pause.',
    ),
  onNewer: z
    .enum(['Replace', 'Queue', 'Parallel'])
    .optional()
    .describe('What happens to an unfinished rollout of the same rule when a newer one comes. Default Replace.'),
  newDevices: z
    .enum(['Join', 'Last'])
    .optional()
    .describe(
      'Devices that join a collection after its phase started: join that phase, or the last one. Default Join.',
    ),
  rollback: z
    .strictObject({
      uninstall: z
        .boolean()
        .optional()
        .describe('Approve Uninstall for what can be uninstalled, where it is installed. Default false.'),
    })
    .optional()
    .describe('What a rollback does besides unapproving.'),
} as const

export const Plan = z.strictObject(planFields)
export type Plan = z.infer<typeof Plan>
