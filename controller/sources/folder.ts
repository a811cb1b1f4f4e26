// The YAML files of a folder, read within limits and without leaving the folder.
import { closeSync, constants, type Dirent, promises as fs, openSync, readdirSync, readSync } from 'node:fs'
import { dirname, join, posix, sep } from 'node:path'
import { byName } from '../model/by-name.ts'
import type { Code } from './codes.ts'
import { MAX_ENTRIES, MAX_FILE_BYTES, MAX_FILES, MAX_FOLDER_DEPTH, MAX_SOURCE_BYTES } from './limits.ts'

/** `name`: relative to the folder, with `/`. `folder`: absolute, what relative paths in the file start from; empty where there is none. */
export type SourceFile = { readonly name: string; readonly folder: string; readonly bytes: Uint8Array }
export type FileProblem = { readonly file: string; readonly code: Code; readonly message: string }
/** How files and folders are read: READ_MEANWHILE, or READ_NOW. */
export type Reading = {
  readonly file: (path: string, name: string, folder: string) => Read | Promise<Read>
  readonly entries: (path: string) => Dirent[] | Promise<Dirent[]>
}
type Read = SourceFile | FileProblem
export type Folder = { readonly files: readonly SourceFile[]; readonly problems: readonly FileProblem[] }

/**
 * Every *.yaml and *.yml below `root`, by name. Folders whose name begins with a dot and node_modules are skipped.
 * Symbolic links are followed within the folder only, and what is reached twice is read once, under its own name.
 * Never throws: what cannot be read is a problem.
 */
export async function readFolder(root: string, reading: Reading = READ_MEANWHILE): Promise<Folder> {
  const problems: FileProblem[] = []
  try {
    const real = await fs.realpath(root)
    const names = await listFiles({ root: real, reading, problems, files: [], seen: new Set(), links: [], entries: 0 })
    return { files: await readFiles(real, names, reading, problems), problems }
  } catch (error) {
    return { files: [], problems: [cannotRead('.', error)] }
  }
}

/** One file by its path; `name` is how it is called in messages. */
export async function readOne(path: string, name: string, folder: string): Promise<SourceFile | FileProblem> {
  try {
    const stat = await fs.stat(path)
    if (!stat.isFile()) return { file: name, code: 'RM1014', message: 'this is no ordinary file' }
    if (stat.size > MAX_FILE_BYTES) return tooLarge(name, stat.size)
    return { name, folder, bytes: await fs.readFile(path) }
  } catch (error) {
    return cannotRead(name, error)
  }
}

const CHUNK_BYTES = 4 * MAX_FILE_BYTES
/** Files are read one behind the other into the same memory: memory of their own takes longer to have than their bytes to read. */
let chunk = Buffer.alloc(0)
let used = 0

/** What is not simply read is left to `readOne`, which says why. */
function readNow(path: string, name: string, folder: string): Read | Promise<Read> {
  if (chunk.length - used <= MAX_FILE_BYTES) {
    chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES)
    used = 0
  }
  let file: number | undefined
  try {
    // A named pipe without a writer must not be waited for.
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const length = readSync(file, chunk, used, MAX_FILE_BYTES + 1, 0)
    if (length <= MAX_FILE_BYTES) {
      used += length
      return { name, folder, bytes: chunk.subarray(used - length, used) }
    }
  } catch {
    // readOne finds the same, and a word for it.
  } finally {
    if (file !== undefined) closeSync(file)
  }
  return readOne(path, name, folder)
}

/** While others are served. */
export const READ_MEANWHILE: Reading = {
  file: readOne,
  entries: (path) => fs.readdir(path, { withFileTypes: true }),
}

/** Several times as fast, for a process that has nobody else to serve: it waits for the disk. */
export const READ_NOW: Reading = { file: readNow, entries: (path) => readdirSync(path, { withFileTypes: true }) }

export function isYamlName(name: string): boolean {
  return /\.ya?ml$/i.test(name)
}

/** Whether a folder of this name is left out. */
export function isSkippedFolder(name: string): boolean {
  return name.startsWith('.') || name === 'node_modules'
}

type Listing = {
  readonly root: string
  readonly reading: Reading
  readonly problems: FileProblem[]
  readonly files: string[]
  /** Real paths of the folders and files already listed. */
  readonly seen: Set<string>
  readonly links: string[]
  entries: number
}

async function listFiles(listing: Listing): Promise<string[]> {
  await listFolder(listing, '', listing.root, 0)
  // Links come last, so that what they lead to keeps its own name. Those found behind a link join the end of the list.
  for (let i = 0; i < listing.links.length; i++) await followLink(listing, listing.links[i] ?? '')
  const { files, problems } = listing
  if (files.length > MAX_FILES || listing.entries > MAX_ENTRIES)
    problems.push({
      file: '.',
      code: 'RM1015',
      message: `more than ${MAX_FILES} files: declare several objects in one`,
    })
  return files.slice(0, MAX_FILES).sort()
}

async function listFolder(listing: Listing, name: string, real: string, depth: number): Promise<void> {
  if (depth > MAX_FOLDER_DEPTH) {
    const message = `folders are nested more than ${MAX_FOLDER_DEPTH} deep: nothing below was read`
    listing.problems.push({ file: name, code: 'RM1015', message })
    return
  }
  listing.seen.add(real)
  for (const entry of await entriesOf(listing, name, real)) {
    if (listing.files.length > MAX_FILES || ++listing.entries > MAX_ENTRIES) return
    const inner = name === '' ? entry.name : `${name}/${entry.name}`
    const path = `${real}${sep}${entry.name}`
    if (entry.isSymbolicLink()) listing.links.push(inner)
    else if (entry.isDirectory()) {
      if (!isSkippedFolder(entry.name)) await listFolder(listing, inner, path, depth + 1)
    } else if (isYamlName(entry.name) && !entry.name.startsWith('.')) {
      listing.files.push(inner)
      listing.seen.add(path)
    }
  }
}

async function entriesOf(listing: Listing, name: string, real: string): Promise<Dirent[]> {
  try {
    const entries = await listing.reading.entries(real)
    return entries.sort(byName)
  } catch (error) {
    if (name === '') throw error
    listing.problems.push(cannotRead(name, error))
    return []
  }
}

async function followLink(listing: Listing, name: string): Promise<void> {
  const base = posix.basename(name)
  if (isSkippedFolder(base)) return
  try {
    const real = await fs.realpath(join(listing.root, name))
    const folder = (await fs.stat(real)).isDirectory()
    if (!folder && !isYamlName(base)) return
    if (!`${real}${sep}`.startsWith(listing.root + sep)) listing.problems.push(outside(name, 'leads out of the folder'))
    else if (listing.seen.has(real)) return
    else if (folder) await listFolder(listing, name, real, name.split('/').length)
    else {
      listing.seen.add(real)
      listing.files.push(name)
    }
  } catch {
    if (isYamlName(base)) listing.problems.push(outside(name, 'leads nowhere'))
  }
}

function outside(file: string, why: string): FileProblem {
  return { file, code: 'RM1017', message: `the symbolic link ${why}: put the file itself here` }
}

/** Files read at the same time. */
const READ_TOGETHER = 16

async function readFiles(
  root: string,
  names: readonly string[],
  reading: Reading,
  problems: FileProblem[],
): Promise<SourceFile[]> {
  const files: SourceFile[] = []
  let bytes = 0
  for (let i = 0; i < names.length; i += READ_TOGETHER) {
    const some = names.slice(i, i + READ_TOGETHER).map((name) => {
      const path = `${root}${sep}${name}`
      return reading.file(path, name, dirname(path))
    })
    for (const file of await Promise.all(some)) {
      if ('code' in file) problems.push(file)
      else if (bytes + file.bytes.length > MAX_SOURCE_BYTES) {
        const message = `the files have more than ${MAX_SOURCE_BYTES} bytes (64 MiB) together: this one and what follows was not read`
        problems.push({ file: file.name, code: 'RM1001', message })
        return files
      } else {
        bytes += file.bytes.length
        files.push(file)
      }
    }
  }
  return files
}

function tooLarge(file: string, size: number): FileProblem {
  const message = `the file has ${size} bytes, at most ${MAX_FILE_BYTES} (1 MiB) are read: split it`
  return { file, code: 'RM1001', message }
}

function cannotRead(file: string, error: unknown): FileProblem {
  return { file, code: 'RM1014', message: `cannot be read: ${cannotReadReason(error)}` }
}

/** Why the operating system would not, in words. */
export function cannotReadReason(error: unknown): string {
  const code = error instanceof Error ? ('code' in error ? String(error.code) : error.message) : 'unknown error'
  const why: Readonly<Record<string, string>> = {
    ENOENT: 'it does not exist',
    EACCES: 'permission is denied',
    ENOTDIR: 'it is no folder',
    ELOOP: 'its symbolic links go round in a circle',
  }
  return why[code] ?? code
}
