// The descriptions of the CI recipes against the public schemas of the forges and of pre-commit, which check-jsonschema carries; and
// that what they name is there.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { parse, stringify } from 'yaml'
import { call, policyTest, RULES } from '../policy-test/site.ts'
import { git, ROOT, repository, write } from './forge.ts'

const PACKAGES = ['check-jsonschema==0.39.0', 'pre-commit==4.7.0']
const VENV = join(ROOT, 'node_modules/.cache/ci-tools')
const TOOL = join(VENV, 'bin/check-jsonschema')
const PRE_COMMIT = join(VENV, 'bin/pre-commit')

/** Installs the tools once; says why it cannot be had. */
function missing(): string | undefined {
  if (existsSync(PRE_COMMIT) && spawnSync(TOOL, ['--version']).status === 0) return undefined
  const run = (command: string, ...args: string[]) =>
    spawnSync(command, args, { encoding: 'utf8', timeout: 240_000 }).status === 0
  if (!run('python3', '-c', 'import venv, ensurepip')) return 'there is no python3 with venv and pip'
  mkdirSync(join(VENV, '..'), { recursive: true })
  if (!run('python3', '-m', 'venv', VENV)) return 'no virtual environment can be made'
  const installed = run(join(VENV, 'bin/pip'), 'install', '--quiet', ...PACKAGES)
  return installed ? undefined : `${PACKAGES.join(' and ')} cannot be installed from PyPI`
}

/** A file against a schema that the checker carries; no network is used. */
export function conforms(t: Test, schema: string, file: string): void {
  const { status, stdout, stderr } = spawnSync(TOOL, ['--builtin-schema', `vendor.${schema}`, file], {
    encoding: 'utf8',
  })
  t.equal(status, 0, `${file}: ${stdout}${stderr}`)
}

const FILES = [
  ['github-actions', 'action.yml'],
  ['gitlab-ci', 'ci/gitlab/ringmaster.gitlab-ci.yml'],
] as const

const reason = missing()
const skip = reason !== undefined && process.env.CI !== 'true' ? reason : false
test('the metadata conforms to the public schemas', { skip, timeout: 300_000 }, async (t) => {
  t.equal(reason, undefined)
  for (const [schema, file] of FILES) conforms(t, schema, join(ROOT, file))
  const root = t.testdir({})
  await call('init', '--ci', 'github', join(root, 'hub'))
  await call('init', '--ci', 'gitlab', join(root, 'lab'))
  conforms(t, 'github-workflows', join(root, 'hub/.github/workflows/ringmaster.yml'))
  conforms(t, 'gitlab-ci', join(root, 'lab/.gitlab-ci.yml'))
  t.equal(spawnSync(PRE_COMMIT, ['validate-config', join(root, 'hub/.pre-commit-config.yaml')]).status, 0)
})

test('pre-commit takes the hooks, and stops a commit that they find fault with', {
  skip,
  timeout: 300_000,
}, async (t) => {
  t.equal(reason, undefined)
  const { status, stderr } = spawnSync(PRE_COMMIT, ['validate-manifest', join(ROOT, '.pre-commit-hooks.yaml')])
  t.equal(status, 0, String(stderr))
  const hooks: { entry: string }[] = parse(readFileSync(join(ROOT, '.pre-commit-hooks.yaml'), 'utf8'))
  // The same hooks with the command of this checkout: pre-commit would install it from a tag.
  const own = hooks.map((hook) => ({
    ...hook,
    entry: hook.entry.replace(/^ringmaster/, join(ROOT, 'bin/ringmaster')),
    language: 'system',
  }))
  const { root } = repository(t, {
    'rules.yaml': RULES,
    '.pre-commit-config.yaml': stringify({ repos: [{ repo: 'local', hooks: own }] }),
  })
  const run = () => spawnSync(PRE_COMMIT, ['run', '--all-files'], { cwd: root, encoding: 'utf8', timeout: 120_000 })
  const first = run()
  t.equal(first.status, 1)
  t.match(first.stdout, /ringmaster validate\.+Passed/)
  t.match(first.stdout, /ringmaster fmt\.+Failed[\s\S]*files were modified by this hook/)
  t.match(first.stdout, /ringmaster test\.+Failed[\s\S]*RM1607/)
  write(root, {
    'a.test.yaml': policyTest('- at: 2026-01-13T19:00\n  expect: {rules: [{rule: monthly, selects: [KB1]}]}\n'),
  })
  git(root, 'add', '.')
  run()
  git(root, 'add', '.')
  const second = run()
  t.equal(second.status, 0, second.stdout)
})

test('what the action runs is there, is packaged, and takes inputs by the environment alone', async (t) => {
  const action = parse(readFileSync(join(ROOT, 'action.yml'), 'utf8'))
  const runs: string[] = action.runs.steps.map(({ run }: { run: string }) => run)
  t.equal(runs.length, 3)
  for (const run of runs) {
    const [, script = ''] = /^bash "\$GITHUB_ACTION_PATH\/([\w./-]+)"$/.exec(run) ?? []
    t.ok(script !== '' && existsSync(join(ROOT, script)), run)
  }
  const used = [...JSON.stringify(action.runs).matchAll(/inputs\.([\w-]+)/g)].map(([, name]) => name)
  t.same(new Set(used), new Set(Object.keys(action.inputs)), 'every input is used')
  const { files } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  t.ok(files.includes('ci'))
})

test('the hooks for pre-commit name commands that there are, and run them on everything', async (t) => {
  const hooks: { id: string; entry: string; args: string[]; pass_filenames: boolean; language: string }[] = parse(
    readFileSync(join(ROOT, '.pre-commit-hooks.yaml'), 'utf8'),
  )
  t.same(
    hooks.map(({ id }) => id),
    ['ringmaster-validate', 'ringmaster-fmt', 'ringmaster-test'],
  )
  for (const { entry, args, pass_filenames, language } of hooks) {
    const [program, command = ''] = entry.split(' ')
    t.equal(program, 'ringmaster')
    t.equal((await call(command, '--help')).exit, 0, command)
    t.match({ args, pass_filenames, language }, { args: ['.'], pass_filenames: false, language: 'node' })
  }
})
