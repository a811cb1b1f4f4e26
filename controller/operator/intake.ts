// Declarations from the cluster into the journal: whenever objects have changed, all are judged anew, and what that changes is
// submitted. Nothing happens before every kind was listed whole, so that nothing is taken for removed that was only not seen yet.
import { type KubeObject, keyOf } from '../kube/kube-object.ts'
import type { Declared } from '../model/declared.ts'
import { KIND_NAMES, KINDS, type Kind } from '../model/kinds.ts'
import { reasonOf } from '../model/reason.ts'
import type { RolloutRecord } from '../rollout/control.ts'
import type { World } from '../rollout/world.ts'
import type { Controller } from '../runtime/controller.ts'
import type { Log } from '../runtime/log.ts'
import { declaredFacts, sourceRead } from './declared-facts.ts'
import { type Candidate, type Judgement, judge, MADE } from './judge.ts'
import { KUBERNETES_SOURCE, type ObjectKey, objectKey } from './names.ts'
import { type DeclaredRead, type Fault, isOwned, readDeclared } from './read-declared.ts'

/** What became of one version of an object. */
export type Verdict = {
  readonly uid: string
  readonly generation: number
  /** Empty: it is in force. */
  readonly faults: readonly Fault[]
}

export type IntakeOptions = {
  readonly controller: Controller
  readonly objectsOf: (kind: Kind) => ReadonlyMap<string, KubeObject>
  /** Whether every kind was listed, and this replica is the one that speaks. */
  readonly mayRun: () => boolean
  /** Whether another source of declarations runs. */
  readonly isRunning: (source: string) => boolean
  readonly onJudged: (keys: readonly ObjectKey[]) => void
  readonly log: Log
}

export type Intake = {
  /** Something has changed. */
  readonly wake: () => void
  readonly verdictOf: (key: ObjectKey) => Verdict | undefined
  /** Whether what was listed has come into force once. */
  readonly hasRun: () => boolean
  readonly close: () => Promise<void>
}

/** Changes that come together are judged together. */
const GATHER_MS = 50
/** After a failure to submit. */
const RETRY_MS = 2000

export function startIntake(options: IntakeOptions): Intake {
  const { mayRun, log } = options
  const verdicts = new Map<ObjectKey, Verdict>()
  const pass = newPass(options, verdicts)
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined
  let again = false
  let closed = false
  let done = false

  const schedule = (ms: number) => {
    if (!closed && timer === undefined) timer = setTimeout(begin, ms)
  }
  const begin = () => {
    timer = undefined
    if (closed || !mayRun()) return
    again = false
    const begun = performance.now()
    running = pass()
      .then(
        () => {
          done = true
          // Judging is for the whole: while thousands of objects come in it has its rest too.
          if (again) schedule(Math.max(GATHER_MS, 2 * (performance.now() - begun)))
        },
        (error: unknown) => {
          log.warn(`declarations of the cluster were not taken: ${reasonOf(error)}; they are offered again`)
          schedule(RETRY_MS)
        },
      )
      .finally(() => {
        running = undefined
      })
  }
  return {
    wake: () => {
      again = true
      if (running === undefined) schedule(GATHER_MS)
    },
    verdictOf: (key) => verdicts.get(key),
    hasRun: () => done,
    close: async () => {
      closed = true
      clearTimeout(timer)
      await running
    },
  }
}

function newPass(options: IntakeOptions, verdicts: Map<ObjectKey, Verdict>): () => Promise<void> {
  const { controller, objectsOf, isRunning, mayRun, onJudged, log } = options
  const reads = new WeakMap<KubeObject, DeclaredRead>()
  const readOnce = (kind: Kind, object: KubeObject) => {
    const known = reads.get(object)
    if (known !== undefined) return known
    const read = readDeclared(kind, object)
    reads.set(object, read)
    return read
  }
  return async () => {
    const objects = declarationsIn(objectsOf)
    const candidates = objects.map(({ kind, key, object }): Candidate => ({ key, read: readOnce(kind, object) }))
    const { state } = controller
    const inForce = inForceFrom(state)
    const judgement = judge({ candidates, inForce, others: othersIn(state), isRunning })
    const revision = `kubernetes@${newestVersion(objectsOf)}`
    const batches = declaredFacts(inForce, judgement.wanted, revision)
    for (const facts of batches) {
      // Another replica may lead by now, and have seen more.
      if (!mayRun()) throw new Error('this replica does not lead any more')
      await controller.submit(...facts)
    }
    if (batches.length === 0 && state.sources.get(KUBERNETES_SOURCE)?.revision === undefined)
      await controller.submit(sourceRead(revision))
    await controller.settled()
    tell(log, batches.length, judgement, verdicts)
    onJudged(keepVerdicts(objects, judgement, verdicts))
  }
}

type Found = { readonly kind: Kind; readonly key: ObjectKey; readonly object: KubeObject }

/** What admins wrote and is not about to go, the oldest first. */
function declarationsIn(objectsOf: IntakeOptions['objectsOf']): Found[] {
  const found: Found[] = []
  for (const kind of KIND_NAMES) {
    if (!KINDS[kind].writable) continue
    for (const object of objectsOf(kind).values())
      if (!object.meta.deleting && !isOwned(object))
        found.push({ kind, key: objectKey(kind, keyOf(object.meta)), object })
  }
  const age = ({ object, key }: Found) => `${object.meta.created}/${key}`
  return found.sort((a, b) => (age(a) < age(b) ? -1 : 1))
}

function inForceFrom({ objects }: World): Map<ObjectKey, Declared> {
  const found = new Map<ObjectKey, Declared>()
  for (const kind of KIND_NAMES)
    for (const object of objects[kind].values())
      if (object.origin.source === KUBERNETES_SOURCE) found.set(objectKey(kind, object.name), object)
  return found
}

/** Declarations of other sources, and the groups of rules, which a declared rollout may take out once more. */
function othersIn({ objects, control }: World): Declared[] {
  const others = KIND_NAMES.flatMap((kind) =>
    [...objects[kind].values()].filter(({ origin }) => origin.source !== KUBERNETES_SOURCE),
  )
  const groups = new Map<string, Declared>()
  for (const { rule, group, updates } of control.rollouts.values())
    if (rule !== undefined && !objects.SoftwareUpdateGroup.has(group)) groups.set(group, madeGroup(group, updates))
  return [...others, ...groups.values()]
}

function madeGroup(name: string, updates: RolloutRecord['updates']): Declared<'SoftwareUpdateGroup'> {
  const origin = { source: MADE, revision: '', file: `SoftwareUpdateGroup/${name}`, line: 1 }
  return { kind: 'SoftwareUpdateGroup', name, labels: {}, annotations: {}, spec: { updates: [...updates] }, origin }
}

/** Versions of the API server are numbers that go up, for people to look at; nothing depends on it. */
function newestVersion(objectsOf: IntakeOptions['objectsOf']): string {
  let newest = 0n
  for (const kind of KIND_NAMES)
    for (const { meta } of objectsOf(kind).values())
      if (/^\d{1,30}$/.test(meta.resourceVersion) && BigInt(meta.resourceVersion) > newest)
        newest = BigInt(meta.resourceVersion)
  return String(newest)
}

function keepVerdicts(
  objects: readonly Found[],
  { refused }: Judgement,
  verdicts: Map<ObjectKey, Verdict>,
): ObjectKey[] {
  const changed: ObjectKey[] = []
  const there = new Set<ObjectKey>()
  for (const { key, object } of objects) {
    there.add(key)
    const { uid, generation } = object.meta
    const faults = refused.get(key) ?? []
    const before = verdicts.get(key)
    const same =
      before?.uid === uid &&
      before.generation === generation &&
      JSON.stringify(before.faults) === JSON.stringify(faults)
    if (same) continue
    verdicts.set(key, { uid, generation, faults })
    changed.push(key)
  }
  for (const key of verdicts.keys()) if (!there.has(key)) verdicts.delete(key)
  return changed
}

const MOST_TOLD = 20

function tell(log: Log, batches: number, { wanted, refused }: Judgement, before: Map<ObjectKey, Verdict>): void {
  if (batches > 0) log.info(`declarations of the cluster in force: ${wanted.size} objects`, { refused: refused.size })
  const news = [...refused].filter(
    ([key, faults]) => (before.get(key)?.faults[0]?.message ?? '') !== faults[0]?.message,
  )
  for (const [key, [fault]] of news.slice(0, MOST_TOLD))
    if (fault !== undefined)
      log.warn(`${key}: ${fault.code} ${fault.path === '' ? '' : `${fault.path}: `}${fault.message}`)
  if (news.length > MOST_TOLD) log.warn(`${news.length - MOST_TOLD} more objects are not in force`)
}
