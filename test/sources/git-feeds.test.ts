// Feeds in a repository, against real git: which are copied, where to, which paths are refused, and which copies are removed.
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Test, test } from 'tap'
import { GitSourceSpec } from '../../controller/model/git-source.ts'
import { feedCopyOf, removeOtherFeeds } from '../../controller/sources/git-feeds.ts'
import { GitSource } from '../../controller/sources/git-source.ts'
import { serveGit } from '../support/git-http-server.ts'
import { type Files, newRepository, publish, runGit, temporary } from '../support/git-repository.ts'

test('a feed beside its declaration is copied; its path changes with its content, and with nothing else', async (t) => {
  const { caches, source, repository, push, server } = await site(t, {
    'catalog/source.yaml': feed('updates', 'updates.ndjson'),
    'catalog/updates.ndjson': 'first\n',
    'catalog/big.bin': 'x'.repeat(100_000),
  })
  const first = await read(source)
  const path = first.paths.updates ?? ''
  t.match(path, new RegExp(`^${caches}/feeds/[0-9a-f]{64}/updates\\.ndjson$`))
  t.equal(readFileSync(path, 'utf8'), 'first\n')
  const copy = readdirSync(caches).find((name) => /^[0-9a-f]{32}$/.test(name)) ?? ''
  const here = runGit(join(caches, copy), ['cat-file', '--batch-check', '--batch-all-objects'])
  t.notMatch(here, /blob 100000/, 'nothing but the feed was fetched')

  server.requests.length = 0
  t.strictSame(await source.poll({ offered: first.revision }), { type: 'Unchanged' })
  t.equal(server.requests.length, 2, 'ls-remote alone')

  repository.commit({ 'other.yaml': '# nothing\n', 'catalog/big.bin': null })
  push()
  t.equal((await read(source)).paths.updates, path)
  repository.commit({ 'catalog/updates.ndjson': 'first\nsecond\n' })
  push()
  const next = (await read(source)).paths.updates ?? ''
  t.not(next, path)
  t.equal(readFileSync(next, 'utf8'), 'first\nsecond\n')
  t.ok(existsSync(path), 'the old copy is in force until the new one is')
  t.notOk(
    readdirSync(join(caches, 'feeds')).some((name) => name.includes('.')),
    'nothing unfinished is left',
  )
})

test('a folder is copied with the feed files that lie in it', async (t) => {
  const { source, repository, push } = await site(t, {
    'rules/a.yaml': feed('folder', '../feeds/'),
    'rules/b.yaml': feed('inside', '../feeds/a.ndjson'),
    'rules/c.yaml': feed('here', '.'),
    'rules/d.yaml': feed('odd', ':(top)*.xml'),
    'rules/:(top)*.xml': 'odd',
    'rules/own.jsonl': 'own',
    'feeds/a.ndjson': 'a',
    'feeds/b.xml.gz': 'b',
    'feeds/notes.txt': 'no feed',
    'feeds/deep/c.ndjson': 'deeper',
  })
  const { paths } = await read(source)
  t.strictSame(readdirSync(paths.folder ?? ''), ['a.ndjson', 'b.xml.gz'])
  t.equal(readFileSync(join(paths.folder ?? '', 'b.xml.gz'), 'utf8'), 'b')
  t.equal(readFileSync(paths.inside ?? '', 'utf8'), 'a')
  t.strictSame(readdirSync(paths.here ?? '').sort(), [':(top)*.xml', 'own.jsonl'])
  t.equal(readFileSync(paths.odd ?? '', 'utf8'), 'odd')
  repository.commit({ 'feeds/notes.txt': 'still none', 'feeds/deep/c.ndjson': null })
  push()
  t.strictSame((await read(source)).paths, paths)
  repository.commit({ 'feeds/c.jsonl': 'c' })
  push()
  const next = (await read(source)).paths
  t.not(next.folder, paths.folder)
  t.equal(next.inside, paths.inside)
})

test('below the path of the source, paths start from the file that names them', async (t) => {
  const { source } = await site(
    t,
    { 'production/catalog/source.yaml': feed('updates', '../../feed.xml'), 'feed.xml': '<a/>' },
    { path: 'production' },
  )
  t.equal(readFileSync((await read(source)).paths.updates ?? '', 'utf8'), '<a/>')
})

test('a copy that was removed is made again when the commit is read again', async (t) => {
  const { caches, source } = await site(t, {
    'a.yaml': feed('a', 'a.ndjson'),
    'a.ndjson': 'a',
    'b.yaml': feed('b', 'b'),
    'b/1.xml': '1',
    'b/2.xml': '2',
  })
  const { paths } = await read(source)
  rmSync(join(paths.b ?? '', '1.xml'))
  t.strictSame((await read(source)).paths, paths)
  t.equal(readFileSync(join(paths.b ?? '', '1.xml'), 'utf8'), '1')
  rmSync(caches, { recursive: true })
  t.strictSame((await read(source)).paths, paths)
  t.equal(readFileSync(paths.a ?? '', 'utf8'), 'a')
})

test('paths to what is no feed of the repository are refused with file and line, and nothing is copied', async (t) => {
  const { caches, source } = await site(t, {
    'good.yaml': feed('good', 'feed.ndjson'),
    'feed.ndjson': 'x',
    'empty/notes.txt': 'x',
    'linked.ndjson': '-> feed.ndjson',
    'links/a.ndjson': '-> ../feed.ndjson',
    'to/x.ndjson': 'x',
    way: '-> to',
    'b.yaml': feed('b', '../feed.ndjson'),
    'c.yaml': feed('c', 'none.ndjson'),
    'd.yaml': feed('d', 'empty'),
    'e.yaml': feed('e', 'linked.ndjson'),
    'f.yaml': feed('f', 'links'),
    'g.yaml': feed('g', 'way/x.ndjson'),
    'h.yaml': feed('h', '*.ndjson'),
  })
  const found = await source.poll({})
  t.match(found, {
    load: {
      total: 7,
      problems: [
        { file: 'b.yaml', line: 6, path: 'spec.path', code: 'RM1410', message: /out of the repository/ },
        { file: 'c.yaml', message: 'there is no file or folder none.ndjson in the commit' },
        { file: 'd.yaml', message: /the folder empty has no feed file/ },
        { file: 'e.yaml', message: /linked\.ndjson is a link/ },
        { file: 'f.yaml', message: /links\/a\.ndjson is a link/ },
        { file: 'g.yaml', message: /no file or folder way\/x\.ndjson/ },
        { file: 'h.yaml', message: /no file or folder \*\.ndjson/ },
      ],
    },
  })
  t.notOk(existsSync(join(caches, 'feeds')))
})

test('too many feeds are refused, each of those beyond the limit', async (t) => {
  const many = Array.from({ length: 102 }, (_, i) => feed(`f${i}`, 'feed.ndjson')).join('---\n')
  const { source } = await site(t, { 'many.yaml': many, 'feed.ndjson': 'x' })
  t.match(await source.poll({}), {
    load: { total: 2, problems: [{ code: 'RM1410' }, { message: /at most 100 feeds/ }] },
  })
})

test('copies that are not kept are removed, with what a crash left; nothing else is', async (t) => {
  const { caches, source } = await site(t, {
    'a.yaml': feed('a', 'a.ndjson'),
    'a.ndjson': 'a',
    'b.yaml': feed('b', 'b.ndjson'),
    'b.ndjson': 'b',
  })
  const { paths } = await read(source)
  const [a = '', b = ''] = [paths.a, paths.b].map((path) => feedCopyOf(caches, path ?? ''))
  t.strictSame([...source.feeds].sort(), [a, b].sort(), 'what was read last is told')
  t.equal(feedCopyOf(caches, '/srv/feed.ndjson'), undefined)
  t.equal(feedCopyOf(caches, dirname(paths.a ?? '')), undefined)
  writeFileSync(join(caches, 'feeds', `${b}.0-unfinished`), '')
  writeFileSync(join(caches, 'feeds', 'notes'), '')
  await removeOtherFeeds(caches, (name) => name === a)
  t.strictSame(readdirSync(join(caches, 'feeds')).sort(), [a, 'notes'].sort())
  await removeOtherFeeds(join(caches, 'none'), () => false)
})

test('a feed that is too large is refused, all files of a folder together', async (t) => {
  const files = { 'a.yaml': feed('a', 'feeds'), 'feeds/1.ndjson': 'x'.repeat(60), 'feeds/2.ndjson': 'y'.repeat(60) }
  const { source, caches } = await site(t, files, {}, 119)
  t.match(await source.poll({}), {
    load: { total: 1, problems: [{ file: 'a.yaml', line: 6, code: 'RM1410', message: /has 120 bytes, at most 119/ }] },
  })
  t.notOk(existsSync(join(caches, 'feeds')))
})

async function site(t: Test, files: Files, spec: object = {}, maxFeedBytes?: number) {
  const repository = newRepository(t)
  repository.commit(files)
  const { root, push } = publish(t, repository)
  const server = await serveGit(t, root)
  const caches = join(temporary(t), 'git')
  const url = `${server.url}/rollouts.git`
  const source = new GitSource({
    source: 'git/test',
    spec: GitSourceSpec.parse({ url, ...spec }),
    caches,
    ...(maxFeedBytes !== undefined && { maxFeedBytes }),
  })
  return { caches, source, repository, push, server }
}

/** The paths of the UpdateSources, by name, of a commit without a problem. */
async function read(source: GitSource): Promise<{ revision: string; paths: Record<string, string | undefined> }> {
  const found = await source.poll({})
  if (found.type !== 'Commit' || found.load.total > 0) throw new Error(JSON.stringify(found))
  const { revision, objects } = found.load
  return {
    revision,
    paths: Object.fromEntries(
      objects.flatMap((one) => (one.kind === 'UpdateSource' ? [[one.name, one.spec.path]] : [])),
    ),
  }
}

function feed(name: string, path: string): string {
  const head = `apiVersion: ringmaster.dev/v1alpha1\nkind: UpdateSource\nmetadata: {name: ${name}}\n`
  return `${head}spec:\n  format: Ringmaster\n  path: ${JSON.stringify(path)}\n`
}
