// Snapshots of the SQLite engine as files beside the database: hundreds of megabytes are written without blocking the event
// loop, and do not pass through the write-ahead log. Which of them count is said by rows of the database, so that an older
// database put back from a backup never takes a newer state for its own.
import { createReadStream, readdirSync, readFileSync, rmSync } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { crc32 } from 'node:zlib'
import { reasonOf } from '../model/reason.ts'
import type { SnapshotRecord } from './chunk-store.ts'
import { JournalError, type Parts } from './journal.ts'

/**
 * So much of a snapshot goes to the disk at a time. All of it at the end would hold up the journal's own syncs: appends waited
 * for up to 89 ms (p99) then, and wait for 21 ms.
 */
const SYNC_BYTES = 8 << 20

/** The name says sequence number and checksum, so that no file is ever written over by different bytes. */
export function snapshotPath(database: string, { seq, check }: SnapshotRecord): string {
  return `${database}.snapshot-${seq}-${check.toString(16).padStart(8, '0')}`
}

/** Whether any snapshot lies beside this database, whatever it is worth. */
export function hasSnapshotFiles(database: string): boolean {
  return snapshotFiles(database).length > 0
}

/** Deletes what a crash left behind while a snapshot was being written. */
export function removeUnfinishedSnapshots(database: string): void {
  for (const name of snapshotFiles(database)) if (name.endsWith('.tmp')) rmSync(`${dirname(database)}/${name}`)
}

/** Durable when it resolves. Throws DiskFull or Unsaved, leaving nothing behind. */
export async function writeSnapshotFile(database: string, seq: number, parts: Parts): Promise<SnapshotRecord> {
  const unfinished = `${database}.snapshot-${seq}.tmp`
  let size = 0
  let check = 0
  try {
    const file = await open(unfinished, 'w')
    try {
      let unsynced = 0
      for await (const part of parts) {
        await file.writeFile(part)
        size += part.length
        check = crc32(part, check)
        unsynced += part.length
        if (unsynced < SYNC_BYTES) continue
        await file.datasync()
        unsynced = 0
      }
      await file.sync()
    } finally {
      await file.close()
    }
    const record = { seq, size, check }
    await rename(unfinished, snapshotPath(database, record))
    await syncFolder(dirname(database))
    return record
  } catch (error) {
    await rm(unfinished, { force: true })
    const full = error instanceof Error && 'code' in error && error.code === 'ENOSPC'
    if (full)
      throw new JournalError('DiskFull', 'The disk is full: the snapshot was not saved. Make room on it.', error)
    throw new JournalError('Unsaved', `The snapshot was not saved: ${reasonOf(error)}`, error)
  }
}

export function readSnapshotFile(path: string): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, length } = readFileSync(path)
  return new Uint8Array(buffer, byteOffset, length)
}

export async function isSnapshotFileGood(path: string, { size, check }: SnapshotRecord): Promise<boolean> {
  try {
    let length = 0
    let sum = 0
    for await (const part of createReadStream(path, { highWaterMark: 1 << 20 })) {
      length += part.length
      sum = crc32(part, sum)
    }
    return length === size && sum === check
  } catch {
    return false
  }
}

export function removeSnapshotFile(path: string): void {
  rmSync(path, { force: true })
}

function snapshotFiles(database: string): string[] {
  const prefix = `${basename(database)}.snapshot-`
  return readdirSync(dirname(database)).filter((name) => name.startsWith(prefix))
}

async function syncFolder(path: string): Promise<void> {
  // A folder cannot be opened on Windows, and need not be.
  if (process.platform === 'win32') return
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
