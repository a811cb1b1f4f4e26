// When sources are read, on a clock that a test moves, from feeds that a test answers for.
import { type Test, test } from 'tap'
import type { FeedRead, ReadOptions } from '../../controller/catalog/feeds/read-feed.ts'
import { openMemoryJournal } from '../../controller/journal/memory-journal.ts'
import type { Declared } from '../../controller/model/declared.ts'
import type { Fact } from '../../controller/model/facts.ts'
import { Controller } from '../../controller/runtime/controller.ts'
import { decodeFact } from '../../controller/runtime/fact-codec.ts'
import { startSync } from '../../controller/runtime/sync.ts'
import { declared, until } from '../serve/harness.ts'
import { quiet, type VirtualClock, virtualClock } from './virtual-clock.ts'

const START = '2025-10-01T00:00:00Z'

test('a source is read at once, and again after its interval', async (t) => {
  const { controller, clock, reads, declare } = await setUp(t, () => feed('u1'))
  await declare(source({ interval: 'PT8H' }))
  await clock.moveTo(START)
  t.same(reads, [START])
  t.same(controller.state.catalog.ids, ['u1'])
  await clock.moveTo('2025-10-01T07:59:59Z')
  t.equal(reads.length, 1)
  await clock.moveTo('2025-10-02T00:00:00Z')
  t.equal(reads.length, 3)
  const second = Temporal.Instant.from(reads[1] ?? '')
    .since(START)
    .total('minutes')
  t.ok(second >= 480 && second <= 528, 'after its interval, and up to a tenth of it later')
})

test('an update that is not released yet comes when it is', async (t) => {
  const { controller, clock, declare } = await setUp(t, () =>
    ndjson([update('u1', '2025-09-01T00:00:00Z'), update('u2', '2025-10-01T03:30:00Z')]),
  )
  await declare(source({ interval: 'P7D' }))
  await clock.moveTo('2025-10-01T03:29:59Z')
  t.same(controller.state.catalog.ids, ['u1'])
  await clock.moveTo('2025-10-01T03:30:00Z')
  t.same(controller.state.catalog.ids, ['u1', 'u2'])
  await quiet()
  t.ok(Temporal.Instant.compare(clock.nextCall() ?? START, '2025-10-08T00:00:00Z') > 0, 'then the interval counts')
})

test('a source that fails is tried again at growing distances, and told once each time', async (t) => {
  let works = false
  const { controller, clock, reads, failures, declare } = await setUp(t, () => (works ? feed('u1') : FAILED))
  await declare(source({ interval: 'P1D' }))
  await clock.moveTo('2025-10-01T12:00:00Z')
  t.ok(reads.length >= 12 && reads.length <= 20, `${reads.length} tries in half a day`)
  t.equal(failures.length, reads.length)
  t.match(controller.state.feeds.get('feed'), { failure: 'it cannot be read', setAsideTotal: 0 })
  const waits = reads
    .map((at, i) =>
      Temporal.Instant.from(at)
        .since(reads[i - 1] ?? at)
        .total('minutes'),
    )
    .slice(1)
  t.ok((waits[0] ?? 0) >= 1 && (waits[0] ?? 0) < 1.2, 'a minute at first')
  t.ok(Math.max(...waits) <= 66, 'an hour at most')
  works = true
  await clock.moveTo('2025-10-01T13:10:00Z')
  t.equal(controller.state.feeds.get('feed')?.failure, undefined)
  t.same(controller.state.catalog.ids, ['u1'])
})

test('an edit of the source is followed at once, and its removal and suspension end it', async (t) => {
  const { clock, reads, locations, declare, undeclare } = await setUp(t, () => feed('u1'))
  await declare(source({ path: '/a' }))
  await clock.moveTo('2025-10-01T01:00:00Z')
  await declare(source({ path: '/b' }))
  await clock.moveTo('2025-10-01T01:00:00Z')
  t.same(locations, ['/a', '/b'])
  await declare(source({ path: '/b', suspend: true }))
  await clock.moveTo('2025-10-03T00:00:00Z')
  t.equal(reads.length, 2)
  await declare(source({ path: '/b' }))
  await clock.moveTo('2025-10-03T00:00:00Z')
  t.equal(reads.length, 3)
  await undeclare()
  await clock.moveTo('2025-10-09T00:00:00Z')
  t.equal(reads.length, 3)
})

test('a source is never read twice at a time, and what was read under an old declaration comes to nothing', async (t) => {
  const pending: ((answer: FeedRead) => void)[] = []
  const { controller, clock, locations, declare, undeclare } = await setUp(
    t,
    () => new Promise<FeedRead>((resolve) => pending.push(resolve)),
  )
  await declare(source({ path: '/a' }))
  await clock.moveTo(START)
  await declare(source({ path: '/b' }))
  await undeclare()
  await declare(source({ path: '/c' }))
  await clock.moveTo('2025-10-02T00:00:00Z')
  t.same(locations, ['/a'], 'the first reading is still under way')
  pending[0]?.(feed('old'))
  await clock.moveTo('2025-10-02T00:00:00Z')
  t.same(locations, ['/a', '/c'])
  pending[1]?.(feed('new'))
  await quiet()
  t.same(controller.state.catalog.ids, ['new'])
})

test('a feed that has not changed is asked for with its validator, and what was said of it stays', async (t) => {
  const { controller, clock, validators, declare } = await setUp(t, ({ validator }) =>
    validator === 'v1' ? { type: 'NotModified' } : { ...feed('u1', 'no JSON'), validator: 'v1' },
  )
  await declare(source({ interval: 'PT1H' }))
  await clock.moveTo('2025-10-01T01:30:00Z')
  t.same(validators, [undefined, 'v1'])
  t.match(controller.state.feeds.get('feed'), { setAsideTotal: 1, setAside: [{ position: 'feed.ndjson:2' }] })
  t.ok((controller.state.feeds.get('feed')?.syncedAt ?? 0) > Date.parse('2025-10-01T00:30:00Z'))
})

test('an empty feed is a failure, and wipes nothing', async (t) => {
  let text = feed('u1')
  const { controller, clock, declare } = await setUp(t, () => text)
  await declare(source({ interval: 'PT1H' }))
  await clock.moveTo(START)
  text = ndjson([])
  await clock.moveTo('2025-10-01T02:00:00Z')
  t.match(controller.state.feeds.get('feed'), { failure: /holds no record/ })
  t.equal(
    controller.state.catalog.vanished.words.reduce((sum, word) => sum + word, 0),
    0,
  )
})

test('a feed of which nothing can be read is a failure, and wipes nothing', async (t) => {
  let text: FeedRead = feed('u1')
  const { controller, clock, declare } = await setUp(t, () => text)
  await declare(source({ interval: 'PT1H' }))
  await clock.moveTo(START)
  text = ndjson(['<html>', 'Please log in', '</html>'])
  await clock.moveTo('2025-10-01T02:00:00Z')
  t.match(controller.state.feeds.get('feed'), {
    failure: /holds 3 records, none of which can be read \(feed.ndjson:1: /,
  })
  t.same(controller.state.catalog.ids, ['u1'])
})

test('a large catalog comes in parts, and one that was broken off is made up for at the next start', async (t) => {
  const lines = Array.from({ length: 12_001 }, (_, i) => update(`u${i}`, '2025-01-01T00:00:00Z'))
  const { controller, clock, declare } = await setUp(t, () => ndjson(lines))
  await declare(source({ interval: 'P1D' }))
  await clock.moveTo(START)
  await until(() => controller.state.catalog.ids.length === 12_001)
  await controller.settled()
  const facts = (await Array.fromAsync(controller.journal.read(0))).filter(({ fact }) => fact.type === 'CatalogSynced')
  t.equal(facts.length, 3)
  t.equal(controller.state.feeds.get('feed')?.nextRelease, undefined)

  const journal = openMemoryJournal<Fact>(decodeFact)
  const cut = facts[0]?.seq ?? 0
  for await (const { fact, at, seq } of controller.journal.read(0)) if (seq <= cut) await journal.append([fact], at)
  const restarted = await setUp(t, () => ndjson(lines), clock, journal)
  t.equal(restarted.controller.state.catalog.ids.length, 5000)
  await clock.moveTo('2025-10-01T00:00:01Z')
  await until(() => restarted.controller.state.catalog.ids.length === 12_001)
})

test('after a restart a source is read when it is due, not before', async (t) => {
  const journal = openMemoryJournal(decodeFact)
  const clock = virtualClock(START)
  const first = await setUp(t, () => feed('u1'), clock, journal)
  await first.declare(source({ interval: 'PT8H' }))
  await clock.moveTo(START)
  first.stop()
  await clock.moveTo('2025-10-01T04:00:00Z')
  const reads: string[] = []
  const sync = startSync(first.controller, async () => {
    reads.push(clock.now().toString())
    return feed('u1')
  })
  t.teardown(sync.close)
  await clock.moveTo('2025-10-01T07:00:00Z')
  t.same(reads, [])
  await clock.moveTo('2025-10-01T09:00:00Z')
  t.equal(reads.length, 1)
})

const FAILED: FeedRead = {
  type: 'Failed',
  error: { type: 'Transient', code: 'FeedUnavailable', message: 'it cannot be read' },
}

async function setUp(
  t: Test,
  answer: (options: ReadOptions) => FeedRead | Promise<FeedRead>,
  clock: VirtualClock = virtualClock(START),
  journal = openMemoryJournal<Fact>(decodeFact),
) {
  const controller = await Controller.open({ journal, clock })
  const reads: string[] = []
  const locations: string[] = []
  const validators: (string | undefined)[] = []
  const failures: string[] = []
  const sync = startSync(
    controller,
    async (location, options) => {
      reads.push(clock.now().toString())
      locations.push(location)
      validators.push(options.validator)
      return answer(options)
    },
    { onFailure: (name) => failures.push(name) },
  )
  t.teardown(sync.close)
  let revision = 0
  const change = async (put: Declared[], removed: { kind: 'UpdateSource'; name: string }[]) => {
    await controller.submit({ type: 'ObjectsDeclared', source: 'directory', revision: `r${revision++}`, put, removed })
    await controller.settled()
  }
  return {
    controller,
    clock,
    reads,
    locations,
    validators,
    failures,
    declare: (object: Declared) => change([object], []),
    undeclare: () => change([], [{ kind: 'UpdateSource', name: 'feed' }]),
    stop: sync.close,
  }
}

function source(spec: Record<string, unknown>): Declared {
  return declared('UpdateSource', 'feed', { format: 'Ringmaster', path: '/feed', ...spec })
}

function update(id: string, released: string): string {
  const rest = { title: id, vendor: 'V', products: ['P'], classification: 'Security Updates' }
  return JSON.stringify({ id, released, ...rest })
}

function feed(id: string, ...more: string[]): FeedRead & { type: 'Read' } {
  return ndjson([update(id, '2025-01-01T00:00:00Z'), ...more])
}

function ndjson(lines: readonly string[]): FeedRead & { type: 'Read' } {
  return { type: 'Read', files: [{ name: 'feed.ndjson', text: lines.join('\n') }], validator: undefined }
}
