// The text properties of criteria: what values an update has for each, and how they are compared.
import type { Criteria } from '../model/criteria.ts'
import type { Update } from '../model/update.ts'
import { articleNumber, lowerCase, parseTerm, type Term } from './terms.ts'

/** In the order in which explanations name them. */
export const textProperties = [
  'products',
  'classifications',
  'severities',
  'customSeverities',
  'titles',
  'descriptions',
  'articleIds',
  'bulletinIds',
  'cves',
  'vendors',
  'languages',
  'architectures',
  'restart',
] as const satisfies readonly (keyof Criteria)[]
export type TextProperty = (typeof textProperties)[number]

const FIELDS = {
  products: 'products',
  classifications: 'classification',
  severities: 'severity',
  customSeverities: 'customSeverity',
  titles: 'title',
  descriptions: 'description',
  articleIds: 'articleIds',
  bulletinIds: 'bulletinIds',
  cves: 'cves',
  vendors: 'vendor',
  languages: 'languages',
  architectures: 'architecture',
  restart: 'restart',
} as const satisfies Record<TextProperty, keyof Update>

/** The values as the update spells them. */
export function spelledValues(update: Update, property: TextProperty): readonly string[] {
  const value = update[FIELDS[property]]
  if (value === undefined) return []
  return typeof value === 'string' ? [value] : value
}

/** Whether two records spell the same values. */
export function spellTheSame(a: Update, b: Update, property: TextProperty): boolean {
  const first = a[FIELDS[property]]
  const second = b[FIELDS[property]]
  if (typeof first !== 'object' || typeof second !== 'object') return first === second
  if (first.length !== second.length) return false
  for (let i = 0; i < first.length; i++) if (first[i] !== second[i]) return false
  return true
}

/** The values as terms are compared with them, each once. */
export function textValues(update: Update, property: TextProperty): readonly string[] {
  const values = spelledValues(update, property).map(normalizerOf(property))
  return values.length < 2 ? values : [...new Set(values)]
}

export function parseTerms(property: TextProperty, texts: readonly string[]): Term[] {
  const whole = property !== 'titles' && property !== 'descriptions'
  return texts.map((text) => parseTerm(text, whole, normalizerOf(property)))
}

function normalizerOf(property: TextProperty): (value: string) => string {
  return property === 'articleIds' ? articleNumber : lowerCase
}
