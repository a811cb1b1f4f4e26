import fc from 'fast-check'
import { test } from 'tap'
import { backoffMs } from '../../controller/kube/backoff.ts'
import {
  enqueue,
  finish,
  newQueue,
  nextDue,
  QUEUE_BACKOFF,
  queueDepth,
  takeNext,
} from '../../controller/kube/work-queue.ts'

test('a key that is asked for twice is done once', async (t) => {
  const queue = newQueue()
  enqueue(queue, 'a', 0, 0)
  enqueue(queue, 'a', 0, 0)
  t.equal(takeNext(queue, 0), 'a')
  t.equal(takeNext(queue, 0), undefined)
})

test('the earliest instant wins', async (t) => {
  const queue = newQueue()
  enqueue(queue, 'a', 100, 0)
  enqueue(queue, 'a', 50, 0)
  enqueue(queue, 'a', 70, 0)
  t.equal(nextDue(queue, 0), 50)
  t.equal(takeNext(queue, 49), undefined)
  t.equal(takeNext(queue, 50), 'a')
  finish(queue, 'a', { type: 'Done' }, 50, 0)
  t.equal(queueDepth(queue), 0, 'the later instants went with it')
})

test('a key that is being worked on is not given out, and comes again when it was asked for meanwhile', async (t) => {
  const queue = newQueue()
  enqueue(queue, 'a', 0, 0)
  takeNext(queue, 0)
  enqueue(queue, 'a', 0, 1)
  t.equal(takeNext(queue, 1), undefined)
  finish(queue, 'a', { type: 'Done' }, 2, 0)
  t.equal(takeNext(queue, 2), 'a')
})

test('what fails waits longer each time, and a planned wait ends that', async (t) => {
  const queue = newQueue()
  let now = 0
  enqueue(queue, 'a', 0, now)
  for (const wait of [125, 250, 500]) {
    t.equal(takeNext(queue, now), 'a')
    finish(queue, 'a', { type: 'Failed' }, now, 0)
    t.equal(nextDue(queue, now), now + wait)
    now += wait
  }
  takeNext(queue, now)
  finish(queue, 'a', { type: 'Again', at: now + 5 }, now, 0)
  now += 5
  takeNext(queue, now)
  finish(queue, 'a', { type: 'Failed' }, now, 0)
  t.equal(nextDue(queue, now), now + 125)
})

test('what fails waits at least as long as the server asks', async (t) => {
  const queue = newQueue()
  enqueue(queue, 'a', 0, 0)
  takeNext(queue, 0)
  finish(queue, 'a', { type: 'Failed', retryAfterMs: 7000 }, 0, 0.5)
  t.equal(nextDue(queue, 0), 7000)
})

test('a key that fails all the time while it is asked for all the time is still not tried without a rest', async (t) => {
  const queue = newQueue()
  enqueue(queue, 'a', 0, 0)
  takeNext(queue, 0)
  enqueue(queue, 'a', 0, 0)
  finish(queue, 'a', { type: 'Failed' }, 0, 0)
  t.equal(takeNext(queue, 0), undefined)
})

test('back-off is bounded and spread', async (t) => {
  t.equal(backoffMs(1, 0, QUEUE_BACKOFF), 125)
  t.equal(backoffMs(1, 0.999, QUEUE_BACKOFF), 250)
  t.equal(backoffMs(1000, 0.999, QUEUE_BACKOFF), 59_970)
})

const Act = fc.oneof(
  fc.record({ type: fc.constant('Ask' as const), key: fc.constantFrom('a', 'b', 'c'), after: fc.nat(50) }),
  fc.record({ type: fc.constant('Take' as const) }),
  fc.record({ type: fc.constant('Finish' as const), outcome: fc.constantFrom('Done' as const, 'Failed' as const) }),
  fc.record({ type: fc.constant('Wait' as const), ms: fc.nat(300) }),
)

test('no key is worked on twice at once, and none that was asked for is forgotten', async (t) => {
  fc.assert(
    fc.property(fc.array(Act, { maxLength: 80 }), (acts) => {
      const queue = newQueue()
      const working: string[] = []
      const owed = new Set<string>()
      let now = 0
      const take = () => {
        const key = takeNext(queue, now)
        if (key === undefined) return
        if (working.includes(key)) throw new Error(`${key} is worked on already`)
        working.push(key)
        owed.delete(key)
      }
      for (const act of acts) {
        if (act.type === 'Wait') now += act.ms
        if (act.type === 'Take') take()
        if (act.type === 'Ask') {
          enqueue(queue, act.key, now + act.after, now)
          owed.add(act.key)
        }
        if (act.type === 'Finish') {
          const key = working.shift()
          if (key === undefined) continue
          finish(queue, key, { type: act.outcome }, now, 0.5)
          if (act.outcome === 'Failed') owed.add(key)
        }
      }
      for (const key of working.splice(0)) finish(queue, key, { type: 'Done' }, now, 0)
      now += 1_000_000
      for (let i = 0; i < 3; i++) take()
      return owed.size === 0
    }),
  )
  t.pass('the queue holds what it promises')
})
