// Everything that there is to say of one set of files: the errors that keep it from coming into force, and warnings and notes.
import type { Declared, Problem } from '../model/declared.ts'
import type { EpochMs } from '../model/instant.ts'
import { advise } from './advise.ts'
import { assembleBy, MAX_PROBLEMS_KEPT, placedBy } from './assemble-by.ts'
import { ADVICE_CODES, isAdvice } from './codes-advice.ts'
import type { Severity } from './error-page.ts'
import type { FileProblem, SourceFile } from './folder.ts'
import type { ManifestReader } from './manifest-file.ts'
import { sortProblems } from './problems.ts'
import type { Project } from './project-file.ts'
import { severityIn } from './project-settings.ts'

export type FileSet = {
  readonly files: readonly SourceFile[]
  readonly unread: readonly FileProblem[]
  /** Names of files that a person named (see parseManifests). */
  readonly explicit: ReadonlySet<string>
  readonly project?: Project | undefined
}

/** `template`: the template of helm that the document came from, where it says so. */
export type Remark = Problem & { readonly severity: Severity; readonly template?: string }

export type Checked = {
  /** Names, as messages call them. */
  readonly files: readonly string[]
  readonly objects: number
  /** Documents that are not ours. */
  readonly ignored: number
  /** By file and position. */
  readonly remarks: readonly Remark[]
  /** Problems that are counted and not listed. */
  readonly left: number
}

/** What the objects of a set that is checked are said to come from. */
export const ORIGIN = { source: 'validate', revision: 'none' } as const

/** `at`: the instant for which it is judged what is over and what is to come. Warnings are looked for when there are no errors. */
export function checkSet({ files, unread, explicit, project }: FileSet, at: EpochMs, reader: ManifestReader): Checked {
  const { objects, problems, total, ignored } = assembleBy(
    reader,
    ORIGIN.source,
    files,
    unread,
    undefined,
    explicit,
    ORIGIN,
  )
  const errors = problems.map((problem): Remark => ({ ...problem, severity: 'Error' }))
  const advice = total > 0 ? [] : sortProblems(placedBy(reader, advise(objects, at), files))
  const others = advice.flatMap((problem): Remark[] => {
    const severity = isAdvice(problem.code) ? severityIn(project, problem.code) : undefined
    return severity === undefined ? [] : [{ ...problem, severity }]
  })
  const templates = templatesOf(files)
  const remarks = [...errors, ...others].slice(0, MAX_PROBLEMS_KEPT).map((remark): Remark => {
    const template = templates(remark)
    return template === undefined ? remark : { ...remark, template }
  })
  return {
    files: files.map(({ name }) => name),
    objects: objects.length,
    ignored,
    remarks,
    left: total - problems.length,
  }
}

/** How many warnings there are about the objects of one source, among all that are in force; notes are not counted. */
export function countWarnings(inForce: readonly Declared[], source: string, at: EpochMs): number {
  return advise(inForce, at).filter(
    ({ object, code }) =>
      object.origin.source === source && isAdvice(code) && ADVICE_CODES[code].severity === 'Warning',
  ).length
}

const SOURCE_COMMENT = /^# Source: (\S.*?)\s*$/gm

/** `helm template` writes above each document which template it came from. */
function templatesOf(files: readonly SourceFile[]): (problem: Problem) => string | undefined {
  const contents = new Map(files.map(({ name, bytes }) => [name, bytes]))
  const known = new Map<string, readonly { readonly line: number; readonly template: string }[]>()
  return ({ file, line }) => {
    let comments = known.get(file)
    if (comments === undefined) {
      comments = commentsOf(contents.get(file))
      known.set(file, comments)
    }
    return comments.findLast((comment) => comment.line <= line)?.template
  }
}

function commentsOf(bytes: Uint8Array | undefined) {
  const text = bytes === undefined ? '' : new TextDecoder().decode(bytes)
  let line = 1
  let at = 0
  return [...text.matchAll(SOURCE_COMMENT)].map(({ index, 1: template = '' }) => {
    for (let next = text.indexOf('\n', at); next >= 0 && next < index; next = text.indexOf('\n', at)) {
      line++
      at = next + 1
    }
    return { line, template: template.slice(0, 200) }
  })
}
