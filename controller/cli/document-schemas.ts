// The schemas of all documents that people write for Ringmaster: declarations, settings, tests and scenarios.
import { KIND_NAMES } from '../model/kinds.ts'
import { policyTestSchema } from '../policy-test/policy-test.ts'
import { scenarioSchema } from '../simulate/scenario.ts'
import { projectSchema } from '../sources/project-file.ts'
import { DRAFT, objectSchema, type Schema } from '../sources/schema.ts'

/** Undefined for a kind that is not ours. */
export function documentSchema(kind: string): Schema | undefined {
  if (!made.has(kind)) made.set(kind, makeSchema(kind))
  return made.get(kind)
}

const made = new Map<string, Schema | undefined>()

function makeSchema(kind: string): Schema | undefined {
  if (kind === 'PolicyTest') return policyTestSchema()
  if (kind === 'Project') return projectSchema()
  if (kind === 'Scenario') {
    const { $schema: _, ...schema } = scenarioSchema()
    return { $schema: DRAFT, ...schema }
  }
  const known = KIND_NAMES.find((name) => name === kind)
  return known && objectSchema(known)
}
