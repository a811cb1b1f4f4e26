import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { promises as fs } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { until } from '../support/until.ts'
import { LeashedProcess } from './leashed-process.ts'

const SLEEPER = ['-c', 'echo $$ > "$0"; exec sleep 600']

test('a leashed process ends when asked', async (t) => {
  const folder = t.testdir({})
  const sleeper = new LeashedProcess('/bin/sh', [...SLEEPER, join(folder, 'pid')], join(folder, 'log'))
  const pid = await pidIn(join(folder, 'pid'))
  t.ok(sleeper.running)
  await sleeper.stop()
  t.notOk(sleeper.running)
  await until(5000, async () => !isAlive(pid))
})

test('a leashed process that ignores the request is killed', async (t) => {
  const folder = t.testdir({})
  const stubborn = ['-c', 'trap "" TERM; echo $$ > "$0"; while true; do sleep 1; done', join(folder, 'pid')]
  const deaf = new LeashedProcess('/bin/sh', stubborn, join(folder, 'log'))
  const pid = await pidIn(join(folder, 'pid'))
  await deaf.stop(200)
  await until(5000, async () => !isAlive(pid))
  t.notOk(deaf.running)
})

test('a leashed process ends when the one that started it is killed', async (t) => {
  const folder = t.testdir({})
  const program = `
    import { LeashedProcess } from ${JSON.stringify(join(import.meta.dirname, 'leashed-process.ts'))}
    new LeashedProcess('/bin/sh', ${JSON.stringify([...SLEEPER, join(folder, 'pid')])}, ${JSON.stringify(join(folder, 'log'))})
    setInterval(() => {}, 1000)`
  const starter = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'ignore' })
  const pid = await pidIn(join(folder, 'pid'))
  t.ok(isAlive(pid))
  starter.kill('SIGKILL')
  await once(starter, 'exit')
  await until(5000, async () => !isAlive(pid))
})

test('what a leashed process printed is in its log', async (t) => {
  const folder = t.testdir({})
  const failing = new LeashedProcess('/bin/sh', ['-c', 'echo no such luck >&2; exit 3'], join(folder, 'log'))
  await until(5000, async () => !failing.running)
  t.match(failing.tail(), 'no such luck')
})

async function pidIn(path: string): Promise<number> {
  await until(10_000, async () => (await fs.readFile(path, 'utf8').catch(() => '')).endsWith('\n'))
  return Number(await fs.readFile(path, 'utf8'))
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
