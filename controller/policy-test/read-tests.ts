// The text of a test file to its policy tests, and everything that is wrong with it at once, with places.
import type { Document } from 'yaml'
import { z } from 'zod'
import type { Declared, Problem } from '../model/declared.ts'
import { API_VERSION } from '../model/kinds.ts'
import { fieldProblems } from '../sources/issues.ts'
import { readObject } from '../sources/manifest-object.ts'
import { pathText, sortProblems } from '../sources/problems.ts'
import { isRecord } from '../sources/records.ts'
import { positions } from '../sources/text-positions.ts'
import { readYaml } from '../sources/yaml-text.ts'
import { offsetOf, type Path, plainValues, writtenAt } from '../sources/yaml-values.ts'
import { PolicyTest } from './policy-test.ts'

export type Place = { readonly line: number; readonly column: number }

export type ReadTest = {
  readonly test: PolicyTest
  /** Where a value of the document stands. */
  readonly place: (path: Path) => Place
  /** The objects written out in steps, by `pathText` of their place. */
  readonly objects: ReadonlyMap<string, Declared>
}

export type TestFile = { readonly tests: readonly ReadTest[]; readonly problems: readonly Problem[] }

/** Reads the policy tests of one file; its other documents are no business of ours. Never throws. */
export function readTests(file: string, text: Uint8Array | string): TestFile {
  const yaml = readYaml(text)
  const positionOf = positions(yaml.text)
  const problems: Problem[] = []
  const report = (offset: number, path: Path, code: string, message: string) =>
    problems.push({ file, ...positionOf(offset), path: pathText(path), code, message })
  for (const { offset, code, message } of yaml.problems) report(offset, [], code, message)
  const tests: ReadTest[] = []
  for (const document of yaml.documents) {
    if (document.errors.length > 0) continue
    const before = problems.length
    const { value, problems: found } = plainValues(document)
    if (!isPolicyTest(value)) continue
    for (const { offset, path, code, message } of found) report(offset, path, code, message)
    const written = (path: Path) => writtenAt(document, path)
    const parsed = PolicyTest.safeParse(value)
    for (const { path, at, code, message } of fieldProblems(
      { schema: PolicyTest, value, written },
      parsed.error?.issues ?? [],
    ))
      report(offsetOf(document, path, at), path, code, message)
    if (!parsed.success || problems.length > before) continue
    const inline = inlineObjects(
      file,
      document,
      parsed.data,
      (path) => positionOf(offsetOf(document, path, 'Value')).line,
    )
    for (const { path, at, code, message } of inline.problems) report(offsetOf(document, path, at), path, code, message)
    const place = (path: Path) => positionOf(offsetOf(document, path, 'Value'))
    if (problems.length === before) tests.push({ test: parsed.data, place, objects: inline.objects })
  }
  return { tests, problems: sortProblems(problems) }
}

const Header = z.object({ apiVersion: z.literal(API_VERSION), kind: z.literal('PolicyTest') })

function isPolicyTest(value: unknown): boolean {
  return isRecord(value) && (Header.safeParse(value).success || value.kind === 'PolicyTest')
}

type Inline = {
  readonly objects: Map<string, Declared>
  readonly problems: { path: Path; at: 'Key' | 'Value'; code: string; message: string }[]
}

function inlineObjects(
  file: string,
  document: Document.Parsed,
  { spec }: PolicyTest,
  lineOf: (path: Path) => number,
): Inline {
  const inline: Inline = { objects: new Map(), problems: [] }
  for (const [t, { steps }] of spec.tests.entries())
    for (const [s, step] of steps.entries())
      for (const [a, action] of (step.do ?? []).entries())
        for (const [o, value] of (action.objects ?? []).entries()) {
          const at: Path = ['spec', 'tests', t, 'steps', s, 'do', a, 'objects', o]
          const origin = { source: 'directory', revision: 'test', file, line: lineOf(at) }
          const read = readObject(value, origin, (path) => writtenAt(document, [...at, ...path]))
          if (read.type === 'Object') inline.objects.set(pathText(at), read.object)
          else for (const found of read.problems) inline.problems.push({ ...found, path: [...at, ...found.path] })
        }
  return inline
}
