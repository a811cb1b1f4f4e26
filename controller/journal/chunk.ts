// How facts are stored: many in one row, as a JSON array with a run-length list of their numbers, instants and types. A row
// for each fact costs two to four times as much (figures in sqlite-journal.ts), and the runs keep types searchable.
import { crc32 } from 'node:zlib'
import type { EpochMs } from '../model/instant.ts'
import { reasonOf } from '../model/reason.ts'
import { type AnyFact, type Entry, JournalError } from './journal.ts'

/** A chunk is closed at either, so that reading one, or looking in one for a single fact, stays cheap. */
export const CHUNK_FACTS = 1024
export const CHUNK_CHARS = 256 * 1024
const TYPE_CHARS = 256

/** `count` facts from `seq` on, all of one instant and type. */
export type Run = readonly [seq: number, count: number, at: EpochMs, type: string]

export type Chunk = {
  readonly first: number
  readonly last: number
  readonly runs: readonly Run[]
  /** JSON array of the facts, in the order of the runs. */
  readonly body: string
  /** crc32 of the body in UTF-8. */
  readonly check: number
}

/** A fact between storage and decoding. */
export type Stored = { readonly seq: number; readonly at: EpochMs; readonly type: string; readonly fact: unknown }

/** Facts of one append as JSON, before they have numbers. */
export type Piece = { readonly count: number; readonly types: readonly TypeRun[]; readonly json: string }
type TypeRun = readonly [count: number, type: string]

/** Facts as JSON, in pieces no larger than a chunk (save for a single larger fact). Throws Invalid. */
export function toPieces(facts: readonly AnyFact[]): Piece[] {
  const pieces: Piece[] = []
  for (let i = 0; i < facts.length; i += CHUNK_FACTS) addPieces(pieces, facts.slice(i, i + CHUNK_FACTS))
  return pieces
}

/** Joins pieces into chunks, numbering their facts from `first`. */
export class ChunkBuilder {
  readonly chunks: Chunk[] = []
  #next: number
  #first: number
  #chars = 0
  #bodies: string[] = []
  #runs: Run[] = []

  constructor(first: number) {
    this.#next = first
    this.#first = first
  }

  /** The number that the next fact gets. */
  get next(): number {
    return this.#next
  }

  add(piece: Piece, at: EpochMs): void {
    const waiting = this.#next - this.#first
    if (waiting > 0 && (waiting + piece.count > CHUNK_FACTS || this.#chars + piece.json.length > CHUNK_CHARS))
      this.flush()
    for (const [count, type] of piece.types) {
      addRun(this.#runs, this.#next, count, at, type)
      this.#next += count
    }
    this.#bodies.push(piece.json)
    this.#chars += piece.json.length
  }

  flush(): Chunk[] {
    if (this.#next > this.#first) {
      this.chunks.push(chunkOf(this.#runs, joined(this.#bodies)))
      this.#first = this.#next
      this.#chars = 0
      this.#bodies = []
      this.#runs = []
    }
    return this.chunks
  }
}

/** Chunks of facts that have numbers already, ascending but perhaps with gaps. */
export function packStored(entries: readonly Stored[]): Chunk[] {
  const chunks: Chunk[] = []
  let runs: Run[] = []
  let bodies: string[] = []
  let chars = 0
  const flush = () => {
    if (bodies.length > 0) chunks.push(chunkOf(runs, `[${bodies.join(',')}]`))
    runs = []
    bodies = []
    chars = 0
  }
  for (const { seq, at, type, fact } of entries) {
    const json = JSON.stringify(fact)
    if (bodies.length >= CHUNK_FACTS || chars + json.length > CHUNK_CHARS) flush()
    addRun(runs, seq, 1, at, type)
    bodies.push(json)
    chars += json.length
  }
  flush()
  return chunks
}

/** The facts of a chunk. Throws Corrupt when they are not what was written. */
export function unpack(chunk: Chunk): Stored[] {
  if (crc32(chunk.body) !== chunk.check) throw corrupt(chunk, 'their checksum is wrong')
  const facts = parseArray(chunk)
  const entries: Stored[] = []
  for (const [seq, count, at, type] of chunk.runs) {
    for (let i = 0; i < count; i++) entries.push({ seq: seq + i, at, type, fact: facts[entries.length] })
  }
  if (entries.length !== facts.length) throw corrupt(chunk, `there are ${facts.length} instead of ${entries.length}`)
  return entries
}

/** A stored fact as what it means. Throws Corrupt when `decode` throws. */
export function decoded<F extends AnyFact>({ seq, at, type, fact }: Stored, decode: (json: unknown) => F): Entry<F> {
  try {
    return { seq, at, fact: decode(fact) }
  } catch (error) {
    throw new JournalError('Corrupt', `Fact ${seq} (${type}) cannot be understood: ${reasonOf(error)}`, error)
  }
}

/** The runs as they are stored beside the body. */
export function encodeRuns(runs: readonly Run[]): string {
  return JSON.stringify(runs)
}

/** Throws Corrupt on anything but encoded runs. */
export function decodeRuns(text: string, first: number): Run[] {
  const value = parseJson(text)
  if (!Array.isArray(value))
    throw new JournalError('Corrupt', `The journal's facts from ${first} on have no list of types.`)
  return value.map((run: unknown): Run => {
    const [seq, count, at, type] = Array.isArray(run) ? run : []
    if (
      Number.isSafeInteger(seq) &&
      Number.isSafeInteger(count) &&
      Number.isSafeInteger(at) &&
      typeof type === 'string'
    )
      return [seq, count, at, type]
    throw new JournalError('Corrupt', `The journal's facts from ${first} on have a damaged list of types.`)
  })
}

export function distinctTypes(chunk: Chunk): Set<string> {
  return new Set(chunk.runs.map(([, , , type]) => type))
}

function addPieces(pieces: Piece[], facts: readonly AnyFact[]): void {
  const types: [number, string][] = []
  let run: [number, string] = [0, '']
  for (const { type } of facts) {
    if (type !== run[1]) {
      run = [0, checkedType(type)]
      types.push(run)
    }
    run[0]++
  }
  const json = stringify(facts)
  const half = facts.length >> 1
  if (json.length <= CHUNK_CHARS || half === 0) {
    pieces.push({ count: facts.length, types, json })
  } else {
    addPieces(pieces, facts.slice(0, half))
    addPieces(pieces, facts.slice(half))
  }
}

/** JSON arrays, none of them empty, as one. */
function joined(arrays: readonly string[]): string {
  const [only = '[]'] = arrays
  return arrays.length === 1 ? only : `[${arrays.map((array) => array.slice(1, -1)).join(',')}]`
}

function checkedType(type: unknown): string {
  if (typeof type === 'string' && type.length > 0 && type.length <= TYPE_CHARS) return type
  throw new JournalError('Invalid', `A fact's type must be a text of 1 to ${TYPE_CHARS} characters.`)
}

function stringify(facts: readonly AnyFact[]): string {
  try {
    return JSON.stringify(facts)
  } catch (error) {
    throw new JournalError('Invalid', `A fact cannot be written as JSON: ${reasonOf(error)}`, error)
  }
}

function addRun(runs: Run[], seq: number, count: number, at: EpochMs, type: string): void {
  const last = runs.at(-1)
  if (last !== undefined && last[2] === at && last[3] === type && last[0] + last[1] === seq)
    runs[runs.length - 1] = [last[0], last[1] + count, at, type]
  else runs.push([seq, count, at, type])
}

function chunkOf(runs: readonly Run[], body: string): Chunk {
  const last = runs.at(-1) ?? [0, 0]
  return { first: runs[0]?.[0] ?? 0, last: last[0] + last[1] - 1, runs, body, check: crc32(body) }
}

function parseArray(chunk: Chunk): unknown[] {
  const value = parseJson(chunk.body)
  if (Array.isArray(value)) return value
  throw corrupt(chunk, 'they are not JSON')
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function corrupt(chunk: Chunk, what: string): JournalError {
  return new JournalError('Corrupt', `The journal's facts ${chunk.first} to ${chunk.last} are damaged: ${what}.`)
}
