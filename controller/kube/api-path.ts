// Paths of the Kubernetes API.
import type { ObjectAt, Resource } from './kube-object.ts'

/** The path of a kind's collection, or of one object in it, or of a subresource of that. */
export function apiPath(resource: Resource, at: Partial<ObjectAt> = {}, subresource?: string): string {
  const { group, version, plural } = resource
  const parts = group === '' ? ['api', version] : ['apis', group, version]
  if (at.namespace !== undefined) parts.push('namespaces', at.namespace)
  parts.push(plural)
  if (at.name !== undefined) parts.push(at.name)
  if (subresource !== undefined) parts.push(subresource)
  return `/${parts.map(encodeURIComponent).join('/')}`
}

/** With the parameters that have a value. */
export function withQuery(
  path: string,
  query: Readonly<Record<string, string | number | boolean | undefined>>,
): string {
  const given = Object.entries(query).flatMap(([key, value]) =>
    value === undefined ? [] : [`${encodeURIComponent(key)}=${encodeURIComponent(String(value))}`],
  )
  return given.length === 0 ? path : `${path}?${given.join('&')}`
}
