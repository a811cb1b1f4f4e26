// The text of one file to declared objects, and everything that is wrong with it at once.
import type { Document } from 'yaml'
import type { Declared, ObjectRef, Origin, Problem } from '../model/declared.ts'
import { API_GROUP, API_VERSION, KIND_NAMES, kindNamed } from '../model/kinds.ts'
import type { Code } from './codes.ts'
import { type FieldProblem, pathText } from './issues.ts'
import { MAX_PROBLEMS_PER_FILE } from './limits.ts'
import { readObject } from './manifest-object.ts'
import { isRecord } from './schema-walk.ts'
import { editDistance } from './suggest.ts'
import { positions, readYaml } from './yaml-text.ts'
import { offsetOf, type Path, plainValues, writtenAt } from './yaml-values.ts'

/** What is known of the whole source; the file and the line are added to each object's origin. */
export type ManifestOrigin = Pick<Origin, 'source' | 'revision' | 'commit' | 'author'>

export type ManifestFile = {
  /** Those without any problem, in the order of the file. */
  readonly objects: readonly Declared[]
  /** By position; at most MAX_PROBLEMS_PER_FILE, then one RM1019. */
  readonly problems: readonly Problem[]
  /** Documents that are no business of ours: of other API groups, scenarios, and without apiVersion and kind. */
  readonly ignored: number
  /** Objects that have problems, as far as they say what they are. */
  readonly refused: readonly ObjectRef[]
}

/** Kinds of our group that are no declarations. */
const OTHER_KINDS: readonly string[] = ['Scenario']

/**
 * Reads a file of manifests (YAML or JSON, several documents). Never throws.
 * `explicit`: the file was named by a person, so that a document without apiVersion and kind is a mistake, not a stranger.
 */
export function parseManifests(
  file: string,
  text: Uint8Array | string,
  origin: ManifestOrigin,
  explicit = false,
): ManifestFile {
  const yaml = readYaml(text)
  const positionOf = positions(yaml.text)
  const place = ({ offset, path, code, message }: PlacedProblem): Problem => ({
    file,
    ...positionOf(offset),
    path: pathText(path),
    code,
    message,
  })
  const objects: Declared[] = []
  const refused: ObjectRef[] = []
  const problems = yaml.problems.map((problem) => place({ ...problem, path: [] }))
  let ignored = 0
  for (const document of yaml.documents) {
    if (document.errors.length > 0) continue
    const { line } = positionOf(offsetOf(document, [], 'Value'))
    const read = readDocument(document, { ...origin, file, line }, explicit, (offset) => positionOf(offset).line)
    if (read.type === 'Ignored') ignored++
    else if (read.type === 'Object') objects.push(read.object)
    else {
      if (read.ref !== undefined) refused.push(read.ref)
      for (const problem of read.problems) problems.push(place(problem))
    }
  }
  if (explicit && objects.length === 0 && problems.length === 0 && ignored === 0)
    problems.push(place({ offset: 0, path: [], code: 'RM1018', message: NOTHING }))
  return { objects, problems: bounded(sortProblems(problems)), ignored, refused }
}

const NOTHING = `nothing is declared here: write objects with apiVersion: ${API_VERSION}`

/** By file, line, column, path, code. */
export function sortProblems(problems: readonly Problem[]): Problem[] {
  const text = (problem: Problem) => `${problem.path}\0${problem.code}\0${problem.message}`
  return problems.toSorted(
    (a, b) => order(a.file, b.file) || a.line - b.line || a.column - b.column || order(text(a), text(b)),
  )
}

/** Where values of objects stand that came from this text; line 1, column 1 when the text has no such object. */
export function placesIn(
  text: Uint8Array | string,
): (object: Declared, path: Path, what?: 'Key' | 'Value') => { line: number; column: number } {
  const yaml = readYaml(text)
  const positionOf = positions(yaml.text)
  const documents = new Map(
    yaml.documents.map((document) => [positionOf(offsetOf(document, [], 'Value')).line, document]),
  )
  return (object, path, what = 'Value') => {
    const document = documents.get(object.origin.line)
    return document === undefined ? { line: 1, column: 1 } : positionOf(offsetOf(document, path, what))
  }
}

type PlacedProblem = { readonly path: Path; readonly offset: number; readonly code: Code; readonly message: string }
type Read =
  | { readonly type: 'Ignored' }
  | { readonly type: 'Object'; readonly object: Declared }
  | { readonly type: 'Problems'; readonly ref: ObjectRef | undefined; readonly problems: readonly PlacedProblem[] }

function readDocument(
  document: Document.Parsed,
  origin: Origin,
  explicit: boolean,
  lineOf: (offset: number) => number,
): Read {
  const { value, problems: yamlProblems } = plainValues(document)
  if (isStranger(value, explicit)) return { type: 'Ignored' }
  const problems: PlacedProblem[] = yamlProblems.map(({ path, offset, code, message, other }) => ({
    path,
    offset,
    code,
    message: other === undefined ? message : `${message} (the first one is on line ${lineOf(other)})`,
  }))
  const object = readObject(value, origin, (path) => writtenAt(document, path))
  if (object.type === 'Object' && problems.length === 0) return object
  const more = object.type === 'Object' ? [] : withoutConsequences(object.problems, yamlProblems)
  for (const problem of more.slice(0, 10 * MAX_PROBLEMS_PER_FILE))
    problems.push({ ...problem, offset: offsetOf(document, problem.path, problem.at) })
  return { type: 'Problems', ref: refOf(value), problems }
}

/**
 * Without what merely follows from another problem: complaints about values that YAML's problems left incomplete, and
 * about an object that seems to say nothing because what it says is spelt wrongly.
 */
function withoutConsequences(
  problems: readonly FieldProblem[],
  yaml: readonly { readonly path: Path }[],
): FieldProblem[] {
  const incomplete = new Set(
    yaml.flatMap(({ path }) => [...path.keys(), path.length].map((length) => pathText(path.slice(0, length)))),
  )
  const misspelt = new Set(
    problems.filter(({ code }) => code === 'RM1201').map(({ path }) => pathText(path.slice(0, -1))),
  )
  return problems.filter(({ code, path }) => {
    const at = pathText(path)
    return code === 'RM1201' || (!(incomplete.has(at) && path.length > 0) && !(code === 'RM1208' && misspelt.has(at)))
  })
}

function isStranger(value: unknown, explicit: boolean): boolean {
  if (value === null) return true
  if (Array.isArray(value))
    return !explicit && !value.some((item) => isRecord(item) && groupOf(item.apiVersion) === API_GROUP)
  if (!isRecord(value)) return !explicit
  const { apiVersion, kind } = value
  const ours = typeof kind === 'string' && kindNamed(kind) !== undefined
  const group = groupOf(apiVersion)
  if (group === API_GROUP) return typeof kind === 'string' && OTHER_KINDS.includes(kind)
  if (group === undefined) return !ours && !(explicit && apiVersion === undefined && kind === undefined)
  return !group.startsWith('ringmaster.') && editDistance(group, API_GROUP, 4) === 4
}

function refOf(value: unknown): ObjectRef | undefined {
  if (!isRecord(value) || typeof value.kind !== 'string' || !isRecord(value.metadata)) return undefined
  const { name } = value.metadata
  const kind = KIND_NAMES.find((known) => known === value.kind)
  return kind === undefined || typeof name !== 'string' ? undefined : { kind, name }
}

function groupOf(apiVersion: unknown): string | undefined {
  return typeof apiVersion === 'string' ? apiVersion.split('/')[0] : undefined
}

function bounded(problems: readonly Problem[]): Problem[] {
  const first = problems.slice(0, MAX_PROBLEMS_PER_FILE)
  const last = first.at(-1)
  const left = problems.length - first.length
  if (left > 0 && last !== undefined)
    first.push({
      ...last,
      path: '',
      code: 'RM1019',
      message: `${left} more problems in this file are not listed: mend these first`,
    })
  return first
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
