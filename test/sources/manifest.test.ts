import fc from 'fast-check'
import { test } from 'tap'
import { MAX_FILE_BYTES, MAX_PROBLEMS_PER_FILE } from '../../controller/sources/limits.ts'
import { parseManifests } from '../../controller/sources/manifest.ts'
import { edited } from './mutations.ts'
import { GOOD, manifest } from './samples.ts'

const origin = { source: 'git', revision: 'main@sha1:abc', commit: 'abc', author: 'Ada' }
const parse = (text: Uint8Array | string, explicit = true) => parseManifests('f.yaml', text, origin, explicit)
const codes = (text: Uint8Array | string) => parse(text).problems.map((problem) => problem.code)

test('an object carries where it came from, its metadata, and its spec with defaults', (t) => {
  const text = `# a comment
apiVersion: ringmaster.dev/v1alpha1
kind: UpdateSource
metadata:
  name: msrc
  namespace: updates
  labels: {team: ops}
  annotations: {note: "1"}
  uid: 0b6e
  managedFields: [{manager: kubectl}]
spec: {format: MsrcCvrf, path: cvrf}
status: {anything: [goes]}
`
  t.strictSame(parse(text), {
    objects: [
      {
        kind: 'UpdateSource',
        name: 'msrc',
        labels: { team: 'ops' },
        annotations: { note: '1' },
        spec: { format: 'MsrcCvrf', path: 'cvrf', interval: 'PT8H' },
        origin: { ...origin, file: 'f.yaml', line: 2 },
      },
    ],
    problems: [],
    ignored: 0,
    refused: [],
  })
  t.end()
})

test('JSON, Windows line ends, a byte order mark, empty documents and aliases are fine', (t) => {
  const json = JSON.stringify({
    apiVersion: 'ringmaster.dev/v1alpha1',
    kind: 'Collection',
    metadata: { name: 'a' },
    spec: { include: ['all'] },
  })
  const yaml = manifest('Collection', 'b', '{include: &x [all], exclude: *x}').replaceAll('\n', '\r\n')
  const { objects, problems } = parse(new TextEncoder().encode(`\ufeff${json}\n---\n---\r\n${yaml}---\n# nothing\n`))
  t.strictSame(problems, [])
  t.match(objects, [
    { name: 'a', origin: { line: 1 } },
    { name: 'b', spec: { exclude: ['all'] }, origin: { line: 4 } },
  ])
  t.end()
})

test('objects of others are ignored and counted, and a YAML 1.1 directive changes no meaning', (t) => {
  const others = ['apiVersion: v1\nkind: List', 'apiVersion: apps/v1\nkind: Rollout', 'replicas: 3', '- a list', 'text']
  const scenario = 'apiVersion: ringmaster.dev/v1alpha1\nkind: Scenario\nspec: {devices: 5}'
  const ours = `%YAML 1.1\n---\n${manifest('Collection', 'a', '{include: [all], description: no}')}`
  const { objects, problems, ignored } = parse(
    [...others, scenario, ours].join('\n---\n').replace('---\n%', '...\n%'),
    false,
  )
  t.strictSame(problems, [])
  t.equal(ignored, 6)
  t.match(objects, [{ spec: { description: 'no' } }])
  t.strictSame(codes('replicas: 3'), ['RM1102', 'RM1103', 'RM1105', 'RM1201'], 'but not when a person names the file')
  t.strictSame(codes('# nothing\n'), ['RM1018'])
  t.end()
})

test('what is no text, no UTF-8 or too large is refused before it is parsed', (t) => {
  t.strictSame(codes(new Uint8Array(MAX_FILE_BYTES + 1)), ['RM1001'])
  t.strictSame(codes(Buffer.alloc(10_000_000, GOOD)), ['RM1001'])
  t.strictSame(codes(Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0, 0, 0, 13)), ['RM1002'])
  t.strictSame(codes('a: \0'), ['RM1002'])
  t.strictSame(codes(Uint8Array.of(0x61, 0x3a, 0x20, 0xfc)), ['RM1003'])
  t.strictSame(codes(Buffer.from(GOOD, 'utf16le')), ['RM1002'])
  t.end()
})

test('more documents than allowed end the reading', (t) => {
  t.strictSame(codes('--- \n'.repeat(10_001)), ['RM1006'], 'empty ones count')
  t.strictSame(codes('--- a\n'.repeat(10_001)).at(-1), 'RM1019')
  const { objects, problems: found } = parse(
    `${manifest('Collection', 'a', '{include: [all]}').replace('\n', ' \n')}---\n`.repeat(10_001),
  )
  t.equal(objects.length, 10_000)
  t.match(found, [{ code: 'RM1006' }])
  t.end()
})

test('the first problems of a file are listed, and the others counted', (t) => {
  const text = manifest(
    'Collection',
    'a',
    `{include: [all], ${Array.from({ length: 300 }, (_, i) => `x${i}: 1`).join(', ')}}`,
  )
  const { problems } = parse(text)
  t.equal(problems.length, MAX_PROBLEMS_PER_FILE + 1)
  t.match(problems.at(-1), { code: 'RM1019', message: /^100 more/ })
  t.end()
})

// Each fills the file to its limit with what has overflowed stacks or taken quadratic time elsewhere.
for (const bomb of ['[', '{', '{a: ', '- ', '? ', 'a: b: ', '&a ', '*a ', '"', '\t', 'a: |\n ', '[],', ',', 'a: 1\n'])
  test(`1 MiB of ${JSON.stringify(bomb)} ends with problems`, (t) => {
    const text = bomb.repeat(Math.floor(MAX_FILE_BYTES / bomb.length))
    const { objects, problems } = parse(text)
    t.equal(objects.length, 0)
    t.ok(problems.length > 0 && problems.length <= MAX_PROBLEMS_PER_FILE + 1)
    t.end()
  })

test('the good examples load, and no mutation of them crashes, hangs or gives problems out of order', (t) => {
  t.match(parse(GOOD), { problems: [] })
  const property = fc.property(edited, (edit) => {
    const text = edit(GOOD)
    const { problems, objects } = parse(text)
    const lines = text.split('\n').length
    const places = problems.map(({ line, column }) => line * 1e7 + column)
    const inOrder = places.every((place, i) => i === 0 || place >= (places[i - 1] ?? 0))
    const inText = problems.every(({ line, column }) => line >= 1 && line <= lines && column >= 1)
    return inOrder && inText && objects.every((object) => object.origin.line <= lines)
  })
  fc.assert(property, { seed: 42, numRuns: 500 })
  t.end()
})
