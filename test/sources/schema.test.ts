import { test } from 'tap'
import { parse, parseAllDocuments } from 'yaml'
import { z } from 'zod'
import { definitionOf } from '../../controller/cli/generate.ts'
import { KIND_NAMES, KINDS, type Kind } from '../../controller/model/kinds.ts'
import { EXAMPLES } from '../../controller/sources/examples.ts'
import { parseManifests } from '../../controller/sources/manifest.ts'
import { isRecord, valueAt } from '../../controller/sources/records.ts'
import { combinedSchema, objectSchema } from '../../controller/sources/schema.ts'
import { structural } from '../../controller/sources/structural.ts'

const documents = (text: string): unknown[] => parseAllDocuments(text).map((document) => document.toJS())
const VERSION = ['spec', 'versions', 0]

/** Keywords of a structural schema. */
const ALLOWED = new Set(
  'description type default enum format required minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength minItems maxItems pattern properties maxProperties additionalProperties items anyOf not'.split(
    ' ',
  ),
)

for (const kind of KIND_NAMES) {
  test(`the JSON Schema of ${kind} takes its example, and refuses it with an unknown field`, (t) => {
    const [example] = documents(EXAMPLES[kind])
    if (!isRecord(example) || !isRecord(example.spec)) throw new Error('no example')
    t.ok(accepts(objectSchema(kind), example))
    t.notOk(accepts(objectSchema(kind), { ...example, spec: { ...example.spec, unknownField: 1 } }))
    t.notOk(accepts(objectSchema(kind), { ...example, kind: 'Other' }))
    t.end()
  })

  test(`the CRD of ${kind} is structural, and would prune nothing of its example`, (t) => {
    const crd: unknown = parse(definitionOf(kind))
    t.match(crd, {
      kind: 'CustomResourceDefinition',
      metadata: { name: `${KINDS[kind].plural}.ringmaster.dev` },
      spec: {
        names: { kind, plural: KINDS[kind].plural, shortNames: [KINDS[kind].short], categories: ['ringmaster'] },
      },
    })
    const version = valueAt(crd, VERSION)
    t.match(version, { name: 'v1alpha1', served: true, storage: true, subresources: { status: {} } })
    const schema = valueAt(version, ['schema', 'openAPIV3Schema'])
    t.strictSame(faults(schema, kind), [])
    for (const example of documents(EXAMPLES[kind])) {
      const kinds = isRecord(example) && example.kind === kind ? [example] : []
      for (const object of kinds) t.strictSame(pruned(schema, object, kind), [])
    }
    t.end()
  })

  test(`the example of ${kind} is one that the validator takes`, (t) => {
    const { problems, objects } = parseManifests('f', EXAMPLES[kind], { source: 's', revision: 'r' })
    if (KINDS[kind].writable) t.strictSame([problems, objects[0]?.kind], [[], kind])
    else t.match(problems, [{ code: 'RM1104' }])
    t.end()
  })
}

test('the combined schema has each kind that may be declared, and no other', (t) => {
  const writable: Kind[] = KIND_NAMES.filter((kind) => KINDS[kind].writable)
  t.strictSame(Object.keys(combinedSchema().$defs ?? {}), writable)
  t.match(combinedSchema(), { properties: { kind: { enum: writable } } })
  t.end()
})

test('the rewriter does to a schema what it says', (t) => {
  const rewrite = (schema: z.core.$ZodType) => structural(z.toJSONSchema(schema, { io: 'input' }))
  t.strictSame(rewrite(z.strictObject({ a: z.literal('x').optional() })), {
    type: 'object',
    properties: { a: { type: 'string', enum: ['x'] } },
  })
  t.strictSame(rewrite(z.union([z.enum(['Never']), z.int().max(9)])), {
    'x-kubernetes-int-or-string': true,
    anyOf: [{ type: 'integer' }, { type: 'string' }],
  })
  t.strictSame(rewrite(z.union([z.boolean(), z.literal('Any')]).describe('d')), {
    description: 'd',
    'x-kubernetes-preserve-unknown-fields': true,
  })
  t.strictSame(rewrite(z.number().gt(0)), { type: 'number', minimum: 0, exclusiveMinimum: true })
  t.strictSame(rewrite(z.string().regex(/^P\d$/)), { type: 'string', pattern: '^P\\d$' })
  t.strictSame(rewrite(z.record(z.string().min(1), z.string())), {
    type: 'object',
    additionalProperties: { type: 'string' },
  })
  t.match(rewrite(z.iso.datetime()), { type: 'string', format: undefined, pattern: /^\^/ })
  const union = z.discriminatedUnion('op', [
    z.strictObject({ op: z.literal('In'), values: z.array(z.string()) }),
    z.strictObject({ op: z.literal('Gt'), value: z.number() }),
  ])
  t.strictSame(rewrite(union), {
    type: 'object',
    required: ['op'],
    properties: {
      op: { description: 'In:  Gt: ', type: 'string', enum: ['In', 'Gt'] },
      values: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'atomic' },
      value: { type: 'number' },
    },
  })
  t.end()
})

test('every field of every CRD is explained', (t) => {
  for (const kind of KIND_NAMES) {
    const schema = valueAt(parse(definitionOf(kind)), [...VERSION, 'schema', 'openAPIV3Schema', 'properties'])
    if (!isRecord(schema)) throw new Error('no schema')
    for (const part of ['spec', 'status']) t.strictSame(unexplained(schema[part], `${kind}.${part}`), [])
  }
  t.end()
})

/** Paths of fields without a description. */
function unexplained(schema: unknown, path: string): string[] {
  if (!isRecord(schema)) return []
  const { properties, items } = schema
  const below = Object.entries(isRecord(properties) ? properties : {}).flatMap(([name, field]) => [
    ...(isRecord(field) && typeof field.description === 'string' && field.description !== ''
      ? []
      : [`${path}.${name}`]),
    ...unexplained(field, `${path}.${name}`),
  ])
  return [...below, ...unexplained(items, `${path}[]`)]
}

function accepts(schema: unknown, value: unknown): boolean {
  return z.fromJSONSchema(JSON.parse(JSON.stringify(schema))).safeParse(value).success
}

/** What the API server would refuse: unknown keywords, schemas without a type, logic around structure, patterns that RE2 has not. */
function faults(schema: unknown, path: string): string[] {
  if (!isRecord(schema)) return [`${path}: no schema`]
  const own = Object.keys(schema).filter((key) => !ALLOWED.has(key) && !key.startsWith('x-kubernetes-'))
  const open = schema['x-kubernetes-preserve-unknown-fields'] === true || schema['x-kubernetes-int-or-string'] === true
  if (typeof schema.type !== 'string' && !open) own.push('no type')
  if (schema.uniqueItems !== undefined) own.push('uniqueItems')
  if (schema.properties !== undefined && schema.additionalProperties !== undefined)
    own.push('properties and additionalProperties')
  if (typeof schema.pattern === 'string' && /\(\?[^:]/.test(schema.pattern)) own.push('look-around')
  if (schema.type === 'array' && schema.items === undefined) own.push('no items')
  const below = Object.entries(isRecord(schema.properties) ? schema.properties : {}).flatMap(([name, value]) =>
    faults(value, `${path}.${name}`),
  )
  const others = ['items', 'additionalProperties'].flatMap((key) =>
    schema[key] === undefined ? [] : faults(schema[key], `${path}.${key}`),
  )
  return [...own.map((fault) => `${path}: ${fault}`), ...below, ...others]
}

/** Fields of the value that the schema does not have. */
function pruned(schema: unknown, value: unknown, path: string): string[] {
  if (!isRecord(schema) || schema['x-kubernetes-preserve-unknown-fields'] === true || path.endsWith('.metadata'))
    return []
  if (Array.isArray(value)) return value.flatMap((item, i) => pruned(schema.items, item, `${path}[${i}]`))
  if (!isRecord(value) || schema.additionalProperties !== undefined) return []
  const { properties } = schema
  return Object.entries(value).flatMap(([name, inner]) =>
    isRecord(properties) && name in properties
      ? pruned(properties[name], inner, `${path}.${name}`)
      : [`${path}.${name}`],
  )
}
