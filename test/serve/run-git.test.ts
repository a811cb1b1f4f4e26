// The controller on real repositories: what is pushed comes into force, what is broken or not trusted changes nothing, and what
// is reverted is unapproved.
import { execFileSync } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { type Started, type StartOptions, startController } from '../../controller/cli/start-controller.ts'
import { GitSourceSpec } from '../../controller/model/git-source.ts'
import { listObjects } from '../../controller/project/objects.ts'
import { serveGit } from '../support/git-http-server.ts'
import { type Files, newRepository, publish, temporary } from '../support/git-repository.ts'
import { enrolWith, get, until as untilThen } from './harness.ts'

const SECRET = 'a secret of the webhook'
const FEED_BESIDE = '{format: Ringmaster, path: feed.ndjson}'
const UPDATE = {
  id: 'update-1',
  title: 'An update',
  vendor: 'V',
  products: ['P'],
  classification: 'Security Updates',
  released: '2025-01-01T00:00:00Z',
}

test('a commit comes into force; status, origin, metrics and approvals name it', async (t) => {
  const { repository, started, wake } = await site(t)
  const { state } = started.controller
  const head = repository.git('rev-parse', 'HEAD')
  const revision = `main@sha1:${head}`
  t.match(state.sources.get('git/default'), {
    revision,
    commit: { commit: head, author: 'Ada <ada@example.com>', subject: 'the site', signature: 'Unsigned' },
  })
  t.match(state.objects.Collection.get('pilot'), {
    origin: { source: 'git/default', revision, file: 'pilot.yaml', commit: head, author: 'Ada <ada@example.com>' },
  })
  t.equal((await get(started.url, '/readyz')).status, 200)
  const metrics = String((await get(started.url, '/metrics')).body)
  t.match(metrics, `ringmaster_source_info{source="git/default",revision="${revision}"} 1`)
  t.match(
    metrics,
    /ringmaster_source_commit_info\{source="git\/default",commit="[0-9a-f]{40}",author="Ada .*signature="Unsigned"/,
  )
  t.match(metrics, /ringmaster_source_last_success_timestamp_seconds\{source="git\/default"\} \d/)
  t.match(metrics, /ringmaster_source_failing\{source="git\/default"\} 0/)

  await enrolWith(started.url, started.secrets.enrolmentKey, 'd1', { site: 'a' })
  repository.commit({ 'rollout.yaml': rollout('october') }, 'october goes out')
  const rolled = await wake()
  await until(() => state.control.rollouts.get('october')?.status === 'Progressing')
  const record = state.control.rollouts.get('october')
  t.match(record?.provenance, { source: 'git/default', revision: `main@sha1:${rolled}`, commit: rolled })
  const approved = started.decisions().find(({ type }) => type === 'UpdatesApproved')
  t.match(approved?.message, new RegExp(`revision main@sha1:${rolled}, commit ${rolled}, by Ada`))
})

test('a feed in the repository is the catalog; a commit that adds an update brings it, and the old copy goes', async (t) => {
  const second = { ...UPDATE, id: 'update-2' }
  const lines = (...updates: object[]) => updates.map((update) => `${JSON.stringify(update)}\n`).join('')
  const { repository, started, folder, options, wake } = await site(t, {
    feed: { 'feed.yaml': object('UpdateSource', 'feed', FEED_BESIDE), 'feed.ndjson': lines(UPDATE) },
  })
  const { state } = started.controller
  const copies = join(folder, '.data', 'git', 'feeds')
  const [before = ''] = readdirSync(copies)
  const declared = state.objects.UpdateSource.get('feed')
  repository.commit({ 'other.yaml': collection('other', 'b') })
  await wake()
  t.equal(state.objects.UpdateSource.get('feed'), declared, 'what is the same is not declared anew')
  repository.commit({ 'feed.ndjson': lines(UPDATE, second) }, 'another update')
  await wake()
  await until(() => state.catalog.ids.length === 2)
  await until(() => readdirSync(copies).length === 1)
  t.notSame(readdirSync(copies), [before])

  repository.commit({ 'feed.ndjson': null }, 'the feed is gone')
  await wake(() => state.sources.get('git/default')?.rejected !== undefined)
  t.match(state.sources.get('git/default')?.rejected?.problems, [{ file: 'feed.yaml', code: 'RM1410' }])
  t.equal(readdirSync(copies).length, 1, 'what is in force keeps its copy')
  repository.git('revert', '--no-edit', 'HEAD')
  await wake()

  const now = state.objects.UpdateSource.get('feed')
  await started.close()
  rmSync(join(folder, '.data', 'git'), { recursive: true })
  const again = await startController(options)
  t.teardown(again.close)
  const path = now?.kind === 'UpdateSource' ? (now.spec.path ?? '') : ''
  await until(() => existsSync(path))
  t.equal(readFileSync(path, 'utf8'), lines(UPDATE, second), 'a cache that was removed is made again')
  t.strictSame(again.controller.state.objects.UpdateSource.get('feed')?.spec, now?.spec)
})

test('a revert unapproves what the commit had approved, and nothing else', async (t) => {
  const { repository, started, wake } = await site(t)
  const { state } = started.controller
  await enrolWith(started.url, started.secrets.enrolmentKey, 'd1', { site: 'a' })
  repository.commit({ 'other.yaml': rollout('other') }, 'another goes out')
  await wake()
  repository.commit({ 'rollout.yaml': rollout('october') }, 'october goes out')
  await wake()
  await until(() => started.decisions().filter(({ type }) => type === 'UpdatesApproved').length === 2)
  repository.git('revert', '--no-edit', 'HEAD')
  await wake()
  await until(() => state.control.rollouts.get('october')?.status === 'RolledBack')
  t.equal(state.control.rollouts.get('other')?.status, 'Progressing')
  const withdrawn = started
    .decisions()
    .filter(({ type }) => type === 'RolloutRolledBack' || type === 'UpdatesUnapproved')
  t.strictSame([...new Set(withdrawn.map((one) => 'rollout' in one && one.rollout))], ['october'])
})

test('a broken commit changes nothing and is told with file and line, until it is mended', async (t) => {
  const { repository, started, wake } = await site(t, { declared: true })
  const { state } = started.controller
  const good = repository.git('rev-parse', 'HEAD')
  const source = 'git/rollouts'
  repository.commit({
    'pilot.yaml': `# broken\n${collection('pilot', 'z').replace('queries', 'querries')}`,
    'b.yaml': collection('b', 'b'),
  })
  const bad = await wake(() => state.sources.get(source)?.rejected !== undefined)
  t.match(state.sources.get(source), {
    revision: `main@sha1:${good}`,
    rejected: { revision: `main@sha1:${bad}`, commit: { commit: bad, author: /Ada/ } },
  })
  t.notOk(state.objects.Collection.has('b'))
  const view = () => listObjects(state, [], 'GitSource', 0)[0]
  t.match(view()?.status, {
    revision: `main@sha1:${good}`,
    conditions: [
      { type: 'Ready', status: 'False', reason: 'RevisionRejected', message: /pilot\.yaml:5:\d+: RM1201 .*querries/ },
      { type: 'Stalled', status: 'True' },
    ],
    rejected: { total: 1, problems: [/^pilot\.yaml:5:/] },
  })
  t.match(
    String((await get(started.url, '/metrics')).body),
    /ringmaster_source_rejected_problems\{source="git\/rollouts"\} 1/,
  )
  repository.git('revert', '--no-edit', 'HEAD')
  const mended = await wake(() => state.sources.get(source)?.rejected === undefined)
  t.match(view()?.status, {
    revision: `main@sha1:${mended}`,
    conditions: [{ type: 'Ready', status: 'True', reason: 'InForce' }],
  })

  repository.commit({ 'pilot.yaml': null, 'feed.yaml': null })
  await wake(() => state.sources.get(source)?.rejected !== undefined)
  t.match(state.sources.get(source)?.rejected?.problems, [{ code: 'RM1020' }], 'an emptied repository removes nothing')
  t.ok(state.objects.Collection.has('pilot'))
})

test('an unreachable remote leaves in force what is, and is told until it is back', async (t) => {
  const { server, started, poke } = await site(t, { declared: true })
  const { state } = started.controller
  server.fault = 503
  await poke()
  await until(() => state.sources.get('git/rollouts')?.failure !== undefined)
  t.match(listObjects(state, [], 'GitSource', 0)[0]?.status, {
    conditions: [{ type: 'Ready', status: 'False', reason: 'FetchFailed', message: /RM1403.*503/ }, {}],
    failure: { code: 'RM1403' },
  })
  t.ok(state.objects.Collection.has('pilot'))
  t.match(String((await get(started.url, '/metrics')).body), /ringmaster_source_failing\{source="git\/rollouts"\} 1/)
  server.fault = undefined
  await poke()
  await until(() => state.sources.get('git/rollouts')?.failure === undefined)
})

test('a webhook is heard when it is signed, and only then', async (t) => {
  const { started, poke } = await site(t)
  const path = '/v1/webhooks/git/default'
  const body = JSON.stringify({ ref: 'refs/heads/main' })
  const hmac = createHmac('sha256', SECRET).update(body).digest('hex')
  const send = (headers: Record<string, string>, to = path) => webhook(started, to, body, headers)
  for (const header of ['x-gitea-signature', 'x-ringmaster-signature'])
    t.equal(await send({ [header]: hmac }), 202, header)
  t.equal(await send({ 'x-hub-signature-256': `sha256=${hmac}` }), 202)
  t.equal(await send({ 'x-gitlab-token': SECRET }), 202)
  t.equal(await send({ 'x-ringmaster-signature': hmac, 'content-type': 'application/x-www-form-urlencoded' }), 202)
  t.equal(await send({}), 401)
  t.equal(await send({ 'x-gitlab-token': 'wrong' }), 401)
  t.equal(await send({ 'x-hub-signature-256': `sha256=${hmac.replace(/^./, 'z')}` }), 401)
  t.equal(await send({ 'x-hub-signature-256': '' }), 401)
  t.equal(
    await send({ 'x-gitlab-token': SECRET, 'x-hub-signature-256': 'sha256=00' }),
    401,
    'one that is wrong is enough',
  )
  t.equal(await send({ 'x-ringmaster-signature': hmac }, '/v1/webhooks/git/none'), 404)
  const large = 'x'.repeat(2_000_000)
  t.equal(await webhook(started, path, large, { 'x-gitlab-token': SECRET }), 413)
  t.ok(await poke())
})

test('objects go from the directory to a repository and back without being unapproved', async (t) => {
  const { repository, started, folder, wake } = await site(t, { declared: true })
  const { state } = started.controller
  await enrolWith(started.url, started.secrets.enrolmentKey, 'd1', { site: 'a' })
  writeFileSync(join(folder, 'rollout.yaml'), rollout('october'))
  await until(() => started.decisions().some(({ type }) => type === 'UpdatesApproved'))
  repository.commit({ 'rollout.yaml': rollout('october') }, 'october is declared here')
  await wake(() => state.sources.get('git/rollouts')?.rejected !== undefined)
  t.match(state.sources.get('git/rollouts')?.rejected?.problems[0], {
    file: 'rollout.yaml',
    code: 'RM1401',
    message: /declared already by source directory, rollout\.yaml:1/,
  })
  writeFileSync(join(folder, 'rollout.yaml'), '# it is declared in the repository\n')
  await until(() => state.objects.Rollout.get('october')?.origin.source === 'git/rollouts')
  t.equal(state.sources.get('git/rollouts')?.rejected, undefined)
  // In one edit: the GitSource goes, and what it declared is declared here.
  writeFileSync(
    join(folder, 'git.yaml'),
    [collection('pilot', 'a'), rollout('october'), repository.git('show', 'HEAD:feed.yaml')].join('---\n'),
  )
  await until(() => state.objects.Rollout.get('october')?.origin.source === 'directory')
  await until(() => !state.sources.has('git/rollouts'))
  t.equal(state.objects.GitSource.size, 0)
  t.equal(state.control.rollouts.get('october')?.status, 'Progressing')
  t.notOk(started.decisions().some(({ type }) => type === 'UpdatesUnapproved' || type === 'RolloutRolledBack'))
})

test('a GitSource that is removed takes its objects with it, or leaves them', async (t) => {
  for (const prune of ['Unapprove', 'Orphan'] as const) {
    const { started, folder, options } = await site(t, { declared: true, prune })
    const { state } = started.controller
    writeFileSync(join(folder, 'git.yaml'), '# no more\n')
    await until(() => !state.sources.has('git/rollouts'))
    t.equal(state.objects.Collection.has('pilot'), prune === 'Orphan', prune)
    await until(() => readdirSync(join(options.data, 'git')).length === 0)
  }
})

test('after a restart what the repository declared is still its own, and the journal grows by nothing', async (t) => {
  const { started, options, repository } = await site(t)
  const before = started.controller.journal.lastSeq
  await started.close()
  const again = await startController(options)
  t.teardown(again.close)
  const { state } = again.controller
  let metrics = ''
  for (let i = 0; i < 1000 && !/source_polls\{source="git\/default"\} 1/.test(metrics); i++) {
    await new Promise((resolve) => setTimeout(resolve, 20))
    metrics = String((await get(again.url, '/metrics')).body)
  }
  t.match(metrics, /source_poll_failures\{source="git\/default"\} 0/)
  t.equal(again.controller.journal.lastSeq, before)
  t.ok(state.objects.Collection.has('pilot'))
  t.match(state.sources.get('git/default'), { revision: `main@sha1:${repository.git('rev-parse', 'HEAD')}` })
})

/** Fails in place of waiting for ever. */
async function until(holds: () => boolean): Promise<void> {
  const end = performance.now() + 60_000
  await untilThen(() => holds() || performance.now() > end)
  if (!holds()) throw new Error(`it did not come about: ${holds}`)
}

test('with verify, a commit that is not signed by a trusted key changes nothing; approvals name the key of one that is', async (t) => {
  const keys = temporary(t)
  const key = join(keys, 'ada')
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key])
  const allowedSignersFile = join(keys, 'allowed')
  writeFileSync(allowedSignersFile, `ada@example.com ${readFileSync(`${key}.pub`, 'utf8')}`)
  const { repository, started, wake } = await site(t, { declared: true, signWith: key, verify: { allowedSignersFile } })
  const { state } = started.controller
  const good = `main@sha1:${repository.git('rev-parse', 'HEAD')}`
  await enrolWith(started.url, started.secrets.enrolmentKey, 'd1', { site: 'a' })
  repository.commit({ 'rollout.yaml': rollout('october') }, 'not signed', ['--no-gpg-sign'])
  const bad = await wake(() => state.sources.get('git/rollouts')?.rejected !== undefined)
  t.notOk(state.objects.Rollout.has('october'))
  t.match(listObjects(state, [], 'GitSource', 0)[0]?.status, {
    revision: good,
    commit: { signature: 'Verified', signedBy: /^ada@example.com \(SHA256:/ },
    conditions: [
      { type: 'Ready', status: 'False', reason: 'NotTrusted', message: /RM1404 commit [0-9a-f]{40} by Ada/ },
      { type: 'Stalled', status: 'True' },
    ],
    rejected: { commit: { commit: bad, signature: 'Unsigned' } },
  })
  repository.commit({}, 'signed on top')
  const head = await wake()
  await until(() => started.decisions().some(({ type }) => type === 'UpdatesApproved'))
  t.match(state.control.rollouts.get('october')?.provenance, { commit: head, signedBy: /^ada@example.com/ })
  const approved = started.decisions().find(({ type }) => type === 'UpdatesApproved')
  t.match(approved?.message, /signed by ada@example\.com \(SHA256:/)
  t.match(
    String((await get(started.url, '/metrics')).body),
    /source_commit_info\{source="git\/rollouts",[^}]*signature="Verified",signed_by="ada@example.com \(SHA256:/,
  )
})

type Site = {
  /** Files of the repository with the source `feed`, in place of one that names a file outside. */
  readonly feed?: Files
  readonly declared?: boolean
  readonly prune?: 'Unapprove' | 'Orphan'
  readonly verify?: object
  /** Every commit is signed with this ssh key. */
  readonly signWith?: string
}

/** A repository behind git's http-backend, and a controller on it: by --git, or by a GitSource in a directory. */
async function site(t: Test, { declared = false, prune = 'Unapprove', verify, signWith, feed }: Site = {}) {
  const repository = newRepository(t)
  if (signWith !== undefined)
    for (const [name, value] of Object.entries({
      'gpg.format': 'ssh',
      'user.signingKey': signWith,
      'commit.gpgSign': 'true',
    }))
      repository.git('config', name, value)
  const folder = temporary(t)
  writeFileSync(join(folder, 'feed.ndjson'), `${JSON.stringify(UPDATE)}\n`)
  const path = join(folder, 'feed.ndjson')
  const outside = { 'feed.yaml': object('UpdateSource', 'feed', JSON.stringify({ format: 'Ringmaster', path })) }
  repository.commit({ 'pilot.yaml': collection('pilot', 'a'), ...(feed ?? outside) }, 'the site')
  const { root, push } = publish(t, repository)
  const server = await serveGit(t, root)
  const secretFile = join(folder, 'secret')
  writeFileSync(secretFile, `${SECRET}\n`)
  const spec = {
    url: `${server.url}/rollouts.git`,
    interval: 'PT1H',
    webhook: { secretFile },
    prune,
    ...(verify && { verify }),
  }
  const name = declared ? 'rollouts' : 'default'
  writeFileSync(join(folder, 'git.yaml'), object('GitSource', name, JSON.stringify(spec)))
  const decisions: Parameters<NonNullable<StartOptions['onDecisions']>>[0][number][] = []
  const options: StartOptions = {
    data: join(folder, '.data'),
    listen: { host: '127.0.0.1', port: 0 },
    onDecisions: (made) => decisions.push(...made),
    ...(declared ? { path: folder } : { git: GitSourceSpec.parse(spec) }),
  }
  const started: Started = await startController(options)
  t.teardown(started.close)
  const { state } = started.controller
  await until(() => state.catalog.ids.length === 1)
  const poke = () => webhook(started, `/v1/webhooks/git/${name}`, '{}', { 'x-gitlab-token': SECRET })
  /** Pushes and sends a webhook; returns the commit when it is in force, or what is expected instead has happened. */
  const wake = async (done?: () => boolean) => {
    push()
    const head = repository.git('rev-parse', 'HEAD')
    await poke()
    await until(done ?? (() => state.sources.get(`git/${name}`)?.revision?.endsWith(head) === true))
    return head
  }
  return { repository, server, folder, options, started: { ...started, decisions: () => decisions }, wake, poke }
}

async function webhook(started: Started, path: string, body: string, headers: Record<string, string>): Promise<number> {
  const response = await fetch(`${started.url}${path}`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
  })
  await response.arrayBuffer()
  return response.status
}

function object(kind: string, name: string, spec: string): string {
  return `apiVersion: ringmaster.dev/v1alpha1\nkind: ${kind}\nmetadata: {name: ${name}}\nspec: ${spec}\n`
}

function collection(name: string, siteName: string): string {
  return object('Collection', name, `{queries: [{matchLabels: {site: "${siteName}"}}]}`)
}

function rollout(name: string): string {
  const group = object('SoftwareUpdateGroup', name, '{updates: [update-1]}')
  const going = object('Rollout', name, `{group: ${name}, phases: [{name: pilot, collection: pilot}]}`)
  return `${going}---\n${group}`
}
