// How a group goes out: deployment settings, phases and gates (semantics.md §3, §5, §6). Rules, templates and rollouts
// share these fields; a template's value stands in where a rule has none, then the defaults of `resolvePlan`.
import { z } from 'zod'
import { alsoInCluster, onlyInCluster } from './cluster-rules.ts'
import { MAX_PHASES } from './limits.ts'
import { Duration } from './recurrence.ts'

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

type Thresholds = {
  successPercent?: number | undefined
  successCount?: number | undefined
  failurePercent?: number | undefined
}

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
        const { successPercent, successCount, failurePercent } = context.value
        if (successPercent !== undefined && successCount !== undefined)
          context.issues.push(problem(context.value, ['successCount'], 'give successPercent or successCount, not both'))
        const most = 100 - (successPercent ?? 0)
        if (failurePercent !== undefined && successPercent !== undefined && most >= 0 && failurePercent > most)
          context.issues.push(
            problem(
              context.value,
              ['failurePercent'],
              `at most ${most}: with successPercent ${successPercent}, more failures than that can never succeed`,
            ),
          )
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

/** A plan with every default filled in: what a rollout carries from its start to its end. */
export type ResolvedPlan = {
  readonly phases: readonly ResolvedPhase[]
  readonly onNewer: 'Replace' | 'Queue' | 'Parallel'
  readonly newDevices: 'Join' | 'Last'
  readonly uninstallOnRollback: boolean
  /** The IANA zone whose wall-clock `timeBasis: DeviceLocal` carries over to each device. */
  readonly zone: string
}
export type ResolvedPhase = {
  readonly name: string
  readonly collection: string
  readonly percent: number
  readonly gradualOver?: string
  readonly success: Threshold
  /** Halts when any of these is strictly exceeded. */
  readonly failure: readonly Threshold[]
  readonly soak: string
  readonly onHalt: 'Pause' | 'Rollback'
  readonly promotion: 'Automatic' | 'Manual' | 'Signal'
  readonly whenEmpty: 'Halt' | 'Skip'
  readonly timeout?: string
  readonly deployment: ResolvedDeployment
}
export type Threshold = { readonly type: 'Percent' | 'Count'; readonly value: number }
export type ResolvedDeployment = {
  readonly availableAfter: string
  readonly deadlineAfter: string
  readonly timeBasis: 'UTC' | 'DeviceLocal'
  readonly spread: string
  readonly restart: 'Allow' | 'Suppress'
  readonly outsideWindow: { readonly install: boolean; readonly restart: boolean }
  readonly useAllDeploymentsWindows: boolean
  readonly urgent: boolean
}

/** Fills in what the plan leaves out, from the template and then from the defaults. Phases are taken whole from one of the two. */
export function resolvePlan(plan: Plan, template: Plan = {}, zone = 'UTC'): ResolvedPlan {
  const onHalt = plan.onHalt ?? template.onHalt ?? 'Pause'
  const deployment = mergeSettings(template.deployment, plan.deployment)
  return {
    phases: (plan.phases ?? template.phases ?? []).map((phase) => resolvePhase(phase, deployment, onHalt)),
    onNewer: plan.onNewer ?? template.onNewer ?? 'Replace',
    newDevices: plan.newDevices ?? template.newDevices ?? 'Join',
    uninstallOnRollback: plan.rollback?.uninstall ?? template.rollback?.uninstall ?? false,
    zone,
  }
}

function resolvePhase(phase: Phase, deployment: DeploymentSettings, onHalt: 'Pause' | 'Rollback'): ResolvedPhase {
  const success: Threshold =
    phase.successCount === undefined
      ? { type: 'Percent', value: phase.successPercent ?? 95 }
      : { type: 'Count', value: phase.successCount }
  return {
    name: phase.name,
    collection: phase.collection,
    percent: phase.percent ?? 100,
    ...(phase.gradual && { gradualOver: phase.gradual.over }),
    success,
    failure: failureThresholds(phase, success),
    soak: phase.soak ?? 'P1D',
    onHalt: phase.onHalt ?? onHalt,
    promotion: phase.promotion ?? 'Automatic',
    whenEmpty: phase.whenEmpty ?? 'Halt',
    ...(phase.timeout !== undefined && { timeout: phase.timeout }),
    deployment: resolveSettings(mergeSettings(deployment, phase.deployment)),
  }
}

// Without a stated limit the phase halts once so many have failed that it can no longer succeed.
function failureThresholds(phase: Phase, success: Threshold): Threshold[] {
  const stated: Threshold[] = []
  if (phase.failurePercent !== undefined) stated.push({ type: 'Percent', value: phase.failurePercent })
  if (phase.failureCount !== undefined) stated.push({ type: 'Count', value: phase.failureCount })
  if (stated.length > 0) return stated
  return [{ type: 'Percent', value: success.type === 'Percent' ? 100 - success.value : 5 }]
}

function mergeSettings(base: DeploymentSettings = {}, over: DeploymentSettings = {}): DeploymentSettings {
  return { ...base, ...over, outsideWindow: { ...base.outsideWindow, ...over.outsideWindow } }
}

function resolveSettings(settings: DeploymentSettings): ResolvedDeployment {
  return {
    availableAfter: settings.availableAfter ?? 'PT0S',
    deadlineAfter: settings.deadlineAfter ?? 'P7D',
    timeBasis: settings.timeBasis ?? 'UTC',
    spread: settings.spread ?? 'PT2H',
    restart: settings.restart ?? 'Allow',
    outsideWindow: {
      install: settings.outsideWindow?.install ?? false,
      restart: settings.outsideWindow?.restart ?? false,
    },
    useAllDeploymentsWindows: settings.useAllDeploymentsWindows ?? false,
    urgent: settings.urgent ?? false,
  }
}

function problem(input: unknown, path: string[], message: string) {
  return { code: 'custom' as const, input, path, message }
}
