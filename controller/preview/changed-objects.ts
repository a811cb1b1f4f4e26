// Which declared objects differ between two sets, field by field. Where an object stands, and in which revision, is no
// difference.
import type { Declared } from '../model/declared.ts'
import { type FieldChange, MAX_SHOWN, type ObjectChange } from './effect.ts'

/** By kind and name. */
export function changedObjects(base: readonly Declared[], head: readonly Declared[]): ObjectChange[] {
  const before = byKey(base)
  const after = byKey(head)
  const keys = [...new Set([...before.keys(), ...after.keys()])].sort()
  return keys.flatMap((key) => changeOf(before.get(key), after.get(key)) ?? [])
}

/** `KIND/NAME`. */
export function keyOf({ kind, name }: Pick<Declared, 'kind' | 'name'>): string {
  return `${kind}/${name}`
}

export function byKey(objects: readonly Declared[]): Map<string, Declared> {
  return new Map(objects.map((object) => [keyOf(object), object]))
}

/** Whether two objects say the same, wherever they stand. */
export function saysTheSame(a: Declared, b: Declared): boolean {
  return isSame(a.spec, b.spec) && isSame(a.labels, b.labels) && isSame(a.annotations, b.annotations)
}

function changeOf(base: Declared | undefined, head: Declared | undefined): ObjectChange | undefined {
  const object = head ?? base
  if (object === undefined || (base !== undefined && head !== undefined && saysTheSame(base, head))) return undefined
  const { kind, name, origin } = object
  const place = { kind, name, file: origin.file, line: origin.line }
  if (base === undefined || head === undefined)
    return { ...place, change: base === undefined ? 'Added' : 'Removed', fields: [], fieldsTotal: 0, cosmetic: false }
  const fields = [
    ...fieldChanges('', base.spec, head.spec),
    ...fieldChanges('metadata.labels', base.labels, head.labels),
    ...fieldChanges('metadata.annotations', base.annotations, head.annotations),
  ]
  return {
    ...place,
    change: 'Changed',
    fields: fields.slice(0, MAX_SHOWN),
    fieldsTotal: fields.length,
    cosmetic: fields.every(({ path }) => COSMETIC.test(path)),
  }
}

/** Fields that change nothing but what people read. */
const COSMETIC = /^(description|comment|metadata\.(labels|annotations).*)$/

function fieldChanges(path: string, base: unknown, head: unknown): FieldChange[] {
  if (isSame(base, head)) return []
  if (isRecord(base) && isRecord(head)) {
    const keys = [...new Set([...Object.keys(base), ...Object.keys(head)])].sort()
    return keys.flatMap((key) => fieldChanges(path === '' ? key : `${path}.${key}`, base[key], head[key]))
  }
  if (Array.isArray(base) && Array.isArray(head)) return listChanges(path, base, head)
  return [
    { path, ...(base !== undefined && { from: shortYaml(base) }), ...(head !== undefined && { to: shortYaml(head) }) },
  ]
}

// Entries with a name are told apart by it; of plain values it is said which come and which go.
function listChanges(path: string, base: readonly unknown[], head: readonly unknown[]): FieldChange[] {
  const named = [...base, ...head].every((entry) => nameOf(entry) !== undefined)
  if (named && base.length + head.length > 0) {
    const names = [...new Set([...base, ...head].map((entry) => nameOf(entry) ?? ''))]
    const find = (list: readonly unknown[], name: string) => list.find((entry) => nameOf(entry) === name)
    const changes = names.flatMap((name) => fieldChanges(`${path}[${name}]`, find(base, name), find(head, name)))
    return changes.length > 0 ? changes : [{ path, from: orderOf(base), to: orderOf(head) }]
  }
  const texts = (list: readonly unknown[]) => new Set(list.map(shortYaml))
  const [before, after] = [texts(base), texts(head)]
  const gone = [...before.difference(after)]
  const come = [...after.difference(before)]
  if (gone.length + come.length === 0) return [{ path, from: shortYaml(base), to: shortYaml(head) }]
  return [
    ...gone.map((from): FieldChange => ({ path: `${path}[]`, from })),
    ...come.map((to): FieldChange => ({ path: `${path}[]`, to })),
  ]
}

function orderOf(list: readonly unknown[]): string {
  return list.map((entry) => nameOf(entry)).join(', ')
}

function nameOf(entry: unknown): string | undefined {
  return isRecord(entry) && typeof entry.name === 'string' ? entry.name : undefined
}

/** Whether two plain values say the same, whatever the order of their keys; a key without a value is none. */
function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((value, i) => isSame(value, b[i]))
  if (!isRecord(a) || !isRecord(b)) return false
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].every((key) => isSame(a[key], b[key]))
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const MAX_CHARS = 160

/** A value in flow style: `{within: P14D}`. Cut short where it is long. */
function shortYaml(value: unknown): string {
  const text = flow(value)
  return text.length <= MAX_CHARS ? text : `${text.slice(0, MAX_CHARS - 1)}…`
}

function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`
  if (isRecord(value))
    return `{${Object.entries(value)
      .filter(([, inner]) => inner !== undefined)
      .map(([key, inner]) => `${key}: ${flow(inner)}`)
      .join(', ')}}`
  return typeof value === 'string' ? value : JSON.stringify(value)
}
