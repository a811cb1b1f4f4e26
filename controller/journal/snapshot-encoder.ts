// The tree of a snapshot as sections. A placeholder is an object whose one key is '$', its value a list beginning with what it
// stands for; an object that has a key '$' of its own is written as a placeholder of its entries.
import { releaseStill, type Still, type TypedArray, takeStill } from '../model/still.ts'
import { SnapshotError } from './snapshot-error.ts'

/** `kind` 0 is JSON in UTF-8, others are the place in TYPED_ARRAYS. */
export type Section = { readonly kind: number; readonly bytes: Uint8Array }

/** A section still to be made: of an array as it was, or of what nobody changes any more. Making JSON may add sections at the end. */
export type Pending =
  | { readonly kind: 0; readonly json: () => Uint8Array }
  | { readonly kind: number; readonly still: Still }

/** Lists and Maps whose items are replaced and never changed. Entries come and go. */
export type Settled = ReadonlySet<unknown>

/** Place = kind of section. Never reorder: it is what is stored. */
export const TYPED_ARRAYS = [undefined, Uint8Array, Uint16Array, Uint32Array, Int32Array, Float64Array] as const

/** How deep a tree may be. */
export const MAX_DEPTH = 500

/** A container longer than this as JSON goes into sections of its own, each about so long as SECTION_CHARS. */
const INLINE_CHARS = 1 << 20
const SECTION_CHARS = 8 << 20

/** Of a long list that is settled, so many items go into one section: as much as can be made into text in a few milliseconds. */
const SETTLED_ITEMS = 1024

/**
 * The tree as it is now, taken apart: it may be changed as soon as this returns, arrays by way of still.ts alone. The caller
 * releases the stills. Throws a SnapshotError `Unsupported`, then or when a section is made.
 */
export function captureTree(root: unknown, settled: Settled): Pending[] {
  const sections: Pending[] = [{ kind: 0, json: () => new Uint8Array() }]
  try {
    sections[0] = text(new TreeEncoder(sections, settled).toJson(root, 0))
    return sections
  } catch (error) {
    releaseSections(sections)
    throw error
  }
}

export function releaseSections(sections: readonly Pending[]): void {
  for (const section of sections) if ('still' in section) releaseStill(section.still)
}

type Json = unknown
type Container = 'a' | 'o' | 'm'

class TreeEncoder {
  readonly #sections: Pending[]
  readonly #settled: Settled
  readonly #path: unknown[] = []
  /** About how many characters the JSON of the current section has, so far. */
  #chars = 0

  constructor(sections: Pending[], settled: Settled) {
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
    if (Array.isArray(value)) return this.#items('a', value, depth, this.#settled.has(value))
    if (value instanceof Map) return this.#items('m', pairs(value), depth, this.#settled.has(value))
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

  #items(container: Container, items: readonly unknown[], depth: number, isSettled: boolean): Json {
    if (!isSettled || items.length <= SETTLED_ITEMS) return this.#list(container, items, depth)
    const path = this.#path.slice(0, depth)
    const taken = items.slice()
    const blocks: number[] = []
    for (let from = 0; from < taken.length; from += SETTLED_ITEMS) {
      const json = () => {
        Object.assign(this.#path, path)
        this.#chars = 0
        return utf8(this.#block(container, taken, from, Math.min(from + SETTLED_ITEMS, taken.length), depth))
      }
      blocks.push(this.#sections.push({ kind: 0, json }) - 1)
    }
    this.#chars += 12 + blocks.length * 8
    return { $: [container.toUpperCase(), ...blocks] }
  }

  #block(container: Container, items: readonly unknown[], from: number, to: number, depth: number): Json {
    const block: Json[] = []
    for (let i = from; i < to; i++) {
      this.#path[depth] = container === 'a' ? i : items[i - (i % 2)]
      block.push(this.toJson(items[i], depth + 1))
    }
    return block
  }

  /** An array, or the keys and values of a Map or an object in turn, of which `done` stand converted already. */
  #list(container: Container, items: readonly unknown[], depth: number, before = this.#chars, done?: unknown[]): Json {
    const blocks: number[] = []
    let from = 0
    let copy = done
    const close = (to: number) => {
      blocks.push(this.#sections.push(text(copy ?? items.slice(from, to))) - 1)
      copy = undefined
      from = to
      this.#chars = before
    }
    for (let i = done?.length ?? 0; i < items.length; i++) {
      const child = items[i]
      this.#path[depth] = container === 'a' ? i : items[i - (i % 2)]
      const json = this.toJson(child, depth + 1)
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
    if (kind < 0 || !isTypedArray(value)) throw this.#unsupported(nameOf(value), depth)
    this.#chars += 20
    return { $: ['t', this.#sections.push({ kind, still: takeStill(value) }) - 1] }
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

/** What may change is made into text at once. */
function text(json: Json): Pending {
  const bytes = utf8(json)
  return { kind: 0, json: () => bytes }
}

function utf8(json: Json): Uint8Array {
  try {
    return Buffer.from(JSON.stringify(json))
  } catch (error) {
    throw new SnapshotError('Unsupported', 'A snapshot cannot hold a text this long.', error)
  }
}

function isTypedArray(value: ArrayBufferView): value is TypedArray {
  return TYPED_ARRAYS.some((type) => type !== undefined && value instanceof type)
}

function nameOf(value: object): string {
  const name: unknown = Object.getPrototypeOf(value)?.constructor?.name
  return typeof name === 'string' && name !== '' ? `a ${name}` : 'an object of a class'
}
