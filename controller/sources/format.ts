// Declarations in their canonical form: fields in the order of the reference, two spaces, quotes around what other YAML parsers
// would not take for text. Comments stay, and so does what is said: what was written and what came out are read and compared.
import { isDeepStrictEqual } from 'node:util'
import { type Document, isAlias, isMap, isScalar, isSeq, Lexer, type Pair, parseAllDocuments, type YAMLMap } from 'yaml'
import { API_VERSION } from '../model/kinds.ts'
import { isRecord } from './records.ts'
import { asSchema, mergedObject, type Schema } from './schema.ts'
import { readYaml } from './yaml-text.ts'
import { plainValues } from './yaml-values.ts'

/** The schema of a whole document of a kind; undefined for kinds that are not ours. */
export type SchemaOf = (kind: string) => Schema | undefined

export type Formatted =
  | { readonly type: 'Formatted'; readonly text: string }
  /** Not touched, and why. `NotOurs`: some or all of its documents are no business of ours. */
  | { readonly type: 'NotOurs' | 'Broken'; readonly reason: string }

/** Never throws; formatting what was formatted changes nothing. */
export function formatYaml(text: string, schemaOf: SchemaOf): Formatted {
  const before = readValues(text)
  if (typeof before === 'string') return { type: 'Broken', reason: before }
  const schemas = before.map((value) => schemaFor(value, schemaOf))
  if (schemas.length === 0) return { type: 'NotOurs', reason: 'it has no document' }
  if (schemas.includes(undefined)) return { type: 'NotOurs', reason: 'it has documents that are not of Ringmaster' }
  const written = settled(text, schemas)
  if (written === undefined) return { type: 'Broken', reason: UNSAFE }
  const after = readValues(written)
  if (!isDeepStrictEqual(after, before) || !isDeepStrictEqual(commentsOf(written), commentsOf(text)))
    return { type: 'Broken', reason: UNSAFE }
  return { type: 'Formatted', text: written }
}

const UNSAFE = 'it is written in a way that cannot be formatted without losing something'
const MAX_PASSES = 4

// Comments in odd places find their own in a pass or two.
function settled(text: string, schemas: readonly (Schema | undefined)[]): string | undefined {
  let before = text
  for (let pass = 0; pass < MAX_PASSES; pass++) {
    const written = write(before, schemas)
    if (written === before) return written
    before = written
  }
  return undefined
}

/** The values of its documents, or what is wrong with the text. */
function readValues(text: string): unknown[] | string {
  const yaml = readYaml(text)
  const [problem] = yaml.problems
  if (problem !== undefined) return problem.message
  const values: unknown[] = []
  for (const document of yaml.documents) {
    const { value, problems } = plainValues(document)
    if (problems[0] !== undefined) return problems[0].message
    if (value !== null) values.push(value)
  }
  return values
}

function schemaFor(value: unknown, schemaOf: SchemaOf): Schema | undefined {
  if (!isRecord(value) || value.apiVersion !== API_VERSION || typeof value.kind !== 'string') return undefined
  return schemaOf(value.kind)
}

// As the texts of comments, in any order: a comment goes with its field.
function commentsOf(text: string): string[] {
  const comments: string[] = []
  for (const token of new Lexer().lex(text)) if (token.startsWith('#')) comments.push(token.slice(1).trim())
  return comments.filter((comment) => comment !== '').sort()
}

const READING = { schema: 'core', merge: false, uniqueKeys: false, prettyErrors: false, logLevel: 'silent' } as const
const WRITING = { indent: 2, lineWidth: 0, flowCollectionPadding: false, directives: false } as const

function write(text: string, schemas: readonly (Schema | undefined)[]): string {
  const left = [...schemas]
  // A document without content is only its comments.
  const parts: string[] = []
  for (const document of parseAllDocuments(text.replace(/^\ufeff/, ''), { ...READING, resolveKnownTags: false })) {
    const empty = document.contents === null || (isScalar(document.contents) && document.contents.value === null)
    if (!empty) tidy(document, left.shift())
    const out = empty ? onlyComments(document) : document.toString(WRITING)
    if (out.trim() !== '') parts.push(`${out.replace(/^(?:[ \t]*\n)+/, '').trimEnd()}\n`)
  }
  return parts.join('---\n')
}

function onlyComments(document: Document): string {
  return [document.commentBefore, document.comment]
    .filter((comment) => typeof comment === 'string')
    .map((comment) => comment.replaceAll(/^/gm, '#'))
    .join('\n')
}

function tidy(document: Document, schema: Schema | undefined): void {
  // An alias has to stand below its anchor.
  let sorts = true
  const look = (node: unknown): void => {
    if (isAlias(node)) sorts = false
    else if (isMap(node)) for (const { key, value } of node.items) for (const one of [key, value]) look(one)
    else if (isSeq(node)) node.items.forEach(look)
  }
  look(document.contents)
  tidyNode(document.contents, sorts ? schema : undefined)
}

function tidyNode(node: unknown, schema: Schema | undefined, isItem = false): void {
  if (isSeq(node)) {
    const items = schema === undefined || Array.isArray(schema.items) ? undefined : asSchema(schema.items)
    for (const item of node.items) tidyNode(item, items, true)
  } else if (isMap(node)) {
    const object = schema === undefined ? undefined : (mergedObject(schema) ?? schema)
    const properties = object?.properties ?? {}
    sortFields(node, Object.keys(properties), isItem)
    for (const { key, value } of node.items) {
      quote(key)
      tidyNode(value, asSchema(properties[keyText(key) ?? '']))
    }
  } else quote(node)
}

function sortFields(map: YAMLMap<unknown, unknown>, names: readonly string[], isItem: boolean): void {
  const placed = (pair: Pair<unknown, unknown>): number => {
    const at = names.indexOf(keyText(pair.key) ?? '')
    return at < 0 ? names.length : at
  }
  const [first] = map.items
  const sorted = map.items.toSorted((a, b) => placed(a) - placed(b))
  if (first === undefined || sorted.every((pair, i) => pair === map.items[i])) return
  // A comment above the first field is kept with the mapping; it is about that field. Above an item of a list it is about that.
  if (!isItem && isScalar(first.key) && typeof map.commentBefore === 'string') {
    first.key.commentBefore = [map.commentBefore, first.key.commentBefore].filter(Boolean).join('\n')
    map.commentBefore = null
  }
  map.items = sorted
}

/** What YAML 1.1 takes for a number, a date or a truth value: times of day, dates, yes and no. */
const AMBIGUOUS =
  /^(?:[-+]?\d[\d_]*(?::[0-5]?\d)+(?:\.\d*)?|\d{4}-\d\d-\d\d|\d{4}-\d\d?-\d\d?(?:[Tt]|[ \t]+)\d\d?:\d\d:\d\d(?:\.\d*)?(?:[ \t]*(?:Z|[-+]\d\d?(?::\d\d)?))?|[-+]?0[0-7_]+|[-+]?\d[\d_]*|y|Y|n|N|yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF|=)$/

function quote(node: unknown): void {
  if (!isScalar(node) || typeof node.value !== 'string') return
  if (node.type === 'PLAIN' && AMBIGUOUS.test(node.value)) node.type = 'QUOTE_DOUBLE'
  else if (node.type === 'QUOTE_SINGLE' && !/["\\\n]/.test(node.value)) node.type = 'QUOTE_DOUBLE'
}

function keyText(key: unknown): string | undefined {
  return isScalar(key) && typeof key.value === 'string' ? key.value : undefined
}
