// The files that `ringmaster validate` is to check, in sets: a folder with a ringmaster.yaml of its own is a set of its own,
// as a controller would be pointed at it.
import { promises as fs } from 'node:fs'
import { basename, dirname, join, matchesGlob, relative, resolve } from 'node:path'
import type { Problem } from '../model/declared.ts'
import type { FileSet } from '../sources/check-set.ts'
import { type FileProblem, READ_NOW, readFolder, type SourceFile } from '../sources/folder.ts'
import { MAX_FILE_BYTES } from '../sources/limits.ts'
import type { Project } from '../sources/project-file.ts'
import { type Settings, settingsOf } from './validate-settings.ts'

export const STDIN = '-'

export type Gathered = {
  readonly sets: readonly FileSet[]
  /** What is wrong with files of settings. */
  readonly problems: readonly Problem[]
  /** Whether a path that was named is not there. */
  readonly missing: boolean
}

export type Sources = {
  readonly paths: readonly string[]
  /** Settings for everything, in place of those found. */
  readonly config?: string | undefined
  /** Asked for when a path is `-`: to open it takes time. */
  readonly stdin: () => AsyncIterable<Uint8Array | string>
}

type Found = {
  readonly files: SourceFile[]
  readonly unread: FileProblem[]
  readonly explicit: Set<string>
  missing: boolean
}

export async function gather(sources: Sources): Promise<Gathered> {
  const { paths, config } = sources
  const found: Found = { files: [], unread: [], explicit: new Set(), missing: false }
  for (const path of paths) {
    if (path === STDIN) await addStdin(found, sources.stdin())
    else if (await isFolder(path)) await addFolder(found, path)
    else await addFile(found, path)
  }
  const files = paths.length < 2 ? found.files : onceEach(found.files)
  const settings = await settingsOf(files, config)
  const missing = found.missing || settings.missing
  return { sets: setsOf({ ...found, files }, settings), problems: settings.problems, missing }
}

async function addFolder(found: Found, path: string): Promise<void> {
  const folder = await readFolder(path, READ_NOW)
  const prefix = join(path, 'x').slice(0, -1)
  for (const file of folder.files) found.files.push({ ...file, name: prefix + file.name })
  for (const problem of folder.problems) found.unread.push({ ...problem, file: join(path, problem.file) })
  // A wrong path in CI must not pass for a directory without errors.
  if (folder.files.length === 0 && folder.problems.length === 0)
    found.unread.push({ file: path, code: 'RM1018', message: 'the directory has no YAML file to check' })
  found.missing ||= folder.problems.some((problem) => problem.file === '.' && problem.code === 'RM1014')
}

async function addFile(found: Found, path: string): Promise<void> {
  found.explicit.add(path)
  const file = await READ_NOW.file(path, path, dirname(resolve(path)))
  if (!('code' in file)) found.files.push(file)
  else {
    found.unread.push(file)
    found.missing ||= file.code === 'RM1014'
  }
}

/** What kustomize and helm print, strangers among it; only nothing at all is a mistake. */
async function addStdin(found: Found, stdin: ReturnType<Sources['stdin']>): Promise<void> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of stdin) {
    const bytes = typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk
    length += bytes.length
    if (length > MAX_FILE_BYTES) {
      const message = `more than ${MAX_FILE_BYTES} bytes (1 MiB) came: write it to several files`
      found.unread.push({ file: STDIN, code: 'RM1001', message })
      return
    }
    chunks.push(bytes)
  }
  const bytes = Buffer.concat(chunks)
  if (bytes.toString().trim() === '')
    found.unread.push({ file: STDIN, code: 'RM1018', message: 'nothing came by standard input' })
  else found.files.push({ name: STDIN, folder: process.cwd(), bytes })
}

function onceEach(files: readonly SourceFile[]): SourceFile[] {
  const seen = new Set<string>()
  return files.filter(({ name, folder }) => {
    const place = name === STDIN ? name : join(folder, basename(name))
    return !seen.has(place) && seen.add(place)
  })
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await fs.stat(path)).isDirectory()
  } catch {
    return false
  }
}

function setsOf(found: Found, settings: Settings): FileSet[] {
  const byRoot = Map.groupBy(found.files, (file) => settings.rootOf(file.folder))
  // What could not be read belongs to what is checked outside of every such folder.
  if (found.unread.length > 0 && !byRoot.has(undefined)) byRoot.set(undefined, [])
  return [...byRoot].map(([root, files]) => {
    const project = settings.projectOf(root)
    return {
      files: files.filter((file) => !settings.isSettings(file) && !isIgnored(file, root, project)),
      unread: root === undefined ? found.unread : [],
      explicit: found.explicit,
      project,
    }
  })
}

function isIgnored(file: SourceFile, root: string | undefined, project: Project | undefined): boolean {
  const patterns = project?.spec.ignore ?? []
  if (patterns.length === 0 || file.name === STDIN) return false
  const path = relative(root ?? process.cwd(), join(file.folder, basename(file.name)))
  return patterns.some((pattern) => matchesGlob(path, pattern.replace(/\/$/, '/**')))
}
