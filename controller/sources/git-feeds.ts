// Feeds that lie in a repository: what an UpdateSource names by a relative path is copied out of the commit, into a folder that is
// named by its content, and the declaration names the copy (decision 20).
import { createHash, randomUUID } from 'node:crypto'
import { promises as fs, renameSync } from 'node:fs'
import { isAbsolute, join, posix, relative, resolve, sep } from 'node:path'
import { isFeedName, MAX_FEED_FILES } from '../catalog/feeds/read-feed.ts'
import type { Declared } from '../model/declared.ts'
import type { Finding } from './cross-checks.ts'
import { GitFailure, type GitRun, git } from './git.ts'
import { GitSourceError } from './git-error.ts'
import type { FoundFile, TreeEntry } from './git-listing.ts'
import { contentsOf, entriesOf, sizesOf } from './git-tree.ts'

export type FeedOptions = {
  /** The folder of the caches of all sources. */
  readonly caches: string
  /** Of all files of one feed together. */
  readonly maxFeedBytes: number
  readonly run: GitRun
  readonly commit: string
  /** The folder of the repository that is the source; files of origins start from it. */
  readonly path: string
  /** Called before blobs are read, with those that are about to be. */
  readonly prepare: (blobs: readonly string[]) => Promise<void>
  /** Called with the name of a copy before it is looked for: from then on it must not be removed. */
  readonly keep: (name: string) => void
}

/** Objects with the paths of copies in place of relative ones, as far as there are no findings. */
export type WithFeeds = { readonly objects: readonly Declared[]; readonly findings: readonly Finding[] }

type Source = Declared<'UpdateSource'>
type Plan = { readonly source: Source; readonly name: string; readonly path: string; readonly files: Copied }
/** `name`: from the folder of the copy on. */
type Copied = readonly FoundFile[]

/** UpdateSources of one repository that name their feeds by a relative path. */
const MAX_FEEDS = 100
const MAX_LISTING_BYTES = 16 * 1024 * 1024
const READ_MS = 120_000

/**
 * Copies the feeds of the commit that are not there yet; with `isRefused` it only looks whether they are in the commit. Throws a
 * GitFailure when git cannot read the commit, a GitSourceError (RM1409) when a copy cannot be written.
 */
export async function exportFeeds(
  objects: readonly Declared[],
  isRefused: boolean,
  options: FeedOptions,
): Promise<WithFeeds> {
  const sources = objects.filter(isRelative)
  if (sources.length === 0) return { objects, findings: [] }
  const plans: Plan[] = []
  const findings: Finding[] = []
  const entries = await entriesAt(sources.slice(0, MAX_FEEDS), options)
  for (const [i, source] of sources.entries()) {
    const found = i < MAX_FEEDS ? await planOf(source, entries, options) : `${TOO_MANY}: this is one too many`
    if (typeof found === 'string') findings.push(findingOf(source, found))
    else plans.push(found)
  }
  if (isRefused || findings.length > 0) return { objects, findings }
  const paths = new Map<Declared, string>()
  for (const plan of plans) {
    const why = await copy(plan, options)
    if (why !== undefined) findings.push(findingOf(plan.source, why))
    paths.set(plan.source, plan.path)
  }
  const placed = objects.map((object): Declared => {
    const path = paths.get(object)
    return path === undefined || object.kind !== 'UpdateSource' ? object : { ...object, spec: { ...object.spec, path } }
  })
  return { objects: placed, findings }
}

/** The name of the copy that a path leads into, if it does. */
export function feedCopyOf(caches: string, path: string): string | undefined {
  const [name = '', ...rest] = relative(copiesIn(caches), path).split(sep)
  return rest.length > 0 && NAME.test(name) ? name : undefined
}

/** Removes the copies that are not kept; what cannot be removed stays. */
export async function removeOtherFeeds(caches: string, isKept: (name: string) => boolean): Promise<void> {
  const folder = copiesIn(caches)
  for (const found of await fs.readdir(folder).catch(() => [])) {
    const [name = '', suffix] = found.split('.')
    if (!NAME.test(name)) continue
    const old = suffix === undefined ? `${found}.old` : found
    try {
      // In one step, without a turn of anybody else: a copy that is wanted from now on is either kept or not there.
      if (isKept(name)) continue
      if (old !== found) renameSync(join(folder, found), join(folder, old))
    } catch {
      continue
    }
    await fs.rm(join(folder, old), { recursive: true, force: true }).catch(() => {})
  }
}

const TOO_MANY = `at most ${MAX_FEEDS} feeds of one repository are named by a relative path`
const NAME = /^[0-9a-f]{64}$/

function copiesIn(caches: string): string {
  return resolve(caches, 'feeds')
}

function isRelative(object: Declared): object is Source {
  return object.kind === 'UpdateSource' && object.spec.path !== undefined && !isAbsolute(object.spec.path)
}

function findingOf(object: Source, message: string): Finding {
  return { object, path: ['spec', 'path'], code: 'RM1410', message }
}

/** Where the feed is, from the top of the repository; that is ''. */
function placeOf({ origin, spec }: Source, { path }: FeedOptions): string {
  const place = posix.join('/', path, posix.dirname(origin.file)).slice(1)
  return posix.join(place, spec.path ?? '').replace(/^\.?\/+|\/+$|^\.$/g, '')
}

function isOutside(place: string): boolean {
  return place === '..' || place.startsWith('../')
}

async function entriesAt(sources: readonly Source[], options: FeedOptions): Promise<ReadonlyMap<string, TreeEntry>> {
  const places = sources.map((source) => placeOf(source, options)).filter((place) => place !== '' && !isOutside(place))
  if (places.length === 0) return new Map()
  // What is written is a name, not a pattern; and a folder is to be told although something in it is named as well.
  const run = { ...options.run, env: { GIT_LITERAL_PATHSPECS: '1' } }
  const listing = await git(['ls-tree', '-t', '-z', '--full-tree', options.commit, '--', ...new Set(places)], run)
  return new Map(entriesOf(listing).map((entry) => [entry.name, entry]))
}

/** Or what is wrong. */
async function planOf(
  source: Source,
  entries: ReadonlyMap<string, TreeEntry>,
  options: FeedOptions,
): Promise<Plan | string> {
  const place = placeOf(source, options)
  if (isOutside(place)) return `${source.spec.path} leads out of the repository`
  const entry = entries.get(place)
  if (place === '' || entry?.type === 'tree') {
    const files = await filesOf(place, options)
    return typeof files === 'string' ? files : planned(source, 'feed', files, options)
  }
  if (entry === undefined) return `there is no file or folder ${place} in the commit`
  if (!isFile(entry)) return notAFile(place)
  const name = posix.basename(place)
  return planned(source, name, [{ name: '', oid: entry.oid }], options)
}

async function filesOf(folder: string, { run, commit }: FeedOptions): Promise<Copied | string> {
  const tooMany = `the folder ${folder} has more than ${MAX_FEED_FILES} feed files`
  const listing = await git(['ls-tree', '-z', '--full-tree', `${commit}:${folder}`], {
    ...run,
    maxBytes: MAX_LISTING_BYTES,
  }).catch((error: unknown) => {
    if (error instanceof GitFailure && error.type === 'TooMuch') return undefined
    throw error
  })
  if (listing === undefined) return tooMany
  const found = entriesOf(listing).filter(({ name }) => isFeedName(name))
  const odd = found.find((entry) => !isFile(entry))
  if (odd !== undefined) return notAFile(posix.join(folder, odd.name))
  if (found.length > MAX_FEED_FILES) return tooMany
  if (found.length === 0) return `the folder ${folder || '.'} has no feed file (.ndjson, .jsonl, .xml, or these as .gz)`
  return found.map(({ name, oid }) => ({ name, oid }))
}

function isFile({ mode }: TreeEntry): boolean {
  return mode.startsWith('100')
}

function notAFile(place: string): string {
  return `${place} is a link, a submodule or a folder: put the file itself there`
}

function planned(source: Source, basename: string, files: Copied, { caches }: FeedOptions): Plan {
  const content = JSON.stringify([basename, ...files.map(({ name, oid }) => [name, oid])])
  const name = createHash('sha256').update(content).digest('hex')
  return { source, name, path: join(copiesIn(caches), name, basename), files }
}

/** Returns what is wrong with the content. */
async function copy(plan: Plan, options: FeedOptions): Promise<string | undefined> {
  const { caches, maxFeedBytes, prepare, keep } = options
  const run = { ...options.run, timeoutMs: READ_MS }
  keep(plan.name)
  if (await isWhole(plan)) return undefined
  const blobs = [...new Set(plan.files.map(({ oid }) => oid))]
  await prepare(blobs)
  const sizes = await sizesOf(run, blobs)
  const missing = blobs.find((oid) => !sizes.has(oid))
  if (missing !== undefined) throw new GitFailure('Failed', `the object ${missing} of a feed is missing`)
  const bytes = plan.files.reduce((sum, { oid }) => sum + (sizes.get(oid) ?? 0), 0)
  if (bytes > maxFeedBytes) return `the feed has ${bytes} bytes, at most ${maxFeedBytes} are read`
  const folder = join(copiesIn(caches), plan.name)
  const unfinished = `${folder}.${randomUUID()}`
  const inside = join(unfinished, relative(folder, plan.path))
  try {
    await fs.mkdir(plan.files[0]?.name === '' ? unfinished : inside, { recursive: true, mode: 0o700 })
    for (const { name, oid } of plan.files) {
      const content = (await contentsOf(run, [oid], sizes)).get(oid) ?? new Uint8Array()
      // On the disk before it gets its name: what has the name is taken to be whole.
      await fs.writeFile(join(inside, name), content, { flush: true })
    }
    if (!(await isWhole(plan))) await fs.rm(folder, { recursive: true, force: true })
    await fs.rename(unfinished, folder)
  } catch (error) {
    await fs.rm(unfinished, { recursive: true, force: true }).catch(() => {})
    // Another source with the same feed was quicker.
    if (await isWhole(plan)) return undefined
    if (error instanceof GitFailure) throw error
    throw new GitSourceError('RM1409', `a copy of a feed cannot be written: ${String(error)}`, error)
  }
  return undefined
}

async function isWhole({ path, files }: Plan): Promise<boolean> {
  const found = await Promise.all(
    files.map(({ name }) =>
      fs.stat(join(path, name)).then(
        (stat) => stat.isFile(),
        () => false,
      ),
    ),
  )
  return found.every((isThere) => isThere)
}
