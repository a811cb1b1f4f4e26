// Reads one MSRC CVRF document (XML, as published) in a single pass into its products and fixes. XML that is broken, declares a
// document type or exceeds a limit fails as a whole: half a document would be updates with half of their vulnerabilities.
import { SaxesParser } from 'saxes'

const MAX_DEPTH = 64
const MAX_TEXT = 4096
const MAX_PRODUCTS = 50_000
const MAX_VULNERABILITIES = 50_000
const MAX_FIXES = 1_000_000
const CHUNK = 64 * 1024

export type CvrfDocument = {
  readonly type: 'Document'
  readonly name: string
  /** InitialReleaseDate: a date and time without an offset. */
  readonly released: string
  /** Product id → name. */
  readonly products: ReadonlyMap<string, string>
  readonly fixes: readonly CvrfFix[]
  /** Articles that have a known issue, as the document spells them. */
  readonly knownIssues: ReadonlySet<string>
}
export type CvrfFailure = { readonly type: 'Failure'; readonly position: string; readonly reason: string }

/** A remediation of the type Vendor Fix, with what its vulnerability says. Texts are as the document has them. */
export type CvrfFix = {
  readonly line: number
  readonly article: string
  readonly productIds: readonly string[]
  readonly kind: string
  readonly restart: string
  readonly supersedes: string
  readonly cve: string
  readonly exploited: boolean
  /** Product id → severities said of it. */
  readonly severities: ReadonlyMap<string, readonly string[]>
}

/** `name` stands in positions. Never throws for what is in the text. */
export function readCvrf(text: string, name: string): CvrfDocument | CvrfFailure {
  const parser = new SaxesParser()
  const reader = newReader(name)
  parser.on('doctype', () => fail('declares a document type (DOCTYPE), which is not accepted'))
  parser.on('error', (error) => fail(error.message.replace(/^[^:]*:\d+:\d+: /, '')))
  parser.on('opentag', (tag) => open(reader, localName(tag.name), tag.attributes, parser.line))
  parser.on('text', (part) => append(reader, part))
  parser.on('cdata', (part) => append(reader, part))
  parser.on('closetag', () => close(reader))
  try {
    for (let at = 0; at < text.length; at += CHUNK) parser.write(text.slice(at, at + CHUNK))
    parser.close()
    if (!reader.isCvrf) fail('is no CVRF document')
    if (!/^\d{4}-\d{2}-\d{2}/.test(reader.released)) fail('has no InitialReleaseDate')
  } catch (error) {
    if (!(error instanceof CvrfProblem)) throw error
    return {
      type: 'Failure',
      position: `${name}:${parser.line}:${parser.column}`,
      reason: `the document ${error.message}`,
    }
  }
  const { released, products, fixes, knownIssues } = reader
  return { type: 'Document', name, released, products, fixes, knownIssues }
}

class CvrfProblem extends Error {}

function fail(reason: string): never {
  throw new CvrfProblem(reason)
}

type Remediation = { line: number; type: string; productIds: string[]; texts: Map<string, string> }
type Threat = { type: string; productIds: string[]; description: string }
type Reader = {
  name: string
  isCvrf: boolean
  path: string[]
  text: string | undefined
  productId: string
  released: string
  products: Map<string, string>
  fixes: CvrfFix[]
  knownIssues: Set<string>
  vulnerabilities: number
  cve: string
  threats: Threat[]
  remediations: Remediation[]
}

function newReader(name: string): Reader {
  return {
    name,
    isCvrf: false,
    path: [],
    text: undefined,
    productId: '',
    released: '',
    products: new Map(),
    fixes: [],
    knownIssues: new Set(),
    vulnerabilities: 0,
    cve: '',
    threats: [],
    remediations: [],
  }
}

const READ = new Set([
  'FullProductName',
  'InitialReleaseDate',
  'CVE',
  'Description',
  'ProductID',
  'Supercedence',
  'RestartRequired',
  'SubType',
])

function open(reader: Reader, element: string, attributes: Readonly<Record<string, string>>, line: number): void {
  if (reader.path.length === 0) reader.isCvrf = element === 'cvrfdoc'
  if (reader.path.push(element) > MAX_DEPTH) fail(`is nested deeper than ${MAX_DEPTH} elements`)
  reader.text = READ.has(element) ? '' : undefined
  const type = attributes.Type ?? ''
  if (element === 'FullProductName') reader.productId = attributes.ProductID ?? ''
  if (element === 'Threat') reader.threats.push({ type, productIds: [], description: '' })
  if (element === 'Remediation') reader.remediations.push({ line, type, productIds: [], texts: new Map() })
  if (element === 'Vulnerability') {
    if (++reader.vulnerabilities > MAX_VULNERABILITIES) fail(`has more than ${MAX_VULNERABILITIES} vulnerabilities`)
    reader.cve = ''
    reader.threats = []
    reader.remediations = []
  }
}

function append(reader: Reader, part: string): void {
  if (reader.text !== undefined && reader.text.length < MAX_TEXT) reader.text += part.slice(0, MAX_TEXT)
}

function close(reader: Reader): void {
  const element = reader.path.pop() ?? ''
  const text = reader.text?.trim() ?? ''
  reader.text = undefined
  if (element === 'Vulnerability') endVulnerability(reader)
  if (!READ.has(element)) return
  const parent = reader.path.at(-1)
  if (element === 'FullProductName') addProduct(reader, text)
  else if (element === 'InitialReleaseDate') reader.released ||= text
  else if (element === 'CVE') reader.cve = text
  else if (parent === 'Threat') readThreat(reader.threats.at(-1), element, text)
  else if (parent === 'Remediation') readRemediation(reader.remediations.at(-1), element, text)
}

function addProduct(reader: Reader, name: string): void {
  reader.products.set(reader.productId, name)
  if (reader.products.size > MAX_PRODUCTS) fail(`has more than ${MAX_PRODUCTS} products`)
}

function readThreat(threat: Threat | undefined, element: string, text: string): void {
  if (element === 'ProductID') threat?.productIds.push(text)
  else if (element === 'Description' && threat) threat.description = text
}

function readRemediation(remediation: Remediation | undefined, element: string, text: string): void {
  if (element === 'ProductID') remediation?.productIds.push(text)
  else remediation?.texts.set(element, [remediation.texts.get(element), text].filter(Boolean).join(' '))
}

function endVulnerability(reader: Reader): void {
  const severities = new Map<string, string[]>()
  for (const { type, productIds, description } of reader.threats)
    if (type === 'Severity')
      for (const id of productIds) severities.set(id, [...(severities.get(id) ?? []), description])
  const exploited = reader.threats.some(
    ({ type, description }) => type === 'Exploit Status' && /\bExploited:Yes\b/i.test(description),
  )
  for (const { line, type, productIds, texts } of reader.remediations) {
    const article = texts.get('Description') ?? ''
    if (type === 'Known Issue') reader.knownIssues.add(article)
    if (type !== 'Vendor Fix') continue
    if (reader.fixes.length >= MAX_FIXES) fail(`has more than ${MAX_FIXES} fixes`)
    reader.fixes.push({
      line,
      article,
      productIds,
      kind: texts.get('SubType') ?? '',
      restart: texts.get('RestartRequired') ?? '',
      supersedes: texts.get('Supercedence') ?? '',
      cve: reader.cve,
      exploited,
      severities,
    })
  }
}

function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1)
}
