// What the API server of a cluster is told of a check that structural schemas cannot say. Each such rule stands at the check
// that it repeats, in the definition of the kind, so that nobody changes one without the other; sources/crd.ts collects them.
import { z } from 'zod'

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

const parts = new WeakMap<object, ClusterPart>()

/** A check of zod's that the API server makes too, by this part. */
export function alsoInCluster<T>(check: z.core.$ZodCheck<T>, part: ClusterPart): z.core.$ZodCheck<T> {
  parts.set(check, part)
  return check
}

/** For what needs no check here, because the type says it or sources/cross-checks.ts does. Every value passes. */
export function onlyInCluster<T>(part: ClusterPart): z.core.$ZodCheck<T> {
  return alsoInCluster(
    z.superRefine<T>(() => {}),
    part,
  )
}

/** By the checks of a schema, in their order; undefined for one that nothing was said about. */
export function clusterPartsOf(schema: z.core.$ZodType): (ClusterPart | undefined)[] {
  return (schema._zod.def.checks ?? [])
    .filter((check) => check._zod.def.check === 'custom')
    .map((check) => parts.get(check))
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
