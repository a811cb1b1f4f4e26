// The YAML files of one commit, read from a local repository without a checkout: what readFolder gives for a folder.
import { join, posix } from 'node:path'
import { type FileProblem, type Folder, isYamlName, type SourceFile } from './folder.ts'
import { GitFailure, type GitRun, git, gitCatFile } from './git.ts'
import { type FoundFile, listTree, type TreeEntry } from './git-listing.ts'
import { MAX_FILE_BYTES, MAX_FILES, MAX_SOURCE_BYTES } from './limits.ts'

export type GitCommit = {
  /** Its whole hash. */
  readonly commit: string
  /** As `Name <address>`. */
  readonly author: string
  /** When it was committed, as RFC 3339 in UTC. */
  readonly date: string
  /** First line of its message. */
  readonly subject: string
}

export type TreeOptions = {
  /** The folder in the tree that is read; what lies elsewhere is outside. Default: all of it. */
  readonly path?: string
  /** What relative paths in the files start from, as if the folder `path` lay there. Default: the repository. Empty: nowhere. */
  readonly folder?: string
  /** Called before blobs are read, with those that are about to be; for a repository that has not all of them. */
  readonly prepare?: (blobs: readonly string[]) => Promise<void>
  readonly signal?: AbortSignal
  /** `repository` is a bare one; see GitRun. */
  readonly exact?: boolean
}

/** Bytes of listing: more is a tree made to be endless. */
const MAX_LISTING_BYTES = 128 * 1024 * 1024
const READ_MS = 120_000

/**
 * The commit that a branch, tag, hash or other revision names. `repository`: a work tree, or a bare repository.
 * Throws a GitFailure that says so when there is none.
 */
export async function resolveCommit(
  repository: string,
  ref: string,
  options: Pick<TreeOptions, 'signal' | 'exact'> = {},
): Promise<GitCommit> {
  const run = runIn(repository, options)
  if (ref === '' || ref.startsWith('-')) throw new GitFailure('Failed', `"${ref}" is no name of a commit`)
  const commit = (await git(['rev-parse', '--verify', '--end-of-options', `${ref}^{commit}`], run)).trim()
  const format = '--format=%an <%ae>%x00%cI%x00%s'
  const shown = await git(['log', '-1', '--no-show-signature', format, commit], run)
  const [author = '', date = '', subject = ''] = shown.trim().split('\0')
  return { commit, author, date: Temporal.Instant.from(date).toString(), subject: subject.slice(0, 500) }
}

/**
 * Every *.yaml and *.yml of a commit below `path`, by name, under the rules and limits of readFolder: the same folders are
 * skipped, links are followed within `path` only. Throws a GitFailure when git cannot read the commit; what is wrong with
 * its content is a problem.
 */
export async function readGitTree(repository: string, commit: string, options: TreeOptions = {}): Promise<Folder> {
  const path = posix.normalize(options.path ?? '.').replace(/^\/+|\/+$/g, '')
  const run = runIn(repository, options)
  const inner = path === '.' ? '' : path
  const base = inner === '' ? [] : inner.split('/')
  const whole = await treeBelow(run, commit, inner)
  if ('code' in whole) return { files: [], problems: [whole] }
  const { prepare = async () => {} } = options
  const links = whole.filter(({ mode }) => mode === '120000').map(({ oid }) => oid)
  const targets = await readLinks(run, links, prepare)
  const { files, problems, leaving } = listTree(whole, targets, base)
  problems.push(...(await leavingLinks(run, commit, leaving)))
  const folder = options.folder === '' ? undefined : join(options.folder ?? repository, inner)
  const read = await readBlobs(run, files.slice(0, MAX_FILES), folder, prepare)
  return { files: read.files, problems: [...problems, ...read.problems] }
}

function runIn(folder: string, { signal, exact }: Pick<TreeOptions, 'signal' | 'exact'>): GitRun {
  return { folder, timeoutMs: READ_MS, ...(signal && { signal }), ...(exact && { exact }) }
}

async function treeBelow(run: GitRun, commit: string, path: string): Promise<TreeEntry[] | FileProblem> {
  const broken = (message: string): FileProblem => ({ file: '.', code: 'RM1014', message })
  if (path.startsWith('..')) return broken(`cannot be read: ${path} lies outside of the repository`)
  if (path !== '') {
    const found = await git(['ls-tree', '-z', '--full-tree', commit, '--', path], run)
    if (found === '') return broken(`cannot be read: there is no folder ${path} in the commit`)
    if (entriesOf(found)[0]?.type !== 'tree') return broken(`cannot be read: ${path} is no folder`)
  }
  try {
    const listing = { ...run, maxBytes: MAX_LISTING_BYTES }
    return entriesOf(await git(['ls-tree', '-r', '-z', '--full-tree', `${commit}:${path}`], listing))
  } catch (error) {
    if (!(error instanceof GitFailure) || error.type !== 'TooMuch') throw error
    return { file: '.', code: 'RM1015', message: `more than ${MAX_FILES} files: declare several objects in one` }
  }
}

/** The lines of `git ls-tree -z`. */
export function entriesOf(listing: string): TreeEntry[] {
  return listing.split('\0').flatMap((line) => {
    const [, mode, type, oid, name] = /^(\d+) (\w+) ([0-9a-f]+)\t([\s\S]+)$/.exec(line) ?? []
    return mode && type && oid && name ? [{ mode, type, oid, name }] : []
  })
}

/** Longer ones lead nowhere. */
const MAX_LINK_BYTES = 4096
const MAX_LINKS = 10_000

/** Where links lead, by blob. */
async function readLinks(
  run: GitRun,
  blobs: readonly string[],
  prepare: (blobs: readonly string[]) => Promise<void>,
): Promise<Map<string, string>> {
  const wanted = [...new Set(blobs)].slice(0, MAX_LINKS)
  if (wanted.length === 0) return new Map()
  await prepare(wanted)
  const sizes = await sizesOf(run, wanted)
  const short = wanted.filter((oid) => (sizes.get(oid) ?? Infinity) <= MAX_LINK_BYTES)
  const contents = await contentsOf(run, short, sizes)
  return new Map(short.map((oid) => [oid, Buffer.from(contents.get(oid) ?? []).toString('utf8')]))
}

// A folder that is linked to from elsewhere would be read by readFolder; a file that is no declaration would not matter.
async function leavingLinks(
  run: GitRun,
  commit: string,
  leaving: readonly { readonly name: string; readonly target: string | undefined }[],
): Promise<FileProblem[]> {
  const targets = [...new Set(leaving.flatMap(({ target }) => (target === undefined || target === '' ? [] : [target])))]
  const types = new Map<string, string>()
  for (let i = 0; i < targets.length; i += 500) {
    const listing = await git(['ls-tree', '-z', '--full-tree', commit, '--', ...targets.slice(i, i + 500)], run)
    for (const { name, type } of entriesOf(listing)) types.set(name, type)
  }
  return leaving.flatMap(({ name, target }) => {
    const type = target === undefined || target === '' ? 'tree' : types.get(target)
    if (type !== 'tree' && !isYamlName(posix.basename(name))) return []
    const why = type === undefined ? 'leads nowhere' : 'leads out of the folder'
    return [{ file: name, code: 'RM1017', message: `the symbolic link ${why}: put the file itself here` } as const]
  })
}

async function readBlobs(
  run: GitRun,
  found: readonly FoundFile[],
  folder: string | undefined,
  prepare: (blobs: readonly string[]) => Promise<void>,
): Promise<{ files: SourceFile[]; problems: FileProblem[] }> {
  const blobs = [...new Set(found.map(({ oid }) => oid))]
  if (blobs.length === 0) return { files: [], problems: [] }
  await prepare(blobs)
  const sizes = await sizesOf(run, blobs)
  const problems: FileProblem[] = []
  const wanted: FoundFile[] = []
  let bytes = 0
  for (const { name, oid } of found) {
    const size = sizes.get(oid)
    if (size === undefined) problems.push({ file: name, code: 'RM1014', message: 'cannot be read: git has not got it' })
    else if (size > MAX_FILE_BYTES) {
      const message = `the file has ${size} bytes, at most ${MAX_FILE_BYTES} (1 MiB) are read: split it`
      problems.push({ file: name, code: 'RM1001', message })
    } else if (bytes + size > MAX_SOURCE_BYTES) {
      const message = `the files have more than ${MAX_SOURCE_BYTES} bytes (64 MiB) together: this one and what follows was not read`
      problems.push({ file: name, code: 'RM1001', message })
      break
    } else {
      bytes += size
      wanted.push({ name, oid })
    }
  }
  const contents = await contentsOf(run, [...new Set(wanted.map(({ oid }) => oid))], sizes)
  const folderOf = (name: string) => (folder === undefined ? '' : join(folder, posix.dirname(name)))
  const files = wanted.flatMap(({ name, oid }) => {
    const content = contents.get(oid)
    return content === undefined ? [] : [{ name, folder: folderOf(name), bytes: content }]
  })
  return { files, problems }
}

/** Bytes of each blob; those that are missing are left out. */
export async function sizesOf(run: GitRun, blobs: readonly string[]): Promise<Map<string, number>> {
  const input = blobs.map((oid) => `${oid}\n`).join('')
  const told = Buffer.from(await gitCatFile(['--batch-check'], { ...run, input })).toString('utf8')
  return new Map(
    told.split('\n').flatMap((line) => {
      const [, oid, size] = /^([0-9a-f]+) blob (\d+)$/.exec(line) ?? []
      return oid && size ? [[oid, Number(size)] as const] : []
    }),
  )
}

/** The header of each object in the answer of `cat-file --batch`, at most. */
const HEADER_BYTES = 128

/** Bytes of each blob, of those whose `sizes` are known. Throws a GitFailure. */
export async function contentsOf(
  run: GitRun,
  blobs: readonly string[],
  sizes: ReadonlyMap<string, number>,
): Promise<Map<string, Uint8Array>> {
  if (blobs.length === 0) return new Map()
  const input = blobs.map((oid) => `${oid}\n`).join('')
  const maxBytes = blobs.reduce((sum, oid) => sum + (sizes.get(oid) ?? 0) + HEADER_BYTES, 0)
  const bytes = await gitCatFile(['--batch'], { ...run, input, maxBytes })
  const contents = new Map<string, Uint8Array>()
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(10, at)
    const [oid = '', , size] = Buffer.from(bytes.subarray(at, end)).toString('latin1').split(' ')
    const length = Number(size)
    if (end < 0 || !Number.isSafeInteger(length)) throw new GitFailure('Failed', `the object ${oid} cannot be read`)
    contents.set(oid, bytes.subarray(end + 1, end + 1 + length))
    at = end + length + 2
  }
  return contents
}
