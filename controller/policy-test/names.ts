// Names that people write in tests: updates by id or article, devices by id, both with `*` for any text.
import { globMatches } from '../catalog/terms.ts'
import type { Update } from '../model/update.ts'
import { nearest } from '../sources/suggest.ts'

/** Whether a text names an update: its id or one of its articles, with or without KB; `*` stands for any text. */
export function namesUpdate(text: string, { id, articleIds }: Pick<Update, 'id' | 'articleIds'>): boolean {
  if (text === id || (text.includes('*') && globMatches(text, id))) return true
  const wanted = bare(text)
  return articleIds.some((article) =>
    text.includes('*') ? globMatches(wanted, bare(article)) : wanted === bare(article),
  )
}

/** The one update that is meant, or what is wrong with the name. */
export function updateMeant(
  text: string,
  updates: readonly Pick<Update, 'id' | 'articleIds'>[],
): { readonly id: Update['id'] } | { readonly problem: string } {
  const exact = updates.find(({ id }) => id === text)
  if (exact !== undefined) return { id: exact.id }
  const found = updates.filter((update) => namesUpdate(text, update))
  const [one, second] = found
  if (one === undefined) {
    const meant = nearest(
      text,
      updates.map(({ id }) => id),
    )
    return {
      problem: `there is no update ${text} in the test's catalog${meant === undefined ? '' : `; did you mean ${meant}?`}`,
    }
  }
  if (second !== undefined)
    return {
      problem: `${text} is ${found.length} updates; name one of ${found
        .slice(0, 5)
        .map(({ id }) => id)
        .join(', ')}`,
    }
  return { id: one.id }
}

/** Those of the names that fit. */
export function devicesNamed(text: string, ids: readonly string[]): readonly string[] {
  return text.includes('*') ? ids.filter((id) => globMatches(text, id)) : ids.filter((id) => id === text)
}

function bare(article: string): string {
  return article.toLowerCase().replace(/^kb/, '')
}
