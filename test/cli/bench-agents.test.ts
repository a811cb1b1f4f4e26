// `ringmaster bench agents` on a real server of the loopback: what it says was acknowledged is in the journal.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { main } from '../../controller/cli/main.ts'
import { tokenMark } from '../../controller/fleet/token-hashes.ts'
import { openMemoryJournal } from '../../controller/journal/memory-journal.ts'
import { decodeFact } from '../../controller/runtime/fact-codec.ts'
import { ADMISSION_LIMITS } from '../../controller/serve/admission.ts'
import { enrol, fieldOf, SITE_KEY, serveLimited, until } from '../serve/harness.ts'

const ADMIN = 'an-admin-token-for-tests'
const BIN = join(import.meta.dirname, '../../controller/cli/main.ts')

test('devices enrol, poll and report; the figures are those of the journal', async (t) => {
  const journal = openMemoryJournal(decodeFact)
  const { url } = await serveLimited(t, { journal })
  const { exit, json } = await bench(t, url, '--devices', '20', '--duration', 'PT1S', '--rate', '400')
  t.equal(exit, 0)
  const reported = [...journal.read(0)].flatMap(({ fact }) => (fact.type === 'DeviceReported' ? [fact] : []))
  const messages = reported.reduce((sum, { report }) => sum + (report.messages?.length ?? 0), 0)
  t.ok(messages > 0)
  t.match(json, { devices: 20, messages, sentAway: 0, errors: {}, interrupted: false, plan: { rate: 400 } })
  t.notMatch(JSON.stringify(json), SITE_KEY)
  const [enrolled, polled, posted] = kindsOf(json)
  t.match(enrolled, { answered: 20, statuses: { 201: 20 } })
  t.match(polled, { statuses: { 200: 20, 304: Number } }, 'each policy is sent once, and then known')
  t.equal(fieldOf(posted, 'answered'), reported.length)
  const requests = Number(fieldOf(polled, 'answered')) + reported.length
  t.ok(requests <= 401, `${requests} requests in a second at 400 a second`)
  const again = await bench(t, url, '--devices', '20', '--duration', 'PT0.3S', '--rate', '100')
  t.match(again, { exit: 0, json: { errors: {} } }, 'the same devices, enrolled anew')
})

test('a 503 is honoured: the report comes again when it may, and nothing is counted twice', async (t) => {
  const journal = openMemoryJournal(decodeFact)
  const devices = { requests: 2, bytes: 100_000 }
  const { url } = await serveLimited(t, { journal, admission: { ...ADMISSION_LIMITS, devices } })
  const options = [
    '--devices',
    '16',
    '--connections',
    '16',
    '--duration',
    'PT3S',
    '--rate',
    'max',
    '--report-percent',
    '100',
  ]
  const { exit, json } = await bench(t, url, ...options)
  t.equal(exit, 0, 'being sent away is no error')
  t.ok(Number(fieldOf(json, 'sentAway')) > 0)
  const reported = [...journal.read(0)].flatMap(({ fact }) => (fact.type === 'DeviceReported' ? [fact] : []))
  t.equal(fieldOf(json, 'messages'), reported.length * 10)
  t.equal(new Set(reported.map(({ device, report }) => `${device} ${report.sequence}`)).size, reported.length)
})

test('cleanup removes the devices of the load and no other', async (t) => {
  const { url, controller } = await serveLimited(t, { adminToken: ADMIN })
  for (const name of ['bench-berlin-000001', 'bench-7', 'x-bench-000001', 'srv']) await enrol(url, name)
  t.equal((await bench(t, url, '--devices', '12', '--duration', 'PT0.1S', '--rate', '10')).exit, 0)
  const { exit, json } = await bench(t, url, '--cleanup')
  t.match({ exit, json }, { exit: 0, json: { removed: 12 } })
  const { fleet, access } = controller.state
  const left = fleet.ids.filter((_, row) => tokenMark(access.tokens, row) !== 0)
  t.same(left.sort(), ['bench-7', 'bench-berlin-000001', 'srv', 'x-bench-000001'])
  t.match(await bench(t, url, '--cleanup'), { exit: 0, json: { removed: 0 } })
})

test('what goes beyond the limits, or elsewhere without a yes, is not begun', async (t) => {
  const wrong: readonly (readonly [string[], RegExp])[] = [
    [['--devices', '100001'], /--devices must be a whole number from 1 to 100000/],
    [['--rate', '0'], /--rate/],
    [['--duration', 'PT2H'], /up to an hour/],
    [['--duration', 'P1M'], /--duration/],
    [['--connections', '5000'], /--connections/],
    [['--prefix', 'srv'], /must begin with bench/],
    [['--url', 'ftp://x'], /--url/],
    [['--url', 'http://controller.example.com'], /--yes says that it is meant/],
    [['--url', 'http://127.0.0.1.example.com'], /--yes/],
    [['--format', 'xml'], /--format/],
    [['--enrolment-key-file', 'no-such-file'], /cannot be read/],
  ]
  for (const [options, message] of wrong) {
    const { exit, err } = await bench(t, 'http://127.0.0.1:1', ...options)
    t.equal(exit, 2, options.join(' '))
    t.match(err, message)
  }
  process.env.RINGMASTER_SERVER = 'http://controller.example.com'
  t.teardown(() => delete process.env.RINGMASTER_SERVER)
  t.match(await run(['bench', 'agents']), { exit: 2, err: /controller\.example\.com is not on this machine/ })
  t.match(await run(['bench']), { exit: 2, err: /takes one argument: agents/ })
})

test('a controller that is not there, or knows no such key, ends it with what is wrong', async (t) => {
  t.match(await bench(t, 'http://127.0.0.1:1', '--devices', '2'), { exit: 3, err: /no device could be enrolled/ })
  const { url } = await serveLimited(t, {})
  const file = keyFile(t, 'another-key')
  t.match(await run(['bench', 'agents', '--url', url, '--enrolment-key-file', file, '--devices', '2']), {
    exit: 3,
    err: /BadKey/,
  })
})

test('errors are counted by kind', async (t) => {
  const server = createServer((request, response) => {
    request.resume()
    if (request.url === '/v1/enrol') response.writeHead(201).end('{"token":"t"}')
    else if (request.url === '/v1/policy') response.writeHead(500).end()
    else request.socket.destroy()
  })
  t.teardown(() => server.close())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : 0
  const { exit, json } = await bench(t, `http://127.0.0.1:${port}`, '--devices', '4', '--duration', 'PT1S')
  t.equal(exit, 1)
  t.match(json, { errors: { 'policy 500': Number, UND_ERR_SOCKET: Number }, messages: 0 })
})

test('Ctrl-C prints what there is', async (t) => {
  const { url, controller } = await serveLimited(t, {})
  const options = ['bench', 'agents', '--url', url, '--enrolment-key-file', keyFile(t, SITE_KEY), '--duration', 'PT5M']
  const child = spawn(process.execPath, [BIN, ...options], { stdio: ['ignore', 'pipe', 'ignore'] })
  t.teardown(() => child.kill('SIGKILL'))
  let out = ''
  child.stdout.on('data', (part: Buffer) => {
    out += part
  })
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  await until(() => controller.state.fleet.sequence.some((sequence) => sequence > 0))
  child.kill('SIGINT')
  t.equal(await ended, 0)
  t.match(out, /100 devices, 32 connections, .*\(interrupted\)/)
  t.match(out, /policy polls +\d+ .* ms .* ms .* ms .* ms/)
  t.match(out, /state messages acknowledged: [1-9]/)
  t.match(out, /errors: none/)
})

type Ran = { readonly exit: number; readonly out: string; readonly err: string }

async function run(args: readonly string[]): Promise<Ran> {
  let out = ''
  let err = ''
  const io = { stdout: (text: string) => (out += text), stderr: (text: string) => (err += text) }
  const exit = await main(args, io)
  return { exit, out, err }
}

async function bench(t: Test, url: string, ...options: readonly string[]): Promise<Ran & { readonly json: unknown }> {
  const files = ['--enrolment-key-file', keyFile(t, SITE_KEY), '--token-file', keyFile(t, ADMIN)]
  const given = await run(['bench', 'agents', '--url', url, '--format', 'json', ...files, ...options])
  return { ...given, json: given.out === '' ? undefined : JSON.parse(given.out) }
}

function kindsOf(json: unknown): unknown[] {
  const kinds = fieldOf(json, 'kinds')
  return Array.isArray(kinds) ? kinds : []
}

function keyFile(t: Test, key: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'ringmaster-bench-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'secret')
  writeFileSync(file, `${key}\n`)
  return file
}
