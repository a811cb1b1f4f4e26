// Changes of the quickstart that somebody might propose, each with what it is good for.
import type { Edit } from './comparing.ts'

const HOLD = `apiVersion: ringmaster.dev/v1alpha1
kind: UpdateHold
metadata:
  name: printing
spec:
  articleIds: [KB5066835]
  reason: It breaks printing.
  until: "2025-10-20T06:00:00Z"
`

const FREEZE = `apiVersion: ringmaster.dev/v1alpha1
kind: Freeze
metadata:
  name: long-weekend
spec:
  reason: Nobody is there to help.
  from: "2025-10-17T12:00"
  until: "2025-10-20T00:00"
  timeZone: DeviceLocal
`

const TEMPLATE = `apiVersion: ringmaster.dev/v1alpha1
kind: DeploymentTemplate
metadata:
  name: patch-tuesday
spec:
  evaluate:
    schedule: {rrule: FREQ=MONTHLY;BYDAY=2TU, at: "20:00", timeZone: Europe/Berlin, offset: P2D}
  deployment: {timeBasis: DeviceLocal, spread: PT1H}
`

const SERVERS = `---
# The same for servers, with their own rings and nights.
apiVersion: ringmaster.dev/v1alpha1
kind: AutomaticDeploymentRule
metadata:
  name: servers
spec:
  template: patch-tuesday
  criteria:
    products: ["Windows Server *"]
    classifications: [Security Updates]
    released: {within: P14D}
  deployment:
    deadlineAfter: PT12H
  phases:
    - name: pilot
      collection: test-servers
      soak: P1D
    - name: early
      collection: servers
      percent: 30
      successPercent: 80
      soak: P1D
    - name: broad
      collection: servers
      soak: P1D
`

export const CHANGES: Readonly<Record<string, readonly Edit[]>> = {
  'criteria-narrowed': [['rules.yaml', '"Windows 11 *", "Windows 10 *"', '"Windows 11 *"']],
  'window-moved': [['windows.yaml', 'at: "19:00"', 'at: "22:30"']],
  'window-too-short': [['windows.yaml', 'duration: PT4H', 'duration: PT45M']],
  'collection-query': [
    [
      'collections.yaml',
      'matchLabels: {department: it}',
      'matchExpressions: [{key: department, operator: In, values: [it, finance]}]',
    ],
  ],
  'rule-removed': [['rules.yaml', SERVERS, '']],
  'freeze-added': [['freeze.yaml', '', FREEZE]],
  'hold-added': [['hold.yaml', '', HOLD]],
  'template-changed': [['template.yaml', '', TEMPLATE]],
  'ring-grown': [['rules.yaml', 'percent: 20', 'percent: 45']],
  'words-only': [['collections.yaml', 'The people who notice first', 'Those who notice first']],
}
