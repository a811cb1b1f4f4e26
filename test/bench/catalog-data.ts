// A catalog and rules made up to be like real ones in their sizes and spreads: the same for the same numbers.
import { Criteria } from '../../controller/model/criteria.ts'
import { stableHash } from '../../controller/model/hash.ts'
import { DAY } from '../../controller/model/instant.ts'
import { Classification, Severity, Update } from '../../controller/model/update.ts'

export const NOW = Date.parse('2026-01-13T18:00:00Z')

const YEARS = 10
const PRODUCTS = 400
const VENDORS = ['Microsoft', 'Adobe', 'Mozilla', 'Oracle', 'Contoso']
const KINDS = ['Cumulative Update', 'Security Update', 'Servicing Stack Update', 'Dynamic Update', 'Driver Update']
/** As they are found: mostly security updates and drivers. */
const CLASSIFICATIONS = [1, 1, 1, 3, 3, 3, 3, 6, 7, 9].map((i) => Classification.options[i] ?? 'Updates')

export function generateUpdates(count: number): Update[] {
  return Array.from({ length: count }, (_, i) => generateUpdate(i, 1))
}

/** Update number `i`; a higher revision has another title, size and severity. */
export function generateUpdate(i: number, revision: number): Update {
  const draw = (what: string, below: number) => stableHash(`${what} ${i}`) % below
  const product = draw('product', PRODUCTS)
  const article = 5_000_000 + i
  const older = i - PRODUCTS + draw('older', 40)
  const record = {
    id: `update-${i}`,
    revision,
    title: `${2016 + draw('year', YEARS)}-${1 + draw('month', 12)} ${KINDS[draw('kind', KINDS.length)]} for Product ${product} (KB${article}) r${revision}`,
    vendor: VENDORS[product % VENDORS.length],
    products: [`Product ${product}`, ...(draw('second', 4) === 0 ? [`Product ${(product + 1) % PRODUCTS}`] : [])],
    classification: CLASSIFICATIONS[draw('classification', CLASSIFICATIONS.length)],
    severity: Severity.options[(draw('severity', Severity.options.length) + revision) % Severity.options.length],
    articleIds: [`KB${article}`],
    cves: Array.from({ length: draw('cves', 5) }, (_, k) => `CVE-2025-${draw(`cve ${k}`, 20_000)}`),
    released: new Date(NOW - draw('age', YEARS * 365 * 24) * (DAY / 24)).toISOString(),
    supersedes: older >= 0 && draw('supersedes', 3) > 0 ? [`update-${older}`] : [],
    sizeBytes: draw('size', 2_000_000_000) + revision,
  }
  // Texts as they come from the JSON of a feed: not put together from parts, and short ones shared.
  return Update.parse(JSON.parse(JSON.stringify(record)))
}

/** Rules as people write them: products, classifications and ages most of all, titles now and then. */
export function generateRules(count: number): Criteria[] {
  return Array.from({ length: count }, (_, i) => Criteria.parse(rule(i)))
}

function rule(i: number): unknown {
  const products = [0, 1, 2, 3].map((k) => `Product ${(i * 5 + k * 7) % PRODUCTS}`)
  const released = { within: ['P1M', 'P3M', 'P1Y', 'P30D'][i % 4] }
  switch (i % 6) {
    case 0:
      return { products, classifications: ['Security Updates', 'Critical Updates'], released }
    case 1:
      return { products, severities: ['Critical', 'Important'], titles: ['Cumulative Update', '-Servicing Stack'] }
    case 2:
      return { classifications: ['Security Updates'], released: { ...released, olderThan: 'P7D' } }
    case 3:
      return {
        vendors: [VENDORS[i % VENDORS.length]],
        classifications: ['-Drivers'],
        sizeBytes: '<=500000000',
        released,
      }
    case 4:
      return { titles: [`Product ${i % PRODUCTS} `, `${2016 + (i % YEARS)}-1`], severities: ['-None'] }
    default:
      return { products, cves: Array.from({ length: 50 }, (_, k) => `CVE-2025-${(i * 131 + k * 17) % 20_000}`) }
  }
}
