// Above its capacity the server sends away what can come later, and what clients do slowly, in halves or far too large costs
// it little. Over real sockets of the loopback, each test with a bounded number of them.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type Test, test } from 'tap'
import type { EmbeddedJournal } from '../../controller/journal/journal.ts'
import { openMemoryJournal } from '../../controller/journal/memory-journal.ts'
import type { Fact } from '../../controller/model/facts.ts'
import { decodeFact } from '../../controller/runtime/fact-codec.ts'
import { type AdmissionLimits, MAX_LOOP_DELAY_MS, Pool } from '../../controller/serve/admission.ts'
import { TIME_LIMITS } from '../../controller/serve/time-limits.ts'
import { enrol, get, gzipped, post, report, serveLimited, until } from './harness.ts'

const LIMITS: AdmissionLimits = { devices: { requests: 4, bytes: 4096 }, others: { requests: 4, bytes: 4096 } }

test('beyond its places a report is answered with 503, which has no effect; the others stay and are durable', async (t) => {
  const { journal, shut } = gatedJournal()
  const { url, controller } = await serveLimited(t, { journal, admission: LIMITS })
  const devices = await enrolled(url, 10)
  const open = shut()
  const answers = devices.map((headers, i) => post(url, '/v1/reports', { reports: [report(i + 1)] }, headers))
  const refused = await settledFirst(answers, 6)
  for (const { status, headers, body } of refused) {
    t.match({ status, body }, { status: 503, body: { code: 'Busy' } })
    t.match(headers.get('retry-after'), /^\d+$/)
  }
  t.equal((await get(url, '/healthz')).status, 200, 'health is asked for all the same')
  t.equal((await get(url, '/v1/policy', devices[0])).status, 200, 'and so are policies')
  open()
  const all = await Promise.all(answers)
  t.equal(all.filter(({ status }) => status === 200).length, 4)
  const kept = [...controller.state.fleet.sequence].filter((sequence) => sequence > 0).length
  t.equal(kept, 4, 'what was refused left nothing')
  for (const [i, { status }] of all.entries())
    if (status === 503) {
      const again = await post(url, '/v1/reports', { reports: [report(i + 1)] }, devices[i])
      t.match(again, { status: 200, body: { accepted: 1 } }, 'and is taken when it comes again')
    }
})

test('ten times as many reports as there are places: every one that was acknowledged is in the journal, and no other', async (t) => {
  const journal = openMemoryJournal(decodeFact)
  const { url } = await serveLimited(t, { journal, admission: LIMITS })
  const devices = await enrolled(url, 40)
  const acknowledged: string[] = []
  let sentAway = 0
  for (let sequence = 1; sequence <= 5; sequence++)
    await Promise.all(
      devices.map(async (headers, i) => {
        const { status } = await post(url, '/v1/reports', { reports: [report(sequence)] }, headers)
        if (status === 200) acknowledged.push(`d${i} ${sequence}`)
        else if (status === 503) sentAway++
      }),
    )
  const kept = [...journal.read(0)].flatMap(({ fact }) =>
    fact.type === 'DeviceReported' ? [`${fact.device} ${fact.report.sequence}`] : [],
  )
  t.same(kept.sort(), acknowledged.sort())
  t.equal(acknowledged.length + sentAway, 200)
})

test('while the disk stands still, ten times as many large reports as there is room for hold no more than the room', async (t) => {
  const { journal, shut } = gatedJournal()
  const devices = { requests: 1000, bytes: 3_000_000 }
  const { url } = await serveLimited(t, { journal, admission: { ...LIMITS, devices } })
  const senders = await enrolled(url, 50)
  const message = { topic: 301, update: 'u', state: 6, message: 'm'.repeat(512) }
  const large = report(1, { messages: Array.from({ length: 1000 }, () => message) })
  const size = JSON.stringify({ reports: [large] }).length
  const room = Math.floor(devices.bytes / size)
  t.ok(room >= 1 && 50 >= 10 * room)
  const open = shut()
  const answers = senders.map((headers) => post(url, '/v1/reports', { reports: [large] }, headers))
  const refused = await settledFirst(answers, 50 - room)
  for (const { status } of refused) t.equal(status, 503)
  open()
  const statuses = (await Promise.all(answers)).map(({ status }) => status)
  const taken = statuses.filter((status) => status === 200).length
  t.ok(taken >= 1 && taken <= room, `${taken} taken, with room for ${room}`)
  t.equal([...journal.read(0)].filter(({ fact }) => fact.type === 'DeviceReported').length, taken)
})

test('bodies that come slowly hold what has come, never more than the limit, and give it back when they are cut', async (t) => {
  const { url } = await serveLimited(t, { limits: { ...TIME_LIMITS, headers: 200, request: 400 }, admission: LIMITS })
  const [headers = { authorization: '' }] = await enrolled(url, 1)
  const slow = await Promise.all(Array.from({ length: 3 }, () => raw(t, url)))
  for (const { socket } of slow) {
    socket.write(headOf('/v1/reports', 'Content-Length: 100000', headers.authorization))
    socket.write('x'.repeat(1200))
  }
  await until(async () => {
    const { status } = await post(url, '/v1/reports', { reports: [{ pad: 'x'.repeat(1000) }] }, headers)
    return status === 503
  })
  t.equal((await post(url, '/v1/reports', { reports: [report(1)] }, headers)).status, 200, 'a small one still fits')
  for (const { ended } of slow) t.match(await ended, / 408 /)
  t.match(await post(url, '/v1/reports', { reports: [{ pad: 'x'.repeat(3000) }] }, headers), { status: 400 })
})

test('strangers who fill their own places keep no device from reporting', async (t) => {
  const { url } = await serveLimited(t, { admission: LIMITS })
  const [headers = { authorization: '' }] = await enrolled(url, 1)
  const strangers = await Promise.all(Array.from({ length: 4 }, () => raw(t, url)))
  for (const { socket } of strangers) socket.write(`${headOf('/v1/enrol', 'Content-Length: 1000')}{`)
  await until(async () => (await post(url, '/v1/enrol', { device: 'x', key: 'none', attributes: {} })).status === 503)
  t.equal((await post(url, '/v1/reports', { reports: [report(1)] }, headers)).status, 200)
  t.equal(
    (await post(url, '/v1/reports', gzipped({ reports: [report(2)] }), { ...headers, 'content-encoding': 'gzip' }))
      .status,
    200,
  )
  for (const { socket } of strangers) socket.destroy()
  await until(async () => (await post(url, '/v1/enrol', { device: 'x', key: 'none', attributes: {} })).status === 403)
})

test('a small packed body that unpacks to more than there is room for is sent away', async (t) => {
  const { url } = await serveLimited(t, { admission: LIMITS })
  const [headers = { authorization: '' }] = await enrolled(url, 1)
  const packed = gzipped({ reports: [report(1)], pad: 'x'.repeat(100_000) })
  t.ok(packed.length < 4096)
  const answer = await post(url, '/v1/reports', packed, { ...headers, 'content-encoding': 'gzip' })
  t.match(answer, { status: 503, body: { code: 'Busy' } })
})

test('of a body of 100 MB little more than a megabyte is taken in, whether it says so before or not', async (t) => {
  const { url } = await serveLimited(t, {})
  const [headers = { authorization: '' }] = await enrolled(url, 1)
  for (const [path, framing] of [
    ['/v1/enrol', 'Content-Length: 100000000'],
    ['/v1/enrol', 'Transfer-Encoding: chunked'],
    ['/v1/reports', 'Content-Length: 100000000'],
    ['/v1/reports', 'Transfer-Encoding: chunked'],
  ] as const) {
    const { socket, ended } = await raw(t, url)
    socket.write(headOf(path, framing, headers.authorization))
    const sent = await pour(socket, framing.startsWith('Transfer'), 100_000_000)
    t.match(await ended, / 413 .*"code":"TooLarge"/s, `${path} ${framing}`)
    t.ok(sent < 20_000_000, `${sent} bytes until the connection was cut, those on the way included`)
  }
  t.equal((await get(url, '/healthz')).status, 200)
})

for (const [path, count] of [
  ['/', 2000],
  ['/v1/policy', 40_000],
] as const)
  test(`who reads no answers to GET ${path} gets no more of them, and is cut off`, async (t) => {
    const { url, controller } = await serveLimited(t, { limits: { ...TIME_LIMITS, stalled: 400 } })
    const [headers = { authorization: '' }] = await enrolled(url, 1)
    const { socket, ended } = await raw(t, url)
    socket.pause()
    const one = `GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: ${headers.authorization}\r\n\r\n`
    for (let i = 0; i < count / 10; i++) socket.write(one.repeat(10))
    await until(() => socket.destroyed || socket.writableLength === 0 || socket.errored !== null)
    await new Promise((resolve) => setTimeout(resolve, 1500))
    socket.resume()
    const answers = (await ended).split('HTTP/1.1 200').length - 1
    t.ok(answers < count, `${answers} of ${count} answers were given`)
    t.equal(controller.trouble, undefined)
    t.equal((await get(url, '/healthz')).status, 200)
  })

test('connections that say nothing are closed, and many of them keep nobody out', async (t) => {
  const { url } = await serveLimited(t, { limits: { ...TIME_LIMITS, headers: 200, request: 300 } })
  const silent = await Promise.all(Array.from({ length: 500 }, () => raw(t, url)))
  const [headers = { authorization: '' }] = await enrolled(url, 1)
  t.equal((await post(url, '/v1/reports', { reports: [report(1)] }, headers)).status, 200)
  for (const { ended } of silent) await ended
  t.pass('all of them were closed by the server')
})

test('when turns come late for long, what can wait is sent away', async (t) => {
  let delay = 0
  const pool = new Pool({ requests: 2, bytes: 10 }, () => delay)
  delay = MAX_LOOP_DELAY_MS + 1
  t.match(
    thrown(() => pool.enter()),
    { status: 503 },
  )
  delay = MAX_LOOP_DELAY_MS
  const ticket = pool.enter()
  ticket.hold(10)
  t.match(
    thrown(() => ticket.hold(1)),
    { status: 503, headers: { 'retry-after': /\d/ } },
  )
  t.match(
    thrown(() => pool.enter()),
    { status: 503 },
  )
  ticket.end()
  ticket.end()
  ticket.hold(10)
  t.same([pool.requests, pool.bytes], [0, 0], 'what has ended holds nothing')
})

function thrown(work: () => unknown): unknown {
  try {
    return work()
  } catch (error) {
    return error
  }
}

type Raw = { readonly socket: Socket; readonly ended: Promise<string> }

async function raw(t: Test, url: string): Promise<Raw> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  const parts: Buffer[] = []
  socket.on('data', (part: Buffer) => parts.push(part))
  socket.on('error', () => {})
  const ended = new Promise<string>((resolve) => {
    socket.on('close', () => resolve(Buffer.concat(parts).toString()))
  })
  return { socket, ended }
}

function headOf(path: string, framing: string, authorization?: string): string {
  const who = authorization === undefined ? '' : `Authorization: ${authorization}\r\n`
  return `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${who}${framing}\r\n\r\n`
}

/** Sends until the other side has had enough. Returns how many bytes went out. */
async function pour(socket: Socket, isChunked: boolean, bytes: number): Promise<number> {
  const part = 'x'.repeat(65_536)
  const framed = isChunked ? `10000\r\n${part}\r\n` : part
  let sent = 0
  while (sent < bytes && !socket.destroyed) {
    sent += part.length
    if (!socket.write(framed))
      await new Promise<void>((resolve) => {
        socket.once('drain', resolve)
        socket.once('close', () => resolve())
      })
  }
  return sent
}

function enrolled(url: string, count: number): Promise<{ authorization: string }[]> {
  return Promise.all(Array.from({ length: count }, (_, i) => i)).then(async (numbers) => {
    const devices: { authorization: string }[] = []
    // One after the other: enrolments have few places here.
    for (const i of numbers) devices.push(await enrol(url, `d${i}`))
    return devices
  })
}

/** A journal whose appends wait from `shut` until what that returned is called. */
function gatedJournal(): { journal: EmbeddedJournal<Fact>; shut: () => () => void } {
  const journal = openMemoryJournal(decodeFact)
  let gate = Promise.resolve()
  const append = journal.append.bind(journal)
  journal.append = async (facts, at) => {
    await gate
    return append(facts, at)
  }
  return {
    journal,
    shut: () => {
      const { promise, resolve } = Promise.withResolvers<void>()
      gate = promise
      return resolve
    },
  }
}

async function settledFirst<T>(promises: readonly Promise<T>[], count: number): Promise<T[]> {
  const settled: T[] = []
  for (const promise of promises) promise.then((value) => settled.push(value)).catch(() => {})
  await until(() => settled.length >= count)
  return settled.slice()
}
