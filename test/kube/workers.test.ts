import { test } from 'tap'
import { startWorkers } from '../../controller/kube/workers.ts'
import { until } from '../support/until.ts'

test('what waits for its time keeps nobody else from being worked on, and is no work to wait for', async (t) => {
  const done: string[] = []
  const workers = startWorkers({
    concurrency: 2,
    draw: () => 0,
    work: async (key) => {
      done.push(key)
      if (key === 'fails') throw new Error('it fails')
      return key === 'waits' ? { type: 'Again', at: performance.now() + 60_000 } : { type: 'Done' }
    },
  })
  for (const key of ['fails', 'waits', 'a']) workers.add(key)
  await until(5000, async () => done.includes('a') && workers.failing() === 1 && !workers.isBusy())
  t.ok(workers.depth() >= 2, 'they are still to be done')
  workers.addUnlessFailed('fails')
  workers.add('b')
  await until(5000, async () => done.includes('b'))
  await workers.stop()
  const before = done.length
  workers.add('c')
  t.equal(done.length, before, 'nothing begins after the end')
})
