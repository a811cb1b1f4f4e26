// What the server says of itself, and how it behaves when the journal refuses, clients are slow or malformed, and at its end.
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'tap'
import type { JournalErrorCode } from '../../controller/journal/journal.ts'
import { openMemoryJournal } from '../../controller/journal/memory-journal.ts'
import type { Fact } from '../../controller/model/facts.ts'
import { Controller } from '../../controller/runtime/controller.ts'
import { decodeFact } from '../../controller/runtime/fact-codec.ts'
import { hashSecret } from '../../controller/serve/auth.ts'
import { readinessOf } from '../../controller/serve/health.ts'
import { TIME_LIMITS } from '../../controller/serve/time-limits.ts'
import { virtualClock } from '../runtime/virtual-clock.ts'
import { declared, enrol, fieldOf, get, post, refusingJournal, report, SITE_KEY, serve } from './harness.ts'

test('it is ready when declarations are in force and every source was tried, and says what is missing until then', async (t) => {
  const { url, controller } = await serve(t)
  t.match(await get(url, '/healthz'), { status: 200, body: { status: 'alive' } })
  const before = await get(url, '/readyz')
  t.match(before, { status: 503, body: { ready: false } })
  t.same(checksOf(before.body), { journal: true, clock: true, declarations: false, catalog: true })
  const problem = { file: 'a.yaml', line: 3, column: 1, path: '', code: 'RM1004', message: 'no valid YAML' }
  await controller.submit({
    type: 'DeclarationsRejected',
    source: 'directory',
    revision: 'r0',
    problems: [problem],
    total: 1,
  })
  const broken = await get(url, '/readyz')
  t.equal(broken.status, 503)
  t.match(JSON.stringify(broken.body), /1 problems: a\.yaml:3: no valid YAML/)
  const source = declared('UpdateSource', 'feed', { format: 'Ringmaster', path: '/nowhere' })
  await controller.submit({ type: 'ObjectsDeclared', source: 'directory', revision: 'r1', put: [source], removed: [] })
  const unsynced = await get(url, '/readyz')
  t.same(checksOf(unsynced.body), { journal: true, clock: true, declarations: true, catalog: false })
  t.match(JSON.stringify(unsynced.body), /not synchronised yet: feed/)
  await controller.submit({ type: 'CatalogSyncFailed', source: 'feed', message: 'no such file' })
  t.match(await get(url, '/readyz'), { status: 200, body: { ready: true } }, 'a source that was tried is enough')
})

test('a clock that is far behind the newest fact is told, because nothing becomes due by it', async (t) => {
  const clock = virtualClock('2025-10-01T00:00:00Z')
  let wrong = 'PT0S'
  const now = () => clock.now().add(wrong)
  const controller = await Controller.open({
    journal: openMemoryJournal<Fact>(decodeFact),
    clock: { ...clock, now, nowMs: () => now().epochMilliseconds },
  })
  const clockOf = () =>
    readinessOf({ controller, declarations: ['directory'] }).checks.find(({ name }) => name === 'clock')
  wrong = 'PT87600H'
  await controller.submit({ type: 'EnrolmentKeyIssued', keyHash: 'k', once: false, by: 'me' })
  t.match(clockOf(), { ok: true })
  wrong = 'PT87599H30M'
  t.match(clockOf(), { ok: true }, 'half an hour is no trouble')
  wrong = 'PT0S'
  t.match(clockOf(), { ok: false, message: /87600 hours behind the newest fact \(2035-09-29/ })
})

test('metrics are in the text format, and count what was done', async (t) => {
  const { url } = await serve(t)
  const headers = await enrol(url, 'd')
  await post(url, '/v1/reports', { reports: [report(1)] }, headers)
  const { status, headers: given, body } = await get(url, '/metrics')
  t.equal(status, 200)
  t.match(given.get('content-type'), /^text\/plain/)
  t.match(String(body), /^ringmaster_devices 1$/m)
  t.match(String(body), /^ringmaster_journal_seq 3$/m)
  t.match(
    String(body),
    /ringmaster_http_request_duration_seconds_count\{method="POST",route="\/v1\/reports",status="200"\} 1/,
  )
})

test('what is not there is answered in JSON', async (t) => {
  const { url } = await serve(t)
  for (const path of ['/nothing', '/v1/enrol', '/v1/', '/%zz', `/${'x'.repeat(5000)}`, '/v1/policy/../../etc']) {
    const answer = await get(url, path)
    t.ok(answer.status >= 400 && answer.status < 500, path.slice(0, 20))
    t.equal(typeof fieldOf(answer.body, 'code'), 'string')
    t.equal(typeof fieldOf(answer.body, 'message'), 'string')
  }
})

for (const code of ['Busy', 'DiskFull', 'Broken'] as const)
  test(`a journal that answers ${code} is passed on as 503 with a time to try again`, async (t) => {
    let trouble: JournalErrorCode | undefined
    const { url, controller } = await serve(
      t,
      refusingJournal(() => trouble),
    )
    await controller.submit({ type: 'ObjectsDeclared', source: 'directory', revision: 'r1', put: [], removed: [] })
    await controller.submit({ type: 'EnrolmentKeyIssued', keyHash: hashSecret('once'), once: true, by: 'tests' })
    const headers = await enrol(url, 'd')
    trouble = code
    const refused = await post(url, '/v1/reports', { reports: [report(1)] }, headers)
    t.match(refused, { status: 503, body: { code } })
    t.match(refused.headers.get('retry-after'), /^\d+$/)
    t.equal((await post(url, '/v1/enrol', { device: 'e', key: 'once', attributes: {} })).status, 503)
    t.equal((await get(url, '/readyz')).status, code === 'Busy' ? 200 : 503)
    t.equal((await get(url, '/healthz')).status, code === 'Broken' ? 503 : 200)
    t.equal((await get(url, '/v1/policy', headers)).status, 200, 'policies are still given')
    trouble = undefined
    t.equal(
      (await post(url, '/v1/enrol', { device: 'e', key: 'once', attributes: {} })).status,
      201,
      'the key is still good',
    )
    const sent = await post(url, '/v1/reports', { reports: [report(1)] }, headers)
    t.match(sent, { status: 200, body: { accepted: 1 } })
    t.equal((await get(url, '/readyz')).status, 200)
  })

test('an error that nobody foresaw shows nothing of the inside', async (t) => {
  const { url, controller } = await serve(t)
  const headers = await enrol(url, 'd')
  const { fleet } = controller.state
  t.teardown(() => Object.assign(controller.state, { fleet }))
  Object.assign(controller.state, { fleet: { ...fleet, columns: undefined } })
  const answer = await get(url, '/v1/policy', headers)
  t.match(answer, { status: 500, body: { code: 'Internal' } })
  t.notMatch(JSON.stringify(answer.body), /at |\.ts|undefined/)
})

test('a client that never finishes its request is cut off', async (t) => {
  const { url } = await serve(t, undefined, { ...TIME_LIMITS, headers: 200, request: 300 })
  const slowHeaders = await raw(url)
  slowHeaders.socket.write('POST /v1/reports HTTP/1.1\r\nHost: x\r\nX-Slow: ')
  const slowBody = await raw(url)
  slowBody.socket.write(
    'POST /v1/enrol HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{',
  )
  t.match(await slowHeaders.ended, /^HTTP\/1\.1 408 .*"code":"Timeout"/s)
  t.match(await slowBody.ended, /408/)
  t.equal((await get(url, '/healthz')).status, 200)
})

test('what is no HTTP is refused in JSON', async (t) => {
  const { url } = await serve(t)
  const garbage = await raw(url)
  garbage.socket.write('\x16\x03\x01 this is not HTTP\r\n\r\n')
  t.match(await garbage.ended, /^HTTP\/1\.1 400 .*"code":"Invalid"/s)
  const huge = await raw(url)
  huge.socket.write(`GET / HTTP/1.1\r\nHost: x\r\nX-Huge: ${'x'.repeat(100_000)}\r\n\r\n`)
  t.match(await huge.ended, /^HTTP\/1\.1 431 .*"code":"TooLarge"/s)
})

test('a request that has begun is answered before the end, and what it said is durable', async (t) => {
  const { url, controller, close } = await serve(t)
  const body = JSON.stringify({ device: 'late', key: SITE_KEY, attributes: {} })
  const { socket, ended } = await raw(url)
  const head = `POST /v1/enrol HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`
  socket.write(head + body.slice(0, 10))
  await get(url, '/healthz')
  const closing = close()
  await t.rejects(get(url, '/healthz'), 'nobody new is let in')
  socket.write(body.slice(10))
  t.match(await ended, /^HTTP\/1\.1 201/)
  await closing
  t.ok(controller.state.fleet.rowOf.has('late'))
})

test('the end does not wait for ever for a client', async (t) => {
  const { url, close } = await serve(t, undefined, { ...TIME_LIMITS, grace: 200 })
  const { socket, ended } = await raw(url)
  socket.write('POST /v1/enrol HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{')
  await get(url, '/healthz')
  await close()
  t.equal(await ended, '')
})

function checksOf(body: unknown): Record<string, boolean> {
  const checks = fieldOf(body, 'checks')
  if (!Array.isArray(checks)) return {}
  return Object.fromEntries(checks.map((check: unknown) => [fieldOf(check, 'name'), fieldOf(check, 'ok')]))
}

async function raw(url: string): Promise<{ socket: ReturnType<typeof connect>; ended: Promise<string> }> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  await once(socket, 'connect')
  const ended = new Promise<string>((resolve) => {
    let text = ''
    socket.on('data', (part) => {
      text += part
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(text))
  })
  return { socket, ended }
}
