// GET /v1/snapshot beside everything else: who waits for whom, and what becomes of clients that do not take it in.
import { randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { zstdDecompressSync } from 'node:zlib'
import { type Test, test } from 'tap'
import { openMemoryJournal } from '../../controller/journal/memory-journal.ts'
import type { Fact, Input } from '../../controller/model/facts.ts'
import type { Controller } from '../../controller/runtime/controller.ts'
import { decodeFact } from '../../controller/runtime/fact-codec.ts'
import { TIME_LIMITS } from '../../controller/serve/time-limits.ts'
import { decodeExport } from '../../controller/state/exported-state.ts'
import { temporary } from '../support/git-repository.ts'
import { get, serveLimited, until } from './harness.ts'

const ADMIN = 'admin-token-of-the-tests'
const PATH = '/v1/snapshot'
// A connection is not idle at once when its client has all of an answer.
const LIMITS = { ...TIME_LIMITS, snapshot: 4000, grace: 100 }

test('a snapshot waits for the journal’s own, and is of what has been folded when it is its turn', async (t) => {
  const { promise: written, resolve: write } = Promise.withResolvers<void>()
  const journal = openMemoryJournal<Fact>(decodeFact)
  let saves = 0
  journal.saveSnapshot = async () => {
    saves++
    await written
  }
  const { url, controller } = await serveLimited(t, { journal, adminToken: ADMIN, limits: LIMITS })
  const saved = controller.snapshots.saveLast()
  await until(() => saves === 1)
  const asked = whenAsked(controller)
  let answered = false
  const answer = snapshotFrom(url).finally(() => {
    answered = true
  })
  await asked
  await controller.submit(enrolled('pc-1'))
  t.notOk(answered, 'facts are folded while both wait')
  write()
  const { about, state } = await answer
  t.same(state.fleet.ids, ['pc-1'])
  t.equal(about.seq, journal.lastSeq)
  await saved
})

test('who goes away while the state waits to be packed leaves nothing behind, and the next one is answered', async (t) => {
  const folder = temporaryFiles(t)
  const { url, controller } = await serveLimited(t, { adminToken: ADMIN, limits: LIMITS })
  const { promise: before, resolve: goOn } = Promise.withResolvers<void>()
  const taken = controller.snapshots.encoding(() => before)
  const asked = whenAsked(controller)
  const socket = await ask(t, url)
  await asked
  t.match(await getSnapshot(url), { status: 503, body: { code: 'Busy' } }, 'one at a time')
  socket.destroy()
  goOn()
  await taken
  await until(async () => (await getSnapshot(url)).status === 200)
  t.same(readdirSync(folder), [])
})

test('who takes nothing in holds nobody up for long, and the state not at all', async (t) => {
  const folder = temporaryFiles(t)
  const { url, controller } = await serveLimited(t, { adminToken: ADMIN, limits: LIMITS })
  // More than lies in the buffers between two ends of a connection.
  const names = Array.from({ length: 90_000 }, () => randomBytes(180).toString('base64url'))
  await controller.submit(...names.map(enrolled))
  const socket = await ask(t, url)
  await new Promise<void>((resolve) => socket.once('data', () => resolve(void socket.pause())))
  t.equal(await controller.snapshots.encoding(async () => 'begun'), 'begun', 'the journal can have its snapshot')
  const refused = await getSnapshot(url)
  t.match(refused, { status: 503, body: { code: 'Busy' } })
  t.ok(refused.headers.get('retry-after'))
  await until(async () => (await getSnapshot(url)).status === 200)
  const got = new Promise<number>((resolve) => socket.once('close', () => resolve(socket.bytesRead)))
  socket.resume()
  t.ok((await got) < names.length * 180, 'it was cut off')
  t.equal((await snapshotFrom(url)).state.fleet.ids.length, names.length)
  t.same(readdirSync(folder), [])
})

test('a folder for temporary files that cannot be written to is told', async (t) => {
  const folder = temporaryFiles(t)
  const { url } = await serveLimited(t, { adminToken: ADMIN, limits: LIMITS })
  process.env.TMPDIR = join(folder, 'missing')
  t.match(await getSnapshot(url), { status: 503, body: { code: 'NoRoom', message: /ENOENT.*\$TMPDIR/ } })
  process.env.TMPDIR = folder
  t.equal((await getSnapshot(url)).status, 200)
})

/** An empty folder in which this process has its temporary files until the end of the test. */
function temporaryFiles(t: Test): string {
  const { TMPDIR: before } = process.env
  const folder = temporary(t)
  process.env.TMPDIR = folder
  t.teardown(() => {
    if (before === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = before
  })
  return folder
}

/** Resolves when somebody next asks to encode the state. */
function whenAsked({ snapshots }: Controller): Promise<void> {
  const { encoding } = snapshots
  return new Promise((resolve) => {
    snapshots.encoding = (encode) => {
      snapshots.encoding = encoding
      resolve()
      return snapshots.encoding(encode)
    }
  })
}

function getSnapshot(url: string) {
  return get(url, PATH, { authorization: `Bearer ${ADMIN}` })
}

async function snapshotFrom(url: string): Promise<ReturnType<typeof decodeExport>> {
  const response = await fetch(url + PATH, { headers: { authorization: `Bearer ${ADMIN}` } })
  const bytes = Buffer.from(await response.arrayBuffer())
  return decodeExport(zstdDecompressSync(bytes))
}

async function ask(t: Test, url: string): Promise<Socket> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => {})
  t.teardown(() => socket.destroy())
  await new Promise<void>((resolve) => socket.once('connect', resolve))
  socket.write(`GET ${PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${ADMIN}\r\n\r\n`)
  return socket
}

function enrolled(device: string): Input {
  return { type: 'DeviceEnrolled', device, tokenHash: 'a'.repeat(64), keyHash: 'key', attributes: {} }
}
