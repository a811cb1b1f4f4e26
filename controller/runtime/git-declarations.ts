// Git sources at work: the one of the command line, and each declared GitSource, polled when it is due or woken by a webhook.
import { isDeepStrictEqual } from 'node:util'
import { JournalError } from '../journal/journal.ts'
import { byName } from '../model/by-name.ts'
import type { GitSourceSpec } from '../model/git-source.ts'
import type { EpochMs } from '../model/instant.ts'
import { durationMs } from '../model/instant.ts'
import { COMMAND_LINE_GIT, gitSourceName } from '../model/source-names.ts'
import { GitFailure } from '../sources/git.ts'
import { readSecret } from '../sources/git-auth.ts'
import { GitSourceError } from '../sources/git-error.ts'
import { feedCopyOf, removeOtherFeeds } from '../sources/git-feeds.ts'
import { cacheName, GitSource, removeOtherCaches } from '../sources/git-source.ts'
import type { Clock } from './clock.ts'
import type { Intake, Seat } from './intake.ts'

export type GitSourcesOptions = {
  /** Where caches are kept. */
  readonly caches: string
  /** Bytes of each cache. */
  readonly maxBytes?: number
  /** What `ringmaster run --git` says. */
  readonly commandLine?: GitSourceSpec
}

/** How a source stands in this process; what is durable is in the state. */
export type GitActivity = {
  readonly lastPoll?: EpochMs | undefined
  /** The last poll that reached the remote. */
  readonly lastSuccess?: EpochMs | undefined
  readonly polls: number
  readonly failures: number
}

/** What the server needs of it. */
export type GitWebhooks = {
  /** The secret of the source's webhook; undefined when there is no such source, or no secret. */
  readonly secretOf: (name: string) => Promise<string | undefined>
  /** Polls soon. Asking again before it has begun changes nothing. */
  readonly wake: (name: string) => void
}

export const MAX_GIT_SOURCES = 50
const MIN_INTERVAL_MS = 5_000
const FIRST_RETRY_MS = 5_000
const MAX_RETRY_MS = 15 * 60_000

export class GitSources implements GitWebhooks {
  readonly #intake: Intake
  readonly #options: GitSourcesOptions
  readonly #running = new Map<string, Follower>()
  readonly #surplus = new Set<string>()
  #unsubscribe = () => {}
  #ending: Promise<unknown> = Promise.resolve()

  constructor(intake: Intake, options: GitSourcesOptions) {
    this.#intake = intake
    this.#options = options
  }

  /** Takes the seats of all sources and begins to read them. A remote may take its time: /readyz says when it was read. */
  start(): void {
    const { commandLine } = this.#options
    if (commandLine !== undefined) this.#follow(COMMAND_LINE_GIT, commandLine)
    this.#look()
    this.#unsubscribe = this.#intake.controller.subscribe(() => this.#look())
    this.#ending = this.#tidy()
  }

  /** By name of the source: what its polls did. */
  activity(): ReadonlyMap<string, GitActivity> {
    return new Map([...this.#running.values()].map((follower) => [follower.source, follower.activity]))
  }

  async secretOf(name: string): Promise<string | undefined> {
    const { webhook } = this.#running.get(name)?.spec ?? {}
    if (webhook === undefined) return undefined
    return readSecret(webhook.secretFile, webhook.secretVariable, 'webhook')
  }

  wake(name: string): void {
    this.#running.get(name)?.wake()
  }

  async close(): Promise<void> {
    this.#unsubscribe()
    await Promise.all([...this.#running.values()].map((follower) => follower.close()))
    await this.#ending
  }

  #look(): void {
    const wanted = new Map<string, GitSourceSpec>()
    const { commandLine } = this.#options
    if (commandLine !== undefined) wanted.set(COMMAND_LINE_GIT, commandLine)
    const declared = [...this.#intake.controller.state.objects.GitSource.values()].sort(byName)
    for (const object of declared)
      if (object.kind === 'GitSource' && !wanted.has(object.name) && wanted.size < MAX_GIT_SOURCES)
        wanted.set(object.name, object.spec)
    for (const [name, follower] of this.#running) if (!wanted.has(name)) this.#end(name, follower)
    for (const [name, spec] of wanted) {
      const running = this.#running.get(name)
      if (running === undefined) this.#follow(name, spec)
      else running.change(spec)
    }
    this.#discardStrays()
    this.#tellSurplus(declared.map(({ name }) => name).filter((name) => !wanted.has(name)))
  }

  async #tidy(): Promise<void> {
    const names = [...this.#running.values()].map(({ source, spec }) => cacheName(source, spec.url))
    await removeOtherCaches(this.#options.caches, names)
    await this.#tidyFeeds()
  }

  /** Copies of feeds go when neither a declaration in force names them nor one that was read and may come into force. */
  #tidyFeeds(): Promise<void> {
    const { caches } = this.#options
    return removeOtherFeeds(caches, (name) => {
      if ([...this.#running.values()].some(({ feeds }) => feeds.has(name))) return true
      const declared = [...this.#intake.controller.state.objects.UpdateSource.values()]
      return declared.some(
        ({ kind, spec }) =>
          kind === 'UpdateSource' && spec.path !== undefined && feedCopyOf(caches, spec.path) === name,
      )
    })
  }

  #follow(name: string, spec: GitSourceSpec): void {
    const { caches, maxBytes } = this.#options
    const offered = () => this.#tidyFeeds()
    this.#running.set(name, new Follower(this.#intake, gitSourceName(name), spec, { caches, maxBytes, offered }))
  }

  // What it declared went with its declaration (state/apply.ts).
  #end(name: string, follower: Follower): void {
    this.#running.delete(name)
    this.#intake.log.info(`${follower.source} is no longer followed`, { source: follower.source })
    follower.seat.leave()
    const ended = follower.close().then(() => this.#tidy())
    this.#ending = Promise.all([this.#ending, ended]).catch((error: unknown) => this.#intake.log.error(String(error)))
  }

  // What a poll gave at the very moment at which its source was removed.
  #discardStrays(): void {
    const { sources, objects } = this.#intake.controller.state
    for (const source of sources.keys()) {
      const [, name] = /^git\/(.+)$/.exec(source) ?? []
      if (name === undefined || name === COMMAND_LINE_GIT || objects.GitSource.has(name)) continue
      this.#intake.discard(source).catch((error: unknown) => this.#intake.log.error(String(error)))
    }
  }

  /** Each is told once, in its status. */
  #tellSurplus(names: readonly string[]): void {
    const { controller, log } = this.#intake
    for (const name of this.#surplus) if (!names.includes(name)) this.#surplus.delete(name)
    for (const name of names) {
      if (this.#surplus.has(name)) continue
      this.#surplus.add(name)
      const message = `at most ${MAX_GIT_SOURCES} Git sources are followed, by name, and this is one too many`
      log.warn(`GitSource ${name} is not read: RM1411 ${message}`)
      const told = controller.submit({ type: 'SourceFailed', source: gitSourceName(name), code: 'RM1411', message })
      told.catch((error: unknown) => log.error(String(error)))
    }
  }
}

type FollowerOptions = {
  readonly caches: string
  readonly maxBytes: number | undefined
  /** After a commit was offered. */
  readonly offered: () => Promise<void>
}

/** Follows one repository. */
class Follower {
  readonly source: string
  readonly seat: Seat
  spec: GitSourceSpec
  activity: GitActivity = { polls: 0, failures: 0 }

  readonly #intake: Intake
  readonly #clock: Clock
  readonly #options: FollowerOptions
  readonly #stop = new AbortController()
  #git: GitSource
  /** What was offered last under the present spec, so that it need not be offered again. */
  #offered: string | undefined
  #inARow = 0
  #cancel = () => {}
  #running: Promise<void> | undefined
  /** Asked for while a poll was running. */
  #again = false

  constructor(intake: Intake, source: string, spec: GitSourceSpec, options: FollowerOptions) {
    this.source = source
    this.spec = spec
    this.#intake = intake
    this.#clock = intake.controller.clock
    this.#options = options
    this.seat = intake.seat(source, () => this.recheck())
    this.#git = this.#newSource()
    this.wake()
  }

  get feeds(): ReadonlySet<string> {
    return this.#git.feeds
  }

  /** Another declaration of the same source: it is read at once. */
  change(spec: GitSourceSpec): void {
    if (spec === this.spec || isDeepStrictEqual(spec, this.spec)) return
    this.spec = spec
    this.#git = this.#newSource()
    this.#inARow = 0
    this.recheck()
  }

  /** Offers the newest revision again. */
  recheck(): void {
    this.#offered = undefined
    this.wake()
  }

  /** Polls now; while a poll is running, once more after it. */
  wake(): void {
    this.#again = true
    if (this.#running !== undefined || this.#stop.signal.aborted) return
    this.#cancel()
    if (this.spec.suspend) return
    this.#running = this.#run().finally(() => {
      this.#running = undefined
      if (this.#again) this.wake()
      else this.#plan()
    })
  }

  async close(): Promise<void> {
    this.#stop.abort()
    this.#cancel()
    await this.#running
  }

  #newSource(): GitSource {
    const { caches, maxBytes } = this.#options
    const { source, spec, seat } = this
    return new GitSource({
      source,
      spec,
      caches,
      elsewhere: seat.elsewhere,
      ...(maxBytes !== undefined && { maxBytes }),
    })
  }

  async #run(): Promise<void> {
    this.#again = false
    const { activity } = this
    try {
      await this.#poll()
      this.#inARow = 0
      const now = this.#clock.nowMs()
      this.activity = { ...activity, polls: activity.polls + 1, lastPoll: now, lastSuccess: now }
    } catch (error) {
      if (this.#stop.signal.aborted || (error instanceof GitFailure && error.type === 'Aborted')) return
      this.#inARow++
      this.#offered = undefined
      const lastPoll = this.#clock.nowMs()
      this.activity = { ...activity, polls: activity.polls + 1, failures: activity.failures + 1, lastPoll }
      if (error instanceof JournalError) return this.#intake.log.warn(`${this.source}: ${error.message}`)
      const [code, message] = error instanceof GitSourceError ? [error.code, error.message] : ['RM1409', String(error)]
      // A journal that refuses this too has its own way of saying so.
      await this.seat.fail(code, message).catch(() => {})
    }
  }

  async #poll(): Promise<void> {
    const record = this.#intake.controller.state.sources.get(this.source)
    const inForce = record?.commit?.commit
    const git = this.#git
    const found = await git.poll({ offered: this.#offered, inForce }, this.#stop.signal)
    // What was read under a declaration that is gone meanwhile comes to nothing.
    if (found.type === 'Unchanged' || git !== this.#git) return
    const { load, commit, note } = found
    const { commit: hash, author, signedBy } = commit
    const head = { commit: hash, author, ...(signedBy !== undefined && { signedBy }) }
    await this.seat.offer({ load, head, commit, ...(note !== undefined && { note }) })
    this.#offered = load.revision
    await this.#options.offered()
  }

  #plan(): void {
    if (this.#stop.signal.aborted || this.spec.suspend) return
    const regular = Math.max(MIN_INTERVAL_MS, durationMs(Temporal.Duration.from(this.spec.interval)))
    const retry = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(this.#inARow - 1, 20))
    const wait = this.#inARow === 0 ? regular : Math.min(retry, Math.max(regular, MAX_RETRY_MS))
    const at = this.#clock.now().add({ milliseconds: wait })
    this.#cancel = this.#clock.at(at, () => this.wake())
  }
}
