// JSON Schema (draft 2020-12) of the kinds, for editors and for what is derived from it: CRDs and reference pages.
import { z } from 'zod'
import { type ClusterRule, clusterPartsOf, type Structural } from '../model/cluster-rules.ts'
import { API_VERSION, KIND_NAMES, KINDS, type Kind } from '../model/kinds.ts'
import { SPECS } from '../model/specs.ts'
import { Metadata } from './manifest-object.ts'

export type Schema = z.core.JSONSchema.BaseSchema

export const DRAFT = 'https://json-schema.org/draft/2020-12/schema'

/** Of a kind's spec as people write it. */
export function specSchema(kind: Kind): Schema {
  return plainSchema(SPECS[kind])
}

/** Under these keywords, what the API server is told beside the schema (model/cluster-rules.ts). */
export const CLUSTER_RULES = 'x-kubernetes-validations'
export const CLUSTER_KEYWORDS = 'x-ringmaster-cluster'

/** Of a kind's spec, with what the API server is told. */
export function clusterSpecSchema(kind: Kind): Schema {
  return plainSchema(SPECS[kind], ({ zodSchema, jsonSchema }) => {
    tidy({ jsonSchema })
    const rules: ClusterRule[] = []
    const keywords: Structural[] = []
    for (const part of clusterPartsOf(zodSchema)) {
      rules.push(...(part?.rules ?? []))
      keywords.push(part?.keywords ?? {})
    }
    if (rules.length > 0) jsonSchema[CLUSTER_RULES] = rules
    if (keywords.length > 0) jsonSchema[CLUSTER_KEYWORDS] = Object.assign({}, ...keywords)
  })
}

/** Of a whole object of one kind. */
export function objectSchema(kind: Kind): Schema {
  return {
    $schema: DRAFT,
    title: kind,
    description: KINDS[kind].description,
    type: 'object',
    properties: {
      apiVersion: { const: API_VERSION },
      kind: { const: kind },
      metadata: plainSchema(Metadata),
      spec: specSchema(kind),
      status: { type: 'object', description: 'Written by Ringmaster; ignored in declarations.' },
    },
    required: ['apiVersion', 'kind', 'metadata', 'spec'],
    additionalProperties: false,
  }
}

/**
 * Of any object that may be declared, and of `others`, by kind: the kind chooses, so that an editor shows the errors of that
 * kind only. `finished`: what becomes of each kind's schema.
 */
export function combinedSchema(
  others: Readonly<Record<string, Schema>> = {},
  finished: (kind: Kind) => Schema = objectSchema,
): Schema {
  const kinds = KIND_NAMES.filter((kind) => KINDS[kind].writable)
  const names = [...kinds, ...Object.keys(others)]
  return {
    $schema: DRAFT,
    title: 'Ringmaster declarations',
    type: 'object',
    properties: { apiVersion: { const: API_VERSION }, kind: { enum: names } },
    required: ['apiVersion', 'kind', 'spec'],
    allOf: names.map((kind) => ({
      if: { properties: { kind: { const: kind } }, required: ['kind'] },
      // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
      then: { $ref: `#/$defs/${kind}` },
    })),
    $defs: {
      ...Object.fromEntries(kinds.map((kind) => [kind, withoutDraft(finished(kind))])),
      ...Object.fromEntries(Object.entries(others).map(([kind, schema]) => [kind, withoutDraft(schema)])),
    },
  }
}

/** A keyword that holds a schema, or undefined: `true`, `false` and lists are none. */
export function asSchema(
  value: z.core.JSONSchema._JSONSchema | z.core.JSONSchema._JSONSchema[] | undefined,
): Schema | undefined {
  return typeof value === 'object' && !Array.isArray(value) ? value : undefined
}

/** Branches of a union; empty when the schema is none. */
export function branches(schema: Schema): Schema[] {
  return (schema.oneOf ?? schema.anyOf ?? []).map((branch) => asSchema(branch)).filter((branch) => branch !== undefined)
}

/**
 * A union of objects as one object: every property of a branch, required where all branches require it. What it allows
 * is wider than the union. Undefined when a branch is no object.
 */
export function mergedObject(schema: Schema): Schema | undefined {
  const options = branches(schema)
  if (options.length === 0 || options.some((option) => option.type !== 'object')) return undefined
  const names = [...new Set(options.flatMap((option) => Object.keys(option.properties ?? {})))]
  const properties = names.map((name) => {
    const found = options.map((option) => asSchema(option.properties?.[name])).filter((value) => value !== undefined)
    return [name, mergedValue(found)] as const
  })
  const required = names.filter((name) => options.every((option) => option.required?.includes(name)))
  const { oneOf: _, anyOf: __, ...rest } = schema
  return { ...rest, type: 'object', properties: Object.fromEntries(properties), required }
}

function mergedValue(found: readonly Schema[]): Schema {
  const distinct = [...new Map(found.map((schema) => [JSON.stringify(schema), schema])).values()]
  const [only] = distinct
  if (only !== undefined && distinct.length === 1) return only
  const description = [...new Set(distinct.map(describeBranch))].join(' ')
  if (distinct.every((schema) => typeof schema.const === 'string'))
    return {
      type: 'string',
      enum: distinct.flatMap((schema) => (schema.const === undefined ? [] : [schema.const])),
      description,
    }
  return { anyOf: distinct.map(({ description: _, ...schema }) => schema), description }
}

function describeBranch({ const: value, description = '' }: Schema): string {
  return value === undefined ? description : `${String(value)}: ${description}`
}

type Override = NonNullable<z.core.ToJSONSchemaParams['override']>

/** JSON Schema of what people write, without naming the draft. */
export function plainSchema(schema: z.core.$ZodType, override: Override = tidy): Schema {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { target: 'draft-2020-12', io: 'input', override })
  return rest
}

// zod states the bounds of exactly held integers at every integer.
function tidy({ jsonSchema }: { jsonSchema: Schema }): void {
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum
}

function withoutDraft({ $schema: _, ...schema }: Schema): Schema {
  return schema
}
