// Ringmaster as a dependency of something else: below node_modules, where Node.js strips no types by itself.
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { type Test, test } from 'tap'

const ROOT = join(import.meta.dirname, '../..')

function install(t: Test): string {
  const folder = join(t.testdir({ node_modules: { ringmaster: {} } }), 'node_modules/ringmaster')
  for (const part of ['bin', 'controller', 'examples', 'package.json'])
    cpSync(join(ROOT, part), join(folder, part), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'), 'junction')
  return join(folder, 'bin/ringmaster')
}

test('the installed command runs, and gives exit codes on', async (t) => {
  const bin = install(t)
  const run = promisify(execFile)
  const { stdout, stderr } = await run(process.execPath, [bin, 'validate', join(ROOT, 'examples/quickstart')])
  t.match(stdout, /no errors/)
  t.equal(stderr, '', 'without warnings')
  await t.rejects(run(process.execPath, [bin, 'nonsense']), { code: 2 })
})

test('the installed quickstart runs, with its devices in a thread of their own', async (t) => {
  const args = [install(t), 'quickstart', '--plain', '--data', join(t.testdirName, 'data'), '--listen', '127.0.0.1:0']
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  let output = ''
  child.stdout.on('data', (part) => {
    output += part
  })
  const until = async (holds: () => Promise<boolean> | boolean) => {
    for (let tries = 0; tries < 300 && child.exitCode === null; tries++) {
      if (await holds()) return true
      await sleep(100)
    }
    return false
  }
  const url = () => /Status page: (http:\S+)/.exec(output)?.[1]
  t.ok(await until(() => url() !== undefined), 'it starts')
  const devices = async () => /^ringmaster_devices (\d+)/m.exec(await (await fetch(`${url()}/metrics`)).text())?.[1]
  t.ok(await until(async () => Number(await devices()) > 0), 'devices enrol')
  const closed = once(child, 'close')
  child.kill('SIGINT')
  t.same(await closed, [0, null])
})
