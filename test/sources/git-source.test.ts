// One Git source against real remotes: git's own http-backend, and the file transport.
import { randomBytes } from 'node:crypto'
import { existsSync, promises as fs, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import type { Declared } from '../../controller/model/declared.ts'
import { GitSourceSpec } from '../../controller/model/git-source.ts'
import { type GitPoll, GitSource, type KnownRevision } from '../../controller/sources/git-source.ts'
import { serveGit } from '../support/git-http-server.ts'
import { newRepository, publish, runGit, temporary } from '../support/git-repository.ts'

test('a first poll fetches the newest commit alone, and only the files that are declarations below the path', async (t) => {
  const repository = newRepository(t)
  for (let i = 0; i < 5; i++) repository.commit({ 'rules/a.yaml': collection('a', String(i)) }, `change ${i}`)
  repository.commit({ 'rules/big.bin': 'x'.repeat(3_000_000), 'else/b.yaml': collection('b') }, 'the last')
  const { root, bare } = publish(t, repository)
  const server = await serveGit(t, root)
  const source = newSource(t, { url: `${server.url}/rollouts.git`, path: 'rules' })
  const { load, commit } = commitOf(await source.poll())
  const head = repository.git('rev-parse', 'HEAD')
  t.equal(load.revision, `main@sha1:${head}`)
  t.match(commit, { commit: head, author: 'Ada <ada@example.com>', subject: 'the last', signature: 'Unsigned' })
  t.match(load.objects, [
    { kind: 'Collection', name: 'a', origin: { file: 'a.yaml', line: 1, revision: load.revision } },
  ])
  t.equal(load.total, 0)
  const cache = source.cache()
  t.equal(runGit(cache, ['rev-list', '--all', '--count']), '1', 'without history')
  const here = runGit(cache, ['cat-file', '--batch-check', '--batch-all-objects'])
  t.notMatch(here, /blob 3000000/, 'without what is no declaration')
  t.equal(here.match(/ blob /g)?.length, 1)
  t.ok(existsSync(bare))
})

test('a poll costs one question when nothing changed', async (t) => {
  const repository = newRepository(t)
  repository.commit({ 'a.yaml': collection('a') })
  const { root, push } = publish(t, repository)
  const server = await serveGit(t, root)
  const source = newSource(t, { url: `${server.url}/rollouts.git`, branch: 'main' })
  const { load } = commitOf(await source.poll())
  server.requests.length = 0
  t.strictSame(await source.poll({ offered: load.revision }), { type: 'Unchanged' })
  t.match(server.requests, [/GET .*info\/refs/, /POST .*git-upload-pack/], 'ls-remote: capabilities, then the refs')
  repository.commit({ 'a.yaml': collection('a', 'more') })
  push()
  const next = commitOf(await source.poll({ offered: load.revision, inForce: load.revision.slice(-40) }))
  t.equal(next.load.revision, `main@sha1:${repository.git('rev-parse', 'HEAD')}`)
  t.equal(next.note, undefined)
})

test('branch, tag, annotated tag, commit and HEAD are followed; what is not there is said', async (t) => {
  const repository = newRepository(t)
  const first = repository.commit({ 'a.yaml': collection('a') })
  repository.git('tag', 'light')
  repository.git('tag', '-a', '-m', 'a tag', 'v1/x')
  repository.git('branch', 'prod')
  const second = repository.commit({ 'a.yaml': collection('a', 'two') })
  const { root } = publish(t, repository)
  const server = await serveGit(t, root)
  const url = `${server.url}/rollouts.git`
  const revision = async (spec: object) => commitOf(await newSource(t, { url, ...spec }).poll()).load.revision
  t.equal(await revision({}), `main@sha1:${second}`)
  t.equal(await revision({ branch: 'prod' }), `prod@sha1:${first}`)
  t.equal(await revision({ tag: 'light' }), `light@sha1:${first}`)
  t.equal(await revision({ tag: 'v1/x' }), `v1/x@sha1:${first}`)
  t.equal(await revision({ commit: first }), `sha1:${first}`)
  for (const spec of [{ branch: 'none' }, { tag: 'none' }, { commit: 'a'.repeat(40) }])
    await fails(t, newSource(t, { url, ...spec }), 'RM1406')
  t.match(await newSource(t, { url, path: 'none' }).poll(), { load: { problems: [{ code: 'RM1014', file: '.' }] } })
})

test('a force-push is followed, and noted; the same files under a rewritten history too', async (t) => {
  const repository = newRepository(t)
  const first = repository.commit({ 'a.yaml': collection('a') })
  const second = repository.commit({ 'a.yaml': collection('a', 'two') })
  const { root, push } = publish(t, repository)
  const server = await serveGit(t, root)
  const source = newSource(t, { url: `${server.url}/rollouts.git` })
  t.equal(commitOf(await source.poll()).commit.commit, second)
  repository.git('reset', '--quiet', '--hard', first)
  const third = repository.commit({ 'a.yaml': collection('a', 'three') })
  push()
  const rewritten = commitOf(await source.poll({ inForce: second }))
  t.equal(rewritten.commit.commit, third)
  t.match(rewritten.note, new RegExp(`history was rewritten.*${second}`))
  repository.git('reset', '--quiet', '--hard', first)
  push()
  const back = commitOf(await source.poll({ inForce: third }))
  t.match(back, { commit: { commit: first }, note: /rewritten/, load: { total: 0, objects: [{ name: 'a' }] } })
  repository.git('reset', '--quiet', '--hard', third)
  repository.git('revert', '--no-edit', 'HEAD')
  push()
  const reverted = commitOf(await source.poll({ inForce: third }))
  t.match(reverted, { load: { total: 0, objects: [{ name: 'a' }] } })
  t.equal(reverted.note, undefined)
})

test('basic auth and bearer tokens, from files; never in arguments, configuration, messages or redirects', async (t) => {
  const repository = newRepository(t)
  repository.commit({ 'a.yaml': collection('a') })
  const { root } = publish(t, repository)
  const secrets = temporary(t)
  const passwordFile = join(secrets, 'token')
  writeFileSync(passwordFile, 's3cret-token\n')
  const basic = await serveGit(t, root, { user: 'ada', password: 's3cret-token' })
  const bearer = await serveGit(t, root, { authorization: 'Bearer s3cret-token' })
  const url = `${basic.url}/rollouts.git`
  const good = newSource(t, { url, auth: { username: 'ada', passwordFile } })
  t.equal(commitOf(await good.poll()).load.total, 0)
  const token = newSource(t, { url: `${bearer.url}/rollouts.git`, auth: { passwordFile, bearer: true } })
  t.equal(commitOf(await token.poll()).load.total, 0)
  for (const name of readdirSync(good.cache(), { recursive: true, encoding: 'utf8' })) {
    const path = join(good.cache(), name)
    if ((await fs.stat(path)).isFile()) t.notMatch(readFileSync(path, 'latin1'), /s3cret|Basic /, name)
  }
  const wrong = newSource(t, { url, auth: { username: 'eve', passwordFile } })
  t.notMatch((await fails(t, wrong, 'RM1403')).message, /s3cret/)
  await fails(t, newSource(t, { url }), 'RM1403')
  basic.fault = 302
  await fails(t, good, 'RM1403')
  basic.fault = undefined
  await fails(t, newSource(t, { url, auth: { passwordFile: join(secrets, 'none') } }), 'RM1407')
  writeFileSync(passwordFile, '')
  await fails(t, good, 'RM1407')
})

test('an unreachable, broken, failing or silent remote is a failure with a code, within the time limit', async (t) => {
  const repository = newRepository(t)
  repository.commit({ 'a.yaml': collection('a') })
  const { root } = publish(t, repository)
  const server = await serveGit(t, root)
  const source = newSource(t, { url: `${server.url}/rollouts.git`, timeout: 'PT1S' })
  for (const fault of ['Break', 500, 404, 'Hang'] as const) {
    server.fault = fault
    await fails(t, source, 'RM1403')
  }
  server.fault = undefined
  t.equal(commitOf(await source.poll()).load.total, 0)
  await server.close()
  await fails(t, source, 'RM1403')
  await fails(t, newSource(t, { url: 'file:///nowhere/at/all.git' }), 'RM1403')
})

test('a poll ends soon when it is told to stop', async (t) => {
  const server = await serveGit(t, temporary(t))
  server.fault = 'Hang'
  const source = newSource(t, { url: `${server.url}/rollouts.git` })
  const stop = new AbortController()
  const polled = source.poll({}, stop.signal)
  setTimeout(() => stop.abort(), 100)
  await t.rejects(polled, { name: 'GitFailure', type: 'Aborted' })
})

test('a damaged cache is made anew', async (t) => {
  const repository = newRepository(t)
  repository.commit({ 'a.yaml': collection('a') })
  const { root, push } = publish(t, repository)
  const server = await serveGit(t, root)
  const source = newSource(t, { url: `${server.url}/rollouts.git` })
  await source.poll()
  const cache = source.cache()
  const damages: (() => Promise<void>)[] = [
    async () => {
      const packs = join(cache, 'objects', 'pack')
      for (const name of await fs.readdir(packs)) {
        await fs.chmod(join(packs, name), 0o600)
        await fs.writeFile(join(packs, name), 'rubbish')
      }
    },
    () => fs.rm(join(cache, 'objects'), { recursive: true }),
    () => fs.writeFile(join(cache, 'HEAD'), 'rubbish'),
    () => fs.writeFile(join(cache, 'shallow.lock'), ''),
    () => fs.rm(join(cache, 'HEAD')),
    () => fs.rm(cache, { recursive: true }).then(() => fs.writeFile(cache, 'a file')),
  ]
  for (const damage of damages) {
    await damage()
    repository.commit({ 'a.yaml': collection('a', 'more') })
    push()
    t.match(await source.poll(), { type: 'Commit', load: { total: 0, objects: [{ name: 'a' }] } })
  }
})

test('many fetches leave few packs behind', async (t) => {
  const repository = newRepository(t)
  repository.commit({ 'a.yaml': collection('a') })
  const { root } = publish(t, repository)
  const server = await serveGit(t, root)
  const source = newSource(t, { url: `${server.url}/rollouts.git` })
  await source.poll()
  const packs = join(source.cache(), 'objects', 'pack')
  for (let i = 0; i < 70; i++) await fs.writeFile(join(packs, `pack-${i}.pack`), '')
  t.match(await source.poll(), { type: 'Commit', load: { total: 0 } })
  t.ok((await fs.readdir(packs)).filter((name) => name.endsWith('.pack')).length <= 3)
})

test('a repository that is too large is given up, and takes no space', async (t) => {
  const repository = newRepository(t)
  const random = () => randomBytes(60_000).toString('base64')
  repository.commit(Object.fromEntries(Array.from({ length: 150 }, (_, i) => [`${i}.yaml`, `# ${random()}`])))
  const { bare } = publish(t, repository)
  // Without filters the server sends everything.
  runGit(bare, ['config', 'uploadpack.allowFilter', 'false'])
  const source = newSource(t, { url: `file://${bare}` }, { maxBytes: 100_000 })
  await fails(t, source, 'RM1408')
  t.strictSame(readdirSync(source.caches), [], 'and what had come is gone')
})

test('10,000 files, and links that leave the tree, over http', async (t) => {
  const root = temporary(t)
  const bare = join(root, 'rollouts.git')
  runGit(root, ['init', '--quiet', '--bare', '--initial-branch=main', bare])
  runGit(bare, ['config', 'uploadpack.allowFilter', 'true'])
  const files = Array.from({ length: 10_000 }, (_, i) => {
    const text = collection(`c${i}`)
    return `M 100644 inline f${i % 100}/${i}.yaml\ndata ${text.length}\n${text}\n`
  })
  const header = (branch: string) => `commit refs/heads/${branch}\ncommitter A <a@b> 1700000000 +0000\ndata 1\nm\n`
  const link = 'M 120000 inline out.yaml\ndata 13\n../../secret\n\n'
  runGit(bare, ['fast-import', '--quiet'], { input: header('main') + files.join('') + header('links') + link })
  const server = await serveGit(t, root)
  const url = `${server.url}/rollouts.git`
  const { load } = commitOf(await newSource(t, { url }).poll())
  t.equal(load.total, 0)
  t.equal(load.objects.length, 10_000)
  const linked = commitOf(await newSource(t, { url, branch: 'links' }).poll())
  t.match(linked.load, { total: 1, problems: [{ file: 'out.yaml', code: 'RM1017' }] })
})

test('what a repository may not declare is refused, with its line', async (t) => {
  const repository = newRepository(t)
  const head = 'apiVersion: ringmaster.dev/v1alpha1\n'
  repository.commit({
    'git.yaml': `# first\n${head}kind: GitSource\nmetadata: {name: more}\nspec: {url: "https://git.example/x.git"}\n`,
    'source.yaml': `${head}kind: UpdateSource\nmetadata: {name: feed}\nspec:\n  format: Ringmaster\n  path: ../../feed.ndjson\n`,
    'absolute.yaml': `${head}kind: UpdateSource\nmetadata: {name: absolute}\nspec: {format: Ringmaster, path: /srv/feed}\n`,
  })
  const { bare } = publish(t, repository)
  const { load } = commitOf(await newSource(t, { url: `file://${bare}` }).poll())
  t.match(load, {
    total: 2,
    problems: [
      { file: 'git.yaml', line: 3, code: 'RM1402' },
      { file: 'source.yaml', line: 6, code: 'RM1410', message: /leads out of the repository/ },
    ],
  })
})

test('objects of other sources may be referred to', async (t) => {
  const repository = newRepository(t)
  repository.commit({ 'a.yaml': collection('a').replace('spec: {', 'spec: {limitedTo: servers, ') })
  const { bare } = publish(t, repository)
  const url = `file://${bare}`
  t.match(await newSource(t, { url }).poll(), { load: { problems: [{ code: 'RM1302' }] } })
  const other: Declared = {
    kind: 'Collection',
    name: 'servers',
    labels: {},
    annotations: {},
    spec: { queries: [{ matchLabels: { a: 'b' } }] },
    origin: { source: 'directory', revision: 'r', file: 'f.yaml', line: 1 },
  }
  t.match(await newSource(t, { url }, { elsewhere: () => [other] }).poll(), { load: { total: 0 } })
})

type More = Partial<Omit<ConstructorParameters<typeof GitSource>[0], 'spec' | 'source' | 'caches'>>

function newSource(t: Test, spec: object, more: More = {}) {
  const caches = join(temporary(t), 'data', 'git')
  const source = new GitSource({ source: 'git/test', spec: GitSourceSpec.parse(spec), caches, ...more })
  return {
    caches,
    poll: (known: KnownRevision = {}, signal?: AbortSignal) => source.poll(known, signal),
    cache: () => join(caches, readdirSync(caches).find((name) => /^[0-9a-f]+$/.test(name)) ?? ''),
  }
}

function commitOf(poll: GitPoll): Extract<GitPoll, { readonly type: 'Commit' }> {
  if (poll.type === 'Commit') return poll
  throw new Error('nothing has changed')
}

async function fails(t: Test, source: { poll: () => Promise<GitPoll> }, code: string): Promise<Error> {
  const error = await source.poll().then(
    () => new Error('it did not fail'),
    (reason: unknown) => (reason instanceof Error ? reason : new Error(String(reason))),
  )
  t.match(error, { name: 'GitSourceError', code }, error.message)
  return error
}

function collection(name: string, site = 'berlin'): string {
  return `apiVersion: ringmaster.dev/v1alpha1\nkind: Collection\nmetadata: {name: ${name}}\nspec: {queries: [{matchLabels: {site: "${site}"}}]}\n`
}

test('a full disk is a failure with a code; what is needed is fetched when there is space again', async (t) => {
  const repository = newRepository(t)
  const random = randomBytes(200_000).toString('base64')
  repository.commit({ 'a.yaml': `${collection('a')}# ${random}\n` })
  const { root } = publish(t, repository)
  const server = await serveGit(t, root)
  const source = newSource(t, { url: `${server.url}/rollouts.git` })
  const path = process.env.PATH ?? ''
  // In place of a disk that is full: no file of git may grow beyond 64 KiB.
  const folder = temporary(t)
  writeFileSync(join(folder, 'git'), `#!/bin/sh\nulimit -f 128\nPATH='${path}'\nexec git "$@"\n`, { mode: 0o755 })
  process.env.PATH = `${folder}:${path}`
  try {
    await fails(t, source, 'RM1409')
  } finally {
    process.env.PATH = path
  }
  t.match(await source.poll(), { type: 'Commit', load: { total: 0 } })
})
