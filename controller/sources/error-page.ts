// What the documentation says of one error code.

export type ErrorPage = {
  readonly title: string
  /** What is wrong, why it matters and what to do. */
  readonly meaning: string
  /** YAML that has the error. */
  readonly wrong: string
  /** The same, mended. */
  readonly right: string
}

/** The example with the line that every object begins with. */
export const object = (rest: string) => `apiVersion: ringmaster.dev/v1alpha1\n${rest}`
