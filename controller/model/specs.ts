// The declared objects (architecture.md, "The declared objects"). This is the one definition of each kind: its
// TypeScript type, validators, JSON Schema, CRD and reference page all come from here.
import { z } from 'zod'
import { alsoInCluster, type ClusterRule, celMatches, onlyInCluster, re2 } from './cluster-rules.ts'
import { CollectionSpec } from './collection.ts'
import { Criteria, HAS_CRITERION_IN_CLUSTER } from './criteria.ts'
import { inNames } from './distinct.ts'
import { GitSourceSpec } from './git-source.ts'
import type { Kind } from './kinds.ts'
import { MAX_UPDATES_PER_GROUP } from './limits.ts'
import { holdsSomething, isFromOnePlace, isWebAddress, WEB_ADDRESS } from './plain-checks.ts'
import { ObjectName, Plan, planFields } from './plan.ts'
import { Duration, FreezeTimes, MaintenanceWindowTimes, Recurrence } from './recurrence.ts'
import { DEVICE_LOCAL } from './times.ts'
import { UpdateId } from './update.ts'

const description = z.string().max(1024).optional().describe('For people; changes nothing.')
const collections = z.array(ObjectName).min(1).max(1000).check(inNames())

const HAS_PHASES = {
  rules: [
    {
      rule: 'has(self.phases) || has(self.template)',
      message: 'no phases are named: add phases: [{name: pilot, collection: …}], or a template that has them',
    },
  ],
}

export const MaintenanceWindowSpec = MaintenanceWindowTimes.safeExtend({
  description,
  collections: collections.describe('The windows of all collections that a device is in are united.'),
  appliesTo: z
    .enum(['AllDeployments', 'SoftwareUpdates'])
    .default('AllDeployments')
    .describe('A device with any SoftwareUpdates window ignores its AllDeployments windows.'),
})
export type MaintenanceWindowSpec = z.infer<typeof MaintenanceWindowSpec>

export const FreezeSpec = FreezeTimes.safeExtend({
  description,
  collections: collections.optional().describe('Default: every device.'),
  reason: z.string().min(1).max(1024).describe('Why; shown wherever something waits for the freeze.'),
})
export type FreezeSpec = z.infer<typeof FreezeSpec>

const ONCE_FOR_ALL = 'a rule is evaluated once for all devices: write an IANA time zone, such as Europe/Berlin, or UTC'

export const AutomaticDeploymentRuleSpec = z
  .strictObject({
    description,
    template: ObjectName.optional().describe(
      'A DeploymentTemplate whose values stand in for what this rule leaves out. Built in: patch-tuesday, definitions.',
    ),
    criteria: Criteria.check(onlyInCluster(HAS_CRITERION_IN_CLUSTER)).describe(
      'Which updates: AND across properties, OR inside one.',
    ),
    evaluate: z
      .strictObject({
        schedule: Recurrence.check(
          alsoInCluster(
            z.refine<{ timeZone: string }>(({ timeZone }) => timeZone !== DEVICE_LOCAL, {
              path: ['timeZone'],
              error: ONCE_FOR_ALL,
            }),
            { rules: [{ rule: "self.timeZone != 'DeviceLocal'", message: ONCE_FOR_ALL, fieldPath: '.timeZone' }] },
            'isInOneZone',
          ),
        )
          .optional()
          .describe('Evaluate at these times.'),
        afterSync: z
          .boolean()
          .optional()
          .describe('Also after each catalog synchronisation that changed something. Default false.'),
      })
      .optional()
      .describe(
        'When the rule is evaluated; taken whole from the rule, or else from its template. `ringmaster evaluate RULE` does it at once.',
      ),
    group: z
      .strictObject({
        mode: z
          .enum(['New', 'Replace'])
          .optional()
          .describe(
            'New: a group for each evaluation. Replace: the one group is filled anew, for definitions. Default New.',
          ),
        overflow: z
          .enum(['Fail', 'Split'])
          .optional()
          .describe(
            'When more than 1000 updates match: fail the evaluation, or split them into several groups. Default Fail.',
          ),
      })
      .optional()
      .describe('What becomes of the updates that match.'),
    enabled: z
      .boolean()
      .optional()
      .describe(
        'false builds groups and rollouts and approves nothing until it is set to true: a review gate. Default true.',
      ),
    suspend: z.boolean().optional().describe('No evaluations, and its rollouts pause. Default false.'),
    prune: z
      .enum(['Unapprove', 'Orphan'])
      .optional()
      .describe('What removing the rule does to its rollouts: roll them back, or let them go on. Default Unapprove.'),
    ...planFields,
  })
  .check(onlyInCluster(HAS_PHASES))
export type AutomaticDeploymentRuleSpec = z.infer<typeof AutomaticDeploymentRuleSpec>

export const DeploymentTemplateSpec = Plan.safeExtend({
  description,
  evaluate: AutomaticDeploymentRuleSpec.shape.evaluate,
  group: AutomaticDeploymentRuleSpec.shape.group,
})
export type DeploymentTemplateSpec = z.infer<typeof DeploymentTemplateSpec>

const expiry = z.union([z.enum(['Never', 'Immediately']), z.int().min(1).max(99)]).check(
  onlyInCluster({
    rules: [
      {
        rule: "type(self) == int ? self >= 1 && self <= 99 : self == 'Never' || self == 'Immediately'",
        message: 'write Never, Immediately, or a number of months from 1 to 99',
      },
    ],
  }),
)

const WEB_ADDRESS_WANTED = 'write an http:// or https:// address without spaces'

export const UpdateSourceSpec = z
  .strictObject({
    description,
    format: z
      .enum(['Ringmaster', 'MsrcArticles', 'MsrcCvrf'])
      .describe(
        "Ringmaster: NDJSON of update records. MsrcArticles: NDJSON of articles. MsrcCvrf: MSRC's CVRF documents.",
      ),
    path: z
      .string()
      .min(1)
      .max(4096)
      .optional()
      .describe('A file (plain or .gz) or a folder of them, relative to this file.'),
    url: z
      .string()
      .max(4096)
      .check(
        alsoInCluster(
          z.refine<string>(isWebAddress, WEB_ADDRESS_WANTED),
          { rules: [{ rule: `${celMatches(re2(WEB_ADDRESS))} && isURL(self)`, message: WEB_ADDRESS_WANTED }] },
          'isWebAddress',
        ),
      )
      .optional()
      .describe('Where to fetch the feed by HTTP.'),
    interval: Duration.default('PT8H').describe('How often the catalog is synchronised.'),
    supersedence: z
      .strictObject({
        feature: expiry.default('Never').describe('For upgrades and feature packs.'),
        nonFeature: expiry.default('Never').describe('For all others but definition updates, which never expire so.'),
      })
      .optional()
      .describe(
        'When a superseded update expires: Never, Immediately, or so many months after the superseding update was released.',
      ),
    decline: z
      .array(Criteria)
      .max(100)
      .optional()
      .describe('Updates that match any of these are declined: hidden, never offered.'),
    suspend: z.boolean().optional().describe('No synchronisation. Default false.'),
  })
  .check(
    alsoInCluster(
      z.refine<{ path?: unknown; url?: unknown }>(isFromOnePlace, 'give exactly one of path and url'),
      { rules: [{ rule: 'has(self.path) != has(self.url)', message: 'give exactly one of path and url' }] },
      'isFromOnePlace',
    ),
  )
export type UpdateSourceSpec = z.infer<typeof UpdateSourceSpec>

export const UpdateHoldSpec = z
  .strictObject({
    updates: z.array(UpdateId).min(1).max(1000).optional().describe('By update id.'),
    articleIds: z.array(z.string().min(1).max(64)).min(1).max(1000).optional().describe('By article, e.g. KB5066835.'),
    collections: collections.optional().describe('Hold on these devices only. Default: everywhere.'),
    until: z.iso.datetime({ offset: true }).optional().describe('RFC 3339. Default: until the hold is removed.'),
    reason: z.string().min(1).max(1024).describe('Why; shown wherever an update is held.'),
    uninstall: z
      .boolean()
      .optional()
      .describe('Also approve Uninstall where it is installed and can be uninstalled. Default false.'),
  })
  .check(
    alsoInCluster(
      z.refine<{ updates?: unknown; articleIds?: unknown }>(holdsSomething, 'give updates or articleIds'),
      { rules: [{ rule: 'has(self.updates) || has(self.articleIds)', message: 'give updates or articleIds' }] },
      'holdsSomething',
    ),
  )
export type UpdateHoldSpec = z.infer<typeof UpdateHoldSpec>

export const PhaseApprovalSpec = z.strictObject({
  rollout: ObjectName.describe('The rollout that waits.'),
  phase: ObjectName.describe('The phase that may start.'),
  approvedBy: z.string().min(1).max(256).describe('Who takes responsibility.'),
  comment: z.string().max(1024).optional().describe('For people; changes nothing.'),
})
export type PhaseApprovalSpec = z.infer<typeof PhaseApprovalSpec>

export const SoftwareUpdateGroupSpec = z.strictObject({
  description,
  updates: z.array(UpdateId).min(1).max(MAX_UPDATES_PER_GROUP).describe('At most 1000 update ids.'),
})
export type SoftwareUpdateGroupSpec = z.infer<typeof SoftwareUpdateGroupSpec>

// docs/decisions/0040: only a change can break this rule, and only an API server sees one.
const GROUP_STAYS: ClusterRule = {
  rule: 'self == oldSelf',
  message: 'the group of a rollout stays what it is: declare another Rollout for another group',
}

export const RolloutSpec = Plan.omit({ onNewer: true })
  .safeExtend({
    description,
    template: AutomaticDeploymentRuleSpec.shape.template,
    group: ObjectName.check(onlyInCluster({ rules: [GROUP_STAYS] })).describe(
      'The SoftwareUpdateGroup that goes out. When its content changes, the rollout begins again.',
    ),
    enabled: z.boolean().optional().describe('false approves nothing. Default true.'),
    suspend: z.boolean().optional().describe('Pauses the rollout. Default false.'),
    prune: AutomaticDeploymentRuleSpec.shape.prune,
  })
  .check(onlyInCluster(HAS_PHASES))
export type RolloutSpec = z.infer<typeof RolloutSpec>

export const UpdateDeploymentSpec = z.strictObject({
  rollout: ObjectName.describe('The rollout that wrote it.'),
  phase: ObjectName.describe('The phase of that rollout.'),
  group: ObjectName.describe('The updates that are approved.'),
  collection: ObjectName.describe('The collection of the phase.'),
  available: z.iso.datetime({ offset: true }).describe('When devices are offered the updates first.'),
  deadline: z.iso.datetime({ offset: true }).describe('When the updates are installed at the latest.'),
})
export type UpdateDeploymentSpec = z.infer<typeof UpdateDeploymentSpec>

/** By kind. */
export const SPECS = {
  Collection: CollectionSpec,
  MaintenanceWindow: MaintenanceWindowSpec,
  Freeze: FreezeSpec,
  AutomaticDeploymentRule: AutomaticDeploymentRuleSpec,
  DeploymentTemplate: DeploymentTemplateSpec,
  UpdateSource: UpdateSourceSpec,
  GitSource: GitSourceSpec,
  UpdateHold: UpdateHoldSpec,
  PhaseApproval: PhaseApprovalSpec,
  SoftwareUpdateGroup: SoftwareUpdateGroupSpec,
  Rollout: RolloutSpec,
  UpdateDeployment: UpdateDeploymentSpec,
} as const satisfies Record<Kind, z.ZodType>

/** The spec of each kind, as parsed: defaults of the schema filled in. */
export type SpecOf = { [K in Kind]: z.infer<(typeof SPECS)[K]> }
