// The two deployment templates that are built in. A declared DeploymentTemplate of the same name takes their place.
import type { DeploymentTemplateSpec } from './specs.ts'

export const BUILT_IN_TEMPLATES: Readonly<Record<string, DeploymentTemplateSpec>> = {
  'patch-tuesday': {
    description:
      'Monthly security updates: evaluated on the second Tuesday at 18:00 UTC, when they are out, due a week later.',
    evaluate: {
      schedule: { rrule: 'FREQ=MONTHLY;BYDAY=2TU', at: '18:00', timeZone: 'UTC', offset: 'P0D' },
    },
    group: { mode: 'New' },
    deployment: { availableAfter: 'PT0S', deadlineAfter: 'P7D' },
    onNewer: 'Replace',
  },
  definitions: {
    description:
      'Definition updates: evaluated after each synchronisation into one group, due at once, windows or not.',
    evaluate: { afterSync: true },
    group: { mode: 'Replace' },
    deployment: {
      availableAfter: 'PT0S',
      deadlineAfter: 'PT0S',
      outsideWindow: { install: true, restart: false },
    },
    onNewer: 'Replace',
  },
}
