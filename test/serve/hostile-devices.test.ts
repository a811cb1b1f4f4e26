// What devices, and whoever else reaches the port, may send: it costs little, stays theirs alone, and nothing of the inside shows.
import { Agent, type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { PassThrough } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { test } from 'tap'
import { attributesOf } from '../../controller/fleet/fleet.ts'
import { type Log, silentLog } from '../../controller/runtime/log.ts'
import { closeApp, newApp } from '../../controller/serve/app.ts'
import { TIME_LIMITS } from '../../controller/serve/time-limits.ts'
import { decodeState, encodeState } from '../../controller/state/state.ts'
import { digestOf, enrol, foldOf, get, post, report, serve, until } from './harness.ts'

test('an object with thousands of keys is refused before any of them is looked at', async (t) => {
  const { url } = await serve(t)
  const headers = await enrol(url, 'd')
  const many = (count: number, value: unknown) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`-${i}`, value]))
  const refusal = { status: 400, body: { code: 'Invalid', message: /more than 1000 keys/ } }
  t.match(await post(url, '/v1/enrol', { device: 'x', key: 'k', attributes: many(50_000, {}) }), refusal)
  t.match(await post(url, '/v1/enrol', many(1001, 0)), refusal)
  t.match(await post(url, '/v1/reports', { reports: [report(1, { attributes: many(1001, 'v') })] }, headers), refusal)
  t.match(await post(url, '/v1/reports', { reports: [many(1000, {})] }, headers), {
    status: 400,
    body: { code: 'Invalid' },
  })
})

test('what is refused is quoted at no great length', async (t) => {
  const { url } = await serve(t)
  const headers = await enrol(url, 'd')
  const bodies = [
    { [`k${'x'.repeat(500_000)}`]: 0 },
    { reports: [{ ...report(1), [`k${'x'.repeat(500_000)}`]: 0 }] },
    { reports: [report(1, { attributes: { ['x'.repeat(500_000)]: 'v' } })] },
    { reports: [report(1, { messages: [{ topic: 'x'.repeat(500_000), update: 'u', state: 1 }] })] },
  ]
  for (const body of bodies) {
    const answer = await post(url, '/v1/reports', body, headers)
    t.equal(answer.status, 400)
    t.ok(JSON.stringify(answer.body).length < 2000)
  }
})

test('bodies nested a million deep, and lists of a million nothings, are refused', async (t) => {
  const { url } = await serve(t)
  const headers = { ...(await enrol(url, 'd')), 'content-encoding': 'gzip' }
  const nested = `${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}`
  const objects = `${'{"a":'.repeat(500_000)}0${'}'.repeat(500_000)}`
  const inside = (value: string) =>
    `{"reports":[{"sequence":1,"at":"2025-01-01T00:00:00Z","attributes":{"a":${value}}}]}`
  const texts = [nested, objects, inside(nested), inside(objects), `{"reports":[${'{},'.repeat(1_000_000)}{}]}`]
  for (const text of texts) {
    const answer = await post(url, '/v1/reports', gzipSync(text), headers)
    t.match(answer, { status: 400, body: { code: 'Invalid' } })
    t.ok(JSON.stringify(answer.body).length < 2000)
  }
})

test('names that mean something to the language mean nothing here, and one device changes no other', async (t) => {
  const { url, controller } = await serve(t)
  const other = await enrol(url, 'other', { site: 'berlin' })
  const policy = await get(url, '/v1/policy', other)
  const headers = await enrol(url, 'constructor', { constructor: 'a', toString: 'b' })
  const text = `{"reports":[{"sequence":9007199254740991,"at":"9999-12-31T23:59:59Z",
    "attributes":{"__proto__":"p","hasOwnProperty":"h","nul":"\\u0000","half":"\\ud800","number":1e308},
    "scan":{"required":["__proto__","constructor"],"installed":["toString"]},
    "messages":[{"topic":301,"update":"__proto__","state":6,"code":"__proto__","message":"<script>"}]}]}`
  t.match(await post(url, '/v1/reports', Buffer.from(text), headers), {
    status: 200,
    body: { accepted: 1, unknownUpdates: ['__proto__', 'constructor', 'toString'], lastSequence: 2 ** 53 - 1 },
  })
  const { fleet } = controller.state
  t.same({ ...attributesOf(fleet, 1) }, { half: '\ud800', hasOwnProperty: 'h', nul: '\0', number: '1e+308' })
  t.same(attributesOf(fleet, 0), { site: 'berlin' })
  t.equal((await get(url, '/v1/policy', other)).headers.get('etag'), policy.headers.get('etag'))
  t.equal(Reflect.get({}, 'p'), undefined)
  t.match(await post(url, '/v1/reports', { reports: [report(1)] }, other), { body: { accepted: 1, lastSequence: 1 } })
  t.equal(digestOf(foldOf(controller.journal)), digestOf(controller.state))
  t.same(decodeState(encodeState(controller.state)).fleet, fleet, 'and a snapshot keeps all of it')
})

test('clocks years away, before 1970 and after 2038, are kept as they are', async (t) => {
  const { url, controller } = await serve(t)
  const headers = await enrol(url, 'd')
  const times = [
    '0000-01-01T00:00:00Z',
    '1969-12-31T23:59:59Z',
    '9999-12-31T23:59:59-23:59',
    `2025-01-01T00:00:00.${'1'.repeat(300)}Z`,
  ]
  const reports = times.map((at, i) => ({ sequence: i + 1, at, messages: [{ topic: 301, update: 'u', state: 6 }] }))
  t.match(await post(url, '/v1/reports', { reports }, headers), { status: 200, body: { accepted: 4 } })
  t.equal(digestOf(foldOf(controller.journal)), digestOf(controller.state))
  for (const at of ['2025-02-30T00:00:00Z', '+275760-09-13T00:00:00Z', '2025-01-01', 'NaN'])
    t.match(await post(url, '/v1/reports', { reports: [{ sequence: 9, at }] }, headers), {
      status: 400,
      body: { path: 'reports[0].at' },
    })
})

test('a token is good for its own device alone, however it is bent', async (t) => {
  const { url } = await serve(t)
  const { authorization } = await enrol(url, 'a')
  await enrol(url, 'b')
  const [version = '', , secret = ''] = authorization.replace('Bearer ', '').split('.')
  const named = (device: string) => `${version}.${Buffer.from(device).toString('base64url')}.${secret}`
  const forged = [
    named('b'),
    named('__proto__'),
    named(''),
    named('a\0'),
    `${named('a')}.`,
    `${version}..${secret}`,
    `rm2${named('a').slice(3)}`,
  ]
  for (const token of forged) {
    t.equal((await get(url, '/v1/policy', { authorization: `Bearer ${token}` })).status, 401, token)
    t.equal(
      (await post(url, '/v1/reports', { reports: [report(1)] }, { authorization: `Bearer ${token}` })).status,
      401,
    )
  }
  t.equal((await get(url, '/v1/policy', { authorization })).status, 200)
})

test('a request that is cut off is no fault of ours', async (t) => {
  const told: string[] = []
  const say = (message: string) => told.push(message)
  const log: Log = { debug: () => {}, info: () => {}, warn: say, error: say }
  const app = newApp({ log })
  t.teardown(() => closeApp(app))
  let answered = 0
  app.addHook('onError', async () => {
    answered++
  })
  app.post('/v1/reports', () => ({}))
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = new URL(app.listeningOrigin)
  for (let i = 0; i < 5; i++) {
    const socket = connect(Number(port), '127.0.0.1')
    socket.write(
      'POST /v1/reports HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{',
    )
    await delay(20)
    socket.destroy()
  }
  await until(() => answered === 5)
  await delay(20)
  t.same(told, [])
})

test('a connection whose answer had begun does not hold up closing once that has ended', async (t) => {
  const app = newApp({ log: silentLog })
  const body = new PassThrough()
  app.get('/streamed', (_request, reply) => reply.send(body))
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = new URL(app.listeningOrigin)
  const agent = new Agent({ keepAlive: true })
  t.teardown(() => agent.destroy())
  const { promise, resolve } = Promise.withResolvers<IncomingMessage>()
  request({ port, agent, path: '/streamed' }, resolve).end()
  body.write('begun')
  const response = await promise
  const text = response.toArray()
  // Longer than the test may take: it is not what ends the connection.
  const closed = closeApp(app, { ...TIME_LIMITS, grace: 3_600_000 })
  await delay(100)
  body.end(', and ended')
  t.equal(Buffer.concat(await text).toString(), 'begun, and ended')
  await closed
})
