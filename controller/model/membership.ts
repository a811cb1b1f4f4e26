// What is said of collections and their queries besides their schema (collection.ts).

/** The built-in collection of every enrolled device; usable in `limitedTo`, `include` and `exclude`, and not to be declared. */
export const ALL_DEVICES = 'all'

/** Of a device, and labels of one query. */
export const MAX_ATTRIBUTES = 64

/** `10`, `10.0.26100.6899`: digits in segments. Anything else is not a version and matches no version operator. */
export const DOTTED_VERSION = /^\d+(?:\.\d+)*$/

export function isFewAttributes(attributes: object): boolean {
  return Object.keys(attributes).length <= MAX_ATTRIBUTES
}

export type QueryRules = {
  readonly matchLabels?: object | undefined
  readonly matchExpressions?: readonly unknown[] | undefined
}

export function asksSomething({ matchLabels, matchExpressions }: QueryRules): boolean {
  return Object.keys(matchLabels ?? {}).length + (matchExpressions ?? []).length > 0
}

export type MemberRules = { readonly [rules in 'devices' | 'queries' | 'include']?: readonly unknown[] | undefined }

export function saysDevices({ devices, queries, include }: MemberRules): boolean {
  return [devices, queries, include].some((rules) => rules !== undefined && rules.length > 0)
}
