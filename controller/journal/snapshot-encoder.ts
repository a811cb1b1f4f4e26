// The tree of a snapshot as sections. A placeholder is an object whose one key is '$', its value a list beginning with what it
// stands for; an object that has a key '$' of its own is written as a placeholder of its entries.
import { SnapshotError } from './snapshot-error.ts'

/** `kind` 0 is JSON in UTF-8, others are the place in TYPED_ARRAYS. */
export type Section = { readonly kind: number; readonly bytes: Uint8Array }

/** JSON that nobody changes any more, still to be made into text. */
export type Unwritten = { readonly kind: 0; readonly json: unknown }

/** Arrays whose items are replaced and never changed. */
export type Settled = ReadonlySet<readonly unknown[]>

export type TypedArray = Uint8Array | Uint16Array | Uint32Array | Int32Array | Float64Array

/** Place = kind of section. Never reorder: it is what is stored. */
export const TYPED_ARRAYS = [undefined, Uint8Array, Uint16Array, Uint32Array, Int32Array, Float64Array] as const

/** How deep a tree may be. */
export const MAX_DEPTH = 500

/** A container longer than this as JSON goes into sections of its own, each about so long as SECTION_CHARS. */
const INLINE_CHARS = 1 << 20
const SECTION_CHARS = 8 << 20

/** Throws a SnapshotError `Unsupported`. */
export function encodeTree(root: unknown): Section[] {
  const sections: (Section | Unwritten)[] = []
  walk(root, sections, undefined)
  return sections.map(written)
}

/**
 * The same sections, sharing nothing with the tree that may still change: it may be changed as soon as this returns. Long
 * lists of plain values are not yet text, which is most of the work.
 */
export function captureTree(root: unknown, settled: Settled = new Set()): (Section | Unwritten)[] {
  const sections: (Section | Unwritten)[] = []
  walk(root, sections, settled)
  return sections
}

/** Throws a SnapshotError `Unsupported`. */
export function written(section: Section | Unwritten): Section {
  return 'json' in section ? jsonSection(section.json) : section
}

function walk(root: unknown, sections: (Section | Unwritten)[], settled: Settled | undefined): void {
  sections.push({ kind: 0, bytes: new Uint8Array() })
  const encoder = new TreeEncoder(sections, settled)
  sections[0] = jsonSection(encoder.toJson(root, 0))
}

type Json = unknown
type Container = 'a' | 'o' | 'm'

class TreeEncoder {
  readonly #sections: (Section | Unwritten)[]
  /** Undefined where the tree is not changed before all is written. */
  readonly #settled: Settled | undefined
  readonly #path: unknown[] = []
  /** About how many characters the JSON of the current section has, so far. */
  #chars = 0

  constructor(sections: (Section | Unwritten)[], settled: Settled | undefined) {
    this.#sections = sections
    this.#settled = settled
  }

  /** What stands for `value` in the JSON: itself where nothing in it needs a placeholder. */
  toJson(value: unknown, depth: number): Json {
    switch (typeof value) {
      case 'string':
        this.#chars += value.length + 3
        return value
      case 'number':
        this.#chars += 12
        if (!Number.isFinite(value)) throw this.#unsupported(`${value}`, depth)
        return Object.is(value, -0) ? { $: ['-0'] } : value
      case 'boolean':
        this.#chars += 6
        return value
      case 'undefined':
        this.#chars += 12
        return { $: ['u'] }
      case 'object':
        if (value !== null) return this.#container(value, depth)
        this.#chars += 5
        return value
      default:
        throw this.#unsupported(`a ${typeof value}`, depth)
    }
  }

  #container(value: object, depth: number): Json {
    if (depth >= MAX_DEPTH) throw this.#unsupported(`more than ${MAX_DEPTH} levels (a cycle?)`, depth)
    if (Array.isArray(value)) return this.#list('a', value, depth)
    if (value instanceof Map) return this.#list('m', pairs(value), depth)
    if (ArrayBuffer.isView(value)) return this.#typedArray(value, depth)
    const prototype: unknown = Object.getPrototypeOf(value)
    if (prototype !== Object.prototype && prototype !== null) throw this.#unsupported(nameOf(value), depth)
    return this.#object(value, depth)
  }

  #object(value: object, depth: number): Json {
    const before = this.#chars
    const entries = Object.entries(value)
    if (Object.hasOwn(value, '$') || Object.hasOwn(value, '__proto__')) return this.#list('o', pairs(entries), depth)
    let copy: Record<string, Json> | undefined
    for (const [i, [key, child]] of entries.entries()) {
      this.#path[depth] = key
      this.#chars += key.length + 4
      const json = this.toJson(child, depth + 1)
      if (json !== child) copy ??= { ...value }
      if (copy !== undefined) copy[key] = json
      if (this.#chars - before > INLINE_CHARS) {
        // Too long to stand inline: go on as a list of entries, which goes into sections of its own.
        const converted: Record<string, Json> = copy ?? Object.fromEntries(entries.slice(0, i + 1))
        const done = pairs(entries.slice(0, i + 1).map(([name]) => [name, converted[name]]))
        return this.#list('o', pairs(entries), depth, before, done)
      }
    }
    return copy ?? value
  }

  /** An array, or the keys and values of a Map or an object in turn, of which `done` stand converted already. */
  #list(container: Container, items: readonly unknown[], depth: number, before = this.#chars, done?: unknown[]): Json {
    const blocks: number[] = []
    let from = 0
    let copy = done
    const isSettled = this.#settled?.has(items) === true
    // Plain values cannot change, and a block is a list of its own.
    let canWait = this.#settled !== undefined && done === undefined
    const close = (to: number) => {
      const json = copy ?? items.slice(from, to)
      this.#sections.push(canWait || isSettled ? { kind: 0, json } : jsonSection(json))
      canWait = this.#settled !== undefined
      blocks.push(this.#sections.length - 1)
      copy = undefined
      from = to
      this.#chars = before
    }
    for (let i = done?.length ?? 0; i < items.length; i++) {
      const child = items[i]
      this.#path[depth] = container === 'a' ? i : items[i - (i % 2)]
      const json = this.toJson(child, depth + 1)
      if (typeof json === 'object' && json !== null) canWait = false
      if (json !== child && copy === undefined) copy = items.slice(from, i)
      if (copy !== undefined) copy.push(json)
      if (this.#chars - before > SECTION_CHARS) close(i + 1)
    }
    if (blocks.length > 0 || this.#chars - before > INLINE_CHARS) {
      if (from < items.length) close(items.length)
      this.#chars += 12 + blocks.length * 8
      return { $: [container.toUpperCase(), ...blocks] }
    }
    this.#chars += 12
    return container === 'a' ? (copy ?? items) : { $: [container, copy ?? items] }
  }

  #typedArray(value: ArrayBufferView, depth: number): Json {
    const kind = TYPED_ARRAYS.findIndex((type) => type !== undefined && Object.getPrototypeOf(value) === type.prototype)
    if (kind < 0) throw this.#unsupported(nameOf(value), depth)
    const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    this.#sections.push({ kind, bytes: this.#settled === undefined ? bytes : bytes.slice() })
    this.#chars += 20
    return { $: ['t', this.#sections.length - 1] }
  }

  #unsupported(what: string, depth: number): SnapshotError {
    const shown = this.#path.slice(0, Math.min(depth, 20)).map(String).join('.')
    return new SnapshotError('Unsupported', `A snapshot cannot hold ${what} (at ${shown === '' ? 'the root' : shown}).`)
  }
}

function pairs(entries: Iterable<readonly [unknown, unknown]>): unknown[] {
  const list: unknown[] = []
  for (const [key, value] of entries) list.push(key, value)
  return list
}

function jsonSection(json: Json): Section {
  try {
    return { kind: 0, bytes: Buffer.from(JSON.stringify(json)) }
  } catch (error) {
    throw new SnapshotError('Unsupported', 'A snapshot cannot hold a text this long.', error)
  }
}

function nameOf(value: object): string {
  const name: unknown = Object.getPrototypeOf(value)?.constructor?.name
  return typeof name === 'string' && name !== '' ? `a ${name}` : 'an object of a class'
}
