// What the Microsoft feeds share: one article and product as one update of a catalog, its id, and a title as the
// Microsoft Update Catalog would put it, built from facts.
import type { z } from 'zod'
import type { Classification, RestartBehaviour, Severity, Update } from '../../model/update.ts'

/** One article for one product. */
export type MicrosoftFix = {
  /** Digits only. */
  readonly article: string
  readonly product: string
  /** As MSRC spells it: "Monthly Rollup", "SecurityHotpatchUpdate"; undefined where it says nothing. */
  readonly type: string | undefined
  /** A date; a time behind it is not looked at. */
  readonly released: string
  readonly severity: string | undefined
  readonly restart: string | undefined
  readonly knownIssue: boolean
  readonly cves: readonly string[]
  readonly exploited: readonly string[]
  /** Articles whose update for the same product this one replaces. */
  readonly supersedes: readonly string[]
}

/** The update's record in its wire form, to be checked like any other. */
export function microsoftUpdate(fix: MicrosoftFix): z.input<typeof Update> {
  const kind = kindOf(fix)
  const small = kind === 'ServicingStack' || kind === 'Office' || kind === 'Other'
  const released = publicationInstant(fix.released)
  return {
    id: microsoftId(fix.article, fix.product),
    title: titleOf(fix, kind, released),
    vendor: 'Microsoft',
    products: [fix.product],
    classification: classificationOf(fix.type),
    severity: severityOf(fix.severity),
    articleIds: [fix.article],
    cves: [...fix.cves],
    exploited: [...fix.exploited],
    released,
    supersedes: fix.supersedes.map((article) => microsoftId(article, fix.product)),
    architecture: architectureOf(fix.product),
    maxRunTimeMinutes: small ? 20 : 60,
    restart: restartOf(fix.restart),
    knownIssue: fix.knownIssue,
    uninstallable: kind === 'Cumulative' || kind === 'Rollup' || kind === 'SecurityOnly' || kind === 'Hotpatch',
  }
}

/** The same for every feed, so that an update known from one is known from the other. */
export function microsoftId(article: string, product: string): string {
  return `microsoft:kb${article}:${slugOf(product)}`
}

/** "KB5066835", "5066835" or " kb 5066835" → "5066835"; undefined for what is no article number. */
export function articleDigits(text: string): string | undefined {
  return /^\s*(?:kb)?\s*(\d{6,8})\s*$/i.exec(text)?.[1]
}

// Tolerant of spelling: letters only, lower case. What is not here is a security update.
const CLASSIFICATIONS: Readonly<Record<string, Classification>> = {
  update: 'Updates',
  updatehistory: 'Updates',
  previewrollup: 'Updates',
  setupdu: 'Updates',
  criticalupdate: 'Critical Updates',
  definitionupdate: 'Definition Updates',
  featurepack: 'Feature Packs',
  servicepack: 'Service Packs',
  updaterollup: 'Update Rollups',
  featureupdate: 'Upgrades',
}

/** MSRC's type as a classification: Security Updates unless it says otherwise. */
export function classificationOf(type: string | undefined): Classification {
  return CLASSIFICATIONS[letters(type)] ?? 'Security Updates'
}

export function severityOf(text: string | undefined): Severity {
  switch (letters(text)) {
    case 'critical':
      return 'Critical'
    case 'important':
      return 'Important'
    case 'moderate':
      return 'Moderate'
    case 'low':
      return 'Low'
    default:
      return 'None'
  }
}

export function restartOf(text: string | undefined): RestartBehaviour {
  switch (letters(text)) {
    case 'yes':
      return 'Requires'
    case 'no':
      return 'Never'
    case 'maybe':
      return 'MayRequire'
    default:
      return 'Unknown'
  }
}

export function architectureOf(product: string): string {
  if (/\bARM64\b/i.test(product)) return 'ARM64'
  if (/\bItanium\b/i.test(product)) return 'Itanium'
  if (/\bx64\b|\b64-bit\b/i.test(product)) return 'X64'
  if (/\b32-bit\b|\bx86\b/i.test(product)) return 'X86'
  return 'Any'
}

type Kind =
  | 'Cumulative'
  | 'Rollup'
  | 'SecurityOnly'
  | 'Hotpatch'
  | 'ServicingStack'
  | 'Setup'
  | 'DotNet'
  | 'Office'
  | 'Other'

// Windows has had cumulative updates since Windows 10 and Windows Server 2016; before, rollups and single fixes.
function kindOf({ product, type }: MicrosoftFix): Kind {
  const kind = letters(type)
  if (kind.includes('servicingstack')) return 'ServicingStack'
  if (kind === 'setupdu') return 'Setup'
  if (/^(Microsoft )?\.NET|^ASP\.NET/i.test(product)) return 'DotNet'
  if (/^Windows\b/i.test(product)) {
    if (kind.includes('hotpatch')) return 'Hotpatch'
    if (kind === 'monthlyrollup' || kind === 'previewrollup') return 'Rollup'
    if (/^Windows (10|11|Server,|Server (2016|2019|202\d))/i.test(product)) return 'Cumulative'
    if (kind === 'securityonly') return 'SecurityOnly'
  }
  return /^Microsoft (Office|365|Excel|Word|Outlook|PowerPoint|Access|Visio|Project|Publisher|OneNote)\b/i.test(product)
    ? 'Office'
    : 'Other'
}

function titleOf({ article, product, type }: MicrosoftFix, kind: Kind, released: string): string {
  const month = released.slice(0, 7)
  switch (kind) {
    case 'Cumulative':
      return `${month} Cumulative Update for ${product} (KB${article})`
    case 'Rollup':
      return letters(type) === 'previewrollup'
        ? `${month} Preview of Monthly Quality Rollup for ${product} (KB${article})`
        : `${month} Security Monthly Quality Rollup for ${product} (KB${article})`
    case 'SecurityOnly':
      return `${month} Security Only Quality Update for ${product} (KB${article})`
    case 'Hotpatch':
      return `${month} Security Hotpatch Update for ${product} (KB${article})`
    case 'ServicingStack':
      return `${month} Servicing Stack Update for ${product} (KB${article})`
    case 'Setup':
      return `${month} Setup Dynamic Update for ${product} (KB${article})`
    case 'DotNet':
      return `${month} Security Update for ${product} (KB${article})`
    default:
      return `${product} — security update (KB${article})`
  }
}

// What MSRC publishes is a day: the time beside it is 00:00 in some documents and 07:00 in others. It stands for the
// whole day in UTC, so that every feed dates an update alike.
function publicationInstant(released: string): string {
  return `${released.slice(0, 10)}T00:00:00Z`
}

function slugOf(product: string): string {
  return product
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
}

function letters(text: string | undefined): string {
  return (text ?? '').toLowerCase().replace(/[^a-z]/g, '')
}
