// One side of a comparison: the declarations of a directory, of a commit, or of the work tree of a repository.
import { existsSync, promises as fs } from 'node:fs'
import { join, relative } from 'node:path'
import type { Declared, Problem } from '../model/declared.ts'
import { reasonOf } from '../model/reason.ts'
import type { Side } from '../preview/compare.ts'
import { assemble } from '../sources/assemble.ts'
import type { Declarations } from '../sources/assemble-by.ts'
import { loadDirectory } from '../sources/directory-source.ts'
import { git } from '../sources/git.ts'
import { readGitTree, resolveCommit } from '../sources/git-tree.ts'
import { StartError } from './start-error.ts'

/** Where declarations are: a directory, or a commit of a repository; `path` is a folder in it. */
export type Place =
  | { readonly type: 'Directory'; readonly path: string }
  | { readonly type: 'Commit'; readonly repository: string; readonly ref: string; readonly path: string }
  | { readonly type: 'WorkTree'; readonly repository: string; readonly path: string }

export type LoadedSide = Side & {
  /** What stands before the names of files in messages: `deploy/`, or `main:deploy/` for a commit. */
  readonly prefix: string
  /** Objects whose feeds have absolute paths, to read them. */
  readonly placed: readonly Declared[]
  readonly problems: readonly Problem[]
  /** How many problems there are in all. */
  readonly total: number
}

const SOURCE = 'directory'

/**
 * Throws a StartError that says what cannot be read; what is wrong in the declarations is a problem. `elsewhere`: objects of
 * other sources, which they may refer to.
 */
export async function loadSide(place: Place, elsewhere: readonly Declared[] = []): Promise<LoadedSide> {
  if (place.type === 'Commit') return loadCommit(place, elsewhere)
  const path = place.type === 'Directory' ? place.path : join(place.repository, place.path)
  const load = await loadDirectory(path, SOURCE, new Map(), () => elsewhere)
  const gone = load.problems.find(({ file, code }) => file === '.' && code === 'RM1014')
  if (gone !== undefined) throw new StartError(`${path}: ${gone.message}`)
  if (load.files.length === 0 && load.total === 0) throw new StartError(`${path} has no YAML file`)
  const label = place.type === 'Directory' ? place.path : 'work tree'
  return sideOf({ label, prefix: prefixOf(place.path), revision: load.revision }, load, await fs.realpath(path))
}

/** The top folder of the repository that a folder is in. Throws a StartError. */
export async function repositoryOf(folder: string): Promise<string> {
  try {
    return (await git(['rev-parse', '--show-toplevel'], { folder })).trim()
  } catch (error) {
    throw new StartError(
      `${folder} is in no git repository (${reasonOf(error)}): go into one, or name two directories`,
      error,
    )
  }
}

/** What `--compare` names: a directory where there is one, else a commit, with the folder that `path` is in its repository. */
export async function placeToCompare(base: string, path: string): Promise<Place> {
  if (existsSync(base)) return { type: 'Directory', path: base }
  const repository = await repositoryOf(path)
  const inner = relative(repository, await fs.realpath(path))
  return { type: 'Commit', repository, ref: base, path: inner === '' ? '.' : inner }
}

async function loadCommit(
  { repository, ref, path }: Extract<Place, { type: 'Commit' }>,
  elsewhere: readonly Declared[],
): Promise<LoadedSide> {
  try {
    const { commit, author } = await resolveCommit(repository, ref).catch((error: unknown) => {
      throw new StartError(`${ref} cannot be read: it names no branch, tag or commit here (${reasonOf(error)})`, error)
    })
    const { files, problems } = await readGitTree(repository, commit, { path })
    const gone = problems.find(({ file, code }) => file === '.' && code === 'RM1014')
    if (gone !== undefined) throw new StartError(`${ref}: ${gone.message}`)
    const load = assemble(SOURCE, files, problems, new Map(), new Set(), { elsewhere })
    const names = { label: ref, prefix: `${ref}:${prefixOf(path)}`, revision: `${ref}@sha1:${commit}` }
    const side = sideOf(names, load, join(repository, path))
    const from = { commit, author }
    return { ...side, objects: side.objects.map((one) => ({ ...one, origin: { ...one.origin, ...from } })) }
  } catch (error) {
    if (error instanceof StartError) throw error
    throw new StartError(`${ref} cannot be read: ${reasonOf(error)}`, error)
  }
}

type Names = Pick<LoadedSide, 'label' | 'prefix' | 'revision'>

function sideOf(names: Names, load: Declarations, root: string): LoadedSide {
  const { objects: placed, problems, total } = load
  return { ...names, objects: placed.map((one) => withoutRoot(one, root)), placed, problems, total }
}

function prefixOf(path: string): string {
  return path === '.' ? '' : `${path.replace(/\/+$/, '')}/`
}

// Two checkouts of the same files are to compare as equal, wherever they lie.
function withoutRoot(object: Declared, root: string): Declared {
  if (object.kind !== 'UpdateSource' || object.spec.path === undefined) return object
  return { ...object, spec: { ...object.spec, path: relative(root, object.spec.path) } }
}
