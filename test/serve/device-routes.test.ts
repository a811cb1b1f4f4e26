// The device interface over real sockets: who may speak, what is answered, and that it is durable by then.
import { deflateSync, gzipSync } from 'node:zlib'
import { test } from 'tap'
import { Update } from '../../controller/model/update.ts'
import { hashSecret } from '../../controller/serve/auth.ts'
import { declared, digestOf, enrol, fieldOf, foldOf, get, gzipped, post, report, SITE_KEY, serve } from './harness.ts'

test('a device enrols with the site key, and its token names it', async (t) => {
  const { url, controller } = await serve(t)
  const answer = await post(url, '/v1/enrol', { device: 'srv-1.example.com', key: SITE_KEY, attributes: { os: 'win' } })
  t.equal(answer.status, 201)
  t.match(answer.body, { device: 'srv-1.example.com', refusedAttributes: [] })
  const token = String(fieldOf(answer.body, 'token'))
  t.match(token, /^rm1\.c3J2LTEuZXhhbXBsZS5jb20\.[\w-]{43}$/)
  t.ok(controller.state.fleet.rowOf.has('srv-1.example.com'))
  const facts = JSON.stringify(await Array.fromAsync(controller.journal.read(0)))
  t.notOk(facts.includes(token), 'the journal holds no token')
  t.notOk(facts.includes(SITE_KEY), 'nor a key')
})

test('a key that is unknown or has expired enrols nobody', async (t) => {
  const { url, controller } = await serve(t)
  await controller.submit({
    type: 'EnrolmentKeyIssued',
    keyHash: hashSecret('old'),
    once: false,
    expires: 1,
    by: 'tests',
  })
  const unknown = await post(url, '/v1/enrol', { device: 'a', key: 'nonsense', attributes: {} })
  t.match(unknown, { status: 403, body: { code: 'BadKey', path: 'key' } })
  const expired = await post(url, '/v1/enrol', { device: 'a', key: 'old', attributes: {} })
  t.match(expired, { status: 403, body: { code: 'KeyExpired', path: 'key' } })
  t.equal(controller.state.fleet.ids.length, 0)
})

test('a one-time key used by many at the same instant enrols one of them', async (t) => {
  const { url, controller } = await serve(t)
  await controller.submit({ type: 'EnrolmentKeyIssued', keyHash: hashSecret('once'), once: true, by: 'tests' })
  const devices = Array.from({ length: 12 }, (_, i) => `d${i}`)
  const answers = await Promise.all(
    devices.map((device) => post(url, '/v1/enrol', { device, key: 'once', attributes: {} })),
  )
  t.equal(answers.filter(({ status }) => status === 201).length, 1)
  t.equal(answers.filter(({ status }) => status === 403).length, 11)
  t.equal(controller.state.fleet.ids.length, 1)
})

test('a one-time key stays good when the request was refused', async (t) => {
  const { url, controller } = await serve(t)
  await controller.submit({ type: 'EnrolmentKeyIssued', keyHash: hashSecret('once'), once: true, by: 'tests' })
  const refused = await post(url, '/v1/enrol', { device: 'not a name', key: 'once', attributes: {} })
  t.match(refused, { status: 400, body: { code: 'Invalid', path: 'device' } })
  t.equal((await post(url, '/v1/enrol', { device: 'd', key: 'once', attributes: {} })).status, 201)
})

test('enrolling anew needs a key, and replaces the token', async (t) => {
  const { url } = await serve(t)
  const first = await enrol(url, 'd')
  t.equal((await post(url, '/v1/reports', { reports: [report(7)] }, first)).status, 200)
  t.equal((await post(url, '/v1/enrol', { device: 'd', key: 'wrong', attributes: {} })).status, 403)
  t.equal((await get(url, '/v1/policy', first)).status, 200, 'a refused enrolment leaves the token in force')
  const second = await enrol(url, 'd')
  t.equal((await get(url, '/v1/policy', first)).status, 401)
  const answer = await post(url, '/v1/reports', { reports: [report(1)] }, second)
  t.match(answer.body, { accepted: 1, lastSequence: 1 }, 'a reinstalled machine counts from 1 again')
})

test('no token, a wrong one and that of a removed device are answered with 401 and how to ask', async (t) => {
  const { url, controller } = await serve(t)
  const mine = await enrol(url, 'd')
  const tokens = [
    {},
    { authorization: 'Basic dTpw' },
    { authorization: 'Bearer rm1.ZA.AAAA' },
    { authorization: 'Bearer nonsense' },
    { authorization: `Bearer ${'x'.repeat(5000)}` },
    { authorization: mine.authorization.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')) },
  ]
  for (const headers of tokens)
    for (const answer of [
      await get(url, '/v1/policy', headers),
      await post(url, '/v1/reports', { reports: [report(1)] }, headers),
    ]) {
      t.equal(answer.status, 401)
      t.match(answer.headers.get('www-authenticate'), /^Bearer realm=/)
      t.match(answer.body, { code: /^(NoToken|BadToken)$/ })
    }
  await controller.submit({ type: 'DeviceRemoved', device: 'd', by: 'tests' })
  t.equal((await get(url, '/v1/policy', mine)).status, 401)
})

test('a device speaks for itself only', async (t) => {
  const { url, controller } = await serve(t)
  const a = await enrol(url, 'a')
  await enrol(url, 'b')
  const foreign = await post(url, '/v1/reports', { device: 'b', reports: [report(1)] }, a)
  t.match(foreign, { status: 400, body: { code: 'Invalid' } }, 'a body cannot name a device')
  await post(url, '/v1/reports', { reports: [report(5)] }, a)
  t.equal(controller.state.fleet.sequence[controller.state.fleet.rowOf.get('a') ?? -1], 5)
  t.equal(controller.state.fleet.sequence[controller.state.fleet.rowOf.get('b') ?? -1], 0)
  t.match((await get(url, '/v1/policy', a)).body, { device: 'a' })
})

test('late, repeated and unknown reports are all answered, and change nothing', async (t) => {
  const { url, controller } = await serve(t)
  const headers = await enrol(url, 'd')
  const unknown = Array.from({ length: 150 }, (_, i) => `u${String(i).padStart(3, '0')}`)
  const first = await post(url, '/v1/reports', { reports: [report(2), report(5), report(3), report(5)] }, headers)
  t.same(first.body, {
    accepted: 2,
    ignored: [
      { sequence: 3, reason: 'NotNewer' },
      { sequence: 5, reason: 'NotNewer' },
    ],
    unknownUpdates: [],
    unknownUpdatesTotal: 0,
    lastSequence: 5,
    refusedAttributes: [],
  })
  const second = await post(url, '/v1/reports', { reports: [report(6, { scan: { required: unknown } })] }, headers)
  t.match(second.body, { accepted: 1, unknownUpdatesTotal: 150, lastSequence: 6 })
  t.same(fieldOf(second.body, 'unknownUpdates'), unknown.slice(0, 100))
  const again = await post(url, '/v1/reports', { reports: [report(6)] }, headers)
  t.match(again.body, { accepted: 0, ignored: [{ sequence: 6, reason: 'NotNewer' }], lastSequence: 6 })
  t.equal(digestOf(foldOf(controller.journal)), digestOf(controller.state))
})

test('the same reports sent many times at once count once', async (t) => {
  const { url } = await serve(t)
  const headers = await enrol(url, 'd')
  const batch = { reports: [report(1), report(2), report(3)] }
  const answers = await Promise.all(Array.from({ length: 10 }, () => post(url, '/v1/reports', batch, headers)))
  const accepted = answers.map(({ body }) => Number(fieldOf(body, 'accepted')))
  t.equal(
    accepted.reduce((sum, count) => sum + count, 0),
    3,
  )
})

test('what an answered report said is in the state and in the journal', async (t) => {
  const { url, controller } = await serve(t)
  await controller.submit({
    type: 'CatalogSynced',
    source: 'feed',
    change: {
      upserts: [
        Update.parse({
          id: 'u1',
          title: 'u1',
          vendor: 'V',
          products: ['P'],
          classification: 'Security Updates',
          released: '2025-01-01T00:00:00Z',
        }),
      ],
      declined: [],
      reinstated: [],
      vanished: [],
      returned: [],
    },
    setAside: [],
    setAsideTotal: 0,
    notes: [],
  })
  const headers = await enrol(url, 'd', { ring: 'pilot' })
  const answer = await post(
    url,
    '/v1/reports',
    { reports: [report(1, { attributes: { ring: 'broad' }, scan: { required: ['u1'] } })] },
    headers,
  )
  t.match(answer, { status: 200, body: { accepted: 1, unknownUpdatesTotal: 0 } })
  t.equal(controller.state.compliance.updates.get(Update.shape.id.parse('u1'))?.required, 1)
  const folded = foldOf(controller.journal)
  t.equal(digestOf(folded), digestOf(controller.state))
})

test('a policy is answered with 304 until it says something else', async (t) => {
  const { url, controller } = await serve(t)
  const headers = await enrol(url, 'd')
  const first = await get(url, '/v1/policy', headers)
  const etag = first.headers.get('etag') ?? ''
  t.equal(first.status, 200)
  t.match(etag, /^"[\w-]{32}"$/)
  t.match(first.headers.get('cache-control'), /^private, max-age=/)
  t.match(first.body, { device: 'd', updates: [], monitor: [] })
  for (const tag of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
    const same = await get(url, '/v1/policy', { ...headers, 'if-none-match': tag })
    t.match(same, { status: 304, body: '' })
    t.equal(same.headers.get('etag'), etag)
  }
  await controller.submit({
    type: 'ObjectsDeclared',
    source: 'directory',
    revision: 'r1',
    put: [
      declared('MaintenanceWindow', 'nights', {
        collections: ['all'],
        schedule: { rrule: 'FREQ=DAILY', at: '22:00' },
        duration: 'PT4H',
      }),
    ],
    removed: [],
  })
  const changed = await get(url, '/v1/policy', { ...headers, 'if-none-match': etag })
  t.equal(changed.status, 200)
  t.not(changed.headers.get('etag'), etag)
  const { body } = changed
  t.equal((fieldOf(body, 'windows') as unknown[]).length, 4)
})

test('asking for a policy is not reporting', async (t) => {
  const { url, controller } = await serve(t)
  const headers = await enrol(url, 'd')
  const before = controller.journal.lastSeq
  await get(url, '/v1/policy', headers)
  t.equal(controller.journal.lastSeq, before)
})

test('bodies may be packed with gzip or deflate', async (t) => {
  const { url } = await serve(t)
  const headers = await enrol(url, 'd')
  const body = (sequence: number) => ({ reports: [report(sequence)] })
  const zipped = await post(url, '/v1/reports', gzipped(body(1)), { ...headers, 'content-encoding': 'gzip' })
  t.match(zipped, { status: 200, body: { accepted: 1 } })
  const deflated = deflateSync(JSON.stringify(body(2)))
  const answer = await post(url, '/v1/reports', deflated, { ...headers, 'content-encoding': 'deflate' })
  t.match(answer, { status: 200, body: { accepted: 1 } })
})

test('bombs, other encodings, broken packing, large bodies and other types are refused', async (t) => {
  const { url, controller } = await serve(t)
  const headers = await enrol(url, 'd')
  const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024, 0x20))
  t.ok(bomb.length < 1024 * 1024)
  const send = (body: unknown, more: Record<string, string>) => post(url, '/v1/reports', body, { ...headers, ...more })
  t.match(await send(bomb, { 'content-encoding': 'gzip' }), { status: 413, body: { code: 'TooLarge' } })
  t.match(await send(gzipped({}), { 'content-encoding': 'br' }), { status: 415, body: { code: 'UnsupportedEncoding' } })
  t.match(await send(gzipped({}).subarray(0, 12), { 'content-encoding': 'gzip' }), {
    status: 400,
    body: { code: 'Invalid' },
  })
  t.match(await send(gzipped({}), {}), { status: 400, body: { code: 'Invalid', message: /no JSON/ } })
  t.match(await send(Buffer.alloc(1024 * 1024 + 1, 0x20), {}), { status: 413, body: { code: 'TooLarge' } })
  t.match(await send({}, { 'content-type': 'text/plain' }), { status: 415, body: { code: 'UnsupportedMediaType' } })
  t.match(await send(Buffer.from('[[[['), {}), { status: 400, body: { code: 'Invalid' } })
  t.match(await send(Buffer.alloc(0), {}), { status: 400, body: { code: 'Invalid' } })
  t.equal(controller.state.fleet.sequence[0], 0)
  t.equal((await send({ reports: [report(1)] }, {})).status, 200, 'and it goes on serving')
})

test('what is wrong in a report is named with its place', async (t) => {
  const { url, controller } = await serve(t)
  const headers = await enrol(url, 'd')
  const before = controller.journal.lastSeq
  const cases: [unknown, string | undefined][] = [
    [{ reports: [] }, 'reports'],
    [{ reports: [report(0)] }, 'reports[0].sequence'],
    [{ reports: [report(1), report(2, { at: 'yesterday' })] }, 'reports[1].at'],
    [{ reports: [report(1, { messages: [{ topic: 301, update: 'u', state: 13 }] })] }, 'reports[0].messages[0].state'],
    [{ reports: Array.from({ length: 101 }, (_, i) => report(i + 1)) }, 'reports'],
    [null, undefined],
  ]
  for (const [body, path] of cases) {
    const answer = await post(url, '/v1/reports', body, headers)
    t.match(answer, { status: 400, body: { code: 'Invalid' } })
    t.equal(fieldOf(answer.body, 'path'), path)
  }
  t.equal(controller.journal.lastSeq, before, 'nothing of a refused request is kept')
})
