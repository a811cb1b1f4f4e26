// Text terms of criteria: how one is read, and whether a value meets it.

/** `wanted` is in lower case. A `whole` term must match all of a value, others any part of it. */
export type Term = {
  readonly negative: boolean
  readonly wanted: string
  readonly glob: boolean
  readonly whole: boolean
}

export function parseTerm(text: string, whole: boolean, normalize: (value: string) => string): Term {
  const negative = text.startsWith('-')
  const wanted = normalize(negative ? text.slice(1) : text)
  return { negative, wanted, glob: wanted.includes('*'), whole }
}

/** Whether a value, normalized like the term, has what the term names; negation is for the caller. */
export function meets(term: Term, value: string): boolean {
  if (term.glob) return globMatches(term.whole ? term.wanted : `*${term.wanted}*`, value)
  return term.whole ? value === term.wanted : value.includes(term.wanted)
}

/** semantics.md §3: no positive term or any of them met, and no negative term met. */
export function meetsAll(terms: readonly Term[], values: readonly string[]): boolean {
  let positives = false
  let met = false
  for (const term of terms) {
    if (term.negative) {
      if (meetsAny(term, values)) return false
      continue
    }
    positives = true
    met ||= meetsAny(term, values)
  }
  return met || !positives
}

function meetsAny(term: Term, values: readonly string[]): boolean {
  for (const value of values) if (meets(term, value)) return true
  return false
}

/** `*` is any text, also none; the rest is literal. Time is at most pattern × value, never exponential. */
export function globMatches(pattern: string, value: string): boolean {
  let p = 0
  let v = 0
  let star = -1
  let resume = 0
  while (v < value.length) {
    if (pattern[p] === '*') {
      star = p++
      resume = v
    } else if (p < pattern.length && pattern[p] === value[v]) {
      p++
      v++
    } else if (star >= 0) {
      p = star + 1
      v = ++resume
    } else return false
  }
  while (pattern[p] === '*') p++
  return p === pattern.length
}

export function lowerCase(value: string): string {
  return value.toLowerCase()
}

/** "KB5066835" and "5066835" are one article. */
export function articleNumber(value: string): string {
  return value.toLowerCase().replace(/^kb(?=[\d*])/, '')
}
