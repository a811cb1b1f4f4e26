// What every engine of the journal promises (controller/journal/journal.ts), asked of each of them.
import { setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'
import { type Test, test } from 'tap'
import type { Entry, Journal } from '../../controller/journal/journal.ts'
import { engines, type Place } from './engines.ts'
import { approved, type Fact, mixed, range, reported } from './facts.ts'

type Entries = Iterable<Entry<Fact>> | AsyncIterable<Entry<Fact>>

const bytesOf = (text: string) => new TextEncoder().encode(text)
const all = (entries: Entries) => Array.fromAsync(entries)
const numbers = async (entries: Entries) => (await all(entries)).map(({ fact }) => fact.n)
const sequence = async (entries: Entries) => (await all(entries)).map(({ seq }) => seq)
const isDecision = (type: string) => type === 'Approved'

for (const { name, shared, newPlace, why } of engines) {
  const check = (what: string, body: (t: Test, journal: Journal<Fact>, place: Place) => Promise<void>) =>
    test(`${name}: ${what}`, { skip: why ?? false }, async (t) => {
      const place = await newPlace(t)
      const journal = await place.open()
      await body(t, journal, place)
      await journal.close()
    })

  check('an empty journal has nothing to read', async (t, journal) => {
    t.equal(journal.lastSeq, 0)
    t.same(await all(journal.read(0)), [])
    t.equal(await journal.latestSnapshot(), undefined)
    t.same(await journal.readKept({ limit: 10, order: 'newest' }), [])
  })

  check('facts are read back in the order of their appending, with their instants', async (t, journal) => {
    t.same(await journal.append([reported(1), approved(2)], 1000), { first: 1, last: 2 })
    t.same(await journal.append([reported(3)], 2000), { first: 3, last: 3 })
    t.equal(journal.lastSeq, 3)
    t.same(await all(journal.read(1)), [
      { seq: 2, at: 1000, fact: approved(2) },
      { seq: 3, at: 2000, fact: reported(3) },
    ])
    t.same(await all(journal.read(3)), [])
    t.throws(() => journal.read(-1), { code: 'Invalid' })
  })

  check('appends of one turn are numbered in call order, empty ones included', async (t, journal) => {
    const appends = range(1, 200).map((n) =>
      journal.append(n % 7 === 0 ? [] : n % 2 === 0 ? [reported(n)] : [reported(n), approved(n), reported(n)], n),
    )
    const appended = await Promise.all(appends)
    let next = 1
    for (const { first, last } of appended) {
      t.equal(first, next)
      next = last + 1
    }
    const entries = await all(journal.read(0))
    t.same(await sequence(entries), range(1, next - 1))
    t.ok(
      entries.every(({ at, fact }) => at === fact.n),
      'each fact has the instant of its own append',
    )
  })

  check('a fact is taken as it is when appended', async (t, journal) => {
    const fact = { type: 'Reported' as const, n: 1 }
    const done = journal.append([fact], 0)
    fact.n = 2
    await done
    t.same(await numbers(journal.read(0)), [1])
  })

  check(
    'what was acknowledged is there after closing and opening again, and numbering goes on',
    async (t, journal, place) => {
      await journal.append(mixed(1, 5000), 7)
      await journal.append([{ type: 'Halted', n: 5001, text: 'ü€😀\n"{' }], 8)
      await journal.close()
      const again = await place.open()
      t.equal(again.lastSeq, 5001)
      t.same(await sequence(again.read(0)), range(1, 5001))
      t.same(await all(again.read(5000)), [{ seq: 5001, at: 8, fact: { type: 'Halted', n: 5001, text: 'ü€😀\n"{' } }])
      t.same(await again.append([reported(0)], 9), { first: 5002, last: 5002 })
      await again.close()
    },
  )

  check('any division of facts into appends reads back as the same facts', async (t, journal) => {
    const facts = fc.array(
      fc.record({
        type: fc.constantFrom('Reported' as const, 'Approved' as const),
        n: fc.integer(),
        text: fc.string({ unit: 'binary' }),
      }),
      { maxLength: 30 },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(facts, { maxLength: 8 }), fc.nat(), async (appends, at) => {
        const before = journal.lastSeq
        await Promise.all(appends.map((part) => journal.append(part, at)))
        t.same(
          await all(journal.read(before)),
          appends.flat().map((fact, i) => ({ seq: before + 1 + i, at, fact })),
        )
      }),
      { seed: 42, numRuns: 40 },
    )
  })

  check('large facts are kept whole', async (t, journal) => {
    const facts = range(1, 12).map((n): Fact => ({ type: 'Reported', n, text: 'x'.repeat(n * 50_000) }))
    await journal.append(facts, 0)
    t.same(
      (await all(journal.read(0))).map(({ fact }) => fact),
      facts,
    )
  })

  check('facts appended while reading are left for the next reading', async (t, journal) => {
    await journal.append(mixed(1, 3000), 0)
    const seen: number[] = []
    for await (const { seq } of journal.read(0)) {
      seen.push(seq)
      if (seq % 1000 === 0) await journal.append(mixed(1, 1500), 0)
    }
    t.same(seen, range(1, 3000))
    t.same(await sequence(journal.read(3000)), range(3001, 7500))
  })

  check('what cannot be written as JSON is refused, and nothing else suffers', async (t, journal) => {
    const endless: { type: 'Reported'; n: number; self?: unknown } = { type: 'Reported', n: 1 }
    endless.self = endless
    const before = journal.append([reported(1)], 0)
    await t.rejects(journal.append([endless], 0), { code: 'Invalid' })
    await t.rejects(journal.append([reported(2)], 0.5), { code: 'Invalid' })
    await before
    t.same(await journal.append([reported(2)], 0), { first: 2, last: 2 })
  })

  check('beyond the limits of the queue an append is refused at once', async (t, journal, place) => {
    await journal.close()
    const small = await place.open({ facts: 10, bytes: 1000 })
    const accepted = small.append(mixed(1, 6), 0)
    await t.rejects(small.append(mixed(1, 5), 0), { code: 'Busy' })
    await t.rejects(small.append([{ type: 'Reported', n: 0, text: 'x'.repeat(900) }], 0), { code: 'Busy' })
    await t.rejects(small.append(mixed(1, 11), 0), { code: 'TooLarge' })
    await t.rejects(small.append([{ type: 'Reported', n: 0, text: '€'.repeat(400) }], 0), { code: 'TooLarge' })
    t.same(await accepted, { first: 1, last: 6 })
    t.same(await small.append(mixed(7, 10), 0), { first: 7, last: 16 }, 'there is room again')
    await small.close()
  })

  check('closing makes durable what waits, and refuses the rest', async (t, journal, place) => {
    const waiting = journal.append([reported(1)], 0)
    await journal.close()
    t.same(await waiting, { first: 1, last: 1 })
    await t.rejects(journal.append([reported(2)], 0), { code: 'Closed' })
    t.throws(() => journal.read(0), { code: 'Closed' })
    await journal.close()
    const again = await place.open()
    t.same(await numbers(again.read(0)), [1])
    await again.close()
  })

  if (!shared)
    check('a second journal on the same data is refused, and the first goes on', async (t, journal, place) => {
      await t.rejects(async () => place.open(), { code: 'Locked' })
      t.same(await journal.append([reported(1)], 0), { first: 1, last: 1 })
      await t.rejects(async () => place.open(), { code: 'Locked' })
    })

  check('state comes back from a snapshot and the facts after it', async (t, journal, place) => {
    await journal.append(mixed(1, 50), 0)
    await journal.saveSnapshot(50, [bytesOf('state after 50')])
    await journal.append(mixed(51, 5), 0)
    await journal.close()
    const again = await place.open()
    const snapshot = await again.latestSnapshot()
    t.equal(snapshot?.seq, 50)
    t.equal(new TextDecoder().decode(snapshot?.bytes), 'state after 50')
    t.same(await numbers(again.read(snapshot?.seq ?? 0)), range(51, 55))
    t.same(again.warnings, [])
    await again.close()
  })

  check('a snapshot of facts that are not durable, or older than the newest, is refused', async (t, journal) => {
    await journal.append(mixed(1, 10), 0)
    await t.rejects(journal.saveSnapshot(11, [bytesOf('future')]), { code: 'Invalid' })
    await journal.saveSnapshot(10, [bytesOf('ten')])
    await t.rejects(journal.saveSnapshot(9, [bytesOf('nine')]), { code: 'Invalid' })
    await journal.saveSnapshot(10, [bytesOf('ten again')])
    t.same((await journal.latestSnapshot())?.bytes, bytesOf('ten again'))
  })

  check('one snapshot at a time is saved', async (t, journal) => {
    await journal.append(mixed(1, 10), 0)
    const first = journal.saveSnapshot(9, [bytesOf('nine')])
    await t.rejects(journal.saveSnapshot(10, [bytesOf('ten')]), { code: 'Busy' })
    await first
    t.equal((await journal.latestSnapshot())?.seq, 9)
  })

  check('a damaged snapshot is passed over for the one before, with a warning', async (t, journal, place) => {
    await journal.append(mixed(1, 30), 0)
    for (const seq of [10, 20, 30]) await journal.saveSnapshot(seq, [bytesOf(`state after ${seq}`)])
    await place.damageSnapshot(30)
    t.equal((await journal.latestSnapshot())?.seq, 20)
    t.match(journal.warnings, [/after fact 30 is damaged/])
    await place.damageSnapshot(20)
    t.equal(await journal.latestSnapshot(), undefined, 'only the newest two are kept')
    await journal.saveSnapshot(30, [bytesOf('state after 30')])
    t.equal((await journal.latestSnapshot())?.seq, 30)
  })

  check('a damaged snapshot does not push out a good one', async (t, journal, place) => {
    await journal.append(mixed(1, 30), 0)
    for (const seq of [10, 20]) await journal.saveSnapshot(seq, [bytesOf(`state after ${seq}`)])
    await place.damageSnapshot(20)
    t.equal((await journal.latestSnapshot())?.seq, 10)
    await journal.saveSnapshot(30, [bytesOf('state after 30')])
    await place.damageSnapshot(30)
    t.equal((await journal.latestSnapshot())?.seq, 10)
  })

  check('compaction keeps decisions and deletes the rest', async (t, journal, place) => {
    for (let from = 1; from <= 6000; from += 1500) await journal.append(mixed(from, 1500), from)
    await journal.saveSnapshot(5005, [bytesOf('state')])
    const done = await journal.compact(5005, isDecision)
    t.same(done, { through: 5005, deleted: 4505, kept: 500 })
    const look = async (open: Journal<Fact>) => {
      t.same(await sequence(open.read(5005)), range(5006, 6000))
      await t.rejects(async () => all(open.read(5004)), { code: 'Compacted' })
      t.same(
        await sequence(await open.readKept({ types: ['Approved'], limit: 1000 })),
        range(1, 600).map((n) => n * 10),
      )
      t.same(await sequence(await open.readKept({ types: ['Reported'], limit: 3 })), [5006, 5007, 5008])
      t.equal((await open.readKept({ types: ['Approved'], limit: 1, fromSeq: 1500 }))[0]?.at, 1, 'instants are kept')
    }
    await look(journal)
    await journal.close()
    const again = await place.open()
    t.equal(again.compactedThrough, 5005)
    await look(again)
    t.same(await again.append([reported(6001)], 0), { first: 6001, last: 6001 })
    await again.saveSnapshot(6001, [bytesOf('later state')])
    await again.saveSnapshot(6001, [bytesOf('later state')])
    t.same(
      await again.compact(6001, () => false),
      { through: 5005, deleted: 0, kept: 0 },
      'the older snapshot needs its facts',
    )
    await again.close()
  })

  check('numbering goes on after everything was compacted', async (t, journal, place) => {
    await journal.append(mixed(1, 20), 0)
    await journal.saveSnapshot(20, [bytesOf('state')])
    t.same(await journal.compact(20, () => false), { through: 20, deleted: 20, kept: 0 })
    await journal.close()
    const again = await place.open()
    t.equal(again.lastSeq, 20)
    t.same(await all(again.read(20)), [])
    t.same(await again.append([reported(21)], 0), { first: 21, last: 21 })
    t.same(await numbers(again.read(20)), [21])
    await again.close()
  })

  check('facts beyond the newest good snapshot are never deleted', async (t, journal, place) => {
    await journal.append(mixed(1, 40), 0)
    await t.rejects(journal.compact(10, isDecision), { code: 'NotCovered' })
    await journal.saveSnapshot(20, [bytesOf('state after 20')])
    await journal.saveSnapshot(30, [bytesOf('state after 30')])
    await t.rejects(journal.compact(31, isDecision), { code: 'NotCovered' })
    await t.rejects(journal.compact(Number.NaN, isDecision), { code: 'NotCovered' })
    t.equal((await journal.compact(30, isDecision)).through, 20, 'the older of the two can still be restored from')
    await place.damageSnapshot(30)
    await t.rejects(journal.compact(30, isDecision), { code: 'NotCovered' })
    t.equal((await journal.latestSnapshot())?.seq, 20)
    t.same(await sequence(journal.read(20)), range(21, 40))
  })

  check('appends go on while compacting', async (t, journal) => {
    for (let i = 0; i < 100; i++) await journal.append(mixed(1, 1024), 0)
    const through = journal.lastSeq
    await journal.saveSnapshot(through, [bytesOf('state')])
    const compacting = journal.compact(through, isDecision)
    const appends = range(1, 20).map((n) => journal.append([reported(n)], 0))
    t.equal((await compacting).through, through)
    await Promise.all(appends)
    t.same(await sequence(journal.read(through)), range(through + 1, through + 20))
  })

  check('a compaction that was broken off is gone on with later', async (t, journal, place) => {
    for (let i = 0; i < 100; i++) await journal.append(mixed(1, 1024), 0)
    const through = journal.lastSeq
    await journal.saveSnapshot(through, [bytesOf('state')])
    const compacting = t.rejects(journal.compact(through, isDecision), { code: 'Closed' })
    while (journal.compactedThrough === 0) await nextTurn()
    await journal.close()
    await compacting
    const again = await place.open()
    const reached = again.compactedThrough
    t.ok(reached > 0 && reached < through, 'some of it was done')
    t.equal((await sequence(again.read(reached))).length, through - reached)
    const done = await again.compact(through, isDecision)
    t.equal(done.deleted + done.kept, through - reached)
    t.same(await again.readKept({ types: ['Reported'], limit: 1 }), [])
    await again.close()
  })

  check('listings go by type, from a fact on, in either order, and are limited', async (t, journal) => {
    await journal.append(mixed(1, 3000), 0)
    await journal.append([{ type: 'Halted', n: 3001 }, ...mixed(3002, 99)], 0)
    const list = async (query: Parameters<Journal<Fact>['readKept']>[0]) => sequence(await journal.readKept(query))
    t.same(await list({ types: ['Approved'], limit: 3, order: 'newest' }), [3100, 3090, 3080])
    t.same(await list({ types: ['Approved'], limit: 3, order: 'newest', fromSeq: 2500 }), [2500, 2490, 2480])
    t.same(await list({ types: ['Halted', 'Approved'], limit: 3, fromSeq: 2995 }), [3000, 3001, 3010])
    t.same(await list({ types: ['Halted', 'Approved'], limit: 2, fromSeq: 3001, order: 'newest' }), [3001, 3000])
    t.same(await list({ limit: 2, fromSeq: 2048 }), [2048, 2049])
    t.same(await list({ limit: 2, fromSeq: 2048, order: 'newest' }), [2048, 2047])
    t.same(await list({ types: [], limit: 5 }), [])
    t.same(await list({ types: ['Nothing'], limit: 5 }), [])
    t.same(await list({ limit: 0 }), [])
    await t.rejects(list({ limit: 10_001 }), { code: 'Invalid' })
    await t.rejects(list({ limit: 1, types: Array<string>(33).fill('Approved') }), { code: 'Invalid' })
  })
}
