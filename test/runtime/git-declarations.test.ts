// When Git sources are polled: at their interval, after longer and longer waits while they fail, at once when they are woken.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { openMemoryJournal } from '../../controller/journal/memory-journal.ts'
import type { Declared } from '../../controller/model/declared.ts'
import { GitSourceSpec } from '../../controller/model/git-source.ts'
import { listObjects } from '../../controller/project/objects.ts'
import type { Clock } from '../../controller/runtime/clock.ts'
import { Controller } from '../../controller/runtime/controller.ts'
import { decodeFact } from '../../controller/runtime/fact-codec.ts'
import { GitSources, MAX_GIT_SOURCES } from '../../controller/runtime/git-declarations.ts'
import { Intake } from '../../controller/runtime/intake.ts'
import { silentLog } from '../../controller/runtime/log.ts'
import { newRepository, publish, temporary } from '../support/git-repository.ts'

test('waits grow while the remote fails, always the same way, and are the interval again when it answers', async (t) => {
  const repository = newRepository(t)
  repository.commit({ 'a.yaml': '# nothing\n' })
  const { bare, root } = publish(t, repository)
  const away = join(root, 'away.git')
  const { sources, clock } = await site(t, { commandLine: spec(`file://${away}`, 'PT1M') })
  sources.start()
  const waits: number[] = []
  for (let i = 0; i < 10; i++) waits.push(await clock.nextWait())
  t.same(waits, [5, 10, 20, 40, 80, 160, 320, 640, 900, 900])
  repository.git('clone', '--quiet', '--bare', bare, away)
  t.equal(await clock.nextWait(), 60)
  t.equal(await clock.nextWait(), 60)
  rmSync(away, { recursive: true })
  t.equal(await clock.nextWait(), 5)
  t.match(sources.activity().get('git/default'), { polls: 13, failures: 11 })
})

test('waking it many times during a poll makes one more', async (t) => {
  const repository = newRepository(t)
  repository.commit({ 'a.yaml': '# nothing\n' })
  const { bare } = publish(t, repository)
  const { sources, clock } = await site(t, { commandLine: spec(`file://${bare}`, 'PT1H') })
  sources.start()
  for (let i = 0; i < 100; i++) sources.wake('default')
  sources.wake('nobody')
  t.equal(await clock.nextWait(false), 3600)
  t.equal(sources.activity().get('git/default')?.polls, 2)
})

test('one that is suspended is not polled, and more than the limit are told', async (t) => {
  const { sources, controller } = await site(t, {})
  const put = Array.from(
    { length: MAX_GIT_SOURCES + 2 },
    (_, i): Declared => ({
      kind: 'GitSource',
      name: `s${String(i).padStart(3, '0')}`,
      labels: {},
      annotations: {},
      spec: { ...spec('file:///nowhere', 'PT1H'), suspend: true },
      origin: { source: 'directory', revision: 'r', file: 'f.yaml', line: 1 },
    }),
  )
  await controller.submit({ type: 'ObjectsDeclared', source: 'directory', revision: 'r', put, removed: [] })
  sources.start()
  await controller.settled()
  t.equal(sources.activity().size, MAX_GIT_SOURCES)
  t.ok([...sources.activity().values()].every(({ polls }) => polls === 0))
  const { failure } = controller.state.sources.get(`git/s${String(MAX_GIT_SOURCES).padStart(3, '0')}`) ?? {}
  t.match(failure, { code: 'RM1411' })
  t.match(listObjects(controller.state, [], 'GitSource', 0)[0]?.status, {
    conditions: [{ type: 'Ready', status: 'False', reason: 'Suspended' }, {}],
  })
})

function spec(url: string, interval: string): GitSourceSpec {
  return GitSourceSpec.parse({ url, interval })
}

async function site(t: Test, options: { commandLine?: GitSourceSpec }) {
  const clock = steppingClock()
  const controller = await Controller.open({ journal: openMemoryJournal(decodeFact), clock })
  const sources = new GitSources(new Intake(controller, silentLog), { caches: join(temporary(t), 'git'), ...options })
  t.teardown(() => sources.close())
  return { sources, controller, clock }
}

/** A clock that stands still until it is asked for the next wait. */
function steppingClock(): Clock & { readonly nextWait: (go?: boolean) => Promise<number> } {
  let now = Temporal.Instant.from('2026-01-01T00:00:00Z')
  let waiting: { at: Temporal.Instant; call: () => void } | undefined
  return {
    now: () => now,
    nowMs: () => now.epochMilliseconds,
    at: (at, call) => {
      const mine = { at, call }
      waiting = mine
      return () => {
        if (waiting === mine) waiting = undefined
      }
    },
    /** In seconds; then it is over, unless it is only looked at. */
    nextWait: async (go = true) => {
      while (waiting === undefined) await new Promise((resolve) => setTimeout(resolve, 5))
      const { at, call } = waiting
      const seconds = (at.epochMilliseconds - now.epochMilliseconds) / 1000
      if (!go) return seconds
      waiting = undefined
      now = at
      call()
      return seconds
    },
  }
}
