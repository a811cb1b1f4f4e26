// `ringmaster run` as people start and stop it: signals, errors, and the script that finds the right Node.js.
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { test } from 'tap'
import { main } from '../../controller/cli/main.ts'
import { parseListen } from '../../controller/cli/run.ts'
import { get, until } from './harness.ts'
import { ringmaster, SCRIPT, startProcess } from './process.ts'

for (const signal of ['SIGINT', 'SIGTERM'] as const)
  test(`${signal} ends it in good order`, async (t) => {
    const folder = t.testdir({ declared: {}, data: {} })
    const running = await startProcess(t, join(folder, 'declared'), join(folder, 'data'))
    t.equal((await get(running.url, '/healthz')).status, 200)
    running.child.kill(signal)
    t.same(await running.ended, [0, null])
    t.match(running.output(), /"message":"stopped"/)
    t.match(running.output(), /enrolment\.key/)
    t.match(running.output(), /admin\.token/)
  })

test('the script passes signals on, and a signal that comes twice at once counts once', async (t) => {
  const folder = t.testdir({ declared: {}, data: {} })
  const running = await startProcess(t, join(folder, 'declared'), join(folder, 'data'), SCRIPT)
  running.child.kill('SIGINT')
  running.child.kill('SIGTERM')
  t.same(await running.ended, [0, null])
})

test('a second signal ends it at once', async (t) => {
  const folder = t.testdir({ declared: {}, data: {} })
  const running = await startProcess(t, join(folder, 'declared'), join(folder, 'data'))
  // A request that never ends keeps it from finishing.
  const hanging = fetch(`${running.url}/v1/enrol`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: new ReadableStream({ start: (stream) => stream.enqueue(new TextEncoder().encode('{')) }),
    duplex: 'half',
  }).catch(() => 'cut off')
  await get(running.url, '/healthz')
  await delay(100)
  running.child.kill('SIGTERM')
  await delay(1000)
  running.child.kill('SIGTERM')
  t.same(await running.ended, [1, null])
  t.equal(await hanging, 'cut off')
})

test('it goes on when nobody reads its log any more', async (t) => {
  const folder = t.testdir({ declared: {}, data: {} })
  const running = await startProcess(t, join(folder, 'declared'), join(folder, 'data'))
  running.child.stdout?.destroy()
  for (let i = 0; i < 3; i++) {
    writeFileSync(
      join(folder, 'declared', `c${i}.yaml`),
      `apiVersion: ringmaster.dev/v1alpha1\nkind: Collection\nmetadata: {name: c${i}}\nspec: {devices: [d]}\n`,
    )
    await until(async () => (await get(running.url, `/v1/objects/Collection/c${i}`)).status === 200)
  }
  t.equal((await get(running.url, '/healthz')).status, 200)
  running.child.kill('SIGTERM')
  t.same(await running.ended, [0, null])
})

test('what keeps it from running is said in one line', async (t) => {
  const folder = t.testdir({ declared: {}, 'a-file': 'text', data: {} })
  const declared = join(folder, 'declared')
  const missing = await ringmaster(['run', join(folder, 'nothing'), '--data', join(folder, 'd')])
  t.match(missing, { code: 3, out: '', err: /^ringmaster: there is no directory .*\n$/ })
  const file = await inProcess(['run', join(folder, 'a-file'), '--data', join(folder, 'd')])
  t.match(file, { code: 3, err: /^ringmaster: .* is no directory.*\n$/ })
  const unwritable = await inProcess(['run', declared, '--data', join(folder, 'a-file', 'data')])
  t.match(unwritable, { code: 3, err: /^ringmaster: the data folder .* cannot be written to .*\n$/ })

  const holder = createServer().listen(0, '127.0.0.1')
  await once(holder, 'listening')
  t.teardown(() => holder.close())
  const address = holder.address()
  const port = typeof address === 'object' ? address?.port : 0
  const inUse = await inProcess(['run', declared, '--data', join(folder, 'd'), '--listen', `127.0.0.1:${port}`])
  t.match(inUse, { code: 3, err: /^ringmaster: port \d+ of 127\.0\.0\.1 is in use: .*\n$/ })

  const running = await startProcess(t, declared, join(folder, 'data'))
  const locked = await inProcess(['run', declared, '--data', join(folder, 'data'), '--listen', ':0'])
  t.match(locked, { code: 3, err: /^ringmaster: Another Ringmaster runs on this data folder .*\n$/ })
  running.child.kill('SIGTERM')
  await running.ended
})

test('wrong options are answered with how it is used', async (t) => {
  for (const args of [
    [],
    ['a', 'b'],
    ['--nonsense', '.'],
    ['--listen', 'nowhere', '.'],
    ['--listen', '1.2.3.4:99999', '.'],
    ['--stale-after', 'P1M', '.'],
    ['--stale-after', 'week', '.'],
    ['--log-level', 'loud', '.'],
  ])
    t.match(await inProcess(['run', ...args]), { code: 2, out: '', err: /Usage: ringmaster run/ }, args.join(' '))
})

test('the command line knows its commands', async (t) => {
  t.match(await ringmaster(['help', 'run'], SCRIPT), { code: 0, out: /^Usage: ringmaster run/ })
  t.match(await inProcess(['--help']), { code: 0, out: /^Usage: ringmaster COMMAND.*\n {2}run +Run the controller/s })
  t.match(await inProcess(['run', '--help']), { code: 0, out: /^Usage: ringmaster run/ })
  t.match(await inProcess(['--version']), { code: 0, out: /^\d+\.\d+\.\d+\n$/ })
  t.match(await inProcess(['valdiate']), { code: 2, err: /did you mean `ringmaster validate`/ })
  t.match(await inProcess(['constructor']), { code: 2, err: /no command constructor/ })
  t.match(await inProcess([]), { code: 2 })
})

test('addresses to listen on', (t) => {
  t.same(parseListen('127.0.0.1:8080'), { host: '127.0.0.1', port: 8080 })
  t.same(parseListen(':80'), { host: '127.0.0.1', port: 80 })
  t.same(parseListen('0'), { host: '127.0.0.1', port: 0 })
  t.same(parseListen('[::1]:8080'), { host: '::1', port: 8080 })
  t.same(parseListen('example.com:443'), { host: 'example.com', port: 443 })
  for (const wrong of ['', 'host', 'host:', '::1:80', '1.2.3.4:70000', 'a:b'])
    t.equal(parseListen(wrong), undefined, wrong)
  t.end()
})

async function inProcess(args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const written = { out: '', err: '' }
  const code = await main(args, {
    stdout: (text) => {
      written.out += text
    },
    stderr: (text) => {
      written.err += text
    },
  })
  return { code, ...written }
}
