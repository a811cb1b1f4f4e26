// A schema as editors profit from it most: an example on each field, what each choice means, and Markdown where there is some.
import { parseAllDocuments } from 'yaml'
import { isRecord } from './records.ts'
import { asSchema, branches, type Schema } from './schema.ts'

/** `example`: YAML documents of the kind; the values in it are the examples of their fields. */
export function editorSchema(schema: Schema, example = ''): Schema {
  const documents = parseAllDocuments(example, { schema: 'core' }).map((document): unknown => document.toJS())
  return explained(
    schema,
    documents.filter((value) => kindFits(schema, value)),
  )
}

/** Values of fields that the example of a kind leaves out, by the name of the field. */
const SPECIMENS: ReadonlyMap<string, readonly unknown[]> = new Map([
  ['products', [['Windows 11 *']]],
  ['titles', [['-Preview']]],
  ['descriptions', [['-Preview']]],
  ['articleIds', [['KB5066835']]],
  ['bulletinIds', [['MS17-010']]],
  ['cves', [['CVE-2026-*']]],
  ['vendors', [['Microsoft']]],
  ['languages', [['en-US']]],
  ['architectures', [['X64']]],
  ['key', ['os.version']],
  ['prefix', ['pc-']],
  ['commit', ['4f2c1e9b7a6d5c3e2f1a0b9c8d7e6f5a4b3c2d1e']],
  ['passwordVariable', ['GIT_PASSWORD']],
  ['secretVariable', ['WEBHOOK_SECRET']],
])

const KEYWORDS = ['items', 'additionalProperties'] as const

function explained(schema: Schema, values: readonly unknown[]): Schema {
  const properties = Object.entries(schema.properties ?? {}).map(([name, inner]) => {
    const found = values.flatMap((value) => (isRecord(value) && value[name] !== undefined ? [value[name]] : []))
    return [name, within(inner, found.length > 0 ? found : (SPECIMENS.get(name) ?? []))] as const
  })
  const items = values.flatMap((value) => (Array.isArray(value) ? value : []))
  const entries = values.flatMap((value) => (isRecord(value) ? Object.values(value) : []))
  return {
    ...schema,
    ...notes(schema, values),
    ...(properties.length > 0 && { properties: Object.fromEntries(properties) }),
    ...(schema.anyOf && { anyOf: schema.anyOf.map((branch) => within(branch, values)) }),
    ...(schema.oneOf && { oneOf: schema.oneOf.map((branch) => within(branch, values)) }),
    ...Object.fromEntries(
      KEYWORDS.flatMap((keyword) => {
        const inner = schema[keyword]
        const found = keyword === 'items' ? items : entries
        return typeof inner === 'object' && !Array.isArray(inner) ? [[keyword, within(inner, found)]] : []
      }),
    ),
  }
}

function within<T>(inner: T, values: readonly unknown[]): T | Schema {
  const schema = asSchema(isSchema(inner) ? inner : undefined)
  return schema === undefined ? inner : explained(schema, values)
}

function isSchema(value: unknown): value is Schema {
  return isRecord(value)
}

const MAX_EXAMPLES = 3

function notes(schema: Schema, values: readonly unknown[]): Partial<Schema> {
  const { description, enum: choices } = schema
  const meanings = choices?.map((choice) => meaningOf(String(choice), description ?? ''))
  return {
    ...(description?.includes('`') && { markdownDescription: description }),
    ...(meanings?.some((meaning) => meaning !== '') && { markdownEnumDescriptions: meanings }),
    ...examples(schema, values),
  }
}

/** What a description says of one of the choices: "New: a group for each evaluation." */
function meaningOf(choice: string, description: string): string {
  const at = description.search(new RegExp(`(?:^|[ .])${choice.replaceAll(/[^\w ]/g, '\\$&')}: `))
  if (at < 0) return ''
  const [, meaning = ''] = /^[ .]?[^:]+: (.*?)(?:\.(?= |$)|$)/.exec(description.slice(at)) ?? []
  return meaning
}

function examples(schema: Schema, values: readonly unknown[]): Partial<Schema> {
  if (schema.examples !== undefined || schema.const !== undefined || schema.enum !== undefined) return {}
  const isWhole = schema.type === 'object' || branches(schema).length > 0
  const own = isWhole && values.length === 0 ? [] : values
  const texts = [...new Set(own.map((value) => JSON.stringify(value)))].slice(0, MAX_EXAMPLES)
  if (texts.length > 0) return { examples: texts.map((text) => JSON.parse(text)) }
  const usual = USUAL.find(({ pattern }) => schema.pattern?.startsWith(pattern))
  if (usual !== undefined) return { examples: [...usual.examples] }
  return schema.format === 'date-time' ? { examples: ['2026-01-31T18:00:00Z'] } : {}
}

/** What texts of a form look like, where the example of the kind has none. */
const USUAL = [
  { pattern: '^P(?!$)', examples: ['PT2H', 'P7D'] },
  { pattern: '^-?P', examples: ['P4D', '-P1D'] },
  { pattern: '^([01]', examples: ['22:00'] },
  { pattern: '^\\d{4}-', examples: ['2026-01-31'] },
  { pattern: '^[a-z0-9](', examples: ['patch-tuesday'] },
  { pattern: '^\\d+(?:', examples: ['10.0.26100'] },
  { pattern: '^0x', examples: ['0x80070643'] },
] as const

function kindFits({ properties }: Schema, value: unknown): boolean {
  const kind = asSchema(properties?.kind)?.const
  return isRecord(value) && (kind === undefined || value.kind === kind)
}
