// What the API server of a cluster is told of a check that structural schemas cannot say. Each such rule stands at the check
// that it repeats, in the definition of the kind, so that nobody changes one without the other; sources/crd.ts collects them.
import { z } from 'zod'
import type { PlainCheck } from './plain-checks.ts'

/** One of `x-kubernetes-validations`: an expression of CEL over `self`, and what to do when it does not hold. */
export type ClusterRule = {
  readonly rule: string
  readonly message: string
  /** Below `self`, such as ".until": where the problem is shown. */
  readonly fieldPath?: string
}

/** A structural schema, or keywords of one. */
export type Structural = Readonly<Record<string, unknown>>

/** A column of `kubectl get`. */
export type PrinterColumn = {
  readonly name: string
  readonly type: 'string' | 'boolean' | 'date' | 'integer'
  readonly jsonPath: string
  /** 1: only with `kubectl get -o wide`. */
  readonly priority?: number
}

/** What an API server is told of a check. */
export type ClusterPart = {
  readonly rules?: readonly ClusterRule[]
  /** In place of those derived from the definition. */
  readonly keywords?: Structural
}

/** `plain`: the same check without zod (plain-checks.ts); undefined where there is none, so that only zod can tell. */
type Meaning = { readonly part: ClusterPart; readonly plain: PlainCheck | 'Nothing' | undefined }

const meanings = new WeakMap<object, Meaning>()

/** A check of zod's that the API server makes too, by this part, and a reader without zod by the plain check of this name. */
export function alsoInCluster<T>(
  check: z.core.$ZodCheck<T>,
  part: ClusterPart,
  plain?: PlainCheck,
): z.core.$ZodCheck<T> {
  meanings.set(check, { part, plain })
  return check
}

/** For what needs no check here, because the type says it or sources/cross-checks.ts does. Every value passes. */
export function onlyInCluster<T>(part: ClusterPart): z.core.$ZodCheck<T> {
  const check = z.superRefine<T>(() => {})
  meanings.set(check, { part, plain: 'Nothing' })
  return check
}

/** By the checks of a schema, in their order; undefined for one that nothing was said about. */
export function clusterPartsOf(schema: z.core.$ZodType): (ClusterPart | undefined)[] {
  return meaningsOf(schema).map((meaning) => meaning?.part)
}

/** The plain checks of a schema, by name; undefined when it has a check that only zod makes. */
export function plainChecksOf(schema: z.core.$ZodType): PlainCheck[] | undefined {
  const names: PlainCheck[] = []
  for (const meaning of meaningsOf(schema)) {
    if (meaning?.plain === undefined) return undefined
    if (meaning.plain !== 'Nothing') names.push(meaning.plain)
  }
  return names
}

function meaningsOf(schema: z.core.$ZodType): (Meaning | undefined)[] {
  return (schema._zod.def.checks ?? [])
    .filter((check) => check._zod.def.check === 'custom')
    .map((check) => meanings.get(check))
}

/** What \s stands for in JavaScript, for a class of RE2, where it stands for less. */
const SPACES = '\\t-\\r \\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}'

/** A pattern of JavaScript, without look-around, as RE2 reads it; \s only inside a class, \S only outside. */
export function re2(pattern: RegExp): string {
  const characters = pattern.source.replaceAll(/\\u([0-9a-fA-F]{4})/g, '\\x{$1}')
  return characters.replaceAll('\\s', SPACES).replaceAll('\\S', `[^${SPACES}]`)
}

/** `text` as a literal of CEL. */
export function celText(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}

/** An expression that is true when the whole text `self`, or another expression, fits one of the patterns of RE2. */
export function celMatches(pattern: string, subject = 'self'): string {
  return `${subject}.matches(${celText(pattern)})`
}
