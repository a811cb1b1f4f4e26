// The work on one object: what the state says of it is compared with what the watch shows, and what differs is written.
import type { KubeClient } from '../kube/kube-client.ts'
import { KubeError } from '../kube/kube-error.ts'
import type { KubeObject } from '../kube/kube-object.ts'
import type { WorkOutcome } from '../kube/work-queue.ts'
import { API_VERSION, type Kind } from '../model/kinds.ts'
import { objectNamed } from '../project/objects.ts'
import type { ObjectView } from '../project/views.ts'
import type { Note } from '../rollout/draft.ts'
import type { Controller } from '../runtime/controller.ts'
import { finalizerMove } from './finalizer.ts'
import type { Verdict } from './intake.ts'
import { madeBody } from './made-body.ts'
import type { MadeObject } from './made-objects.ts'
import {
  FIELD_MANAGER,
  KUBERNETES_SOURCE,
  kindAndName,
  type ObjectKey,
  objectKey,
  resourceOf,
  UNAPPROVE_FINALIZER,
} from './names.ts'
import { objectStatus, stalledIn } from './object-status.ts'
import { isOwned } from './read-declared.ts'
import { askedOf } from './rollout-asks.ts'
import { contains, digestOf } from './same-content.ts'

export type WorkContext = {
  readonly client: Pick<KubeClient, 'apply' | 'remove'>
  readonly controller: Controller
  readonly objectsOf: (kind: Kind) => ReadonlyMap<string, KubeObject>
  readonly verdictOf: (key: ObjectKey) => Verdict | undefined
  /** What is to be in the cluster of what rules and rollouts made. */
  readonly made: () => ReadonlyMap<ObjectKey, MadeObject>
  /** What was written last: it is looked at again when the watch shows it. */
  readonly written: Map<string, Written>
  readonly onStalled: (kind: Kind, object: KubeObject, reason: string, message: string) => void
  readonly onWrite: (what: 'Apply' | 'Status' | 'Finalizer' | 'Remove') => void
}

export type Written = {
  readonly uid: string
  readonly version: string
  /** Of the status. */
  readonly digest: string | undefined
  readonly at: number
}

/** However long the watch takes to show what was written; then it is believed no more. */
const WRITE_SHOWN_MS = 30_000
const OWNER_MS = 2000
/** What annotations ask for is looked at again after so long, so that nothing can be asked for in a circle without a rest. */
const ASKED_MS = 1000
const DONE: WorkOutcome = { type: 'Done' }

export async function workOn(context: WorkContext, key: string): Promise<WorkOutcome> {
  const ref = kindAndName(key)
  if (ref === undefined) return DONE
  const { kind, name } = ref
  const shown = context.objectsOf(kind).get(name)
  if (shown === undefined) context.written.delete(key)
  else if (!isShown(context, key, shown)) return again(1000)
  const made = context.made().get(objectKey(kind, name))
  if (kind === 'Rollout' && shown !== undefined && (await ask(context, shown))) return again(ASKED_MS)
  if (shown === undefined || isOwned(shown)) return workOnMade(context, key, shown, made)
  return workOnDeclared(context, objectKey(kind, name), kind, shown)
}

async function workOnMade(
  context: WorkContext,
  key: string,
  shown: KubeObject | undefined,
  made: MadeObject | undefined,
): Promise<WorkOutcome> {
  if (shown?.meta.deleting) return DONE
  if (made === undefined) {
    const ref = kindAndName(key)
    if (shown === undefined || ref === undefined) return DONE
    await context.client.remove(resourceOf(ref.kind), { name: ref.name }, shown.meta.uid)
    context.onWrite('Remove')
    return DONE
  }
  const view = viewOf(context, made.kind, made.name)
  if (view === undefined) return DONE
  const owner = made.owner && context.objectsOf(made.owner.kind).get(made.owner.name)
  // It comes in a moment; without its uid nobody could tell what belongs to it.
  if (made.owner !== undefined && (owner === undefined || owner.meta.uid === '')) return again(OWNER_MS)
  const body = madeBody(made, view, owner)
  let current = shown
  if (current === undefined || !contains(current.raw, body)) {
    const options = { manager: FIELD_MANAGER, force: true }
    current = await context.client.apply(resourceOf(made.kind), { name: made.name }, body, options)
    note(context, key, current, undefined)
    context.onWrite('Apply')
  }
  return writeStatus(context, key, made.kind, current, view, [])
}

async function workOnDeclared(
  context: WorkContext,
  key: ObjectKey,
  kind: Kind,
  shown: KubeObject,
): Promise<WorkOutcome> {
  const { meta } = shown
  const move = finalizerMove(context.controller.state, kind, shown, () => hasDependents(context, shown))
  let current = shown
  if (move !== 'Keep') {
    const body = {
      apiVersion: API_VERSION,
      kind,
      metadata: { name: meta.name, uid: meta.uid, ...(move === 'Add' && { finalizers: [UNAPPROVE_FINALIZER] }) },
    }
    const options = { manager: FIELD_MANAGER, force: true }
    current = await context.client.apply(resourceOf(kind), { name: meta.name }, body, options)
    note(context, key, current, undefined)
    context.onWrite('Finalizer')
  }
  // One that waits to be judged is looked at again when it has been.
  const verdict = context.verdictOf(key)
  if (meta.deleting) return move === 'Keep' && meta.finalizers.includes(UNAPPROVE_FINALIZER) ? again(1000) : DONE
  if (verdict?.uid !== current.meta.uid || verdict.generation !== current.meta.generation) return DONE
  const isOurs = context.controller.state.objects[kind].get(meta.name)?.origin.source === KUBERNETES_SOURCE
  const view = isOurs ? viewOf(context, kind, meta.name) : undefined
  return writeStatus(context, key, kind, current, view, verdict.faults)
}

async function writeStatus(
  context: WorkContext,
  key: string,
  kind: Kind,
  object: KubeObject,
  view: ObjectView | undefined,
  faults: Verdict['faults'],
): Promise<WorkOutcome> {
  const { meta, raw } = object
  const now = context.controller.clock.nowMs()
  const { generation } = meta
  const status = objectStatus({ view, faults, hasGood: view !== undefined, generation, shown: raw.status, now })
  const digest = digestOf(status)
  const before = context.written.get(key)
  // What the API server leaves out of what we write would be written for ever.
  const isWritten = before?.uid === meta.uid && before.version === meta.resourceVersion && before.digest === digest
  if (isWritten || (contains(raw.status, status) && contains(status, raw.status))) return DONE
  const body = { apiVersion: API_VERSION, kind, metadata: { name: meta.name, uid: meta.uid }, status }
  const options = { manager: FIELD_MANAGER, force: true, subresource: 'status' } as const
  const result = await context.client.apply(resourceOf(kind), { name: meta.name }, body, options).catch(goneMeanwhile)
  if (result === undefined) return DONE
  note(context, key, result, digest)
  context.onWrite('Status')
  const stalled = stalledIn(status)
  const known = stalledIn(raw.status)
  if (stalled !== undefined && (known?.reason !== stalled.reason || known.message !== stalled.message))
    context.onStalled(kind, result, stalled.reason, stalled.message)
  return DONE
}

/** Submits what annotations ask for. Resolves with whether there was anything. */
async function ask(context: WorkContext, rollout: KubeObject): Promise<boolean> {
  const { meta } = rollout
  const record = context.controller.state.control.rollouts.get(meta.name)
  if (record === undefined || meta.deleting) return false
  const asked = askedOf(record, meta.annotations, isOwned(rollout) ? 'Made' : 'Declared')
  if (asked === undefined) return false
  await context.controller.submit({ type: 'CommandGiven', ...asked })
  await context.controller.settled()
  return true
}

function viewOf({ controller }: WorkContext, kind: Kind, name: string): ObjectView | undefined {
  const { state, clock } = controller
  const notes: readonly Note[] = controller.notes
  return objectNamed(state, notes, kind, name, clock.nowMs())
}

/** Objects that are to stay and would go with their owner. */
function hasDependents(context: WorkContext, { meta }: KubeObject): boolean {
  const made = context.made()
  const kinds: readonly Kind[] = ['SoftwareUpdateGroup', 'Rollout', 'UpdateDeployment']
  return kinds.some((kind) =>
    [...context.objectsOf(kind).values()].some(
      (object) =>
        made.has(objectKey(kind, object.meta.name)) && object.meta.ownerReferences.some(({ uid }) => uid === meta.uid),
    ),
  )
}

/** Whether the watch shows what was last written, or something newer. */
function isShown({ written }: WorkContext, key: string, { meta }: KubeObject): boolean {
  const last = written.get(key)
  if (last === undefined || last.uid !== meta.uid || last.version === meta.resourceVersion) return true
  return isNewer(meta.resourceVersion, last.version) || performance.now() - last.at > WRITE_SHOWN_MS
}

/** Versions are whole numbers that go up. Ones that are not are taken for newer: then there is only a write too many. */
function isNewer(a: string, b: string): boolean {
  return /^\d{1,30}$/.test(a) && /^\d{1,30}$/.test(b) ? BigInt(a) > BigInt(b) : true
}

function note({ written }: WorkContext, key: string, { meta }: KubeObject, digest: string | undefined): void {
  written.set(key, { uid: meta.uid, version: meta.resourceVersion, digest, at: performance.now() })
}

function goneMeanwhile(error: unknown): undefined {
  if (error instanceof KubeError && error.type === 'NotFound') return undefined
  throw error
}

function again(ms: number): WorkOutcome {
  return { type: 'Again', at: performance.now() + ms }
}
