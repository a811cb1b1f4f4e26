import fc from 'fast-check'
import { test } from 'tap'
import { crossChecks } from '../../controller/sources/cross-checks.ts'
import { assembled, GOOD, manifest } from './samples.ts'

const collection = (name: string, spec = '{include: [all]}') => manifest('Collection', name, spec)
const texts = (...found: readonly string[]) =>
  assembled(...found).problems.map(({ file, line, code, path }) => `${file}:${line} ${code} ${path}`)

test('the examples of the reference pages are one good source', (t) => {
  const load = assembled(GOOD)
  t.strictSame(load.problems, [])
  t.equal(load.objects.length, 12)
  t.end()
})

test('references, duplicates and circles are found across files, and name both places', (t) => {
  const load = assembled(
    collection('a', '{include: [b]}'),
    `${collection('b')}---\n${collection('a')}`,
    collection('c', '{include: [d]}'),
  )
  t.match(load.problems, [
    {
      file: 'b.yaml',
      line: 10,
      column: 9,
      code: 'RM1301',
      path: 'metadata.name',
      message: /a is declared already at a\.yaml:1:/,
    },
    { file: 'c.yaml', line: 5, column: 18, code: 'RM1302', path: 'spec.include[0]' },
  ])
  t.equal(load.problems.length, 2)
  t.end()
})

test('names are unique for each kind, not over all kinds', (t) => {
  t.strictSame(texts(collection('x'), manifest('SoftwareUpdateGroup', 'x', '{updates: [u]}')), [])
  t.end()
})

test('a reference to an object that is refused for its own faults is not reported as well', (t) => {
  const user = collection('user', '{include: [broken, gone]}')
  t.strictSame(texts(user, collection('broken', '{includes: [all]}')), [
    'a.yaml:5 RM1302 spec.include[1]',
    'b.yaml:5 RM1201 spec.includes',
  ])
  t.strictSame(
    texts(user, 'kind: [Collection'),
    ['b.yaml:1 RM1004'].map((text) => `${text} `),
    'nor while a text cannot be read',
  )
  t.end()
})

test('a rule takes its phases from its template, and needs a schedule from nobody', (t) => {
  const rule = (spec: string) => manifest('AutomaticDeploymentRule', 'r', spec)
  const template = manifest('DeploymentTemplate', 'rings', '{phases: [{name: pilot, collection: all}]}')
  t.strictSame(texts(rule('{criteria: {knownIssue: true}, template: rings}'), template), [])
  t.strictSame(texts(rule('{criteria: {knownIssue: true}, phases: [{name: pilot, collection: all}]}')), [])
  t.strictSame(texts(rule('{criteria: {knownIssue: true}, template: definitions}')), ['a.yaml:5 RM1306 spec.template'])
  t.end()
})

test('a PhaseApproval may name a rollout that a rule has yet to make', (t) => {
  t.strictSame(texts(manifest('PhaseApproval', 'p', '{rollout: later, phase: broad, approvedBy: Ada}')), [])
  t.end()
})

test('circles among thousands of collections are found without recursion, each at a place and by its names', (t) => {
  const chain = Array.from({ length: 3000 }, (_, i) => collection(`c${i}`, `{include: [c${(i + 1) % 3000}]}`)).join(
    '---\n',
  )
  const { problems } = assembled(chain)
  t.match(problems, [{ code: 'RM1305', message: /circle: c0 → c1 → .*… → c0; / }])
  t.equal(problems.length, 1)
  t.end()
})

test('the order of objects makes no difference', (t) => {
  const names = fc.constantFrom('a', 'b', 'c', 'd', 'all')
  const spec = fc.record({
    include: fc.array(names, { minLength: 1, maxLength: 3 }),
    exclude: fc.array(names, { maxLength: 2 }),
  })
  const source = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), spec), { maxLength: 6 })
  const property = fc.property(source, fc.nat(), (drawn, turn) => {
    const { objects } = assembled(...drawn.map(([name, content]) => collection(name, JSON.stringify(content))))
    const at = turn % (objects.length + 1)
    const turned = [...objects.slice(at), ...objects.slice(0, at)].reverse()
    return JSON.stringify(crossChecks(objects)) === JSON.stringify(crossChecks(turned))
  })
  fc.assert(property, { seed: 42, numRuns: 200 })
  t.end()
})
