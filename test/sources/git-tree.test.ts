import { rmSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { test } from 'tap'
import { readFolder } from '../../controller/sources/folder.ts'
import { GitFailure } from '../../controller/sources/git.ts'
import { readGitTree, resolveCommit } from '../../controller/sources/git-tree.ts'
import { newRepository, runGit, temporary, writeFiles } from '../support/git-repository.ts'

test('a ref is resolved to commit, author, date and subject', async (t) => {
  const { folder, commit, git } = newRepository(t)
  const first = commit({ 'a.yaml': 'a: 1' }, 'first\n\nand more')
  git('tag', '-a', '-m', 'a tag', 'v1')
  const second = commit({ 'a.yaml': 'a: 2' }, 'second')
  for (const ref of ['v1', first, first.slice(0, 10), 'HEAD~1'])
    t.match(await resolveCommit(folder, ref), {
      commit: first,
      author: 'Ada <ada@example.com>',
      date: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/,
      subject: 'first',
    })
  t.equal((await resolveCommit(folder, 'main')).commit, second)
  for (const ref of ['', 'nowhere', '--all', '-1', 'HEAD^{tree}'])
    await t.rejects(resolveCommit(folder, ref), GitFailure, `"${ref}"`)
  await t.rejects(resolveCommit(join(folder, 'none'), 'HEAD'))
  await t.rejects(resolveCommit(temporary(t), 'HEAD'), GitFailure)
})

test('the files of a commit are read, not those of the work tree, also from a bare repository', async (t) => {
  const { folder, commit, git } = newRepository(t)
  const first = commit({
    'b.yml': 'b',
    'a.yaml': 'a',
    'deep/er/c.yaml': 'c',
    '.github/d.yaml': 'd',
    'node_modules/e.yaml': 'e',
    '.hidden.yaml': 'f',
    'README.md': 'g',
    'an umlaut ü.yaml': 'ü',
  })
  commit({ 'a.yaml': 'another', 'b.yml': null })
  writeFiles(folder, { 'z.yaml': 'not committed' })
  const bare = join(temporary(t), 'bare.git')
  git('clone', '--quiet', '--bare', folder, bare)
  for (const repository of [folder, bare]) {
    const { files, problems } = await readGitTree(repository, first)
    t.strictSame(problems, [])
    t.strictSame(
      files.map(({ name, bytes }) => [name, Buffer.from(bytes).toString()]),
      [
        ['a.yaml', 'a'],
        ['an umlaut ü.yaml', 'ü'],
        ['b.yml', 'b'],
        ['deep/er/c.yaml', 'c'],
      ],
    )
    t.equal(files.at(-1)?.folder, join(repository, 'deep/er'))
  }
  const below = await readGitTree(folder, first, { path: 'deep', folder: '/srv' })
  t.match(below, { problems: [], files: [{ name: 'er/c.yaml', folder: '/srv/deep/er' }] })
  for (const path of ['nowhere', 'a.yaml', '../..'])
    t.match(await readGitTree(folder, first, { path }), { files: [], problems: [{ file: '.', code: 'RM1014' }] }, path)
})

test('a file over 1 MiB is a problem, and the others are read', async (t) => {
  const { folder, commit } = newRepository(t)
  const head = commit({ 'a.yaml': 'a', 'big.yaml': 'a: 1\n'.repeat(300_000), 'same.yaml': 'a' })
  const { files, problems } = await readGitTree(folder, head)
  t.match(problems, [{ file: 'big.yaml', code: 'RM1001', message: /1500000.*1 MiB/ }])
  t.strictSame(
    files.map(({ name }) => name),
    ['a.yaml', 'same.yaml'],
  )
})

test('links are followed within the tree; out of it, and nowhere, they are problems', async (t) => {
  const { folder, commit } = newRepository(t)
  const head = commit({
    'a.yaml': 'a',
    'rules/b.yaml': 'b',
    'rules/out.yaml': '-> ../a.yaml',
    'rules/licence': '-> ../a.yaml',
    'rules/folder': '-> ../more',
    'rules/back.yaml': '-> ../rules/deep/../b.yaml',
    'rules/deep/d.yaml': 'd',
    'rules/linked': '-> deep',
    'rules/gone.yaml': '-> nothing.yaml',
    'rules/gone': '-> nothing',
    'rules/loop.yaml': '-> loop.yaml',
    'rules/up': '-> ..',
    'rules/far.yaml': '-> ../../../etc/passwd',
    'rules/absolute.yaml': '-> /etc/hostname',
    'more/m.yaml': 'm',
  })
  const whole = await readGitTree(folder, head)
  t.strictSame(
    whole.problems.map(({ file, code }) => [file, code]).sort(),
    ['absolute', 'far', 'gone', 'loop'].map((name) => [`rules/${name}.yaml`, 'RM1017']),
  )
  t.strictSame(
    whole.files.map(({ name }) => name),
    ['a.yaml', 'more/m.yaml', 'rules/b.yaml', 'rules/deep/d.yaml'],
  )
  const below = await readGitTree(folder, head, { path: '/rules/' })
  t.strictSame(
    below.problems.map(({ file, code }) => [file, code]).sort(),
    ['absolute.yaml', 'far.yaml', 'folder', 'gone.yaml', 'loop.yaml', 'out.yaml', 'up'].map((name) => [name, 'RM1017']),
  )
  t.strictSame(
    below.files.map(({ name }) => name),
    ['b.yaml', 'deep/d.yaml'],
  )
})

test('a link through a file leads nowhere', async (t) => {
  const { folder, git } = newRepository(t)
  const links = {
    'b.yaml': '-> a.yaml/..',
    'c.yaml': '-> a.yaml/.',
    'd.yaml': '-> a.yaml/',
    'e.yaml': '-> a.yaml/../a.yaml',
  }
  writeFiles(folder, { 'a.yaml': 'a: 1', ...links })
  git('add', '--all')
  git('commit', '--quiet', '-m', 'x')
  const expected = Object.keys(links).map((name) => `${name} RM1017`)
  for (const { problems } of [await readGitTree(folder, git('rev-parse', 'HEAD')), await readFolder(folder)])
    t.strictSame(problems.map(({ file, code }) => `${file} ${code}`).sort(), expected)
})

test('a commit reads as the folder that it is checked out to does', async (t) => {
  const { folder, git } = newRepository(t)
  const name = fc.constantFrom('a', 'b', 'c.yaml', 'd.yml', '.e', 'node_modules', 'f.md')
  const path = fc.array(name, { minLength: 1, maxLength: 3 })
  const step = fc.constantFrom('..', 'a', 'b', 'c.yaml', 'd.yml')
  const content = fc.oneof(
    { weight: 2, arbitrary: fc.constantFrom('x: 1', 'y: 2') },
    fc.array(step, { minLength: 1, maxLength: 4 }).map((steps) => `-> ${steps.join('/')}`),
  )
  const entries = fc.array(fc.tuple(path, content), { maxLength: 12 })
  await fc.assert(
    fc.asyncProperty(entries, async (drawn) => {
      for (const old of ['a', 'b', 'c.yaml', 'd.yml', '.e', 'node_modules', 'f.md'])
        rmSync(join(folder, old), { recursive: true, force: true })
      const taken = new Set<string>()
      for (const [segments, text] of drawn) {
        const at = segments.join('/')
        if ([...taken].some((other) => `${other}/`.startsWith(`${at}/`) || `${at}/`.startsWith(`${other}/`))) continue
        taken.add(at)
        writeFiles(folder, { [at]: text })
      }
      git('add', '--all', '--force')
      git('commit', '--quiet', '--allow-empty', '-m', 'x')
      const read = async (files: Awaited<ReturnType<typeof readFolder>>) => ({
        files: files.files.map((file) => [file.name, file.folder, Buffer.from(file.bytes).toString()]),
        // A link without a YAML name that leads out of the repository may lead to a folder there, or not.
        problems: files.problems
          .filter(({ file }) => /\.ya?ml$/.test(file))
          .map(({ file, code }) => `${file} ${code}`)
          .sort(),
      })
      t.strictSame(
        await read(await readGitTree(folder, git('rev-parse', 'HEAD'))),
        await read(await readFolder(folder)),
      )
    }),
    { numRuns: 40 },
  )
})

test('a tree of 10,000 files is read by a handful of processes', async (t) => {
  const folder = temporary(t)
  runGit(folder, ['init', '--quiet', '--bare'])
  const files = Array.from(
    { length: 10_000 },
    (_, i) => `M 100644 inline f${i % 100}/${i}.yaml\ndata <<E\nn: ${i}\nE\n`,
  )
  const header = 'commit refs/heads/main\ncommitter A <a@b> 1700000000 +0000\ndata <<E\nm\nE\n'
  runGit(folder, ['fast-import', '--quiet'], { input: header + files.join('') })
  const { commit } = await resolveCommit(folder, 'main')
  const { files: read, problems } = await readGitTree(folder, commit)
  t.strictSame(problems, [])
  t.equal(read.length, 10_000)
  t.equal(Buffer.from(read.find(({ name }) => name === 'f42/142.yaml')?.bytes ?? []).toString(), 'n: 142\n')
})
