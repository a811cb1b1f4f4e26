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

/** What an update has of each property, as it spells it. */
export const spelled: Readonly<Record<TextProperty, (update: Update) => string | readonly string[] | undefined>> = {
  products: (update) => update.products,
  classifications: (update) => update.classification,
  severities: (update) => update.severity,
  customSeverities: (update) => update.customSeverity,
  titles: (update) => update.title,
  descriptions: (update) => update.description,
  articleIds: (update) => update.articleIds,
  bulletinIds: (update) => update.bulletinIds,
  cves: (update) => update.cves,
  vendors: (update) => update.vendor,
  languages: (update) => update.languages,
  architectures: (update) => update.architecture,
  restart: (update) => update.restart,
}

/** The values as the update spells them. */
export function spelledValues(update: Update, property: TextProperty): readonly string[] {
  const value = spelled[property](update)
  if (value === undefined) return []
  return typeof value === 'string' ? [value] : value
}

/** The values as terms are compared with them. */
export function textValues(update: Update, property: TextProperty): readonly string[] {
  return spelledValues(update, property).map(normalizerOf(property))
}

export function parseTerms(property: TextProperty, texts: readonly string[]): Term[] {
  const whole = property !== 'titles' && property !== 'descriptions'
  return texts.map((text) => parseTerm(text, whole, normalizerOf(property)))
}

export function normalizerOf(property: TextProperty): (value: string) => string {
  return property === 'articleIds' ? articleNumber : lowerCase
}
