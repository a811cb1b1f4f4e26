// Snapshots: what goes in comes out, and what is damaged is said to be.
import { isDeepStrictEqual } from 'node:util'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { test } from 'tap'
import { captureSnapshot, decodeSnapshot, encodeSnapshot } from '../../controller/journal/snapshot-codec.ts'
import { SnapshotError } from '../../controller/journal/snapshot-error.ts'
import { beforeRewrite, beforeWrite, type TypedArray } from '../../controller/model/still.ts'

const roundTrip = (value: unknown) => decodeSnapshot(encodeSnapshot(value))

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('$', '__proto__', '{"$":["u"]}', '{', 'toString', '\ud800'),
)
const { tree } = fc.letrec((tie) => ({
  leaf: fc.oneof(
    text,
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.integer(),
    fc.boolean(),
    fc.constantFrom(null, undefined, -0),
    fc.uint8Array(),
    fc.uint16Array(),
    fc.uint32Array(),
    fc.int32Array(),
    fc.float64Array(),
  ),
  tree: fc.oneof(
    { maxDepth: 5 },
    tie('leaf'),
    fc.array(tie('tree'), { maxLength: 6 }),
    fc.dictionary(text, tie('tree'), { maxKeys: 6, noNullPrototype: true }),
    fc.array(fc.tuple(fc.oneof(text, fc.integer()), tie('tree')), { maxLength: 6 }).map((entries) => new Map(entries)),
  ),
}))

test('any plain tree comes back deeply equal, and gives the same bytes again', async (t) => {
  fc.assert(
    fc.property(tree, (value) => {
      const bytes = encodeSnapshot(value)
      const back = decodeSnapshot(bytes)
      return isDeepStrictEqual(back, value) && Buffer.compare(encodeSnapshot(back), bytes) === 0
    }),
    { seed: 42, numRuns: 1500 },
  )
  t.pass('for 1,500 trees')
})

const pause = () => Promise.resolve()

test('captured, it gives the same bytes in parts of any size, of the instant of the capture', async (t) => {
  await fc.assert(
    fc.asyncProperty(tree, fc.integer({ min: 1, max: 20 }), fc.nat(10), async (value, eights, first) => {
      const bytes = encodeSnapshot(value)
      const capture = captureSnapshot(value, new Set(), eights * 8)
      const parts: Uint8Array[] = []
      for await (const part of capture.parts(pause)) if (parts.push(part) === first) spoil(value)
      spoil(value)
      return Buffer.compare(Buffer.concat(parts), bytes) === 0 && parts.every(({ length }) => length <= eights * 8)
    }),
    { seed: 42, numRuns: 400 },
  )
  await t.rejects(async () => captureSnapshot({ deep: [() => 1] }, new Set()), { code: 'Unsupported' })
})

test('long lists and Maps that are settled are made into text afterwards, and are what they were', async (t) => {
  const value = {
    strings: Array.from({ length: 20_000 }, (_, i) => `${i}:${'x'.repeat(100)}`),
    tokens: new Map(Array.from({ length: 20_000 }, (_, i) => [i, `token ${i} ${'y'.repeat(60)}`])),
    records: Array.from({ length: 6000 }, (_, i) => ({ id: `${i}`, of: [i, undefined], words: new Uint32Array([i]) })),
    few: ['a', 'b'],
    plane: new Uint32Array(3_000_000).fill(7),
  }
  const settled = new Set<unknown>([value.strings, value.tokens, value.records, value.few])
  const bytes = encodeSnapshot(value, settled)
  t.ok(isDeepStrictEqual(decodeSnapshot(bytes.slice()), value))
  const capture = captureSnapshot(value, settled)
  const parts: Uint8Array[] = []
  for (const list of [value.strings, value.tokens, value.few, value.plane]) spoil(list)
  value.records.fill({ id: 'other', of: [], words: new Uint32Array() })
  for await (const part of capture.parts(pause)) parts.push(part)
  t.equal(Buffer.compare(Buffer.concat(parts), bytes), 0)
  t.ok(parts.length > 10, `${parts.length} parts`)
  const odd = [...Array(2000).keys(), () => 1]
  const refused = captureSnapshot({ odd }, new Set([odd])).parts(pause)
  await t.rejects(refused.next(), { code: 'Unsupported', message: /function \(at odd\.2000\)/ })
})

/** Changes everything that can be changed in it, in place. */
function spoil(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  if (isArray(value)) {
    if (value.length > 0) {
      beforeWrite(value, 0)
      value[0] = 0x5a
    }
    beforeRewrite(value)
    value.fill(0xa5)
  } else if (value instanceof Map) {
    for (const child of value.values()) spoil(child)
    value.clear()
    value.set('spoiled', true)
  } else {
    for (const [key, child] of Object.entries(value)) {
      spoil(child)
      Object.defineProperty(value, key, { value: 'spoiled' })
    }
  }
}

function isArray(value: object): value is TypedArray {
  return ArrayBuffer.isView(value)
}

test('containers too long for one section come back whole', async (t) => {
  const long = (i: number) => `${i}:${'x'.repeat(120)}`
  const strings = Array.from({ length: 150_000 }, (_, i) => long(i))
  const values = {
    strings,
    map: new Map(strings.map((key, i) => [key, i % 3 === 0 ? undefined : i])),
    record: Object.fromEntries(strings.map((key, i) => [key, i % 1000 === 0 ? new Uint8Array([i]) : i])),
    nested: [{ inner: new Map([['deep', strings.slice(0, 20_000)]]) }, { __proto__x: strings.slice(0, 9000) }],
    planes: Array.from({ length: 20_000 }, (_, i) => new Uint32Array([i])),
    escaped: ['\u0001'.repeat(9_000_000), 'end'],
  }
  t.ok(isDeepStrictEqual(roundTrip(values), values))
})

test('order of keys and Map entries is kept', async (t) => {
  const back = roundTrip({
    z: new Map([
      ['b', 1],
      ['a', 2],
    ]),
    a: 1,
  })
  t.same(Object.keys(Object(back)), ['z', 'a'])
  t.same([...Object(back).z.keys()], ['b', 'a'])
})

test('typed arrays are copies: of the view alone, and of their own memory', async (t) => {
  const words = new Uint32Array([1, 2, 3, 4]).subarray(1, 3)
  const bytes = encodeSnapshot({ odd: new Uint8Array(3), words })
  const back = decodeSnapshot(bytes)
  bytes.fill(0)
  t.same(back, { odd: new Uint8Array(3), words: new Uint32Array([2, 3]) })
  t.equal(Object(back).words.buffer.byteLength, 8)
})

test('a snapshot at any offset in memory can be decoded', async (t) => {
  const bytes = encodeSnapshot({ words: new Float64Array([1.5]) })
  const shifted = new Uint8Array(bytes.length + 3).subarray(3)
  shifted.set(bytes)
  t.same(decodeSnapshot(shifted), { words: new Float64Array([1.5]) })
})

test('a Buffer that is a view of other memory is read, not that memory', async (t) => {
  const bytes = encodeSnapshot({ words: new Float64Array([1.5]), text: 'read' })
  const view = Buffer.from(new Uint8Array(bytes.length + 64).fill(0xa5).buffer, 40, bytes.length)
  view.set(bytes)
  t.same(decodeSnapshot(view), { words: new Float64Array([1.5]), text: 'read' })
})

test('snapshots of the same length are told apart by the crc32 of the whole', async (t) => {
  const values = Array.from({ length: 1000 }, (_, i) => ({ words: new Float64Array([i]) }))
  t.equal(new Set(values.map((value) => crc32(encodeSnapshot(value)))).size, 1000)
})

test('a snapshot of format 1 is read', async (t) => {
  const first = Uint8Array.fromBase64(
    'Uk1TTkFQDQoBAAAABAMCAQIAAAAAAAAAAAAAAAAAAAAAAAAAAABPQAIAAAAAAAAAAAAAAAAAGEB7ImEiOnsiJCI6WyJtIixbImIiLHsiJCI6WyJ0IiwxXX1dXX0sImMiOlsidGV4dCIseyIkIjpbInUiXX1dfQAAAQACAAMA9oRxaw==',
  )
  t.same(decodeSnapshot(first), { a: new Map([['b', new Uint16Array([1, 2, 3])]]), c: ['text', undefined] })
})

test('what is not plain data is refused, and the error says where', async (t) => {
  class Thing {}
  const endless: unknown[] = []
  endless.push(endless)
  const cases: [unknown, RegExp][] = [
    [{ a: [0, Number.NaN] }, /NaN \(at a\.1\)/],
    [{ a: Number.POSITIVE_INFINITY }, /Infinity \(at a\)/],
    [new Map([['k', () => 1]]), /function \(at k\)/],
    [{ at: new Date(0) }, /a Date \(at at\)/],
    [new Set([1]), /a Set \(at the root\)/],
    [[new Thing()], /a Thing/],
    [[1n], /bigint/],
    [Symbol('s'), /symbol/],
    [new Float32Array(1), /a Float32Array/],
    [new DataView(new ArrayBuffer(1)), /a DataView/],
    [endless, /more than 500 levels/],
  ]
  for (const [value, message] of cases) t.throws(() => encodeSnapshot(value), { code: 'Unsupported', message })
})

test('a snapshot cut off anywhere is damaged', async (t) => {
  const bytes = encodeSnapshot({ a: new Map([['b', new Uint16Array([1, 2, 3])]]), c: ['text', undefined] })
  for (let length = 0; length < bytes.length; length++)
    t.throws(() => decodeSnapshot(bytes.subarray(0, length)), { code: 'Damaged' })
})

test('a snapshot with any one bit turned gives a typed error', async (t) => {
  const bytes = encodeSnapshot({ a: new Map([['b', new Uint16Array([1, 2, 3])]]), c: ['text', undefined] })
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const turned = bytes.slice()
    turned[bit >> 3] = (turned[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    t.throws(() => decodeSnapshot(turned), SnapshotError)
  }
})

test('nonsense under a right checksum gives a typed error', async (t) => {
  const bytes = encodeSnapshot({ a: new Map([['b', new Uint16Array([1, 2, 3])]]), c: ['text', undefined] })
  fc.assert(
    fc.property(fc.nat(bytes.length - 5), fc.nat(255), (at, byte) => {
      const changed = bytes.slice()
      changed[at] = byte
      const body = changed.subarray(0, -4)
      new DataView(changed.buffer).setUint32(body.length, crc32(body), true)
      try {
        decodeSnapshot(changed)
      } catch (error) {
        return error instanceof SnapshotError
      }
      return true
    }),
    { seed: 42, numRuns: 2000 },
  )
  t.pass('for 2,000 changes')
})

test('a snapshot of another version, and what is none, are told apart', async (t) => {
  const bytes = encodeSnapshot(1)
  new DataView(bytes.buffer).setUint32(8, 9, true)
  t.throws(() => decodeSnapshot(bytes), { code: 'OtherFormat', message: /format 9/ })
  t.throws(() => decodeSnapshot(new Uint8Array(100)), { code: 'OtherFormat' })
})
