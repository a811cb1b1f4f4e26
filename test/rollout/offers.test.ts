// What a device is offered when several things are said of one update (semantics.md §7): holds, several deployments, what is gone.
import { test } from 'tap'
import { DAY, HOUR } from '../../controller/model/instant.ts'
import { holdsOn, offersFor } from '../../controller/rollout/offers.ts'
import {
  changed,
  command,
  declare,
  declared,
  enrolled,
  id,
  removed,
  ring,
  synced,
  undeclare,
  update,
} from '../support/declare.ts'
import {
  at,
  declaring,
  given,
  installsFor,
  newStory,
  noteOf,
  offersTo,
  offerTo,
  rowOf,
  type Story,
  say,
  the,
  types,
  wait,
} from '../support/story.ts'

/** Rollouts by hand of one update each way: `early` is available at once and due late, `late` the other way round. */
function begun(): Story {
  const story = newStory()
  const phases = (availableAfter: string, deadlineAfter: string) => [
    { name: 'p1', collection: 'a', deployment: { availableAfter, deadlineAfter, spread: 'PT0S' } },
  ]
  given(
    story,
    declare(
      ring('a'),
      ring('b'),
      declared('SoftwareUpdateGroup', 'group', { updates: ['u1', 'u2'] }),
      declared('SoftwareUpdateGroup', 'one', { updates: ['u1'] }),
      declared('Rollout', 'early', { group: 'group', phases: phases('PT0S', 'P9D') }),
      declared('Rollout', 'late', { group: 'one', phases: phases('P1D', 'P3D') }),
    ),
    synced(update('u1'), update('u2', { articleIds: ['KB5066835'] })),
    enrolled('a0', { ring: 'a' }),
    enrolled('b0', { ring: 'b' }),
  )
  return story
}

function hold(more: {
  updates?: string[]
  articleIds?: string[]
  collections?: string[]
  until?: string
  uninstall?: boolean
}) {
  return declared('UpdateHold', 'hold', { reason: 'breaks printing', ...more })
}

test('several deployments offer an update once, with the earliest of both instants, and all are named', async (t) => {
  const story = begun()
  t.match(offerTo(story, 'a0', 'u1'), { available: story.now, deadline: story.now + 4 * DAY, action: 'Install' })
  t.same(
    offerTo(story, 'a0', 'u1')?.approvals.map(({ rollout }) => rollout),
    ['early', 'late'],
  )
  t.match(offerTo(story, 'a0', 'u2'), { deadline: story.now + 9 * DAY })
  t.same(offersTo(story, 'b0'), { offers: [], withdrawn: [] })
})

test('what one deployment withdraws another still offers', async (t) => {
  const story = begun()
  given(story, command({ type: 'Pause', rollout: 'early' }))
  t.match(offerTo(story, 'a0', 'u1'), { available: story.now + DAY, deadline: story.now + 4 * DAY })
  t.same(offersTo(story, 'a0').withdrawn, ['u2'])
})

test('a hold beats every Install it covers, in every deployment, until it is removed', async (t) => {
  const story = begun()
  t.match(the(declaring(story, hold({ updates: ['u1'] })), 'UpdatesHeld'), { held: ['u1'] })
  t.same(installsFor(story, 'a0'), ['u2'])
  t.same(offersTo(story, 'a0').withdrawn, ['u1'])
  t.same(holdsOn(story.state, id('u1'), rowOf(story, 'a0')), ['hold'])
  t.match(noteOf(story, 'late'), { state: 'Stalled', reason: 'AllUpdatesWithdrawn' })
  t.same(types(given(story, undeclare({ kind: 'UpdateHold', name: 'hold' }))), [
    'HoldEnded',
    'UpdatesApproved',
    'UpdatesApproved',
  ])
  t.same(installsFor(story, 'a0'), ['u1', 'u2'])
})

test('a hold says of each rollout what it withdraws, and once', async (t) => {
  const story = begun()
  const decided = declaring(story, hold({ updates: ['u1'] }))
  t.match(
    decided.filter(({ type }) => type === 'UpdatesUnapproved'),
    [
      { rollout: 'early', withdrawn: ['u1'], devices: 1, message: /hold, until it is removed: breaks printing/ },
      { rollout: 'late', withdrawn: ['u1'] },
    ],
  )
  t.same(declaring(story, hold({ updates: ['u1'] })), [], 'declared again as it was')
  const more = declaring(story, hold({ updates: ['u1', 'u2'] }))
  t.match(
    more.filter(({ type }) => type === 'UpdatesUnapproved'),
    [{ rollout: 'early', withdrawn: ['u2'] }],
    'only what is new',
  )
})

test('a hold runs out at its instant', async (t) => {
  const story = begun()
  declaring(story, hold({ updates: ['u1'], until: '2026-01-03T00:00:00Z' }))
  t.equal(noteOf(story, 'hold').until, at('2026-01-03T00:00:00Z'))
  wait(story, 'PT47H59M')
  t.same(installsFor(story, 'a0'), ['u2'])
  wait(story, 'PT1M')
  t.same(installsFor(story, 'a0'), ['u1', 'u2'])
})

test('a hold on collections holds on their devices only', async (t) => {
  const story = begun()
  declaring(
    story,
    declared('Collection', 'a', { queries: [{ matchExpressions: [{ key: 'ring', operator: 'Exists' }] }] }),
  )
  t.same(installsFor(story, 'b0'), ['u1', 'u2'])
  declaring(story, hold({ updates: ['u1'], collections: ['b', 'nowhere'] }))
  t.same(installsFor(story, 'b0'), ['u2'])
  t.same(installsFor(story, 'a0'), ['u1', 'u2'])
  say(story, ['b0'], { attributes: { ring: 'c' } })
  t.same(installsFor(story, 'b0'), ['u1', 'u2'], 'it left the collection')
})

test('a hold by article covers what arrives later, and what is named and unknown', async (t) => {
  const story = begun()
  declaring(story, hold({ articleIds: ['5066835'], updates: ['to-come'] }))
  t.same(installsFor(story, 'a0'), ['u1'])
  const decided = given(story, synced(update('u3', { articleIds: ['kb5066835'] }), update('to-come')))
  t.match(the(decided, 'UpdatesHeld'), { held: ['to-come', 'u2', 'u3'] })
  declaring(story, declared('SoftwareUpdateGroup', 'group', { updates: ['u1', 'u3', 'to-come'] }))
  t.same(installsFor(story, 'a0'), ['u1'])
})

test('a hold with uninstall removes the update where it is installed and can be removed', async (t) => {
  const story = begun()
  wait(story, 'PT1H')
  say(story, ['a0'], { installed: ['u1', 'u2'] })
  declaring(story, hold({ updates: ['u1'], uninstall: true }))
  t.match(offerTo(story, 'a0', 'u1'), { action: 'Uninstall', because: ['hold hold'], approvals: [] })
  t.match(offerTo(story, 'a0', 'u2'), { action: 'Install' })
  given(story, synced(update('u1', { uninstallable: false, revision: 2 })))
  t.equal(offerTo(story, 'a0', 'u1'), undefined)
})

test('a declined update is never offered, and an expired one drops out', async (t) => {
  const story = begun()
  given(story, changed({ declined: [id('u1')] }))
  t.same(installsFor(story, 'a0'), ['u2'])
  const source = declared('UpdateSource', 'vendor', {
    format: 'Ringmaster',
    path: 'x',
    supersedence: { nonFeature: 1 },
  })
  declaring(story, source)
  given(story, synced(update('u9', { supersedes: ['u2'], released: '2026-01-01T12:00:00Z' })))
  t.same(installsFor(story, 'a0'), ['u2'], 'a superseded update is still deployable')
  const decided = wait(story, 'P31D').concat(wait(story, 'P1D'))
  t.match(the(decided, 'UpdatesExpired'), { expired: ['u2'] })
  t.same(installsFor(story, 'a0'), [])
})

test('a device that leaves the collection or the fleet is offered nothing more', async (t) => {
  const story = begun()
  say(story, ['a0'], { attributes: { ring: 'b' } })
  t.same(offersTo(story, 'a0').offers, [])
  t.same(offersTo(story, 'a0').withdrawn, ['u1', 'u2'], 'it goes on reporting on them')
  say(story, ['a0'], { attributes: { ring: 'a' } })
  t.same(installsFor(story, 'a0'), ['u1', 'u2'])
  given(story, removed('a0'))
  t.same(offersTo(story, 'a0'), { offers: [], withdrawn: [] })
})

test('a collection that is removed offers nothing to its devices, and goes on when it is there again', async (t) => {
  const story = begun()
  given(story, undeclare({ kind: 'Collection', name: 'a' }))
  t.same(installsFor(story, 'a0'), [])
  declaring(story, ring('a'))
  t.same(installsFor(story, 'a0'), ['u1', 'u2'])
})

test('who asks about a few updates hears the same of them', async (t) => {
  const story = begun()
  const row = rowOf(story, 'a0')
  const all = offersFor(story.state, row).offers
  for (const few of [['u1'], ['u2'], ['u3'], ['u2', 'u1'], ['u3', 'u1', 'u2']]) {
    const only = new Set(few.map(id))
    t.same(
      offersFor(story.state, row, only).offers,
      all.filter(({ update }) => only.has(update.id)),
    )
  }
  t.equal(all[0]?.approvals[1]?.available, story.now + 24 * HOUR)
})
