// One Git source: asks the remote, fetches what is new, verifies who signed it, and reads the declarations of the commit.
import { createHash } from 'node:crypto'
import { promises as fs } from 'node:fs'
import { join } from 'node:path'
import { MAX_FEED_BYTES } from '../catalog/feeds/read-feed.ts'
import type { Declared, Problem, SourceCommit } from '../model/declared.ts'
import type { GitSourceSpec } from '../model/git-source.ts'
import { durationMs } from '../model/instant.ts'
import { reasonOf } from '../model/reason.ts'
import { assemble, parseAhead, placed } from './assemble.ts'
import { type Declarations, MAX_PROBLEMS_KEPT, type ParsedFiles } from './assemble-by.ts'
import type { Finding } from './cross-checks.ts'
import type { SourceFile } from './folder.ts'
import { GitFailure } from './git.ts'
import { credentialsOf } from './git-auth.ts'
import { GitCache, type RemoteHead, refOf } from './git-cache.ts'
import { GitSourceError } from './git-error.ts'
import { exportFeeds } from './git-feeds.ts'
import { readGitTree, resolveCommit } from './git-tree.ts'
import { signatureOf } from './git-verify.ts'

/** What a poll found. */
export type GitPoll =
  /** The remote stands where it stood. */
  | { readonly type: 'Unchanged' }
  /** A commit, good or with problems. */
  | { readonly type: 'Commit'; readonly load: Declarations; readonly commit: SourceCommit; readonly note?: string }

export type GitSourceOptions = {
  /** Of the source, in origins. */
  readonly source: string
  readonly spec: GitSourceSpec
  /** The folder of the caches of all sources; it is made when it is not there. */
  readonly caches: string
  /** Bytes of the local copy. Default 1 GiB. */
  readonly maxBytes?: number
  /** Bytes of a feed in the repository. Default 256 MiB, which is what is read of a feed. */
  readonly maxFeedBytes?: number
  /** Objects of other sources, which these may refer to. */
  readonly elsewhere?: () => readonly Declared[]
}

/** What is known of the source from before. */
export type KnownRevision = {
  /** The last one that was offered, in force or not. */
  readonly offered?: string | undefined
  /** The commit that is in force. */
  readonly inForce?: string | undefined
}

const MAX_CACHE_BYTES = 1024 * 1024 * 1024
const MAX_TIMEOUT_MS = 3_600_000

export class GitSource {
  readonly #options: GitSourceOptions
  readonly #parsed: ParsedFiles = new Map()
  #feeds: ReadonlySet<string> = new Set()

  constructor(options: GitSourceOptions) {
    this.#options = options
  }

  /** Names of the copies of feeds that the last commit needs, offered or not. */
  get feeds(): ReadonlySet<string> {
    return this.#feeds
  }

  /**
   * Looks for a commit other than `known`. Costs one question to the remote when there is none. A cache that turns out to be
   * damaged is made anew, once. Throws a GitSourceError, or a GitFailure `Aborted`.
   */
  async poll(known: KnownRevision, signal?: AbortSignal): Promise<GitPoll> {
    const cache = await this.#cache(signal)
    try {
      return await this.#look(cache, known, signal)
    } catch (error) {
      if (!isDamage(error)) throw asSourceError(error)
      await cache.discard().catch(() => {})
      try {
        return await this.#look(cache, known, signal)
      } catch (again) {
        throw asSourceError(again)
      }
    }
  }

  async #cache(signal: AbortSignal | undefined, suffix = ''): Promise<GitCache> {
    const { spec, source, caches, maxBytes = MAX_CACHE_BYTES } = this.#options
    const key = cacheName(source, spec.url)
    await fs.mkdir(caches, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
      throw new GitSourceError('RM1409', `${caches} cannot be made: ${String(error)}`, error)
    })
    const timeoutMs = Math.min(MAX_TIMEOUT_MS, durationMs(Temporal.Duration.from(spec.timeout)))
    const credentials = await credentialsOf(spec)
    const folder = join(caches, `${key}${suffix}`)
    return new GitCache({ folder, url: spec.url, credentials, timeoutMs, maxBytes, ...(signal && { signal }) })
  }

  async #look(cache: GitCache, known: KnownRevision, signal?: AbortSignal): Promise<GitPoll> {
    await cache.open()
    const ref = refOf(this.#options.spec)
    const head = await cache.remoteHead(ref)
    if (known.offered === revisionOf(head)) return { type: 'Unchanged' }
    const came = (await cache.has(head.oid)) ? head.oid : await cache.fetchCommit(head)
    const fetched = { ...head, oid: came }
    const facts = await resolveCommit(cache.folder, came, { exact: true, ...(signal && { signal }) })
    const { verify } = this.#options.spec
    const { why, ...signature } = await signatureOf(cache.run, came, verify, `${cache.folder}.keys`)
    const commit: SourceCommit = { ...facts, ...signature }
    const refusal = refusalOf(commit, this.#options.spec, why)
    const revision = revisionOf(fetched)
    if (refusal !== undefined) return { type: 'Commit', commit, load: refused(revision, refusal) }
    const load = await this.#read(cache, fetched, signal)
    const note = await this.#noteOn(known, fetched, signal)
    return { type: 'Commit', commit, load, ...(note !== undefined && { note }) }
  }

  async #read(cache: GitCache, head: RemoteHead, signal?: AbortSignal): Promise<Declarations> {
    const { source, spec, elsewhere } = this.#options
    const path = spec.path ?? '.'
    const { files, problems } = await readGitTree(cache.folder, head.oid, {
      path,
      folder: '',
      exact: true,
      prepare: (blobs) => cache.fetchObjects(blobs),
      ...(signal && { signal }),
    })
    await parseAhead(source, files, this.#parsed)
    const context = { revision: revisionOf(head), ...(elsewhere && { elsewhere: elsewhere() }) }
    const load = assemble(source, files, problems, this.#parsed, new Set(), context)
    const checked = withFindings(load, foreignersIn(load.objects), files)
    return this.#withFeeds(cache, head, checked, files)
  }

  async #withFeeds(
    cache: GitCache,
    head: RemoteHead,
    load: Declarations,
    files: readonly SourceFile[],
  ): Promise<Declarations> {
    const { spec, caches, maxFeedBytes = MAX_FEED_BYTES } = this.#options
    const kept = new Set<string>()
    const keep = (name: string) => {
      kept.add(name)
      this.#feeds = new Set([...this.#feeds, name])
    }
    const { objects, findings } = await exportFeeds(load.objects, load.total > 0, {
      ...{ caches, keep, maxFeedBytes, run: cache.run, commit: head.oid, path: spec.path ?? '.' },
      prepare: (blobs) => cache.fetchObjects(blobs),
    })
    this.#feeds = kept
    return withFindings({ ...load, objects }, findings, files)
  }

  // Only where the branch has been followed before, and where there is a history to follow.
  async #noteOn(known: KnownRevision, head: RemoteHead, signal?: AbortSignal): Promise<string | undefined> {
    const { inForce } = known
    if (inForce === undefined || inForce === head.oid || this.#options.spec.commit !== undefined) return undefined
    const history = await this.#cache(signal, '.history')
    const isOnTop = await this.#isOnTop(history, inForce, head)
    if (isOnTop !== false) return undefined
    return `the history was rewritten: it no longer contains commit ${inForce}, which was in force before`
  }

  // What cannot be told is no reason to refuse the commit.
  async #isOnTop(history: GitCache, older: string, newer: RemoteHead): Promise<boolean | undefined> {
    try {
      await history.open()
      return await history.isDescendant(older, newer)
    } catch (error) {
      if (error instanceof GitFailure && error.type === 'Aborted') throw error
      await history.discard().catch(() => {})
      return undefined
    }
  }
}

/** What the folders of a source's copies begin with. */
export function cacheName(source: string, url: string): string {
  return createHash('sha256').update(`${source}\0${url}`).digest('hex').slice(0, 32)
}

/** Removes copies that are of none of these sources any more; what cannot be removed stays. */
export async function removeOtherCaches(caches: string, names: readonly string[]): Promise<void> {
  const found = await fs.readdir(caches).catch(() => [])
  const others = found.filter((name) => /^[0-9a-f]{32}(\.|$)/.test(name) && !names.includes(name.slice(0, 32)))
  for (const name of others) await fs.rm(join(caches, name), { recursive: true, force: true }).catch(() => {})
}

/** `main@sha1:…`; without a branch or tag `sha1:…`. */
function revisionOf({ label, oid }: RemoteHead): string {
  return label === undefined ? `sha1:${oid}` : `${label}@sha1:${oid}`
}

// Of what git does here; of the remote and of the settings not.
function isDamage(error: unknown): boolean {
  if (error instanceof GitSourceError) return error.code === 'RM1409'
  return error instanceof GitFailure && error.type !== 'Aborted' && error.type !== 'NoGit'
}

function asSourceError(error: unknown): unknown {
  if (error instanceof GitSourceError || (error instanceof GitFailure && error.type === 'Aborted')) return error
  const why = reasonOf(error)
  return new GitSourceError('RM1409', `the local copy cannot be read: ${why}`, error)
}

const PLACE = { file: '.', line: 1, column: 1, path: '' }

function refusalOf(
  { commit, author, signature }: SourceCommit,
  { verify }: GitSourceSpec,
  why = '',
): Problem | undefined {
  if (verify === undefined || signature === 'Verified') return undefined
  const whose = `commit ${commit} by ${author}`
  if (signature === 'Unsigned')
    return { ...PLACE, code: 'RM1404', message: `${whose} is not signed, and the source takes signed commits only` }
  return { ...PLACE, code: 'RM1405', message: `${whose} is not trusted: ${why}` }
}

function refused(revision: string, problem: Problem): Declarations {
  return { revision, objects: [], problems: [problem], total: 1, files: [problem.file], ignored: 0 }
}

/** What a repository may not declare (decision 19). */
function foreignersIn(objects: readonly Declared[]): Finding[] {
  const message = 'a GitSource may not be declared in a Git repository: declare it in a directory or a cluster'
  const found = objects.filter(({ kind }) => kind === 'GitSource')
  return found.map((object) => ({ object, path: ['kind'], code: 'RM1402', message }))
}

function withFindings(load: Declarations, findings: readonly Finding[], files: readonly SourceFile[]): Declarations {
  if (findings.length === 0) return load
  return {
    ...load,
    problems: [...load.problems, ...placed(findings, files)].slice(0, MAX_PROBLEMS_KEPT),
    total: load.total + findings.length,
  }
}
