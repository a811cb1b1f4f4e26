// Sync, declines and expiry (semantics.md §1): incremental, idempotent, and the same in whatever order a feed is.
import fc from 'fast-check'
import { test } from 'tap'
import { newCatalog, putUpdates, setStates, stateOf, updateOf } from '../../controller/catalog/catalog.ts'
import { planExpiry } from '../../controller/catalog/expiry.ts'
import { applySync, changesCatalog, MAX_LISTED, planSync } from '../../controller/catalog/sync.ts'
import type { Criteria } from '../../controller/model/criteria.ts'
import { DAY } from '../../controller/model/instant.ts'
import type { Classification } from '../../controller/model/update.ts'
import { anyCriteria, anyUpdate, feedOf, idOf, NOW, sample } from './samples.ts'

const MAIN = { source: 'main' }

test('syncing the same feed again changes nothing, and later only what changed is written', async (t) => {
  const catalog = newCatalog()
  const updates = [sample('b'), sample('a'), sample('c')]
  const plan = planSync(catalog, feedOf(updates), MAIN, NOW)
  t.same(
    plan.upserts.map(({ id }) => id),
    ['a', 'b', 'c'],
  )
  applySync(catalog, 'main', plan)
  const again = planSync(catalog, feedOf(updates), MAIN, NOW)
  t.equal(changesCatalog(again), false)
  t.equal(again.unchanged, 3)
  const next = planSync(catalog, feedOf([sample('a', { title: 'New title' }), sample('b'), sample('c')]), MAIN, NOW)
  t.same(
    next.upserts.map(({ title }) => title),
    ['New title'],
  )
})

test('any feed, policy and order: planning is a fixed point, and order changes neither plan nor catalog', async (t) => {
  const feeds = fc.array(fc.array(anyUpdate, { maxLength: 25 }), { minLength: 1, maxLength: 3 })
  const property = fc.property(
    feeds,
    fc.array(anyCriteria, { maxLength: 3 }),
    fc.infiniteStream(fc.nat()),
    (syncs, declines, random) => {
      const there = newCatalog()
      const back = newCatalog()
      for (const [i, distinct] of syncs.entries()) {
        const updates = [...distinct, ...distinct.slice(0, 5).map((update) => ({ ...update }))]
        const policy = { source: i === 1 ? 'other' : 'main', declines }
        const keys = new Map(updates.map((update) => [update, random.next().value]))
        const shuffled = updates.toSorted((a, b) => (keys.get(a) ?? 0) - (keys.get(b) ?? 0))
        const plan = planSync(there, feedOf(updates), policy, NOW - 30 * DAY)
        const other = planSync(back, feedOf(shuffled), policy, NOW - 30 * DAY)
        const { conflicts: _, ...facts } = plan
        const { conflicts: __, ...otherFacts } = other
        if (JSON.stringify(facts) !== JSON.stringify(otherFacts)) return false
        applySync(there, policy.source, plan)
        applySync(back, policy.source, other)
        if (changesCatalog(planSync(there, feedOf(updates), policy, NOW - 30 * DAY))) return false
      }
      return JSON.stringify([there.ids, there.updates]) === JSON.stringify([back.ids, back.updates])
    },
  )
  t.doesNotThrow(() => fc.assert(property, { seed: 42, numRuns: 500 }))
})

test('identical duplicates merge; of conflicting ones the higher revision is kept, and the plan says so', async (t) => {
  const feed = feedOf([
    sample('a', { revision: 2, title: 'Second' }),
    sample('a', { revision: 1, title: 'First' }),
    sample('b'),
    sample('b'),
  ])
  const plan = planSync(newCatalog(), feed, MAIN, NOW)
  t.equal(plan.merged, 1)
  t.same(
    plan.upserts.map(({ title }) => title),
    ['Second', 'Update b'],
  )
  t.match(plan.conflicts, [{ id: 'a', kept: 'feed:000001', dropped: 'feed:000002', message: /revisions 1 and 2/ }])
})

test('of one revision with two contents the later revised is kept, in any order', async (t) => {
  const early = sample('a', { title: 'Zebra', revised: NOW - 2 })
  const late = sample('a', { title: 'Ant', revised: NOW - 1 })
  for (const order of [
    [early, late],
    [late, early],
  ]) {
    const plan = planSync(newCatalog(), feedOf(order), MAIN, NOW)
    t.equal(plan.upserts[0]?.title, 'Ant')
    t.match(plan.conflicts, [{ message: /revision 1 of a with different contents/ }])
  }
})

test('a feed whose records come in another order gives the same plan, conflicts included', async (t) => {
  const feed = feedOf([sample('a', { title: 'One' }), sample('a', { title: 'Two' }), sample('a', { title: 'One' })])
  const plan = planSync(newCatalog(), feed, MAIN, NOW)
  t.match(plan, { merged: 1, conflictTotal: 1, conflicts: [{ kept: 'feed:000002', dropped: 'feed:000001' }] })
  t.same(planSync(newCatalog(), { ...feed, records: feed.records.toReversed() }, MAIN, NOW), plan)
})

test('a revision older than that of the catalog is ignored with a note', async (t) => {
  const catalog = newCatalog()
  putUpdates(catalog, 'main', [sample('a', { revision: 3 })])
  const plan = planSync(catalog, feedOf([sample('a', { revision: 2 })]), MAIN, NOW)
  t.equal(changesCatalog(plan), false)
  t.match(plan.conflicts, [{ id: 'a', kept: 'catalog', message: /older than revision 3/ }])
})

test('of two sources that disagree on one revision the first keeps it, and neither sync undoes the other', async (t) => {
  const catalog = newCatalog()
  putUpdates(catalog, 'first', [sample('a', { title: 'First' })])
  const plan = planSync(catalog, feedOf([sample('a', { title: 'Second' })]), { source: 'second' }, NOW)
  t.equal(changesCatalog(plan), false)
  t.match(plan.conflicts, [{ message: /source first/ }])
  const higher = planSync(catalog, feedOf([sample('a', { title: 'Second', revision: 2 })]), { source: 'second' }, NOW)
  applySync(catalog, 'second', higher)
  t.equal(updateOf(catalog, idOf('a'))?.title, 'Second')
})

test('what is released or revised after now is not in the catalog yet, and the plan says when it comes', async (t) => {
  const feed = feedOf([
    sample('now', { released: NOW }),
    sample('soon', { released: NOW + 5 }),
    sample('later', { released: NOW + 9 }),
    sample('a', { revision: 1 }),
    sample('a', { revision: 2, revised: NOW + 7 }),
  ])
  const catalog = newCatalog()
  const plan = planSync(catalog, feed, MAIN, NOW)
  t.same(
    plan.upserts.map(({ id, revision }) => `${id} ${revision}`),
    ['a 1', 'now 1'],
  )
  t.equal(plan.unreleased, 3)
  t.equal(plan.nextRelease, NOW + 5)
  applySync(catalog, 'main', plan)
  const then = planSync(catalog, feed, MAIN, NOW + 7)
  t.same(
    then.upserts.map(({ id, revision }) => `${id} ${revision}`),
    ['a 2', 'soon 1'],
  )
  t.equal(then.nextRelease, NOW + 9)
})

test('an update that vanishes from its feed stays, marked; a feed with unreadable records marks nothing', async (t) => {
  const catalog = newCatalog()
  putUpdates(catalog, 'main', [sample('a'), sample('b')])
  const partial = { ...feedOf([sample('a')]), setAside: [{ position: 'feed:2', reason: 'bad' }], setAsideTotal: 1 }
  t.same(planSync(catalog, partial, MAIN, NOW).vanished, [])
  const plan = planSync(catalog, feedOf([sample('a')]), MAIN, NOW)
  t.same(plan.vanished, ['b'])
  applySync(catalog, 'main', plan)
  t.equal(stateOf(catalog, idOf('b')), 'Normal')
  t.same(planSync(catalog, feedOf([sample('a')]), MAIN, NOW).vanished, [])
  t.same(planSync(catalog, feedOf([sample('a'), sample('b')]), MAIN, NOW).returned, ['b'])
})

test('records set aside are passed on, bounded and counted', async (t) => {
  const setAside = Array.from({ length: 900 }, (_, i) => ({ position: `feed:${i}`, reason: 'bad' }))
  const plan = planSync(newCatalog(), { ...feedOf([sample('a')]), setAside, setAsideTotal: 5000 }, MAIN, NOW)
  t.equal(plan.setAside.length, MAX_LISTED)
  t.equal(plan.setAsideTotal, 5000)
  t.equal(plan.upserts.length, 1, 'and the rest is synced')
})

test('declines hide what matches, superseded updates too, and give back what no longer matches', async (t) => {
  const catalog = newCatalog()
  const updates = [
    sample('new', { supersedes: ['old'], title: 'Itanium' }),
    sample('old', { title: 'Itanium' }),
    sample('other'),
  ]
  const sync = (declines: Criteria[]) => {
    const plan = planSync(catalog, feedOf(updates), { source: 'main', declines }, NOW)
    applySync(catalog, 'main', plan)
    return plan
  }
  t.same(sync([{ titles: ['itanium'] }]).declined, ['new', 'old'])
  t.equal(stateOf(catalog, idOf('old')), 'Declined')
  t.equal(changesCatalog(sync([{ titles: ['itanium'] }])), false)
  t.same(sync([]).reinstated, ['new', 'old'])
  t.equal(stateOf(catalog, idOf('old')), 'Superseded')
})

test('declining what is superseded does not depend on itself', async (t) => {
  const catalog = newCatalog()
  const updates = [sample('c', { supersedes: ['b'] }), sample('b', { supersedes: ['a'] }), sample('a')]
  const policy = { source: 'main', declines: [{ superseded: true, vendors: ['*'] }] }
  const plan = planSync(catalog, feedOf(updates), policy, NOW)
  t.same(plan.declined, ['a', 'b'])
  applySync(catalog, 'main', plan)
  t.equal(changesCatalog(planSync(catalog, feedOf(updates), policy, NOW)), false)
})

test('a source declines its own updates only, and another source’s update goes on superseding', async (t) => {
  const catalog = newCatalog()
  putUpdates(catalog, 'theirs', [sample('new', { title: 'Beta', supersedes: ['old'] })])
  const declines = [{ titles: ['beta'] }, { superseded: true }]
  const plan = planSync(catalog, feedOf([sample('old')]), { source: 'main', declines }, NOW)
  t.same(plan.declined, ['old'])
})

const at = (text: string) => Date.parse(text)
const chain = (classification: Classification) => [
  sample('old', { classification, released: at('2025-01-14T00:00:00Z') }),
  sample('new', { classification, released: at('2025-11-30T10:00:00Z'), supersedes: ['old'] }),
]

test('superseded updates expire calendar months after the superseding update was released', async (t) => {
  const catalog = newCatalog()
  putUpdates(catalog, 'main', chain('Security Updates'))
  const policies = new Map([['main', { feature: 'Never' as const, nonFeature: 3 }]])
  const due = at('2026-02-28T10:00:00Z')
  t.same(planExpiry(catalog, policies, due - 1), { expire: [], next: due }, 'the 30th of February is its last day')
  t.same(planExpiry(catalog, policies, due), { expire: ['old'], next: undefined })
  setStates(catalog, [idOf('old')], 'Expired')
  t.same(planExpiry(catalog, policies, due), { expire: [], next: undefined }, 'once')
  t.equal(stateOf(catalog, idOf('old')), 'Expired')
})

test('expiry goes by classification: feature, other, and never for definitions; and by source', async (t) => {
  const policy = { feature: 'Immediately' as const, nonFeature: 'Never' as const }
  const expired = (classification: Classification, source = 'main') => {
    const catalog = newCatalog()
    putUpdates(catalog, source, chain(classification))
    return planExpiry(catalog, new Map([['main', policy]]), at('2026-01-01T00:00:00Z')).expire
  }
  t.same(expired('Upgrades'), ['old'])
  t.same(expired('Feature Packs'), ['old'])
  t.same(expired('Security Updates'), [])
  t.same(expired('Upgrades', 'elsewhere'), [])
  const always = { feature: 'Immediately', nonFeature: 'Immediately' } as const
  const catalog = newCatalog()
  putUpdates(catalog, 'main', chain('Definition Updates'))
  t.same(planExpiry(catalog, new Map([['main', always]]), at('2030-01-01T00:00:00Z')), { expire: [], next: undefined })
})
