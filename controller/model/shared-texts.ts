// One instance of what many records say alike. Each record of a feed comes with texts and lists of its own; to have them once takes less
// memory, and who compares them has only to see that they are the same.

/** So many texts, and as many lists, are remembered; then it begins anew. What was given out stays as it is. */
const MAX_REMEMBERED = 20_000

/** Characters of a text, or of a list as JSON; what is longer is hardly ever said twice. */
const MAX_LENGTH = 256

const texts = new Map<string, string>()
const singles = new Map<string, string[]>()
const lists = new Map<string, string[]>()
const nothing: never[] = []

/** A text that says the same, and is the same for all who say it. */
export function sharedText(text: string): string {
  return text.length > MAX_LENGTH ? text : (texts.get(text) ?? remember(texts, text, text))
}

/** The same for a list of texts. Nobody may change what this gives. */
export function sharedTexts(list: string[]): string[] {
  const [first] = list
  if (first === undefined) return nothing
  // Most have one, and to write JSON takes as long as all else.
  if (list.length === 1)
    return first.length > MAX_LENGTH ? list : (singles.get(first) ?? remember(singles, first, list))
  const key = JSON.stringify(list)
  return key.length > MAX_LENGTH ? list : (lists.get(key) ?? remember(lists, key, list))
}

/** For lists that are seldom alike, but often empty. Nobody may change what this gives. */
export function sharedIfEmpty<T>(list: T[]): T[] {
  return list.length === 0 ? nothing : list
}

function remember<T>(known: Map<string, T>, key: string, value: T): T {
  if (known.size >= MAX_REMEMBERED) known.clear()
  known.set(key, value)
  return value
}
