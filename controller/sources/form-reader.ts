// Reads values by forms: schemas as plain data, generated from those of zod (form-of.ts), so that what plainly fits is read
// without zod. What does not fit is not explained here.
import { PLAIN_CHECKS, type PlainCheck } from '../model/plain-checks.ts'
import { isRecord } from './records.ts'

/** The part of JSON Schema that the kinds are written in; `checks`: what it cannot say. Without any keyword, every value fits. */
export type Form = {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean'
  /** Of an object without others; otherwise `propertyNames` and `values` say what its keys and values are. */
  readonly properties?: Readonly<Record<string, Form>>
  readonly required?: readonly string[]
  readonly propertyNames?: Form
  readonly values?: Form
  readonly items?: Form
  readonly minItems?: number
  readonly maxItems?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly patterns?: readonly string[]
  readonly minimum?: number
  readonly maximum?: number
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly Form[]
  readonly default?: unknown
  readonly checks?: readonly PlainCheck[]
}

/** The value as zod would give it, with defaults filled in and fields in the order of the schema; undefined when it does not fit. */
export type FormReader = (value: unknown) => unknown

export function readerOf(form: Form): FormReader {
  const read = uncheckedReader(form)
  if (form.checks === undefined) return read
  const checks = form.checks.map((name) => PLAIN_CHECKS[name])
  return (value) => {
    const found = read(value)
    return found !== undefined && checks.every((holds) => holds(found)) ? found : undefined
  }
}

function uncheckedReader(form: Form): FormReader {
  if (form.anyOf !== undefined) return firstOf(form.anyOf.map(readerOf))
  if (form.enum !== undefined) return oneOf(form.enum)
  switch (form.type) {
    case 'object':
      return form.properties === undefined ? recordReader(form) : objectReader(form.properties, form.required ?? [])
    case 'array':
      return arrayReader(form)
    case 'string':
      return textReader(form)
    case 'integer':
    case 'number':
      return numberReader(form)
    case 'boolean':
      return (value) => (typeof value === 'boolean' ? value : undefined)
    default:
      return (value) => value
  }
}

function firstOf(readers: readonly FormReader[]): FormReader {
  return (value) => {
    for (const read of readers) {
      const found = read(value)
      if (found !== undefined) return found
    }
    return undefined
  }
}

function oneOf(values: readonly unknown[]): FormReader {
  const known = new Set(values)
  return (value) => (known.has(value) ? value : undefined)
}

function objectReader(properties: Readonly<Record<string, Form>>, required: readonly string[]): FormReader {
  const fields = Object.entries(properties).map(([name, form]) => ({
    name,
    read: readerOf(form),
    isRequired: required.includes(name),
    absent: form.default,
  }))
  return (value) => {
    if (!isRecord(value)) return undefined
    const found: Record<string, unknown> = {}
    let known = 0
    for (const { name, read, isRequired, absent } of fields) {
      const given = value[name]
      const field = given === undefined ? absent : read(given)
      if (field !== undefined) found[name] = field
      else if (isRequired || given !== undefined) return undefined
      if (given !== undefined) known++
    }
    for (const _ in value) known--
    return known === 0 ? found : undefined
  }
}

function recordReader({ propertyNames = {}, values = {} }: Form): FormReader {
  const [readName, readValue] = [readerOf(propertyNames), readerOf(values)]
  return (value) => {
    if (!isRecord(value)) return undefined
    const found: Record<string, unknown> = {}
    for (const name in value) {
      const field = readValue(value[name])
      if (field === undefined || readName(name) === undefined) return undefined
      found[name] = field
    }
    return found
  }
}

function arrayReader({ items = {}, minItems = 0, maxItems = Number.POSITIVE_INFINITY }: Form): FormReader {
  const read = readerOf(items)
  return (value) => {
    if (!Array.isArray(value) || value.length < minItems || value.length > maxItems) return undefined
    const found: unknown[] = []
    for (const item of value) {
      const one = read(item)
      if (one === undefined) return undefined
      found.push(one)
    }
    return found
  }
}

function textReader({ patterns = [], minLength = 0, maxLength = Number.POSITIVE_INFINITY }: Form): FormReader {
  const expressions = patterns.map((pattern) => new RegExp(pattern))
  return (value) => {
    if (typeof value !== 'string' || value.length < minLength || value.length > maxLength) return undefined
    for (const expression of expressions) if (!expression.test(value)) return undefined
    return value
  }
}

function numberReader({ type, minimum = -Number.MAX_VALUE, maximum = Number.MAX_VALUE }: Form): FormReader {
  return (value) => {
    if (typeof value !== 'number' || !(value >= minimum && value <= maximum)) return undefined
    return type === 'number' || Number.isSafeInteger(value) ? value : undefined
  }
}
