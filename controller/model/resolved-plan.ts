// What follows from the settings of a plan (plan.ts): every default filled in, and thresholds that contradict each other.
import type { DeploymentSettings, Phase, Plan } from './plan.ts'

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

export type Thresholds = {
  readonly successPercent?: number | undefined
  readonly successCount?: number | undefined
  readonly failurePercent?: number | undefined
}

/** What is wrong with the thresholds of a phase together. */
export function thresholdErrors({ successPercent, successCount, failurePercent }: Thresholds) {
  const errors: { readonly path: string; readonly message: string }[] = []
  if (successPercent !== undefined && successCount !== undefined)
    errors.push({ path: 'successCount', message: 'give successPercent or successCount, not both' })
  const most = 100 - (successPercent ?? 0)
  if (failurePercent !== undefined && successPercent !== undefined && most >= 0 && failurePercent > most)
    errors.push({
      path: 'failurePercent',
      message: `at most ${most}: with successPercent ${successPercent}, more failures than that can never succeed`,
    })
  return errors
}
