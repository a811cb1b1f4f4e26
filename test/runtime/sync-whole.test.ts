// Rules see whole catalogs, sources that are read at the same time do not undo each other, and what becomes of a source that goes.
import { type Test, test } from 'tap'
import type { FeedRead } from '../../controller/catalog/feeds/read-feed.ts'
import { openMemoryJournal } from '../../controller/journal/memory-journal.ts'
import type { Declared } from '../../controller/model/declared.ts'
import type { Fact } from '../../controller/model/facts.ts'
import { UpdateId } from '../../controller/model/update.ts'
import { Controller } from '../../controller/runtime/controller.ts'
import { decodeFact } from '../../controller/runtime/fact-codec.ts'
import { startSync } from '../../controller/runtime/sync.ts'
import { declared, until } from '../serve/harness.ts'
import { quiet, type VirtualClock, virtualClock } from './virtual-clock.ts'

const START = '2025-10-01T00:00:00Z'
const LATER = '2025-10-01T00:00:01Z'
const MANY = Array.from({ length: 12_001 }, (_, i) => `u${i}`)

test('a rule that follows synchronisations is evaluated on the whole of a large one', async (t) => {
  const { controller, clock, put } = await setUp(t, () => feed(MANY))
  await put(rule('all', { afterSync: true }), source('feed'))
  await clock.moveTo(START)
  await until(() => controller.state.catalog.ids.length === MANY.length)
  await controller.settled()
  t.same(await evaluations(controller), [MANY.length])
})

test('of a synchronisation that was broken off rules hear when the rest has come, or when it cannot', async (t) => {
  const first = await setUp(t, () => feed(MANY))
  await first.put(rule('all', { afterSync: true }), source('feed'))
  await first.clock.moveTo(START)
  await until(() => first.controller.state.catalog.ids.length === MANY.length)
  await first.controller.settled()
  const brokenOff = async () => {
    const journal = openMemoryJournal<Fact>(decodeFact)
    for await (const { fact, at } of first.controller.journal.read(0)) {
      await journal.append([fact], at)
      if (fact.type === 'CatalogSynced') return journal
    }
    return journal
  }

  const mended = await setUp(t, () => feed(MANY), await brokenOff())
  await mended.controller.submit({ type: 'CommandGiven', command: { type: 'Evaluate', rule: 'all' }, by: 'me' })
  await mended.controller.settled()
  t.same(await evaluations(mended.controller), [], 'on 5000 of 12001 updates nothing is evaluated')
  t.notOk(mended.controller.state.feeds.get('feed')?.syncedAt)
  await mended.clock.moveTo(LATER)
  await until(() => mended.controller.state.catalog.ids.length === MANY.length)
  await mended.controller.settled()
  t.same(await evaluations(mended.controller), [MANY.length])

  const less = await setUp(t, () => feed(MANY.toSorted().slice(0, 10)), await brokenOff())
  await less.clock.moveTo(LATER)
  await quiet()
  t.same(await evaluations(less.controller), [5000], 'also when the rest has no news')

  const failing = await setUp(t, () => FAILED, await brokenOff())
  await failing.controller.submit({ type: 'CommandGiven', command: { type: 'Evaluate', rule: 'all' }, by: 'me' })
  await failing.clock.moveTo(LATER)
  await quiet()
  t.same(await evaluations(failing.controller), [5000], 'a source that fails holds nobody up')
})

test('sources that are read at the same time keep the higher revision, whichever comes first', async (t) => {
  for (const order of [
    ['old', 'new'],
    ['new', 'old'],
  ]) {
    const pending = new Map<string, (read: FeedRead) => void>()
    const { controller, clock, put } = await setUp(
      t,
      (location) => new Promise<FeedRead>((resolve) => pending.set(location, resolve)),
    )
    await put(source('old'), source('new'))
    await clock.moveTo(START)
    for (const name of order) pending.get(`/${name}`)?.(feed(['u1'], name === 'new' ? 2 : 1))
    await quiet()
    t.equal(controller.state.catalog.updates[0]?.revision, 2)
    t.same(controller.state.catalog.sources, ['new'])
  }
})

test('the updates of a source that is removed stay, and go to a source that has them', async (t) => {
  const { controller, clock, put, remove } = await setUp(t, (location) =>
    feed(location === '/other' ? ['u1', 'u2'] : ['u1', 'u3']),
  )
  const { catalog } = controller.state
  await put(source('feed'))
  await clock.moveTo(START)
  await remove('feed')
  t.same(
    [catalog.ids, catalog.sources],
    [
      ['u1', 'u3'],
      ['feed', 'feed'],
    ],
    'nothing is removed with it',
  )
  t.notOk(controller.state.feeds.has('feed'), 'and nothing is said of it any more')
  await put(source('other'))
  await clock.moveTo(LATER)
  t.same(
    [catalog.ids, catalog.sources],
    [
      ['u1', 'u3', 'u2'],
      ['other', 'feed', 'other'],
    ],
  )
  await put(source('feed'))
  await clock.moveTo('2025-10-01T00:00:02Z')
  t.ok(controller.state.feeds.get('feed')?.syncedAt, 'one of the same name is read at once')
  t.same(catalog.sources, ['other', 'feed', 'other'], 'and takes nothing from a source that is declared')
})

const FAILED: FeedRead = {
  type: 'Failed',
  error: { type: 'Transient', code: 'FeedUnavailable', message: 'it cannot be read' },
}

async function setUp(
  t: Test,
  answer: (location: string) => FeedRead | Promise<FeedRead>,
  journal = openMemoryJournal<Fact>(decodeFact),
) {
  const clock: VirtualClock = virtualClock(START)
  const controller = await Controller.open({ journal, clock })
  const sync = startSync(controller, async (location) => answer(location))
  t.teardown(sync.close)
  let revision = 0
  const change = async (put: Declared[], removed: { kind: 'UpdateSource'; name: string }[]) => {
    await controller.submit({ type: 'ObjectsDeclared', source: 'directory', revision: `r${revision++}`, put, removed })
    await controller.settled()
  }
  const remove = (name: string) => change([], [{ kind: 'UpdateSource', name }])
  return { controller, clock, put: (...objects: Declared[]) => change(objects, []), remove }
}

async function evaluations({ journal }: Controller): Promise<number[]> {
  const kept = await journal.readKept({ types: ['RuleEvaluated', 'EvaluationFailed'], limit: 100 })
  return kept.flatMap(({ fact }) => ('matched' in fact ? [fact.matched] : []))
}

function source(name: string): Declared {
  return declared('UpdateSource', name, { format: 'Ringmaster', path: `/${name}`, interval: 'PT8H' })
}

function rule(name: string, evaluate: unknown): Declared {
  const phases = [{ name: 'every', collection: 'all' }]
  return declared('AutomaticDeploymentRule', name, { criteria: { products: ['P'] }, evaluate, phases })
}

function feed(ids: readonly string[], revision = 1): FeedRead {
  const rest = { vendor: 'V', products: ['P'], classification: 'Security Updates', released: '2025-01-01T00:00:00Z' }
  const lines = ids.map((id) =>
    JSON.stringify({ id: UpdateId.parse(id), title: `${id} ${revision}`, revision, ...rest }),
  )
  return { type: 'Read', files: [{ name: 'feed.ndjson', text: lines.join('\n') }], validator: undefined }
}
