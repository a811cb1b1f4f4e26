// Plain state trees as bytes and back: objects, arrays, Maps, strings, finite numbers, booleans, null, undefined, typed arrays.
// What JSON can say stands as JSON, in sections of bounded size, and typed arrays are copied as they are.
//
// Layout, little-endian: magic (8 bytes), version (4), byte order mark (4, native), zero (8); the sections; for each section its
// kind (4), zero (4) and length (8, as a float); number of sections (4); crc32 (4) of all before, big-endian. Each section and the
// table begin at a multiple of 8. Section 0 is the root of the tree (snapshot-encoder.ts); kind 0 is JSON, the others are typed
// arrays. Little-endian, the crc32 would give any snapshot the same crc32 as a whole, and the journal tells them apart by theirs.
//
// Format 1, which is read too, has the number of sections in the place of the first zero, and the table before the sections.
import { crc32 } from 'node:zlib'
import { reasonOf } from '../model/reason.ts'
import { readStill, releaseStill } from '../model/still.ts'
import { decodeTree } from './snapshot-decoder.ts'
import {
  captureTree,
  type Pending,
  releaseSections,
  type Section,
  type Settled,
  TYPED_ARRAYS,
} from './snapshot-encoder.ts'
import { SnapshotError } from './snapshot-error.ts'

const MAGIC = new TextEncoder().encode('RMSNAP\r\n')
const VERSION = 2
const BYTE_ORDER_MARK = 0x01020304
const HEADER = 24
const TABLE_ROW = 16
const CHECK = 4
const FOOTER = 8

/** So many bytes are made at a time: a millisecond's work. A multiple of 8. */
const PART_BYTES = 1 << 20

/** A value as it was at one instant, to be encoded while it changes. */
export type Capture = {
  /**
   * The bytes, in parts of at most a megabyte, with `pause` after each. Once only. Throws a SnapshotError `Unsupported`.
   */
  readonly parts: (pause: () => Promise<void>) => AsyncGenerator<Uint8Array<ArrayBuffer>>
  /** To be called in the end, whatever came of it. */
  readonly release: () => void
}

/**
 * The same value in the same order of keys gives the same bytes; the order of keys and Map entries is kept. References are not:
 * what stands in two places is written twice. Throws a SnapshotError `Unsupported` for anything that is not plain data.
 */
export function encodeSnapshot(value: unknown, settled: Settled = new Set()): Uint8Array<ArrayBuffer> {
  const sections = captureTree(value, settled)
  try {
    let size = HEADER + FOOTER
    // Making one may add others.
    for (const [i, section] of sections.entries()) {
      const { length, pending } = open(section)
      sections[i] = pending
      size += aligned(length) + TABLE_ROW
    }
    const [bytes = new Uint8Array()] = laidOut(sections, size)
    return bytes
  } finally {
    releaseSections(sections)
  }
}

/**
 * Takes the value as it is at the call, for the same bytes. It may be changed as soon as this returns, arrays by way of
 * model/still.ts alone. `settled`: lists and Maps in it whose items are replaced and never changed, which are made into text
 * only when it is their turn. `partBytes`: a multiple of 8. Throws a SnapshotError `Unsupported`.
 */
export function captureSnapshot(value: unknown, settled: Settled, partBytes = PART_BYTES): Capture {
  const sections = captureTree(value, settled)
  return {
    parts: async function* (pause) {
      for (const part of laidOut(sections, partBytes)) {
        yield part
        await pause()
      }
    },
    release: () => releaseSections(sections),
  }
}

/** The bytes in parts of this size, a multiple of 8. Lets go of each section that is done. */
function* laidOut(sections: Pending[], size: number): Generator<Uint8Array<ArrayBuffer>> {
  let part = new Uint8Array(size)
  let used = 0
  let sum = 0
  const put = function* ({ length, read }: Source): Generator<Uint8Array<ArrayBuffer>> {
    for (let from = 0; from < length; ) {
      if (used === size) {
        sum = crc32(part, sum)
        yield part
        part = new Uint8Array(size)
        used = 0
      }
      const end = Math.min(size, used + length - from)
      read(from, part.subarray(used, end))
      from += end - used
      used = end
    }
    used = aligned(used)
  }
  const rows: number[] = []
  yield* put(sourceOf(header()))
  for (const [i, section] of sections.entries()) {
    const opened = open(section)
    yield* put(opened)
    rows.push(section.kind, opened.length)
    if ('still' in section) releaseStill(section.still)
    sections[i] = DONE
  }
  yield* put(sourceOf(table(rows)))
  yield* put(sourceOf(new Uint8Array(FOOTER)))
  const view = new DataView(part.buffer, 0, used)
  view.setUint32(used - FOOTER, sections.length, true)
  view.setUint32(used - CHECK, crc32(part.subarray(0, used - CHECK), sum), false)
  yield part.subarray(0, used)
}

/** `read` puts the bytes from `from` on into `into`, as many as there is room for. */
type Source = { readonly length: number; readonly read: (from: number, into: Uint8Array<ArrayBuffer>) => void }

const DONE: Pending = { kind: 0, json: () => new Uint8Array() }

/** A section that can be read, and that need not be made again. */
function open(pending: Pending): Source & { readonly pending: Pending } {
  if (!('still' in pending)) {
    const bytes = pending.json()
    return { pending: { kind: 0, json: () => bytes }, ...sourceOf(bytes) }
  }
  const { kind, still } = pending
  const Type = TYPED_ARRAYS[kind] ?? Uint8Array
  const width = Type.BYTES_PER_ELEMENT
  const read: Source['read'] = (from, { buffer, byteOffset, length }) =>
    readStill(still, from / width, new Type(buffer, byteOffset, length / width))
  return { pending, length: still.length * width, read }
}

function sourceOf(bytes: Uint8Array): Source {
  return { length: bytes.length, read: (from, into) => into.set(bytes.subarray(from, from + into.length)) }
}

function header(): Uint8Array {
  const bytes = new Uint8Array(HEADER)
  bytes.set(MAGIC)
  new DataView(bytes.buffer).setUint32(8, VERSION, true)
  new Uint32Array(bytes.buffer, 12, 1)[0] = BYTE_ORDER_MARK
  return bytes
}

/** `rows`: kind and length in turn. */
function table(rows: readonly number[]): Uint8Array {
  const bytes = new Uint8Array((rows.length / 2) * TABLE_ROW)
  const view = new DataView(bytes.buffer)
  for (let i = 0; i < rows.length; i += 2) {
    view.setUint32((i / 2) * TABLE_ROW, rows[i] ?? 0, true)
    view.setFloat64((i / 2) * TABLE_ROW + 8, rows[i + 1] ?? 0, true)
  }
  return bytes
}

/**
 * The value that was encoded. It takes the bytes over: where they lie well, typed arrays are views of them, so that a large
 * state is not held twice. `Checked`: somebody else has made sure that they are what was written. Throws a SnapshotError
 * `Damaged` or `OtherFormat`.
 */
export function decodeSnapshot(bytes: Uint8Array, how?: 'Checked'): unknown {
  const sections = readSections(bytes, how === 'Checked')
  try {
    return decodeTree(sections)
  } catch (error) {
    throw new SnapshotError('Damaged', `The snapshot cannot be read: ${reasonOf(error)}`, error)
  }
}

function readSections(bytes: Uint8Array, isChecked: boolean): Section[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const version = checkedVersion(bytes, view, isChecked)
  const body = bytes.length - CHECK
  const isFirst = version === 1
  const count = view.getUint32(isFirst ? 16 : bytes.length - FOOTER, true)
  const rows = isFirst ? HEADER : bytes.length - FOOTER - count * TABLE_ROW
  if (rows < HEADER || HEADER + count * TABLE_ROW > body)
    throw new SnapshotError('Damaged', `The snapshot has no room for ${count} sections.`)
  const end = isFirst ? body : rows
  const sections: Section[] = []
  let at = isFirst ? HEADER + count * TABLE_ROW : HEADER
  for (let i = 0; i < count; i++) {
    const length = view.getFloat64(rows + i * TABLE_ROW + 8, true)
    at = aligned(at)
    if (!(length >= 0 && at + length <= end))
      throw new SnapshotError('Damaged', `Section ${i} of the snapshot is cut off.`)
    sections.push({ kind: view.getUint32(rows + i * TABLE_ROW, true), bytes: bytes.subarray(at, at + length) })
    at += length
  }
  return sections
}

/** Unless somebody else has summed the bytes up, which takes a tenth of the time that a large state takes to be decoded. */
function checkedVersion(bytes: Uint8Array, view: DataView, isChecked: boolean): number {
  const body = bytes.length - CHECK
  if (body < HEADER) throw new SnapshotError('Damaged', `The snapshot is cut off: it has only ${bytes.length} bytes.`)
  if (!MAGIC.every((byte, i) => bytes[i] === byte))
    throw new SnapshotError('OtherFormat', 'These bytes are not a snapshot.')
  const version = view.getUint32(8, true)
  if (version !== 1 && version !== VERSION)
    throw new SnapshotError(
      'OtherFormat',
      `The snapshot is of format ${version}; this Ringmaster reads formats 1 and ${VERSION}.`,
    )
  if (!isChecked && crc32(bytes.subarray(0, body)) !== view.getUint32(body, version === 1))
    throw new SnapshotError('Damaged', 'The snapshot is cut off or damaged: its checksum is wrong.')
  // Of a Buffer, `slice` would be a view of whatever memory it lies in.
  const mark = new Uint32Array(new Uint8Array(bytes.subarray(12, 16)).buffer)[0]
  if (mark !== BYTE_ORDER_MARK)
    throw new SnapshotError('OtherFormat', 'The snapshot was written on a machine of the other byte order.')
  return version
}

function aligned(at: number): number {
  return at + ((8 - (at % 8)) % 8)
}
