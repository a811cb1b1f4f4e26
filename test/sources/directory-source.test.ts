import { promises as fs } from 'node:fs'
import { join, relative } from 'node:path'
import { type Test, test } from 'tap'
import { assemble, parseAhead } from '../../controller/sources/assemble.ts'
import type { Declarations, ParsedFiles } from '../../controller/sources/assemble-by.ts'
import { loadDirectory, watchDirectory } from '../../controller/sources/directory-source.ts'
import { readFolder } from '../../controller/sources/folder.ts'
import { until } from '../serve/harness.ts'

test('a directory loads its YAML files recursively, by name, and skips dot-folders and node_modules', async (t) => {
  const dir = t.testdir({
    'b.yml': collection('b'),
    'a.yaml': collection('a'),
    deep: { er: { 'c.yaml': collection('c') } },
    '.git': { 'd.yaml': collection('d') },
    node_modules: { 'e.yaml': collection('e') },
    'f.json': '{}',
    'README.md': '# no',
    'values.yaml': 'replicas: 3',
    'scenario.yaml': 'apiVersion: ringmaster.dev/v1alpha1\nkind: Scenario\nmetadata: {name: s}\n',
  })
  const load = await loadDirectory(dir)
  t.strictSame(load.problems, [])
  t.strictSame(load.files, ['a.yaml', 'b.yml', 'deep/er/c.yaml', 'scenario.yaml', 'values.yaml'])
  t.strictSame(
    load.objects.map((object) => [object.name, object.origin.file, object.origin.line]),
    [
      ['a', 'a.yaml', 1],
      ['b', 'b.yml', 1],
      ['c', 'deep/er/c.yaml', 1],
    ],
  )
  t.equal(load.ignored, 2)
})

test('the revision depends on names and contents of the files, and on nothing else', async (t) => {
  const revision = async (files: Record<string, string>) => (await loadDirectory(t.testdir(files))).revision
  const one = await revision({ 'a.yaml': collection('a') })
  t.match(one, /^sha256:[0-9a-f]{64}$/)
  t.equal(await revision({ 'a.yaml': collection('a'), 'README.md': 'x' }), one)
  t.not(await revision({ 'b.yaml': collection('a') }), one)
  t.not(await revision({ 'a.yaml': `${collection('a')} ` }), one)
})

test('the path of an UpdateSource starts from the folder of its file', async (t) => {
  const source = (path: string) =>
    `apiVersion: ringmaster.dev/v1alpha1\nkind: UpdateSource\nmetadata: {name: s}\nspec: {format: Ringmaster, path: ${path}}\n`
  const dir = await fs.realpath(t.testdir({ sub: { 's.yaml': source('../feeds/all.ndjson') } }))
  const { objects } = await loadDirectory(dir)
  t.match(objects, [{ spec: { path: join(dir, 'feeds/all.ndjson') } }])
  await fs.writeFile(join(dir, 'sub/s.yaml'), source('/srv/feed.gz'))
  t.match((await loadDirectory(dir)).objects, [{ spec: { path: '/srv/feed.gz' } }])
})

test('a directory that is missing is a problem, not an exception', async (t) => {
  const load = await loadDirectory(join(t.testdir(), 'nowhere'))
  t.match(load.problems, [{ file: '.', code: 'RM1014', message: 'cannot be read: it does not exist' }])
})

test('others have their turn between the files of a large directory', async (t) => {
  const names = Array.from({ length: 10 }, (_, i) => `c${i}`)
  const { files } = await readFolder(
    t.testdir(Object.fromEntries(names.map((name) => [`${name}.yaml`, collection(name)]))),
  )
  const parsed: ParsedFiles = new Map()
  const seen: number[] = []
  let reading = true
  const look = () => {
    seen.push(parsed.size)
    if (reading) setImmediate(look)
  }
  look()
  await parseAhead('directory', files, parsed, 0)
  reading = false
  t.ok(new Set(seen).size >= 9, `looked in at ${seen.join(', ')} files`)
  t.strictSame(
    assemble('directory', files, [], parsed),
    assemble('directory', files, []),
    'and nothing else is changed by it',
  )
})

test('a file over 1 MiB is refused without being read, and the others are read', async (t) => {
  const dir = t.testdir({ 'a.yaml': collection('a') })
  await fs.writeFile(join(dir, 'big.yaml'), Buffer.alloc(10_000_000, 'a: 1\n'))
  const load = await loadDirectory(dir)
  t.match(load.problems, [{ file: 'big.yaml', line: 1, column: 1, code: 'RM1001', message: /10000000.*1 MiB/ }])
  t.equal(load.objects.length, 1)
})

test('symbolic links are followed within the directory, once, and never out of it', async (t) => {
  const outside = t.testdir({ 'secret.yaml': collection('secret'), dir: { 'inside.yaml': collection('inside') } })
  const dir = join(outside, 'dir')
  await fs.mkdir(join(dir, '.hidden'))
  await fs.writeFile(join(dir, '.hidden/h.yaml'), collection('h'))
  await fs.symlink('../secret.yaml', join(dir, 'escape.yaml'))
  await fs.symlink('..', join(dir, 'parent'))
  await fs.symlink('.', join(dir, 'loop'))
  await fs.symlink('inside.yaml', join(dir, 'again.yaml'))
  await fs.symlink('.hidden/h.yaml', join(dir, 'shown.yaml'))
  await fs.symlink('gone.yaml', join(dir, 'dangling.yaml'))
  const load = await loadDirectory(dir)
  t.strictSame(
    load.problems.map(({ file, code }) => [file, code]),
    [
      ['dangling.yaml', 'RM1017'],
      ['escape.yaml', 'RM1017'],
      ['parent', 'RM1017'],
    ],
  )
  t.strictSame(
    load.objects.map((object) => object.name),
    ['inside', 'h'],
  )
})

test('an edit of a watched directory is seen, broken ones as problems, until they are mended', async (t) => {
  const dir = t.testdir({ 'a.yaml': collection('a') })
  const seen = watched(t, dir)
  await seen.ready
  t.strictSame(names(await seen.until(['a'])), ['a'])
  await fs.mkdir(join(dir, 'new'))
  await fs.writeFile(join(dir, 'new/b.yaml'), collection('b'))
  t.strictSame((await seen.until(['a', 'b'])).problems, [])
  await fs.writeFile(join(dir, 'a.yaml'), collection('a').replace('Collection', 'Colection'))
  t.match((await seen.until(['b'])).problems, [{ file: 'a.yaml', line: 2, column: 7, code: 'RM1103' }])
  await fs.rename(join(dir, 'new/b.yaml'), join(dir, 'a.yaml'))
  const mended = await seen.until(['b'], 0)
  t.equal(mended.objects[0]?.origin.file, 'a.yaml')
})

test('a watched directory that vanishes is reported, and found again when it is back', async (t) => {
  const parent = t.testdir({ dir: { 'a.yaml': collection('a') } })
  const dir = join(parent, 'dir')
  const seen = watched(t, dir)
  await seen.ready
  await fs.rename(dir, join(parent, 'moved'))
  t.match((await seen.until([])).problems, [{ file: '.', code: 'RM1014' }])
  await fs.rename(join(parent, 'moved'), dir)
  t.strictSame((await seen.until(['a'])).problems, [])
  await fs.writeFile(join(dir, 'b.yaml'), collection('b'))
  t.strictSame((await seen.until(['a', 'b'])).problems, [])
})

test('a folder, or the target of a link, that is replaced by another at once is read, and watched from then on', async (t) => {
  const dir = t.testdir({
    one: { 'a.yaml': collection('one') },
    two: { 'a.yaml': collection('two') },
    three: { 'a.yaml': collection('three') },
  })
  const link = join(dir, 'link')
  await fs.symlink('one', link)
  for (const path of [link, join(dir, 'one')]) {
    const names: string[] = []
    const last = () => names.at(-1)
    const watching = watchDirectory(
      path,
      (load) => {
        names.push(load.objects.map(({ name }) => name).join())
      },
      { rescanMs: 3_600_000 },
    )
    t.teardown(() => watching.close())
    await watching.ready
    await fs.writeFile(join(path, 'b.yaml'), collection('edited'))
    await until(() => last() === 'one,edited')
    if (path === link) {
      await fs.symlink('two', join(dir, 'next'))
      await fs.rename(join(dir, 'next'), link)
    } else {
      await fs.rename(path, join(dir, 'away'))
      await fs.rename(join(dir, 'three'), path)
    }
    await until(() => last() === (path === link ? 'two' : 'three'))
    await fs.writeFile(join(path, 'b.yaml'), collection('again'))
    await until(() => last()?.endsWith(',again') === true)
    await watching.close()
    await fs.rm(join(dir, 'one', 'b.yaml'), { force: true })
  }
  t.pass()
})

test('a file written again with the same content is no change, and after close nothing is told', async (t) => {
  const dir = t.testdir({ 'a.yaml': collection('a') })
  const seen = watched(t, dir)
  await seen.ready
  await fs.utimes(join(dir, 'a.yaml'), 1, 1)
  await new Promise((resolve) => setTimeout(resolve, 300))
  t.equal(seen.count(), 1)
  await seen.close()
  await fs.writeFile(join(dir, 'c.yaml'), collection('c'))
  await new Promise((resolve) => setTimeout(resolve, 300))
  t.equal(seen.count(), 1)
})

test('a directory that is itself hidden, or given by a relative path, is watched all the same', async (t) => {
  const dir = t.testdir({ '.hidden': { 'a.yaml': collection('a') } })
  const seen = watched(t, `${relative(process.cwd(), dir)}/./.hidden/`)
  await seen.ready
  await fs.writeFile(join(dir, '.hidden/b.yaml'), collection('b'))
  t.strictSame((await seen.until(['a', 'b'])).problems, [])
})

test('a change that was not taken is offered again', async (t) => {
  const dir = t.testdir({ 'a.yaml': collection('a') })
  const errors: string[] = []
  let offers = 0
  const taken = Promise.withResolvers<void>()
  const watch = watchDirectory(
    dir,
    () => {
      if (++offers === 1) throw new Error('the journal is full')
      taken.resolve()
    },
    { onError: (message) => errors.push(message), rescanMs: 20 },
  )
  await taken.promise
  await watch.close()
  t.match(errors, [/the journal is full/])
  t.equal(offers, 2)
})

function collection(name: string): string {
  return `apiVersion: ringmaster.dev/v1alpha1\nkind: Collection\nmetadata:\n  name: ${name}\nspec:\n  include: [all]\n`
}

function names(load: Declarations): string[] {
  return load.objects.map((object) => object.name)
}

/** `until`: the newest load, once it has just these objects (and so many problems). A write may be seen half done before that. */
function watched(t: Test, dir: string) {
  const loads: Declarations[] = []
  let wake = () => {}
  const watch = watchDirectory(dir, (load) => {
    loads.push(load)
    wake()
  })
  t.teardown(() => watch.close())
  return {
    ready: watch.ready,
    close: () => watch.close(),
    count: () => loads.length,
    until: async (wanted: readonly string[], problems?: number): Promise<Declarations> => {
      for (;;) {
        const load = loads.at(-1)
        const fits = load !== undefined && names(load).join() === wanted.join()
        if (fits && (problems === undefined || load.problems.length === problems)) return load
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
  }
}
