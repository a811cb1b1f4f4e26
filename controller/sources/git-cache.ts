// A bare, shallow, partial copy of one remote repository: only a cache, which is thrown away when it is damaged.
import { promises as fs } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { GitSourceSpec } from '../model/git-source.ts'
import { reasonOf } from '../model/reason.ts'
import type { Code } from './codes.ts'
import { GitFailure, type GitRun, git, gitCatFile } from './git.ts'
import { type Credentials, withoutSecrets } from './git-auth.ts'
import { GitSourceError } from './git-error.ts'

/** What of the remote is followed. `name` of HEAD is found out at every poll. */
export type GitRef = { readonly type: 'Head' } | { readonly type: 'Branch' | 'Tag' | 'Commit'; readonly name: string }

/** Where the ref points now. `oid`: of a tag with a message the commit. `label`: what revisions call it. */
export type RemoteHead = { readonly ref: string; readonly oid: string; readonly label: string | undefined }

export type CacheOptions = {
  readonly folder: string
  readonly url: string
  readonly credentials: Credentials
  /** Of each run of git that talks to the remote. */
  readonly timeoutMs: number
  readonly maxBytes: number
  readonly signal?: AbortSignal
}

export function refOf({ branch, tag, commit }: Pick<GitSourceSpec, 'branch' | 'tag' | 'commit'>): GitRef {
  if (branch !== undefined) return { type: 'Branch', name: branch }
  if (tag !== undefined) return { type: 'Tag', name: tag }
  return commit === undefined ? { type: 'Head' } : { type: 'Commit', name: commit }
}

/** More packs than these, one for each fetch, and the cache is made anew. */
const MAX_PACKS = 64
const OWN_REF = 'refs/ringmaster/head'
/** Marks a copy that is fetched with all files. */
const WHOLE = 'ringmaster-whole'

export class GitCache {
  readonly #options: CacheOptions
  /** What was asked for last. */
  #ref: string | undefined

  constructor(options: CacheOptions) {
    this.#options = options
  }

  get folder(): string {
    return this.#options.folder
  }

  /** How git reads what is here, without the remote. */
  get run(): GitRun {
    const { folder, signal } = this.#options
    return { folder, exact: true, ...(signal && { signal }) }
  }

  /** Makes the repository if it is not there. Throws a GitSourceError (RM1409). */
  async open(): Promise<void> {
    const { folder } = this.#options
    try {
      if ((await packsIn(folder)) > MAX_PACKS) await this.discard()
      if (await exists(join(folder, 'HEAD'))) return await fs.writeFile(join(folder, 'config'), CONFIG)
      await this.discard()
      // Under another name first: what a crash leaves half made is no repository.
      const unfinished = `${folder}.new`
      await fs.rm(unfinished, { recursive: true, force: true })
      await fs.mkdir(unfinished, { recursive: true, mode: 0o700 })
      const made: GitRun = { ...this.run, folder: unfinished }
      await git(['init', '--quiet', '--bare', '.'], made)
      await fs.rm(join(unfinished, 'hooks'), { recursive: true, force: true })
      await fs.writeFile(join(unfinished, 'config'), CONFIG)
      await fs.rename(unfinished, folder)
    } catch (error) {
      throw this.#local(error)
    }
  }

  /** Throws the copy away; the next `open` makes it anew. */
  async discard(): Promise<void> {
    await fs.rm(this.folder, { recursive: true, force: true, maxRetries: 3 })
  }

  /** Asks the remote where the ref points: one request, nothing is fetched. Throws a GitSourceError (RM1403, RM1406). */
  async remoteHead(ref: GitRef): Promise<RemoteHead> {
    if (ref.type === 'Commit') {
      this.#ref = ref.name
      return { ref: ref.name, oid: ref.name, label: undefined }
    }
    const name =
      { Head: 'HEAD', Branch: 'refs/heads/', Tag: 'refs/tags/' }[ref.type] + (ref.type === 'Head' ? '' : ref.name)
    const wanted = ref.type === 'Tag' ? [name, `${name}^{}`] : [name]
    const told = await this.#remote(['ls-remote', '--symref', '--quiet', 'origin', ...wanted])
    const lines = told.split('\n').map((line) => line.split('\t'))
    const oids = new Map(lines.map(([oid = '', found = '']) => [found, oid] as const).filter(([, oid]) => isHash(oid)))
    const oid = oids.get(`${name}^{}`) ?? oids.get(name)
    if (oid === undefined) throw this.#failure('RM1406', `the remote has no ${describeRef(ref)}`)
    this.#ref = name
    if (ref.type !== 'Head') return { ref: name, oid, label: ref.name }
    const symbolic = /^ref: refs\/heads\/(\S+)\tHEAD$/m.exec(told)?.[1]
    return { ref: name, oid, label: symbolic ?? 'HEAD' }
  }

  /** Whether the commit is here, with what it is made of. */
  async has(oid: string): Promise<boolean> {
    const told = await gitCatFile(['--batch-check'], { ...this.run, input: `${oid}^{tree}\n` })
    return / tree \d+$/m.test(Buffer.from(told).toString('latin1'))
  }

  /**
   * Fetches the commit alone, without its history and, where the server allows it, without files. Returns the commit that came: the
   * ref may have moved on since it was asked for. Throws a GitSourceError (RM1403, RM1408, RM1409).
   */
  async fetchCommit({ ref, oid }: RemoteHead): Promise<string> {
    const filter = (await exists(join(this.folder, WHOLE))) ? [] : ['--filter=blob:none']
    await this.#fetch(['--depth=1', ...filter, 'origin', `+${ref}:${OWN_REF}`])
    try {
      return (await git(['rev-parse', '--verify', '--end-of-options', `${OWN_REF}^{commit}`], this.run)).trim()
    } catch (error) {
      throw isHash(ref) && ref === oid ? this.#failure('RM1406', `${oid} is no commit`) : this.#local(error)
    }
  }

  /** Fetches those of the objects of the commit that are not here. Throws a GitSourceError. */
  async fetchObjects(oids: readonly string[]): Promise<void> {
    const present = await this.#present(oids)
    const missing = oids.filter((oid) => !present.has(oid))
    if (missing.length === 0) return
    const options = ['--filter=blob:none', '--stdin', 'origin']
    try {
      await this.#fetch(options, `${missing.join('\n')}\n`, [['fetch.negotiationAlgorithm', 'noop']])
    } catch (error) {
      if (!(error instanceof GitSourceError) || error.code !== 'RM1406' || this.#ref === undefined) throw error
      await this.#fetchWhole(this.#ref)
      if ((await this.#present(missing)).size < missing.length)
        throw this.#failure('RM1403', `the remote has moved on while it was read: it is read again`, error)
    }
  }

  // Servers that speak an old protocol (ssh without AcceptEnv GIT_PROTOCOL) leave files out, and do not give them afterwards.
  async #fetchWhole(ref: string): Promise<void> {
    await fs.writeFile(join(this.folder, WHOLE), '')
    await this.#fetch(['--refetch', '--depth=1', 'origin', `+${ref}:${OWN_REF}`])
  }

  /**
   * Whether `newer` was made on top of `older`; undefined when that is too far back to be told. Fetches commits alone, no
   * further back than it has to: for a cache of its own, since one that holds commits without their files must not say that
   * it has them.
   */
  async isDescendant(older: string, newer: RemoteHead): Promise<boolean | undefined> {
    for (const depth of DEPTHS) {
      await this.#fetch([`--depth=${depth}`, '--filter=tree:0', 'origin', `+${newer.ref}:${OWN_REF}`])
      const line = await git(['rev-list', `--max-count=${depth + 1}`, OWN_REF], this.run)
      if (line.split('\n').includes(older)) return true
      if (!(await exists(join(this.folder, 'shallow')))) return false
    }
    return undefined
  }

  async #present(oids: readonly string[]): Promise<Set<string>> {
    const input = [...new Set(oids)].map((oid) => `${oid}\n`).join('')
    const told = await gitCatFile(['--batch-check'], { ...this.run, input })
    const found = Buffer.from(told)
      .toString('latin1')
      .matchAll(/^([0-9a-f]+) (?:blob|tree|commit|tag) \d+$/gm)
    return new Set([...found].map(([, oid = '']) => oid))
  }

  async #fetch(args: readonly string[], input?: string, config: readonly (readonly [string, string])[] = []) {
    try {
      await this.#remote([...FETCH, ...args], { ...(input !== undefined && { input }), config })
      if ((await bytesIn(this.folder)) > this.#options.maxBytes) throw await this.#tooLarge()
    } finally {
      // Not when the copy was thrown away meanwhile.
      if (await exists(join(this.folder, 'HEAD'))) await fs.writeFile(join(this.folder, 'config'), CONFIG)
    }
  }

  async #remote(args: readonly string[], more: Pick<GitRun, 'input' | 'config'> = {}): Promise<string> {
    const { url, credentials, timeoutMs, maxBytes, signal } = this.#options
    const stop = new AbortController()
    const stopped = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal])
    let isTooLarge = false
    const watch = setInterval(() => {
      bytesIn(this.folder).then(
        (bytes) => {
          if (bytes <= maxBytes) return
          isTooLarge = true
          stop.abort()
        },
        () => {},
      )
    }, WATCH_MS)
    try {
      const config = [['remote.origin.url', url] as const, ...credentials.config, ...(more.config ?? [])]
      return await git(args, {
        ...this.run,
        ...more,
        config,
        env: credentials.env,
        remote: true,
        timeoutMs,
        signal: stopped,
      })
    } catch (error) {
      throw isTooLarge ? await this.#tooLarge() : this.#told(error)
    } finally {
      clearInterval(watch)
    }
  }

  async #tooLarge(): Promise<GitSourceError> {
    await this.discard()
    return this.#failure('RM1408', `fetching takes more than ${this.#options.maxBytes} bytes on disk`)
  }

  #told(error: unknown): unknown {
    if (!(error instanceof GitFailure) || error.type === 'Aborted') return error
    if (NO_SUCH_REF.test(error.message)) return this.#failure('RM1406', error.message, error)
    return LOCAL.test(error.message) ? this.#local(error) : this.#failure('RM1403', error.message, error)
  }

  #local(error: unknown): unknown {
    if (error instanceof GitSourceError || (error instanceof GitFailure && error.type === 'Aborted')) return error
    const why = reasonOf(error)
    return this.#failure(
      'RM1409',
      `the local copy ${basename(dirname(this.folder))}/${basename(this.folder)}: ${why}`,
      error,
    )
  }

  #failure(code: Code, message: string, cause?: unknown): GitSourceError {
    return new GitSourceError(code, withoutSecrets(message, this.#options.credentials), cause)
  }
}

const WATCH_MS = 200
const DEPTHS = [32, 256, 2048]
const FETCH = [
  'fetch',
  '--quiet',
  '--no-tags',
  '--no-write-fetch-head',
  '--no-recurse-submodules',
  '--force',
  '--prune',
]
// Without word of what is left out: git would ask the remote for it, file by file, when it looks for something.
const CONFIG = '[core]\n\trepositoryformatversion = 0\n\tbare = true\n'
const NO_SUCH_REF = /couldn't find remote ref|not our ref|unadvertised object|no such remote ref|is not a valid commit/i
/** What git says when the fault is on this side. */
const LOCAL =
  /No space left|disk quota|File too large|write error|unable to (write|create|append)|cannot (write|create)|Unable to create|Read-only file system|not a git repository|bad object|corrupt|packfile|object file|shallow\.lock|index-pack (died|failed)|unpack-objects|fetch-pack: invalid|loose object|missing blob|did not send all|bad config|inflate|pack has bad/i

function isHash(text: string): boolean {
  return /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(text)
}

function describeRef(ref: GitRef): string {
  if (ref.type === 'Head') return 'HEAD: it is empty, or name a branch'
  return `${ref.type.toLowerCase()} ${ref.name}`
}

async function exists(path: string): Promise<boolean> {
  return fs.access(path).then(
    () => true,
    () => false,
  )
}

async function packsIn(folder: string): Promise<number> {
  const names = await fs.readdir(join(folder, 'objects', 'pack')).catch(() => [])
  return names.filter((name) => name.endsWith('.pack')).length
}

/** Of packs, also unfinished ones, and loose objects. */
async function bytesIn(folder: string): Promise<number> {
  const names = await fs.readdir(join(folder, 'objects'), { recursive: true }).catch(() => [])
  const sizes = await Promise.all(
    names.map((name) =>
      fs.stat(join(folder, 'objects', name)).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}
