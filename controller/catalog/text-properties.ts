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

/** The values as the update spells them. */
export function spelledValues(update: Update, property: TextProperty): readonly string[] {
  switch (property) {
    case 'products':
    case 'articleIds':
    case 'bulletinIds':
    case 'cves':
    case 'languages':
      return update[property]
    case 'classifications':
      return [update.classification]
    case 'severities':
      return [update.severity]
    case 'customSeverities':
      return update.customSeverity === undefined ? [] : [update.customSeverity]
    case 'titles':
      return [update.title]
    case 'descriptions':
      return [update.description]
    case 'vendors':
      return [update.vendor]
    case 'architectures':
      return [update.architecture]
    case 'restart':
      return [update.restart]
  }
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
