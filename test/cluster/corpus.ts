// The corpus of good and bad objects: written by hand in corpus/, a file for each kind, and made from those.
import { promises as fs } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { KIND_NAMES, KINDS, type Kind } from '../../controller/model/kinds.ts'

const SpecShape = z.record(z.string(), z.unknown())
const Specs = z.record(z.string(), SpecShape)
const CorpusFile = z.strictObject({ good: Specs, bad: Specs })
type Spec = Readonly<Record<string, unknown>>

export type Case = { readonly kind: Kind; readonly title: string; readonly good: boolean; readonly spec: Spec }

/** Of every kind that may be declared. */
export async function writtenCases(): Promise<Case[]> {
  const cases: Case[] = []
  for (const kind of KIND_NAMES) {
    if (!KINDS[kind].writable) continue
    const path = join(import.meta.dirname, 'corpus', `${kind}.yaml`)
    const { good, bad } = CorpusFile.parse(parse(await fs.readFile(path, 'utf8')))
    for (const [title, spec] of Object.entries(good)) cases.push({ kind, title, good: true, spec })
    for (const [title, spec] of Object.entries(bad)) cases.push({ kind, title, good: false, spec })
  }
  return cases
}

/** A good object with one thing changed at each of its places. Whether it is good then is for two to agree on. */
export function* changedCases({ kind, title, spec }: Case): Generator<Omit<Case, 'good'>> {
  for (const { path, value } of places(spec)) {
    const at = path.join('.')
    for (const [what, other] of replacements(value))
      yield { kind, title: `${title}: ${at} ${what}`, spec: asSpec(replaced(spec, path, other)) }
  }
}

const GONE = Symbol('gone')

type Place = { readonly path: readonly string[]; readonly value: unknown }

function* places(value: unknown, path: readonly string[] = []): Generator<Place> {
  if (path.length > 0) yield { path, value }
  const isObject = typeof value === 'object' && value !== null
  for (const [key, inner] of isObject ? Object.entries(value) : []) yield* places(inner, [...path, key])
}

function replacements(value: unknown): [string, unknown][] {
  const others: [string, unknown][] = [
    ['is gone', GONE],
    ['is empty text', ''],
    ['is other text', 'Some other Text'],
    ['is a number', 3],
    ['is a fraction', 2.5],
    ['is a boolean', true],
    ['is an empty list', []],
    ['is a list', ['x']],
    ['is an empty mapping', {}],
    ['is a mapping', { x: 1 }],
  ]
  if (typeof value === 'number')
    others.push(['is 0', 0], ['is -1', -1], ['is 100', 100], ['is 101', 101], ['is great', 2_000_000_000])
  if (typeof value === 'string')
    others.push(
      ['is in lower case', value.toLowerCase()],
      ['is in capitals', value.toUpperCase()],
      ['ends with a space', `${value} `],
      ['ends with a line', `${value}\n`],
      ['begins with a dash', `-${value}`],
      ['is long', value.padEnd(65, 'a')],
      ['is very long', value.padEnd(5000, 'a')],
      ['is in another script', `${value}é漢`],
    )
  if (Array.isArray(value))
    others.push(
      ['has its first item twice', [...value, value[0]]],
      ['is very long', Array.from({ length: 1001 }, (_, i) => (typeof value[0] === 'string' ? `a${i}` : value[0]))],
    )
  else if (typeof value === 'object') others.push(['has an unknown field', { ...value, unknown: 1 }])
  return others
}

function replaced(value: unknown, [key, ...rest]: readonly string[], other: unknown): unknown {
  if (key === undefined) return other
  if (Array.isArray(value))
    return value.flatMap((item, i) => {
      const changed = String(i) === key ? replaced(item, rest, other) : item
      return changed === GONE ? [] : [changed]
    })
  const entries = Object.entries(asSpec(value)).map(([name, inner]) => [
    name,
    name === key ? replaced(inner, rest, other) : inner,
  ])
  return Object.fromEntries(entries.filter(([, inner]) => inner !== GONE))
}

function asSpec(value: unknown): Spec {
  return SpecShape.parse(value)
}
