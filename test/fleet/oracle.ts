// The rules of semantics.md §2 said again as plainly as can be, one object per device, for tests to hold the fast code against.
import type { CollectionSpec, Expression } from '../../controller/model/collection.ts'

export type Device = { readonly id: string; readonly attributes: Readonly<Record<string, string>> }
export type Specs = ReadonlyMap<string, CollectionSpec>

/** Members of every declared collection; `lastGood` is what is kept by those that have an error. */
export function oracleMembers(
  specs: Specs,
  devices: readonly Device[],
  lastGood: ReadonlyMap<string, ReadonlySet<string>>,
): Map<string, Set<string>> {
  const present = new Set(devices.map(({ id }) => id))
  return new Map(
    [...specs].map(([name]) => {
      if (isBroken(specs, name)) return [name, present.intersection(lastGood.get(name) ?? new Set())]
      return [name, new Set(devices.filter((device) => isMember(specs, name, device)).map(({ id }) => id))]
    }),
  )
}

/** Refers, directly or not, to what is not there or to what refers back to itself. */
export function isBroken(specs: Specs, name: string): boolean {
  const reached = reachable(specs, name)
  return [name, ...reached].some((other) => !specs.has(other) || reachable(specs, other).has(other))
}

export function isMember(specs: Specs, name: string, device: Device): boolean {
  const spec = specs.get(name)
  if (name === 'all') return true
  if (spec === undefined) return false
  const chosen =
    (spec.devices ?? []).includes(device.id) ||
    (spec.queries ?? []).some((query) => {
      const labels = Object.entries(query.matchLabels ?? {})
      return (
        labels.every(([key, value]) => read(device, key) === value) &&
        (query.matchExpressions ?? []).every((expression) => holds(expression, read(device, expression.key)))
      )
    }) ||
    (spec.include ?? []).some((other) => isMember(specs, other, device))
  if (!chosen) return false
  if (spec.limitedTo !== undefined && !isMember(specs, spec.limitedTo, device)) return false
  return !(spec.exclude ?? []).some((other) => isMember(specs, other, device))
}

export function holds(expression: Expression, value: string | undefined): boolean {
  if (value === undefined) return expression.operator === 'NotIn' || expression.operator === 'DoesNotExist'
  switch (expression.operator) {
    case 'In':
      return expression.values.includes(value)
    case 'NotIn':
      return !expression.values.includes(value)
    case 'Exists':
      return true
    case 'DoesNotExist':
      return false
    case 'Gt':
      return /^[-+.0-9]+$/.test(value) && Number(value) > expression.value
    case 'Lt':
      return /^[-+.0-9]+$/.test(value) && Number(value) < expression.value
    case 'Glob': {
      const escaped = expression.value.replace(/[\\^$+.()|[\]{}]/g, '\\$&')
      return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`, 'su').test(value)
    }
    case 'VersionGte':
      return isVersion(value) && laterOrSame(value, expression.value)
    case 'VersionLt':
      return isVersion(value) && !laterOrSame(value, expression.value)
  }
}

function isVersion(text: string): boolean {
  return text.split('.').every((segment) => /^[0-9]+$/.test(segment))
}

function laterOrSame(a: string, b: string): boolean {
  const [x, y] = [a, b].map((text) => text.split('.').map(BigInt))
  for (let i = 0; i < 300; i++) {
    const difference = (x?.[i] ?? 0n) - (y?.[i] ?? 0n)
    if (difference !== 0n) return difference > 0n
  }
  return true
}

function read(device: Device, key: string): string | undefined {
  return Object.hasOwn(device.attributes, key) ? device.attributes[key] : undefined
}

function reachable(specs: Specs, name: string): Set<string> {
  const reached = new Set<string>()
  const follow = (from: string): void => {
    const spec = specs.get(from)
    for (const to of [spec?.limitedTo ?? 'all', ...(spec?.include ?? []), ...(spec?.exclude ?? [])]) {
      if (to === 'all' || reached.has(to)) continue
      reached.add(to)
      follow(to)
    }
  }
  follow(name)
  return reached
}
