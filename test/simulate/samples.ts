// A small fleet, catalog and rule that tests of the simulation vary.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const API = 'apiVersion: ringmaster.dev/v1alpha1'

/** Three updates each in January, February and March 2026, and some definitions: the stories' own. */
export const CATALOG = readFileSync(join(import.meta.dirname, '../stories/catalog.ndjson'), 'utf8')

export const DECLARATIONS = `${API}
kind: UpdateSource
metadata: {name: example}
spec: {format: Ringmaster, path: catalog.ndjson}
---
${API}
kind: Collection
metadata: {name: pilot}
spec: {queries: [{matchLabels: {ring: pilot}}]}
---
${API}
kind: MaintenanceWindow
metadata: {name: nights}
spec: {collections: [pilot], schedule: {rrule: FREQ=DAILY, at: '22:00', timeZone: DeviceLocal}, duration: PT4H}
---
${API}
kind: AutomaticDeploymentRule
metadata: {name: monthly}
spec:
  template: patch-tuesday
  criteria: {classifications: [Security Updates], released: {within: P1M}}
  deployment: {deadlineAfter: P1D}
  onHalt: Rollback
  rollback: {uninstall: true}
  phases:
    - {name: pilot, collection: pilot, failurePercent: 20, successPercent: 80, soak: PT12H}
    - {name: broad, collection: all, failurePercent: 10, successPercent: 90, soak: PT12H}
`

export function scenario(rest = '', pcs = 20): string {
  return `${API}
kind: Scenario
spec:
  devices:
    - {prefix: pilot-, count: 8, attributes: {ring: pilot}, timeZones: [{zone: Europe/Berlin}, {zone: Asia/Tokyo}]}
    - {prefix: pc-, count: ${pcs}}
${rest}`
}

export const JANUARY = { from: '2026-01-12T00:00:00Z', until: '2026-01-26T00:00:00Z' }
