// `ringmaster run --journal postgres://…`: what it asks for, what replicas share, and a database that goes away and comes back.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { openPostgresJournal } from '../../controller/journal/postgres-journal.ts'
import { cuttingProxy } from '../support/cutting-proxy.ts'
import { postgresFor, whyNoPostgres } from '../support/postgres.ts'
import { enrolWith, fieldOf, get, post, report, until } from './harness.ts'
import { type Running, ringmaster, startProcess } from './process.ts'

const SKIP = { skip: whyNoPostgres() ?? false, timeout: 180_000 }

test('a journal that is none, and a replica without others, are wrong usage; passwords are not repeated', async (t) => {
  const folder = t.testdir({})
  const wrong = await ringmaster(['run', folder, '--data', folder, '--journal', 'mysql://me:s3cret@host/db'])
  t.equal(wrong.code, 2)
  t.match(wrong.err, /--journal must be sqlite, or a URL such as postgres:/)
  const alone = await ringmaster(['run', folder, '--data', folder, '--replica', 'north'])
  t.equal(alone.code, 2)
  t.match(alone.err, /--replica is for several replicas of one journal/)
  const away = await ringmaster(['run', folder, '--data', folder, '--journal', 'postgres://me:s3cret@127.0.0.1:1/db'])
  t.equal(away.code, 3)
  t.match(away.err, /cannot be reached \(PostgreSQL 127\.0\.0\.1:1\/db, schema ringmaster\)/)
  const bad = await ringmaster(['run', folder, '--data', folder, '--journal', 'postgres://me:s3cret@h/db?schema=A'])
  t.equal(bad.code, 3)
  for (const { out, err } of [wrong, away, bad]) t.notMatch(out + err, /s3cret/)
})

test('a second replica needs the secrets of the first, and then serves the same devices', SKIP, async (t) => {
  const server = await postgresFor(t)
  const folder = t.testdir({ declared: {}, first: {}, second: {} })
  const declared = join(folder, 'declared')
  const more = ['--journal', server.url('secrets'), '--replica']
  const first = await startProcess(t, [declared, ...more, 'one'], join(folder, 'first'))
  const without = ['run', declared, '--data', join(folder, 'second'), ...more, 'two']
  const refused = await ringmaster([...without, '--listen', '127.0.0.1:0'])
  t.equal(refused.code, 3)
  t.match(refused.err, /replica one has another admin\.token: give this replica the same one/)

  writeSecrets(join(folder, 'third'), { 'enrolment.key': first.key, 'admin.token': 'another-token-for-all' })
  const second = await startProcess(t, [declared, ...more, 'two'], join(folder, 'third'))
  const device = await enrolWith(first.url, first.key, 'd')
  const answers = await Promise.all([first, second].map(({ url }) => get(url, '/v1/policy', device)))
  t.same(
    answers.map(({ status }) => status),
    [200, 200],
    'a token is good at once wherever it is shown',
  )
  const metrics = await Promise.all([first, second].map(({ url }) => get(url, '/metrics')))
  t.match(metrics[0]?.body, /^ringmaster_leader 1$/m)
  t.match(metrics[0]?.body, /^ringmaster_leader_term [1-9]\d*$/m)
  t.match(metrics[1]?.body, /^ringmaster_leader 0$/m)
  await until(async () => (await get(second.url, '/readyz')).status === 200)
  t.match(await replicaCheck(second), { ok: true, message: /it follows; 0 facts behind/ })

  first.child.kill('SIGTERM')
  t.same(await first.ended, [0, null])
  await until(async () => /it leads, term 2/.test(String(fieldOf(await replicaCheck(second), 'message'))))
  second.child.kill('SIGTERM')
  t.same(await second.ended, [0, null])
  const journal = await openPostgresJournal(server.url('secrets'), (json) => ({ type: 'Any', json }))
  t.notMatch(JSON.stringify(await Array.fromAsync(journal.read(0))), first.key)
  await journal.close()
})

test(
  'while the database is away a replica serves what it knows and keeps nothing; it goes on by itself',
  SKIP,
  async (t) => {
    const server = await postgresFor(t)
    const proxy = await cuttingProxy(t, server.port)
    const folder = t.testdir({ declared: {}, data: {} })
    const more = ['--journal', server.url('away', proxy.port)]
    const running = await startProcess(t, [join(folder, 'declared'), ...more], join(folder, 'data'))
    const { url } = running
    const device = await enrolWith(url, running.key, 'd')
    await until(async () => (await get(url, '/readyz')).status === 200)
    proxy.block(true)
    const [policy, refused] = await Promise.all([
      get(url, '/v1/policy', device),
      post(url, '/v1/reports', { reports: [report(1)] }, device),
    ])
    t.equal(policy.status, 200)
    t.equal(refused.status, 503)
    t.match(refused.body, { code: 'Unavailable', message: /its database cannot be reached; nothing of this was kept/ })
    t.ok(Number(refused.headers.get('retry-after')) > 0)
    t.equal((await get(url, '/healthz')).status, 200)
    await until(async () => (await get(url, '/readyz')).status === 503)
    proxy.block(false)
    await until(async () => (await post(url, '/v1/reports', { reports: [report(1)] }, device)).status === 200)
    await until(async () => (await get(url, '/readyz')).status === 200)
    await until(async () => /it leads/.test(String(fieldOf(await replicaCheck(running), 'message'))))
    running.child.kill('SIGTERM')
    t.same(await running.ended, [0, null])
  },
)

async function replicaCheck({ url }: Running): Promise<unknown> {
  const checks = fieldOf((await get(url, '/readyz')).body, 'checks')
  return Array.isArray(checks) ? checks.find((check) => fieldOf(check, 'name') === 'replica') : undefined
}

function writeSecrets(folder: string, secrets: Readonly<Record<string, string>>): void {
  mkdirSync(folder, { recursive: true })
  for (const [name, secret] of Object.entries(secrets)) writeFileSync(join(folder, name), `${secret}\n`)
}
