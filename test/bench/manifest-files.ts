// Files of declarations as a large repository holds them: one object a file, of the kinds in the proportions in which they
// are written, with comments, and references that lead somewhere. The same in every run.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const FOLDERS = 100

/** Writes `count` files of one object each into folders below `root`; returns their bytes together. */
export function writeManifests(root: string, count: number): number {
  let bytes = 0
  for (let i = 0; i < Math.min(FOLDERS, count); i++) mkdirSync(join(root, folderOf(i)), { recursive: true })
  for (let i = 0; i < count; i++) {
    const text = manifestText(i)
    bytes += text.length
    writeFileSync(join(root, folderOf(i), `object-${i}.yaml`), text)
  }
  return bytes
}

export function manifestText(i: number): string {
  const write = KINDS[i % KINDS.length] ?? collection
  return `# yaml-language-server: $schema=../schemas/ringmaster.json\napiVersion: ringmaster.dev/v1alpha1\n${write(i)}`
}

function folderOf(i: number): string {
  return `team-${i % FOLDERS}`
}

/** Of ten files six are collections, two windows, one a rule and one a hold. */
const KINDS = [collection, ringOf, collection, window, collection, rule, collection, window, ringOf, hold]

function collection(i: number): string {
  return `kind: Collection
metadata:
  name: site-${i}
  labels: {team: team-${i % FOLDERS}}
spec:
  description: The workstations of site ${i}.
  queries:
    - matchLabels: {site: site-${i}, type: workstation}
    - matchExpressions:
        - {key: site, operator: In, values: [site-${i}-a, site-${i}-b]}
        - {key: role, operator: NotIn, values: [kiosk, signage]}
`
}

/** The site of the file before. */
function ringOf(i: number): string {
  return `kind: Collection
metadata:
  name: ring-${i}
spec:
  limitedTo: site-${i - (i % 10)}
  queries:
    - matchLabels: {ring: pilot}
`
}

function window(i: number): string {
  return `kind: MaintenanceWindow
metadata:
  name: nights-${i}
spec:
  collections: [${collectionsOf(i).join(', ')}]
  schedule:
    rrule: FREQ=WEEKLY;BYDAY=SA,SU   # never on working days
    at: "22:00"
    timeZone: DeviceLocal
  duration: PT${4 + (i % 5)}H
`
}

/** Of ten files, between two windows each collection is used. */
function collectionsOf(i: number): string[] {
  const ten = i - (i % 10)
  return i % 10 === 3 ? [`site-${ten}`, `site-${ten + 2}`] : [`site-${ten + 4}`, `site-${ten + 6}`, `ring-${ten + 8}`]
}

function rule(i: number): string {
  return `kind: AutomaticDeploymentRule
metadata:
  name: monthly-${i}
spec:
  template: patch-tuesday          # evaluated on the second Tuesday of the month, 18:00 UTC
  criteria:                        # AND across properties, OR inside one
    products: ["Product ${i} *"]
    classifications: [Security Updates]
    released: {within: P14D}
  deployment:
    deadlineAfter: P3D             # may start from here on, inside the device's windows
  onHalt: Rollback
  phases:
    - name: pilot
      collection: ring-${i - (i % 10) + 1}
      failurePercent: 5            # strictly more: halt, and roll back
      soak: P1D                    # at least 95 % compliant, for a day without a break
    - name: broad
      collection: site-${i - (i % 10)}
`
}

function hold(i: number): string {
  return `kind: UpdateHold
metadata:
  name: hold-${i}
spec:
  articleIds: [KB${5_000_000 + i}]
  collections: [site-${i - (i % 10)}]
  reason: Printing fails after this update.
`
}
