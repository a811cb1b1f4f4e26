import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { headOf } from '../../controller/sources/git-head.ts'

test('outside a work tree, and before the first commit, no commit is named', async (t) => {
  const folder = temporary(t)
  t.equal(await headOf(folder), undefined)
  git(folder, 'init', '--quiet')
  writeFileSync(join(folder, 'a.yaml'), 'a: 1\n')
  t.equal(await headOf(folder), undefined)
  t.equal(await headOf(join(folder, 'none')), undefined)
})

test('a committed directory names commit and author, until something in it differs', async (t) => {
  const folder = temporary(t)
  const rules = join(folder, 'rules')
  mkdirSync(rules)
  git(folder, 'init', '--quiet')
  writeFileSync(join(rules, 'a.yaml'), 'a: 1\n')
  git(folder, 'add', '.')
  git(folder, '-c', 'user.name=Ada', '-c', 'user.email=ada@example.com', 'commit', '--quiet', '-m', 'rules')
  const commit = git(folder, 'rev-parse', 'HEAD').trim()
  t.same(await headOf(rules), { commit, author: 'Ada <ada@example.com>' })

  writeFileSync(join(folder, 'elsewhere'), 'not a rule')
  t.same((await headOf(rules))?.commit, commit, 'what lies elsewhere in the work tree does not matter')
  writeFileSync(join(rules, 'b.yaml'), 'b: 1\n')
  t.equal(await headOf(rules), undefined, 'a file that is not committed')
  rmSync(join(rules, 'b.yaml'))
  writeFileSync(join(rules, 'a.yaml'), 'a: 2\n')
  t.equal(await headOf(rules), undefined, 'an edit that is not committed')
})

test('a declaration that git ignores is in no commit, and what is no declaration does not matter', async (t) => {
  const folder = temporary(t)
  const rules = join(folder, '.hidden', 'rules')
  for (const name of ['made', 'node_modules', '.cache']) mkdirSync(join(rules, name), { recursive: true })
  git(folder, 'init', '--quiet')
  writeFileSync(join(folder, '.gitignore'), 'made/\nnode_modules/\n.cache/\nsecret.yaml\n*.log\n')
  writeFileSync(join(rules, 'a.yaml'), 'a: 1\n')
  git(folder, 'add', '.')
  git(folder, '-c', 'user.name=Ada', '-c', 'user.email=ada@example.com', 'commit', '--quiet', '-m', 'rules')
  for (const name of ['node_modules/b.yaml', '.cache/b.yaml', 'made/run.log', 'run.log', 'notes.txt'])
    writeFileSync(join(rules, name), 'b: 1\n')
  t.ok(await headOf(rules))
  for (const name of ['secret.yaml', 'made/c.yml']) {
    writeFileSync(join(rules, name), 'c: 1\n')
    t.equal(await headOf(rules), undefined, name)
    rmSync(join(rules, name))
  }
  t.ok(await headOf(rules))
})

function temporary(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'git-head-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function git(folder: string, ...args: string[]): string {
  return execFileSync('git', args, { cwd: folder, encoding: 'utf8' })
}
