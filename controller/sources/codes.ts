// Every error that a declaration can have. docs/errors/ has one page for each, generated from here.
import { ADVICE_CODES } from './codes-advice.ts'
import { CLUSTER_CODES } from './codes-cluster.ts'
import { FILE_CODES } from './codes-file.ts'
import { GIT_CODES } from './codes-git.ts'
import { OBJECT_CODES } from './codes-object.ts'
import { POLICY_TEST_CODES } from './codes-policy-test.ts'
import { TOGETHER_CODES } from './codes-together.ts'
import type { ErrorPage, Severity } from './error-page.ts'

/** One file for each family. A code never changes its meaning. */
export const CODES = {
  ...FILE_CODES,
  ...OBJECT_CODES,
  ...TOGETHER_CODES,
  ...GIT_CODES,
  ...CLUSTER_CODES,
  ...ADVICE_CODES,
  ...POLICY_TEST_CODES,
} as const

export type Code = keyof typeof CODES

export const ALL_CODES: readonly Code[] = Object.keys(CODES).filter(isCode)

/** The severity of a code that nobody has changed. */
export function severityOf(code: Code): Severity {
  const page: ErrorPage & { readonly severity?: Severity } = CODES[code]
  return page.severity ?? 'Error'
}

export function isCode(text: string): text is Code {
  return Object.hasOwn(CODES, text)
}
