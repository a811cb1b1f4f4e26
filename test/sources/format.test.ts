// The canonical form of declarations: nothing that is said changes, no comment goes, and formatting again changes nothing.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { test } from 'tap'
import { parseAllDocuments } from 'yaml'
import { documentSchema } from '../../controller/cli/document-schemas.ts'
import { formatYaml } from '../../controller/sources/format.ts'

const HEAD = 'apiVersion: ringmaster.dev/v1alpha1\n'

function formatted(text: string): string {
  const result = formatYaml(text, documentSchema)
  if (result.type !== 'Formatted') throw new Error(`${result.type}: ${result.reason}\n${text}`)
  return result.text
}

test('fields stand in the order of the reference, with their comments', async (t) => {
  t.equal(
    formatted(`# about the file

spec:
    # how long
    duration: PT4H   # hours
    collections: [ servers ]
    schedule: { at: 22:00, rrule: 'FREQ=DAILY', timeZone: "Europe/Berlin" }
# who
metadata: {name: nights}
kind: MaintenanceWindow
apiVersion: ringmaster.dev/v1alpha1
---
{"kind": "Freeze", "apiVersion": "ringmaster.dev/v1alpha1", "metadata": {"name": "a"}, "spec": {"reason": "b", "from": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z"}}
# the end`),
    `# about the file

apiVersion: ringmaster.dev/v1alpha1
kind: MaintenanceWindow
# who
metadata: {name: nights}
spec:
  schedule: {rrule: "FREQ=DAILY", at: "22:00", timeZone: "Europe/Berlin"}
  # how long
  duration: PT4H # hours
  collections: [servers]
---
{"apiVersion": "ringmaster.dev/v1alpha1", "kind": "Freeze", "metadata": {"name": "a"}, "spec": {"from": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z", "reason": "b"}}

# the end
`,
  )
})

test('what other YAML parsers take for something else is put in quotes', async (t) => {
  const spec = (value: string) => formatted(`${HEAD}kind: Freeze\nmetadata: {name: a}\nspec: {reason: ${value}}\n`)
  for (const value of ['22:00', '2026-01-31', '2026-01-31T18:00:00Z', 'yes', 'No', 'on', 'y'])
    t.match(spec(value), `reason: "${value}"`)
  for (const value of ['PT4H', 'a:b', '2026-01-31T18:00', '">=1"', 'yesterday', '1.2.3'])
    t.match(spec(value), `reason: ${value}`)
  t.match(spec("'it''s'"), `reason: "it's"`)
  t.match(spec(`'say "hi"'`), `reason: 'say "hi"'`)
})

test('what is not ours, or cannot be read, is left alone', async (t) => {
  const type = (text: string) => formatYaml(text, documentSchema).type
  t.equal(type('a: 1\n'), 'NotOurs')
  t.equal(type(''), 'NotOurs')
  t.equal(type(`${HEAD}kind: Freeze\n---\nkind: ConfigMap\n`), 'NotOurs')
  t.equal(type(`${HEAD}kind: {{ .Values.kind }}\n`), 'Broken')
  t.equal(type('a: [\n'), 'Broken')
  t.equal(type('a: 1\na: 2\n'), 'Broken')
  t.equal(type('\0'), 'Broken')
})

test('an anchor stays above its alias', async (t) => {
  const text = `${HEAD}kind: Collection\nmetadata: {name: a}\nspec:\n  exclude: &names [b]\n  include: *names\n`
  t.equal(formatted(text), text)
})

test('the examples are formatted', async (t) => {
  const root = join(import.meta.dirname, '../../examples')
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.yaml'))
  t.ok(files.length > 20)
  for (const file of files) {
    const text = readFileSync(join(root, file), 'utf8')
    t.equal(formatted(text), text, file)
  }
})

// YAML as people write it: comments anywhere, either style, fields in any order, odd texts.
const word = fc.constantFrom(
  'a',
  'pilot',
  '22:00',
  'yes',
  '1.10',
  '2026-01-31',
  '~',
  'x: y',
  '#no',
  "it's",
  'say "hi"',
  '- a',
  '',
  ' b ',
  'ü',
)
const scalar = fc.oneof(
  word.map((text) => JSON.stringify(text)),
  word.map((text) => `'${text.replaceAll("'", "''")}'`),
  fc.constantFrom('plain', 'PT4H', '22:00', 'yes', '12', '-0.5', 'true', 'null', '2026-01-31T18:00:00Z'),
)
const comment = fc.option(fc.constantFrom(' # about', ' # x: [y', ' ## "', ' #'), { nil: '' })
const field = fc.constantFrom(
  'description',
  'collections',
  'schedule',
  'duration',
  'reason',
  'from',
  'until',
  'other',
  'appliesTo',
)
const flow = fc.array(scalar, { maxLength: 3 }).map((items) => `[${items.join(', ')}]`)
const flowMap = fc
  .uniqueArray(fc.tuple(field, scalar), { selector: ([name]) => name, maxLength: 3 })
  .map((pairs) => `{ ${pairs.map(([name, value]) => `${name}: ${value}`).join(',  ')} }`)
const lines = fc
  .uniqueArray(fc.tuple(field, fc.oneof(scalar, flow, flowMap), comment, comment, fc.boolean()), {
    selector: ([name]) => name,
    minLength: 1,
  })
  .map((fields) =>
    fields.map(
      ([name, value, above, behind, blank]) =>
        `${blank ? '\n' : ''}${above === '' ? '' : `  ${above.trim()}\n`}  ${name}: ${value}${behind}\n`,
    ),
  )
const object = fc
  .tuple(fc.constantFrom('MaintenanceWindow', 'Freeze', 'Scenario', 'PolicyTest'), lines, fc.boolean(), comment)
  .map(([kind, spec, last, above]) => {
    const top = [HEAD, `kind: ${kind}\n`, 'metadata:\n   name: a\n', `spec:\n${spec.join('')}`]
    return `${above.trim()}\n${(last ? top.toReversed() : top).join('')}`
  })
const file = fc.array(object, { minLength: 1, maxLength: 3 }).map((objects) => objects.join('---\n'))

const values = (text: string) => parseAllDocuments(text, { schema: 'core' }).map((document) => document.toJS())

test('property: nothing that is said changes, no comment goes, and again changes nothing', async () => {
  fc.assert(
    fc.property(file, (text) => {
      const result = formatYaml(text, documentSchema)
      if (result.type !== 'Formatted') return result.type === 'NotOurs'
      const same = JSON.stringify(sorted(values(result.text))) === JSON.stringify(sorted(values(text)))
      const again = formatYaml(result.text, documentSchema)
      return same && again.type === 'Formatted' && again.text === result.text
    }),
    { numRuns: 500 },
  )
})

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  )
}

test('property: mutated text never throws and never loses anything', async () => {
  fc.assert(
    fc.property(
      file,
      fc.nat(),
      fc.constantFrom('{', '"', "'", ':', '\n', '#', '- ', '\t', '&a ', '*a', '|', '>', '%'),
      (text, at, what) => {
        const where = at % (text.length + 1)
        const mutated = text.slice(0, where) + what + text.slice(where)
        const result = formatYaml(mutated, documentSchema)
        if (result.type !== 'Formatted') return true
        const again = formatYaml(result.text, documentSchema)
        return again.type === 'Formatted' && again.text === result.text
      },
    ),
    { numRuns: 500 },
  )
})
