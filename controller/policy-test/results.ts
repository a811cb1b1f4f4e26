// What comes out of policy tests, for every form in which it is shown.
import type { Problem } from '../model/declared.ts'
import type { Path } from '../sources/yaml-values.ts'

/** One thing that was looked at. `expected` and `actual` are lines for people. */
export type Check = {
  /** In the document. */
  readonly path: Path
  readonly passed: boolean
  readonly expected: readonly string[]
  readonly actual: readonly string[]
  /** The explanation of what is so, in the words of status and `explain`. */
  readonly because?: string | undefined
}

export type Failure = {
  readonly line: number
  readonly column: number
  /** In the document, such as `spec.tests[0].steps[2].expect.rollouts[0].state`. */
  readonly path: string
  /** Name of the step, or its number. */
  readonly step: string
  /** RFC 3339: where the clock stood. */
  readonly at: string
  readonly expected: readonly string[]
  readonly actual: readonly string[]
  readonly because?: string | undefined
}

export type TestResult = {
  readonly file: string
  /** Name of the PolicyTest. */
  readonly suite: string
  readonly name: string
  readonly line: number
  readonly column: number
  readonly status: 'Passed' | 'Failed' | 'Invalid'
  readonly steps: number
  readonly checks: number
  /** At most MAX_FAILURES_KEPT; `failed` counts all. */
  readonly failures: readonly Failure[]
  readonly failed: number
  /** Why the test could not be played. */
  readonly problems: readonly Problem[]
}

/** Failures of one test that are kept: the first ones say what to mend. */
export const MAX_FAILURES_KEPT = 100

export type Covered = { readonly item: string; readonly covered: boolean; readonly detail: string }

/** Of what is declared, what the tests brought about. */
export type CoverageReport = {
  readonly items: readonly Covered[]
  readonly covered: number
  readonly total: number
  /** 0 to 100, rounded down; 100 where there is nothing to cover. */
  readonly percent: number
}

export type TestReport = {
  readonly tests: readonly TestResult[]
  /** Of files that could not be read as tests. */
  readonly problems: readonly Problem[]
  readonly coverage: CoverageReport
}
