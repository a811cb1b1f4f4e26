// JSON Schema to the "structural" schemas that Kubernetes takes for the kinds of others.
import type { Structural } from '../model/cluster-rules.ts'
import { asSchema, branches, CLUSTER_KEYWORDS, CLUSTER_RULES, mergedObject, type Schema } from './schema.ts'

/**
 * - unions of objects become one object with the properties of all (schema.ts, mergedObject);
 * - unions of text and whole numbers become x-kubernetes-int-or-string, other unions keep any value
 *   (x-kubernetes-preserve-unknown-fields);
 * - `const` becomes `enum`; numbers of exclusive bounds become flags;
 * - `additionalProperties: false` goes (an API server prunes, and refuses by `kubectl --validate=strict`, the default);
 *   `propertyNames` goes;
 * - `format` goes where there is a pattern: an API server takes more for a date-time than RFC 3339 does;
 * - what model/cluster-rules.ts says comes in: rules, and keywords in place of those above.
 */
export function structural(schema: Schema): Structural {
  const merged = mergedObject(schema)
  if (merged !== undefined) return structural(merged)
  return { ...withoutRules(schema), ...asKeywords(schema[CLUSTER_KEYWORDS]), ...pick(schema, [CLUSTER_RULES]) }
}

function withoutRules(schema: Schema): Structural {
  const described = { ...pick(schema, ['description', 'default']), ...withDefault(schema) }
  const options = branches(schema)
  if (options.length > 0) return { ...described, ...structuralUnion(options) }
  const { properties, additionalProperties, items } = schema
  const values = asSchema(additionalProperties)
  return {
    ...described,
    ...pick(schema, ['type', 'enum', 'required', 'pattern']),
    ...pick(schema, ['minimum', 'maximum', 'multipleOf', 'minLength', 'maxLength', 'minItems', 'maxItems']),
    ...(schema.const !== undefined && { enum: [schema.const] }),
    ...exclusive(schema),
    ...(properties !== undefined && { properties: mapValues(properties) }),
    ...(values !== undefined && { additionalProperties: structural(values) }),
    ...(items !== undefined && { items: structural(asSchema(items) ?? {}) }),
    ...(items !== undefined && { 'x-kubernetes-list-type': 'atomic' }),
    ...(schema.type === undefined && { 'x-kubernetes-preserve-unknown-fields': true }),
  }
}

/** `kubectl explain` shows descriptions, and no defaults. */
function withDefault({ description, default: value }: Schema): Structural {
  const said = typeof value === 'string' && description !== undefined && !description.includes('Default')
  return said ? { description: `${description} Default ${value}.` } : {}
}

function structuralUnion(options: readonly Schema[]): Structural {
  const types = [...new Set(options.map((option) => option.type))].sort()
  return types.join() === 'integer,string'
    ? { 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }] }
    : { 'x-kubernetes-preserve-unknown-fields': true }
}

function mapValues(properties: NonNullable<Schema['properties']>): Structural {
  return Object.fromEntries(
    Object.entries(properties).map(([name, value]) => [name, structural(asSchema(value) ?? {})]),
  )
}

function exclusive({ exclusiveMinimum, exclusiveMaximum }: Schema): Structural {
  return {
    ...(typeof exclusiveMinimum === 'number' && { minimum: exclusiveMinimum, exclusiveMinimum: true }),
    ...(typeof exclusiveMaximum === 'number' && { maximum: exclusiveMaximum, exclusiveMaximum: true }),
  }
}

function asKeywords(value: unknown): Structural {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

function pick(schema: Schema, names: readonly string[]): Structural {
  return Object.fromEntries(names.filter((name) => schema[name] !== undefined).map((name) => [name, schema[name]]))
}
