// Sections of a snapshot back to the tree that snapshot-encoder.ts took apart. Throws plain errors; the caller names them.
import type { TypedArray } from '../model/still.ts'
import { MAX_DEPTH, type Section, TYPED_ARRAYS } from './snapshot-encoder.ts'

export function decodeTree(sections: readonly Section[]): unknown {
  return readJson(sections, 0, 0)
}

function readJson(sections: readonly Section[], index: unknown, depth: number): unknown {
  const section = sectionAt(sections, index)
  if (section.kind !== 0) throw new Error(`section ${index} is not JSON`)
  const { buffer, byteOffset, length } = section.bytes
  const bytes = Buffer.from(buffer, byteOffset, length)
  const value: unknown = JSON.parse(bytes.toString('utf8'))
  // Quotes inside texts are escaped, so that these characters are a placeholder and nothing else.
  return bytes.includes('{"$":') ? revive(sections, value, depth) : value
}

/** Puts what they stand for in the place of placeholders, in place. */
function revive(sections: readonly Section[], value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (depth > MAX_DEPTH * 2) throw new Error('it is too deep')
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const child: unknown = value[i]
      if (typeof child === 'object' && child !== null) value[i] = revive(sections, child, depth + 1)
    }
    return value
  }
  if ('$' in value) return placeholder(sections, value.$, depth)
  for (const [key, child] of Object.entries(value)) {
    if (typeof child === 'object' && child !== null) Object.assign(value, { [key]: revive(sections, child, depth + 1) })
  }
  return value
}

function placeholder(sections: readonly Section[], parts: unknown, depth: number): unknown {
  if (!Array.isArray(parts)) throw new Error('a placeholder is not a list')
  const [kind, ...rest]: unknown[] = parts
  switch (kind) {
    case 'u':
      return undefined
    case '-0':
      return -0
    case 't':
      return typedArray(sectionAt(sections, rest[0]))
    case 'm':
      return toMap([listOf(revive(sections, rest[0], depth + 1))])
    case 'o':
      return toObject([listOf(revive(sections, rest[0], depth + 1))])
    case 'A':
      return joined(readBlocks(sections, rest, depth))
    case 'M':
      return toMap(readBlocks(sections, rest, depth))
    case 'O':
      return toObject(readBlocks(sections, rest, depth))
    default:
      throw new Error(`a placeholder is of an unknown kind ${String(kind)}`)
  }
}

function readBlocks(sections: readonly Section[], indexes: readonly unknown[], depth: number): unknown[][] {
  return indexes.map((index) => listOf(readJson(sections, index, depth + 1)))
}

function joined(blocks: readonly unknown[][]): unknown[] {
  const [first = [], ...others] = blocks
  for (const block of others) for (const item of block) first.push(item)
  return first
}

function toMap(blocks: readonly unknown[][]): Map<unknown, unknown> {
  const map = new Map<unknown, unknown>()
  eachPair(blocks, (key, value) => map.set(key, value))
  return map
}

function toObject(blocks: readonly unknown[][]): object {
  const object: Record<string, unknown> = {}
  eachPair(blocks, (key, value) => {
    if (key === '__proto__')
      Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true })
    else object[String(key)] = value
  })
  return object
}

/** Keys and values stand in turn; a pair may be divided between two blocks. */
function eachPair(blocks: readonly unknown[][], visit: (key: unknown, value: unknown) => void): void {
  let key: unknown
  let isValue = false
  for (const block of blocks) {
    for (const item of block) {
      if (isValue) visit(key, item)
      else key = item
      isValue = !isValue
    }
  }
  if (isValue) throw new Error('a key has no value')
}

function typedArray({ kind, bytes }: Section): TypedArray {
  const Type = TYPED_ARRAYS[kind]
  if (Type === undefined) throw new Error(`a typed array is of an unknown kind ${kind}`)
  if (bytes.length % Type.BYTES_PER_ELEMENT !== 0) throw new Error('a typed array is cut off')
  const { buffer, byteOffset, length } = bytes
  // Elsewhere, such as in a shared pool of small buffers, they are copied. A SharedArrayBuffer is nothing that a state is kept in.
  if (byteOffset % Type.BYTES_PER_ELEMENT !== 0 || !(buffer instanceof ArrayBuffer) || buffer.byteLength < MIN_OWN)
    return new Type(new Uint8Array(bytes).buffer)
  return new Type(buffer, byteOffset, length / Type.BYTES_PER_ELEMENT)
}

/** What is smaller may lie in a pool, and costs little to copy. */
const MIN_OWN = 1 << 20

function sectionAt(sections: readonly Section[], index: unknown): Section {
  const section = typeof index === 'number' ? sections[index] : undefined
  if (section === undefined) throw new Error(`there is no section ${String(index)}`)
  return section
}

function listOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value
  throw new Error('a list is missing')
}
