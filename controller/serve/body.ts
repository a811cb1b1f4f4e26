// Request bodies: JSON, plain or compressed, within limits that hold before anything is built of them.
import { promisify } from 'node:util'
import { gunzip, type InputType, inflate, type ZlibOptions } from 'node:zlib'
import { HttpProblem } from './problem.ts'

/** As it comes over the wire. */
export const MAX_BODY_BYTES = 1024 * 1024
/** Unpacked. */
export const MAX_UNPACKED_BYTES = 8 * 1024 * 1024

/** The body as JSON. Throws 400, 413 or 415. */
export async function readBody(bytes: Buffer, encoding: string | undefined): Promise<unknown> {
  const unpack = unpackerFor(encoding)
  const plain = unpack === undefined ? bytes : await unpacked(unpack, bytes)
  if (plain.length === 0) throw new HttpProblem(400, 'Invalid', 'the body is empty; send a JSON object')
  try {
    return JSON.parse(plain.toString())
  } catch (error) {
    const why = error instanceof Error ? error.message.slice(0, 200) : ''
    throw new HttpProblem(400, 'Invalid', `the body is no JSON: ${why}`)
  }
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
