// The forms of form-reader.ts, from the schemas of zod.
import type { z } from 'zod'
import { plainChecksOf } from '../model/cluster-rules.ts'
import { KIND_NAMES, KINDS } from '../model/kinds.ts'
import { SPECS } from '../model/specs.ts'
import type { Form } from './form-reader.ts'
import { Metadata } from './manifest-object.ts'
import type { Forms } from './plain-object.ts'
import { asSchema, branches, plainSchema, type Schema } from './schema.ts'

/** Of `metadata`, and of the spec of each kind that may be declared and has a form. Throws when `metadata` has none. */
export function plainForms(): Forms {
  const specs: Record<string, Form> = {}
  for (const kind of KIND_NAMES) {
    const form = KINDS[kind].writable ? formOf(SPECS[kind]) : undefined
    if (form !== undefined) specs[kind] = form
  }
  const metadata = formOf(Metadata)
  // An empty form fits everything.
  if (metadata === undefined) throw new Error('metadata has a check that is made by zod alone')
  return { metadata, specs }
}

/**
 * Undefined when only zod can check it. A field that may be left out, and that only zod can check, is one that the form does
 * not know. Throws on what forms cannot say.
 */
function formOf(schema: z.core.$ZodType): Form | undefined {
  const json = plainSchema(schema, ({ zodSchema, jsonSchema }) => {
    const names = plainChecksOf(zodSchema)
    if (names === undefined) jsonSchema[CHECKS] = ONLY_ZOD
    else if (names.length > 0) jsonSchema[CHECKS] = names
  })
  return formFrom(json)
}

/** The keyword under which a schema carries the names of its plain checks. */
const CHECKS = 'x-ringmaster-checks'
const ONLY_ZOD = 'only zod'

const KEPT = ['type', 'required', 'minItems', 'maxItems', 'minLength', 'maxLength', 'minimum', 'maximum', 'default']
const TURNED = ['properties', 'additionalProperties', 'propertyNames', 'items', 'anyOf', 'oneOf', 'pattern', 'allOf']
/** `format` stands beside a pattern that says the same. */
const KNOWN = new Set([...KEPT, ...TURNED, 'enum', 'const', 'description', 'format', CHECKS])

function formFrom(schema: Schema): Form | undefined {
  const strange = Object.keys(schema).find((keyword) => !KNOWN.has(keyword))
  if (strange !== undefined) throw new Error(`forms have nothing for ${strange}`)
  const { pattern, allOf = [], const: only, enum: values = only === undefined ? undefined : [only] } = schema
  const patterns = [pattern, ...allOf.map((other) => other.pattern)].filter((one) => one !== undefined)
  const checks = schema[CHECKS]
  const parts = checks === ONLY_ZOD ? undefined : partsOf(schema)
  return (
    parts && {
      ...Object.fromEntries(KEPT.filter((name) => schema[name] !== undefined).map((name) => [name, schema[name]])),
      ...parts,
      ...(patterns.length > 0 && { patterns }),
      ...(values !== undefined && { enum: values }),
      ...(Array.isArray(checks) && { checks }),
    }
  )
}

/** What it consists of, as forms. */
function partsOf(
  schema: Schema,
): Pick<Form, 'properties' | 'propertyNames' | 'values' | 'items' | 'anyOf'> | undefined {
  const { properties = {}, required = [] } = schema
  const forms = Object.entries(properties).map(([name, field]) => ({ name, form: formFrom(asSchema(field) ?? {}) }))
  const options = branches(schema).map(formFrom)
  const whole = [schema.items, schema.propertyNames, schema.additionalProperties].map((part) => {
    const inner = asSchema(part)
    return inner === undefined ? {} : formFrom(inner)
  })
  const [items, propertyNames, values] = whole
  const anyOf = options.filter((option) => option !== undefined)
  if (whole.includes(undefined) || anyOf.length < options.length) return undefined
  if (forms.some(({ name, form }) => form === undefined && required.includes(name))) return undefined
  return {
    ...(schema.properties !== undefined && {
      properties: Object.fromEntries(forms.flatMap(({ name, form }) => (form === undefined ? [] : [[name, form]]))),
    }),
    ...(propertyNames !== undefined && schema.propertyNames !== undefined && { propertyNames }),
    ...(values !== undefined && asSchema(schema.additionalProperties) !== undefined && { values }),
    ...(items !== undefined && schema.items !== undefined && { items }),
    ...(anyOf.length > 0 && { anyOf }),
  }
}
