// The plain way to match rules, for comparison: each update an object with its texts in lower case, each rule a list of
// functions made once. Fair, but row by row.
import type { Criteria } from '../../controller/model/criteria.ts'
import type { Update } from '../../controller/model/update.ts'

export type Plain = {
  readonly products: readonly string[]
  readonly classification: readonly string[]
  readonly severity: readonly string[]
  readonly vendor: readonly string[]
  readonly cves: readonly string[]
  readonly title: string
  readonly released: number
  readonly sizeBytes: number
  readonly superseded: boolean
}

type Condition = (update: Plain) => boolean

export function plainUpdate(update: Update, superseded: boolean): Plain {
  return {
    products: update.products.map(lower),
    classification: [lower(update.classification)],
    severity: [lower(update.severity)],
    vendor: [lower(update.vendor)],
    cves: update.cves.map(lower),
    title: lower(update.title),
    released: update.released,
    sizeBytes: update.sizeBytes,
    superseded,
  }
}

/** Knows the criteria that `generateRules` writes; throws on others. */
export function plainFilter(criteria: Criteria, now: number): Condition {
  const conditions: Condition[] = [(update) => !update.superseded]
  for (const [property, wanted] of Object.entries(criteria)) if (wanted !== undefined) conditions.push(only(property))
  return (update) => conditions.every((holds) => holds(update))

  function only(property: string): Condition {
    switch (property) {
      case 'products':
        return listed(criteria.products ?? [], (update) => update.products)
      case 'classifications':
        return listed(criteria.classifications ?? [], (update) => update.classification)
      case 'severities':
        return listed(criteria.severities ?? [], (update) => update.severity)
      case 'vendors':
        return listed(criteria.vendors ?? [], (update) => update.vendor)
      case 'cves':
        return listed(criteria.cves ?? [], (update) => update.cves)
      case 'titles':
        return found(criteria.titles ?? [])
      case 'released':
        return aged(criteria.released, now)
      case 'sizeBytes': {
        const most = Number(criteria.sizeBytes?.replace('<=', ''))
        return (update) => update.sizeBytes <= most
      }
      default:
        throw new Error(`the plain filter does not know ${property}`)
    }
  }
}

function listed(terms: readonly string[], valuesOf: (update: Plain) => readonly string[]): Condition {
  const { wanted, unwanted } = split(terms)
  const any = new Set(wanted)
  const none = new Set(unwanted)
  return (update) => {
    const values = valuesOf(update)
    return (any.size === 0 || values.some((value) => any.has(value))) && !values.some((value) => none.has(value))
  }
}

function found(terms: readonly string[]): Condition {
  const { wanted, unwanted } = split(terms)
  return ({ title }) =>
    (wanted.length === 0 || wanted.some((term) => title.includes(term))) &&
    !unwanted.some((term) => title.includes(term))
}

function aged(age: Criteria['released'], now: number): Condition {
  const at = Temporal.Instant.fromEpochMilliseconds(now).toZonedDateTimeISO('UTC')
  const ago = (span: string | undefined, absent: number) =>
    span === undefined ? absent : at.subtract(span).epochMilliseconds
  const from = ago(age?.within, -Infinity)
  const before = ago(age?.olderThan, Infinity)
  return ({ released }) => released >= from && released < before && released <= now
}

function split(terms: readonly string[]): { wanted: string[]; unwanted: string[] } {
  return {
    wanted: terms.filter((term) => !term.startsWith('-')).map(lower),
    unwanted: terms.filter((term) => term.startsWith('-')).map((term) => lower(term.slice(1))),
  }
}

function lower(text: string): string {
  return text.toLowerCase()
}
