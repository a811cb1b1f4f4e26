// What `kubectl get` shows of each kind: the story at a glance, and with `-o wide` what it says of itself.
import type { PrinterColumn } from '../model/cluster-rules.ts'
import type { Kind } from '../model/kinds.ts'

export const PRINTER_COLUMNS: { readonly [K in Kind]: readonly PrinterColumn[] } = {
  Collection: [
    number('Devices', '.status.devices'),
    number('Stale', '.status.stale'),
    text('Limited to', '.spec.limitedTo'),
  ],
  MaintenanceWindow: [
    flag('Open', '.status.open'),
    text('Closes', '.status.closes'),
    text('Next', '.status.opens'),
    number('Devices', '.status.devices'),
    wide('Rule', '.spec.schedule.rrule'),
    wide('At', '.spec.schedule.at'),
    wide('Duration', '.spec.duration'),
  ],
  Freeze: [
    flag('Active', '.status.active'),
    text('Ends', '.status.ends'),
    text('Begins', '.status.begins'),
    text('Why', '.spec.reason'),
  ],
  AutomaticDeploymentRule: [
    number('Selected', '.status.selected'),
    number('Matching', '.status.matchingNow'),
    text('Last evaluation', '.status.lastEvaluation.at'),
    text('Next', '.status.nextEvaluation'),
    flag('Suspended', '.spec.suspend'),
    wide('Template', '.spec.template'),
  ],
  DeploymentTemplate: [wide('Rules', '.status.rules')],
  GitSource: [
    text('Revision', '.status.revision'),
    number('Objects', '.status.objects'),
    text('Rejected', '.status.rejected.revision'),
    text('Failure', '.status.failure.code'),
    wide('URL', '.spec.url'),
    wide('Branch', '.spec.branch'),
  ],
  UpdateSource: [
    number('Updates', '.status.updates'),
    text('Last sync', '.status.lastSync'),
    text('Next', '.status.nextSync'),
    number('Set aside', '.status.setAsideTotal'),
    wide('Format', '.spec.format'),
    wide('Interval', '.spec.interval'),
  ],
  UpdateHold: [
    flag('Active', '.status.active'),
    number('Updates', '.status.updates'),
    text('Until', '.status.until'),
    text('Why', '.spec.reason'),
  ],
  PhaseApproval: [
    text('Rollout', '.spec.rollout'),
    text('Phase', '.spec.phase'),
    text('By', '.spec.approvedBy'),
    text('State', '.status.state'),
  ],
  SoftwareUpdateGroup: [
    number('Updates', '.status.updates'),
    number('Held', '.status.held'),
    number('Superseded', '.status.superseded'),
    text('Rule', '.status.rule'),
  ],
  Rollout: [
    text('State', '.status.state'),
    text('Phase', '.status.waitsFor.phase'),
    number('Compliant', '.status.phases[?(@.state=="Active")].gate.compliant'),
    number('Targets', '.status.phases[?(@.state=="Active")].gate.targets'),
    text('Waits for', '.status.waitsFor.reason'),
    text('Until', '.status.waitsFor.until'),
    wide('Group', '.spec.group'),
    wide('Message', '.status.waitsFor.message'),
  ],
  UpdateDeployment: [
    text('Rollout', '.spec.rollout'),
    text('Phase', '.spec.phase'),
    flag('Approved', '.status.approved'),
    number('Compliant', '.status.compliant'),
    number('Failed', '.status.failed'),
    number('Targets', '.status.targets'),
    text('Deadline', '.spec.deadline'),
  ],
}

function text(name: string, jsonPath: string): PrinterColumn {
  return { name, type: 'string', jsonPath }
}

function number(name: string, jsonPath: string): PrinterColumn {
  return { name, type: 'integer', jsonPath }
}

function flag(name: string, jsonPath: string): PrinterColumn {
  return { name, type: 'boolean', jsonPath }
}

/** Shown with `-o wide` only. */
function wide(name: string, jsonPath: string): PrinterColumn {
  return { name, type: 'string', jsonPath, priority: 1 }
}
