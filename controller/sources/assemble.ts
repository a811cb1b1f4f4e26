// Files of one source to one checked set of objects, whatever they contain.
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Problem } from '../model/declared.ts'
import {
  type AssembleContext,
  assembleBy,
  type Declarations,
  type ParsedFiles,
  parseFile,
  placedBy,
} from './assemble-by.ts'
import type { Finding } from './cross-checks.ts'
import type { FileProblem, SourceFile } from './folder.ts'
import { WHOLE_READER } from './manifest.ts'

/** `explicit`: names of files that a person named (see parseManifests). */
export function assemble(
  source: string,
  files: readonly SourceFile[],
  unread: readonly FileProblem[],
  parsed?: ParsedFiles,
  explicit: ReadonlySet<string> = new Set(),
  context: AssembleContext = {},
): Declarations {
  return assembleBy(WHOLE_READER, source, files, unread, parsed, explicit, context)
}

/** Does the slow part of `assemble` beforehand, in steps of about `stepMs` between which others have their turn. */
export async function parseAhead(
  source: string,
  files: readonly SourceFile[],
  parsed: ParsedFiles,
  stepMs = 20,
): Promise<void> {
  let begun = performance.now()
  for (const file of files) {
    parseFile(WHOLE_READER, file, { source, revision: '' }, parsed, false)
    if (performance.now() - begun < stepMs) continue
    await nextTurn()
    begun = performance.now()
  }
}

export function placed(findings: readonly Finding[], files: readonly SourceFile[]): Problem[] {
  return placedBy(WHOLE_READER, findings, files)
}
