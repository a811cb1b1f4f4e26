// The starter repository: what it writes is valid, formatted and passes its tests; what is there is never lost.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { parse } from 'yaml'
import { loadDirectory } from '../../controller/sources/directory-source.ts'
import { runScript } from '../ci/forge.ts'
import { call } from '../policy-test/site.ts'

for (const ci of ['github', 'gitlab', 'none'])
  test(`--ci ${ci}: what is written is valid, formatted and tested`, async (t) => {
    const root = join(t.testdir({}), 'fleet')
    const { exit, out } = await call('init', '--ci', ci, root)
    t.equal(exit, 0)
    t.match(out, /^\d+ files written to .*; README\.md says what to do next\n$/)
    t.match(await call('validate', root), { exit: 0 })
    t.match(await call('fmt', '--check', root), { exit: 0, out: '', err: '' })
    t.match(await call('test', '--coverage-threshold', '100', root), { exit: 0 })
    t.equal(existsSync(join(root, '.github/workflows/ringmaster.yml')), ci === 'github')
    t.equal(existsSync(join(root, '.gitlab-ci.yml')), ci === 'gitlab')
    const kinds = new Set((await loadDirectory(root)).objects.map(({ kind }) => kind))
    for (const kind of [
      'AutomaticDeploymentRule',
      'Collection',
      'MaintenanceWindow',
      'Freeze',
      'UpdateSource',
    ] as const)
      t.ok(kinds.has(kind), kind)
  })

test('the scripts of the recipes are content with it', async (t) => {
  const root = join(t.testdir({}), 'fleet')
  await call('init', root)
  t.match(await runScript('ci/check.sh', root, { RINGMASTER_COVERAGE: '100' }), { exit: 0 })
})

test('every YAML file names a schema, which is there', async (t) => {
  const root = t.testdir({})
  await call('init', root)
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => /^[^.].*\.yaml$/.test(name))
  t.ok(files.length >= 8)
  for (const file of files) {
    const [, schema = ''] =
      /^# yaml-language-server: \$schema=(\S+)$/m.exec(readFileSync(join(root, file), 'utf8')) ?? []
    const known = existsSync(join(import.meta.dirname, '../../schemas', schema.split('/').at(-1) ?? ''))
    if (schema.endsWith('Project.json') && !known) continue
    t.ok(existsSync(join(root, file, '..', schema)), `${file}: ${schema}`)
  }
})

test('the recipes are those that are asked for, and no placeholder is left', async (t) => {
  const root = t.testdir({})
  await call('init', '--ci', 'github', '--recipes', 'example/mirror@v2', root)
  const workflow = parse(readFileSync(join(root, '.github/workflows/ringmaster.yml'), 'utf8'))
  t.equal(workflow.jobs.ringmaster.steps[1].uses, 'example/mirror@v2')
  const hooks = parse(readFileSync(join(root, '.pre-commit-config.yaml'), 'utf8'))
  t.match(hooks.repos, [{ repo: 'https://github.com/example/mirror', rev: 'v2' }])
  const lab = join(root, 'lab')
  await call('init', '--ci', 'gitlab', '--recipes', 'group/sub/mirror', lab)
  t.match(parse(readFileSync(join(lab, '.gitlab-ci.yml'), 'utf8')), {
    include: [{ project: 'group/sub/mirror', ref: /^v\d/ }],
    variables: { RINGMASTER_REPOSITORY: 'https://gitlab.com/group/sub/mirror.git', RINGMASTER_REF: /^v\d/ },
  })
  for (const folder of [root, lab])
    for (const file of readdirSync(folder, { recursive: true, withFileTypes: true }))
      if (file.isFile())
        t.notMatch(
          readFileSync(join(file.parentPath, file.name), 'utf8'),
          /RINGMASTER_(HOST|RECIPES)|[@ ]RINGMASTER_REF$/m,
        )
})

test('files that are there are not touched, and then nothing is written', async (t) => {
  const root = t.testdir({ 'README.md': 'mine', rules: { 'own.yaml': 'a: 1\n' } })
  const { exit, err } = await call('init', root)
  t.equal(exit, 1)
  t.match(err, /README\.md\nNothing is written/)
  t.same(readdirSync(root).sort(), ['README.md', 'rules'])
})

test('--force keeps what it replaces, each time, and deletes nothing', async (t) => {
  const root = t.testdir({ 'README.md': 'mine', rules: { 'own.yaml': 'a: 1\n' } })
  t.match(await call('init', '--force', root), { exit: 0, out: /kept .*README\.md as .*README\.md\.orig/ })
  t.equal(readFileSync(join(root, 'README.md.orig'), 'utf8'), 'mine')
  writeFileSync(join(root, 'README.md'), 'mine again')
  t.equal((await call('init', '--force', root)).exit, 0)
  t.equal(readFileSync(join(root, 'README.md.orig'), 'utf8'), 'mine')
  t.equal(readFileSync(join(root, 'README.md.orig1'), 'utf8'), 'mine again')
  t.equal(readFileSync(join(root, 'rules/own.yaml'), 'utf8'), 'a: 1\n')
  t.equal((await call('init', root)).exit, 0, 'what is the same is no obstacle')
})

test('wrong usage is 2, and what cannot be written is 3', async (t) => {
  t.equal((await call('init', '--ci', 'jenkins')).exit, 2)
  t.equal((await call('init', '--recipes', 'a b', '.')).exit, 2)
  t.equal((await call('init', 'a', 'b')).exit, 2)
  const root = t.testdir({ file: '' })
  t.equal((await call('init', join(root, 'file'))).exit, 3)
  mkdirSync(join(root, 'taken/README.md'), { recursive: true })
  t.equal((await call('init', join(root, 'taken'))).exit, 3)
})
