// Which of many texts are found anywhere in another one, in a single pass over it, however many there are (Aho and Corasick 1975).

/** Characters of all needles together; beyond that the caller has to look for the rest one by one. */
export const MAX_NEEDLE_CHARACTERS = 50_000

export type Needles = {
  /** Code of a character → its class, that of an ASCII letter in either case; 0 for what is in no needle. */
  readonly classes: Uint16Array
  readonly classCount: number
  /**
   * State and class → next state, side by side; state 0 is the beginning. Each as twice the place where its own next ones begin, plus
   * 1 where a needle ends.
   */
  readonly next: Uint32Array
  /** State → the needles that end there, by number. */
  readonly found: readonly (readonly number[])[]
}

export function newNeedles(needles: readonly string[]): Needles {
  const { classes, classCount } = classify(needles)
  const states = needles.reduce((sum, needle) => sum + needle.length, 1)
  const next = new Uint16Array(states * classCount)
  const found: number[][] = [[]]
  const from = (state: number, character: number) => state * classCount + (classes[character] ?? 0)
  for (const [number, needle] of needles.entries()) {
    let state = 0
    for (let i = 0; i < needle.length; i++) {
      const step = from(state, needle.charCodeAt(i))
      if (next[step] === 0) next[step] = found.push([]) - 1
      state = next[step] ?? 0
    }
    found[state]?.push(number)
  }
  followFailures(next, found, classCount)
  const steps = Uint32Array.from(next, (state) => state * classCount * 2 + (found[state]?.length === 0 ? 0 : 1))
  return { classes, classCount, next: steps, found }
}

/** The numbers of the needles, which are in lower case, in a text that need not be; one for each place where one ends. */
export function needlesIn(needles: Needles, text: string): readonly number[] {
  const { classes, classCount, next, found } = needles
  let inside: number[] | undefined
  let step = 0
  for (let i = 0; i < text.length; i++) {
    const character = text.charCodeAt(i)
    // Beyond ASCII a letter in lower case may be several.
    if (character >= ASCII) return needlesInLower(needles, text.toLowerCase())
    step = next[(step >>> 1) + (classes[character] ?? 0)] ?? 0
    if ((step & 1) === 0) continue
    inside ??= []
    for (const needle of found[(step >>> 1) / classCount] ?? NOTHING) inside.push(needle)
  }
  return inside ?? NOTHING
}

function needlesInLower({ classes, classCount, next, found }: Needles, text: string): readonly number[] {
  const inside: number[] = []
  let step = 0
  for (let i = 0; i < text.length; i++) {
    step = next[(step >>> 1) + (classes[text.charCodeAt(i)] ?? 0)] ?? 0
    if ((step & 1) === 1) inside.push(...(found[(step >>> 1) / classCount] ?? NOTHING))
  }
  return inside
}

const ASCII = 128
const NOTHING: readonly number[] = []

function classify(needles: readonly string[]): { classes: Uint16Array; classCount: number } {
  const characters = new Set<number>()
  for (const needle of needles) for (let i = 0; i < needle.length; i++) characters.add(needle.charCodeAt(i))
  const classes = new Uint16Array(Math.max(ASCII, ...[...characters].map((character) => character + 1)))
  let classCount = 1
  for (const character of characters) classes[character] = classCount++
  for (let letter = 65; letter <= 90; letter++) classes[letter] = classes[letter + 32] ?? 0
  return { classes, classCount }
}

// From the shortest states on: where a state leads nowhere, it goes on as the longest other beginning would that ends here.
function followFailures(next: Uint16Array, found: number[][], classCount: number): void {
  const failure = new Int32Array(found.length)
  const open = [0]
  for (let state = open[0], i = 0; state !== undefined; state = open[++i]) {
    const other = failure[state] ?? 0
    if (state !== 0) found[state]?.push(...(found[other] ?? []))
    for (let c = 1; c < classCount; c++) {
      const step = state * classCount + c
      const elsewhere = state === 0 ? 0 : (next[other * classCount + c] ?? 0)
      const target = next[step] ?? 0
      if (target === 0) next[step] = elsewhere
      else {
        failure[target] = elsewhere
        open.push(target)
      }
    }
  }
}
