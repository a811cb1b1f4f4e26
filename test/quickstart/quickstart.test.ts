// The quickstart as a newcomer has it: the real process by `npm start`, its thousand devices over HTTP, and the story that
// the README tells, seen over HTTP. Stopped and killed in between, it goes on where it was.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { z } from 'zod'

const ROOT = join(import.meta.dirname, '../..')
const RATE = 9000
const PATIENCE_MS = 240_000

const Rollouts = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string() }),
      status: z.object({
        state: z.string(),
        phases: z.array(z.object({ name: z.string(), state: z.string() })),
      }),
    }),
  ),
})
const Devices = z.object({ total: z.int() })
const Decisions = z.object({
  items: z.array(
    z.object({ seq: z.int(), type: z.string(), rollout: z.string().nullish(), phase: z.string().nullish() }),
  ),
})

type Running = {
  readonly child: ChildProcess
  readonly url: string
  readonly output: () => string
  readonly token: string
}

test('the quickstart plays its story, and goes on after a stop and after kill -9', {
  timeout: PATIENCE_MS + 60_000,
}, async (t) => {
  const data = mkdtempSync(join(tmpdir(), 'quickstart-'))
  t.teardown(() => rmSync(data, { recursive: true, force: true }))

  let run = await start(t, data)
  await until(run, 'the Office update is rolled back in its pilot', async () => {
    const office = (await rollouts(run)).get('office-20251014')
    return office?.state === 'RolledBack' && office.phases.pilot === 'Halted' && office.phases.broad === 'Waiting'
  })
  t.equal(Devices.parse(await ask(run, '/v1/objects/devices?limit=1')).total, 1000, 'a thousand devices have enrolled')
  const page = await (await fetch(run.url)).text()
  t.match(page, /office-20251014/, 'the status page tells of it')
  t.match(page, /0x80070643/, 'and of the error')

  await signal(run, 'SIGINT')
  t.match(run.output(), /Stopped at .*goes on from here/, 'Ctrl-C stops it cleanly')
  const before = stoppedAt(run.output())

  run = await start(t, data)
  t.ok(before > '2025-10-14T18')
  t.equal(beginOf(run.output()).slice(0, 19), before.slice(0, 19), 'from where it was')
  t.equal((await rollouts(run)).get('office-20251014')?.state, 'RolledBack', 'what was rolled back stays so')

  await until(
    run,
    'the pilots have passed',
    async () => (await rollouts(run)).get('workstations-20251014')?.phases.early === 'Active',
  )
  await signal(run, 'SIGKILL')

  run = await start(t, data)
  await until(run, 'pilot, early and broad have passed, and the workstations are done', async () => {
    const workstations = (await rollouts(run)).get('workstations-20251014')
    return (
      workstations?.state === 'Succeeded' && Object.values(workstations.phases).every((state) => state === 'Succeeded')
    )
  })
  t.match((await rollouts(run)).get('servers-20251014')?.state, /Progressing|Succeeded/, 'the servers went on too')
  const decided = Decisions.parse(await ask(run, '/v1/decisions?limit=500')).items
  const started = decided
    .filter(({ type }) => type === 'PhaseStarted')
    .map(({ rollout, phase }) => `${rollout}/${phase}`)
  t.equal(new Set(started).size, started.length, 'no phase was started twice')
  t.equal(
    decided.filter(({ type }) => type === 'RuleEvaluated').length,
    3,
    'Patch Tuesday was evaluated once for each rule',
  )
  t.notOk(started.includes('office-20251014/broad'), 'nothing of the bad update went beyond its pilot')
  await signal(run, 'SIGINT')
})

async function start(t: Test, data: string): Promise<Running> {
  const args = ['start', '--', '--plain', '--data', data, '--listen', '127.0.0.1:0', '--rate', String(RATE)]
  // A group of its own, so that signals reach npm and what it runs, as those of a terminal do.
  const child = spawn('npm', args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  let output = ''
  child.stdout.on('data', (part) => {
    output += part
  })
  child.stderr.on('data', (part) => {
    output += part
  })
  t.teardown(() => {
    if (child.exitCode === null && child.signalCode === null) killGroup(child, 'SIGKILL')
  })
  for (let waited = 0; waited < 60_000; waited += 100) {
    const url = /Status page: (http:\S+)/.exec(output)?.[1]
    if (url !== undefined) {
      const token = readFileSync(join(data, 'admin.token'), 'utf8').trim()
      return { child, url, output: () => output, token }
    }
    if (child.exitCode !== null) break
    await sleep(100)
  }
  throw new Error(`it did not start: ${output}`)
}

/** Resolves once everything has ended. npm itself ends by the signal, whatever the code of what it ran. */
async function signal({ child }: Running, name: 'SIGINT' | 'SIGKILL'): Promise<void> {
  const closed = once(child, 'close')
  killGroup(child, name)
  await closed
}

function killGroup({ pid }: ChildProcess, name: NodeJS.Signals): void {
  if (pid !== undefined) process.kill(-pid, name)
}

async function ask({ url, token }: Running, path: string): Promise<unknown> {
  const answer = await fetch(url + path, { headers: { authorization: `Bearer ${token}` } })
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
  return answer.json()
}

async function rollouts(run: Running): Promise<Map<string, { state: string; phases: Record<string, string> }>> {
  const { items } = Rollouts.parse(await ask(run, '/v1/objects/rollouts'))
  return new Map(
    items.map(({ metadata, status }) => [
      metadata.name,
      { state: status.state, phases: Object.fromEntries(status.phases.map(({ name, state }) => [name, state])) },
    ]),
  )
}

async function until(run: Running, what: string, holds: () => Promise<boolean>): Promise<void> {
  for (const begun = performance.now(); performance.now() - begun < PATIENCE_MS; ) {
    if (await holds()) return
    await sleep(250)
  }
  throw new Error(`it did not come about that ${what}:\n${run.output()}`)
}

function beginOf(output: string): string {
  return /The clock stands at (\S+)/.exec(output)?.[1] ?? ''
}

function stoppedAt(output: string): string {
  return /Stopped at (\S+);/.exec(output)?.[1] ?? ''
}
