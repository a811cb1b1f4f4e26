// Where declarations come in, from any number of sources: what is sound comes into force as a whole, what is broken changes
// nothing and is reported. Who declared an object first keeps it, until it is handed over (docs/decisions/0018).
import { isDeepStrictEqual } from 'node:util'
import { JournalError } from '../journal/journal.ts'
import type { Declared, Problem, SourceCommit } from '../model/declared.ts'
import type { Input } from '../model/facts.ts'
import { KIND_NAMES } from '../model/kinds.ts'
import { MAX_PROBLEMS_LISTED } from '../model/limits.ts'
import { plural } from '../model/plural.ts'
import { gitSourceName } from '../model/source-names.ts'
import type { SourceRecord } from '../rollout/world.ts'
import type { Declarations } from '../sources/assemble-by.ts'
import { countWarnings } from '../sources/check-set.ts'
import { diffDeclared } from '../sources/diff-declared.ts'
import type { State } from '../state/state.ts'
import type { Controller } from './controller.ts'
import type { Log } from './log.ts'

/** One revision of a source, and where it comes from. */
export type Offer = {
  readonly load: Declarations
  /** Who is named in approvals. */
  readonly head?: { readonly commit: string; readonly author: string; readonly signedBy?: string } | undefined
  readonly commit?: SourceCommit
  readonly note?: string
}

/** A source's place at the intake. */
export type Seat = {
  /** Rejects when the journal refuses; then the revision is to be offered again. */
  readonly offer: (offer: Offer) => Promise<void>
  /** The source cannot be read; what is in force stays so. */
  readonly fail: (code: string, message: string) => Promise<void>
  /** What the revisions of this source may refer to besides their own objects. */
  readonly elsewhere: () => readonly Declared[]
  /** The source gives nothing more. What it declared is no longer its own: any other source may take it over. */
  readonly leave: () => void
}

type Sitting = {
  readonly recheck: () => void
  /** A sound revision that waits for other sources to let go of its objects. */
  waiting?: Offer | undefined
}

const PROBLEMS_LOGGED = 20

export class Intake {
  readonly controller: Controller
  readonly log: Log
  readonly #seats = new Map<string, Sitting>()
  /** One at a time: a change is worked out on the state that it will meet. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(controller: Controller, log: Log) {
    this.controller = controller
    this.log = log
  }

  /** `recheck`: asks the source to offer its newest revision again, because another source has changed. */
  seat(name: string, recheck: () => void): Seat {
    const sitting: Sitting = { recheck }
    this.#seats.set(name, sitting)
    const isSitting = () => this.#seats.get(name) === sitting
    return {
      offer: (offer) => this.#next(async () => (isSitting() ? this.#take(name, sitting, offer) : undefined)),
      fail: (code, message) => this.#next(async () => (isSitting() ? this.#fail(name, code, message) : undefined)),
      elsewhere: () => this.#elsewhere(name),
      // One that was declared anew has a seat of its own by now.
      leave: () => {
        if (isSitting()) this.#seats.delete(name)
        this.#recheckOthers(name)
      },
    }
  }

  /** Whether a source of this name runs. */
  isSeated(name: string): boolean {
    return this.#seats.has(name)
  }

  #next<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work)
    this.#turn = turn.catch(() => {})
    return turn
  }

  async #take(name: string, sitting: Sitting, offer: Offer): Promise<void> {
    sitting.waiting = undefined
    const { load } = offer
    if (load.total > 0) return this.#reject(name, offer)
    if (load.files.length === 0 && inForce(this.controller.state, name).length > 0)
      return this.#reject(name, offer, [EMPTIED])
    const taken = this.#takenElsewhere(name, load.objects)
    if (taken.length > 0) {
      sitting.waiting = offer
      return this.#reject(name, offer, taken.map(takenProblem))
    }
    return this.#accept(name, offer)
  }

  // Those of a source that does not run any more are free to be taken over.
  #takenElsewhere(name: string, objects: readonly Declared[]): Conflict[] {
    const { state } = this.controller
    const ending = endingWith(state, name, objects)
    return objects.flatMap((object) => {
      const other = state.objects[object.kind].get(object.name)
      if (other === undefined || other.origin.source === name) return []
      const { source } = other.origin
      return this.#seats.has(source) && !ending.has(source) ? [{ object, other }] : []
    })
  }

  #elsewhere(name: string): readonly Declared[] {
    const { objects } = this.controller.state
    const others = KIND_NAMES.flatMap((kind) => [...objects[kind].values()]).filter(
      ({ origin }) => origin.source !== name,
    )
    // What is about to be handed over from here will still be there.
    const coming = [...this.#seats.values()].flatMap(({ waiting }) => waiting?.load.objects ?? [])
    return [...others, ...coming.filter(({ kind, name: own }) => objects[kind].get(own)?.origin.source === name)]
  }

  async #accept(name: string, offer: Offer): Promise<void> {
    const { state } = this.controller
    const { revision, objects } = offer.load
    const handedOver = this.#handOver(name, objects)
    const given = new Set(handedOver.flatMap((heir) => heir.fact.put.map(keyOf)))
    const fact = declaredFact(state, name, offer, given)
    const isKnown = isInForce(state.sources.get(name), revision)
    if (isKnown && fact.put.length === 0 && fact.removed.length === 0 && handedOver.length === 0) return
    try {
      await this.controller.submit(...handedOver.map((heir) => heir.fact), fact)
    } catch (error) {
      if (!(error instanceof JournalError) || error.code !== 'TooLarge') throw error
      return this.#reject(name, offer, [TOO_LARGE])
    }
    this.#tellAccepted(name, offer, fact)
    for (const { sitting, source, offer: theirs, fact: given } of handedOver) {
      sitting.waiting = undefined
      this.#tellAccepted(source, theirs, given)
    }
    if (fact.put.length + fact.removed.length + handedOver.length > 0) this.#recheckOthers(name)
  }

  // Sources that wait for nothing but what this revision lets go of come into force together with it.
  #handOver(name: string, objects: readonly Declared[]): Heir[] {
    const kept = new Set(objects.map(keyOf))
    const promised = new Set<string>()
    const heirs: Heir[] = []
    for (const [source, sitting] of this.#seats) {
      const { waiting } = sitting
      if (source === name || waiting === undefined) continue
      const keys = waiting.load.objects.map(keyOf)
      const isFree = this.#takenElsewhere(source, waiting.load.objects).every(
        ({ object, other }) => other.origin.source === name && !kept.has(keyOf(object)),
      )
      if (!isFree || keys.some((key) => kept.has(key) || promised.has(key))) continue
      for (const key of keys) promised.add(key)
      const fact = declaredFact(this.controller.state, source, waiting, new Set())
      heirs.push({ source, sitting, offer: waiting, fact })
    }
    return heirs
  }

  #recheckOthers(name: string): void {
    const { sources } = this.controller.state
    for (const [source, { recheck }] of this.#seats)
      if (source !== name && sources.get(source)?.rejected !== undefined) recheck()
  }

  #tellAccepted(source: string, { load, note }: Offer, { put, removed }: DeclaredFact): void {
    const { objects, revision } = load
    const message = `declarations in force: ${objects.length} objects, of which ${put.length} are new or changed; ${removed.length} removed`
    this.log.info(message, { source, revision })
    if (note !== undefined) this.log.warn(`${source}: ${note}`, { source, revision })
    const { state } = this.controller
    const inForce = KIND_NAMES.flatMap((kind) => [...state.objects[kind].values()])
    const warnings = countWarnings(inForce, source, state.clock)
    if (warnings === 0) return
    const about = `${plural(warnings, 'warning')} about them: \`ringmaster validate\` lists what it is`
    this.log.warn(about, { source, revision, warnings })
  }

  async #reject(source: string, offer: Offer, problems = offer.load.problems): Promise<void> {
    const { load, commit } = offer
    const { revision } = load
    const total = problems === load.problems ? load.total : problems.length
    const listed = problems.slice(0, MAX_PROBLEMS_LISTED)
    const before = this.controller.state.sources.get(source)
    const isKnown = before?.rejected?.revision === revision && isDeepStrictEqual(before.rejected.problems, listed)
    if (isKnown && before.failure === undefined) return
    const fact = { type: 'DeclarationsRejected', source, revision, problems: listed, total } as const
    await this.controller.submit({ ...fact, ...(commit !== undefined && { commit }) })
    const fields = { source, revision, total }
    this.log.warn(`the declarations have ${total} problems; what was in force before stays so`, fields)
    for (const { file, line, column, code, path, message } of problems.slice(0, PROBLEMS_LOGGED))
      this.log.warn(`${file}:${line}:${column}: ${code} ${path === '' ? '' : `${path}: `}${message}`, { source })
  }

  async #fail(source: string, code: string, message: string): Promise<void> {
    const { failure } = this.controller.state.sources.get(source) ?? {}
    this.log.warn(`${source}: ${code} ${message}; what was in force before stays so`, { source, code })
    if (failure?.code === code && failure.message === message) return
    await this.controller.submit({ type: 'SourceFailed', source, code, message: message.slice(0, MAX_MESSAGE) })
  }

  /** Removes a source of which nothing is declared any more, with what came in from it at the last moment. */
  discard(name: string): Promise<void> {
    return this.#next(async () => {
      const { state } = this.controller
      const record = state.sources.get(name)
      if (record === undefined || this.#seats.has(name)) return
      const removed = inForce(state, name).map(({ kind, name: own }) => ({ kind, name: own }))
      const revision = record.revision ?? ''
      const undeclared: Input = { type: 'ObjectsDeclared', source: name, revision, put: [], removed }
      await this.controller.submit(undeclared, { type: 'SourceRemoved', source: name })
      this.log.info(`${name} is no longer a source; ${removed.length} objects were removed`, { source: name })
    })
  }
}

const MAX_MESSAGE = 1000

type DeclaredFact = Extract<Input, { readonly type: 'ObjectsDeclared' }>
type Conflict = { readonly object: Declared; readonly other: Declared }
type Heir = {
  readonly source: string
  readonly sitting: Sitting
  readonly offer: Offer
  readonly fact: DeclaredFact
}

/** `given`: objects that another source takes over, so that they are not removed. */
function declaredFact(state: State, source: string, offer: Offer, given: ReadonlySet<string>): DeclaredFact {
  const { load, head, commit, note } = offer
  const { put, removed } = diffDeclared(inForce(state, source), load.objects)
  return {
    type: 'ObjectsDeclared',
    source,
    revision: load.revision,
    put: put.map((object) => ({ ...object, origin: { ...object.origin, ...head } })),
    removed: removed.filter((ref) => !given.has(keyOf(ref))),
    ...(commit !== undefined && { commit }),
    ...(note !== undefined && { note }),
  }
}

// The same revision may read differently: in another folder, or by another version of Ringmaster.
function isInForce(record: SourceRecord | undefined, revision: string): boolean {
  return record?.revision === revision && record.rejected === undefined && record.failure === undefined
}

function inForce({ objects }: State, source: string): Declared[] {
  return KIND_NAMES.flatMap((kind) => [...objects[kind].values()]).filter(({ origin }) => origin.source === source)
}

/** Git sources that this revision removes: what they declared may be declared here at the same time. */
function endingWith({ objects }: State, name: string, declared: readonly Declared[]): ReadonlySet<string> {
  const kept = new Set(declared.filter(({ kind }) => kind === 'GitSource').map((object) => object.name))
  const ended = [...objects.GitSource.values()].filter(
    (object) => object.origin.source === name && !kept.has(object.name),
  )
  return new Set(ended.map((object) => gitSourceName(object.name)))
}

function keyOf({ kind, name }: Pick<Declared, 'kind' | 'name'>): string {
  return `${kind}/${name}`
}

function takenProblem({ object, other }: Conflict): Problem {
  const { kind, name, origin } = object
  const where = `source ${other.origin.source}, ${other.origin.file}:${other.origin.line}`
  const message = `${kind} ${name} is declared already by ${where}: remove it there, and it is handed over to here, or rename it`
  return { file: origin.file, line: origin.line, column: 1, path: 'metadata.name', code: 'RM1401', message }
}

const WHOLE = { file: '.', line: 1, column: 1, path: '' } as const

// A volume that is not mounted, or a wrong path, must not withdraw every approval there is.
const EMPTIED: Problem = {
  ...WHOLE,
  code: 'RM1020',
  message:
    'there is no YAML file any more: nothing is removed; to remove everything, leave one file with a comment in it',
}

// With aliases written out, and where each object comes from, it may be more than its files.
const TOO_LARGE: Problem = {
  ...WHOLE,
  code: 'RM1001',
  message:
    'what has changed is too large to come into force at once: change fewer objects at a time, or use fewer aliases',
}
