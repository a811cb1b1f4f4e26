// One software update as the catalog holds it (semantics.md §1), whatever feed it came from.
import { z } from 'zod'
import { MAX_RUN_TIME_MINUTES } from './limits.ts'
import { sharedIfEmpty, sharedText, sharedTexts } from './shared-texts.ts'

export const Classification = z.enum([
  'Critical Updates',
  'Definition Updates',
  'Feature Packs',
  'Security Updates',
  'Service Packs',
  'Tools',
  'Update Rollups',
  'Updates',
  'Upgrades',
  'Drivers',
])
export type Classification = z.infer<typeof Classification>

export const Severity = z.enum(['None', 'Low', 'Moderate', 'Important', 'Critical'])
export type Severity = z.infer<typeof Severity>

/** Configuration Manager's numbers for severities. */
export const SEVERITY_NUMBER = { None: 0, Low: 2, Moderate: 6, Important: 8, Critical: 10 } as const satisfies Record<
  Severity,
  number
>

/** What the catalog says of an update. `Superseded` and `Expired` are also derived from supersedence (semantics.md §1). */
export const UpdateState = z.enum(['Normal', 'Superseded', 'Expired', 'Declined', 'MetadataOnly'])
export type UpdateState = z.infer<typeof UpdateState>

export const RestartBehaviour = z.enum(['Never', 'MayRequire', 'Requires', 'Unknown'])
export type RestartBehaviour = z.infer<typeof RestartBehaviour>

const text = z.string().min(1).max(1024)
// Those that many updates have alike; and of the others, mostly empty ones.
const sharedList = z.array(text).max(4096).overwrite(sharedTexts)
const ownList = z.array(text).max(4096).overwrite(sharedIfEmpty)
const nothing = () => sharedIfEmpty<never>([])
const instant = z.iso.datetime({ offset: true }).transform((value) => Date.parse(value))

export const UpdateId = z.string().min(1).max(256).brand<'UpdateId'>()
export type UpdateId = z.infer<typeof UpdateId>

/** The record of Ringmaster's own NDJSON feed. Instants are RFC 3339 on the wire and epoch milliseconds inside. */
export const Update = z.strictObject({
  id: UpdateId.describe('Stable id: a GUID, or derived from vendor, article and product.'),
  revision: z.int().min(1).default(1),
  title: text,
  description: z.string().max(8192).default(''),
  vendor: text.overwrite(sharedText),
  products: sharedList.min(1),
  classification: Classification,
  severity: Severity.default('None'),
  customSeverity: Severity.optional(),
  articleIds: ownList.default(nothing),
  bulletinIds: ownList.default(nothing),
  cves: ownList.default(nothing),
  exploited: ownList.default(nothing).describe('Those of `cves` known to be exploited.'),
  released: instant,
  revised: instant.optional(),
  supersedes: z.array(UpdateId).max(4096).overwrite(sharedIfEmpty).default(nothing),
  sizeBytes: z.int().min(0).default(0),
  languages: sharedList.default(nothing),
  architecture: z.string().max(64).default('Any'),
  maxRunTimeMinutes: z.int().min(5).max(MAX_RUN_TIME_MINUTES).default(60),
  restart: RestartBehaviour.default('Unknown'),
  knownIssue: z.boolean().default(false),
  uninstallable: z.boolean().default(false),
  requiresUserInput: z.boolean().default(false),
  licenseTerms: z.boolean().default(false).describe('Whether licence terms have to be accepted.'),
  state: UpdateState.default('Normal'),
})
export type Update = z.infer<typeof Update>
