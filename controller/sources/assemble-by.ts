// Files of one source to one checked set of objects, by any reader of their texts.
import { resolve } from 'node:path'
import type { Declared, Problem } from '../model/declared.ts'
import { MAX_OBJECTS_PER_SOURCE } from '../model/limits.ts'
import { crossChecks, type Finding } from './cross-checks.ts'
import type { FileProblem, SourceFile } from './folder.ts'
import type { ManifestFile, ManifestOrigin, ManifestReader } from './manifest-file.ts'
import { pathText, sortProblems } from './problems.ts'

export type Declarations = {
  /** `sha256:…` over the sorted names and contents of the files. */
  readonly revision: string
  /** Those without a problem of their own; not to be put to use while there are problems. */
  readonly objects: readonly Declared[]
  /** By file and position, at most MAX_PROBLEMS_KEPT. */
  readonly problems: readonly Problem[]
  /** How many problems there are, kept or not. */
  readonly total: number
  /** Names of the files read. */
  readonly files: readonly string[]
  /** Documents that are not ours. */
  readonly ignored: number
}

export const MAX_PROBLEMS_KEPT = 5000

/** What was parsed before, by file name. Only a shortcut: without it the result is the same. */
export type ParsedFiles = Map<string, { readonly digest: string; readonly manifests: ManifestFile }>

/** What is known besides the files. */
export type AssembleContext = {
  /** Of the whole source, in place of a hash of its files. */
  readonly revision?: string
  /** Objects of other sources, which these may refer to. */
  readonly elsewhere?: readonly Declared[]
}

/** `explicit`: names of files that a person named (see parseManifests). */
export function assembleBy(
  reader: ManifestReader,
  source: string,
  files: readonly SourceFile[],
  unread: readonly FileProblem[],
  parsed: ParsedFiles | undefined,
  explicit: ReadonlySet<string>,
  context: AssembleContext,
): Declarations {
  const revision = context.revision ?? revisionOf(files, unread)
  const objects: Declared[] = []
  const problems = unread.map((problem): Problem => ({ ...problem, line: 1, column: 1, path: '' }))
  const refused = new Set<string>()
  let ignored = 0
  for (const file of files) {
    const manifests = parseFile(reader, file, { source, revision }, parsed, explicit.has(file.name))
    for (const object of manifests.objects) objects.push(settled(object, revision, file.folder))
    for (const problem of manifests.problems) problems.push(problem)
    for (const { kind, name } of manifests.refused) refused.add(`${kind}/${name}`)
    ignored += manifests.ignored
  }
  if (parsed !== undefined) forgetOthers(parsed, files)
  const surplus = objects[MAX_OBJECTS_PER_SOURCE]
  if (surplus !== undefined) problems.push(tooMany(surplus, objects.length))
  const kept = objects.slice(0, MAX_OBJECTS_PER_SOURCE)
  // A reference to an object that is only refused for its own faults is no fault; nor can it be told from one to an
  // object in a text that could not be read.
  const unreadable = problems.some((problem) => problem.code.startsWith('RM10'))
  const findings = crossChecks(kept, context.elsewhere).filter(
    ({ missing }) => missing === undefined || !(unreadable || refused.has(`${missing.kind}/${missing.name}`)),
  )
  problems.push(...placedBy(reader, findings, files))
  return {
    revision,
    objects: kept,
    problems: sortProblems(problems).slice(0, MAX_PROBLEMS_KEPT),
    total: problems.length,
    files: files.map((file) => file.name),
    ignored,
  }
}

function revisionOf(files: readonly SourceFile[], unread: readonly FileProblem[]): string {
  const hash = process.getBuiltinModule('node:crypto').createHash('sha256')
  for (const { name, bytes } of files) hash.update(`${name}\0${bytes.length}\0`).update(bytes)
  for (const { file, code, message } of unread) hash.update(`${file}\0${code}\0${message}\0`)
  return `sha256:${hash.digest('hex')}`
}

/** By what was parsed before, if the file has not changed. */
export function parseFile(
  reader: ManifestReader,
  file: SourceFile,
  origin: ManifestOrigin,
  parsed: ParsedFiles | undefined,
  explicit: boolean,
): ManifestFile {
  if (parsed === undefined) return reader.parse(file.name, file.bytes, origin, explicit)
  const digest = process.getBuiltinModule('node:crypto').hash('sha256', file.bytes)
  const before = parsed.get(file.name)
  if (before?.digest === digest) return before.manifests
  const manifests = reader.parse(file.name, file.bytes, origin, explicit)
  parsed.set(file.name, { digest, manifests })
  return manifests
}

function forgetOthers(parsed: ParsedFiles, files: readonly SourceFile[]): void {
  const names = new Set(files.map((file) => file.name))
  for (const name of parsed.keys()) if (!names.has(name)) parsed.delete(name)
}

function settled(object: Declared, revision: string, folder: string): Declared {
  // What was parsed before carries the revision of then.
  const origin = object.origin.revision === revision ? object.origin : { ...object.origin, revision }
  if (origin === object.origin && object.kind !== 'UpdateSource') return object
  if (object.kind !== 'UpdateSource' || object.spec.path === undefined || folder === '') return { ...object, origin }
  return { ...object, origin, spec: { ...object.spec, path: resolve(folder, object.spec.path) } }
}

function tooMany({ origin }: Declared, count: number): Problem {
  const message = `${count} objects are declared, at most ${MAX_OBJECTS_PER_SOURCE} are allowed: this is the first one too many`
  return { file: origin.file, line: origin.line, column: 1, path: '', code: 'RM1016', message }
}

/** Positions are looked up by parsing the file again: there are findings rarely, and syntax trees are large. */
export function placedBy(
  reader: ManifestReader,
  findings: readonly Finding[],
  files: readonly SourceFile[],
): Problem[] {
  const contents = new Map(files.map(({ name, bytes }) => [name, bytes]))
  const byFile = Map.groupBy(findings, (finding) => finding.object.origin.file)
  return [...byFile].flatMap(([file, found]) => {
    const bytes = contents.get(file)
    const placeOf = reader.placesIn(bytes ?? new Uint8Array())
    return found.map(
      ({ object, path, code, message }): Problem => ({
        file,
        ...placeOf(object, path),
        path: pathText(path),
        code,
        message,
      }),
    )
  })
}
