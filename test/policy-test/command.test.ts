// `ringmaster test` as a command: what it prints in each form, its exit codes, its filter and its coverage.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { SaxesParser } from 'saxes'
import { test } from 'tap'
import { readTests } from '../../controller/policy-test/read-tests.ts'
import { loadDirectory } from '../../controller/sources/directory-source.ts'
import { call, policyTest, RULES, site } from './site.ts'

const GOOD = policyTest('- at: 2026-01-13T19:00\n  expect: {rules: [{rule: monthly, selects: [KB1]}]}\n')
const BAD = policyTest(
  '- name: "<now> & \\"then\\""\n  at: 2026-01-13T19:00\n  expect: {rules: [{rule: monthly, selects: [KB2]}]}\n',
)

test('text: a failure is a diff with its place, and the exit code is 1', async (t) => {
  const root = site(t, { 'rules.yaml': RULES, 'a.test.yaml': BAD })
  const { exit, out } = await call('test', root)
  t.equal(exit, 1)
  t.same(out.replaceAll(root, '.').split('\n'), [
    'FAILED  monthly: it goes well (1 of 1 check)',
    '  ./a.test.yaml:21:54: <now> & "then", at 2026-01-13T18:00:00Z',
    '    expect.rules[0].selects[0]',
    '    - KB2',
    '    + no KB2',
    '      products: wants Windows *, is Word',
    '',
    '1 test, 0 passed, 1 failed',
    '',
  ])
})

test('all passed: exit code 0, and a line for each', async (t) => {
  const root = site(t, { 'rules.yaml': RULES, 'a.test.yaml': GOOD })
  const { exit, out } = await call('test', root)
  t.equal(exit, 0)
  t.equal(out, 'ok      monthly: it goes well (1 check, 1 step)\n1 test, 1 passed, 0 failed\n')
})

test('the same files give the same output, and nothing is changed', async (t) => {
  const root = site(t, { 'rules.yaml': RULES, 'a.test.yaml': BAD })
  const first = await call('test', '--format', 'json', '--coverage', root)
  t.same(await call('test', '--format', 'json', '--coverage', root), first)
  t.equal(readFileSync(join(root, 'a.test.yaml'), 'utf8'), BAD)
})

test('junit: well-formed, whatever stands in names and messages', async (t) => {
  const root = site(t, {
    'good/rules.yaml': RULES,
    'good/a.test.yaml': BAD,
    'good/b.test.yaml': GOOD,
    'broken/c.test.yaml': 'a: [',
  })
  const { exit, out } = await call('test', '--format', 'junit', root)
  t.equal(exit, 1)
  const elements: { name: string; attributes: Record<string, string> }[] = []
  const parser = new SaxesParser()
  parser.on('opentag', ({ name, attributes }) => elements.push({ name, attributes }))
  parser.on('error', (error) => t.fail(error.message))
  parser.write(out).close()
  t.match(elements[0], { name: 'testsuites', attributes: { tests: '3', failures: '1', errors: '1' } })
  t.equal(elements.filter(({ name }) => name === 'testcase').length, 3)
  t.match(elements.find(({ name }) => name === 'failure')?.attributes, { message: /rules\[0\]\.selects\[0\]/ })
  t.match(out, '&lt;now&gt; &amp; &quot;then&quot;')
})

test('json: each failure with its place', async (t) => {
  const root = site(t, { 'rules.yaml': RULES, 'a.test.yaml': BAD })
  const { out } = await call('test', '--format', 'json', root)
  t.match(JSON.parse(out), {
    passed: false,
    problems: [],
    tests: [{ suite: 'monthly', name: 'it goes well', status: 'Failed', failures: [{ line: 21, expected: ['KB2'] }] }],
  })
})

test('coverage: what was brought about, and a threshold', async (t) => {
  const root = site(t, { 'rules.yaml': RULES, 'a.test.yaml': GOOD })
  const { exit, out } = await call('test', '--coverage', root)
  t.equal(exit, 0)
  t.match(out, 'Coverage: 33 % (2 of 6)')
  t.match(out, '+ rule monthly: selected')
  t.match(out, '+ rule monthly, phase pilot: entered')
  t.match(out, '- rule monthly, phase pilot: passed (but: entered)')
  t.match(out, '- window evenings: mattered')
  t.equal((await call('test', '--coverage-threshold', '33', root)).exit, 0)
  const short = await call('test', '--coverage-threshold', '34', root)
  t.match(short, { exit: 1, err: 'coverage is 33 %, less than the 34 % asked for\n' })
})

test('filter: by suite and name', async (t) => {
  const root = site(t, { 'rules.yaml': RULES, 'a.test.yaml': GOOD })
  t.equal((await call('test', '--filter', 'MONTHLY: it goes', root)).exit, 0)
  t.match(await call('test', '--filter', 'nothing', root), { exit: 1, out: /RM1607: no test here has "nothing"/ })
})

test('a folder without tests, a file without a test, and a broken file do not pass', async (t) => {
  const root = site(t, { 'rules.yaml': RULES, 'sub/broken.test.yaml': `${GOOD}x: [`, 'sub/empty.test.yaml': '' })
  t.match(await call('test', join(root, 'rules.yaml')), { exit: 1, out: /RM1607: there is no PolicyTest/ })
  t.match(await call('test', join(root, 'sub/broken.test.yaml')), { exit: 1, out: /RM1004/ })
  t.match(await call('test', join(root, 'sub/empty.test.yaml')), { exit: 1, out: /RM1607/ })
  const none = site(t, { 'rules.yaml': RULES })
  t.match(await call('test', none), { exit: 1, out: /RM1607: there is no test here/ })
})

test('wrong usage is 2, and what cannot be read is 3', async (t) => {
  t.equal((await call('test')).exit, 2)
  t.equal((await call('test', '--format', 'xml', '.')).exit, 2)
  t.equal((await call('test', '--coverage-threshold', '101', '.')).exit, 2)
  t.equal((await call('test', join(t.testdir({}), 'no.test.yaml'))).exit, 3)
})

test('tests are no declarations: validate and the controller pass them by', async (t) => {
  const root = site(t, { 'rules.yaml': RULES, 'a.test.yaml': GOOD })
  t.match(await loadDirectory(root), { problems: [], ignored: 1 })
  t.match(await call('validate', root), { exit: 0, out: /1 other document ignored/ })
})

test('a test file with hostile content is refused in bounded time, without a stack', async (t) => {
  for (const text of [
    '&a [*a]',
    '!!js/function x',
    '- '.repeat(10_000),
    `${GOOD}\n---\n${GOOD}`.repeat(50),
    '\0',
    '{'.repeat(5000),
  ]) {
    const { tests, problems } = readTests('x', text)
    t.ok(tests.length >= 0)
    for (const { message } of problems) t.notMatch(message, /\n\s+at /)
  }
})
