import fc from 'fast-check'
import { test } from 'tap'
import {
  type Collections,
  collectionsOf,
  compileCollections,
  evaluateAll,
  membersOf,
  movedSince,
  movesOf,
  newMembership,
  reevaluateDevice,
} from '../../controller/fleet/collections.ts'
import { explainMembership } from '../../controller/fleet/explain-membership.ts'
import {
  attributesOf,
  enrolDevice,
  type Fleet,
  newFleet,
  removeDevice,
  setAttributes,
} from '../../controller/fleet/fleet.ts'
import { clonePlane, hasBit, planeRows } from '../../controller/model/bit-plane.ts'
import type { CollectionSpec } from '../../controller/model/collection.ts'
import { anySpecs, attributes, DEVICES, soundSpecs } from './arbitrary.ts'
import { type Device, isBroken, oracleMembers, type Specs } from './oracle.ts'

type Change = { what: 'enrol' | 'set' | 'remove' | 'respec'; device: string; attributes: Record<string, string> }
const change: fc.Arbitrary<Change> = fc.record({
  what: fc.constantFrom('enrol', 'enrol', 'set', 'set', 'remove', 'respec'),
  device: fc.constantFrom(...DEVICES),
  attributes,
})

test('exclude wins over every other rule, and the limiting collection over all but exclude', (t) => {
  const fleet = fleetOf({ a: { os: 'win', site: 'x' }, b: { os: 'win' }, c: { os: 'linux' }, d: { site: 'x' } })
  const collections = evaluated(fleet, {
    windows: { queries: [{ matchLabels: { os: 'win' } }] },
    'site-x': { queries: [{ matchLabels: { site: 'x' } }] },
    both: { include: ['windows', 'site-x'], devices: ['c', 'later'] },
    limited: { include: ['both'], devices: ['c'], limitedTo: 'windows' },
    excluded: { include: ['both'], devices: ['a'], exclude: ['site-x'] },
    others: { include: ['all'], exclude: ['windows'] },
    nobody: { include: ['all'], exclude: ['all'] },
  })
  t.same(memberIds(fleet, collections), {
    windows: ['a', 'b'],
    'site-x': ['a', 'd'],
    both: ['a', 'b', 'c', 'd'],
    limited: ['a', 'b'],
    excluded: ['b', 'c'],
    others: ['c', 'd'],
    nobody: [],
  })
  t.same(collectionsOf(fleet, collections, 0), ['all', 'both', 'limited', 'site-x', 'windows'])
  t.same(planeRows(membersOf(fleet, collections, 'all') ?? { words: new Uint32Array() }), [0, 1, 2, 3])
  t.equal(membersOf(fleet, collections, 'no-such'), undefined)
  t.end()
})

test('a change of one device reaches every collection that depends on it, and no other', (t) => {
  const fleet = fleetOf({ a: { os: 'win', site: 'x' }, b: { os: 'linux' } })
  const collections = evaluated(fleet, {
    windows: { queries: [{ matchLabels: { os: 'win' } }] },
    'not-windows': { include: ['all'], exclude: ['windows'] },
    'limited-site': { queries: [{ matchLabels: { site: 'x' } }], limitedTo: 'windows' },
    'site-y': { queries: [{ matchLabels: { site: 'y' } }] },
  })
  const before = new Map(collections.membership.versions)
  const changed = setAttributes(fleet, 0, { os: 'linux', site: 'x' })
  t.same(reevaluateDevice(fleet, collections, 0, changed).toSorted(), ['limited-site', 'not-windows', 'windows'])
  t.same(reevaluateDevice(fleet, collections, 0, changed), [], 'at once, so there is nothing left to do')
  t.equal(collections.membership.versions.get('site-y'), before.get('site-y'))
  t.not(collections.membership.versions.get('windows'), before.get('windows'))
  t.same(collectionsOf(fleet, collections, 0), ['all', 'not-windows'])
  removeDevice(fleet, 0)
  t.same(reevaluateDevice(fleet, collections, 0, 'All'), ['not-windows'])
  t.same(collectionsOf(fleet, collections, 0), [], 'a removed device is in none')
  t.end()
})

test('a device named before it is enrolled joins when it enrols', (t) => {
  const fleet = newFleet()
  const collections = evaluated(fleet, { pilot: { devices: ['new'] } })
  const row = enrolDevice(fleet, 'new', {}, 1)
  t.same(reevaluateDevice(fleet, collections, row, 'All'), ['pilot'])
  t.end()
})

test('collections in a cycle, and those that need them, keep their last good members; removed devices leave them', (t) => {
  const fleet = fleetOf({ a: { os: 'win' }, b: { os: 'win' }, c: {} })
  const windows: CollectionSpec = { queries: [{ matchLabels: { os: 'win' } }] }
  const user: CollectionSpec = { include: ['windows'], devices: ['c'] }
  const collections = evaluated(fleet, { windows, user })
  const broken = compileCollections(
    new Map(
      Object.entries({ windows: { ...windows, include: ['loop'] }, loop: { include: ['windows'] }, user, free: user }),
    ),
    collections.membership,
  )
  t.same(evaluateAll(fleet, broken), [])
  reevaluateDevice(fleet, broken, 2, setAttributes(fleet, 2, { os: 'win' }))
  t.same(memberIds(fleet, broken), { windows: ['a', 'b'], user: ['a', 'b', 'c'], loop: [], free: [] })
  removeDevice(fleet, 0)
  t.same(reevaluateDevice(fleet, broken, 0, 'All').toSorted(), ['user', 'windows'])
  const mended = compileCollections(new Map(Object.entries({ windows, user })), broken.membership)
  t.same(evaluateAll(fleet, mended), ['windows'])
  t.same(memberIds(fleet, mended), { windows: ['b', 'c'], user: ['b', 'c'] })
  t.end()
})

test('full evaluation takes removed devices out of collections with an error as well', (t) => {
  const fleet = fleetOf({ a: {}, b: {} })
  const { membership } = evaluated(fleet, { one: { devices: ['a', 'b'] } })
  const broken = compileCollections(new Map([['one', { include: ['one'] }]]), membership)
  removeDevice(fleet, 0)
  t.same(evaluateAll(fleet, broken), ['one'])
  t.same(memberIds(fleet, broken), { one: ['b'] })
  t.end()
})

test('a version never comes back, even for a collection that was gone in between', (t) => {
  const fleet = fleetOf({ a: {} })
  const specs = new Map<string, CollectionSpec>([['one', { include: ['all'] }]])
  const first = compileCollections(specs)
  evaluateAll(fleet, first)
  const version = first.membership.versions.get('one')
  t.same(evaluateAll(fleet, first), [], 'evaluating again changes nothing')
  t.equal(first.membership.versions.get('one'), version)
  t.same(evaluateAll(fleet, compileCollections(new Map(), first.membership)), ['one'])
  t.equal(first.membership.members.size, 0)
  evaluateAll(fleet, compileCollections(specs, first.membership))
  t.ok((first.membership.versions.get('one') ?? 0) > (version ?? 0))
  t.end()
})

test('who moved is remembered in order, until everything is evaluated or there are too many of them', (t) => {
  const fleet = fleetOf({ a: { os: 'win' }, b: { os: 'win' }, c: {} })
  const collections = evaluated(fleet, { windows: { queries: [{ matchLabels: { os: 'win' } }] } })
  const set = (row: number, os: string) => reevaluateDevice(fleet, collections, row, setAttributes(fleet, row, { os }))
  const start = movesOf(collections)
  t.same(movedSince(collections, start), [])
  set(2, 'win')
  set(1, 'linux')
  set(1, 'mac')
  t.same(movedSince(collections, start), [2, 1], 'a change that moves nobody is none')
  t.same(movedSince(collections, start + 1), [1])
  removeDevice(fleet, 0)
  reevaluateDevice(fleet, collections, 0, 'All')
  t.same(movedSince(collections, start + 2), [0])
  const last = movesOf(collections)
  evaluateAll(fleet, collections)
  t.equal(movedSince(collections, last), undefined)
  const then = movesOf(collections)
  t.same(movedSince(collections, then), [])
  for (let i = 0; i < 70_000; i++) set(1, i % 2 === 0 ? 'win' : 'linux')
  t.equal(movedSince(collections, then), undefined)
  t.same(movedSince(collections, movesOf(collections) - 1), [1])
  t.end()
})

test('lookup tables follow a dictionary that is renumbered', (t) => {
  const fleet = fleetOf({ a: { load: 'low', os: 'win' }, b: { load: 'second', os: 'win' } })
  const collections = evaluated(fleet, { high: { queries: [{ matchLabels: { load: 'high' } }] } })
  t.same(reevaluateDevice(fleet, collections, 1, setAttributes(fleet, 1, { load: 'high', os: 'win' })), ['high'])
  const shape = fleet.shape
  for (let i = 0; i < 3000; i++) {
    const changed = setAttributes(fleet, 0, { load: `load-${i}`, os: 'win' })
    if (reevaluateDevice(fleet, collections, 0, changed).length > 0) t.fail('it never is high')
  }
  t.ok(fleet.shape > shape, 'it was renumbered')
  t.same(reevaluateDevice(fleet, collections, 0, setAttributes(fleet, 0, { load: 'high' })), ['high'])
  t.same(memberIds(fleet, collections), { high: ['a', 'b'] })
  t.end()
})

test('incremental and full evaluation agree with the plain rules, for any fleet, specs and changes', (t) => {
  fc.assert(fc.property(soundSpecs, soundSpecs, fc.array(change, { maxLength: 60, size: 'max' }), story), {
    seed: 42,
    numRuns: 200,
  })
  t.pass('holds')
  t.end()
})

test('they agree as well when specs have cycles and unknown names, and are mended', (t) => {
  const run = (first: Specs, wrong: Specs, changes: Change[]) =>
    story(first, wrong, changes) && story(wrong, first, changes)
  fc.assert(fc.property(soundSpecs, anySpecs, fc.array(change, { maxLength: 60, size: 'max' }), run), {
    seed: 42,
    numRuns: 200,
  })
  t.pass('holds')
  t.end()
})

/** Plays the changes on an incremental and, after each, on the plain evaluation; full evaluation at the end must find nothing to change. */
function story(first: Specs, second: Specs, changes: readonly Change[]): boolean {
  const fleet = newFleet()
  let collections = compileCollections(first)
  evaluateAll(fleet, collections)
  let expected = oracleMembers(first, [], new Map())
  for (const { what, device, attributes } of changes) {
    const before = new Map([...collections.members].map(([name, plane]) => [name, clonePlane(plane)]))
    const row = fleet.rowOf.get(device)
    let told: readonly string[] | undefined
    if (what === 'enrol') told = reevaluateDevice(fleet, collections, enrolDevice(fleet, device, attributes, 1), 'All')
    else if (what === 'respec') {
      const specs = collections.specs === first ? second : first
      collections = compileCollections(specs, collections.membership)
      evaluateAll(fleet, collections)
    } else if (row === undefined || !hasBit(fleet.present, row)) continue
    else if (what === 'remove') {
      removeDevice(fleet, row)
      told = reevaluateDevice(fleet, collections, row, 'All')
    } else told = reevaluateDevice(fleet, collections, row, setAttributes(fleet, row, attributes))
    expected = oracleMembers(collections.specs, devicesOf(fleet), expected)
    if (!agrees(fleet, collections, expected)) return false
    if (told !== undefined && told.toSorted().join() !== differing(before, collections).join()) return false
  }
  return fullAgrees(fleet, collections)
}

function agrees(fleet: Fleet, collections: Collections, expected: ReadonlyMap<string, ReadonlySet<string>>): boolean {
  const members = memberIds(fleet, collections)
  const isRight = [...expected].every(([name, ids]) => members[name]?.join() === [...ids].sort().join())
  const row = fleet.ids.length - 1
  const isExplained = [...expected].every(
    ([name, ids]) =>
      explainMembership(fleet, collections, name, row)?.member ===
      (fleet.ids[row] !== undefined && ids.has(fleet.ids[row])),
  )
  const broken = [...collections.specs.keys()].filter((name) => isBroken(collections.specs, name)).sort()
  return (
    isRight &&
    isExplained &&
    Object.keys(members).length === expected.size &&
    collections.broken.join() === broken.join() &&
    new Set(collections.errors.map(({ collection }) => collection)).symmetricDifference(new Set(broken)).size === 0
  )
}

/** From nothing but the specs, the fleet and, where specs are wrong, the last good members: the same sets. */
function fullAgrees(fleet: Fleet, collections: Collections): boolean {
  const membership = newMembership()
  for (const name of collections.broken) {
    const plane = collections.members.get(name)
    if (plane !== undefined) membership.members.set(name, clonePlane(plane))
  }
  const fresh = compileCollections(collections.specs, membership)
  evaluateAll(fleet, fresh)
  return (
    JSON.stringify(memberIds(fleet, fresh)) === JSON.stringify(memberIds(fleet, collections)) &&
    evaluateAll(fleet, collections).length === 0
  )
}

function differing(before: ReadonlyMap<string, { words: Uint32Array }>, collections: Collections): string[] {
  return [...collections.members]
    .filter(([name, plane]) => planeRows(plane).join() !== planeRows(before.get(name) ?? plane).join())
    .map(([name]) => name)
    .sort()
}

function memberIds(fleet: Fleet, collections: Collections): Record<string, string[]> {
  const names = [...collections.members.keys()].sort()
  return Object.fromEntries(
    names.map((name) => {
      const plane = collections.members.get(name) ?? { words: new Uint32Array() }
      return [
        name,
        planeRows(plane)
          .map((row) => fleet.ids[row] ?? '')
          .sort(),
      ]
    }),
  )
}

function devicesOf(fleet: Fleet): Device[] {
  return planeRows(fleet.present).map((row) => ({ id: fleet.ids[row] ?? '', attributes: attributesOf(fleet, row) }))
}

function fleetOf(devices: Record<string, Record<string, string>>): Fleet {
  const fleet = newFleet()
  for (const [id, attributes] of Object.entries(devices)) enrolDevice(fleet, id, attributes, 1)
  return fleet
}

function evaluated(fleet: Fleet, specs: Record<string, CollectionSpec>): Collections {
  const collections = compileCollections(new Map(Object.entries(specs)))
  evaluateAll(fleet, collections)
  return collections
}
