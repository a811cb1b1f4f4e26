// The kernel is what its source says, does what its plain twin does, and finds the members that the plain way finds.
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { test } from 'tap'
import { compileCollections, evaluateAll, newMembership } from '../../controller/fleet/collections.ts'
import { enrolDevice, type Fleet, newFleet, removeDevice, setAttributes } from '../../controller/fleet/fleet.ts'
import { kernelWith } from '../../controller/fleet/kernel.ts'
import { KERNEL } from '../../controller/fleet/kernel-bytes.ts'
import { BLOCK_ROWS } from '../../controller/fleet/whole-fleet.ts'
import { type BitPlane, countBits, hasBit, samePlane } from '../../controller/model/bit-plane.ts'
import type { CollectionSpec } from '../../controller/model/collection.ts'
import { stableHash } from '../../controller/model/hash.ts'
import { assembledKernel, BYTES_FILE } from '../tools/assemble-kernel.ts'
import { anySpecs, attributes, DEVICES, soundSpecs } from './arbitrary.ts'
import { type PlainKernel, plainKernel } from './plain-kernel.ts'

test('the bytes are those of the source, and fewer than a thousand', async (t) => {
  t.equal(readFileSync(BYTES_FILE, 'utf8'), await assembledKernel(), 'run `npm run kernel`')
  t.ok(Uint8Array.fromBase64(KERNEL).length < 1000)
})

/** Of the part of memory that the tests use. */
const SIZE = 65_536

test('devices are put into planes as the twin puts them, by codes of any width', async () => {
  const input = fc.record({
    seed: fc.nat(),
    blocks: fc.integer({ min: 1, max: 8 }),
    width: fc.constantFrom(1, 2, 4),
    // Some codes more often than others, and several with one plane.
    codes: fc.array(fc.integer({ min: 0, max: 299 }), { minLength: 1, maxLength: 8 }),
    planes: fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 300 }),
  })
  fc.assert(
    fc.property(input, ({ seed, blocks, width, codes, planes }) => {
      const rows = blocks * 64
      const [table, firstPlane] = [8192, 10_240]
      const prepare = (bytes: Uint8Array, view: DataView) => {
        bytes.fill(0, 0, rows * width + 4)
        for (let row = 0; row < rows; row++) {
          const code = codes[stableHash(`${seed} ${row}`) % codes.length] ?? 0
          if (width === 1) view.setUint8(row, code % 256)
          else if (width === 2) view.setUint16(row * 2, code, true)
          else view.setUint32(row * 4, code, true)
        }
        for (let code = 0; code < 300; code++)
          view.setUint32(table + code * 4, firstPlane + (planes[code % planes.length] ?? 0) * 64, true)
      }
      alike(seed, ({ place }) => place(0, width, rows, table), prepare)
    }),
    { seed: 42, numRuns: 300 },
  )
})

test('planes are combined as the twin combines them, also into one of the three', async () => {
  const slot = fc.integer({ min: 0, max: 9 })
  const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 2 }), slot, slot, slot, slot), { maxLength: 30 })
  fc.assert(
    fc.property(fc.nat(), steps, fc.integer({ min: 1, max: 8 }), (seed, taken, blocks) => {
      const prepare = (_bytes: Uint8Array, view: DataView) => {
        for (const [i, [what, ...slots]] of taken.entries()) {
          view.setUint32(i * 20, what, true)
          for (const [k, number] of slots.entries()) view.setUint32(i * 20 + 4 * (k + 1), 1024 + number * 128, true)
        }
      }
      alike(seed, ({ combine }) => combine(0, taken.length * 20, blocks * 16), prepare)
    }),
    { seed: 42, numRuns: 300 },
  )
})

test('a difference of one bit is found as the twin finds it, and one beyond the end is not', async (t) => {
  const results = new Set<unknown>()
  const input = fc.record({
    seed: fc.nat(),
    blocks: fc.integer({ min: 1, max: 8 }),
    at: fc.option(fc.integer({ min: 0, max: 159 })),
    bit: fc.integer({ min: 0, max: 7 }),
  })
  fc.assert(
    fc.property(input, ({ seed, blocks, at, bit }) => {
      const prepare = (bytes: Uint8Array) => {
        bytes.copyWithin(1024, 0, 160)
        if (at !== null) bytes[1024 + at] = (bytes[1024 + at] ?? 0) ^ (1 << bit)
      }
      results.add(alike(seed, ({ differs }) => differs(0, 1024, blocks * 16), prepare))
    }),
    { seed: 42, numRuns: 300 },
  )
  t.same([...results].sort(), [0, 1], 'both were seen')
})

/** The same memory, whatever is in it, is the same memory afterwards, and the answer is the same: it is returned. */
function alike<T>(
  seed: number,
  act: (kernel: PlainKernel) => T,
  prepare: (bytes: Uint8Array, view: DataView) => void,
): T {
  const kernel = kernelWith(SIZE)
  const ours = new Uint8Array(kernel.memory.buffer, 0, SIZE)
  for (let i = 0; i < 16_384; i++) ours[i] = stableHash(`${seed} ${i >>> 2}`) >>> ((i & 3) * 8)
  prepare(ours, new DataView(kernel.memory.buffer))
  const theirs = ours.slice()
  const answer = act(kernel)
  const twin = act(plainKernel(theirs.buffer))
  if (answer !== twin) throw new Error(`${answer}, and ${twin} by the twin`)
  for (let i = 0; i < 16_384; i++)
    if (ours[i] !== theirs[i]) throw new Error(`byte ${i} is ${ours[i]}, and ${theirs[i]} by the twin`)
  return answer
}

type Change = { what: 'enrol' | 'set' | 'remove' | 'respec'; device: string; attributes: Record<string, string> }
const change: fc.Arbitrary<Change> = fc.record({
  what: fc.constantFrom('enrol', 'enrol', 'set', 'remove', 'respec'),
  device: fc.constantFrom(...DEVICES),
  attributes,
})

test('members, versions and what changed are the same by the kernel and plainly, after every change', async (t) => {
  let members = 0
  const history = fc.array(fc.tuple(change, fc.oneof(soundSpecs, anySpecs)), { maxLength: 12 })
  fc.assert(
    fc.property(history, soundSpecs, fc.array(attributes, { minLength: 30, maxLength: 60 }), (changes, first, all) => {
      const fleet = newFleet()
      for (const [i, given] of all.entries()) enrolDevice(fleet, DEVICES[i] ?? '', given, 0)
      const memberships = [newMembership(), newMembership()] as const
      let specs: ReadonlyMap<string, CollectionSpec> = first
      for (const [i, [{ what, device, attributes: given }, next]] of changes.entries()) {
        const row = fleet.rowOf.get(device)
        if (what === 'enrol') enrolDevice(fleet, device, given, i)
        else if (what === 'respec') specs = next
        else if (row === undefined || !hasBit(fleet.present, row)) continue
        else if (what === 'set') setAttributes(fleet, row, given)
        else removeDevice(fleet, row)
        const [plain, kernel] = memberships
        const told = evaluateAll(fleet, compileCollections(specs, plain), 'Plainly')
        const toldToo = evaluateAll(fleet, compileCollections(specs, kernel), 'ByKernel')
        same(toldToo, told, 'the names of those that changed')
        same([...kernel.versions], [...plain.versions], 'the versions')
        for (const [name, plane] of plain.members) {
          sameMembers(kernel.members.get(name), plane, name)
          members += countBits(plane)
        }
      }
    }),
    { seed: 42, numRuns: 200 },
  )
  t.ok(members > 10_000, `${members} members`)
})

test('attributes with a few, hundreds and tens of thousands of values, over several blocks, give the same members', async (t) => {
  const fleet = largeFleet(70_000)
  t.ok(fleet.ids.length > 2 * BLOCK_ROWS)
  t.same(
    ['os', 'build', 'serial'].map((key) => fleet.columns.get(key)?.codes.BYTES_PER_ELEMENT),
    [1, 2, 4],
  )
  const specs = new Map<string, CollectionSpec>([
    ['servers', { queries: [{ matchLabels: { os: 'server' } }] }],
    ['builds', { queries: [{ matchExpressions: [{ key: 'build', operator: 'VersionGte', value: '10.0.40' }] }] }],
    ['serials', { queries: [{ matchExpressions: [{ key: 'serial', operator: 'Glob', value: '*7' }] }] }],
    ['late', { queries: [{ matchExpressions: [{ key: 'late', operator: 'Exists' }] }] }],
    ['early', { queries: [{ matchExpressions: [{ key: 'early', operator: 'Exists' }] }] }],
    ['never', { queries: [{ matchExpressions: [{ key: 'nowhere', operator: 'NotIn', values: ['x'] }] }] }],
    ['mixed', { include: ['servers', 'builds'], devices: ['device-3', 'device-69999'], exclude: ['serials'] }],
    ['within', { queries: [{ matchLabels: { os: 'server', site: 'site-7' } }], include: ['late'], limitedTo: 'mixed' }],
    // Each of these builds is a class of its own, so that having any is a union of hundreds.
    ['any-build', { queries: [{ matchExpressions: [{ key: 'build', operator: 'Exists' }] }] }],
    ['no-build', { queries: [{ matchExpressions: [{ key: 'build', operator: 'DoesNotExist' }] }] }],
    ...Array.from({ length: 400 }, (_, i): [string, CollectionSpec] => [
      `build-${i}`,
      { queries: [{ matchLabels: { build: `10.0.${i % 50}.${Math.floor(i / 50)}` } }] },
    ]),
    ...Array.from({ length: 20 }, (_, i): [string, CollectionSpec] => [
      `site-${i}`,
      { queries: [{ matchLabels: { site: `site-${i}` } }] },
    ]),
  ])
  const [plain, kernel] = [newMembership(), newMembership()]
  evaluateAll(fleet, compileCollections(specs, plain), 'Plainly')
  evaluateAll(fleet, compileCollections(specs, kernel), 'ByKernel')
  for (const [name, plane] of plain.members) {
    t.ok(countBits(plane) > 0, `${name} has members`)
    sameMembers(kernel.members.get(name), plane, name)
  }
  same(evaluateAll(fleet, compileCollections(specs, kernel), 'ByKernel'), [], 'nothing changed since')
  setAttributes(fleet, 69_999, { os: 'server', site: 'site-19' })
  evaluateAll(fleet, compileCollections(specs, plain), 'Plainly')
  evaluateAll(fleet, compileCollections(specs, kernel))
  for (const [name, plane] of plain.members) sameMembers(kernel.members.get(name), plane, name)
})

function largeFleet(devices: number): Fleet {
  const fleet = newFleet()
  for (let i = 0; i < devices; i++) {
    const hash = stableHash(`device-${i}`)
    enrolDevice(
      fleet,
      `device-${i}`,
      {
        os: hash % 3 === 0 ? 'server' : 'client',
        ...(i % 13 > 0 && { build: `10.0.${(hash >>> 3) % 50}.${(hash >>> 9) % 20}` }),
        site: `site-${(hash >>> 14) % 20}`,
        serial: `s${i}`,
        ...(i < 9 && { early: 'yes' }),
        ...(i > devices - 9 && { late: 'yes' }),
      },
      i,
    )
    if (i % 11 === 5) removeDevice(fleet, i)
  }
  return fleet
}

function sameMembers(a: BitPlane | undefined, b: BitPlane, name: string): void {
  if (a === undefined || !samePlane(a, b)) throw new Error(`${name}: other members by the kernel than plainly`)
}

function same(a: unknown, b: unknown, what: string): void {
  if (JSON.stringify(a) !== JSON.stringify(b)) throw new Error(`${what}: not the same by the kernel and plainly`)
}
