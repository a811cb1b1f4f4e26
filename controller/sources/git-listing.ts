// Which files of a Git tree are declarations: the rules of folder.ts, over a listing in place of a disk.
import { posix } from 'node:path'
import { byName } from '../model/by-name.ts'
import { type FileProblem, isSkippedFolder, isYamlName } from './folder.ts'
import { MAX_ENTRIES, MAX_FILES, MAX_FOLDER_DEPTH } from './limits.ts'

/** A line of `git ls-tree -r`. `name`: from the listed tree on. */
export type TreeEntry = { readonly mode: string; readonly type: string; readonly oid: string; readonly name: string }
export type FoundFile = { readonly name: string; readonly oid: string }

export type TreeListing = {
  /** By name; more than MAX_FILES when there are too many. */
  readonly files: readonly FoundFile[]
  readonly problems: FileProblem[]
  /** Links out of the listed tree. `target`: from the top of the repository; undefined when it is outside of that, too. */
  readonly leaving: readonly { readonly name: string; readonly target: string | undefined }[]
}

type Node = FolderNode | { readonly type: 'File' | 'Link'; readonly oid: string } | { readonly type: 'Other' }
type FolderNode = { readonly type: 'Folder'; readonly entries: Map<string, Node> }

type Listing = {
  readonly root: FolderNode
  /** What blobs of links say. */
  readonly targets: ReadonlyMap<string, string>
  /** The listed tree's own place in the repository. */
  readonly base: readonly string[]
  readonly problems: FileProblem[]
  readonly files: FoundFile[]
  readonly leaving: { readonly name: string; readonly target: string | undefined }[]
  /** Real paths of the folders and files already listed. */
  readonly seen: Set<string>
  readonly links: string[]
  entries: number
}

/** Folders are skipped, links followed and what is reached twice is listed once, as in readFolder. */
export function listTree(
  entries: readonly TreeEntry[],
  targets: ReadonlyMap<string, string>,
  base: readonly string[],
): TreeListing {
  const root = treeOf(entries)
  const listing: Listing = {
    ...{ root, targets, base, problems: [], files: [], leaving: [], seen: new Set(), links: [], entries: 0 },
  }
  listFolder(listing, '', '', root, 0)
  // Links come last, so that what they lead to keeps its own name. Those found behind a link join the end of the list.
  for (let i = 0; i < listing.links.length; i++) followLink(listing, listing.links[i] ?? '')
  const { files, problems, leaving } = listing
  if (files.length > MAX_FILES || listing.entries > MAX_ENTRIES)
    problems.push({
      file: '.',
      code: 'RM1015',
      message: `more than ${MAX_FILES} files: declare several objects in one`,
    })
  return { files: files.slice(0, MAX_FILES).sort(byName), problems, leaving }
}

function treeOf(entries: readonly TreeEntry[]): FolderNode {
  const root: FolderNode = { type: 'Folder', entries: new Map() }
  for (const { mode, type, oid, name } of entries) {
    const segments = name.split('/')
    // One more than is allowed, so that it is noticed.
    const folders = segments.slice(0, -1).slice(0, MAX_FOLDER_DEPTH + 1)
    let folder = root
    for (const segment of folders) {
      const inner = folder.entries.get(segment)
      const next: FolderNode = inner?.type === 'Folder' ? inner : { type: 'Folder', entries: new Map() }
      folder.entries.set(segment, next)
      folder = next
    }
    if (folders.length < segments.length - 1) continue
    const node: Node = type !== 'blob' ? { type: 'Other' } : { type: mode === '120000' ? 'Link' : 'File', oid }
    folder.entries.set(segments.at(-1) ?? '', node)
  }
  return root
}

function listFolder(listing: Listing, name: string, real: string, folder: FolderNode, depth: number): void {
  if (depth > MAX_FOLDER_DEPTH) {
    const message = `folders are nested more than ${MAX_FOLDER_DEPTH} deep: nothing below was read`
    listing.problems.push({ file: name, code: 'RM1015', message })
    return
  }
  listing.seen.add(real)
  for (const [entry, node] of [...folder.entries].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (listing.files.length > MAX_FILES || ++listing.entries > MAX_ENTRIES) return
    const inner = posix.join(name, entry)
    const innerReal = posix.join(real, entry)
    if (node.type === 'Link') listing.links.push(inner)
    else if (node.type === 'Folder') {
      if (!isSkippedFolder(entry)) listFolder(listing, inner, innerReal, node, depth + 1)
    } else if (node.type === 'File' && isYamlName(entry) && !entry.startsWith('.')) {
      listing.files.push({ name: inner, oid: node.oid })
      listing.seen.add(innerReal)
    }
  }
}

function followLink(listing: Listing, name: string): void {
  const base = posix.basename(name)
  if (isSkippedFolder(base)) return
  const found = resolveLink(listing, name)
  if (found.type === 'Outside') listing.leaving.push({ name, target: found.target })
  else if (found.type === 'Nowhere') {
    if (isYamlName(base)) listing.problems.push(nowhere(name))
  } else if (listing.seen.has(found.real)) return
  else if (found.node.type === 'Folder') listFolder(listing, name, found.real, found.node, name.split('/').length)
  else if (found.node.type === 'File' && isYamlName(base)) {
    listing.seen.add(found.real)
    listing.files.push({ name, oid: found.node.oid })
  }
}

function nowhere(file: string): FileProblem {
  return { file, code: 'RM1017', message: 'the symbolic link leads nowhere: put the file itself here' }
}

type Resolved =
  | { readonly type: 'Found'; readonly real: string; readonly node: Node }
  | { readonly type: 'Outside'; readonly target: string | undefined }
  | { readonly type: 'Nowhere' }

/** Links on the way, as the operating system counts them. */
const MAX_HOPS = 40
const MAX_SEGMENTS = 10_000

// As the operating system does: segment by segment, where a link stands for what it says.
function resolveLink(listing: Listing, name: string): Resolved {
  const todo = name.split('/').reverse()
  const path: string[] = []
  let hops = 0
  for (let steps = 0; todo.length > 0; steps++) {
    const segment = todo.pop() ?? ''
    // A file has nothing below it and nothing above it, not even `.` and `..`.
    if (steps > MAX_SEGMENTS || nodeAt(listing.root, path)?.type !== 'Folder') return { type: 'Nowhere' }
    if (segment === '' || segment === '.') continue
    if (segment === '..') {
      if (path.pop() !== undefined) continue
      const target = outsideOf(listing, todo)
      const within = target === undefined ? undefined : belowBase(listing, target)
      if (within === undefined) return { type: 'Outside', target }
      if (++hops > MAX_HOPS) return { type: 'Nowhere' }
      todo.splice(0, todo.length, ...within.split('/').reverse())
      continue
    }
    path.push(segment)
    const node = nodeAt(listing.root, path)
    if (node === undefined) return { type: 'Nowhere' }
    if (node.type !== 'Link') continue
    const target = listing.targets.get(node.oid)
    if (target === undefined || target === '' || ++hops > MAX_HOPS) return { type: 'Nowhere' }
    if (target.startsWith('/')) return { type: 'Outside', target: undefined }
    path.pop()
    todo.push(...target.split('/').slice(0, MAX_SEGMENTS).reverse())
  }
  const node = nodeAt(listing.root, path)
  return node === undefined ? { type: 'Nowhere' } : { type: 'Found', real: path.join('/'), node }
}

/** Where a path leads that goes up from the listed tree: from the top of the repository, undefined outside of that. */
function outsideOf({ base }: Listing, todo: readonly string[]): string | undefined {
  if (base.length === 0) return undefined
  const path = posix.join(...base, '..', ...todo.toReversed())
  return path.startsWith('..') || path.startsWith('/') ? undefined : path.replace(/^\.$/, '').replace(/\/$/, '')
}

/** The part below the listed tree of a path that leads back into it. */
function belowBase({ base }: Listing, target: string): string | undefined {
  const own = base.join('/')
  return target === own || target.startsWith(`${own}/`) ? target.slice(own.length + 1) : undefined
}

function nodeAt(root: FolderNode, path: readonly string[]): Node | undefined {
  let node: Node | undefined = root
  for (const segment of path) node = node?.type === 'Folder' ? node.entries.get(segment) : undefined
  return node
}
