// Keeps the catalog in step with its sources (semantics.md §1): reads each UpdateSource when it is due, and submits what that
// changes. Every instant is the controller's own clock's.
import type { FeedResult } from '../catalog/feeds/feed-result.ts'
import { parseFeed } from '../catalog/feeds/parse-feed.ts'
import type { FeedRead, ReadOptions } from '../catalog/feeds/read-feed.ts'
import { planSync, type SyncPlan } from '../catalog/sync.ts'
import type { Declared } from '../model/declared.ts'
import type { CatalogChange, CatalogSynced } from '../model/facts.ts'
import { stableHash } from '../model/hash.ts'
import { durationMs, type EpochMs, HOUR, MINUTE } from '../model/instant.ts'
import { reasonOf } from '../model/reason.ts'
import { criteriaContext } from '../rollout/plan-evaluations.ts'
import type { World } from '../rollout/world.ts'
import type { Controller } from './controller.ts'

/** How bytes come in: `readFeed`, or something else in tests. */
export type ReadFeed = (location: string, options: ReadOptions) => Promise<FeedRead>

export type SyncOptions = {
  /** A synchronisation that did not go through; it is also in the journal and tried again. */
  readonly onFailure?: (source: string, message: string) => void
}

export type Sync = {
  /** Submits nothing more. A reading that goes on is not waited for, and comes to nothing. */
  readonly close: () => void
}

/** However short the interval of a source is. */
export const MIN_INTERVAL_MS = MINUTE
const FIRST_RETRY_MS = MINUTE
const MAX_RETRY_MS = HOUR
/** Sources with the same interval are spread over this share of it, always the same way. */
const JITTER = 0.1
const MAX_NOTES = 100
const MAX_MESSAGE = 1000

type Source = Declared<'UpdateSource'>

/** One source that is kept in step. */
type Watched = {
  /** As it was declared when it was last looked at; another object is a change of it. */
  declared: Source
  validator: string | undefined
  failures: number
  reading: boolean
  cancel: () => void
}

/** From now on every source is read at its start, when it is due, when a known release comes, and when its declaration changes. */
export function startSync(controller: Controller, readFeed: ReadFeed, options: SyncOptions = {}): Sync {
  const keeper = new CatalogKeeper(controller, readFeed, options)
  return { close: () => keeper.close() }
}

class CatalogKeeper {
  readonly #controller: Controller
  readonly #readFeed: ReadFeed
  readonly #options: SyncOptions
  readonly #watched = new Map<string, Watched>()
  readonly #unsubscribe: () => void
  /** What is being submitted: a plan is good only for the catalog that it was made on. */
  #submitting: Promise<void> = Promise.resolve()
  #closed = false

  constructor(controller: Controller, readFeed: ReadFeed, options: SyncOptions) {
    this.#controller = controller
    this.#readFeed = readFeed
    this.#options = options
    this.#look()
    this.#unsubscribe = controller.subscribe(() => this.#look())
  }

  close(): void {
    this.#closed = true
    this.#unsubscribe()
    for (const source of this.#watched.values()) source.cancel()
  }

  #look(): void {
    const { UpdateSource } = this.#controller.state.objects
    for (const [name, source] of this.#watched) if (!UpdateSource.has(name)) this.#forget(source)
    for (const object of UpdateSource.values()) if (object.kind === 'UpdateSource') this.#lookAt(object)
  }

  // One that is being read stays until that has ended, so that it is never read twice at a time.
  #forget(source: Watched): void {
    source.cancel()
    if (!source.reading) this.#watched.delete(source.declared.name)
  }

  #lookAt(declared: Source): void {
    const known = this.#watched.get(declared.name)
    if (known?.declared === declared) return
    const source = known ?? { declared, validator: undefined, failures: 0, reading: false, cancel: () => {} }
    this.#watched.set(declared.name, source)
    source.declared = declared
    source.validator = undefined
    source.failures = 0
    // While it is being read under its old declaration, the end of that finds the new one.
    if (!source.reading) this.#plan(source, known === undefined ? dueAtStart(this.#controller.state, declared) : 0)
  }

  #plan(source: Watched, at: EpochMs): void {
    source.cancel()
    source.cancel = () => {}
    if (this.#closed || source.declared.spec.suspend) return
    const due = Temporal.Instant.fromEpochMilliseconds(Math.ceil(at))
    source.cancel = this.#controller.clock.at(due, () => void this.#read(source))
  }

  async #read(source: Watched): Promise<void> {
    const { state, clock } = this.#controller
    const { declared } = source
    source.reading = true
    const failure = await this.#synchronise(declared, source).catch((error: unknown) => reasonOf(error))
    if (failure !== undefined && this.#stands(declared)) await this.#tellFailure(declared.name, failure)
    source.reading = false
    if (this.#closed) return
    if (!state.objects.UpdateSource.has(declared.name)) return this.#forget(source)
    if (source.declared !== declared) return this.#plan(source, 0)
    source.failures = failure === undefined ? 0 : source.failures + 1
    const now = clock.nowMs()
    this.#plan(source, failure === undefined ? nextSync(state, declared, now) : now + retryAfter(source))
  }

  // What was read for a declaration that is gone meanwhile comes to nothing.
  #stands(declared: Source): boolean {
    return !this.#closed && this.#controller.state.objects.UpdateSource.get(declared.name) === declared
  }

  /** Returns what went wrong. */
  async #synchronise(declared: Source, source: Watched): Promise<string | undefined> {
    const { state } = this.#controller
    const { name, spec } = declared
    const location = spec.url ?? spec.path ?? ''
    // Declines ask about time and fleet as well, and a release that was still to come is in the same bytes.
    // So is the rest of what was broken off.
    const known = state.feeds.get(name)
    const isReread = spec.decline !== undefined || known?.nextRelease !== undefined || known?.partial
    const validator = isReread ? undefined : source.validator
    const feed = await this.#readFeed(location, { folder: '.', ...(validator !== undefined && { validator }) })
    if (!this.#stands(declared)) return undefined
    if (feed.type === 'Failed') return feed.error.message
    if (feed.type === 'NotModified') {
      await this.#controller.submit(unchanged(state, name))
      return undefined
    }
    const result = parseFeed(spec.format, feed.files)
    const nothing = nothingIn(result)
    if (nothing !== undefined) return `${location} ${nothing} of the format ${spec.format}`
    const turn = this.#submitting.then(() => this.#submit(declared, result))
    this.#submitting = turn.catch(() => {})
    await turn
    source.validator = feed.validator
    return undefined
  }

  async #submit(declared: Source, result: FeedResult): Promise<void> {
    if (!this.#stands(declared)) return
    const { state, clock } = this.#controller
    const { name, spec } = declared
    const now = clock.nowMs()
    const context = criteriaContext({ world: state, control: state.control, now })
    const isGone = (other: string) => !state.objects.UpdateSource.has(other)
    const policy = { source: name, declines: spec.decline ?? [], isGone, ...context }
    const plan = planSync(state.catalog, result, policy, now)
    for (const part of inParts(synced(name, plan))) await this.#controller.submit(part)
  }

  async #tellFailure(source: string, failure: string): Promise<void> {
    this.#options.onFailure?.(source, failure)
    const message = failure.slice(0, MAX_MESSAGE)
    // A journal that refuses this too has its own way of saying so.
    await this.#controller.submit({ type: 'CatalogSyncFailed', source, message }).catch(() => {})
  }
}

// What is all faults is another file, or a page that says who may not read it.
function nothingIn({ total, records, skipped, setAside, setAsideTotal }: FeedResult): string | undefined {
  if (total === 0) return 'holds no record'
  if (records.length > 0 || skipped > 0 || setAsideTotal === 0) return undefined
  const [first] = setAside
  return `holds ${setAsideTotal} records, none of which can be read (${first?.position}: ${first?.reason})`
}

function dueAtStart(state: World, declared: Source): EpochMs {
  const feed = state.feeds.get(declared.name)
  if (feed?.syncedAt === undefined || feed.failure !== undefined || feed.partial) return 0
  return nextSync(state, declared, feed.syncedAt)
}

function nextSync(state: World, declared: Source, last: EpochMs): EpochMs {
  const regular = last + intervalOf(declared) * (1 + JITTER * jitterOf(declared.name))
  const release = state.feeds.get(declared.name)?.nextRelease ?? Infinity
  return Math.max(last + 1, Math.min(regular, release))
}

function intervalOf({ spec }: Source): number {
  return Math.max(MIN_INTERVAL_MS, durationMs(Temporal.Duration.from(spec.interval)))
}

function retryAfter({ declared, failures }: Watched): number {
  const longest = Math.min(MAX_RETRY_MS, intervalOf(declared))
  const doubled = Math.min(longest, FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 20))
  return doubled * (1 + JITTER * jitterOf(`${declared.name}/${failures}`))
}

function jitterOf(name: string): number {
  return stableHash(`sync/${name}`) / 0x1_0000_0000
}

const NO_CHANGE: CatalogChange = { upserts: [], declined: [], reinstated: [], vanished: [], returned: [] }

function unchanged(state: World, source: string): CatalogSynced {
  const { setAside = [], setAsideTotal = 0, notes = [] } = state.feeds.get(source) ?? {}
  return { type: 'CatalogSynced', source, change: NO_CHANGE, setAside, setAsideTotal, notes }
}

function synced(source: string, plan: SyncPlan): CatalogSynced {
  const { upserts, declined, reinstated, vanished, returned, nextRelease } = plan
  return {
    type: 'CatalogSynced',
    source,
    change: { upserts, declined, reinstated, vanished, returned },
    setAside: plan.setAside.map(({ position, reason }) => ({ position, reason })),
    setAsideTotal: plan.setAsideTotal,
    notes: notesOf(plan),
    ...(nextRelease !== undefined && { nextRelease }),
  }
}

/** So that each fact fits into one append, whatever the size of its records. */
const MAX_UPSERTS = 5000

// All but the last say that more follows: what a crash between two of them left out is read at the next start.
function inParts(whole: CatalogSynced): CatalogSynced[] {
  const { upserts } = whole.change
  const parts: CatalogSynced[] = []
  for (let i = MAX_UPSERTS; i < upserts.length; i += MAX_UPSERTS) {
    const change = { ...NO_CHANGE, upserts: upserts.slice(i - MAX_UPSERTS, i) }
    parts.push({ ...whole, change, partial: true })
  }
  const rest = upserts.slice(parts.length * MAX_UPSERTS)
  return [...parts, { ...whole, change: { ...whole.change, upserts: rest } }]
}

function notesOf({ conflicts, conflictTotal, merged }: SyncPlan): string[] {
  const notes = conflicts.slice(0, MAX_NOTES).map(({ message, kept, dropped }) => `${message} (${kept}, ${dropped})`)
  if (conflictTotal > notes.length) notes.push(`${conflictTotal - notes.length} more records are in conflict`)
  if (merged > 0) notes.push(`${merged} records repeat another one word for word`)
  return notes
}
