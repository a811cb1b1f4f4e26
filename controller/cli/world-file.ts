// Worlds that somebody else made: the state of a live controller, of a snapshot file, or of a data folder.
import { mkdtempSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { zstdCompress, zstdDecompress } from 'node:zlib'
import { copyJournal } from '../journal/copy-journal.ts'
import { openSqliteJournal } from '../journal/sqlite-journal.ts'
import { reasonOf } from '../model/reason.ts'
import { decodeFact } from '../runtime/fact-codec.ts'
import { ringmasterVersion } from '../runtime/version.ts'
import { SNAPSHOT_PATH } from '../serve/snapshot-route.ts'
import { TIME_LIMITS } from '../serve/time-limits.ts'
import { apply } from '../state/apply.ts'
import { decodeExport, type ExportInfo, encodeExport } from '../state/exported-state.ts'
import { decodeState, newState, type State } from '../state/state.ts'
import type { Client } from './client.ts'
import { JOURNAL_FILE } from './start-controller.ts'
import { StartError } from './start-error.ts'

/** Bytes of a snapshot, packed and unpacked: some twenty million devices. */
const MAX_PACKED = 1024 * 1024 * 1024
const MAX_UNPACKED = 4 * 1024 * 1024 * 1024 - 1

export type ExportedWorld = { readonly about: ExportInfo; readonly state: State }

const pack = promisify(zstdCompress)
const unpack = promisify(zstdDecompress)

/** The packed snapshot of a running controller, as it came. Throws a StartError. */
export async function fetchSnapshot({ url, token }: Pick<Client, 'url' | 'token'>): Promise<Uint8Array> {
  let response: Response
  try {
    response = await fetch(url + SNAPSHOT_PATH, {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      // A token goes to the address that was named, and nowhere else.
      redirect: 'error',
      signal: AbortSignal.timeout(TIME_LIMITS.snapshot),
    })
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
    throw new StartError(`no controller answers at ${url} (${reasonOf(cause)}): name another with --server URL`, error)
  }
  if (!response.ok) {
    const hint = response.status === 401 ? ': name the admin token with --token-file FILE or $RINGMASTER_TOKEN' : ''
    throw new StartError(`${url} gave no snapshot (${response.status})${hint}`)
  }
  return readBounded(response)
}

async function readBounded({ body }: Response): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of body ?? []) {
    bytes += part.length
    if (bytes > MAX_PACKED) throw new StartError(`the snapshot is larger than ${MAX_PACKED} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts)
}

/** Throws a StartError for a file that cannot be read or is too large. */
export async function readSnapshotBytes(path: string): Promise<Uint8Array> {
  try {
    const file = await open(path)
    try {
      const { size } = await file.stat()
      if (size > MAX_PACKED) throw new Error(`it is larger than ${MAX_PACKED} bytes`)
      return await file.readFile()
    } finally {
      await file.close()
    }
  } catch (error) {
    throw new StartError(`the snapshot ${path} cannot be read: ${reasonOf(error)}`, error)
  }
}

/** Throws a StartError for bytes that are no snapshot. `name`: what they are called in messages. */
export async function unpackSnapshot(bytes: Uint8Array, name: string): Promise<ExportedWorld> {
  try {
    return decodeExport(await unpack(bytes, { maxOutputLength: MAX_UNPACKED }))
  } catch (error) {
    throw new StartError(
      `${name} is no snapshot that can be read (${reasonOf(error)}): make one with \`ringmaster snapshot -o FILE\``,
      error,
    )
  }
}

/** The state of a data folder as it stands; a controller that runs on it is not disturbed. Throws a StartError. */
export async function readDataFolder(data: string): Promise<ExportedWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'ringmaster-snapshot-'))
  try {
    const journal = openSqliteJournal(copyJournal(join(data, JOURNAL_FILE), folder), decodeFact)
    const snapshot = journal.latestSnapshot()
    const state = snapshot === undefined ? newState() : decodeState(snapshot.bytes)
    for (const { at, fact } of journal.read(snapshot?.seq ?? 0)) apply(state, at, fact)
    const seq = journal.lastSeq
    await journal.close()
    return { state, about: { takenAt: state.clock, version: ringmasterVersion(), seq, revisions: {} } }
  } catch (error) {
    throw new StartError(`the data folder ${data} cannot be read: ${reasonOf(error)}`, error)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export async function packSnapshot({ state, about }: ExportedWorld): Promise<Uint8Array> {
  return pack(encodeExport(state, about))
}
