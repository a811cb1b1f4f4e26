// The body of POST /v1/reports without a schema library's walk over it: what nearly every device sends, in a tenth of the
// time. Whatever it does not know to be good is for the schema (report.ts), which gives the same for what is good and says
// what is wrong with the rest; a property test holds the two equal.
import { z } from 'zod'
import { DeviceAttributes } from './collection.ts'
import { MAX_MESSAGES_PER_REPORT, MAX_REPORTS_PER_REQUEST, MAX_UPDATES_PER_SCAN } from './limits.ts'
import type { DeviceReport, Scan, StateMessage } from './report.ts'
import type { UpdateId } from './update.ts'

/** The reports of a parsed body, made of its own objects; undefined for the schema to look at. */
export function readReports(body: unknown): readonly DeviceReport[] | undefined {
  if (!isPlain(body)) return undefined
  for (const key in body) if (key !== 'reports') return undefined
  const { reports } = body
  if (!Array.isArray(reports) || reports.length === 0 || reports.length > MAX_REPORTS_PER_REQUEST) return undefined
  const read: DeviceReport[] = []
  for (const value of reports) {
    const report = readReport(value)
    if (report === undefined) return undefined
    read.push(report)
  }
  return read
}

/** The pattern of the schema's `z.iso.datetime`, which looks at nothing else. */
const INSTANT = z.regexes.datetime({ offset: true, precision: null, local: false })
/** Beyond it, the schema is not asked either: what has more attributes is refused as a whole. */
const MAX_KEYS = 1000

type Plain = { readonly [key: string]: unknown }

function readReport(value: unknown): DeviceReport | undefined {
  if (!isPlain(value)) return undefined
  for (const key in value) if (!REPORT_KEYS.has(key)) return undefined
  const { sequence, at, messages } = value
  if (!isNumber(sequence) || !Number.isSafeInteger(sequence) || sequence < 1) return undefined
  if (typeof at !== 'string' || !INSTANT.test(at)) return undefined
  if (messages !== undefined && !isMessages(messages)) return undefined
  const report = { sequence, at: Date.parse(at) }
  if (value.attributes === undefined && value.scan === undefined)
    return messages === undefined ? report : { ...report, messages }
  const attributes = readAttributes(value.attributes)
  const scan = readScan(value.scan)
  if (attributes === 'Unclear' || scan === 'Unclear') return undefined
  return {
    ...report,
    ...(attributes !== undefined && { attributes }),
    ...(scan !== undefined && { scan }),
    ...(messages !== undefined && { messages }),
  }
}

const REPORT_KEYS: ReadonlySet<string> = new Set(['sequence', 'at', 'attributes', 'scan', 'messages'])

function isMessages(value: unknown): value is StateMessage[] {
  if (!Array.isArray(value) || value.length > MAX_MESSAGES_PER_REPORT) return false
  for (const message of value) if (!isMessage(message)) return false
  return true
}

function isMessage(value: unknown): value is StateMessage {
  if (!isPlain(value) || !isUpdateId(value.update)) return false
  const { topic, state } = value
  if (!isNumber(state) || !Number.isInteger(state)) return false
  if (topic === 500) {
    for (const key in value) if (key !== 'topic' && key !== 'update' && key !== 'state') return false
    return state >= 0 && state <= 3
  }
  if (topic !== 301 || state < 1 || state > 12) return false
  for (const key in value) if (!ENFORCEMENT_KEYS.has(key)) return false
  return isText(value.code, 32) && isText(value.message, 512)
}

const ENFORCEMENT_KEYS: ReadonlySet<string> = new Set(['topic', 'update', 'state', 'code', 'message'])

// Inventory is rare beside messages, and its numbers become texts: that is left to its schema.
function readAttributes(value: unknown): DeviceAttributes | undefined | 'Unclear' {
  if (value === undefined) return undefined
  if (!isPlain(value) || Object.keys(value).length > MAX_KEYS) return 'Unclear'
  const { data } = DeviceAttributes.safeParse(value)
  return data ?? 'Unclear'
}

function readScan(value: unknown): Scan | undefined | 'Unclear' {
  if (value === undefined) return undefined
  if (!isPlain(value)) return 'Unclear'
  for (const key in value) if (!SCAN_KEYS.has(key)) return 'Unclear'
  const { required = [], installed = [], notRequired = [] } = value
  if (!isUpdateIds(required) || !isUpdateIds(installed) || !isUpdateIds(notRequired)) return 'Unclear'
  return { required, installed, notRequired }
}

const SCAN_KEYS: ReadonlySet<string> = new Set(['required', 'installed', 'notRequired'])

function isUpdateIds(value: unknown): value is UpdateId[] {
  if (!Array.isArray(value) || value.length > MAX_UPDATES_PER_SCAN) return false
  for (const id of value) if (!isUpdateId(id)) return false
  return true
}

function isUpdateId(value: unknown): value is UpdateId {
  return typeof value === 'string' && value.length > 0 && value.length <= 256
}

function isText(value: unknown, max: number): boolean {
  return value === undefined || (typeof value === 'string' && value.length <= max)
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number'
}

function isPlain(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
