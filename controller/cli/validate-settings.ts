// Which ringmaster.yaml holds for which file: the nearest one above it, up to the root of the repository.
import { existsSync, readFileSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import type { Problem } from '../model/declared.ts'
import { KIND_NAMES } from '../model/kinds.ts'
import type { SourceFile } from '../sources/folder.ts'
import { MAX_FILE_BYTES } from '../sources/limits.ts'
import type { Project } from '../sources/project-file.ts'
import { PROJECT_FILE } from '../sources/project-settings.ts'

export type Settings = {
  /** The folder of the ringmaster.yaml that holds for files of `folder`; undefined where there is none. */
  readonly rootOf: (folder: string) => string | undefined
  readonly projectOf: (root: string | undefined) => Project | undefined
  /** Whether the file is one of settings, and so no file of declarations. */
  readonly isSettings: (file: SourceFile) => boolean
  readonly problems: readonly Problem[]
  /** Whether the file that was named is not there. */
  readonly missing: boolean
}

/** `config`: a file that holds for all, in place of those found; which folders are sets of their own stays the same. */
export async function settingsOf(files: readonly SourceFile[], config: string | undefined): Promise<Settings> {
  const problems: Problem[] = []
  const roots = new Map<string, string | undefined>()
  const rootOf = (folder: string) => {
    if (!roots.has(folder)) roots.set(folder, rootAbove(folder, roots))
    return roots.get(folder)
  }
  const projects = new Map<string, Project | undefined>()
  for (const { folder } of files) {
    const root = rootOf(folder)
    if (root !== undefined && config === undefined && !projects.has(root))
      projects.set(root, await projectAt(join(root, PROJECT_FILE), problems))
  }
  const named = config === undefined ? undefined : await projectAt(resolve(config), problems)
  return {
    rootOf,
    projectOf: (root) => (config === undefined ? projects.get(root ?? '') : named),
    isSettings: ({ name, folder }) => basename(name) === PROJECT_FILE && rootOf(folder) === folder,
    problems,
    missing: problems.some(({ code }) => code === 'RM1014'),
  }
}

/** A folder with `.git` is the root of its repository, and nothing above it is looked at. */
function rootAbove(folder: string, known: ReadonlyMap<string, string | undefined>): string | undefined {
  for (let at = folder; ; at = dirname(at)) {
    if (known.has(at)) return known.get(at)
    if (holdsSettings(join(at, PROJECT_FILE))) return at
    if (existsSync(join(at, '.git')) || dirname(at) === at) return undefined
  }
}

// A file of this name may as well hold declarations: it says by its kind what it is.
function holdsSettings(path: string): boolean {
  const text = readText(path)
  if (text === undefined) return false
  const kinds = [...text.matchAll(/^kind: *["']?(\w+)/gm)].map(([, kind]) => kind)
  return !kinds.some((kind) => KIND_NAMES.some((known) => known === kind))
}

function readText(path: string): string | undefined {
  try {
    const bytes = readFileSync(path)
    return bytes.length > MAX_FILE_BYTES ? '' : bytes.toString()
  } catch {
    return undefined
  }
}

async function projectAt(path: string, problems: Problem[]): Promise<Project | undefined> {
  const file = relative(process.cwd(), path).startsWith('..') ? path : relative(process.cwd(), path)
  const text = readText(path)
  if (text === undefined) {
    problems.push({ file, line: 1, column: 1, path: '', code: 'RM1014', message: 'the settings cannot be read' })
    return undefined
  }
  // Loaded when there are settings: few files are checked as often as those without.
  const { readProject } = await import('../sources/project-file.ts')
  const read = readProject(file, text)
  if (read.type === 'Read') return read.value
  for (const problem of read.problems) problems.push(problem)
  return undefined
}
