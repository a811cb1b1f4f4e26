// A YAML document as plain values, and where each of them stands. What YAML allows and Kubernetes-shaped objects do not
// (other keys than text, tags, merge keys, the same key twice, infinite numbers) is a problem here.
import { type Document, isAlias, isMap, isScalar, isSeq, type Node, type Pair } from 'yaml'
import type { Code } from './codes.ts'
import { MAX_DEPTH, MAX_EXPANDED_VALUES } from './limits.ts'
import { type TextProblem, TOO_DEEP } from './yaml-text.ts'

export type Path = readonly PropertyKey[]

export type DocumentValues = {
  /** Objects, arrays, strings, numbers, booleans, null. Keys at fault are left out. */
  readonly value: unknown
  readonly problems: readonly ValueProblem[]
}
export type ValueProblem = TextProblem & {
  readonly path: Path
  /** Where the other one stands, of two that are at odds. */
  readonly other?: number
}

/** The document's content without its YAML clothes. */
export function plainValues(document: Document.Parsed): DocumentValues {
  const walk: Walk = { anchors: new Map(), problems: [], expanded: 0, aliased: false }
  const { value } = plain(walk, document.contents, [])
  return { value, problems: walk.problems }
}

/**
 * Offset of the value at `path`, or of its key; of the nearest thing around it when there is no such value.
 * What came by an alias stands where the alias is.
 */
export function offsetOf(document: Document.Parsed, path: Path, what: 'Key' | 'Value'): number {
  let node: unknown = document.contents
  let offset = startOf(node)
  for (const [i, segment] of path.entries()) {
    if (isSeq(node) && typeof segment === 'number') {
      node = node.items[segment]
      offset = startOf(node) ?? offset
      continue
    }
    const pair: Pair | undefined = isMap(node) ? node.items.find((item) => keyText(item.key) === segment) : undefined
    if (pair === undefined) break
    node = pair.value
    const wantKey = (what === 'Key' && i === path.length - 1) || isMissing(node)
    offset = (wantKey ? undefined : startOf(node)) ?? startOf(pair.key) ?? offset
  }
  return offset ?? 0
}

/** The text as written of the scalar at `path`, such as `1.10` for the number 1.1. */
export function writtenAt(document: Document.Parsed, path: Path): string | undefined {
  const node: unknown = document.getIn(path, true)
  return isScalar(node) ? (node.source ?? String(node.value)) : undefined
}

type Walk = {
  readonly anchors: Map<string, Plain>
  readonly problems: ValueProblem[]
  expanded: number
  aliased: boolean
}
/** `size`: how many values it is, written out. */
type Plain = { readonly value: unknown; readonly size: number; readonly depth: number }

const MERGE_KEY = '<<'
const CORE_TAGS = new Set(
  ['str', 'int', 'float', 'bool', 'null', 'map', 'seq'].map((name) => `tag:yaml.org,2002:${name}`),
)
const NOTHING: Plain = { value: null, size: 1, depth: 0 }

function plain(walk: Walk, node: unknown, path: Path): Plain {
  if (isAlias(node)) return expandAlias(walk, node, path)
  const found = plainNode(walk, node, path)
  if (isScalar(node) || isMap(node) || isSeq(node)) {
    if (node.tag !== undefined && !CORE_TAGS.has(node.tag))
      report(
        walk,
        node,
        path,
        'RM1008',
        `the tag ${shortTag(node.tag)} means nothing here: leave it out (quotes force text)`,
      )
    if (node.anchor !== undefined) walk.anchors.set(node.anchor, found)
  }
  return found
}

function plainNode(walk: Walk, node: unknown, path: Path): Plain {
  if (path.length > MAX_DEPTH) {
    if (!walk.problems.some((problem) => problem.code === 'RM1005')) report(walk, node, [], 'RM1005', TOO_DEEP)
    return NOTHING
  }
  if (isMap(node)) return plainMap(walk, node.items, path)
  if (isSeq(node)) {
    const items = node.items.map((item, i) => plain(walk, item, [...path, i]))
    return together(
      items.map(({ value }) => value),
      items,
    )
  }
  if (!isScalar(node)) return NOTHING
  if (typeof node.value === 'number' && !Number.isFinite(node.value)) {
    report(walk, node, path, 'RM1012', `${(node.source ?? 'this').slice(0, 40)} is no finite number: write one that is`)
    return { value: 0, size: 1, depth: 0 }
  }
  return { value: node.value, size: 1, depth: 0 }
}

function plainMap(walk: Walk, pairs: readonly Pair[], path: Path): Plain {
  const seen = new Map<string, unknown>()
  const values: [string, Plain][] = []
  for (const { key, value } of pairs) {
    const name = keyText(key)
    const first = name === undefined ? undefined : seen.get(name)
    if (name === undefined) report(walk, key, path, 'RM1011', `${describeKey(key)} cannot be a key: ${quoted(key)}`)
    else if (name === '__proto__') report(walk, key, path, 'RM1011', '`__proto__` is reserved: use another key')
    else if (name === MERGE_KEY)
      report(
        walk,
        key,
        path,
        'RM1010',
        'merge keys are not supported: write the fields out, or share settings with a DeploymentTemplate',
      )
    else if (first !== undefined)
      report(walk, key, [...path, name], 'RM1009', `\`${name}\` stands twice here: remove one`, first)
    else {
      seen.set(name, key)
      values.push([name, plain(walk, value, [...path, name])])
    }
  }
  // fromEntries defines own properties, whatever the key.
  return together(
    Object.fromEntries(values.map(([name, { value }]) => [name, value])),
    values.map(([, item]) => item),
  )
}

function together(value: unknown, items: readonly Plain[]): Plain {
  let size = 1
  let depth = 0
  for (const item of items) {
    size += item.size
    depth = Math.max(depth, item.depth + 1)
  }
  return { value, size, depth }
}

function expandAlias(walk: Walk, alias: Node & { source: string }, path: Path): Plain {
  const target = walk.anchors.get(alias.source)
  if (target === undefined) {
    report(
      walk,
      alias,
      path,
      'RM1013',
      `*${alias.source.slice(0, 64)} names no anchor that is complete above: write the value out`,
    )
    return NOTHING
  }
  walk.expanded += target.size
  if (walk.expanded > MAX_EXPANDED_VALUES || path.length + target.depth > MAX_DEPTH) {
    const deep = path.length + target.depth > MAX_DEPTH
    if (!walk.aliased)
      report(
        walk,
        alias,
        path,
        deep ? 'RM1005' : 'RM1007',
        deep ? TOO_DEEP : `aliases stand for more than ${MAX_EXPANDED_VALUES} values: write out what is needed`,
      )
    walk.aliased = true
    return NOTHING
  }
  return target
}

function report(walk: Walk, node: unknown, path: Path, code: Code, message: string, other?: unknown): void {
  const at = other === undefined ? undefined : startOf(other)
  walk.problems.push({ offset: startOf(node) ?? 0, path, code, message, ...(at !== undefined && { other: at }) })
}

function shortTag(tag: string): string {
  return tag.replace('tag:yaml.org,2002:', '!!').slice(0, 64)
}

function keyText(key: unknown): string | undefined {
  if (!isScalar(key)) return undefined
  return typeof key.value === 'string' ? key.value : undefined
}

function describeKey(key: unknown): string {
  if (isMap(key) || isSeq(key)) return `a ${isMap(key) ? 'mapping' : 'list'}`
  if (isAlias(key)) return 'an alias'
  return isScalar(key) && key.value !== null ? `\`${String(key.value).slice(0, 64)}\`` : 'an empty value'
}

function quoted(key: unknown): string {
  const simple = isScalar(key) && key.value !== null && typeof key.value !== 'string'
  return simple ? `write "${(key.source ?? String(key.value)).slice(0, 64)}" in quotes` : 'keys are text'
}

function isMissing(node: unknown): boolean {
  return node === null || node === undefined || (isScalar(node) && node.value === null && !node.source)
}

function startOf(node: unknown): number | undefined {
  return isAlias(node) || isScalar(node) || isMap(node) || isSeq(node) ? node.range?.[0] : undefined
}
