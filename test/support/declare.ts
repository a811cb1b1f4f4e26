// Builders of declared objects, updates and device facts: specs as one writes them in YAML, parsed by the real validators.
import { hash } from 'node:crypto'
import type { z } from 'zod'
import type { Declared, ObjectRef, Origin } from '../../controller/model/declared.ts'
import type { CatalogChange, Command, Input } from '../../controller/model/facts.ts'
import type { Kind } from '../../controller/model/kinds.ts'
import { DeviceReport } from '../../controller/model/report.ts'
import { SPECS, type SpecOf } from '../../controller/model/specs.ts'
import { Update, UpdateId } from '../../controller/model/update.ts'

export type Written<K extends Kind> = z.input<(typeof SPECS)[K]>

const SCHEMAS: { readonly [K in Kind]: z.ZodType<SpecOf[K]> } = SPECS

export const ORIGIN: Origin = { source: 'directory', revision: 'r1', file: 'site.yaml', line: 1, commit: 'c0ffee' }

/** Throws a ZodError on a spec that the validator refuses. */
export function declared<K extends Kind>(kind: K, name: string, spec: Written<K>, origin = ORIGIN): Declared<K> {
  return { kind, name, labels: {}, annotations: {}, spec: SCHEMAS[kind].parse(spec), origin }
}

export function declare(...put: Declared[]): Input {
  return { type: 'ObjectsDeclared', source: 'directory', revision: 'r1', put, removed: [] }
}

export function undeclare(...removed: ObjectRef[]): Input {
  return { type: 'ObjectsDeclared', source: 'directory', revision: 'r2', put: [], removed }
}

/** A collection of the devices whose attribute `ring` has this value. */
export function ring(name: string, value = name): Declared {
  return declared('Collection', name, { queries: [{ matchLabels: { ring: value } }] })
}

export function id(text: string): UpdateId {
  return UpdateId.parse(text)
}

/** A security update that can be uninstalled, unless said otherwise. */
export function update(name: string, over: Partial<z.input<typeof Update>> = {}): Update {
  return Update.parse({
    id: name,
    title: `Update ${name}`,
    vendor: 'Vendor',
    products: ['Product'],
    classification: 'Security Updates',
    released: '2026-01-01T00:00:00Z',
    articleIds: [`KB-${name}`],
    uninstallable: true,
    ...over,
  })
}

const NO_CHANGE: CatalogChange = { upserts: [], declined: [], reinstated: [], vanished: [], returned: [] }

export function changed(change: Partial<CatalogChange>, source = 'vendor'): Input {
  return {
    type: 'CatalogSynced',
    source,
    change: { ...NO_CHANGE, ...change },
    setAside: [],
    setAsideTotal: 0,
    notes: [],
  }
}

export function synced(...upserts: Update[]): Input {
  return changed({ upserts })
}

export function enrolled(device: string, attributes: Readonly<Record<string, string>> = {}): Input {
  const tokenHash = hash('sha256', `token of ${device}`)
  return { type: 'DeviceEnrolled', device, tokenHash, keyHash: 'key', attributes }
}

export function removed(device: string): Input {
  return { type: 'DeviceRemoved', device, by: 'admin' }
}

export function reported(device: string, report: z.input<typeof DeviceReport>): Input {
  return { type: 'DeviceReported', device, report: DeviceReport.parse(report) }
}

export function command(given: Command): Input {
  return { type: 'CommandGiven', command: given, by: 'ada' }
}
