// "Did you mean …?": the word nearest to one that is not known.

/** The candidate that `word` was probably meant to be; undefined when none is near. Ties go to the first in order. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const wanted = plain(word)
  let best: string | undefined
  let least = Math.max(1, Math.floor(wanted.length / 3)) + 1
  for (const candidate of [...candidates].sort()) {
    const distance = editDistance(wanted, plain(candidate), least)
    if (distance < least) [best, least] = [candidate, distance]
  }
  return best
}

/** `; did you mean …?`, or nothing. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const meant = nearest(word, candidates)
  return meant === undefined ? '' : `; did you mean \`${meant}\`?`
}

/** Levenshtein's distance, with a swap of neighbours as one step; `limit` when it is that or more. */
export function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit || a.length > 256) return limit
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = at(last, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1)
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? at(before, j - 2) + 1 : limit
      row.push(Math.min(at(last, j) + 1, at(row, j - 1) + 1, replaced, swapped))
    }
    before = last
    last = row
  }
  return Math.min(limit, at(last, b.length))
}

// Case and the style of joining words never make a difference that matters.
function plain(word: string): string {
  return word.toLowerCase().replaceAll(/[-_ ]/g, '')
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? 0
}
