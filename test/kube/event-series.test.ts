import { test } from 'tap'
import {
  EVENT_BURST,
  EVENT_REFILL_MS,
  type EventNews,
  newSeries,
  nextEvent,
  SERIES_MS,
} from '../../controller/kube/event-series.ts'

const news = (note: string, name = 'office'): EventNews => ({
  type: 'Normal',
  regarding: { apiVersion: 'ringmaster.dev/v1alpha1', kind: 'Rollout', name, uid: `uid-${name}` },
  action: 'PhaseStarted',
  reason: 'FirstPhase',
  note,
})

test('the same again is counted, something else is another event', async (t) => {
  const series = newSeries()
  const first = nextEvent(series, news('pilot'), 0, 'x')
  t.match(first, { type: 'Create', name: 'office.x.1' })
  t.same(nextEvent(series, news('pilot'), 1000, 'x'), { type: 'Count', name: 'office.x.1', count: 2 })
  t.match(nextEvent(series, news('broad'), 1000, 'x'), { type: 'Create', name: 'office.x.2' })
  t.same(nextEvent(series, news('pilot'), 2000, 'x'), { type: 'Count', name: 'office.x.1', count: 3 })
})

test('after a while it is a new one', async (t) => {
  const series = newSeries()
  nextEvent(series, news('pilot'), 0, 'x')
  t.equal(nextEvent(series, news('pilot'), SERIES_MS, 'x').type, 'Create')
})

test('an object has so many at once, then one every five minutes; another object has its own', async (t) => {
  const series = newSeries()
  for (let i = 0; i < EVENT_BURST; i++) t.not(nextEvent(series, news(`${i}`), 0, 'x').type, 'Drop')
  t.equal(nextEvent(series, news('more'), 0, 'x').type, 'Drop')
  t.equal(series.dropped, 1)
  t.equal(nextEvent(series, news('more', 'servers'), 0, 'x').type, 'Create')
  t.equal(nextEvent(series, news('more'), EVENT_REFILL_MS, 'x').type, 'Create')
  t.equal(nextEvent(series, news('again'), EVENT_REFILL_MS, 'x').type, 'Drop')
})

test('what is remembered is bounded', async (t) => {
  const series = newSeries()
  for (let i = 0; i < 10_000; i++) nextEvent(series, news('same', `r${i}`), i, 'x')
  t.ok(series.known.size <= 4096 && series.budgets.size <= 4096)
})
