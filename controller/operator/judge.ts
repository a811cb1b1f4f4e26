// Which objects of a cluster come into force. Each is judged by itself: one that is faulty, refers to nothing, or closes a circle
// stays as it last was good, and keeps nobody else from coming into force.
import type { Declared } from '../model/declared.ts'
import { MAX_OBJECTS_PER_SOURCE } from '../model/limits.ts'
import { crossChecks, type Finding } from '../sources/cross-checks.ts'
import { pathText } from '../sources/problems.ts'
import { type ObjectKey, objectKey } from './names.ts'
import type { DeclaredRead, Fault } from './read-declared.ts'

export type Candidate = { readonly key: ObjectKey; readonly read: DeclaredRead }

export type Judgement = {
  /** What is to be in force, by key: new versions, and the last good ones of those that are refused. */
  readonly wanted: ReadonlyMap<ObjectKey, Declared>
  /** Why a version is not in force. */
  readonly refused: ReadonlyMap<ObjectKey, readonly Fault[]>
}

export type JudgeInput = {
  /** Every declaration that the cluster holds, in a stable order: those beyond the limit are refused. */
  readonly candidates: readonly Candidate[]
  /** What is in force from the cluster. */
  readonly inForce: ReadonlyMap<ObjectKey, Declared>
  /** What may be referred to besides: declarations of other sources, groups that rules made. */
  readonly others: readonly Declared[]
  /** Whether a source runs: what one declared that does not any more may be taken over. */
  readonly isRunning: (source: string) => boolean
}

/** Rounds of refusing what refers to what was refused. Longer chains than this are refused as a whole. */
const MAX_ROUNDS = 100

export function judge({ candidates, inForce, others, isRunning }: JudgeInput): Judgement {
  const refused = new Map<ObjectKey, readonly Fault[]>()
  const wanted = new Map<ObjectKey, Declared>()
  const fresh = new Set<ObjectKey>()
  const taken = others.filter(({ origin }) => isRunning(origin.source))
  const elsewhere = new Map(taken.map((object) => [objectKey(object.kind, object.name), object]))
  const refuse = (key: ObjectKey, faults: readonly Fault[]) => {
    refused.set(key, [...(refused.get(key) ?? []), ...faults])
    fresh.delete(key)
    const good = inForce.get(key)
    if (good === undefined) wanted.delete(key)
    else wanted.set(key, good)
  }
  for (const [index, { key, read }] of candidates.entries()) {
    const faults = index >= MAX_OBJECTS_PER_SOURCE ? [tooMany()] : faultsOf(read, elsewhere.get(key))
    if (read.type === 'Faulty' || faults.length > 0) {
      refuse(key, faults)
      continue
    }
    wanted.set(key, read.declared)
    fresh.add(key)
  }
  const context = others.filter(({ kind, name }) => !wanted.has(objectKey(kind, name)))
  for (let round = 0; ; round++) {
    const isFresh = ({ kind, name }: Declared) => fresh.has(objectKey(kind, name))
    const matters = ({ object, circle = [] }: Finding) => isFresh(object) || circle.some(isFresh)
    const blamed = blame(crossChecks([...wanted.values()], context, matters), fresh)
    if (blamed.size === 0) return { wanted, refused }
    if (round === MAX_ROUNDS) {
      for (const key of [...fresh]) refuse(key, [tooEntangled()])
      return { wanted, refused }
    }
    for (const [key, faults] of blamed) refuse(key, faults)
  }
}

/** Whose fault each finding is: new versions only. What is in force already stays, and is told of what it lacks. */
function blame(findings: readonly Finding[], fresh: ReadonlySet<ObjectKey>): Map<ObjectKey, Fault[]> {
  const blamed = new Map<ObjectKey, Fault[]>()
  for (const { object, path, code, message, circle = [] } of findings) {
    const fault: Fault = { code, path: pathText(path), message }
    for (const { kind, name } of [object, ...circle]) {
      const key = objectKey(kind, name)
      if (!fresh.has(key)) continue
      const faults = blamed.get(key) ?? []
      if (!faults.some((known) => known.path === fault.path && known.code === code)) blamed.set(key, [...faults, fault])
    }
  }
  return blamed
}

function faultsOf(read: DeclaredRead, other: Declared | undefined): readonly Fault[] {
  if (read.type === 'Faulty') return read.faults
  if (other === undefined) return []
  const message = `${other.kind} ${other.name} is declared already at ${other.origin.file} of the source ${other.origin.source}: rename or remove one of the two`
  return [{ code: 'RM1301', path: 'metadata.name', message }]
}

/** The source of groups that rules made, as far as references to them are looked at. It never runs: whoever declares one has it. */
export const MADE = 'rules'

function tooMany(): Fault {
  return {
    code: 'RM1016',
    path: '',
    message: `the cluster declares more than ${MAX_OBJECTS_PER_SOURCE} objects: this is one too many`,
  }
}

function tooEntangled(): Fault {
  return {
    code: 'RM1702',
    path: '',
    message: `it could not be told in ${MAX_ROUNDS} rounds which objects refer to what is refused: mend those first`,
  }
}
