import fc from 'fast-check'
import { test } from 'tap'
import { newColumn, setValue, valueAt } from '../../controller/fleet/column.ts'
import {
  advanceSequence,
  attributeOf,
  attributesOf,
  enrolDevice,
  type Fleet,
  keepPercent,
  MAX_KEYS,
  markStale,
  newFleet,
  oldestReport,
  refusedKeys,
  removeDevice,
  setAttributes,
  staleRows,
  touchDevice,
} from '../../controller/fleet/fleet.ts'
import { hasBit, planeOf, planeRows } from '../../controller/model/bit-plane.ts'
import { ringPosition } from '../../controller/model/hash.ts'

test('rows are numbered by enrolment and belong to an id for ever', (t) => {
  const fleet = newFleet()
  t.equal(enrolDevice(fleet, 'a', { os: 'windows' }, 10), 0)
  t.equal(enrolDevice(fleet, 'b', {}, 11), 1)
  t.equal(enrolDevice(fleet, 'a', { tier: '1' }, 12), 0, 'the same id has the same row')
  t.same(attributesOf(fleet, 0), { tier: '1' }, 'and its attributes are replaced')
  t.equal(removeDevice(fleet, 0), true)
  t.equal(removeDevice(fleet, 0), false)
  t.same([hasBit(fleet.present, 0), attributesOf(fleet, 0), fleet.lastReport[0]], [false, {}, 0])
  t.equal(enrolDevice(fleet, 'c', {}, 13), 2, 'a removed device does not give its row away')
  t.equal(enrolDevice(fleet, 'a', {}, 14), 0, 'and finds it again')
  t.equal(fleet.ring[2], ringPosition('c'))
  t.equal(fleet.lastReport[0], 14, 'enrolling counts as a report')
  t.end()
})

test('a percentage keeps the devices whose ring position lies below it, of any set of devices', (t) => {
  const fleet = newFleet()
  for (let i = 0; i < 3000; i++) enrolDevice(fleet, `device-${i}`, {}, i)
  const chosen = fc.uniqueArray(fc.nat(2999), { maxLength: 400, size: 'max' })
  fc.assert(
    fc.property(chosen, fc.integer({ min: 1, max: 100 }), (rows, percent) => {
      const below = rows.filter((row) => ringPosition(fleet.ids[row] ?? '') < percent * 100)
      const kept = planeRows(keepPercent(fleet, planeOf(rows), percent))
      return JSON.stringify(kept) === JSON.stringify(below.sort((a, b) => a - b))
    }),
    { seed: 42, numRuns: 300 },
  )
  t.pass('holds')
  t.end()
})

test('replacing attributes names exactly the keys that changed', (t) => {
  const fleet = newFleet()
  const row = enrolDevice(fleet, 'a', { os: 'windows', build: '1', tier: 'x' }, 1)
  t.same(setAttributes(fleet, row, { os: 'windows', build: '1', tier: 'x' }), [])
  t.same(changedBy(fleet, row, { site: 'b', os: 'windows', build: '2' }), ['build', 'site', 'tier'])
  t.same(attributesOf(fleet, row), { build: '2', os: 'windows', site: 'b' })
  t.equal(attributeOf(fleet, row, 'tier'), undefined)
  t.same(changedBy(fleet, row, { site: '', os: 'windows', build: '2' }), ['site'])
  t.equal(attributeOf(fleet, row, 'site'), '', 'empty is a value, not a missing attribute')
  t.notOk(fleet.columns.has('tier'), 'a key that no device has costs nothing')
  t.end()
})

test('a change says which codes a device had and has, unless codes do not mean any more what they did', (t) => {
  const fleet = newFleet()
  const row = enrolDevice(fleet, 'a', { os: 'windows', tier: 'x' }, 1)
  t.same(setAttributes(fleet, row, { os: 'linux', site: 'a' }), [
    { key: 'os', before: 1, after: 2 },
    { key: 'site', before: 0, after: 1 },
    { key: 'tier', before: undefined, after: 0 },
  ])
  const renumbered = Array.from({ length: 3000 }, (_, i) => setAttributes(fleet, row, { os: 'linux', site: `s${i}` }))
  t.ok(renumbered.some(([change]) => change?.before === undefined && change?.after === 2))
  t.end()
})

test('attributes of a fleet agree with one object per device under random changes', (t) => {
  const attributes = fc.dictionary(
    fc.constantFrom('os', 'site', 'tier', 'constructor', 'n'),
    fc.constantFrom('', '1', '2', 'x'),
  )
  const step = fc.record({ device: fc.nat(99), attributes, what: fc.constantFrom('enrol', 'set', 'remove') })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150, size: 'max' }), (steps) => {
      const fleet = newFleet()
      const model = new Map<number, Record<string, string>>()
      for (const { device, attributes, what } of steps) {
        const row = fleet.rowOf.get(`d${device}`)
        if (what === 'enrol') model.set(enrolDevice(fleet, `d${device}`, attributes, 1), { ...attributes })
        else if (row === undefined || !model.has(row)) continue
        else if (what === 'remove') model.set(row, {}) && removeDevice(fleet, row) && model.delete(row)
        else {
          const before = model.get(row) ?? {}
          const expected = changedKeys(before, attributes)
          model.set(row, { ...attributes })
          if (changedBy(fleet, row, attributes).join() !== expected.join()) return false
        }
      }
      for (let row = 0; row < fleet.ids.length; row++) {
        const expected = Object.entries(model.get(row) ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))
        if (JSON.stringify(Object.entries(attributesOf(fleet, row))) !== JSON.stringify(expected)) return false
        if (fleet.attributeCount[row] !== expected.length) return false
      }
      const keys = new Set([...model.values()].flatMap(Object.keys))
      return keys.symmetricDifference(new Set(fleet.columns.keys())).size === 0
    }),
    { seed: 42, numRuns: 200 },
  )
  t.pass('holds')
  t.end()
})

test('codes widen when a dictionary outgrows them, and lose nothing', (t) => {
  for (const [values, before, after] of [
    [256, Uint8Array, Uint16Array],
    [65536, Uint16Array, Uint32Array],
  ] as const) {
    const column = newColumn()
    for (let row = 0; row < values - 1; row++) setValue(column, row, `v${row}`)
    t.ok(column.codes instanceof before, `${values - 1} values and the missing one fit`)
    setValue(column, values - 1, `v${values - 1}`)
    t.ok(column.codes instanceof after, `${values} values do not`)
    setValue(column, 3 * values, 'v0')
    let wrong = 0
    for (let row = 0; row < values; row++) if (valueAt(column, row) !== `v${row}`) wrong++
    t.same([wrong, valueAt(column, 3 * values), valueAt(column, values + 1)], [0, 'v0', undefined])
  }
  t.end()
})

test('an attribute that is new in every report does not grow its dictionary without end', (t) => {
  const column = newColumn()
  for (let row = 0; row < 300; row++) setValue(column, row, `start${row}`)
  let most = 0
  for (let i = 0; i < 20_000; i++) {
    setValue(column, i % 10, `uptime${i}`)
    most = Math.max(most, column.values.length)
  }
  t.ok(most <= 1026, `${most} values kept for 300 rows`)
  t.equal(column.codeOf.size, column.values.length - 1)
  t.same([valueAt(column, 9), valueAt(column, 0), valueAt(column, 299)], ['uptime19999', 'uptime19990', 'start299'])
  t.end()
})

test('a fleet holds a limited number of different keys and names those it refuses', (t) => {
  const fleet = newFleet()
  for (let i = 0; i < MAX_KEYS - 1; i++) enrolDevice(fleet, `d${i}`, { [`k${i}`]: 'x' }, 1)
  const attributes = { k0: 'y', z1: '1', z2: '2' }
  t.same(refusedKeys(fleet, attributes), ['z2'])
  t.same(changedBy(fleet, 0, attributes), ['k0', 'z1'])
  t.same(attributesOf(fleet, 0), { k0: 'y', z1: '1' })
  t.same(setAttributes(fleet, 0, attributes), [], 'a refused key is no change')
  t.equal(fleet.attributeCount[0], 2)
  t.end()
})

test('a message that is not newer than the last counts for nothing', (t) => {
  const fleet = newFleet()
  const row = enrolDevice(fleet, 'a', {}, 1)
  t.same(
    [5, 5, 4, 6].map((sequence) => advanceSequence(fleet, row, sequence)),
    [true, false, false, true],
  )
  enrolDevice(fleet, 'a', {}, 2)
  t.equal(advanceSequence(fleet, row, 1), true, 'a device that enrols again counts from the start')
  removeDevice(fleet, row)
  t.equal(advanceSequence(fleet, row, 99), false, 'a removed device is not listened to')
  t.end()
})

test('a device is stale at the very instant that its time is over, and fresh with its next report', (t) => {
  const fleet = newFleet()
  const a = enrolDevice(fleet, 'a', {}, 100)
  const b = enrolDevice(fleet, 'b', {}, 200)
  t.same(oldestReport(fleet), { row: a, at: 100 })
  t.same([staleRows(fleet, 99), staleRows(fleet, 100), staleRows(fleet, 500)], [[], [a], [a, b]])
  t.same([markStale(fleet, a), markStale(fleet, a)], [true, false])
  t.same([oldestReport(fleet), planeRows(fleet.stale)], [{ row: b, at: 200 }, [a]])
  t.equal(touchDevice(fleet, a, 300), true, 'it was stale')
  t.equal(touchDevice(fleet, b, 250), false, 'it was not')
  t.equal(fleet.lastReport[b], 300, 'a clock that steps back stands still')
  t.same(staleRows(fleet, 300), [a, b])
  t.end()
})

test('the report order keeps its invariants under random enrolments, reports, removals and clock steps', (t) => {
  const what = fc.constantFrom('enrol', 'touch', 'touch', 'stale', 'remove')
  const step = fc.record({ device: fc.nat(80), what, at: fc.integer({ min: 1, max: 1000 }) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 250, size: 'max' }), (steps) => {
      const fleet = newFleet()
      const order: number[] = []
      for (const { device, what, at } of steps) {
        const row = what === 'enrol' ? enrolDevice(fleet, `d${device}`, {}, at) : fleet.rowOf.get(`d${device}`)
        if (row === undefined) continue
        const wasPresent = hasBit(fleet.present, row)
        if (what === 'touch') touchDevice(fleet, row, at)
        else if (what === 'stale') markStale(fleet, row)
        else if (what === 'remove') removeDevice(fleet, row)
        const place = order.indexOf(row)
        if (place >= 0) order.splice(place, 1)
        if (what === 'enrol' || (what === 'touch' && wasPresent)) order.push(row)
        if (!isSound(fleet, order)) return false
      }
      return true
    }),
    { seed: 42, numRuns: 200 },
  )
  t.pass('holds')
  t.end()
})

/** The list is the expected order both ways, times rise along it, and it holds exactly those present and not stale. */
function isSound(fleet: Fleet, order: readonly number[]): boolean {
  const forward: number[] = []
  for (let link = fleet.oldest; link !== 0; link = fleet.newer[link - 1] ?? 0) forward.push(link - 1)
  const backward: number[] = []
  for (let link = fleet.newest; link !== 0; link = fleet.older[link - 1] ?? 0) backward.unshift(link - 1)
  const times = order.map((row) => fleet.lastReport[row] ?? 0)
  const middle = times[times.length >> 1] ?? 0
  return (
    forward.join() === order.join() &&
    backward.join() === order.join() &&
    times.every((at, i) => at >= (times[i - 1] ?? 0)) &&
    staleRows(fleet, middle).length === times.filter((at) => at <= middle).length &&
    oldestReport(fleet)?.row === order[0] &&
    planeRows(fleet.present).every((row) => hasBit(fleet.stale, row) !== order.includes(row)) &&
    planeRows(fleet.stale).every((row) => hasBit(fleet.present, row))
  )
}

function changedKeys(before: Record<string, string>, after: Record<string, string>): string[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])]
  const at = (from: Record<string, string>, key: string) => (Object.hasOwn(from, key) ? from[key] : undefined)
  return keys.filter((key) => at(before, key) !== at(after, key)).sort()
}

function changedBy(fleet: Fleet, row: number, attributes: Record<string, string>): string[] {
  return setAttributes(fleet, row, attributes)
    .map(({ key }) => key)
    .sort()
}
