// The state as it may leave the machine: without the hashes of tokens and enrolment keys, and without passwords in the
// addresses of feeds. `ringmaster snapshot` writes it, `diff` and `preview` read it.
import { newTokenHashes } from '../fleet/token-hashes.ts'
import { type Capture, captureSnapshot, decodeSnapshot, encodeSnapshot } from '../journal/snapshot-codec.ts'
import { SnapshotError } from '../journal/snapshot-error.ts'
import type { Declared } from '../model/declared.ts'
import type { EpochMs } from '../model/instant.ts'
import { encodableState, restoreState, type State, type StoredState, settledIn } from './state.ts'

/** What an exported state says of itself. */
export type ExportInfo = {
  /** When it was taken, by the clock of its controller. */
  readonly takenAt: EpochMs
  /** The version of the Ringmaster that wrote it. */
  readonly version: string
  /** The newest fact in it. */
  readonly seq: number
  /** What was in force, by source of declarations. */
  readonly revisions: Readonly<Record<string, string>>
}

const FORMAT = 'ringmaster-state/1'

type About = Omit<ExportInfo, 'revisions'>

export function encodeExport(state: State, about: About): Uint8Array<ArrayBuffer> {
  const exported = withoutSecrets(state)
  return encodeSnapshot(treeOf(exported, about), settledIn(exported))
}

/** The same bytes, to be made piece by piece while facts are folded; see `captureState`. */
export function captureExport(state: State, about: About): Capture {
  const exported = withoutSecrets(state)
  return captureSnapshot(treeOf(exported, about), settledIn(exported))
}

/** Throws a SnapshotError on bytes that are damaged, or are no exported state. */
export function decodeExport(bytes: Uint8Array): { readonly about: ExportInfo; readonly state: State } {
  // The checksum of the codec vouches for what `encodeExport` wrote.
  const tree = decodeSnapshot(bytes) as { format?: unknown; about: ExportInfo; state: StoredState }
  if (tree.format !== FORMAT)
    throw new SnapshotError('OtherFormat', 'This is no exported state: make one with `ringmaster snapshot -o FILE`.')
  return { about: tree.about, state: restoreState(tree.state) }
}

function treeOf(exported: State, about: About): object {
  const info: ExportInfo = { ...about, revisions: revisionsOf(exported) }
  return { format: FORMAT, about: info, state: encodableState(exported) }
}

function withoutSecrets(state: State): State {
  const UpdateSource = new Map([...state.objects.UpdateSource].map(([name, object]) => [name, withoutPassword(object)]))
  return {
    ...state,
    access: { tokens: newTokenHashes(), keys: new Map(), spent: new Map() },
    objects: { ...state.objects, UpdateSource },
  }
}

function withoutPassword(object: Declared): Declared {
  if (object.kind !== 'UpdateSource' || object.spec.url === undefined) return object
  return { ...object, spec: { ...object.spec, url: object.spec.url.replace(/^(https?:\/\/)[^/@]*@/i, '$1') } }
}

function revisionsOf({ sources }: State): Record<string, string> {
  const known = [...sources].flatMap(([source, { revision }]) => (revision === undefined ? [] : [[source, revision]]))
  return Object.fromEntries(known.sort(([a = ''], [b = '']) => (a < b ? -1 : 1)))
}
