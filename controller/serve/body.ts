// Request bodies: JSON, plain or compressed, within limits that hold before anything is built of them.
import { promisify } from 'node:util'
import { gunzip, type InputType, inflate, type ZlibOptions } from 'node:zlib'
import { HttpProblem } from './problem.ts'

/** As it comes over the wire. */
export const MAX_BODY_BYTES = 1024 * 1024
/** Unpacked. */
export const MAX_UNPACKED_BYTES = 8 * 1024 * 1024
/** Of any one object in it. No body needs more, and checking them all against a schema takes seconds. */
export const MAX_OBJECT_KEYS = 1000

/** The body as JSON. Throws 400, 413 or 415. */
export async function readBody(bytes: Buffer, encoding: string | undefined): Promise<unknown> {
  const plain = await plainBody(bytes, encoding)
  const body = parseBody(plain)
  refuseManyKeys(body)
  return body
}

/** The body unpacked. Throws 400, 413 or 415. */
export async function plainBody(bytes: Buffer, encoding: string | undefined): Promise<Buffer> {
  const unpack = unpackerFor(encoding)
  return unpack === undefined ? bytes : unpacked(unpack, bytes)
}

/** Whether the body has to be unpacked. */
export function isPacked(encoding: string | undefined): boolean {
  return encoding !== undefined && unpackerFor(encoding) !== undefined
}

/** Throws 400. */
export function refuseManyKeys(body: unknown): void {
  if (hasManyKeys(body))
    throw new HttpProblem(400, 'Invalid', `an object in the body has more than ${MAX_OBJECT_KEYS} keys`)
}

/** Plain bytes as JSON. Throws 400. */
export function parseBody(bytes: Buffer): unknown {
  if (bytes.length === 0) throw new HttpProblem(400, 'Invalid', 'the body is empty; send a JSON object')
  const text = bytes.toString()
  try {
    return JSON.parse(text)
  } catch (error) {
    const why = error instanceof Error ? error.message.slice(0, 200) : ''
    throw new HttpProblem(400, 'Invalid', `the body is no JSON: ${why}`)
  }
}

// With a list of its own instead of recursion: a body may be nested a million deep.
function hasManyKeys(body: unknown): boolean {
  const waiting = [body]
  while (waiting.length > 0) {
    const value = waiting.pop()
    if (typeof value !== 'object' || value === null) continue
    const children: unknown[] = Array.isArray(value) ? value : Object.values(value)
    if (!Array.isArray(value) && children.length > MAX_OBJECT_KEYS) return true
    for (const child of children) if (typeof child === 'object') waiting.push(child)
  }
  return false
}

type Unpack = (bytes: InputType, options: ZlibOptions) => Promise<Buffer>

const UNPACK: ReadonlyMap<string, Unpack> = new Map([
  ['gzip', promisify<InputType, ZlibOptions, Buffer>(gunzip)],
  ['x-gzip', promisify<InputType, ZlibOptions, Buffer>(gunzip)],
  ['deflate', promisify<InputType, ZlibOptions, Buffer>(inflate)],
])

function unpackerFor(encoding: string | undefined): Unpack | undefined {
  const name = encoding?.trim().toLowerCase() ?? ''
  if (name === '' || name === 'identity') return undefined
  const unpack = UNPACK.get(name)
  if (unpack === undefined)
    throw new HttpProblem(415, 'UnsupportedEncoding', 'Content-Encoding may be gzip, deflate or identity', {
      headers: { 'accept-encoding': 'gzip, deflate' },
    })
  return unpack
}

async function unpacked(unpack: Unpack, bytes: Buffer): Promise<Buffer> {
  try {
    return await unpack(bytes, { maxOutputLength: MAX_UNPACKED_BYTES })
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE')
      throw new HttpProblem(413, 'TooLarge', 'the body is larger than 8 MiB when unpacked; send it in smaller parts')
    throw new HttpProblem(400, 'Invalid', 'the body cannot be unpacked as its Content-Encoding says')
  }
}
