// A change on its whole way, with real git: seen by `diff` before it is merged, acted on when it is, and taken back by a revert.
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { type StartOptions, startController } from '../../controller/cli/start-controller.ts'
import { GitSourceSpec } from '../../controller/model/git-source.ts'
import { newRepository, publish, temporary } from '../support/git-repository.ts'
import { enrolWith, fieldOf, get, post, report, until } from './harness.ts'

const BIN = join(import.meta.dirname, '../../bin/ringmaster')

function object(kind: string, name: string, spec: object): string {
  return `${JSON.stringify({ apiVersion: 'ringmaster.dev/v1alpha1', kind, metadata: { name }, spec })}\n`
}

const update = (id: string, classification: string) =>
  JSON.stringify({
    ...{ id, title: `Update ${id}`, vendor: 'V', products: ['P'], classification },
    ...{ released: '2025-01-01T00:00:00Z', articleIds: [`KB${id.length}000001`] },
  })

const rule = (name: string, classification: string) =>
  object('AutomaticDeploymentRule', name, {
    criteria: { classifications: [classification] },
    deployment: { availableAfter: 'PT0S', deadlineAfter: 'P1D' },
    phases: [{ name: 'pilot', collection: 'pilot' }],
  })

/** A repository with history, a bare one that stands for the forge, and a controller that follows its branch main. */
async function site(t: Test) {
  const folder = temporary(t)
  const feed = join(folder, 'feed.ndjson')
  writeFileSync(feed, `${update('security-1', 'Security Updates')}\n${update('driver-1', 'Drivers')}\n`)
  const repository = newRepository(t)
  repository.commit(
    { 'feed.yaml': object('UpdateSource', 'feed', { format: 'Ringmaster', path: feed }) },
    'the catalog',
  )
  repository.commit({
    'pilot.yaml': object('Collection', 'pilot', { queries: [{ matchLabels: { ring: 'pilot' } }] }),
    'drivers.yaml': rule('drivers', 'Drivers'),
  })
  const { bare, push } = publish(t, repository)
  const decisions: Parameters<NonNullable<StartOptions['onDecisions']>>[0][number][] = []
  const data = join(folder, '.data')
  const started = await startController({
    data,
    listen: { host: '127.0.0.1', port: 0 },
    git: GitSourceSpec.parse({ url: `file://${bare}`, branch: 'main', interval: 'PT5S' }),
    onDecisions: (made) => decisions.push(...made),
  })
  t.teardown(started.close)
  const { state } = started.controller
  const inForce = (commit: string) =>
    until(() => state.sources.get('git/default')?.revision === `main@sha1:${commit}` && state.catalog.ids.length === 2)
  await inForce(repository.git('rev-parse', 'HEAD'))
  const env = { ...process.env, RINGMASTER_SERVER: started.url, RINGMASTER_TOKEN: started.secrets.adminToken }
  // Not waited for in place: the controller that is to answer runs in this process.
  const ringmaster = (...args: string[]) =>
    new Promise<{ exit: number | undefined; out: string; err: string }>((resolve) => {
      const child = execFile(BIN, args, { cwd: repository.folder, env }, (_error, out, err) =>
        resolve({ exit: child.exitCode ?? undefined, out, err }),
      )
    })
  const device = await enrolWith(started.url, started.secrets.enrolmentKey, 'pc-1', { ring: 'pilot' })
  const required = { scan: { required: ['security-1', 'driver-1'], installed: [], notRequired: [] } }
  await post(started.url, '/v1/reports', { reports: [report(1, required)] }, device)
  /** Ids of the updates that the device is offered. */
  const offered = async () => {
    const updates = fieldOf((await get(started.url, '/v1/policy', device)).body, 'updates')
    return Array.isArray(updates) ? updates.map((one: unknown) => String(fieldOf(one, 'id'))).sort() : []
  }
  return { repository, push, started, state, decisions, ringmaster, offered, inForce }
}

test('a change is seen before it is merged, goes out with the merge, and is withdrawn by the revert', async (t) => {
  const { repository, push, started, state, decisions, ringmaster, offered, inForce } = await site(t)
  t.equal((await ringmaster('evaluate', 'drivers')).exit, 0)
  await until(() => decisions.some(({ type }) => type === 'UpdatesApproved'))
  t.same(await offered(), ['driver-1'])

  repository.git('switch', '--quiet', '--create', 'security')
  const proposed = repository.commit({ 'security.yaml': rule('security', 'Security Updates') }, 'security updates')
  const diff = (format: string, ...refs: string[]) =>
    ringmaster('diff', ...refs, '--format', format, '--server', started.url)
  const refs = ['--base', 'main', '--head', 'security']
  const text = await diff('text', ...refs)
  t.equal(text.exit, 1, text.err)
  t.notMatch(text.out, /What runs there is not the base/)
  t.match(text.out, /security \(added\): 1 of 1,000 updates[\s\S]*\+ .*security-1/)
  t.match(text.out, /\+ AutomaticDeploymentRule security, security\.yaml:1/)
  t.notMatch(text.out, /driver-1/)
  const markdown = await diff('markdown', ...refs)
  t.equal(markdown.exit, 1)
  t.match(markdown.out, /^<!-- ringmaster diff -->\n\*\*/)
  t.match(markdown.out, /security-1/)
  const json = await diff('json', ...refs)
  t.equal(json.exit, 1)
  t.match(JSON.stringify(JSON.parse(json.out)), /security-1/)
  t.equal((await diff('text', '--base', 'main', '--head', 'main')).exit, 0, 'no effect')
  t.same(await offered(), ['driver-1'], 'nothing has happened by looking')

  repository.git('switch', '--quiet', 'main')
  repository.git('merge', '--quiet', '--no-ff', '--message', 'merge security', 'security')
  const merged = repository.git('rev-parse', 'HEAD')
  t.not(merged, proposed)
  push()
  await inForce(merged)
  t.equal((await ringmaster('evaluate', 'security')).exit, 0)
  await until(async () => (await offered()).includes('security-1'))
  const approvals = decisions.filter(({ type }) => type === 'UpdatesApproved')
  t.equal(approvals.length, 2)
  for (const { message } of approvals) t.match(message, /revision main@sha1:[0-9a-f]{40}, commit [0-9a-f]{40}, by Ada/)
  t.match(approvals[1]?.message, new RegExp(`commit ${merged}`))

  repository.git('revert', '--no-edit', '--mainline', '1', 'HEAD')
  const back = await diff('text', '--base', 'HEAD~1', '--head', 'HEAD')
  t.equal(back.exit, 1)
  t.match(back.out, /withdrawn/, 'what the revert withdraws is seen, too')
  push()
  await inForce(repository.git('rev-parse', 'HEAD'))
  await until(async () => !(await offered()).includes('security-1'))
  t.same(await offered(), ['driver-1'], 'what another rule approved stays')
  const ended = [...state.control.rollouts.values()].filter(({ status }) => status === 'RolledBack')
  t.same(
    ended.map(({ rule: of }) => of),
    ['security'],
  )
})
