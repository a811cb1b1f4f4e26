// The data folder and the two secrets in it that are made at the first start, unless they are given by the environment. Whoever
// may read the folder's files is an admin.
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { reasonOf } from '../model/reason.ts'
import { randomSecret } from '../serve/auth.ts'
import { StartError } from './start-error.ts'

export const ADMIN_TOKEN_FILE = 'admin.token'
export const ENROLMENT_KEY_FILE = 'enrolment.key'

/** The secrets, and the files in which they stand. */
export type Secrets = {
  readonly adminToken: string
  readonly adminTokenFile: string
  /** The site key: enrols any number of devices. */
  readonly enrolmentKey: string
  readonly enrolmentKeyFile: string
  /** Names of the files that were made just now, with a secret that nobody else knows. */
  readonly made: readonly string[]
}

/** Throws a StartError when the folder cannot be made or written to. */
export function makeDataFolder(path: string): void {
  try {
    makeFolder(path)
    if (!statSync(path).isDirectory()) throw new Error('it is a file')
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    throw new StartError(
      `the data folder ${path} cannot be written to (${reasonOf(error)}): name another one with --data DIR`,
      error,
    )
  }
}

// Not `recursive: true`: in a place where nothing can be made, such as /proc, that of Node never returns.
function makeFolder(path: string): void {
  const parent = dirname(path)
  if (!existsSync(path) && parent !== path && !existsSync(parent)) makeFolder(parent)
  if (!existsSync(path)) mkdirSync(path, { mode: 0o700 })
}

/**
 * Reads the secrets: from RINGMASTER_ADMIN_TOKEN and RINGMASTER_ENROLMENT_KEY, else from the data folder, where those that are
 * not there are made. Throws a StartError.
 */
export function readSecrets(data: string): Secrets {
  const made: string[] = []
  const [adminToken, adminTokenFile] = secretNamed(ADMIN_TOKEN_FILE, 'RINGMASTER_ADMIN_TOKEN', data, made)
  const [enrolmentKey, enrolmentKeyFile] = secretNamed(ENROLMENT_KEY_FILE, 'RINGMASTER_ENROLMENT_KEY', data, made)
  return { adminToken, adminTokenFile, enrolmentKey, enrolmentKeyFile, made }
}

/** The secret, and where it stands. */
function secretNamed(name: string, variable: string, data: string, made: string[]): readonly [string, string] {
  const given = process.env[variable]?.trim() ?? ''
  if (given !== '') {
    if (isLongEnough(given)) return [given, `$${variable}`]
    throw new StartError(`$${variable} must hold ${MIN_CHARS} to ${MAX_CHARS} characters`)
  }
  const file = resolve(data, name)
  if (!existsSync(file)) made.push(name)
  return [readOrMake(file), file]
}

const MIN_CHARS = 16
const MAX_CHARS = 256

function readOrMake(file: string): string {
  try {
    const secret = readIfThere(file) ?? make(file)
    if (isLongEnough(secret)) return secret
  } catch (error) {
    throw new StartError(`${file} cannot be used: ${reasonOf(error)}`, error)
  }
  throw new StartError(`${file} must hold ${MIN_CHARS} to ${MAX_CHARS} characters: delete it, and a good one is made`)
}

function isLongEnough({ length }: string): boolean {
  return length >= MIN_CHARS && length <= MAX_CHARS
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

// Under another name first: a crash leaves a whole secret or none.
function make(file: string): string {
  const secret = randomSecret()
  const unfinished = join(`${file}.tmp`)
  writeFileSync(unfinished, `${secret}\n`, { mode: 0o600 })
  renameSync(unfinished, file)
  return secret
}
