// What a policy test needs from outside: declarations, the objects that its steps declare, and its feed.
import { promises as fs } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { FeedResult } from '../catalog/feeds/feed-result.ts'
import { parseFeed } from '../catalog/feeds/parse-feed.ts'
import { readFeed } from '../catalog/feeds/read-feed.ts'
import type { Declared, Problem } from '../model/declared.ts'
import { assemble } from '../sources/assemble.ts'
import { type FileProblem, readFolder, readOne, type SourceFile } from '../sources/folder.ts'
import { pathText } from '../sources/problems.ts'
import type { Path } from '../sources/yaml-values.ts'
import type { ReadTest } from './read-tests.ts'

export type Loaded = {
  readonly objects: readonly Declared[]
  /** Objects of steps' `declare`, by the `pathText` of the action. */
  readonly declared: ReadonlyMap<string, readonly Declared[]>
  readonly feed: FeedResult | undefined
  readonly problems: readonly Problem[]
}

/** Sets of files that were read before, by their paths: several tests of a folder read it once. */
export type LoadMemo = Map<string, Promise<Assembled>>
type Assembled = { readonly objects: readonly Declared[]; readonly problems: readonly Problem[] }

/** Reads what the test names. `file`: the path of the test file. Never rejects for what is outside. */
export async function loadFor(file: string, { test, place }: ReadTest, memo: LoadMemo): Promise<Loaded> {
  const folder = dirname(file)
  const problems: Problem[] = []
  const at = (path: Path) => ({ file, ...place(path), path: pathText(path) })
  const base = await loadSet(folder, test.spec.declarations, memo)
  problems.push(...explained(base, at(['spec', 'declarations'])))
  const declared = new Map<string, readonly Declared[]>()
  for (const [t, { steps }] of test.spec.tests.entries())
    for (const [s, step] of steps.entries())
      for (const [a, { declare }] of (step.do ?? []).entries()) {
        if (declare === undefined) continue
        const path: Path = ['spec', 'tests', t, 'steps', s, 'do', a]
        // References to what was there before are looked at when both are put together.
        const set = await loadSet(folder, declare, memo)
        problems.push(...explained({ ...set, problems: set.problems.filter(isOwn) }, at([...path, 'declare'])))
        declared.set(pathText(path), set.objects)
      }
  const feed = await loadFeed(folder, test, base.objects)
  if (typeof feed === 'string') problems.push({ ...at(['spec', 'catalog', 'feed']), code: 'RM1606', message: feed })
  return { objects: base.objects, declared, feed: typeof feed === 'string' ? undefined : feed, problems }
}

function isOwn({ code }: Problem): boolean {
  return !code.startsWith('RM13') || code === 'RM1301'
}

const LISTED = 20

function explained({ problems }: Assembled, at: Omit<Problem, 'code' | 'message'>): Problem[] {
  if (problems.length === 0) return []
  const message = `these declarations are not valid (${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}): nothing can be tested`
  return [{ ...at, code: 'RM1605', message }, ...problems.slice(0, LISTED)]
}

function loadSet(folder: string, paths: readonly string[], memo: LoadMemo): Promise<Assembled> {
  const key = paths.map((path) => resolve(folder, path)).join('\0')
  const known = memo.get(key)
  if (known !== undefined) return known
  const loading = readSet(folder, paths)
  memo.set(key, loading)
  return loading
}

async function readSet(folder: string, paths: readonly string[]): Promise<Assembled> {
  const files = new Map<string, SourceFile>()
  const unread: FileProblem[] = []
  for (const path of paths) {
    const full = join(folder, path)
    if (await isFolder(full)) {
      const found = await readFolder(full)
      for (const file of found.files) files.set(join(full, file.name), { ...file, name: join(full, file.name) })
      for (const problem of found.problems) unread.push({ ...problem, file: join(full, problem.file) })
      continue
    }
    const file = await readOne(full, full, dirname(resolve(full)))
    if ('code' in file) unread.push(file)
    else files.set(full, file)
  }
  const sorted = [...files].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, file]) => file)
  const { objects, problems } = assemble('directory', sorted, unread)
  return { objects, problems }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await fs.stat(path)).isDirectory()
  } catch {
    return false
  }
}

async function loadFeed(
  folder: string,
  { spec }: ReadTest['test'],
  objects: readonly Declared[],
): Promise<FeedResult | string | undefined> {
  const { feed, source } = spec.catalog
  if (feed === undefined) return undefined
  if (/^[a-z]+:\/\//i.test(feed)) return 'a test reads files only: write the path of a feed file'
  const sources = objects.filter((object) => object.kind === 'UpdateSource')
  const named = sources.find(({ name }) => name === source) ?? (sources.length === 1 ? sources[0] : undefined)
  const read = await readFeed(feed, { folder })
  if (read.type === 'Failed') return read.error.message
  if (read.type !== 'Read') return 'it cannot be read'
  const parsed = parseFeed(named?.spec.format ?? 'Ringmaster', read.files)
  return parsed.records.length === 0 ? 'it holds no update that can be read' : parsed
}
