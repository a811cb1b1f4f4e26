// Plain state trees as bytes and back: objects, arrays, Maps, strings, finite numbers, booleans, null, undefined, typed arrays.
// What JSON can say stands as JSON, in sections of bounded size, and typed arrays are copied as they are.
//
// Layout, little-endian: magic (8 bytes), version (4), byte order mark (4, native), number of sections (4), zero (4); for each
// section its kind (4), zero (4) and length (8, as a float); the sections, each aligned to 8 bytes; crc32 (4) of all before.
// Section 0 is the root of the tree (snapshot-encoder.ts); kind 0 is JSON, the others are typed arrays.
import { crc32 } from 'node:zlib'
import { reasonOf } from './journal.ts'
import { decodeTree } from './snapshot-decoder.ts'
import { captureTree, encodeTree, type Section, type Settled, type Unwritten, written } from './snapshot-encoder.ts'
import { SnapshotError } from './snapshot-error.ts'

const MAGIC = new TextEncoder().encode('RMSNAP\r\n')
const VERSION = 1
const BYTE_ORDER_MARK = 0x01020304
const HEADER = 24
const TABLE_ROW = 16
const CHECK = 4

/**
 * The same value in the same order of keys gives the same bytes; the order of keys and Map entries is kept. References are not:
 * what stands in two places is written twice. Throws a SnapshotError `Unsupported` for anything that is not plain data.
 */
export function encodeSnapshot(value: unknown): Uint8Array<ArrayBuffer> {
  const sections = encodeTree(value)
  const { out, places } = laidOut(sections)
  for (const [i, { bytes }] of sections.entries()) out.set(bytes, places[i])
  const end = out.length - CHECK
  new DataView(out.buffer).setUint32(end, crc32(out.subarray(0, end)), true)
  return out
}

/** So many bytes are copied and summed up at a time: a few milliseconds' work. */
const SLICE = 4 << 20

/**
 * The same bytes, made piece by piece with `pause` in between. The value is taken as it is at the call, and may be changed as
 * soon as that returns; `settled` names arrays in it whose items are replaced and never changed. Rejects as `encodeSnapshot`
 * throws.
 */
export async function encodeSnapshotInSlices(
  value: unknown,
  pause: () => Promise<void>,
  settled?: Settled,
): Promise<Uint8Array<ArrayBuffer>> {
  const captured: (Section | Unwritten)[] = captureTree(value, settled)
  const sections: Section[] = []
  for (const section of captured) {
    if ('json' in section) await pause()
    sections.push(written(section))
  }
  captured.length = 0
  const { out, places } = laidOut(sections)
  for (const [i, { kind, bytes }] of sections.entries()) {
    for (let from = 0; from < bytes.length; from += SLICE) {
      if (bytes.length > SLICE) await pause()
      out.set(bytes.subarray(from, from + SLICE), (places[i] ?? 0) + from)
    }
    // What stands in its place already need not be kept twice.
    sections[i] = { kind, bytes: NOTHING }
  }
  const end = out.length - CHECK
  const check = await sumInSlices(out.subarray(0, end), pause)
  new DataView(out.buffer).setUint32(end, check, true)
  return out
}

/** crc32 with `pause` in between. */
export async function sumInSlices(bytes: Uint8Array, pause: () => Promise<void>): Promise<number> {
  let sum = 0
  for (let from = 0; from < bytes.length; from += SLICE) {
    if (from > 0) await pause()
    sum = crc32(bytes.subarray(from, from + SLICE), sum)
  }
  return sum
}

const NOTHING = new Uint8Array()

/** Header and table are written, and each section has its place. */
function laidOut(sections: readonly Section[]): { out: Uint8Array<ArrayBuffer>; places: number[] } {
  const table = HEADER + sections.length * TABLE_ROW
  const size = sections.reduce((at, { bytes }) => aligned(at) + bytes.length, table) + CHECK
  const out = new Uint8Array(size)
  const view = new DataView(out.buffer)
  out.set(MAGIC)
  view.setUint32(8, VERSION, true)
  new Uint32Array(out.buffer, 12, 1)[0] = BYTE_ORDER_MARK
  view.setUint32(16, sections.length, true)
  let at = table
  const places = sections.map(({ kind, bytes }, i) => {
    view.setUint32(HEADER + i * TABLE_ROW, kind, true)
    view.setFloat64(HEADER + i * TABLE_ROW + 8, bytes.length, true)
    const place = aligned(at)
    at = place + bytes.length
    return place
  })
  return { out, places }
}

/**
 * The value that was encoded. It takes the bytes over: where they lie well, typed arrays are views of them, so that a large
 * state is not held twice. Throws a SnapshotError `Damaged` or `OtherFormat`.
 */
export function decodeSnapshot(bytes: Uint8Array): unknown {
  const sections = readSections(bytes)
  try {
    return decodeTree(sections)
  } catch (error) {
    throw new SnapshotError('Damaged', `The snapshot cannot be read: ${reasonOf(error)}`, error)
  }
}

function readSections(bytes: Uint8Array): Section[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const body = bytes.length - CHECK
  if (body < HEADER) throw new SnapshotError('Damaged', `The snapshot is cut off: it has only ${bytes.length} bytes.`)
  if (!MAGIC.every((byte, i) => bytes[i] === byte))
    throw new SnapshotError('OtherFormat', 'These bytes are not a snapshot.')
  const version = view.getUint32(8, true)
  if (version !== VERSION)
    throw new SnapshotError(
      'OtherFormat',
      `The snapshot is of format ${version}; this Ringmaster reads format ${VERSION}.`,
    )
  if (crc32(bytes.subarray(0, body)) !== view.getUint32(body, true))
    throw new SnapshotError('Damaged', 'The snapshot is cut off or damaged: its checksum is wrong.')
  const mark = new Uint32Array(bytes.slice(12, 16).buffer)[0]
  if (mark !== BYTE_ORDER_MARK)
    throw new SnapshotError('OtherFormat', 'The snapshot was written on a machine of the other byte order.')
  const count = view.getUint32(16, true)
  if (HEADER + count * TABLE_ROW > body)
    throw new SnapshotError('Damaged', `The snapshot has no room for ${count} sections.`)
  const sections: Section[] = []
  let at = HEADER + count * TABLE_ROW
  for (let i = 0; i < count; i++) {
    const length = view.getFloat64(HEADER + i * TABLE_ROW + 8, true)
    at = aligned(at)
    if (!(length >= 0 && at + length <= body))
      throw new SnapshotError('Damaged', `Section ${i} of the snapshot is cut off.`)
    sections.push({ kind: view.getUint32(HEADER + i * TABLE_ROW, true), bytes: bytes.subarray(at, at + length) })
    at += length
  }
  return sections
}

function aligned(at: number): number {
  return at + ((8 - (at % 8)) % 8)
}
