// What zod found wrong with a spec, in words that say what to write instead, at the field where it is to be mended.
import type { z } from 'zod'
import type { Code } from './codes.ts'
import { pathText } from './problems.ts'
import { isRecord, valueAt } from './records.ts'
import { allowedWords, fieldsAt, isOptionalAt, placeOf } from './schema-walk.ts'
import { nearest } from './suggest.ts'
import type { Path } from './yaml-values.ts'

/** `at`: whether the key or the value at `path` is at fault. */
export type FieldProblem = {
  readonly path: Path
  readonly at: 'Key' | 'Value'
  readonly code: Code
  readonly message: string
}

type Issue = z.core.$ZodIssue
type Context = {
  readonly schema: z.core.$ZodType
  readonly value: unknown
  /** The text of a scalar as written. */
  readonly written: (path: Path) => string | undefined
}

/** Problems of a value that the schema refused, in zod's order. Paths are relative to the value. */
export function fieldProblems(context: Context, issues: readonly Issue[]): FieldProblem[] {
  return issues.flatMap((issue) => fromIssue(context, issue, issue.path))
}

function fromIssue(context: Context, issue: Issue, path: Path): FieldProblem[] {
  const value = valueAt(context.value, path)
  const own = /^(Invalid|Too|Unrecognized)\b/.test(issue.message) ? undefined : issue.message
  const problem = (code: Code, message: string): FieldProblem[] => [{ path, at: 'Value', code, message }]
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownField(context, path, key))
    case 'invalid_type':
      return value === undefined
        ? [
            own === undefined
              ? missing(path, issue.expected)
              : { ...missing(path, issue.expected), message: `\`${pathText(path.slice(-1))}\` is missing: ${own}` },
          ]
        : problem('RM1203', own ?? wrongType(context, issue.expected, path, value))
    case 'invalid_value':
      return value === undefined
        ? [missingChoice(path, issue.values)]
        : problem('RM1204', own ?? notAChoice(context, path, issue.values, value))
    case 'too_big':
    case 'too_small':
      return problem(
        issue.origin === 'string' || issue.origin === 'array' ? 'RM1206' : 'RM1205',
        own ?? sizeMessage(context, path, issue, value),
      )
    case 'invalid_format':
      return problem('RM1207', own ?? formatMessage(issue.format, value))
    case 'invalid_key':
      return issue.issues
        .flatMap((inner) => fromIssue({ ...context, value: keyAsValue(path) }, inner, []))
        .map((inner) => ({ ...inner, path, at: 'Key' }))
    case 'invalid_union':
      return union(context, issue, path, value)
    case 'custom':
      if (value === undefined && path.length > 0)
        return [{ ...missing(path, ''), message: `\`${pathText(path.slice(-1))}\` is missing: ${issue.message}` }]
      return problem(typeof value === 'string' ? 'RM1207' : 'RM1208', issue.message)
    default:
      return problem('RM1207', own ?? `${shown(value)} is not allowed here`)
  }
}

function unknownField(context: Context, path: Path, key: string): FieldProblem {
  const present = valueAt(context.value, path)
  const known = [...fieldsAt(context.schema, context.value, path)]
  const meant = nearest(key, known)
  const here = pathText(['spec', ...path]).replaceAll(/\[\d+\]/g, '[]')
  const place = meant === undefined ? placeOf(context.schema, key) : undefined
  const elsewhere = place === here ? undefined : place
  let hint = knownList(known)
  if (elsewhere !== undefined) hint = `; it belongs in ${elsewhere}`
  if (meant !== undefined)
    hint = `; did you mean \`${meant}\`${isRecord(present) && meant in present ? ', which stands here too' : ''}?`
  return { path: [...path, key], at: 'Key', code: 'RM1201', message: `unknown field \`${key.slice(0, 80)}\`${hint}` }
}

function knownList(known: readonly string[]): string {
  return known.length > 0 && known.length <= 16
    ? `; use ${known.map((name) => `\`${name}\``).join(', ')}`
    : ': remove it'
}

function missing(path: Path, expected: string): FieldProblem {
  const name = pathText(path.slice(-1))
  const example = { array: '[…]', object: '{…}', record: '{…}' }[expected] ?? '…'
  return { path, at: 'Key', code: 'RM1202', message: `\`${name}\` is missing: add ${name}: ${example}` }
}

function missingChoice(path: Path, values: readonly unknown[]): FieldProblem {
  const name = pathText(path.slice(-1))
  return { path, at: 'Key', code: 'RM1202', message: `\`${name}\` is missing: add ${choices(values)}` }
}

function empty(context: Context, path: Path, what: string): string {
  return `is empty: write ${what}${isOptionalAt(context.schema, context.value, path) ? ', or leave the field out' : ''}`
}

function wrongType(context: Context, expected: string, path: Path, value: unknown): string {
  const what = typeName(expected)
  const written = (context.written(path) ?? String(value)).slice(0, 60)
  if (value === null) return empty(context, path, what)
  if (expected === 'string' && (typeof value === 'number' || typeof value === 'boolean'))
    return `must be text: write "${written}" in quotes`
  if (expected === 'boolean' && typeof value === 'string' && /^(yes|no|on|off|true|false)$/i.test(value))
    return `must be true or false: write ${/^(yes|on|true)$/i.test(value)} without quotes`
  if ((expected === 'number' || expected === 'int') && typeof value === 'string' && /^\d+\s*%?$/.test(value))
    return `must be ${what}: write ${value.replace(/\s*%$/, '')} without ${value.includes('%') ? 'the percent sign' : 'quotes'}`
  if (expected === 'int' && typeof value === 'number') return `must be a whole number, not ${written}`
  if (expected === 'array' && !isRecord(value)) return `must be a list: write [${written}]`
  return `must be ${what}, not ${shown(value)}`
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping of fields',
  record: 'a mapping of names to values',
}

function typeName(expected: string): string {
  return TYPE_NAMES[expected] ?? expected
}

function notAChoice(context: Context, path: Path, values: readonly unknown[], value: unknown): string {
  if (value === null) return empty(context, path, choices(values))
  if (typeof value !== 'string') return `must be ${choices(values)}, not ${shown(value)}`
  const words = values.filter((choice) => typeof choice === 'string')
  const meant = nearest(
    value,
    words.filter((choice) => choice.startsWith('-') === value.startsWith('-')),
  )
  return `${shown(value)} is no choice: write ${meant ?? choices(values)}`
}

function choices(values: readonly unknown[]): string {
  // A choice that begins with "-" is the negation of another one and need not be listed.
  const listed = values.map(String).filter((choice) => !choice.startsWith('-'))
  return listed.length > 1 ? `${listed.slice(0, -1).join(', ')} or ${listed.at(-1)}` : (listed[0] ?? 'nothing')
}

function sizeMessage(
  context: Context,
  path: Path,
  issue: z.core.$ZodIssueTooBig | z.core.$ZodIssueTooSmall,
  value: unknown,
): string {
  const big = issue.code === 'too_big'
  const limit = Number(big ? issue.maximum : issue.minimum)
  const unit = issue.origin === 'string' ? 'character' : issue.origin === 'array' ? 'item' : ''
  if (unit === '' && Math.abs(limit) >= Number.MAX_SAFE_INTEGER)
    return `${shown(value)} is too ${big ? 'large' : 'small'} to be held exactly`
  const bound = `${issue.inclusive === false ? (big ? 'less than' : 'more than') : big ? 'at most' : 'at least'} ${limit}`
  if (unit === '') return `must be ${bound}, not ${shown(value)}`
  const has = typeof value === 'string' || Array.isArray(value) ? value.length : 0
  if (has === 0 && !big) return empty(context, path, `at least ${limit} ${unit}${limit === 1 ? '' : 's'}`)
  return `has ${has} ${unit}s: ${bound} are allowed`
}

function formatMessage(format: string, value: unknown): string {
  if (format === 'datetime') return `${shown(value)} is no RFC 3339 instant: write one like 2026-01-31T18:00:00Z`
  if (format === 'url') return `${shown(value)} is no URL: write one like https://updates.example/feed.ndjson`
  return `${shown(value)} is not in the right form`
}

function union(context: Context, issue: z.core.$ZodIssueInvalidUnion, path: Path, value: unknown): FieldProblem[] {
  const { options, discriminator } = { options: undefined, discriminator: undefined, ...issue }
  if (typeof discriminator === 'string' && Array.isArray(options)) {
    if (value === undefined) return [missingChoice(path, options)]
    return [{ path, at: 'Value', code: 'RM1204', message: notAChoice(context, path, options, value) }]
  }
  // The branch that accepts the value as such and finds fault inside, else all of them together.
  const inside = issue.errors.filter((errors) =>
    errors.every((inner) => inner.path.length > 0 || inner.code === 'unrecognized_keys'),
  )
  const best = inside.sort((a, b) => a.length - b.length)[0]
  if (best !== undefined) return best.flatMap((inner) => fromIssue(context, inner, [...path, ...inner.path]))
  const words = allowedWords(context.schema, context.value, path)
  if (value === undefined) return [missingChoice(path, words)]
  if (value === null) return [{ path, at: 'Value', code: 'RM1203', message: empty(context, path, choices(words)) }]
  return [{ path, at: 'Value', code: 'RM1203', message: `${shown(value)} is not allowed: write ${choices(words)}` }]
}

function keyAsValue(path: Path): string {
  return String(path.at(-1))
}

function shown(value: unknown): string {
  if (value === null || value === undefined) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (isRecord(value)) return 'a mapping'
  const text = String(value)
  return typeof value === 'string' ? `"${text.length > 60 ? `${text.slice(0, 60)}…` : text}"` : text
}
