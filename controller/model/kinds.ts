// The declared objects (architecture.md, "The declared objects"). This is the one definition of each kind: its
// TypeScript type, validator, JSON Schema, CRD and reference page all come from here.
import { z } from 'zod'
import { alsoInCluster, type ClusterRule, celMatches, onlyInCluster, re2 } from './cluster-rules.ts'
import { CollectionSpec } from './collection.ts'
import { Criteria, HAS_CRITERION_IN_CLUSTER } from './criteria.ts'
import { inNames } from './distinct.ts'
import { GitSourceSpec } from './git-source.ts'
import { MAX_UPDATES_PER_GROUP } from './limits.ts'
import { ObjectName, Plan, planFields } from './plan.ts'
import { Duration, FreezeTimes, MaintenanceWindowTimes, Recurrence } from './recurrence.ts'
import { UpdateId } from './update.ts'

export const API_VERSION = 'ringmaster.dev/v1alpha1'
export const API_GROUP = 'ringmaster.dev'

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
            z.refine<{ timeZone: string }>((schedule) => schedule.timeZone !== 'DeviceLocal', {
              path: ['timeZone'],
              error: ONCE_FOR_ALL,
            }),
            { rules: [{ rule: "self.timeZone != 'DeviceLocal'", message: ONCE_FOR_ALL, fieldPath: '.timeZone' }] },
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

// The host is looked at more closely when it is fetched from.
const WEB_ADDRESS = /^https?:\/\/([^\s/?#@]*@)?([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?([/?#]\S*)?$/
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
          z.refine<string>((text) => WEB_ADDRESS.test(text) && URL.canParse(text), WEB_ADDRESS_WANTED),
          { rules: [{ rule: `${celMatches(re2(WEB_ADDRESS))} && isURL(self)`, message: WEB_ADDRESS_WANTED }] },
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
      z.refine<{ path?: string | undefined; url?: string | undefined }>(
        ({ path, url }) => (path === undefined) !== (url === undefined),
        'give exactly one of path and url',
      ),
      { rules: [{ rule: 'has(self.path) != has(self.url)', message: 'give exactly one of path and url' }] },
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
      z.refine<{ updates?: unknown; articleIds?: unknown }>(
        ({ updates, articleIds }) => updates !== undefined || articleIds !== undefined,
        'give updates or articleIds',
      ),
      { rules: [{ rule: 'has(self.updates) || has(self.articleIds)', message: 'give updates or articleIds' }] },
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

/** Everything that is said of a kind apart from its spec. `writable`: whether an admin may declare it. */
export const KINDS = {
  Collection: {
    plural: 'collections',
    short: 'coll',
    writable: true,
    spec: CollectionSpec,
    description: 'Which devices: direct, query, include and exclude rules inside a limiting collection.',
  },
  MaintenanceWindow: {
    plural: 'maintenancewindows',
    short: 'mw',
    writable: true,
    spec: MaintenanceWindowSpec,
    description: 'When devices of these collections may be changed.',
  },
  Freeze: {
    plural: 'freezes',
    short: 'frz',
    writable: true,
    spec: FreezeSpec,
    description: 'When nothing may be changed, over every window.',
  },
  AutomaticDeploymentRule: {
    plural: 'automaticdeploymentrules',
    short: 'adr',
    writable: true,
    spec: AutomaticDeploymentRuleSpec,
    description: 'Which updates, evaluated when, rolled out through which phases, with which gates.',
  },
  DeploymentTemplate: {
    plural: 'deploymenttemplates',
    short: 'dt',
    writable: true,
    spec: DeploymentTemplateSpec,
    description: 'Settings shared by rules.',
  },
  UpdateSource: {
    plural: 'updatesources',
    short: 'us',
    writable: true,
    spec: UpdateSourceSpec,
    description: 'Where the catalog comes from, and how often.',
  },
  GitSource: {
    plural: 'gitsources',
    short: 'gs',
    writable: true,
    spec: GitSourceSpec,
    description: 'Declarations that are taken from a Git repository, and which commits of it are trusted.',
  },
  UpdateHold: {
    plural: 'updateholds',
    short: 'hold',
    writable: true,
    spec: UpdateHoldSpec,
    description: 'These updates are approved nowhere, or not on these devices, until a date, because of a reason.',
  },
  PhaseApproval: {
    plural: 'phaseapprovals',
    short: 'pa',
    writable: true,
    spec: PhaseApprovalSpec,
    description: "A person's go-ahead for a phase that waits for one.",
  },
  SoftwareUpdateGroup: {
    plural: 'softwareupdategroups',
    short: 'sug',
    writable: true,
    spec: SoftwareUpdateGroupSpec,
    description: 'A fixed list of at most 1000 updates. Written by rules, or by an admin.',
  },
  Rollout: {
    plural: 'rollouts',
    short: 'ro',
    writable: true,
    spec: RolloutSpec,
    description: 'One group going out through phases. Written by rules, or by an admin.',
  },
  UpdateDeployment: {
    plural: 'updatedeployments',
    short: 'ud',
    writable: false,
    spec: UpdateDeploymentSpec,
    description: "One group approved for one phase's devices. Written by rollouts.",
  },
} as const

export type Kind = keyof typeof KINDS
export const KIND_NAMES = Object.keys(KINDS).filter((name): name is Kind => name in KINDS)

/** The spec of each kind, as parsed: defaults of the schema filled in. */
export type SpecOf = { [K in Kind]: z.infer<(typeof KINDS)[K]['spec']> }

/** `name` as a kind: its name, plural or short name, in any case; undefined when it is none. */
export function kindNamed(name: string): Kind | undefined {
  const wanted = name.toLowerCase()
  return KIND_NAMES.find((kind) => [kind.toLowerCase(), KINDS[kind].plural, KINDS[kind].short].includes(wanted))
}
