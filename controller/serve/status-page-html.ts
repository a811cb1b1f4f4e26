// HTML that is escaped by construction: a template puts in text only as text, and markup only when it came from a template.

/** Markup made by `html` or `constant`. A string is never taken for it. */
export type Html = { readonly type: 'Html'; readonly markup: string }

type Value = Html | string | number | undefined | false | readonly Html[]

/** A tagged template. Strings and numbers are escaped, for elements and quoted attributes alike; undefined and false are left out. */
export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Html {
  let markup = parts[0] ?? ''
  values.forEach((value, i) => {
    markup += written(value) + (parts[i + 1] ?? '')
  })
  return { type: 'Html', markup }
}

export function escaped(text: string): string {
  return text.replace(/[&<>"'`\p{Cc}\p{Cs}]/gu, (c) => ENTITIES[c] ?? '\ufffd')
}

/** At most `length` characters, the last one an ellipsis where something was cut off. */
export function clip(text: string, length: number): string {
  if (text.length <= length) return text
  return `${text.slice(0, length - 1).toWellFormed()}…`
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
  '\n': '\n',
  '\t': '\t',
}

function written(value: Value): string {
  if (value === undefined || value === false) return ''
  if (typeof value === 'string') return escaped(value)
  if (typeof value === 'number') return String(value)
  return 'markup' in value ? value.markup : value.map(({ markup }) => markup).join('')
}
