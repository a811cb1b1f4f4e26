// The conditions of queries as an API server checks them. What `value` may be depends on the operator, and CEL cannot look at
// a value that has no one type, so that the branches are said in keywords of the schema.
import type { ClusterPart, Structural } from './cluster-rules.ts'

// A structural schema may not name a type in a branch, but may ask what no value of a type can meet.
const NO_TEXT = { minLength: 1, maxLength: 0 }
const NO_NUMBER = { minimum: 1, maximum: 0 }
const NEITHER_LIST_NOR_MAPPING_NOR_BOOLEAN = {
  minItems: 1,
  maxItems: 0,
  minProperties: 1,
  maxProperties: 0,
  not: { enum: [true, false] },
}

export const EXPRESSION_IN_CLUSTER: ClusterPart = {
  keywords: {
    anyOf: [
      branch(['In', 'NotIn'], { required: ['values'], not: { required: ['value'] } }),
      branch(['Exists', 'DoesNotExist'], { not: { anyOf: [{ required: ['value'] }, { required: ['values'] }] } }),
      valued(['Gt', 'Lt'], NO_TEXT),
      valued(['Glob'], { ...NO_NUMBER, minLength: 1, maxLength: 256 }),
      valued(['VersionGte', 'VersionLt'], { ...NO_NUMBER, maxLength: 256, pattern: '^\\d+(?:\\.\\d+)*$' }),
    ],
  },
  rules: [
    {
      rule: "self.operator in ['In', 'NotIn'] ? has(self.values) : !has(self.values)",
      message: 'In and NotIn have values, and no other operator has',
    },
  ],
}

function branch(operators: readonly string[], rest: Structural, properties: Structural = {}): Structural {
  return { properties: { operator: { enum: operators }, ...properties }, ...rest }
}

function valued(operators: readonly string[], value: Structural): Structural {
  return branch(
    operators,
    { required: ['value'], not: { required: ['values'] } },
    { value: { ...NEITHER_LIST_NOR_MAPPING_NOR_BOOLEAN, ...value } },
  )
}
