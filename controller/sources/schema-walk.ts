// What a schema has at a path, for the hints in messages.
import { z } from 'zod'
import { isRecord, valueAt } from './records.ts'
import type { Path } from './yaml-values.ts'

type Type = z.core.$ZodType

/** Names of the fields that the schema has at `path`, in the branches of unions that fit the value there. */
export function fieldsAt(schema: Type, value: unknown, path: Path): ReadonlySet<string> {
  const names = schemasAt(schema, value, path).flatMap((found) =>
    found instanceof z.ZodObject ? Object.keys(found.shape) : [],
  )
  return new Set(names)
}

/** Whether the field at `path` may be left out. */
export function isOptionalAt(schema: Type, value: unknown, path: Path): boolean {
  const last = path.at(-1)
  if (last === undefined) return false
  const fields = schemasAt(schema, value, path.slice(0, -1)).flatMap((outer) => childSchema(outer, last))
  return fields.some((field) => z.safeParse(field, undefined).success)
}

/** What the scalars of a union allow, in words. */
export function allowedWords(schema: Type, value: unknown, path: Path): string[] {
  return schemasAt(schema, value, path).flatMap((found) => {
    if (found instanceof z.ZodEnum) return found.options.map(String)
    if (found instanceof z.ZodLiteral) return [...found.values].map(String)
    if (found instanceof z.ZodBoolean) return ['true', 'false']
    if (found instanceof z.ZodNumber) return [`a whole number from ${found.minValue} to ${found.maxValue}`]
    return found instanceof z.ZodString ? ['text'] : []
  })
}

/** Where in the kind a field of this name belongs, when there is one place only. */
export function placeOf(schema: Type, name: string): string | undefined {
  const places = new Set<string>()
  const visit = (at: Type, path: string, depth: number): void => {
    if (depth > 8) return
    for (const found of options(at, undefined)) {
      if (found instanceof z.ZodArray) visit(found.element, `${path}[]`, depth + 1)
      if (!(found instanceof z.ZodObject)) continue
      if (name in found.shape) places.add(path)
      for (const [key, field] of Object.entries(found.shape))
        if (field instanceof z.core.$ZodType) visit(field, `${path}.${key}`, depth + 1)
    }
  }
  visit(schema, 'spec', 0)
  return places.size === 1 ? [...places][0] : undefined
}

function schemasAt(schema: Type, value: unknown, path: Path): Type[] {
  let schemas = options(schema, value)
  path.forEach((segment, i) => {
    const inner = valueAt(value, path.slice(0, i + 1))
    schemas = schemas.flatMap((outer) => childSchema(outer, segment)).flatMap((child) => options(child, inner))
  })
  return schemas
}

function childSchema(schema: Type, segment: PropertyKey): Type[] {
  if (schema instanceof z.ZodArray) return [schema.element]
  if (schema instanceof z.ZodRecord) return [schema.valueType]
  const child: unknown = schema instanceof z.ZodObject ? schema.shape[String(segment)] : undefined
  return child instanceof z.core.$ZodType ? [child] : []
}

/** The schema without wrappers; of a union its options, or only the one that the value's literals choose. */
function options(schema: Type, value: unknown): Type[] {
  if (schema instanceof z.ZodUnion) {
    const all = schema.options.flatMap((option) => options(option, value))
    const chosen = all.filter((option) => literalsFit(option, value))
    return chosen.length > 0 ? chosen : all
  }
  const inner = unwrapped(schema)
  return inner === undefined ? [schema] : options(inner, value)
}

function unwrapped(schema: Type): Type | undefined {
  if (schema instanceof z.ZodPipe) return schema.in
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodNullable)
    return schema.unwrap()
  return schema instanceof z.ZodReadonly || schema instanceof z.ZodLazy ? schema.unwrap() : undefined
}

function literalsFit(schema: Type, value: unknown): boolean {
  if (!(schema instanceof z.ZodObject) || !isRecord(value)) return false
  const literals = Object.entries(schema.shape).filter(([, field]) => field instanceof z.ZodLiteral)
  return literals.length > 0 && literals.every(([name, field]) => z.safeParse(field, value[name]).success)
}
