// One example of each kind, for its reference page. The tests load all of them together as one source.
import type { Kind } from '../model/kinds.ts'

export const EXAMPLES: { readonly [K in Kind]: string } = {
  Collection: `
apiVersion: ringmaster.dev/v1alpha1
kind: Collection
metadata:
  name: berlin-servers
spec:
  description: Windows servers in Berlin, without the ones that a vendor looks after.
  limitedTo: all
  queries:
  - matchLabels: {site: berlin}
    matchExpressions:
    - {key: role, operator: In, values: [server, domain-controller]}
    - {key: os.version, operator: VersionGte, value: 10.0.20348}
  devices: [srv-0815]
  exclude: [vendor-managed]
---
apiVersion: ringmaster.dev/v1alpha1
kind: Collection
metadata:
  name: vendor-managed
spec:
  queries:
  - matchExpressions: [{key: vendor, operator: Exists}]
`,
  MaintenanceWindow: `
apiVersion: ringmaster.dev/v1alpha1
kind: MaintenanceWindow
metadata:
  name: saturday-after-patch-tuesday
spec:
  description: The night of the Saturday after the second Tuesday, on each server's own clock.
  collections: [berlin-servers]
  schedule:
    rrule: FREQ=MONTHLY;BYDAY=2TU
    at: "22:00"
    timeZone: DeviceLocal
    offset: P4D
  duration: PT6H
  appliesTo: SoftwareUpdates
`,
  Freeze: `
apiVersion: ringmaster.dev/v1alpha1
kind: Freeze
metadata:
  name: year-end
spec:
  reason: Year-end closing
  collections: [berlin-servers]
  from: "2026-12-18T18:00"
  until: "2027-01-04T06:00"
  timeZone: Europe/Berlin
`,
  AutomaticDeploymentRule: `
apiVersion: ringmaster.dev/v1alpha1
kind: AutomaticDeploymentRule
metadata:
  name: server-security
spec:
  template: patch-tuesday
  criteria:
    products: ["Windows Server 20*"]
    classifications: [Security Updates, Critical Updates]
    titles: ["-Preview"]
    released: {within: P1M}
    required: ">=1"
  deployment:
    deadlineAfter: P5D
  phases:
  - name: pilot
    collection: berlin-servers
    percent: 10
    soak: P2D
    failurePercent: 2
  - name: broad
    collection: berlin-servers
    gradual: {over: P3D}
    promotion: Manual
  onHalt: Rollback
`,
  DeploymentTemplate: `
apiVersion: ringmaster.dev/v1alpha1
kind: DeploymentTemplate
metadata:
  name: two-rings
spec:
  description: Evaluated on the second Wednesday; pilot first, then everybody.
  evaluate:
    schedule: {rrule: FREQ=MONTHLY;BYDAY=2TU, at: "06:00", timeZone: Europe/Berlin, offset: P1D}
  deployment:
    deadlineAfter: P7D
    timeBasis: DeviceLocal
  phases:
  - {name: pilot, collection: berlin-servers, successPercent: 90, soak: P3D}
  - {name: everybody, collection: all}
`,
  UpdateSource: `
apiVersion: ringmaster.dev/v1alpha1
kind: UpdateSource
metadata:
  name: microsoft
spec:
  format: MsrcArticles
  path: catalog/articles.ndjson.gz
  interval: PT6H
  supersedence:
    nonFeature: 3
    feature: Never
  decline:
  - architectures: [Itanium, ARM64]
`,
  GitSource: `
apiVersion: ringmaster.dev/v1alpha1
kind: GitSource
metadata:
  name: rollouts
spec:
  url: https://git.example/it/rollouts.git
  branch: main
  path: production
  interval: PT1M
  auth:
    passwordFile: /run/secrets/rollouts-token
  verify:
    openPgpKeyFiles: [/etc/ringmaster/keys/admins.asc]
    allowedSignersFile: /etc/ringmaster/keys/allowed_signers
  webhook:
    secretFile: /run/secrets/rollouts-webhook
`,
  UpdateHold: `
apiVersion: ringmaster.dev/v1alpha1
kind: UpdateHold
metadata:
  name: kb5066835-breaks-printing
spec:
  articleIds: [KB5066835]
  collections: [berlin-servers]
  until: "2026-03-01T00:00:00Z"
  reason: Printing fails after the restart
`,
  PhaseApproval: `
apiVersion: ringmaster.dev/v1alpha1
kind: PhaseApproval
metadata:
  name: october-broad
spec:
  rollout: october-by-hand
  phase: broad
  approvedBy: Grace Hopper
  comment: Pilot looked at on site.
`,
  SoftwareUpdateGroup: `
apiVersion: ringmaster.dev/v1alpha1
kind: SoftwareUpdateGroup
metadata:
  name: october
spec:
  description: What goes out by hand in October.
  updates:
  - kb5066835-windows-server-2022
  - kb5066836-windows-server-2019
`,
  Rollout: `
apiVersion: ringmaster.dev/v1alpha1
kind: Rollout
metadata:
  name: october-by-hand
spec:
  group: october
  deployment:
    deadlineAfter: P3D
    outsideWindow: {install: true}
  phases:
  - {name: pilot, collection: berlin-servers, percent: 5, promotion: Manual}
  - {name: broad, collection: berlin-servers}
  rollback: {uninstall: true}
`,
  UpdateDeployment: `
apiVersion: ringmaster.dev/v1alpha1
kind: UpdateDeployment
metadata:
  name: october-by-hand-pilot
spec:
  rollout: october-by-hand
  phase: pilot
  group: october
  collection: berlin-servers
  available: "2026-10-13T18:00:00Z"
  deadline: "2026-10-16T18:00:00Z"
`,
}
