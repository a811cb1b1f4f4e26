// The data folder and the two secrets in it that are made at the first start. Whoever may read the folder's files is an admin.
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
import { reasonOf } from '../journal/journal.ts'
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

/** Reads the secrets of a data folder, making those that are not there. Throws a StartError. */
export function readSecrets(data: string): Secrets {
  const adminTokenFile = resolve(data, ADMIN_TOKEN_FILE)
  const enrolmentKeyFile = resolve(data, ENROLMENT_KEY_FILE)
  return {
    adminToken: readOrMake(adminTokenFile),
    adminTokenFile,
    enrolmentKey: readOrMake(enrolmentKeyFile),
    enrolmentKeyFile,
  }
}

const MIN_CHARS = 16
const MAX_CHARS = 256

function readOrMake(file: string): string {
  try {
    const secret = readIfThere(file) ?? make(file)
    if (secret.length >= MIN_CHARS && secret.length <= MAX_CHARS) return secret
  } catch (error) {
    throw new StartError(`${file} cannot be used: ${reasonOf(error)}`, error)
  }
  throw new StartError(`${file} must hold ${MIN_CHARS} to ${MAX_CHARS} characters: delete it, and a good one is made`)
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
