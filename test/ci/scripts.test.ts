// The scripts of the CI recipes, run as the forges run them: on a real repository, against a forge on the loopback.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { policyTest, RULES } from '../policy-test/site.ts'
import { git, ROOT, repository, runScript, standIn, startForge, write } from './forge.ts'

const RINGMASTER = join(ROOT, 'bin/ringmaster')
const formatted = (text: string) =>
  spawnSync(process.execPath, [RINGMASTER, 'fmt', '-'], { input: text, encoding: 'utf8' }).stdout
const GOOD = {
  'rules/rules.yaml': formatted(RULES),
  'rules/a.test.yaml': formatted(
    policyTest('- at: 2026-01-13T19:00\n  expect: {rules: [{rule: monthly, selects: [KB1]}]}\n'),
  ),
}
const scripts = readdirSync(join(ROOT, 'ci'), { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.sh'),
)

test('every script is sound bash', async (t) => {
  t.ok(scripts.length >= 5)
  for (const script of scripts) t.equal(spawnSync('bash', ['-n', join(ROOT, 'ci', script)]).status, 0, script)
})

const shellcheck = spawnSync('shellcheck', ['--version']).status === 0
test('shellcheck finds nothing', { skip: shellcheck ? false : 'shellcheck is not on PATH' }, async (t) => {
  const { status, stdout } = spawnSync(
    'shellcheck',
    scripts.map((name) => join(ROOT, 'ci', name)),
    { encoding: 'utf8' },
  )
  t.equal(status, 0, stdout)
})

test('check: what is valid, formatted and tested is good, and leaves reports', async (t) => {
  const { root } = repository(t, GOOD)
  const { exit, out } = await runScript('ci/check.sh', root, {
    RINGMASTER_PATH: 'rules',
    RINGMASTER_REPORTS: 'reports',
  })
  t.equal(exit, 0, out)
  t.match(out, /== validate rules\n[\s\S]*== fmt --check rules\n== test rules\nok /)
  t.match(
    readFileSync(join(root, 'reports/junit.xml'), 'utf8'),
    '<testsuites name="ringmaster test" tests="1" failures="0"',
  )
  t.equal(git(root, 'status', '--porcelain', 'rules'), '', 'nothing is changed')
})

test('check: all of it runs, and the worst speaks', async (t) => {
  const { root } = repository(t, GOOD)
  write(root, {
    'rules/rules.yaml': `${RULES}\n`,
    'rules/a.test.yaml': GOOD['rules/a.test.yaml'].replace('selects: [KB1]', 'selects: [KB2]'),
  })
  const { exit, out, err } = await runScript('ci/check.sh', root, {})
  t.equal(exit, 1)
  t.match(out, 'FAILED  monthly: it goes well')
  t.match(err, 'not formatted, run: ringmaster fmt: exit code 1')
  t.match(err, 'test: exit code 1')
  const lenient = await runScript('ci/check.sh', root, { RINGMASTER_FMT: 'false', RINGMASTER_TEST: 'false' })
  t.equal(lenient.exit, 0)
})

test('check: without policy tests it says so; where there have to be some, that is bad', async (t) => {
  const { root } = repository(t, { 'rules.yaml': GOOD['rules/rules.yaml'] })
  t.match(await runScript('ci/check.sh', root, {}), { exit: 0, out: /== no policy tests/ })
  t.match(await runScript('ci/check.sh', root, { RINGMASTER_TEST: 'true' }), { exit: 1, out: /RM1607/ })
  t.match(await runScript('ci/check.sh', root, { RINGMASTER_PATH: 'no-such-folder' }), { exit: 3 })
})

test('settings are never run as code', async (t) => {
  const { root, commit } = repository(t, GOOD)
  const evil = ['$(touch evil)', '`touch evil`', '"; touch evil; "', "'; touch evil; '", '--help', '-x\ntouch evil']
  const command = standIn(root, 'no effect\n', 0)
  for (const text of evil) {
    await runScript('ci/check.sh', root, {
      RINGMASTER: command,
      RINGMASTER_PATH: text,
      RINGMASTER_COVERAGE: text,
      RINGMASTER_FORMAT: text,
    })
    await runScript('ci/effect.sh', root, { RINGMASTER: command, RINGMASTER_BASE: text })
    await runScript('ci/effect.sh', root, {
      RINGMASTER: command,
      RINGMASTER_BASE: commit,
      RINGMASTER_PATH: text,
      RINGMASTER_SERVER: text,
      RINGMASTER_SNAPSHOT: text,
    })
    t.same(readFileSync(join(root, 'arguments'), 'utf8').split('\n').slice(0, 4), [
      'diff',
      '--base',
      commit,
      '--format',
    ])
  }
  t.notOk(existsSync(join(root, 'evil')))
})

test('effect: a base that is not there is fetched', async (t) => {
  const { root: origin, commit } = repository(t, GOOD)
  write(origin, { 'rules/more.yaml': GOOD['rules/rules.yaml'] })
  git(origin, 'add', '.')
  git(origin, '-c', 'user.name=Grace', '-c', 'user.email=grace@example.com', 'commit', '--quiet', '--message=More')
  git(origin, 'config', 'uploadpack.allowAnySHA1InWant', 'true')
  const clone = join(t.testdirName, 'clone')
  git(t.testdirName, 'clone', '--quiet', '--depth', '1', `file://${origin}`, clone)
  const command = standIn(clone, 'effect\n', 1)
  const env = { RINGMASTER: command, RINGMASTER_BASE: commit, RINGMASTER_OUT: join(clone, 'out.md') }
  t.match(await runScript('ci/effect.sh', clone, env), { exit: 1 })
  t.equal(git(clone, 'rev-parse', `${commit}^{commit}`).trim(), commit)
  t.equal(readFileSync(join(clone, 'out.md'), 'utf8'), 'effect\n')
  t.match(await runScript('ci/effect.sh', clone, { ...env, RINGMASTER_BASE: 'no-such-branch' }), {
    exit: 3,
    err: /cannot be fetched/,
  })
})

test('GitHub: one comment is made, brought up to date, and left alone', async (t) => {
  const forge = await startForge(t)
  const { root, commit } = repository(t, GOOD)
  forge.comments.push(...Array.from({ length: 150 }, (_, id) => ({ id, body: 'looks good' })))
  const env = (text: string, code: number) => ({
    RINGMASTER: standIn(root, text, code),
    RINGMASTER_BASE: commit,
    RINGMASTER_PULL_REQUEST: '7',
    GITHUB_API_URL: forge.url,
    GITHUB_REPOSITORY: 'example/fleet',
    GITHUB_TOKEN: 'secret',
    GITHUB_OUTPUT: join(root, 'output'),
    GITHUB_STEP_SUMMARY: join(root, 'summary'),
  })
  const effect = (text: string, code: number, more = {}) =>
    runScript('ci/github/effect.sh', root, { ...env(text, code), ...more })
  const writes = () =>
    forge.calls
      .splice(0)
      .filter(({ method }) => method !== 'GET')
      .map(({ method, url }) => `${method} ${url}`)

  t.match(await effect('nothing\n', 0), { exit: 0, out: /no effect, so no comment/ })
  t.same(writes(), [])
  t.match(await effect('3 updates enter\n', 1), { exit: 0 })
  t.same(writes(), ['POST /repos/example/fleet/issues/7/comments'])
  t.equal(forge.comments.at(-1)?.body, '<!-- ringmaster: . -->\n3 updates enter\n')
  t.match(await effect('3 updates enter\n', 1), { exit: 0 })
  t.same(writes(), [], 'the same again is not written')
  t.match(await effect('4 updates enter\n', 1, { RINGMASTER_FAIL_ON_EFFECT: 'true' }), { exit: 1 })
  t.same(writes(), ['PATCH /repos/example/fleet/issues/comments/1150'])
  t.match(await effect('nothing any more\n', 0), { exit: 0 })
  t.equal(forge.comments.at(-1)?.body, '<!-- ringmaster: . -->\nnothing any more\n')
  t.same(readFileSync(join(root, 'output'), 'utf8').split('\n').slice(0, 5), [
    'effect=false',
    'effect=true',
    'effect=true',
    'effect=true',
    'effect=false',
  ])
  t.match(readFileSync(join(root, 'summary'), 'utf8'), '4 updates enter')
  t.match(await effect('broken\n', 3), { exit: 3 })
  t.match(await effect('x\n', 1, { RINGMASTER_BASE: '' }), { exit: 0, out: /nothing to compare with/ })
})

test('a forge that refuses is a warning, one that fails is an error, and no token is shown', async (t) => {
  const forge = await startForge(t)
  const root = t.testdir({ 'effect.md': 'effect\n' })
  const env = {
    GITHUB_API_URL: forge.url,
    GITHUB_REPOSITORY: 'a/b',
    GITHUB_TOKEN: 'secret-token',
    RINGMASTER_PULL_REQUEST: '1',
  }
  const comment = (more = {}) => runScript('ci/comment.mjs', root, { ...env, ...more }, ['github', 'effect.md', 'true'])
  forge.refuse = 403
  const refused = await comment()
  t.match(refused, { exit: 0, err: /::warning::ringmaster: no comment: the forge answered 403/ })
  forge.refuse = 500
  const failed = await comment()
  t.match(failed, { exit: 3, err: /the forge answered 500/ })
  for (const { out, err } of [refused, failed]) t.notMatch(out + err, 'secret-token')
  t.match(await comment({ GITHUB_TOKEN: '' }), { exit: 2, err: /GITHUB_TOKEN is not set/ })
  t.match(await runScript('ci/comment.mjs', root, env, ['gitea', 'effect.md', 'true']), { exit: 2 })
})

test('a comment is never longer than the forge takes', async (t) => {
  const forge = await startForge(t)
  const root = t.testdir({ 'effect.md': '😀'.repeat(100_000) })
  const env = { GITHUB_API_URL: forge.url, GITHUB_REPOSITORY: 'a/b', GITHUB_TOKEN: 'x', RINGMASTER_PULL_REQUEST: '1' }
  t.match(await runScript('ci/comment.mjs', root, env, ['github', 'effect.md', 'true']), { exit: 0 })
  const [comment] = forge.comments
  t.ok((comment?.body.length ?? 0) <= 65_536)
  t.match(comment?.body, /cut off: more than a comment holds$/)
})

test('GitLab: one note is made and brought up to date; without a token it is said', async (t) => {
  const forge = await startForge(t)
  const { root, commit } = repository(t, GOOD)
  const env = (text: string, code: number) => ({
    RINGMASTER: standIn(root, text, code),
    CI_MERGE_REQUEST_DIFF_BASE_SHA: commit,
    CI_MERGE_REQUEST_IID: '9',
    CI_PROJECT_ID: '42',
    CI_API_V4_URL: forge.url,
  })
  const token = { RINGMASTER_GITLAB_TOKEN: 'glpat' }
  t.match(await runScript('ci/gitlab/effect.sh', root, env('a\n', 1)), { exit: 0, out: /no note is written/ })
  t.same(forge.calls, [])
  t.match(await runScript('ci/gitlab/effect.sh', root, { ...env('a\n', 1), ...token }), { exit: 0, out: /^a\n/ })
  t.match(await runScript('ci/gitlab/effect.sh', root, { ...env('b\n', 1), ...token }), { exit: 0 })
  t.same(
    forge.calls.filter(({ method }) => method !== 'GET').map(({ method, url, token }) => `${method} ${url} ${token}`),
    ['POST /projects/42/merge_requests/9/notes glpat', 'PUT /projects/42/merge_requests/9/notes/1000 glpat'],
  )
})
