// A file that holds one document of a known form, such as a scenario or ringmaster.yaml: all its problems at once, with places.
import type { z } from 'zod'
import type { Problem } from '../model/declared.ts'
import { fieldProblems } from './issues.ts'
import { pathText, sortProblems } from './problems.ts'
import { positions } from './text-positions.ts'
import { readYaml } from './yaml-text.ts'
import { offsetOf, type Path, plainValues, writtenAt } from './yaml-values.ts'

export type SingleRead<T> =
  | { readonly type: 'Read'; readonly value: T }
  | { readonly type: 'Problems'; readonly problems: readonly Problem[] }

/** `what`: how the object is called in messages, e.g. `Scenario`. Never throws. */
export function readSingle<T>(
  schema: z.ZodType<T>,
  what: string,
  file: string,
  text: Uint8Array | string,
): SingleRead<T> {
  const yaml = readYaml(text)
  const positionOf = positions(yaml.text)
  const place = (offset: number, path: Path, code: string, message: string): Problem => ({
    file,
    ...positionOf(offset),
    path: pathText(path),
    code,
    message,
  })
  const problems = yaml.problems.map(({ offset, code, message }) => place(offset, [], code, message))
  const [document, second] = yaml.documents
  if (document === undefined && problems.length === 0)
    problems.push(place(0, [], 'RM1018', `the file is empty: write a ${what}`))
  if (second !== undefined)
    problems.push(place(offsetOf(second, [], 'Value'), [], 'RM1006', `a second document: a file has one ${what}`))
  if (document === undefined || problems.length > 0) return { type: 'Problems', problems: sortProblems(problems) }
  const values = plainValues(document)
  for (const { offset, path, code, message } of values.problems) problems.push(place(offset, path, code, message))
  const parsed = schema.safeParse(values.value)
  if (parsed.success && problems.length === 0) return { type: 'Read', value: parsed.data }
  const context = { schema, value: values.value, written: (path: Path) => writtenAt(document, path) }
  for (const { path, at, code, message } of fieldProblems(context, parsed.error?.issues ?? []))
    problems.push(place(offsetOf(document, path, at), path, code, message))
  return { type: 'Problems', problems: sortProblems(problems) }
}
