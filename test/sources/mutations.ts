// Texts changed at random, but the same for the same seed: as people, merges and broken tools change them.
import fc from 'fast-check'

/** What YAML gives a meaning to. */
export const SNIPPETS: readonly string[] = [
  ...'[]{}:,-?&*!|>"\'%@#\n\t \\~<0',
  '- ',
  ': ',
  '<<: ',
  '*a',
  '&a ',
  '---\n',
  '1e999',
  'null',
  '!!map',
  '\u2028',
  '😀',
]

const edit = fc.record({
  at: fc.nat(),
  drop: fc.nat(12),
  insert: fc.oneof(fc.constantFrom(...SNIPPETS), fc.string({ maxLength: 6 })),
})

/** One to six places of a text changed: something left out, something put in. */
export const edited: fc.Arbitrary<(text: string) => string> = fc.array(edit, { minLength: 1, maxLength: 6 }).map(
  (edits) => (text) =>
    edits.reduce((before, { at, drop, insert }) => {
      const from = at % (before.length + 1)
      return before.slice(0, from) + insert + before.slice(from + drop)
    }, text),
)
