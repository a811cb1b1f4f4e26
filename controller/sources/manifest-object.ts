// One document's value to a declared object, or everything that is wrong with it.
import { z } from 'zod'
import type { Declared, Origin } from '../model/declared.ts'
import { API_VERSION, KIND_NAMES, KINDS, type Kind, kindNamed } from '../model/kinds.ts'
import { ALL_DEVICES } from '../model/membership.ts'
import { ObjectName } from '../model/plan.ts'
import { COMMAND_LINE_GIT } from '../model/source-names.ts'
import { SPECS, type SpecOf } from '../model/specs.ts'
import type { Code } from './codes.ts'
import { type FieldProblem, fieldProblems } from './issues.ts'
import { isRecord } from './records.ts'
import { didYouMean, nearest } from './suggest.ts'
import type { Path } from './yaml-values.ts'

export type ObjectRead =
  | { readonly type: 'Object'; readonly object: Declared }
  | { readonly type: 'Problems'; readonly problems: readonly FieldProblem[] }
type Written = (path: Path) => string | undefined

/** `written`: the text of a scalar as written, for messages. */
export function readObject(value: unknown, origin: Origin, written: Written): ObjectRead {
  if (!isRecord(value))
    return refused(
      'RM1101',
      [],
      'a document must be one object: write its fields (apiVersion, kind, metadata, spec), and part objects by ---',
    )
  const problems = [...apiVersionProblems(value), ...topLevelProblems(value)]
  const kind = readKind(value.kind)
  if (typeof kind !== 'string') problems.push(kind)
  const metadata = readMetadata(value, written)
  if (metadata.type === 'Problems') problems.push(...metadata.problems)
  if (typeof kind === 'string') {
    if (value.spec === undefined)
      problems.push({
        path: ['spec'],
        at: 'Key',
        code: 'RM1202',
        message: '`spec` is missing: add what the object says',
      })
    else {
      const spec = readSpec(kind, value.spec, written)
      if (spec.type === 'Problems') problems.push(...spec.problems)
      else if (problems.length === 0 && metadata.type === 'Metadata')
        return { type: 'Object', object: spec.make(metadata, origin) }
    }
  }
  return { type: 'Problems', problems }
}

function apiVersionProblems(value: Record<string, unknown>): FieldProblem[] {
  const { apiVersion } = value
  if (apiVersion === API_VERSION) return []
  if (apiVersion === undefined)
    return [
      {
        path: ['apiVersion'],
        at: 'Key',
        code: 'RM1102',
        message: `\`apiVersion\` is missing: add apiVersion: ${API_VERSION}`,
      },
    ]
  return [{ path: ['apiVersion'], at: 'Value', code: 'RM1102', message: `unknown apiVersion: write ${API_VERSION}` }]
}

const TOP_LEVEL = ['apiVersion', 'kind', 'metadata', 'spec', 'status']

function topLevelProblems(value: Record<string, unknown>): FieldProblem[] {
  const unknown = Object.keys(value).filter((key) => !TOP_LEVEL.includes(key))
  if (unknown.length === 0) return []
  const free = TOP_LEVEL.filter((key) => !(key in value))
  return unknown.map((key): FieldProblem => {
    const hint = didYouMean(key, free) || '; fields of the object belong in `spec`'
    return { path: [key], at: 'Key', code: 'RM1201', message: `unknown field \`${key.slice(0, 80)}\`${hint}` }
  })
}

const WRITABLE = KIND_NAMES.filter((name) => KINDS[name].writable)

function readKind(kind: unknown): Kind | FieldProblem {
  const known = WRITABLE
  const problem = (code: Code, message: string): FieldProblem => ({ path: ['kind'], at: 'Value', code, message })
  if (kind === undefined || kind === null)
    return problem('RM1103', `\`kind\` is missing: write one of ${known.join(', ')}`)
  if (typeof kind === 'object') return problem('RM1103', `\`kind\` must be text: write one of ${known.join(', ')}`)
  const name = String(kind)
  const found = known.find((candidate) => candidate === name) ?? KIND_NAMES.find((candidate) => candidate === name)
  if (found !== undefined && KINDS[found].writable) return found
  if (found !== undefined)
    return problem(
      'RM1104',
      `${found} is written by rollouts, not by people: declare a Rollout or an AutomaticDeploymentRule`,
    )
  const meant = kindNamed(name) ?? nearest(name, known)
  return problem(
    'RM1103',
    `unknown kind "${name.slice(0, 80)}"${meant === undefined ? `: write one of ${known.join(', ')}` : `; did you mean \`${meant}\`?`}`,
  )
}

const texts = z.record(z.string(), z.string())
const tolerated = z.unknown().optional()
/** What people write; the rest is what Kubernetes adds. */
const WrittenMetadata = z.strictObject({
  name: ObjectName.min(1),
  labels: texts.optional(),
  annotations: texts.optional(),
  namespace: z.string().optional(),
})
export const Metadata = WrittenMetadata.extend({
  generateName: tolerated,
  uid: tolerated,
  resourceVersion: tolerated,
  generation: tolerated,
  creationTimestamp: tolerated,
  deletionTimestamp: tolerated,
  deletionGracePeriodSeconds: tolerated,
  ownerReferences: tolerated,
  finalizers: tolerated,
  managedFields: tolerated,
  selfLink: tolerated,
})

type MetadataRead =
  | {
      readonly type: 'Metadata'
      readonly name: string
      readonly labels: Readonly<Record<string, string>>
      readonly annotations: Readonly<Record<string, string>>
    }
  | { readonly type: 'Problems'; readonly problems: readonly FieldProblem[] }

function readMetadata({ kind, metadata }: Record<string, unknown>, written: Written): MetadataRead {
  if (!isRecord(metadata)) {
    return refused(
      'RM1105',
      ['metadata'],
      `\`metadata\` is ${metadata === undefined ? 'missing' : 'no mapping'}: add metadata: {name: …}`,
      'Key',
    )
  }
  const parsed = Metadata.safeParse(metadata)
  if (!parsed.success)
    return {
      type: 'Problems',
      problems: within('metadata', WrittenMetadata, metadata, parsed.error, written).map(nameProblem),
    }
  const { name, labels = {}, annotations = {} } = parsed.data
  if (kind === 'Collection' && name === ALL_DEVICES)
    return refused(
      'RM1106',
      ['metadata', 'name'],
      'the collection `all` is built in (every enrolled device): choose another name',
    )
  if (kind === 'GitSource' && name === COMMAND_LINE_GIT)
    return refused(
      'RM1106',
      ['metadata', 'name'],
      'the Git source `default` is the one of `ringmaster run --git`: choose another name',
    )
  return { type: 'Metadata', name, labels, annotations }
}

function nameProblem(problem: FieldProblem): FieldProblem {
  if (problem.path[1] !== 'name') return problem
  if (problem.code === 'RM1203') return { ...problem, code: 'RM1105' }
  const message =
    problem.code === 'RM1202'
      ? '`name` is missing: add one, e.g. name: patch-tuesday'
      : 'a name has 1 to 63 lower-case letters, digits and "-", with a letter or digit at both ends, e.g. patch-tuesday'
  return { ...problem, code: 'RM1105', message }
}

type SpecRead<K extends Kind> =
  | {
      readonly type: 'Spec'
      readonly make: (metadata: Extract<MetadataRead, { type: 'Metadata' }>, origin: Origin) => Declared<K>
    }
  | { readonly type: 'Problems'; readonly problems: readonly FieldProblem[] }

const SCHEMAS: { readonly [K in Kind]: z.ZodType<SpecOf[K]> } = SPECS

function readSpec<K extends Kind>(kind: K, value: unknown, written: Written): SpecRead<K> {
  const schema = SCHEMAS[kind]
  const parsed = schema.safeParse(value)
  if (!parsed.success) return { type: 'Problems', problems: within('spec', schema, value, parsed.error, written) }
  const spec = parsed.data
  return {
    type: 'Spec',
    make: ({ name, labels, annotations }, origin) => declared(kind, name, labels, annotations, spec, origin),
  }
}

function declared<K extends Kind>(
  kind: K,
  name: string,
  labels: Readonly<Record<string, string>>,
  annotations: Readonly<Record<string, string>>,
  spec: SpecOf[K],
  origin: Origin,
): Declared<K> {
  return { kind, name, labels, annotations, spec, origin }
}

function within(
  field: string,
  schema: z.core.$ZodType,
  value: unknown,
  error: z.core.$ZodError,
  written: Written,
): FieldProblem[] {
  const context = { schema, value, written: (path: Path) => written([field, ...path]) }
  return fieldProblems(context, error.issues).map((problem) => ({ ...problem, path: [field, ...problem.path] }))
}

function refused(code: Code, path: Path, message: string, at: 'Key' | 'Value' = 'Value') {
  return { type: 'Problems' as const, problems: [{ path, at, code, message }] }
}
