// Who speaks: tokens of devices, enrolment keys and the admin token. None is kept; of each there is a SHA-256.
import { hash, randomBytes, timingSafeEqual } from 'node:crypto'
import { copyTokenHash } from '../fleet/token-hashes.ts'
import { hasBit } from '../model/bit-plane.ts'
import type { EpochMs } from '../model/instant.ts'
import type { State } from '../state/state.ts'
import { HttpProblem } from './problem.ts'

/** `rm1.<device id in base64url>.<32 random bytes in base64url>`: names its device, so that nothing is searched. */
export function newDeviceToken(device: string): string {
  return `rm1.${Buffer.from(device).toString('base64url')}.${randomSecret()}`
}

/** 32 random bytes in base64url. */
export function randomSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** Hex. The secrets are random and long, so that a plain hash cannot be turned round. */
export function hashSecret(secret: string): string {
  return hash('sha256', secret)
}

// Written anew for every comparison: nothing is allocated for a poll.
const HASH_BYTES = 32
const given = Buffer.alloc(HASH_BYTES)
const wanted = Buffer.alloc(HASH_BYTES)
const givenWords = wordsOf(given)
const wantedWords = wordsOf(wanted)

function wordsOf({ buffer, byteOffset }: Buffer): Uint32Array {
  return new Uint32Array(buffer, byteOffset, HASH_BYTES / Uint32Array.BYTES_PER_ELEMENT)
}

function give(secret: string): void {
  given.write(hash('sha256', secret, 'latin1'), 'latin1')
}

/** In time that does not depend on where the two differ. What is no hash in hex is the hash of nothing. */
export function isSecret(secret: string, secretHash: string): boolean {
  if (secretHash.length !== HASH_BYTES * 2 || wanted.write(secretHash, 'hex') !== HASH_BYTES) return false
  give(secret)
  return timingSafeEqual(given, wanted)
}

const MAX_TOKEN = 512
const TOKEN_START = 'rm1.'
const SCHEME = 'Bearer '
const PLAIN_START = `${SCHEME}${TOKEN_START}`
const BEARER = /^Bearer +([A-Za-z0-9._~+/-]+=*) *$/i

/** The token of an Authorization header. Throws 401. */
export function bearerToken(header: string | undefined, realm: 'device' | 'admin'): string {
  const token = header !== undefined && header.length <= MAX_TOKEN ? BEARER.exec(header)?.[1] : undefined
  if (token === undefined)
    throw unauthorized(realm, 'NoToken', `send the ${realm}'s token: "Authorization: Bearer TOKEN"`)
  return token
}

/** The row of the device that speaks. Throws 401: of a removed device no token is good. */
export function authenticateDevice(state: State, header: string | undefined): number {
  const row = rowOfToken(state, plainToken(header)) ?? rowOfToken(state, bearerToken(header, 'device'))
  if (row === undefined)
    throw unauthorized('device', 'BadToken', 'this token is not in force: enrol the device anew with an enrolment key')
  return row
}

/** Of a header as nearly all devices write it. What is no token at all is none that was given to a device. */
function plainToken(header: string | undefined): string | undefined {
  const isPlain = header?.startsWith(PLAIN_START) === true && header.length <= MAX_TOKEN
  return isPlain ? header.slice(SCHEME.length) : undefined
}

function rowOfToken(state: State, token: string | undefined): number | undefined {
  if (token === undefined) return undefined
  give(token)
  const slot = slotOf(givenWords[0] ?? 0, state.fleet.ids.length)
  const guess = (guesses[slot] ?? 0) - 1
  if (guess >= 0 && isGiven(state, guess)) return guess
  const row = state.fleet.rowOf.get(deviceNamed(token))
  // A device that is not known takes the same time as one that is.
  if (!isGiven(state, row) || row === undefined) return undefined
  guesses[slot] = row + 1
  return row
}

function isGiven({ access, fleet }: State, row: number | undefined): boolean {
  const isKnown = row !== undefined && copyTokenHash(access.tokens, row, wantedWords)
  const isSame = timingSafeEqual(given, wanted)
  return isKnown && isSame && hasBit(fleet.present, row)
}

/**
 * Which row was found last by a token whose hash begins like this, plus one: a guess that is looked at like any other row, so
 * that nothing has to be forgotten, and no secret is kept. It saves decoding a name and finding it among all.
 */
let guesses = new Int32Array(1024)

function slotOf(word: number, devices: number): number {
  while (guesses.length < devices * 2) guesses = new Int32Array(guesses.length * 2)
  return word & (guesses.length - 1)
}

/** Throws 401. */
export function authenticateAdmin(tokenHash: string | undefined, header: string | undefined): void {
  const token = bearerToken(header, 'admin')
  if (!isSecret(token, tokenHash ?? NO_HASH))
    throw unauthorized('admin', 'BadToken', 'this is not the admin token; it stands in admin.token in the data folder')
}

export function unauthorized(realm: 'device' | 'admin', code: string, message: string): HttpProblem {
  const headers = { 'www-authenticate': `Bearer realm="ringmaster ${realm}"` }
  return new HttpProblem(401, code, message, { headers })
}

/** Enrolment keys that are good for once and are being used now: the fold takes them away only when the enrolment is durable. */
export type KeysInUse = Set<string>

/**
 * The hash of a key that may enrol a device now. Throws 403. A one-time key is reserved in `inUse`; the caller takes it out
 * again when the enrolment has been folded or has failed. Between the two nothing else runs with the same key.
 */
export function takeKey(state: State, inUse: KeysInUse, key: string, now: EpochMs): string {
  const keyHash = hashSecret(key)
  const known = state.access.keys.get(keyHash)
  if (known === undefined || inUse.has(keyHash)) throw badKey()
  if (known.expires !== undefined && known.expires <= now)
    throw new HttpProblem(403, 'KeyExpired', 'this enrolment key has expired; ask for a new one', { path: 'key' })
  if (known.once) inUse.add(keyHash)
  return keyHash
}

export function badKey(): HttpProblem {
  return new HttpProblem(
    403,
    'BadKey',
    'this enrolment key is not known, or was used up; ask for a new one (`ringmaster enrol-key`)',
    { path: 'key' },
  )
}

const NO_HASH = '0'.repeat(HASH_BYTES * 2)
// Written anew for every token.
const named = Buffer.alloc(MAX_TOKEN)

function deviceNamed(token: string): string {
  if (!token.startsWith(TOKEN_START)) return ''
  const end = token.indexOf('.', TOKEN_START.length)
  // One dot more than there should be, or one less.
  if (end < 0 || token.includes('.', end + 1)) return ''
  return named.toString('utf8', 0, named.write(token.slice(TOKEN_START.length, end), 'base64url'))
}
