// The two readers of declarations are one: what the fast one reads, the whole one reads to the same values and places.
import fc from 'fast-check'
import { test } from 'tap'
import { parseFast, placesInFast } from '../../controller/sources/manifest-fast.ts'
import { parseWhole, placesIn } from '../../controller/sources/manifest-whole.ts'
import { positions } from '../../controller/sources/text-positions.ts'
import { readFast } from '../../controller/sources/yaml-fast.ts'
import { readYaml } from '../../controller/sources/yaml-text.ts'
import { offsetOf, type Path, plainValues } from '../../controller/sources/yaml-values.ts'
import { edited, SNIPPETS } from './mutations.ts'
import { GOOD } from './samples.ts'

/** What the whole parser gives, in the form of the fast one; undefined when it finds any fault. */
function whole(text: string): unknown {
  const yaml = readYaml(text)
  const positionOf = positions(yaml.text)
  const documents = yaml.documents.map((document) => {
    const { value, problems } = plainValues(document)
    return { value, problems, line: positionOf(offsetOf(document, [], 'Value')).line }
  })
  if (yaml.problems.length > 0 || documents.some(({ problems }) => problems.length > 0)) return undefined
  return documents.map(({ value, line }) => ({ value, line }))
}

const STYLES = `# yaml-language-server: $schema=x
---
apiVersion: ringmaster.dev/v1alpha1   # ours
kind: Collection
metadata: {name: a-1, labels: {team: ops, n: "1"}}
spec:
  description: "it's: a # text"
  devices: [pc-1, 'pc 2', 10.0.26100, -x]
  queries:
  - matchLabels: {os: windows-11}
    matchExpressions:
    - {key: build, operator: Gt, value: 22000}
    -   key: site
        operator: In
        values:
          - berlin
          - "tokyo"
  include:
    - all
--- # the next one
b: true
c: 0
url: https://example/a:b
time: 22:00
empty: []
none: {}
`

test('the plain kind of YAML is read fast, in all its styles', (t) => {
  t.strictSame(readFast(STYLES), whole(STYLES))
  t.ok(readFast(GOOD.replaceAll(/^ *#.*\n/gm, '')) !== undefined, 'the examples of the reference pages')
  t.end()
})

const LEFT = [
  'a: &x 1', 'a: *x', 'a: !!str 1', '<<: {a: 1}', 'a: 0o17', 'a: 0x1F', 'a: 1.10', 'a: 1e3', 'a: -1', 'a: +1', 'a: 007', 'a: .5',
  'a: .inf', 'a: ~', 'a: null', 'a: Null', 'a:', 'a: True', 'a: |\n  x', 'a: >\n  x', 'a: "x\\n"', "a: 'it''s'", 'a: b: c', 'a: b:',
  'a: b\n  c', 'a: [b,\n  c]', 'a: [b, ]', 'a: [b', 'a: {b}', 'a: {b: c', '? a', '1: x', 'true: x', 'null: x', '"a": x', 'a: 1\na: 2',
  'a: {b: 1, b: 2}', '__proto__: x', '%YAML 1.1\n---\na: b', 'a: b\n...', '- a', 'a', 'a:\tb', 'a: b\r\n', '\ufeffa: b', 'a: @b', 'a: `b`',
  'a: [x]#c', 'a: "x"#c', 'a: "x" y', 'a:\n  b: 1\n c: 2', 'a:\n    - x\n  - y', 'a: 1\n- b', '--- a', '---a: b', 'a: b\n ---\n', '- - a',
  'a:\n-\n  b: 1', ' a: b', 'a: [b:c]]', 'a: {b: {c: 1}', 'a: 9007199254740993', 'a: *', 'a: ?', 'a: - b', 'a: :b', '',
] // biome-ignore format: a table

test('what is not of the plain kind is left to the whole parser', (t) => {
  for (const text of LEFT) {
    const read = readFast(text)
    t.ok(read === undefined || JSON.stringify(read) === JSON.stringify(whole(text)), JSON.stringify(text))
  }
  t.strictSame(
    LEFT.filter((text) => readFast(text) !== undefined),
    [],
  )
  t.end()
})

test('whatever the fast reader reads, however the text was changed, the whole parser reads to the same values', (t) => {
  let read = 0
  const property = fc.property(fc.constantFrom(GOOD, STYLES), edited, (text, edit) => {
    const changed = edit(text)
    const fast = readFast(changed)
    if (fast === undefined) return true
    read++
    return JSON.stringify(fast) === JSON.stringify(whole(changed))
  })
  fc.assert(property, { seed: 7, numRuns: 3000 })
  t.ok(read > 100, `${read} of the changed texts were read fast`)
  t.end()
})

test('short texts of significant characters are read alike, or left', (t) => {
  const pieces = fc.constantFrom(
    ...SNIPPETS,
    'a',
    'b: ',
    '\n',
    '\n  ',
    '\n- ',
    ' ',
    '1',
    'true',
    'x: 1',
    '[a]',
    '{b: c}',
    ' #',
    ':',
  )
  let read = 0
  const property = fc.property(fc.array(pieces, { minLength: 1, maxLength: 12 }), (parts) => {
    const text = parts.join('')
    const fast = readFast(text)
    if (fast === undefined) return true
    read++
    return JSON.stringify(fast) === JSON.stringify(whole(text))
  })
  fc.assert(property, { seed: 11, numRuns: 20_000 })
  t.ok(read > 100, `${read} of the texts were read fast`)
  t.end()
})

test('files that the fast way takes give the same objects by the whole way', (t) => {
  const origin = { source: 's', revision: 'r' }
  let taken = 0
  const property = fc.property(
    fc.constantFrom(...GOOD.split('---\n'), STYLES),
    edited,
    fc.boolean(),
    (text, edit, explicit) => {
      const changed = edit(text)
      const fast = parseFast('f.yaml', changed, origin, explicit)
      if (fast === undefined) return true
      taken++
      return JSON.stringify(fast) === JSON.stringify(parseWhole('f.yaml', changed, origin, explicit))
    },
  )
  fc.assert(property, { seed: 3, numRuns: 3000 })
  t.ok(taken > 100, `${taken} of the changed files were taken`)
  t.end()
})

/** The examples of the kinds that are read without zod. */
const PLAIN = GOOD.split('---\n').filter((text) => !text.includes('kind: GitSource'))

/** Paths to everything in a value, and to fields and items that are not there. */
function pathsIn(value: unknown, path: Path = []): Path[] {
  const missing = [
    [...path, 'missing'],
    [...path, 99, 'missing'],
  ]
  if (typeof value !== 'object' || value === null) return [path, ...missing]
  const inner: [PropertyKey, unknown][] = Array.isArray(value) ? [...value.entries()] : Object.entries(value)
  return [path, ...missing, ...inner.flatMap(([segment, one]) => pathsIn(one, [...path, segment]))]
}

test('values of files that the fast way takes stand where the whole way finds them', (t) => {
  const origin = { source: 's', revision: 'r' }
  let compared = 0
  const property = fc.property(fc.constantFrom(...PLAIN, PLAIN.join('---\n'), STYLES), edited, (text, edit) => {
    const changed = edit(text)
    const [fast, values] = [parseFast('f.yaml', changed, origin, false), readFast(changed)]
    if (fast === undefined || values === undefined) return true
    const [quick, slow] = [placesInFast(changed), placesIn(changed)]
    for (const object of fast.objects) {
      const value = values.find(({ line }) => line === object.origin.line)?.value
      for (const path of pathsIn(value))
        for (const what of ['Key', 'Value'] as const) {
          compared++
          const places = [quick(object, path, what), slow(object, path, what)]
          if (JSON.stringify(places[0]) !== JSON.stringify(places[1])) return false
        }
    }
    return true
  })
  fc.assert(property, { seed: 13, numRuns: 3000 })
  t.ok(compared > 1000, `${compared} places were compared`)
  const [object] = parseFast('f.yaml', STYLES, origin, false)?.objects ?? []
  t.same(object && placesInFast('a: b')({ ...object, origin: { ...object.origin, line: 9 } }, []), {
    line: 1,
    column: 1,
  })
  t.end()
})
