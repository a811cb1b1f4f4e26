// ringmaster.yaml: settings of a folder of declarations for those who check it. No object: a controller ignores it.
import { z } from 'zod'
import { API_VERSION } from '../model/kinds.ts'
import { ObjectName } from '../model/plan.ts'
import { ALL_CODES, isCode, severityOf } from './codes.ts'
import { readSingle, type SingleRead } from './read-single.ts'
import { asSchema, type Schema } from './schema.ts'
import { nearest } from './suggest.ts'

const MAX_PATTERNS = 1000

const Level = z
  .enum(['Off', 'Note', 'Warning', 'Error'])
  .describe('Off: not looked for. Note: told, and no more. Warning: fails with --strict. Error: fails.')

/** Codes whose severity may be changed: those that keep no revision from coming into force. */
const CHANGEABLE: readonly string[] = ALL_CODES.filter((code) => severityOf(code) !== 'Error')

export const Project = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal('Project'),
  metadata: z.strictObject({ name: ObjectName }).optional(),
  spec: z
    .strictObject({
      severities: z
        .record(
          z.string().superRefine((code, context) => {
            const message = whyUnchangeable(code)
            if (message !== undefined) context.addIssue({ code: 'custom', message })
          }),
          Level,
        )
        .optional()
        .describe('How severe a code is, by its name, e.g. `RM1513: Off`. Errors (RM10xx to RM13xx) stay errors.'),
      ignore: z
        .array(z.string().min(1).max(1024))
        .max(MAX_PATTERNS)
        .optional()
        .describe('Files that are not looked at, as patterns relative to this file: `generated/**`, `*.draft.yaml`.'),
    })
    .default({}),
})
export type Project = z.infer<typeof Project>

/** Reads the text of ringmaster.yaml. */
export function readProject(file: string, text: Uint8Array | string): SingleRead<Project> {
  return readSingle(Project, 'Project', file, text)
}

/** JSON Schema of ringmaster.yaml, for editors. */
export function projectSchema(): Schema {
  const { $schema, ...schema } = z.toJSONSchema(Project, { target: 'draft-2020-12', io: 'input' })
  return {
    ...($schema !== undefined && { $schema }),
    title: 'Project',
    description: 'Settings of `ringmaster validate`.',
    ...schema,
  }
}

/** Of its spec alone, for the reference page. */
export function projectSpecSchema(): Schema {
  return asSchema(projectSchema().properties?.spec) ?? {}
}

function whyUnchangeable(code: string): string | undefined {
  if (CHANGEABLE.includes(code)) return undefined
  if (isCode(code)) return `${code} is an error of a declaration, which no controller takes: it cannot be changed`
  const meant = nearest(code, CHANGEABLE)
  return `there is no code ${code.slice(0, 80)}${meant === undefined ? ': docs/errors lists them' : `; did you mean \`${meant}\`?`}`
}
