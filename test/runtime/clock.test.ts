// The real clock: what it calls back when it is set, or when the machine slept.
import { mock } from 'node:test'
import { test } from 'tap'
import { systemClock } from '../../controller/runtime/clock.ts'

test('what is due in ten days is called soon after the clock was set to a later day, and not before', (t) => {
  const ofSystem = Date.now
  let now = Temporal.Instant.from('2025-10-01T00:00:00Z')
  Date.now = () => now.epochMilliseconds
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => {
    mock.timers.reset()
    Date.now = ofSystem
  })
  const called: string[] = []
  const day = 24 * 3_600_000
  systemClock.at(now.add({ milliseconds: 10 * day }), () => called.push('ten'))
  systemClock.at(now.add({ milliseconds: 11 * day }), () => called.push('eleven'))
  const cancel = systemClock.at(now.add({ milliseconds: 10 * day }), () => called.push('never'))
  mock.timers.tick(1)
  now = now.subtract({ milliseconds: day })
  mock.timers.tick(60_000)
  t.same(called, [], 'a clock that is set back calls nothing')
  cancel()
  now = now.add({ milliseconds: 11 * day })
  mock.timers.tick(60_000)
  t.same(called, ['ten'])
  now = now.add({ milliseconds: 3650 * day })
  mock.timers.tick(60_000)
  t.same(called, ['ten', 'eleven'])
  t.end()
})
