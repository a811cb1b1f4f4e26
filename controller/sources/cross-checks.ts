// What can be wrong with objects only together: names taken twice, references to nothing, circles, rules that lead nowhere.
import { hasCriterion } from '../model/criterion.ts'
import type { Declared, ObjectRef } from '../model/declared.ts'
import { ALL_DEVICES } from '../model/membership.ts'
import { BUILT_IN_TEMPLATES } from '../model/templates.ts'
import type { Code } from './codes.ts'
import { collectionReferences, type Reference, references } from './references.ts'
import { didYouMean } from './suggest.ts'
import type { Path } from './yaml-values.ts'

/** A problem of one object, at a path in it that placesIn (manifest.ts) turns into line and column. */
export type Finding = {
  readonly object: Declared
  readonly path: Path
  readonly code: Code
  readonly message: string
  /** The object that is referred to in vain. */
  readonly missing?: ObjectRef
  /** Every object of the circle that this one closes. */
  readonly circle?: readonly Declared[]
}

/** Findings beyond this are left out: their like is among the first. */
export const MAX_FINDINGS = 1000

/**
 * Checks the objects of a whole source against each other. The order of the objects makes no difference. `elsewhere`: objects of
 * other sources, which these may refer to; nothing is found about them. `matters`: which findings are asked for.
 */
export function crossChecks(
  objects: readonly Declared[],
  elsewhere: readonly Declared[] = [],
  matters: (finding: Finding) => boolean = () => true,
): Finding[] {
  const sorted = objects.toSorted((a, b) => order(a.origin.file, b.origin.file) || a.origin.line - b.origin.line)
  const all = elsewhere.length === 0 ? sorted : [...sorted, ...othersOf(objects, elsewhere)]
  let own: ReadonlySet<Declared> | undefined
  const isOwn = (object: Declared) => {
    own ??= new Set(objects)
    return own.has(object)
  }
  const known = knownNames(all)
  const findings: Finding[] = []
  const checks = [duplicates(sorted), unknownReferences(sorted, known), cycles(all, isOwn), plans(sorted, all)]
  for (const check of checks) {
    for (const finding of check) {
      if (!matters(finding)) continue
      if (findings.length === MAX_FINDINGS) return findings
      findings.push(finding)
    }
  }
  return findings
}

/** Those of other sources whose names no own object has. */
function othersOf(objects: readonly Declared[], elsewhere: readonly Declared[]): Declared[] {
  const names = new Set(objects.map(keyOf))
  return elsewhere.filter((object) => !names.has(keyOf(object)))
}

type Names = { readonly [K in Reference['kind']]: ReadonlyMap<string, Declared | undefined> }
function knownNames(objects: readonly Declared[]): Names {
  const named = (kind: string, builtIn: readonly string[]) =>
    new Map<string, Declared | undefined>([
      ...builtIn.map((name) => [name, undefined] as const),
      ...objects.filter((object) => object.kind === kind).map((object) => [object.name, object] as const),
    ])
  return {
    Collection: named('Collection', [ALL_DEVICES]),
    DeploymentTemplate: named('DeploymentTemplate', Object.keys(BUILT_IN_TEMPLATES)),
    SoftwareUpdateGroup: named('SoftwareUpdateGroup', []),
  }
}

function* duplicates(objects: readonly Declared[]): Iterable<Finding> {
  const first = new Map<string, Declared>()
  for (const object of objects) {
    const key = `${object.kind}/${object.name}`
    const other = first.get(key)
    if (other === undefined) first.set(key, object)
    else {
      const where = `${other.origin.file}:${other.origin.line}`
      const message = `${object.kind} ${object.name} is declared already at ${where}: rename or remove one of the two`
      yield { object, path: ['metadata', 'name'], code: 'RM1301', message }
    }
  }
}

const REFERENCE_CODES = {
  Collection: 'RM1302',
  DeploymentTemplate: 'RM1303',
  SoftwareUpdateGroup: 'RM1304',
} as const satisfies Record<Reference['kind'], Code>
const REFERENCE_WORDS = { Collection: 'collection', DeploymentTemplate: 'template', SoftwareUpdateGroup: 'group' }

/** Looking for a near name among many thousands takes time; after this many it is left out. */
const MAX_SUGGESTIONS = 50

function* unknownReferences(objects: readonly Declared[], known: Names): Iterable<Finding> {
  let suggested = 0
  for (const object of objects) {
    for (const { kind, name, path } of references(object)) {
      if (known[kind].has(name)) continue
      const meant = ++suggested > MAX_SUGGESTIONS ? '' : didYouMean(name, known[kind].keys())
      const hint = meant === '' ? `: declare a ${kind} of that name` : meant
      const message = `there is no ${REFERENCE_WORDS[kind]} "${name}"${hint}`
      yield { object, path: ['spec', ...path], code: REFERENCE_CODES[kind], message, missing: { kind, name } }
    }
  }
}

type IsOwn = (object: Declared) => boolean
type Visit = { readonly object: Declared<'Collection'>; readonly edges: readonly Reference[]; next: number }

/** Depth first, by name, each collection once; an edge back into the path that led here closes a circle. */
function* cycles(objects: readonly Declared[], isOwn: IsOwn): Iterable<Finding> {
  // What refers to nothing is in no circle.
  const collections = new Map<string, Pick<Visit, 'object' | 'edges'>>()
  for (const object of objects) {
    const edges = object.kind === 'Collection' ? collectionReferences(object) : []
    if (object.kind !== 'Collection') continue
    if (edges.length > 0) collections.set(object.name, { object, edges })
    else collections.delete(object.name)
  }
  const done = new Set<string>()
  for (const name of [...collections.keys()].sort()) {
    const path: Visit[] = []
    const onPath = new Map<string, number>()
    const enter = ({ object, edges }: Pick<Visit, 'object' | 'edges'>) => {
      onPath.set(object.name, path.length)
      path.push({ object, edges, next: 0 })
    }
    const start = collections.get(name)
    if (start !== undefined && !done.has(name)) enter(start)
    for (let visit = path.at(-1); visit !== undefined; visit = path.at(-1)) {
      const edge = visit.edges[visit.next++]
      if (edge === undefined) {
        done.add(visit.object.name)
        onPath.delete(visit.object.name)
        path.pop()
        continue
      }
      const back = onPath.get(edge.name)
      const target = collections.get(edge.name)
      if (back !== undefined) yield* cycle(path.slice(back), isOwn)
      else if (target !== undefined && !done.has(edge.name)) enter(target)
    }
  }
}

// Told of the last of the own objects in it.
function* cycle(visits: readonly Visit[], isOwn: IsOwn): Iterable<Finding> {
  const at = visits.findLastIndex((visit) => isOwn(visit.object))
  const { object, edges = [], next = 0 } = visits[at] ?? {}
  const edge = edges[next - 1]
  if (object === undefined || edge === undefined) return
  const names = [...visits.slice(at + 1), ...visits.slice(0, at + 1)].map((visit) => visit.object.name)
  const shown = names.length > 20 ? [...names.slice(0, 19), '…'] : names
  const message = `collections refer to each other in a circle: ${[...shown, edge.name].join(' → ')}; remove one of these references`
  const circle = visits.map((visit) => visit.object)
  yield { object, path: ['spec', ...edge.path], code: 'RM1305', message, circle }
}

function* plans(objects: readonly Declared[], all: readonly Declared[]): Iterable<Finding> {
  const templates = new Map<string, { readonly phases?: readonly unknown[] | undefined }>(
    Object.entries(BUILT_IN_TEMPLATES),
  )
  for (const object of all) if (object.kind === 'DeploymentTemplate') templates.set(object.name, object.spec)
  for (const object of objects) {
    if (object.kind === 'AutomaticDeploymentRule' && !hasCriterion(object.spec.criteria)) yield noCriteria(object)
    if (object.kind === 'AutomaticDeploymentRule' || object.kind === 'Rollout') {
      const { template, phases } = object.spec
      const unknown = template !== undefined && !templates.has(template)
      if (phases === undefined && !unknown && templates.get(template ?? '')?.phases === undefined)
        yield noPhases(object, template)
    }
    if ('phases' in object.spec) yield* duplicatePhases(object, object.spec.phases)
  }
}

function noCriteria(object: Declared): Finding {
  const message =
    'names no criterion, and would select the whole catalog (0x87D20416): add for example classifications: [Security Updates]'
  return { object, path: ['spec', 'criteria'], code: 'RM1307', message }
}

function noPhases(object: Declared, template: string | undefined): Finding {
  const who = template === undefined ? 'no phases are named' : `neither it nor the template ${template} names phases`
  const message = `${who}: add phases: [{name: pilot, collection: …}]`
  return { object, path: template === undefined ? ['spec'] : ['spec', 'template'], code: 'RM1306', message }
}

function* duplicatePhases(object: Declared, phases: readonly { readonly name: string }[] = []): Iterable<Finding> {
  const first = new Map<string, number>()
  for (const [i, { name }] of phases.entries()) {
    const other = first.get(name)
    if (other === undefined) first.set(name, i)
    else {
      const message = `the phase name "${name}" is taken by phases[${other}]: give each its own`
      yield { object, path: ['spec', 'phases', i, 'name'], code: 'RM1308', message }
    }
  }
}

function keyOf({ kind, name }: Declared): string {
  return `${kind}/${name}`
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
