// Brings a feed's bytes in: a file, a directory, a glob or an http(s) address, plain or gzip, within limits; and only
// when something has changed since the last time.
import { createHash } from 'node:crypto'
import { glob, readFile, stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'

export const MAX_FEED_BYTES = 256 * 1024 * 1024
export const MAX_FEED_FILES = 1000
const FEED_FILES = '*.{ndjson,jsonl,xml,ndjson.gz,jsonl.gz,xml.gz}'

/** Whether a file in a folder of feeds is one: what FEED_FILES says. */
export function isFeedName(name: string): boolean {
  return /^[^.].*\.(ndjson|jsonl|xml)(\.gz)?$/s.test(name)
}

export type FeedFile = { readonly name: string; readonly text: string }

/** Transient: try again later. Invalid: a person has to change something. */
export type FeedError = { readonly type: 'Transient' | 'Invalid'; readonly code: string; readonly message: string }

export type FeedRead =
  | { readonly type: 'Read'; readonly files: readonly FeedFile[]; readonly validator: string | undefined }
  | { readonly type: 'NotModified' }
  | { readonly type: 'Failed'; readonly error: FeedError }

export type ReadOptions = {
  /** Paths are relative to this folder. */
  readonly folder: string
  /** The `validator` of the last read: an ETag, or for files a digest of their names, sizes and times. */
  readonly validator?: string
  /** Of all files together, unpacked. Default 256 MiB. */
  readonly maxBytes?: number
  /** For the whole answer. Default 60 s. */
  readonly timeoutMs?: number
}

/** Reads what `location` names; several files in order of name. Never throws for what is outside. */
export async function readFeed(location: string, options: ReadOptions): Promise<FeedRead> {
  try {
    return /^https?:\/\//i.test(location) ? await readUrl(location, options) : await readFiles(location, options)
  } catch (error) {
    return { type: 'Failed', error: asFeedError(error, location) }
  }
}

class FeedProblem extends Error {
  readonly error: FeedError
  constructor(error: FeedError) {
    super(error.message)
    this.error = error
  }
}

function invalid(code: string, message: string): never {
  throw new FeedProblem({ type: 'Invalid', code, message })
}

async function readFiles(location: string, options: ReadOptions): Promise<FeedRead> {
  const paths = await listFiles(resolve(options.folder, location), location)
  const digest = createHash('sha256')
  let left = options.maxBytes ?? MAX_FEED_BYTES
  for (const path of paths) {
    const found = await stat(path)
    const { size, mtimeMs, ctimeMs } = found
    // A pipe or a device would be read for ever.
    if (!found.isFile()) invalid('FeedUnreadable', `${basename(path)} is no ordinary file`)
    if (size > left) invalid('FeedTooLarge', `${basename(path)} is larger than the limit of ${left} bytes`)
    digest.update(JSON.stringify([path, size, mtimeMs, ctimeMs]))
  }
  const validator = digest.digest('hex')
  if (validator === options.validator) return { type: 'NotModified' }
  const files: FeedFile[] = []
  for (const path of paths) {
    const bytes = await unpack(await readFile(path), left, basename(path))
    left -= bytes.length
    files.push({ name: basename(path), text: decode(bytes) })
  }
  return { type: 'Read', files, validator }
}

async function listFiles(path: string, location: string): Promise<string[]> {
  const isDirectory = await stat(path).then(
    (found) => found.isDirectory(),
    () => undefined,
  )
  if (isDirectory === false) return [path]
  if (isDirectory === undefined && !/[*?[{]/.test(location)) invalid('FeedNotFound', `there is no file ${location}`)
  const found: string[] = []
  for await (const entry of glob(isDirectory ? join(path, FEED_FILES) : path)) {
    if (found.push(entry) > MAX_FEED_FILES)
      invalid('FeedTooLarge', `${location} names more than ${MAX_FEED_FILES} files`)
  }
  if (found.length === 0) invalid('FeedNotFound', `${location} names no file (${FEED_FILES} in a folder)`)
  return found.sort()
}

async function readUrl(location: string, options: ReadOptions): Promise<FeedRead> {
  const limit = options.maxBytes ?? MAX_FEED_BYTES
  const headers = { accept: '*/*', ...(options.validator !== undefined && { 'if-none-match': options.validator }) }
  const signal = AbortSignal.timeout(options.timeoutMs ?? 60_000)
  const response = await fetch(location, { headers, signal })
  if (response.status === 304 && options.validator !== undefined) return { type: 'NotModified' }
  if (!response.ok) {
    await response.body?.cancel()
    throw new FeedProblem(statusError(response.status, location))
  }
  const name = basename(new URL(location).pathname) || 'feed'
  const bytes = await unpack(await readBody(response, limit), limit, name)
  const validator = response.headers.get('etag') ?? undefined
  return { type: 'Read', files: [{ name, text: decode(bytes) }], validator }
}

async function readBody(response: Response, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response.body ?? []) {
    length += chunk.length
    if (length > limit) invalid('FeedTooLarge', `the answer is larger than the limit of ${limit} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, length)
}

function statusError(status: number, location: string): FeedError {
  const transient = status >= 500 || status === 408 || status === 425 || status === 429
  return transient
    ? { type: 'Transient', code: 'FeedUnavailable', message: `${shown(location)} answers ${status}` }
    : {
        type: 'Invalid',
        code: 'FeedRefused',
        message: `${shown(location)} answers ${status}: check the address and who may read it`,
      }
}

async function unpack(bytes: Uint8Array, limit: number, name: string): Promise<Uint8Array> {
  const packed = bytes[0] === 0x1f && bytes[1] === 0x8b
  if (!packed && bytes.length > limit) invalid('FeedTooLarge', `${name} is larger than the limit of ${limit} bytes`)
  if (!packed) return bytes
  try {
    return await promisify(gunzip)(bytes, { maxOutputLength: limit })
  } catch (error) {
    if (codeOf(error) === 'ERR_BUFFER_TOO_LARGE')
      invalid('FeedTooLarge', `${name} is larger than the limit of ${limit} bytes when unpacked`)
    return invalid('FeedUnreadable', `${name} is no sound gzip file: ${messageOf(error)}`)
  }
}

// Bytes that are no UTF-8 become U+FFFD: they spoil their own record, not the feed.
function decode(bytes: Uint8Array): string {
  return new TextDecoder('utf-8').decode(bytes)
}

const BUSY = new Set(['EMFILE', 'ENFILE', 'EBUSY', 'EAGAIN', 'EIO', 'ESTALE', 'ETIMEDOUT'])

function asFeedError(error: unknown, location: string): FeedError {
  if (error instanceof FeedProblem) return error.error
  const code = codeOf(error)
  if (/^https?:/i.test(location)) {
    if (code === 'ERR_INVALID_URL' || (error instanceof TypeError && error.cause === undefined))
      return {
        type: 'Invalid',
        code: 'FeedNotFound',
        message: `${shown(location)} is no address to read from (it may not carry a password)`,
      }
    return {
      type: 'Transient',
      code: 'FeedUnavailable',
      message: `${shown(location)} cannot be read: ${messageOf(error)}`,
    }
  }
  const type = BUSY.has(code) ? 'Transient' : 'Invalid'
  return { type, code: 'FeedUnreadable', message: `${location} cannot be read: ${messageOf(error)}` }
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return ''
  return 'code' in error && typeof error.code === 'string' ? error.code : codeOf(error.cause)
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}

/** An address without the name and password it may carry. */
function shown(location: string): string {
  return location.replace(/\/\/[^/@]*@/, '//')
}
