// Any text of a file to declared objects, and everything that is wrong with it at once; by the whole YAML parser and zod, which
// take some 100 ms to load (docs/decisions/0096-plain-objects-without-zod.md).
import type { Document } from 'yaml'
import type { Declared, ObjectRef, Origin, Problem } from '../model/declared.ts'
import { API_VERSION } from '../model/kinds.ts'
import type { Code } from './codes.ts'
import type { FieldProblem } from './issues.ts'
import { MAX_PROBLEMS_PER_FILE } from './limits.ts'
import type { ManifestFile, ManifestOrigin, PlaceOf } from './manifest-file.ts'
import { readObject } from './manifest-object.ts'
import { pathText, sortProblems } from './problems.ts'
import { isStranger, listItems, refOf } from './strangers.ts'
import { positions } from './text-positions.ts'
import { readYaml } from './yaml-text.ts'
import { offsetOf, type Path, plainValues, type ValueProblem, writtenAt } from './yaml-values.ts'

/** What parseManifests of manifest.ts gives. */
export function parseWhole(
  file: string,
  text: Uint8Array | string,
  origin: ManifestOrigin,
  explicit: boolean,
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
    for (const part of partsOf(document)) {
      const { line } = positionOf(offsetOf(document, part.base, 'Value'))
      const read = readPart(part, { ...origin, file, line }, explicit, (offset) => positionOf(offset).line)
      if (read.type === 'Ignored') ignored++
      else if (read.type === 'Object') objects.push(read.object)
      else {
        if (read.ref !== undefined) refused.push(read.ref)
        for (const problem of read.problems) problems.push(place(problem))
      }
    }
  }
  if (explicit && objects.length === 0 && problems.length === 0 && ignored === 0)
    problems.push(place({ offset: 0, path: [], code: 'RM1018', message: NOTHING }))
  return { objects, problems: bounded(sortProblems(problems)), ignored, refused }
}

const NOTHING = `nothing is declared here: write objects with apiVersion: ${API_VERSION}`

/** Where values of objects stand that came from this text; line 1, column 1 when the text has no such object. */
export function placesIn(text: Uint8Array | string): PlaceOf {
  const yaml = readYaml(text)
  const positionOf = positions(yaml.text)
  const parts = Map.groupBy(
    yaml.documents.flatMap(partsOf),
    ({ document, base }) => positionOf(offsetOf(document, base, 'Value')).line,
  )
  return (object, path, what = 'Value') => {
    const here = parts.get(object.origin.line) ?? []
    // Several objects may stand on one line of JSON.
    const part = here.find(({ value }) => isOf(value, object)) ?? here[0]
    return part === undefined
      ? { line: 1, column: 1 }
      : positionOf(offsetOf(part.document, [...part.base, ...path], what))
  }
}

/** A document, or one item of a document that is a list; `base` leads to it, and problems' paths are within it. */
type Part = {
  readonly document: Document.Parsed
  readonly base: Path
  readonly value: unknown
  readonly problems: readonly ValueProblem[]
}

function partsOf(document: Document.Parsed): Part[] {
  const { value, problems } = plainValues(document)
  const items = listItems(value)
  if (items === undefined) return [{ document, base: [], value, problems }]
  return items.map((item, i) => {
    // What is wrong with the list around them is told with the first.
    const own = problems.filter(({ path }) => (path[0] === 'items' && path.length > 1 ? path[1] === i : i === 0))
    const inner = own.map((problem) => ({ ...problem, path: problem.path.slice(2) }))
    return { document, base: ['items', i], value: item, problems: inner }
  })
}

function isOf(value: unknown, { kind, name }: Declared): boolean {
  const ref = refOf(value)
  return ref?.kind === kind && ref.name === name
}

type PlacedProblem = { readonly path: Path; readonly offset: number; readonly code: Code; readonly message: string }
type Read =
  | { readonly type: 'Ignored' }
  | { readonly type: 'Object'; readonly object: Declared }
  | { readonly type: 'Problems'; readonly ref: ObjectRef | undefined; readonly problems: readonly PlacedProblem[] }

function readPart(
  { document, base, value, problems: yamlProblems }: Part,
  origin: Origin,
  explicit: boolean,
  lineOf: (offset: number) => number,
): Read {
  if (isStranger(value, explicit)) return { type: 'Ignored' }
  const problems: PlacedProblem[] = yamlProblems.map(({ path, offset, code, message, other }) => ({
    path,
    offset,
    code,
    message: other === undefined ? message : `${message} (the first one is on line ${lineOf(other)})`,
  }))
  const object = readObject(value, origin, (path) => writtenAt(document, [...base, ...path]))
  if (object.type === 'Object' && problems.length === 0) return object
  const more = object.type === 'Object' ? [] : withoutConsequences(object.problems, yamlProblems)
  for (const problem of more.slice(0, 10 * MAX_PROBLEMS_PER_FILE))
    problems.push({ ...problem, offset: offsetOf(document, [...base, ...problem.path], problem.at) })
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
