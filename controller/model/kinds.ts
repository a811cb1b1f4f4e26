// What the kinds of declared objects are called, and what is said of them apart from their specs (specs.ts).

export const API_VERSION = 'ringmaster.dev/v1alpha1'
export const API_GROUP = 'ringmaster.dev'

/** `writable`: whether an admin may declare it. */
export const KINDS = {
  Collection: {
    plural: 'collections',
    short: 'coll',
    writable: true,
    description: 'Which devices: direct, query, include and exclude rules inside a limiting collection.',
  },
  MaintenanceWindow: {
    plural: 'maintenancewindows',
    short: 'mw',
    writable: true,
    description: 'When devices of these collections may be changed.',
  },
  Freeze: {
    plural: 'freezes',
    short: 'frz',
    writable: true,
    description: 'When nothing may be changed, over every window.',
  },
  AutomaticDeploymentRule: {
    plural: 'automaticdeploymentrules',
    short: 'adr',
    writable: true,
    description: 'Which updates, evaluated when, rolled out through which phases, with which gates.',
  },
  DeploymentTemplate: {
    plural: 'deploymenttemplates',
    short: 'dt',
    writable: true,
    description: 'Settings shared by rules.',
  },
  UpdateSource: {
    plural: 'updatesources',
    short: 'us',
    writable: true,
    description: 'Where the catalog comes from, and how often.',
  },
  GitSource: {
    plural: 'gitsources',
    short: 'gs',
    writable: true,
    description: 'Declarations that are taken from a Git repository, and which commits of it are trusted.',
  },
  UpdateHold: {
    plural: 'updateholds',
    short: 'hold',
    writable: true,
    description: 'These updates are approved nowhere, or not on these devices, until a date, because of a reason.',
  },
  PhaseApproval: {
    plural: 'phaseapprovals',
    short: 'pa',
    writable: true,
    description: "A person's go-ahead for a phase that waits for one.",
  },
  SoftwareUpdateGroup: {
    plural: 'softwareupdategroups',
    short: 'sug',
    writable: true,
    description: 'A fixed list of at most 1000 updates. Written by rules, or by an admin.',
  },
  Rollout: {
    plural: 'rollouts',
    short: 'ro',
    writable: true,
    description: 'One group going out through phases. Written by rules, or by an admin.',
  },
  UpdateDeployment: {
    plural: 'updatedeployments',
    short: 'ud',
    writable: false,
    description: "One group approved for one phase's devices. Written by rollouts.",
  },
} as const

export type Kind = keyof typeof KINDS
export const KIND_NAMES = Object.keys(KINDS).filter((name): name is Kind => name in KINDS)

/** `name` as a kind: its name, plural or short name, in any case; undefined when it is none. */
export function kindNamed(name: string): Kind | undefined {
  const wanted = name.toLowerCase()
  return KIND_NAMES.find((kind) => [kind.toLowerCase(), KINDS[kind].plural, KINDS[kind].short].includes(wanted))
}
